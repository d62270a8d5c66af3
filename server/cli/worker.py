"""``worker``: a process for analyses, themes, drafts and exports alone."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import click

from ..settings import Settings
from .common import Failure, run, settings

if TYPE_CHECKING:
    from ..runtime.house import House
    from ..workflows.crew import Crew

_FRESH_SECONDS = 5.0
_LONGEST_END = 45.0
"""Seconds after which a worker that was told to stop ends whatever holds it."""


@click.command("worker")
@click.option("--name", help="What it is called among the workers; a name of its own if none.")
@click.option(
    "--metrics",
    type=click.IntRange(1, 65535),
    help="Show metrics at this port of 127.0.0.1, for Prometheus.",
)
def command(name: str | None, metrics: int | None) -> None:
    """Make analyses, themes, drafts and exports until told to stop (SIGTERM or Ctrl-C).

    On PostgreSQL servers leave this work to workers: run at least one, and as many as you like. On
    SQLite the server does it itself. Told to stop, a worker ends the steps under way, within 20
    seconds, and leaves the rest to the others; a second signal ends it at once.

    Example: python -m server worker --name analyst-1
    """
    from ..runtime import logs
    from ..workflows.worker import fresh_name

    given = settings()
    logs.configure(given.log)
    run(_work(given, name or fresh_name(), metrics))


async def _work(given: Settings, name: str, port: int | None) -> None:
    from ..workflows.worker import work

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def told() -> None:
        stop.set()
        for each in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(each)  # the next one ends it at once
        # DBOS waits for its database for ever, in threads without which no process ends.
        last = threading.Timer(_LONGEST_END, os._exit, (1,))
        last.daemon = True
        last.start()

    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, told)
    async with AsyncExitStack() as stack:

        def joined(house: House, crew: Crew) -> None:
            if port is not None:
                _show(house, crew, port, stack)
            click.echo(f"The worker {name} is at work.")
            sys.stdout.flush()

        await work(given, name, stop, joined=joined)


def _show(house: House, crew: Crew, port: int, stack: AsyncExitStack) -> None:
    """Serve metrics from a thread, with what has to be asked for asked again and again."""
    from prometheus_client import start_http_server

    from ..api.measures import Work
    from ..api.metrics import Metrics
    from ..workflows.worker import spent, standing

    metrics = Metrics(database="postgresql")
    house.watch(metrics.committed)
    metrics.gauge(
        "folkmoot_worker_leads",
        "1 if this worker looks after what is to be done, 0 if another does.",
        lambda: float(crew.leading()),
    )
    database = house.database
    Work(standing=lambda: standing(database), spent=lambda: spent(database)).show(metrics)
    try:
        served, thread = start_http_server(port, addr="127.0.0.1", registry=metrics.registry)
    except OSError as error:
        raise Failure(f"127.0.0.1 port {port} cannot be listened on: {error.strerror}.") from error
    stack.callback(thread.join, 5)
    stack.callback(served.server_close)
    stack.callback(served.shutdown)

    async def refresh() -> None:
        while True:
            await metrics.fresh()
            await asyncio.sleep(_FRESH_SECONDS)

    stack.callback(asyncio.create_task(refresh(), name="folkmoot-metrics").cancel)

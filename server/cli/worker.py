"""``worker``: a process for analyses, themes, drafts and exports alone."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys

import click

from ..settings import Settings
from .common import run, settings


@click.command("worker")
@click.option("--name", help="What it is called among the workers; a name of its own if none.")
def command(name: str | None) -> None:
    """Make analyses, themes, drafts and exports until told to stop (SIGTERM or Ctrl-C).

    On PostgreSQL servers leave this work to workers: run at least one, and as many as you like. On
    SQLite the server does it itself. Told to stop, a worker ends the steps under way, within 20
    seconds, and leaves the rest to the others; a second signal ends it at once.

    Example: python -m server worker --name analyst-1
    """
    from ..workflows.worker import fresh_name

    logging.basicConfig(
        level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    run(_work(settings(), name or fresh_name()))


async def _work(given: Settings, name: str) -> None:
    from ..workflows.worker import work

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def told() -> None:
        stop.set()
        for each in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(each)  # the next one ends it at once

    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, told)

    def joined(name: str) -> None:
        click.echo(f"The worker {name} is at work.")
        sys.stdout.flush()

    await work(given, name, stop, joined=joined)

"""A process for workflows alone, one of several on PostgreSQL."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Final

from ..errors import FolkmootError, Invalid
from ..runtime.house import House, open_house
from ..settings import Settings
from ..store import spending, works
from ..store.database import Database
from ..store.spending import Spent
from ..store.works import Standing
from ..synthesis.adapters.choose import make_embedder
from .bench import Bench, make_bench
from .bundles import Bundles
from .crew import Crew
from .crunch import ProcessCruncher
from .durable import Durable
from .kinds import KINDS
from .service import Workflows
from .system import System, is_shared

GRACE_SECONDS: Final = 20.0
"""Seconds that steps under way have to end once a worker is told to stop."""
LONGEST_NAME: Final = 40
_PRUNE_SECONDS = 60.0
_log = logging.getLogger(__name__)

MakeBench = Callable[[House], Bench]
Joined = Callable[[House, Crew], None]


def fresh_name() -> str:
    """Return a name for a worker that no other has: host, process id, and a few letters."""
    host = "".join(c for c in socket.gethostname() if c.isalnum() or c in "-_.")[:20] or "worker"
    return f"{host}-{os.getpid()}-{secrets.token_hex(2)}"


async def work(
    settings: Settings,
    name: str,
    stop: asyncio.Event,
    *,
    joined: Joined = lambda _, __: None,
    make: MakeBench | None = None,
    grace: float = GRACE_SECONDS,
) -> None:
    """Work as one of several until ``stop`` is set, and give back what is half done.

    ``joined`` is called once there is nothing left to go wrong; ``make`` makes the bench on a
    house, with this installation's embedder if it is None.

    Raises:
        Invalid: a name that can't be one, or a database that workers can't share.
        NameTaken: another worker has the name, from the start or since this one slept.
        StorageFault: the database cannot be reached, or has not what it needs.
    """
    _check(settings, name)
    url = settings.resolved_database_url
    async with AsyncExitStack() as stack:
        house = await stack.enter_async_context(open_house(settings, write=True))
        if make is None:
            embedder = make_embedder(settings.embedder)
            stack.push_async_callback(embedder.close)
            bench = make_bench(house, embedder, ProcessCruncher())
        else:
            bench = make(house)
        crew = Crew(house, url, name)
        await crew.join()
        stack.push_async_callback(crew.leave)
        bundles = Bundles(house, settings, name)
        durable = Durable(bench, bundles, System.among_workers(url, crew.life))
        workflows = Workflows(house, durable, bench, leading=crew.leading)
        await workflows.start()
        stack.push_async_callback(workflows.stop, grace)
        crew.start(durable)
        stack.push_async_callback(crew.step_down)
        pruning = asyncio.create_task(_prune(bundles), name="folkmoot-bundles")
        stack.callback(pruning.cancel)
        joined(house, crew)
        await _first(stop, crew.lost)
        if crew.refusal is not None:
            raise crew.refusal


def _check(settings: Settings, name: str) -> None:
    if not is_shared(settings.resolved_database_url):
        raise Invalid(
            "On SQLite the server does the workers' work itself: "
            "workers are for PostgreSQL (FOLKMOOT_DATABASE_URL).",
            field="FOLKMOOT_DATABASE_URL",
        )
    plain = name.isascii() and all(c.isalnum() or c in "-_." for c in name)
    if not name or len(name) > LONGEST_NAME or not plain:
        raise Invalid(
            f"A worker's name has 1 to {LONGEST_NAME} letters, digits, dots, hyphens and "
            "underscores.",
            field="--name",
        )


async def _first(*events: asyncio.Event) -> None:
    waiting = [asyncio.create_task(each.wait()) for each in events]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waiting:
            each.cancel()


async def _prune(bundles: Bundles) -> None:
    while True:
        try:
            await bundles.prune()
        except (FolkmootError, OSError) as error:
            _log.warning("looking at old bundles failed: %s", type(error).__name__)
        await asyncio.sleep(_PRUNE_SECONDS)


async def standing(database: Database) -> Standing:
    """Return how many workers live, whether they are led, and how their queues stand, by kind.

    For any process on the same PostgreSQL. On SQLite, where the server does the work, there are
    no workers and empty queues.

    Raises:
        StorageFault: the database cannot be reached.
    """
    if database.held:
        return Standing(0, led=False, queues=dict.fromkeys(KINDS, works.Queue()))
    return await database.reading(works.standing, tuple(KINDS))


async def spent(database: Database) -> tuple[Spent, ...]:
    """Return calls and tokens of models in all, by kind of work and model; on either database."""
    return await database.reading(spending.spent)

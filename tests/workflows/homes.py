"""A house with the demo in it, and a bench that needs no model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from server.deliberation import commands as c
from server.deliberation.published import Moment, PublishedAnalysis, Smoothing
from server.deliberation.state import RoomState
from server.deliberation.vocabulary import Phase
from server.demo.founding import ensure_demo
from server.ids import LogId
from server.runtime.house import House, open_house
from server.runtime.ports import SeededChance
from server.runtime.vectors import StoredVectors
from server.settings import Settings
from server.synthesis.adapters.lexical import LexicalEmbedder
from server.synthesis.drafting.extractive import ExtractiveDrafter
from server.synthesis.ports import DraftingBrief, Embedder, ProposedDraft
from server.synthesis.verification.lexical import LexicalEntailer
from server.workflows.bench import Bench
from server.workflows.bundles import Bundles
from server.workflows.crunch import HereCruncher
from server.workflows.durable import Durable, read_status, steps_of
from server.workflows.service import Workflows
from server.workflows.system import System
from server.workflows.tools import Tools

PEOPLE = 90
"""Enough for the demo's groups to be told from chance, and few enough to be quick."""


class CountingCruncher(HereCruncher):
    """Computes in the calling thread and counts how often it was asked."""

    def __init__(self) -> None:
        super().__init__(processes=1, shuffles=19)
        self.calls = 0

    def analysis(self, moment: Moment, previous: Smoothing | None) -> PublishedAnalysis:
        self.calls += 1
        return super().analysis(moment, previous)


class CountingDrafter(ExtractiveDrafter):
    """The drafter without a model; counts how often it was asked."""

    def __init__(self) -> None:
        self.calls = 0

    async def propose(
        self, brief: DraftingBrief, *, count: int, seed: int
    ) -> Sequence[ProposedDraft]:
        self.calls += 1
        return await super().propose(brief, count=count, seed=seed)


@dataclass
class Works:
    """Workflows under way, and what counts the work they cost."""

    service: Workflows
    cruncher: CountingCruncher
    drafter: CountingDrafter


@asynccontextmanager
async def working(
    house: House, data: Path, *, embedder: Embedder | None = None
) -> AsyncIterator[Works]:
    """Give workflows on a house, with the lexical embedder unless another is given."""
    cruncher, drafter = CountingCruncher(), CountingDrafter()
    tools = Tools(
        embedder=embedder or LexicalEmbedder(),
        cache=StoredVectors(house.database),
        drafter=drafter,
        entailer=LexicalEntailer(),
        cruncher=cruncher,
    )
    bench = Bench(house, tools)
    durable = Durable(bench, Bundles(house, Settings(data_dir=data)), System.alone(data))
    service = Workflows(house, durable, bench, tick=0.1, rest=0.1)
    await service.start()
    try:
        yield Works(service, cruncher, drafter)
    finally:
        await service.stop()


@asynccontextmanager
async def demo_house(data: Path) -> AsyncIterator[tuple[House, LogId]]:
    """Give a house that holds the demo assembly, and the log of its plenary."""
    async with open_house(Settings(data_dir=data)) as house:
        access = await ensure_demo(house, SeededChance(1), people=PEOPLE)
        assembly = await house.assembly(access.assembly)
        yield house, LogId(assembly.plenary.id)


async def to_phase(house: House, room: LogId, phase: Phase) -> None:
    """Move a room on."""
    await house.submit(room, c.ChangePhase(phase=phase), None)


async def request_drafts(house: House, room: LogId, count: int = 3, seed: int = 1) -> int:
    """Ask for drafts and return the request's seq."""
    done = await house.submit(room, c.RequestDrafts(count=count, seed=seed), None)
    return done.recorded[0].seq


async def make_drafts(house: House, room: LogId, bench: Bench) -> RoomState:
    """Ask for drafts and make them, as the workflow does, without its durability."""
    request = await request_drafts(house, room)
    analysis = await bench.current_analysis(room)
    themes = await bench.current_themes(room)
    document = await bench.compose(room, request, analysis, themes)
    await bench.propose(room, request, analysis, document)
    return await house.room(room)


async def until(what: Callable[[], Awaitable[bool]], seconds: float = 30.0) -> None:
    """Wait till something holds; TimeoutError if it doesn't in time."""
    async with asyncio.timeout(seconds):
        while not await what():  # noqa: ASYNC110 - it looks from outside, as a user would
            await asyncio.sleep(0.05)


async def status_of(name: str) -> tuple[str | None, tuple[str, ...]]:
    """Return how a workflow stands, and which of its steps are done."""
    return await asyncio.to_thread(lambda: (read_status(name), steps_of(name)))


async def succeeded(name: str, *steps: str) -> None:
    """Wait till a workflow has succeeded, and check which steps it took."""

    async def done() -> bool:
        return (await status_of(name))[0] == "SUCCESS"

    await until(done)
    assert (await status_of(name))[1] == steps

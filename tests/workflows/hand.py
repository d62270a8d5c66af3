"""A worker in a process of its own, to be killed: it says what it does, and may get stuck in it."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from server.errors import FolkmootError
from server.runtime.house import House
from server.runtime.vectors import StoredVectors
from server.settings import Settings
from server.synthesis.adapters.lexical import LexicalEmbedder
from server.synthesis.drafting.extractive import ExtractiveDrafter
from server.synthesis.ports import DraftingBrief, Judgement, ProposedDraft
from server.synthesis.verification.lexical import LexicalEntailer
from server.workflows.bench import Bench
from server.workflows.crew import Crew
from server.workflows.crunch import HereCruncher
from server.workflows.tools import Tools
from server.workflows.worker import work


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


class PaidDrafter(ExtractiveDrafter):
    """The drafter without a model; writes each call down where all processes do, and takes time."""

    def __init__(self, calls: Path, seconds: float) -> None:
        self._calls = calls
        self._seconds = seconds

    async def propose(
        self, brief: DraftingBrief, *, count: int, seed: int
    ) -> Sequence[ProposedDraft]:
        line = f"{brief.corpus.statements[0].id} {seed}\n".encode()
        book = os.open(self._calls, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(book, line)
        os.close(book)
        await asyncio.sleep(self._seconds)
        return await super().propose(brief, count=count, seed=seed)


class StuckEntailer(LexicalEntailer):
    """Says that it was asked, and never answers."""

    def judge(self, clause: str, source: str, language: str | None) -> Judgement:
        say("stuck")
        time.sleep(3600)
        raise AssertionError


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("data", type=Path)
    parser.add_argument("name")
    parser.add_argument("--stuck", action="store_true")
    parser.add_argument("--leads", action="store_true", help="whoever else does")
    parser.add_argument("--seconds", type=float, default=0.0)
    given = parser.parse_args()

    def make(house: House) -> Bench:
        return Bench(
            house,
            Tools(
                embedder=LexicalEmbedder(),
                cache=StoredVectors(house.database),
                drafter=PaidDrafter(given.data / "calls", given.seconds),
                entailer=StuckEntailer() if given.stuck else LexicalEntailer(),
                cruncher=HereCruncher(processes=1, shuffles=19),
            ),
        )

    if given.leads:
        Crew.leading = lambda _: True  # type: ignore[method-assign]
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    settings = Settings(data_dir=given.data, database_url=given.url)
    try:
        await work(
            settings, given.name, stop, make=make, joined=lambda _, __: say("joined"), grace=10
        )
    except FolkmootError as error:
        sys.exit(error.message)


if __name__ == "__main__":
    asyncio.run(main())

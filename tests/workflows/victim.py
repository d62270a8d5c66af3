"""A process to be killed: it asks for drafts and gets stuck in the step that finds themes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from server.deliberation.vocabulary import Phase
from server.synthesis.adapters.lexical import LexicalEmbedder
from server.synthesis.ports import Vectors

from .homes import demo_house, request_drafts, to_phase, working


class StuckEmbedder(LexicalEmbedder):
    """Says that it was asked, and never answers."""

    async def embed(self, texts: Sequence[str]) -> Vectors:
        sys.stdout.write("stuck\n")
        sys.stdout.flush()
        await asyncio.sleep(3600)
        return await super().embed(texts)


async def main(data: Path) -> None:
    async with demo_house(data) as (house, room):
        await to_phase(house, room, Phase.DRAFTING)
        await request_drafts(house, room)
        async with working(house, data, embedder=StuckEmbedder()):
            await asyncio.sleep(3600)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))

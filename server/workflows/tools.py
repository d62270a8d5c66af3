"""What long work is done with, and how vectors are made of words that may be taken back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..deliberation.published import THEMES_KIND
from ..ids import LogId
from ..runtime.house import House
from ..store import artifacts
from ..synthesis.embedding import Embedded, embed_statements
from ..synthesis.ports import Drafter, Embedder, EmbeddingCache, Entailer, SourceStatement
from .crunch import Cruncher


@dataclass(frozen=True, slots=True)
class Tools:
    """What the work is done with."""

    embedder: Embedder
    cache: EmbeddingCache
    drafter: Drafter
    entailer: Entailer
    cruncher: Cruncher


async def embed(
    house: House, tools: Tools, room: LogId, statements: Sequence[SourceStatement]
) -> Embedded:
    """Return the statements with their vectors; none is kept of words taken back meanwhile.

    Raises:
        EmbedderFailed: a call of the embedder was lost.
    """
    embedded = await embed_statements(statements, tools.embedder, tools.cache)
    await forget_gone(house, room, statements)
    return embedded


async def forget_gone(house: House, room: LogId, statements: Sequence[SourceStatement]) -> bool:
    """Delete vectors and themes of words that were taken back since they were read.

    Taking words back deletes what was made of them till then; this is for what came right after.
    Returns whether there were any.
    """
    state = await house.room(room)
    gone = [each for each in statements if each.text and not state.text_of(str(each.id))]
    if gone:
        ids, texts = [str(each.id) for each in gone], [each.text for each in gone]
        await house.database.writing(artifacts.forget_texts, texts)
        await house.database.writing(artifacts.forget_naming, room, THEMES_KIND, ids)
    return bool(gone)

"""What a room holds already that says the same: an index a room, brought up to date as needed.

Embedding is slow (some hundred statements a second) and never on the event loop: a room's index
grows in the background, and a question waits for it for a moment only. What stands in the index by
then is what is compared.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from ...deliberation.room import RoomState
from ...errors import FolkmootError
from ...ids import LogId
from ...synthesis.embedding import Embedded, embed_statements, language_offsets
from ...synthesis.offsets import LanguageOffsets
from ...synthesis.ports import Embedder, EmbeddingCache, SourceStatement
from ...synthesis.similar import Similar, similar_to_text

PATIENCE = 2.0
"""Seconds that a question waits for the index."""
_AT_ONCE = 64
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Index:
    statements: tuple[SourceStatement, ...] = ()
    embedded: Embedded | None = None
    work: asyncio.Task[None] | None = None
    wanted: tuple[SourceStatement, ...] = field(default=())


class SimilarStatements:
    """Finds the statements of a room that are nearest in meaning to a text."""

    def __init__(self, embedder: Embedder, cache: EmbeddingCache) -> None:
        self._embedder = embedder
        self._cache = cache
        self._indexes: dict[LogId, _Index] = {}
        self._offsets: LanguageOffsets | None = None

    @property
    def name(self) -> str:
        """The embedder's name."""
        return self._embedder.name

    async def find(
        self, state: RoomState, text: str, language: str | None, *, k: int = 5
    ) -> tuple[Similar, ...]:
        """Return up to ``k`` visible statements near ``text``, the nearest first.

        Raises:
            EmbedderFailed: the text could not be embedded this time.
        """
        embedded = await self._index(state)
        if embedded is None:
            return ()
        # What somebody asks with is not theirs to take back later: nothing of it is kept.
        return await similar_to_text(text, language, embedded, self._embedder, k=k)

    def prepare(self, state: RoomState) -> None:
        """Begin a room's index, so that it stands by the time somebody writes."""
        if state.log not in self._indexes:
            index = self._indexes[state.log] = _Index(wanted=_visible(state))
            index.work = asyncio.create_task(self._grow(index))

    async def close(self) -> None:
        """End what is under way."""
        for index in self._indexes.values():
            if index.work is not None:
                index.work.cancel()

    async def _index(self, state: RoomState) -> Embedded | None:
        index = self._indexes.setdefault(state.log, _Index())
        index.wanted = _visible(state)
        if index.wanted != index.statements:
            if index.work is None or index.work.done():
                index.work = asyncio.create_task(self._grow(index))
            try:
                async with asyncio.timeout(PATIENCE):
                    await asyncio.shield(index.work)
            except TimeoutError:
                pass
        return index.embedded

    async def _grow(self, index: _Index) -> None:
        try:
            while index.statements != index.wanted:
                wanted = index.wanted
                known = {s.id for s in index.statements}
                fresh = [s for s in wanted if s.id not in known][:_AT_ONCE]
                now = known | {s.id for s in fresh}
                some = tuple(s for s in wanted if s.id in now)
                index.embedded = await self._embed(some)
                index.statements = some
        except FolkmootError as error:
            _log.warning("statements could not be compared: %s", error.code)

    async def _embed(self, statements: Sequence[SourceStatement]) -> Embedded:
        if self._offsets is None:
            self._offsets = await language_offsets(self._embedder, self._cache)
        return await embed_statements(statements, self._embedder, self._cache, self._offsets)


def _visible(state: RoomState) -> tuple[SourceStatement, ...]:
    return tuple(
        SourceStatement(s.id, s.text, s.language)
        for s in state.statements.values()
        if s.visible and s.column >= 0 and s.text
    )

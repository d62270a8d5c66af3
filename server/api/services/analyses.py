"""The last published analysis of a room, read once."""

from __future__ import annotations

from ...deliberation.commands import Outlook
from ...deliberation.published import ANALYSIS_KIND, PublishedAnalysis, decode, outlook_of
from ...deliberation.room import RoomState
from ...ids import LogId
from ...runtime.writer import House

_MOST_KEPT = 32


class Analyses:
    """Keeps the decoded analyses of the rooms that are looked at."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._kept: dict[LogId, tuple[str, PublishedAnalysis, Outlook]] = {}

    async def published(self, state: RoomState) -> PublishedAnalysis | None:
        """Return the analysis that the room's log says is published, or None."""
        kept = await self._current(state)
        return kept[1] if kept is not None else None

    async def outlook(self, state: RoomState) -> Outlook | None:
        """Return what routing takes from it."""
        kept = await self._current(state)
        return kept[2] if kept is not None else None

    async def _current(self, state: RoomState) -> tuple[str, PublishedAnalysis, Outlook] | None:
        named = state.analysis
        if named is None:
            return None
        log, digest = state.log, named.digest
        kept = self._kept.get(log)
        if kept is not None and kept[0] == digest:
            return kept
        artifact = await self._house.artifact(log, ANALYSIS_KIND, digest)
        if artifact is None:
            return kept
        published = decode(artifact.body)
        fresh = (digest, published, outlook_of(published))
        if len(self._kept) >= _MOST_KEPT and log not in self._kept:
            self._kept.pop(next(iter(self._kept)))
        self._kept[log] = fresh
        return fresh

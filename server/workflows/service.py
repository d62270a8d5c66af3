"""Noticing what work rooms need, and starting it: analysis, themes, drafts, exports."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from ..deliberation.assembly import AssemblyState
from ..deliberation.published import PublishedAnalysis
from ..deliberation.state import RoomState
from ..deliberation.vocabulary import Phase
from ..errors import FolkmootError
from ..ids import LogId
from ..runtime.house import House
from ..settings import Settings
from ..store import works
from ..synthesis.ports import Embedder
from .bench import Bench, make_bench
from .bundles import Bundles
from .crunch import Cruncher, ProcessCruncher
from .durable import Durable
from .flows import begin_analysis, begin_drafts, begin_export, begin_themes
from .system import System

TICK_SECONDS = 1.0
_REST = 2.0
SHORTEST_REST = 3.0
"""After an analysis a room rests for twice the time that it took, and for three seconds at least.
"""
_PATIENCE = 10.0
"""Seconds between two searches for themes, should the first not have brought what stands; and
between two bundles."""
_log = logging.getLogger(__name__)
_Due: TypeAlias = Callable[[LogId], Awaitable[bool]]
_Begin: TypeAlias = Callable[[Durable, LogId, int], Awaitable[None]]


class Workflows:
    """Looks once a second at the rooms that grew, and starts what they need; nothing twice.

    A room is looked at again until it needs nothing; then its log, or its assembly's, must have
    grown. Where several workers share the rooms, the one for which ``leading`` is true looks.
    """

    def __init__(
        self,
        house: House,
        durable: Durable,
        bench: Bench,
        *,
        tick: float = TICK_SECONDS,
        rest: float = SHORTEST_REST,
        leading: Callable[[], bool] = lambda: True,
    ):
        self._house = house
        self._durable = durable
        self._bench = bench
        self._tick = tick
        self._rest = rest
        self._leading = leading
        self._heads: dict[LogId, int] = {}
        self._closed: dict[LogId, set[LogId]] = {}
        self._unsettled: set[LogId] = set()
        self._wake = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Go on with what was left half done, and begin to look."""
        await self._durable.start()
        self._task = asyncio.create_task(self._run(), name="folkmoot-workflows")

    async def stop(self, grace: float = 0.0) -> None:
        """Look no more, and leave what does not end within ``grace`` seconds to the next start."""
        self._stopping = True
        self._wake.set()
        if self._task is not None:
            await self._task
        await self._durable.stop(grace)

    def wake(self) -> None:
        """Look now rather than at the next tick."""
        self._wake.set()

    async def published(self, room: LogId) -> PublishedAnalysis | None:
        """Return the room's last published analysis, from memory where it is the same one."""
        return await self._bench.published(room)

    async def _run(self) -> None:
        while not self._stopping:
            try:
                await self._round()
            except FolkmootError as error:
                _log.warning("looking at rooms failed: %s", error.code)
            except Exception as error:  # noqa: BLE001 - the next look may succeed
                _log.error("looking at rooms failed: %s", type(error).__name__)
            self._wake.clear()
            try:
                async with asyncio.timeout(self._tick):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _round(self) -> None:
        if not self._leading():
            self._heads.clear()  # who leads next, and who leads again, begins with all
            return
        for room in await self._grown():
            if self._stopping or not self._leading():
                return
            try:
                settled = await self._look(room)
            except Exception as error:  # noqa: BLE001 - one room's trouble is not the others'
                settled = False
                code = error.code if isinstance(error, FolkmootError) else type(error).__name__
                _log.warning("looking at a room failed: %s", code)
            if settled:
                self._unsettled.discard(room)

    async def _grown(self) -> tuple[LogId, ...]:
        """Return the rooms that are to be looked at; a head is noted before its room is read."""
        found = await self._house.database.reading(works.heads)
        for log, (seq, is_room) in found.items():
            if self._heads.get(log) == seq:
                continue
            self._heads[log] = seq
            self._unsettled |= {log} if is_room else self._closed.get(log, set())
        # What was moved to another database meanwhile is theirs to look at.
        self._unsettled.intersection_update(found)
        return tuple(sorted(self._unsettled))

    async def _look(self, room: LogId) -> bool:
        """Start what a room needs; tell whether it needs nothing, and nothing is under way."""
        state = await self._house.room(room)
        if self._behind(state):
            return False
        if self._stopping or state.phase is Phase.DRAFT:
            return True
        durable, seq = self._durable, state.seq
        closed = state.phase is Phase.CLOSED
        if closed:
            if self._behind(await self._house.assembly(LogId(state.assembly))):
                return False
            self._closed.setdefault(LogId(state.assembly), set()).add(room)
        requests = tuple(state.requests) if state.phase is Phase.DRAFTING else ()
        if requests:
            # Drafts bring the analysis and the themes that they need themselves.
            if not durable.busy("drafts", room):
                await begin_drafts(durable, room, requests[0])
            return False
        bench, bundles = self._bench, durable.bundles
        settled = await self._see("analysis", room, bench.analysis_due, begin_analysis, seq)
        settled &= await self._see("themes", room, bench.themes_due, begin_themes, seq)
        if closed and settled:
            settled = await self._see("export", room, bundles.due, begin_export, seq)
        return settled

    def _behind(self, state: RoomState | AssemblyState) -> bool:
        """Tell whether others appended what is not folded here yet: it would be overlooked."""
        return state.seq < self._heads.get(state.log, 0)

    async def _see(self, kind: str, room: LogId, due: _Due, begin: _Begin, seq: int) -> bool:
        """Begin what is due and not under way, if the last is long enough ago; True: nothing is."""
        if self._durable.busy(kind, room):
            return False
        if not await due(room):
            return True
        if self._rested(kind, room):
            await begin(self._durable, room, seq)
        return False

    def _rested(self, kind: str, room: LogId) -> bool:
        last = self._durable.last(kind, room)
        if last is None:
            return True
        rest = max(self._rest, _REST * last.took) if kind == "analysis" else _PATIENCE
        return time.monotonic() - last.at >= rest


async def start(
    house: House, embedder: Embedder, settings: Settings, *, cruncher: Cruncher | None = None
) -> Workflows:
    """Start the workflows beside a server that holds its database alone.

    After the house, and to be stopped before it. On PostgreSQL there are workers instead.

    Raises:
        Fault: there are workflows in this process already.
    """
    bench = make_bench(house, embedder, cruncher or ProcessCruncher())
    durable = Durable(bench, Bundles(house, settings), System.alone(settings.data_dir))
    workflows = Workflows(house, durable, bench)
    await workflows.start()
    return workflows

"""Noticing what work rooms need, and starting it: analysis, themes, drafts."""

from __future__ import annotations

import asyncio
import logging
import time

from ..deliberation.published import PublishedAnalysis
from ..deliberation.vocabulary import Phase
from ..errors import FolkmootError
from ..ids import LogId
from ..runtime.house import House
from ..settings import Settings
from ..synthesis.ports import Embedder
from .bench import Bench, make_bench
from .bundles import Bundles
from .crunch import Cruncher, ProcessCruncher
from .durable import Durable, Finished
from .flows import begin_analysis, begin_drafts, begin_export, begin_themes

TICK_SECONDS = 1.0
_REST = 2.0
SHORTEST_REST = 3.0
"""After an analysis a room rests for twice the time that it took, and for three seconds at least.
"""
_PATIENCE = 10.0
"""Seconds between two searches for themes, should the first not have brought what stands."""
_log = logging.getLogger(__name__)


class Workflows:
    """Looks at every room once a second and starts what it needs; nothing is done twice."""

    def __init__(
        self,
        house: House,
        durable: Durable,
        bench: Bench,
        *,
        tick: float = TICK_SECONDS,
        rest: float = SHORTEST_REST,
    ):
        self._house = house
        self._durable = durable
        self._bench = bench
        self._tick = tick
        self._rest = rest
        self._wake = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Go on with what was left half done, and begin to look."""
        await self._durable.start()
        self._task = asyncio.create_task(self._run(), name="folkmoot-workflows")

    async def stop(self) -> None:
        """Look no more, and leave what is under way to the next start."""
        self._stopping = True
        self._wake.set()
        if self._task is not None:
            await self._task
        await self._durable.stop()

    def wake(self) -> None:
        """Look now rather than at the next tick."""
        self._wake.set()

    async def published(self, room: LogId) -> PublishedAnalysis | None:
        """Return the room's last published analysis, from memory where it is the same one."""
        return await self._bench.published(room)

    async def _run(self) -> None:
        while not self._stopping:
            try:
                for room in await self._house.rooms():
                    await self._look(LogId(room))
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

    async def _look(self, room: LogId) -> None:
        state = await self._house.room(room)
        if self._stopping or state.phase is Phase.DRAFT:
            return
        durable, seq = self._durable, state.seq
        requests = tuple(state.requests) if state.phase is Phase.DRAFTING else ()
        if requests and not durable.busy("drafts", room):
            await begin_drafts(durable, room, requests[0])
            return
        if requests:
            return  # drafts bring the analysis and the themes that they need themselves
        if (
            not durable.busy("analysis", room)
            and self._rested(room)
            and await self._bench.analysis_due(room)
        ):
            await begin_analysis(durable, room, seq)
        if (
            not durable.busy("themes", room)
            and _long_since(durable.last("themes", room), _PATIENCE)
            and await self._bench.themes_due(room)
        ):
            await begin_themes(durable, room, seq)
        if (
            state.phase is Phase.CLOSED
            and not durable.busy("analysis", room)
            and not durable.busy("export", room)
            and _long_since(durable.last("export", room), _PATIENCE)
            and await durable.bundles.due(room)
        ):
            await begin_export(durable, room, seq)

    def _rested(self, room: LogId) -> bool:
        last = self._durable.last("analysis", room)
        return _long_since(last, max(self._rest, _REST * last.took if last else 0.0))


def _long_since(last: Finished | None, seconds: float) -> bool:
    return last is None or time.monotonic() - last.at >= seconds


async def start(
    house: House, embedder: Embedder, settings: Settings, *, cruncher: Cruncher | None = None
) -> Workflows:
    """Start the workflows beside a server: after the house, and to be stopped before it.

    Raises:
        Fault: there are workflows in this process already.
    """
    bench = make_bench(house, embedder, cruncher or ProcessCruncher())
    durable = Durable(bench, Bundles(house, settings), settings.data_dir)
    workflows = Workflows(house, durable, bench)
    await workflows.start()
    return workflows

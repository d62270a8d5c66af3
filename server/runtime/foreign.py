"""What other processes append to our logs: heard of or looked for, read, folded and announced.

Nobody waits for it but those who asked where a log stands. Everything is folded on the event loop
in one go, and never into a state that a batch of the writer has ahead of what is durable.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress

from sqlalchemy import Connection

from ..deliberation import events as e
from ..deliberation.audience import Announcement
from ..deliberation.room import RoomState
from ..errors import FolkmootError
from ..ids import LogId
from ..store import log as store
from ..store.database import Database
from .states import Announcer, State, States, evolve

EVERY = 1.7
"""Seconds between two looks at where all loaded logs stand: what they find is here within two."""
ASKING = 2.0
"""Whoever asks where a log stands gets what is known after so many seconds at the latest."""
MOST_LOADED = 2_000
IDLE = 600.0
"""Beyond so many logs, rooms that nobody has used for so many seconds are dropped from memory."""
_NOT_LOADED = -1
_logger = logging.getLogger(__name__)

Settled = Callable[[LogId], Awaitable[None]]


class Foreign:
    """Keeps the states of this process up to what all processes wrote."""

    def __init__(
        self,
        database: Database,
        states: States,
        announcer: Callable[[], Announcer],
        settled: Settled,
    ) -> None:
        """``settled(log)`` returns once no batch has the state of ``log`` ahead of the log."""
        self._database = database
        self._states = states
        self._announcer = announcer
        self._settled = settled
        self._used: dict[LogId, float] = {}
        self._noticed: dict[LogId, int] = {}
        self._heard: dict[LogId, int] = {}
        self._rung = asyncio.Event()
        self._round = asyncio.Event()
        self._soon = asyncio.Event()
        self._asked: set[LogId] = set()
        self._asking: asyncio.Task[Mapping[LogId, int]] | None = None
        self._one_asks = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._loading: dict[LogId, asyncio.Task[None]] = {}
        self._each_look: list[Callable[[], Awaitable[None]]] = []
        self.folded = 0
        """Events of other processes that were folded here."""

    def start(self) -> None:
        """Begin to fold what is heard of, and to look by itself."""
        self._tasks = [
            asyncio.create_task(self._follow(), name="folkmoot-foreign"),
            asyncio.create_task(self._look_on(), name="folkmoot-look"),
        ]

    async def stop(self) -> None:
        """End; what was heard of and is not folded yet stays in the log."""
        tasks = (*self._tasks, *self._loading.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def at_each_look(self, do: Callable[[], Awaitable[None]]) -> None:
        """Do something with every look; what it raises of ours is left to the next one."""
        self._each_look.append(do)

    @property
    def loaded(self) -> int:
        """How many logs are used here."""
        return len(self._used)

    def used(self, log: LogId) -> None:
        """Take note that somebody uses a log that is loaded or will be."""
        self._used.pop(log, None)
        self._used[log] = asyncio.get_running_loop().time()

    def unknown(self, log: LogId) -> None:
        """Take note that there is no such log, or none any more."""
        self._used.pop(log, None)
        self._noticed.pop(log, None)

    def hear(self, log: LogId, seq: int) -> None:
        """Take note that ``log`` has reached ``seq``; a log that nobody uses here is left alone."""
        state = self._states.get(log)
        if state is None:
            if log not in self._used:
                return
        elif state.seq >= seq:
            return
        self._heard[log] = max(seq, self._heard.get(log, 0))
        self._rung.set()

    def dropped(self, logs: Iterable[LogId]) -> None:
        """Take note that states were dropped: they are loaded again, for those who listen."""
        for log in logs:
            self._heard[log] = 0
        self._rung.set()

    def look_soon(self) -> None:
        """Look at all logs now rather than with the next look: rings may have been lost."""
        self._soon.set()

    def known(self, state: State) -> None:
        """Take note of a state that was loaded: of what is in it nobody need be told."""
        if not isinstance(state, RoomState):
            self._noticed.setdefault(state.log, state.seq)

    def announced(self, state: State) -> None:
        """Take note that what ``state`` holds is being announced."""
        self.used(state.log)
        if not isinstance(state, RoomState):
            self._noticed[state.log] = state.seq

    def fold(self, state: State, records: Sequence[e.Recorded]) -> bool:
        """Fold what follows ``state``, and announce it; False where something before it lacks.

        What the state holds already is left out. The state must be settled.
        """
        told: list[Announcement] = []
        happened: list[e.Recorded] = []
        announcer = self._announcer()
        for recorded in records:
            if recorded.seq <= state.seq:
                continue
            if recorded.seq != state.seq + 1:
                return False
            evolve(state, recorded)
            happened.append(recorded)
            if isinstance(state, RoomState):
                announcement = announcer.prepare(recorded, state)
                if announcement is not None:
                    told.append(announcement)
        if happened:
            self.folded += len(happened)
            self._announce(state, happened, told)
            self._states.settled(state, happened)
        return True

    async def fresh(self, log: LogId) -> None:
        """Bring ``log`` to where it stands now, if it is loaded; those who ask together ask once.

        Where the database doesn't answer within two seconds, what is known has to do: what others
        wrote is then shown later.
        """
        if self._states.get(log) is None:
            return
        with suppress(TimeoutError, FolkmootError):
            async with asyncio.timeout(ASKING):
                reached = (await self._heads(log)).get(log)
                if reached is not None:
                    await self._brought(log, reached)

    async def _brought(self, log: LogId, seq: int) -> None:
        """Wait until the state of ``log`` has reached ``seq`` or is dropped."""
        self.hear(log, seq)
        while (state := self._states.get(log)) is not None and state.seq < seq:
            await self._round.wait()

    async def _heads(self, log: LogId) -> Mapping[LogId, int]:
        self._asked.add(log)
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
            # Where nobody waits any more, nobody is to hear that it failed.
            self._asking.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(self._asking)

    async def _ask(self) -> Mapping[LogId, int]:
        # Who comes while a question is under way might be shown too little by its answer: the next
        # one is theirs.
        async with self._one_asks:
            self._asking = None
            asked, self._asked = self._asked, set()
            known = {log: state.seq for log in asked if (state := self._states.get(log))}
            if not known:
                return {}
            return await self._database.reading(store.grown, known)

    async def _follow(self) -> None:
        while True:
            await self._rung.wait()
            self._rung.clear()
            heard, self._heard = self._heard, {}
            try:
                await self._bring(heard)
            except Exception as error:  # noqa: BLE001 - the next look finds it again
                _logger.error("following other servers failed: %s", type(error).__name__)  # noqa: TRY400
            self._round.set()
            self._round = asyncio.Event()

    async def _bring(self, heard: Mapping[LogId, int]) -> None:
        """Fold some of what follows in each log; of one that is far behind, the next round more."""
        behind: dict[LogId, int] = {}
        for log, seq in heard.items():
            state = self._states.get(log)
            if state is None:
                self._load(log, seq)
                continue
            await self._notice(state)
            if state.seq < seq:
                behind[log] = state.seq
        if not behind:
            return
        for log, records in (await self._database.reading(_after_each, behind)).items():
            await self._settled(log)
            state = self._states.get(log)
            if state is None:
                continue
            if not self.fold(state, records) or len(records) >= store.CHUNK:
                self._again(log, heard[log])
            # Others get their turn between two logs.
            await asyncio.sleep(0)

    def _again(self, log: LogId, seq: int) -> None:
        self._heard[log] = max(seq, self._heard.get(log, 0))
        self._rung.set()

    def _load(self, log: LogId, seq: int) -> None:
        """Load a log, which may take long, while others go on; then look again whether it is all.

        Who lost their role must not stay because a long log is being read.
        """
        under_way = self._loading.get(log)
        if under_way is None:
            under_way = self._loading[log] = asyncio.create_task(self._loaded(log))

        def done(ended: asyncio.Task[None]) -> None:
            self._loading.pop(log, None)
            if not ended.cancelled() and ended.exception() is None and self._states.get(log):
                self._again(log, seq)

        under_way.add_done_callback(done)

    async def _loaded(self, log: LogId) -> None:
        try:
            if await self._states.load(log) is None:
                self.unknown(log)
        except Exception as error:  # noqa: BLE001 - the next look finds it again
            _logger.error("following other servers failed: %s", type(error).__name__)  # noqa: TRY400

    async def _notice(self, state: State) -> None:
        """Announce what an assembly went through while its state was dropped."""
        log = state.log
        if isinstance(state, RoomState) or self._noticed.setdefault(log, state.seq) >= state.seq:
            return
        await self._settled(log)
        noticed, upto = self._noticed[log], state.seq
        if noticed < upto:
            missed = await self._database.reading(store.records, log, noticed, upto - noticed)
            self._noticed[log] = max(upto, self._noticed[log])
            self._announcer().noticed(missed)

    def _announce(
        self, state: State, happened: Sequence[e.Recorded], told: Sequence[Announcement]
    ) -> None:
        try:
            if isinstance(state, RoomState):
                self._announcer().publish(state, happened, told)
            else:
                self._noticed[state.log] = state.seq
                self._announcer().noticed(happened)
        except Exception as error:  # noqa: BLE001 - what is durable stays so, told or not
            _logger.error("announcing failed: %s", type(error).__name__)  # noqa: TRY400

    async def _look_on(self) -> None:
        while True:
            with suppress(TimeoutError):
                # Not all servers at once.
                async with asyncio.timeout(EVERY * random.uniform(0.8, 1.0)):  # noqa: S311
                    await self._soon.wait()
            self._soon.clear()
            try:
                await self._look()
            except Exception as error:  # noqa: BLE001 - the next look may do
                _logger.error("looking at the logs failed: %s", type(error).__name__)  # noqa: TRY400

    async def _look(self) -> None:
        self._drop_idle()
        if self._database.held:
            return
        known: dict[LogId, int] = {}
        for log in self._used:
            state = self._states.get(log)
            known[log] = _NOT_LOADED if state is None else state.seq
        if known:
            for log, seq in (await self._database.reading(store.grown, known)).items():
                self.hear(log, seq)
        for do in self._each_look:
            await do()

    def _drop_idle(self) -> None:
        before = asyncio.get_running_loop().time() - IDLE
        for log, at in tuple(self._used.items()):
            if len(self._used) <= MOST_LOADED or at > before:
                return
            state = self._states.get(log)
            # An assembly says who may still sit in its rooms.
            keep = state is not None and not isinstance(state, RoomState)
            if keep or not self._announcer().forget(log):
                self.used(log)
                continue
            self._states.drop(log)
            self.unknown(log)


def _after_each(
    connection: Connection, known: Mapping[LogId, int]
) -> dict[LogId, tuple[e.Recorded, ...]]:
    """Return what follows a seq in each of several logs, up to ``store.CHUNK`` of each."""
    return {log: store.records(connection, log, seq, store.CHUNK) for log, seq in known.items()}

"""The folded logs that this process holds, each loaded when it is first needed.

A log is folded from its latest snapshot that holds, or from its beginning; snapshots are taken
where that was long, and as a log grows.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ..deliberation import assembly, decisions, room
from ..deliberation import commands as c
from ..deliberation import events as e
from ..deliberation.assembly import AssemblyState
from ..deliberation.audience import Announcement, announces
from ..deliberation.room import RoomState
from ..ids import LogId
from ..store import log as store
from ..store.database import Database
from ..store.log import Head
from .snapshots import Snapshots

State = RoomState | AssemblyState
RING = 1_000
"""So many announcements back can be resumed from."""
LONG = 5_000
"""A snapshot is taken as soon as more events than these had to be folded."""
EVERY = 50_000
"""So many events of a log lie between two snapshots while it is held."""


class Announcer(Protocol):
    """Tells the people in a room what happened in it."""

    def prepare(self, recorded: e.Recorded, state: RoomState) -> Announcement | None:
        """Return what may be told of an event; ``state`` is the room right after it."""
        ...

    def restored(self, state: RoomState, since: int, told: Sequence[Announcement]) -> None:
        """Take note of a room that was loaded, and of all that was told after seq ``since``."""
        ...

    def publish(
        self, state: RoomState, happened: Sequence[e.Recorded], told: Sequence[Announcement]
    ) -> None:
        """Tell what happened: it is durable now, and ``state`` at rest until this returns."""
        ...

    def noticed(self, happened: Sequence[e.Recorded]) -> None:
        """Take note of what happened in an assembly: who is out, or in another role."""
        ...

    def forget(self, log: LogId) -> bool:
        """Forget a room that nobody uses; False, and nothing happens, where somebody listens."""
        ...


class Silence:
    """An announcer for where nobody listens: the command line, and tests of the writer."""

    def prepare(self, recorded: e.Recorded, state: RoomState) -> Announcement | None:  # noqa: ARG002
        """Tell nothing."""
        return None

    def restored(self, state: RoomState, since: int, told: Sequence[Announcement]) -> None:
        """Take no note."""

    def publish(
        self, state: RoomState, happened: Sequence[e.Recorded], told: Sequence[Announcement]
    ) -> None:
        """Tell nobody."""

    def noticed(self, happened: Sequence[e.Recorded]) -> None:
        """Take no note."""

    def forget(self, log: LogId) -> bool:  # noqa: ARG002
        """Nobody listens."""
        return True


def kind_of(state: State) -> str:
    """Return the kind of log that folds to ``state``."""
    return store.ROOM if isinstance(state, RoomState) else store.ASSEMBLY


def decide(state: State, command: c.Command, context: c.Context) -> tuple[e.Event, ...]:
    """Ask the core; TypeError where the command is for another kind of log."""
    if isinstance(state, RoomState):
        return decisions.decide(state, command, context)  # type: ignore[arg-type]  # it refuses others
    return assembly.decide(state, command, context)  # type: ignore[arg-type]  # it refuses others


def evolve(state: State, recorded: e.Recorded) -> None:
    """Fold one event into ``state``, in place."""
    if isinstance(state, RoomState):
        room.evolve(state, recorded)
    else:
        assembly.evolve(state, recorded)


@dataclass(slots=True)
class _Trace:
    """What a snapshot must carry beside a state: the seqs of what was told after ``since``."""

    due: int
    """The seq from which on another snapshot is wanted."""
    told: deque[int] = field(default_factory=deque)
    since: int = 0

    def add(self, seq: int) -> None:
        self.told.append(seq)
        if len(self.told) > RING:
            self.since = self.told.popleft()


class States:
    """States by log; only the writer changes one, and only while it holds it unsettled."""

    def __init__(
        self, database: Database, announcer: Callable[[], Announcer], snapshots: Snapshots
    ) -> None:
        self._database = database
        self._announcer = announcer
        self._snapshots = snapshots
        self._states: dict[LogId, State] = {}
        self._traces: dict[LogId, _Trace] = {}
        self._loading: dict[LogId, asyncio.Task[State | None]] = {}

    def get(self, log: LogId) -> State | None:
        """Return the state of a log that is loaded."""
        return self._states.get(log)

    def put(self, log: LogId, state: State) -> None:
        """Hold the state of a log that begins."""
        self._states[log] = state
        self._traces[log] = _Trace(due=EVERY)

    def drop(self, log: LogId) -> None:
        """Forget a state; whoever needs it next gets it from the log."""
        self._states.pop(log, None)
        self._traces.pop(log, None)

    def settled(self, state: State, happened: Sequence[e.Recorded]) -> None:
        """Take note of what is durable now and folded into ``state``, which is at rest."""
        trace = self._traces.get(state.log)
        if trace is None:
            return
        for recorded in happened:
            if announces(recorded.event):
                trace.add(recorded.seq)
            if type(recorded.event) is e.ContentErased and state.seq > LONG:
                # It took the snapshots with it, and a start must not wait for the whole log.
                trace.due = state.seq
        self._take(state, trace)

    async def load(self, log: LogId) -> State | None:
        """Return the state of ``log``, folded from its log if need be; None: there is no such log.

        Several who ask at once share one reading, and one who gives up doesn't end it.
        """
        state = self._states.get(log)
        if state is not None:
            return state
        task = self._loading.get(log)
        if task is None:
            task = self._loading[log] = asyncio.create_task(self._fold(log))
            task.add_done_callback(lambda _: self._loading.pop(log, None))
        return await asyncio.shield(task)

    async def rest(self) -> None:
        """Return once nothing is being loaded any more, for whatever reason it ended."""
        await asyncio.gather(*self._loading.values(), return_exceptions=True)

    async def _fold(self, log: LogId) -> State | None:
        head = await self._database.reading(store.head, log)
        if head is None:
            return None
        state, told, since = await self._begun(head)
        begun = state.seq
        while some := await self._database.reading(store.records, log, state.seq, store.CHUNK):
            for recorded in some:
                evolve(state, recorded)
                if announces(recorded.event):
                    told.append(recorded)
                    if len(told) > RING:
                        since = told.popleft().seq
        folded = state.seq - begun
        due = state.seq if folded > LONG else begun + EVERY
        trace = _Trace(due=due, told=deque(each.seq for each in told), since=since)
        self._states[log] = state
        self._traces[log] = trace
        if isinstance(state, RoomState):
            self._restored(state, since, told)
        self._take(state, trace)
        return state

    async def _begun(self, head: Head) -> tuple[State, deque[e.Recorded], int]:
        found = await self._snapshots.latest(head)
        if found is not None:
            return found.state, deque(found.told), found.since
        state = RoomState(head.log) if head.kind == store.ROOM else AssemblyState(head.log)
        return state, deque(), 0

    def _restored(self, state: RoomState, since: int, told: Sequence[e.Recorded]) -> None:
        announcer = self._announcer()
        announced = (announcer.prepare(each, state) for each in told)
        announcer.restored(state, since, tuple(each for each in announced if each is not None))

    def _take(self, state: State, trace: _Trace) -> None:
        if state.seq >= trace.due and self._snapshots.take(state, trace.told, trace.since):
            trace.due = state.seq + EVERY

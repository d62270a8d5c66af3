"""Deciding a batch of commands: for each decide, then evolve, so that the next sees its effect."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ..deliberation import commands as c
from ..deliberation import events as e
from ..deliberation.assembly import AssemblyState
from ..deliberation.audience import Announcement
from ..deliberation.room import RoomState
from ..errors import (
    Conflict,
    Fault,
    FolkmootError,
    KeyReused,
    Moved,
    NotFound,
    StorageFault,
)
from ..ids import LogId, make_id
from ..store.idempotency import Used, key_id
from ..store.log import Appending
from ..store.moving import Forwarding
from ..store.writing import Begun, Wanted
from .ports import Chance, Clock
from .states import Announcer, State, States, decide, evolve, kind_of

ID_BYTES = 10
_logger = logging.getLogger(__name__)

Unit = tuple[LogId, c.Command]


@dataclass(frozen=True, slots=True)
class Key:
    """An idempotency key: whose, what they called it, and the digest of what it came with."""

    person: str
    key: str
    body_digest: bytes


@dataclass(frozen=True, slots=True)
class KeyDigests:
    """A :class:`Key` as it is looked up and kept."""

    id: bytes
    digest: bytes


@dataclass(frozen=True, slots=True)
class Committed:
    """What a command brought about: durable events, or none; ``repeated``: its key came again.

    ``seq`` is that of the last event, or where there is none that of the log's head at the time;
    it is the same when the key comes again.
    """

    recorded: tuple[e.Recorded, ...]
    seq: int
    repeated: bool = False


@dataclass(slots=True, eq=False)
class Ticket:
    """Commands that stand or fall together, and who waits for them."""

    units: tuple[Unit, ...]
    actor: c.Actor | None
    key: KeyDigests | None
    future: asyncio.Future[tuple[Committed, ...]]
    alone: bool
    """It takes a batch of its own, since undoing it would undo its neighbours too."""
    tries: int = 0
    """How often it was decided and met another process that was first."""
    deferred: int = 0
    """How often it was put off, since another process was just writing to its log."""

    @classmethod
    def of(
        cls,
        units: tuple[Unit, ...],
        actor: c.Actor | None,
        key: Key | None,
        future: asyncio.Future[tuple[Committed, ...]],
    ) -> Ticket:
        """Return a ticket for commands that were submitted."""
        digests = None if key is None else KeyDigests(key_id(key.person, key.key), key.body_digest)
        alone = len(units) > 1 or isinstance(units[0][1], c.CreateAssembly)
        return cls(units, actor, digests, future, alone)


Outcome = tuple[Committed, ...] | Exception


class Spoiled(Exception):
    """A ticket left states half changed: they are to be dropped, and the others tried again."""

    def __init__(self, ticket: Ticket, outcome: Exception) -> None:
        super().__init__()
        self.ticket = ticket
        self.outcome = outcome


@dataclass(slots=True)
class _Log:
    """What a batch does to one log."""

    state: State
    recorded: list[e.Recorded] = field(default_factory=list)
    told: list[Announcement] = field(default_factory=list)


def answer(outcomes: Iterable[tuple[Ticket, Outcome]]) -> None:
    """Tell those who still wait what became of their tickets."""
    for ticket, outcome in outcomes:
        if ticket.future.done():
            continue
        if isinstance(outcome, Exception):
            ticket.future.set_exception(outcome)
        else:
            ticket.future.set_result(outcome)


def fault_of(error: Exception) -> Fault:
    """Return what people are told of an error that kept a command from being carried out."""
    if isinstance(error, Fault):
        return error
    _logger.error("the writer met an error: %s", type(error).__name__)
    return StorageFault(f"The command could not be carried out ({type(error).__name__}).")


def wanted(tickets: Sequence[Ticket], states: States, *, wait: bool) -> Wanted:
    """Return what must be looked up before ``tickets`` can be decided; ``wait`` for all of it."""
    logs: dict[LogId, int] = {}
    for ticket in tickets:
        for log, _ in ticket.units:
            if log not in logs:
                state = states.get(log)
                logs[log] = state.seq if state is not None else 0
    return Wanted(
        logs=logs,
        keys={ticket.key.id for ticket in tickets if ticket.key is not None},
        slugs={
            command.slug
            for ticket in tickets
            for _, command in ticket.units
            if isinstance(command, c.CreateAssembly)
        },
        wait=wait,
    )


class Batch:
    """The commands of one transaction, being decided; all of it in one go on the event loop."""

    def __init__(
        self, states: States, begun: Begun, announcer: Announcer, clock: Clock, chance: Chance
    ) -> None:
        self._states = states
        self._begun = begun
        self._announcer = announcer
        self._chance = chance
        self._now = clock.now()
        self._logs: dict[LogId, _Log] = {}
        self._used = dict(begun.used)
        self._repeats = dict(begun.repeats)
        self.keys: list[Used] = []
        self.outcomes: list[tuple[Ticket, Outcome]] = []

    @property
    def touched(self) -> tuple[LogId, ...]:
        """The logs whose states are ahead of what is durable."""
        return tuple(self._logs)

    def appendings(self) -> tuple[Appending, ...]:
        """Return what is to be appended, by log, in the order of their ids."""
        return tuple(
            Appending(log, kind_of(each.state), self._begun.heads.get(log), each.recorded)
            for log, each in sorted(self._logs.items())
        )

    def told(self) -> tuple[tuple[State, Sequence[e.Recorded], Sequence[Announcement]], ...]:
        """Return what is to be announced once it is durable."""
        return tuple((each.state, each.recorded, each.told) for each in self._logs.values())

    def carry_out(self, ticket: Ticket) -> None:
        """Decide a ticket and fold what it brings; its outcome is kept for after the commit.

        Raises:
            Spoiled: states were changed that can't be changed back.
        """
        try:
            outcome: Outcome = self._answer(ticket)
        except FolkmootError as refusal:
            outcome = refusal
        self.outcomes.append((ticket, outcome))

    def _answer(self, ticket: Ticket) -> tuple[Committed, ...]:
        key = ticket.key
        if key is not None:
            earlier = self._used.get(key.id)
            if earlier is not None:
                if earlier.digest != key.digest:
                    raise KeyReused("This idempotency key was used for something else before.")
                return (Committed(self._repeats[key.id], earlier.last, repeated=True),)
        done: list[Committed] = []
        for log, command in ticket.units:
            try:
                recorded = self._apply(log, command, ticket)
                done.append(Committed(recorded, self._known(log).seq))
            except FolkmootError as refusal:
                if any(each.recorded for each in done):
                    raise Spoiled(ticket, refusal) from None
                raise
        if key is not None:
            recorded = tuple(one for each in done for one in each.recorded)
            self._remember(key, ticket.units[0][0], recorded, done[-1].seq)
        return tuple(done)

    def _apply(self, log: LogId, command: c.Command, ticket: Ticket) -> tuple[e.Recorded, ...]:
        state = self._state(log, command)
        head = self._begun.heads.get(log)
        if head is not None and head.moved is not None:
            raise _moved(head.moved)
        at = max(self._now, state.at)
        context = c.Context(at, ticket.actor, self._new_id, self._chance.draw)
        decided = self._decide(state, command, context)
        if not decided:
            return ()
        entry = self._logs.get(log)
        if entry is None:
            if state.seq == 0:
                self._states.put(log, state)
            entry = self._logs[log] = _Log(state)
        by = ticket.actor.participant if ticket.actor is not None else None
        recorded: list[e.Recorded] = []
        for event in decided:
            one = e.Recorded(log=log, seq=state.seq + 1, at=at, by=by, event=event)
            try:
                self._evolve(entry, one)
            except Exception as error:
                raise Spoiled(ticket, _broken(error)) from error
            recorded.append(one)
        entry.recorded.extend(recorded)
        return tuple(recorded)

    def _decide(self, state: State, command: c.Command, context: c.Context) -> tuple[e.Event, ...]:
        try:
            return decide(state, command, context)
        except FolkmootError:
            raise
        except Exception as error:
            raise _broken(error) from error

    def _evolve(self, entry: _Log, recorded: e.Recorded) -> None:
        state = entry.state
        evolve(state, recorded)
        if isinstance(state, RoomState):
            announcement = self._announcer.prepare(recorded, state)
            if announcement is not None:
                entry.told.append(announcement)

    def _state(self, log: LogId, command: c.Command) -> State:
        state = self._states.get(log)
        match command:
            case c.CreateAssembly(slug=slug) if slug in self._begun.slugs:
                raise Conflict("There is an assembly with this slug already.", field="slug")
            case _ if state is not None:
                return state
            case c.CreateAssembly():
                return AssemblyState(log)
            case c.CreateRoom():
                return RoomState(log)
            case _:
                raise NotFound("There is no such room or assembly.")

    def _known(self, log: LogId) -> State:
        state = self._states.get(log)
        if state is None:
            raise NotFound("There is no such room or assembly.")
        return state

    def _remember(
        self, key: KeyDigests, log: LogId, recorded: tuple[e.Recorded, ...], seq: int
    ) -> None:
        first = recorded[0].seq if recorded else seq + 1
        use = Used(key.id, key.digest, log, first, seq)
        self._used[key.id] = use
        self._repeats[key.id] = recorded
        self.keys.append(use)

    def _new_id(self, kind: str) -> str:
        return make_id(kind, self._chance.entropy(ID_BYTES))


def _moved(to: str) -> Moved:
    address = Forwarding.read(to).address
    where = f"to {address}" if address else "to another server"
    return Moved(f"This assembly has moved {where}; nothing is recorded here any more.")


def _broken(error: Exception) -> Fault:
    # What went wrong may quote people's words; its kind is all that goes on from here.
    return Fault(f"The command could not be carried out ({type(error).__name__}).")

"""A room or an assembly that commands are put to, with everything recorded and nothing outside."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Generic, TypeVar

import msgspec

from server.deliberation import assembly, decisions, room
from server.deliberation import commands as c
from server.deliberation import events as e
from server.deliberation.assembly import AssemblyState
from server.deliberation.comparison import picture
from server.deliberation.state import RoomState
from server.deliberation.vocabulary import Kind, Phase, Role
from server.errors import Refusal
from server.ids import AssemblyId, LogId, ParticipantId, StatementId, make_id

START = 1_790_000_000_000
ASSEMBLY = AssemblyId("a0000000000000001")

State = TypeVar("State", RoomState, AssemblyState)


def person(name: str, role: Role = Role.PARTICIPANT) -> c.Actor:
    """Return somebody in a role; the name is the id."""
    return c.Actor(ParticipantId(name), role)


OWNER = person("owner", Role.OWNER)
FACILITATOR = person("facilitator", Role.FACILITATOR)
MODERATOR = person("moderator", Role.MODERATOR)
ANALYST = person("analyst", Role.ANALYST)
OBSERVER = person("observer", Role.OBSERVER)
PEOPLE = tuple(person(f"p{number}") for number in range(12))
ANN, BEN, CLEO = PEOPLE[:3]


class _World(Generic[State]):
    """A state, its log, and chance that is the same in every run."""

    def __init__(self, state: State, seed: int = 0) -> None:
        self.state = state
        self.log: list[e.Recorded] = []
        self.seed = seed
        self.clock = START
        self.ids = 0

    def _context(self, actor: c.Actor | None) -> c.Context:
        chance = random.Random(f"{self.seed}/{len(self.log)}/{self.clock}")
        return c.Context(at=self.clock, actor=actor, new_id=self._new_id, draw=chance.random)

    def _new_id(self, kind: str) -> str:
        self.ids += 1
        return make_id(kind, self.ids.to_bytes(10, "big"))

    def _decide(self, command: c.Command, context: c.Context) -> tuple[e.Event, ...]:
        raise NotImplementedError

    def _evolve(self, state: State, recorded: e.Recorded) -> State:
        raise NotImplementedError

    def _empty(self) -> State:
        raise NotImplementedError

    def decide(self, command: c.Command, actor: c.Actor | None = None) -> tuple[e.Event, ...]:
        """Return what would happen, and check that deciding changes nothing."""
        self.clock += 1_000
        before = picture(self.state)
        try:
            return self._decide(command, self._context(actor))
        finally:
            assert picture(self.state) == before

    def record(self, event: e.Event, by: ParticipantId | None) -> e.Recorded:
        """Put one event on the log and fold it."""
        recorded = e.Recorded(
            log=self.state.log, seq=len(self.log) + 1, at=self.clock, by=by, event=event
        )
        self.log.append(recorded)
        self._evolve(self.state, recorded)
        return recorded

    def do(self, command: c.Command, actor: c.Actor | None = None) -> tuple[e.Recorded, ...]:
        """Ask for something and make it happen; a refusal is raised."""
        by = actor.participant if actor else None
        return tuple(self.record(event, by) for event in self.decide(command, actor))

    def refusal(self, command: c.Command, actor: c.Actor | None = None) -> Refusal:
        """Return the refusal that this command meets; anything else is a failure."""
        try:
            made = self.decide(command, actor)
        except Refusal as refusal:
            return refusal
        raise AssertionError(f"not refused: {made}")

    def standing(self) -> list[e.Recorded]:
        """Return the log as a store gives it back: encoded, decoded, remains put in their place."""
        remains = {
            seq: left
            for recorded in self.log
            if isinstance(recorded.event, e.ContentErased)
            for seq, left in recorded.event.remains.items()
        }
        kept = [
            recorded
            if (left := remains.get(recorded.seq)) is None
            else msgspec.structs.replace(recorded, at=left.at, by=left.by, event=left.event)
            for recorded in self.log
        ]
        decode = msgspec.json.Decoder(e.Recorded).decode
        return [decode(msgspec.json.encode(recorded)) for recorded in kept]

    def replayed(self) -> State:
        """Return what the log alone says."""
        state = self._empty()
        for recorded in self.standing():
            state = self._evolve(state, recorded)
        return state

    def check_replay(self) -> None:
        """Check that the log is gapless and says exactly what stands."""
        assert [recorded.seq for recorded in self.log] == list(range(1, len(self.log) + 1))
        assert self.state.seq == len(self.log)
        assert picture(self.replayed()) == picture(self.state)

    def words_of(self, actor: c.Actor) -> tuple[e.Recorded, ...]:
        """Return the records that hold this person's words, as the store would read them."""
        seqs = set(self.state.words.get(actor.participant, ()))
        return tuple(recorded for recorded in self.standing() if recorded.seq in seqs)


class RoomWorld(_World[RoomState]):
    """A room."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(RoomState(LogId("r0000000000000001")), seed)

    def _decide(self, command: c.Command, context: c.Context) -> tuple[e.Event, ...]:
        return decisions.decide(self.state, command, context)  # type: ignore[arg-type]

    def _evolve(self, state: RoomState, recorded: e.Recorded) -> RoomState:
        return room.evolve(state, recorded)

    def _empty(self) -> RoomState:
        return RoomState(self.state.log)

    def create(self, phase: Phase = Phase.DRAFT, **options: object) -> RoomWorld:
        """Found the room and take it to ``phase`` without drafts."""
        named: dict[str, object] = {"assembly": ASSEMBLY, "title": "Plenary", "question": "What?"}
        self.do(c.CreateRoom(**(named | options), phase=phase))  # type: ignore[arg-type]
        return self

    def say(self, actor: c.Actor, text: str, kind: Kind = Kind.STATEMENT) -> StatementId:
        """Write something and return its id."""
        (recorded,) = self.do(c.SubmitStatement(text=text, kind=kind), actor)
        assert isinstance(recorded.event, e.StatementSubmitted)
        return recorded.event.statement


class AssemblyWorld(_World[AssemblyState]):
    """An assembly."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(AssemblyState(LogId(ASSEMBLY)), seed)

    def _decide(self, command: c.Command, context: c.Context) -> tuple[e.Event, ...]:
        return assembly.decide(self.state, command, context)  # type: ignore[arg-type]

    def _evolve(self, state: AssemblyState, recorded: e.Recorded) -> AssemblyState:
        return assembly.evolve(state, recorded)

    def _empty(self) -> AssemblyState:
        return AssemblyState(self.state.log)

    def create(self) -> AssemblyWorld:
        """Found it."""
        self.do(c.CreateAssembly(slug="demo", title="Demo", question="What?"))
        return self

    def admit(self, role: Role = Role.PARTICIPANT, digest: str = "", name: str = "") -> c.Actor:
        """Invite somebody, let them join, and return them."""
        digest = digest or f"digest{len(self.log)}"
        self.do(c.IssueInvite(digest=digest, role=role))
        (joined,) = self.do(c.Join(digest=digest, name=name))
        assert isinstance(joined.event, e.ParticipantJoined)
        return c.Actor(joined.event.participant, role)


def kinds(recorded: Sequence[e.Recorded]) -> list[str]:
    """Return the types of events."""
    return [e.type_of(each.event) for each in recorded]

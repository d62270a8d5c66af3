"""A state that was written down and read again is the state, in all that happens to it later."""

from __future__ import annotations

import ast
import os
import random
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import invariant

from server.deliberation import assembly, decisions, snapshot
from server.deliberation import commands as c
from server.deliberation import events as e
from server.deliberation import room as rooms
from server.deliberation.assembly import AssemblyState
from server.deliberation.audience import announcement, announces
from server.deliberation.comparison import first_difference, picture
from server.deliberation.state import RoomState
from server.deliberation.vocabulary import Phase, Role
from server.errors import Refusal
from server.ids import LogId, ParticipantId

from . import test_room_stateful
from .watching import WatchedRoom
from .world import ANN, BEN, FACILITATOR, AssemblyWorld, RoomWorld

EVERY = 9


def through(state: RoomState) -> RoomState:
    """Return the room that a snapshot of ``state`` holds."""
    back = snapshot.restore(snapshot.take(state).pack(), RoomState).state
    assert isinstance(back, RoomState)
    assert first_difference(picture(back), picture(state)) is None
    return back


def said(answer: tuple[e.Event, ...] | Refusal) -> object:
    return (answer.code, answer.message) if isinstance(answer, Refusal) else answer


class SnapshotWorld(RoomWorld):
    """A room with shadows: each began as a snapshot and is asked and told the same from then on."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(seed)
        self.shadows: list[RoomState] = []
        self.bodies: list[tuple[int, bytes]] = []

    def decide(self, command: c.Command, actor: c.Actor | None = None) -> tuple[e.Event, ...]:
        ids = self.ids
        granted: tuple[e.Event, ...] | Refusal
        try:
            granted = super().decide(command, actor)
        except Refusal as refusal:
            granted = refusal
        for shadow in self.shadows:
            after, self.ids = self.ids, ids
            context = self._context(actor)
            answer: tuple[e.Event, ...] | Refusal
            try:
                answer = decisions.decide(shadow, command, context)  # type: ignore[arg-type]
            except Refusal as refusal:
                answer = refusal
            assert said(answer) == said(granted)
            assert self.ids == after
        if isinstance(granted, Refusal):
            raise granted
        return granted

    def record(self, event: e.Event, by: ParticipantId | None) -> e.Recorded:
        recorded = super().record(event, by)
        assert (announcement(recorded, self.state) is not None) == announces(event)
        for shadow in self.shadows:
            rooms.evolve(shadow, recorded)
        if recorded.seq % EVERY == 0:
            body = snapshot.take(self.state, (recorded.seq,), 3).pack()
            self.bodies.append((recorded.seq, body))
            self.shadows = [*self.shadows[-2:], through(self.state)]
        return recorded

    def check_shadows(self) -> None:
        for shadow in self.shadows:
            assert first_difference(picture(shadow), picture(self.state)) is None

    def check_bodies(self) -> None:
        """Every snapshot, and what a store has after it, give what the whole log gives."""
        standing = self.standing()
        for seq, body in self.bodies[-8:]:
            restored = snapshot.restore(body, RoomState)
            assert (restored.told, restored.since, restored.state.seq) == ((seq,), 3, seq)
            assert isinstance(restored.state, RoomState)
            for recorded in standing[seq:]:
                rooms.evolve(restored.state, recorded)
            assert first_difference(picture(restored.state), picture(self.state)) is None


def of_snapshots(room: WatchedRoom) -> SnapshotWorld:
    world = SnapshotWorld(room.world.seed)
    room.world = world
    return world


class Room(test_room_stateful.Room):
    """Everything that can be asked of a room, with snapshots taken on the way."""

    def __init__(self) -> None:
        super().__init__()
        self.world = of_snapshots(self.room)

    @invariant()
    def holds(self) -> None:
        self.world.check_shadows()

    def teardown(self) -> None:
        self.world.check_bodies()


TestRoom = Room.TestCase
TestRoom.settings = settings(
    max_examples=25,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def test_a_whole_life_goes_through_snapshots(monkeypatch: pytest.MonkeyPatch) -> None:
    machines: list[Room] = []

    def machine() -> Room:
        machines.append(Room())
        return machines[-1]

    monkeypatch.setattr(test_room_stateful, "Room", machine)
    test_room_stateful.test_every_command_and_every_event_of_a_room_goes_through_all_checks()
    (made,) = machines
    made.world.check_shadows()
    assert len(made.world.bodies) > 8
    made.world.check_bodies()


def test_an_assembly_is_the_same_again() -> None:
    world = AssemblyWorld().create()
    ann = world.admit(name="Ann", digest="one")
    ben = world.admit(Role.FACILITATOR, name="Ben")
    world.do(c.AdmitPeople(sources=("7", "8"), channel=e.Channel.IMPORTED, role=Role.PARTICIPANT))
    world.do(c.GiveConsent(consent=e.Consent(publish=True)), ann)
    world.do(c.ChangeRole(participant=ben.participant, role=None))
    world.do(c.EndSessions(), ann)
    world.do(c.EraseContent(records=world.words_of(ann)), ann)
    body = snapshot.take(world.state).pack()
    back = snapshot.restore(body, AssemblyState).state
    assert isinstance(back, AssemblyState)
    assert first_difference(picture(back), picture(world.state)) is None
    assert list(back.members) == list(world.state.members)
    for event in world.decide(c.IssueInvite(digest="two", role=Role.PARTICIPANT)):
        recorded = world.record(event, None)
        assembly.evolve(back, recorded)
    assert first_difference(picture(back), picture(world.state)) is None


def large_room(seed: int = 1) -> RoomState:
    """Return a room beyond the first buffers of its votes, with people who did all they can."""
    world = RoomWorld()
    world.create(Phase.OPEN)
    statements = [world.say(ANN, f"Statement {number}") for number in range(70)]
    chance = random.Random(seed)
    state = world.state
    for number in range(150):
        by = ParticipantId(f"q{number}")
        for statement in chance.sample(statements, 5):
            choice = chance.choice(tuple(e.Choice))
            because = "words" if chance.random() < 0.2 else ""
            cast = e.VoteCast(statement=statement, choice=choice, because=because)
            at = {"log": state.log, "seq": state.seq + 1, "at": state.at + 1, "by": by}
            rooms.evolve(state, e.Recorded(**at, event=cast))
    return state


def test_order_survives() -> None:
    state = large_room()
    back = through(state)
    for name in ("statements", "people", "words", "assents"):
        assert list(getattr(back, name)) == list(getattr(state, name))
    assert back.rows == state.rows
    assert back.columns == state.columns


def test_what_is_taken_does_not_change_with_the_state() -> None:
    state = large_room()
    before = picture(state)
    taken = snapshot.take(state)
    ben = BEN.participant
    for statement in list(state.statements)[:9]:
        cast = e.VoteCast(statement=statement, choice=e.Choice.AGREE, because="other words")
        at = {"log": state.log, "seq": state.seq + 1, "at": state.at + 1, "by": ben}
        rooms.evolve(state, e.Recorded(**at, event=cast))
    back = snapshot.restore(taken.pack(), RoomState).state
    assert first_difference(picture(back), before) is None


def test_an_empty_room_and_what_is_told_of_one() -> None:
    empty = RoomState(LogId("r1"))
    assert first_difference(picture(through(empty)), picture(empty)) is None
    told = tuple(range(7, 1_007))
    restored = snapshot.restore(snapshot.take(large_room(), told, 6).pack(), RoomState)
    assert (restored.told, restored.since) == (told, 6)


PRINT = """
import hashlib
from tests.deliberation.test_snapshot import large_room
from server.deliberation import snapshot
print(hashlib.sha256(snapshot.take(large_room()).pack()).hexdigest())
"""


def test_two_processes_make_the_same_bytes() -> None:
    said = set()
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        run = subprocess.run(
            [sys.executable, "-c", PRINT], env=environment, capture_output=True, check=True
        )
        said.add(run.stdout)
    assert len(said) == 1


def test_what_is_no_snapshot_is_told() -> None:
    state = large_room()
    whole = snapshot.take(state).pack()
    plain = zlib.decompress(whole)
    end = 8 + int.from_bytes(plain[:8], "big")
    changed = bytearray(plain)
    changed[-1] = 7
    wrong = (
        b"",
        b"words",
        whole[:-9],
        whole[:40],
        zlib.compress(b""),
        zlib.compress(plain[:end]),
        zlib.compress(plain[:-1]),
        zlib.compress(plain + b"\1"),
        zlib.compress(bytes(changed)),
        zlib.compress((2**40).to_bytes(8, "big") + plain[8:]),
        snapshot.take(AssemblyWorld().create().state).pack(),
    )
    for body in wrong:
        with pytest.raises(ValueError, match="no snapshot of a RoomState") as refused:
            snapshot.restore(body, RoomState)
        assert "words" not in str(refused.value)
        assert refused.value.__cause__ is None
    chance = random.Random(1)
    for _ in range(300):
        spoiled = bytearray(plain)
        spoiled[chance.randrange(end)] = chance.randrange(256)
        try:
            snapshot.restore(zlib.compress(bytes(spoiled)), RoomState)
        except ValueError:
            continue


IRRELEVANT = {"commands", "intervals", "text"}
"""What deciding needs and folding doesn't."""


def test_the_version_covers_all_that_makes_a_state() -> None:
    folder = Path(snapshot.__file__).parent
    found, waiting = set(), ["snapshot", "room", "assembly"]
    while waiting:
        name = waiting.pop()
        if name in found or name in IRRELEVANT:
            continue
        found.add(name)
        for node in ast.walk(ast.parse((folder / f"{name}.py").read_text())):
            if isinstance(node, ast.ImportFrom) and node.level == 1:
                waiting.extend([node.module] if node.module else [a.name for a in node.names])
    assert found == set(snapshot.MODULES)


def test_a_snapshot_of_a_closed_room_after_all_left() -> None:
    world = RoomWorld().create(Phase.OPEN)
    world.say(ANN, "Words")
    world.do(c.EraseContent(records=world.words_of(ANN)), ANN)
    world.do(c.ChangePhase(phase=Phase.CLOSED), FACILITATOR)
    back = through(world.state)
    assert b"Words" not in zlib.decompress(snapshot.take(back).pack())

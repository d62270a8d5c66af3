"""A room that is watched: by clients that fold frames, and by a twin in which two votes changed."""

from __future__ import annotations

import msgspec

from server.deliberation import commands as c
from server.deliberation import events as e
from server.deliberation import frames as f
from server.deliberation.audience import announcement
from server.deliberation.chain import (
    SALT_BYTES,
    Sealed,
    check_chain,
    check_payload,
    genesis,
    seal,
)
from server.deliberation.folding import fold
from server.deliberation.state import RoomState
from server.deliberation.views import RoomView, Viewer, may_see, room_view
from server.deliberation.vocabulary import Phase
from server.errors import Refusal
from server.ids import ParticipantId

from .world import ANALYST, ANN, BEN, CLEO, FACILITATOR, MODERATOR, OBSERVER, PEOPLE, RoomWorld

WATCHERS = tuple(
    Viewer(actor.participant, actor.role)
    for actor in (ANN, BEN, MODERATOR, FACILITATOR, ANALYST, OBSERVER)
)
"""Clients that are connected all along; Ann and Ben write, so that they also see what waits."""

SWAPPED = (CLEO.participant, PEOPLE[3].participant)
"""Two people whose votes are exchanged in the twin."""
_OTHER = dict(zip(SWAPPED, reversed(SWAPPED), strict=True))
THIRD = tuple(viewer for viewer in WATCHERS if viewer.participant not in SWAPPED)

_encode = msgspec.json.encode
_decode_frame = msgspec.json.Decoder(f.EventFrame).decode
_decode_view = msgspec.json.Decoder(RoomView).decode


def _fetched(view: RoomView) -> RoomView:
    return _decode_view(_encode(view))


def seen(view: RoomView) -> object:
    """Return what event frames keep up to date: all but the tally and the seq, which views do."""
    plain = msgspec.to_builtins(view)
    return {key: value for key, value in plain.items() if key not in ("seq", "tally")}


class WatchedRoom:
    """A room, its clients and its twin; every command is checked in every way."""

    def __init__(self, seed: int = 0) -> None:
        self.world = RoomWorld(seed)
        self.twin = RoomWorld(seed)
        self.clients: dict[Viewer, RoomView] = {}
        self.left: list[tuple[Viewer, RoomView]] = []
        self.chain: list[Sealed] = []
        self.erased: set[int] = set()
        self.commands: set[str] = set()
        self.events: set[str] = set()
        self.refusals: set[str] = set()

    @property
    def state(self) -> RoomState:
        """The room as it stands."""
        return self.world.state

    def ask(self, command: c.Command, actor: c.Actor | None = None) -> bool:
        """Put a command to the room and tell whether it was granted; a refusal changes nothing."""
        ids = self.world.ids
        granted: tuple[e.Event, ...] | None
        try:
            granted = self.world.decide(command, actor)
        except Refusal as refusal:
            granted = None
            self.refusals.add(f"{type(command).__name__}: {refusal.code}")
        self._ask_twin(command, actor, granted, ids)
        if granted is None:
            return False
        self.commands.add(type(command).__name__)
        by = actor.participant if actor else None
        for event in granted:
            self._happened(event, by)
        return True

    def _ask_twin(
        self,
        command: c.Command,
        actor: c.Actor | None,
        granted: tuple[e.Event, ...] | None,
        ids: int,
    ) -> None:
        """A third person gets the same answer in both worlds while the room is open."""
        if self.state.phase is not Phase.OPEN or (actor and actor.participant in SWAPPED):
            return
        if isinstance(command, c.EraseContent | c.ChangePhase):
            return  # words of the two stand at exchanged places; closing ends the secrecy
        self.twin.clock, self.twin.ids = self.world.clock - 1_000, ids
        answer: tuple[e.Event, ...] | None
        try:
            answer = self.twin.decide(command, actor)
        except Refusal:
            answer = None
        assert answer == granted

    def _happened(self, event: e.Event, by: ParticipantId | None) -> None:
        self.events.add(e.type_of(event))
        hidden_before = {s.id for s in self.state.statements.values() if not s.visible}
        recorded = self.world.record(event, by)
        self._seal(recorded)
        self.twin.clock = self.world.clock
        swapped = by
        if isinstance(event, e.VoteCast) and by is not None:
            swapped = _OTHER.get(by, by)
        recorded_in_twin = self.twin.record(event, swapped)
        hidden = {s.id for s in self.state.statements.values() if not s.visible}
        if hidden - hidden_before:
            assert isinstance(event, e.StatementSubmitted | e.StatementModerated | e.ContentErased)
        told = announcement(recorded, self.state)
        told_in_twin = announcement(recorded_in_twin, self.twin.state)
        for viewer in WATCHERS:
            frame = told.frame_for(viewer) if told else None
            fresh = room_view(self.state, viewer)
            if viewer in self.clients and frame is not None:
                frame = _decode_frame(_encode(frame))
                assert frame.seq == recorded.seq
                fold(self.clients[viewer], frame)
            if viewer not in self.clients:
                self.clients[viewer] = _fetched(fresh)
            assert seen(self.clients[viewer]) == seen(fresh), e.type_of(event)
            if viewer in THIRD and self.state.phase is Phase.OPEN:
                other = told_in_twin.frame_for(viewer) if told_in_twin else None
                assert _encode(other) == _encode(told.frame_for(viewer) if told else None)
                assert _encode(room_view(self.twin.state, viewer)) == _encode(fresh)

    def _seal(self, recorded: e.Recorded) -> None:
        log = recorded.log
        previous = self.chain[-1].hash if self.chain else genesis(log)
        self.chain.append(seal(recorded, previous, recorded.seq.to_bytes(SALT_BYTES, "big")))
        if isinstance(recorded.event, e.ContentErased):
            self.erased |= set(recorded.event.remains)

    def check_chain(self) -> None:
        """The chain holds, erasures or not, and every payload that is left is the committed one."""
        log = self.state.log
        envelopes = [each.envelope for each in self.chain]
        assert check_chain(log, envelopes) == self.chain[-1].hash.hex()
        standing = self.world.standing()
        for envelope, each in zip(envelopes, self.chain, strict=True):
            if envelope.seq not in self.erased:
                read = check_payload(log, envelope, each.salt, each.payload)
                assert read == standing[envelope.seq - 1]

    def leave(self, viewer: Viewer) -> None:
        """Let somebody go with the picture they have now."""
        if self.state.seq:
            self.left.append((viewer, _fetched(room_view(self.state, viewer))))
            del self.left[:-20]

    def check_those_who_come_back(self) -> None:
        """Whoever left is told, from the log, what leads to the room of now, and nothing hidden."""
        standing = self.world.standing()
        for viewer, view in self.left:
            picture_of_then = _fetched(view)
            for recorded in standing[view.seq :]:
                told = announcement(recorded, self.state)
                frame = told.frame_for(viewer) if told else None
                if frame is not None:
                    self._is_fit_to_see(viewer, frame)
                    fold(picture_of_then, _decode_frame(_encode(frame)))
            assert seen(picture_of_then) == seen(room_view(self.state, viewer))

    def _is_fit_to_see(self, viewer: Viewer, frame: f.EventFrame) -> None:
        if isinstance(frame, f.StatementFrame):
            assert may_see(self.state.statements[frame.statement.id], viewer)
        drafts = frame.drafts if isinstance(frame, f.ResultFrame) else ()
        if isinstance(frame, f.DraftsFrame) and frame.drafts is not None:
            drafts = frame.drafts.drafts
        ranked = {d.id for r in self.state.rounds if r.result is not None for d in r.drafts}
        for draft in drafts:
            assert draft.provenance is None or draft.id in ranked

    def check(self) -> None:
        """Check what holds at every moment."""
        self.world.check_replay()
        if self.chain:
            self.check_chain()
        self.check_those_who_come_back()
        state = self.state
        effective: dict[tuple[ParticipantId | None, str], int] = {}
        for recorded in self.world.log:
            if isinstance(recorded.event, e.VoteCast):
                key = (recorded.by, recorded.event.statement)
                effective[key] = recorded.event.choice.value_in_matrix
            elif isinstance(recorded.event, e.VotesImported):
                for statement, choice in zip(
                    recorded.event.statements, recorded.event.choices, strict=True
                ):
                    effective[recorded.event.participant, statement] = choice
        assert state.votes.votes == len(effective)
        for (voter, statement), choice in effective.items():
            assert voter is not None
            assert state.vote_of(voter, state.statements[statement].id) == choice
        voted_in_open = sum(1 for s in state.statements.values() if s.visible and s.column >= 0)
        assert state.tally.statements == voted_in_open
        assert set(state.requests) == self._requests_without_outcome()

    def _requests_without_outcome(self) -> set[int]:
        asked: set[int] = set()
        for recorded in self.world.log:
            match recorded.event:
                case e.DraftsRequested():
                    asked.add(recorded.seq)
                case e.DraftsProposed(request=request) | e.DraftFailed(request=request):
                    asked.remove(request)
        return asked

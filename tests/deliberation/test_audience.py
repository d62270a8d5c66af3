"""Who may see which part of an event."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest

from server.deliberation import commands as c
from server.deliberation import events as e
from server.deliberation import frames as f
from server.deliberation.audience import Announcement, announcement, sees_full_analysis
from server.deliberation.folding import fold
from server.deliberation.views import Viewer, room_view
from server.deliberation.vocabulary import Choice, Decision, Moderation, Phase, Reason, Role

from .drafts import draft, quoting
from .world import ANALYST, ANN, BEN, CLEO, FACILITATOR, MODERATOR, OBSERVER, OWNER, RoomWorld

REJECT = {"decision": Decision.REJECT, "reason": Reason.PERSONAL_DATA, "note": "a phone number"}


def viewer(actor: c.Actor) -> Viewer:
    return Viewer(actor.participant, actor.role)


def told(room: RoomWorld, recorded: e.Recorded) -> Announcement:
    found = announcement(recorded, room.state)
    assert found is not None
    return found


@pytest.fixture
def room() -> RoomWorld:
    return RoomWorld().create(Phase.OPEN)


def test_what_waits_is_for_its_author_and_moderators() -> None:
    room = RoomWorld().create(Phase.OPEN, moderation=Moderation.BEFORE)
    room.say(ANN, "Label it")
    found = told(room, room.log[-1])
    own = found.frame_for(viewer(ANN))
    assert isinstance(own, f.StatementFrame)
    assert own.statement.own
    for actor in (MODERATOR, FACILITATOR, OWNER):
        frame = found.frame_for(viewer(actor))
        assert isinstance(frame, f.StatementFrame)
        assert not frame.statement.own
    for actor in (BEN, ANALYST, OBSERVER):
        assert found.frame_for(viewer(actor)) is None
        assert room_view(room.state, viewer(actor)).statements == []


def test_nobody_learns_who_wrote_what(room: RoomWorld) -> None:
    room.say(ANN, "Label it")
    frame = told(room, room.log[-1]).frame_for(viewer(MODERATOR))
    for sent in (frame, room_view(room.state, viewer(MODERATOR))):
        assert ANN.participant.encode() not in msgspec.json.encode(sent)


def test_the_note_and_the_reason_are_for_the_author_and_moderators(room: RoomWorld) -> None:
    statement = room.say(ANN, "Call me")
    (rejected,) = room.do(c.ModerateStatement(statement_id=statement, **REJECT), MODERATOR)  # type: ignore[arg-type]
    found = told(room, rejected)
    for actor in (ANN, MODERATOR):
        frame = found.frame_for(viewer(actor))
        assert isinstance(frame, f.StatementModeratedFrame)
        assert (frame.hidden, frame.note) == (False, "a phone number")
    other = found.frame_for(viewer(BEN))
    assert isinstance(other, f.StatementModeratedFrame)
    assert (other.hidden, other.note) == (True, "")
    room.do(
        c.ModerateStatement(
            statement_id=statement, decision=Decision.ACCEPT, reason=Reason.FITS, note="Cut."
        ),
        MODERATOR,
    )
    shown = room_view(room.state, viewer(BEN)).statements[0]
    assert (shown.reason, shown.note) == (None, "")
    inside = room_view(room.state, viewer(ANN)).statements[0]
    assert (inside.reason, inside.note) == (Reason.FITS, "Cut.")


def test_votes_ballots_and_showings_are_announced_to_nobody(room: RoomWorld) -> None:
    silent = (
        e.VoteCast,
        e.VotesImported,
        e.StatementShown,
        e.StatementSkipped,
        e.RankingCast,
        e.RatificationCast,
        e.SimulatedPlaced,
        e.AnalysisPublished,
        e.ThemesPublished,
        e.DraftsRequested,
        e.RoomCreated,
    )
    spoken = (
        e.StatementSubmitted,
        e.StatementModerated,
        e.ContentErased,
        e.PhaseChanged,
        e.NoticePosted,
        e.DraftsProposed,
        e.DraftFailed,
        e.RankingClosed,
        e.RatificationClosed,
    )
    assert {*silent, *spoken} == set(get_args(e.RoomEvent))
    statement = room.say(ANN, "Label it")
    room.do(c.ShowNext(), BEN)
    room.do(c.SkipStatement(statement_id=statement), BEN)
    room.do(c.CastVote(statement_id=statement, choice=Choice.AGREE, because="I saw it"), BEN)
    for recorded in room.log:
        if isinstance(recorded.event, silent):
            assert announcement(recorded, room.state) is None


def test_an_erasure_tells_which_statements_and_nothing_of_other_words(room: RoomWorld) -> None:
    mine, other = room.say(ANN, "Label it"), room.say(BEN, "Ban it")
    room.do(c.CastVote(statement_id=other, choice=Choice.PASS, because="I saw it"), CLEO)
    (erased,) = room.do(c.EraseContent(records=room.words_of(CLEO)), CLEO)
    assert announcement(erased, room.state) is None
    (erased,) = room.do(c.EraseContent(records=room.words_of(ANN)), ANN)
    frames = {actor: told(room, erased).frame_for(viewer(actor)) for actor in (ANN, BEN, MODERATOR)}
    assert frames[BEN] == f.ErasedFrame(seq=erased.seq, statement_ids=(mine,), hidden=True)
    for actor in (ANN, MODERATOR):
        kept = f.ErasedFrame(seq=erased.seq, statement_ids=(mine,), hidden=False)
        assert frames[actor] == kept


def test_who_made_a_draft_is_told_when_the_ranking_has_closed(room: RoomWorld) -> None:
    statement = room.say(ANN, "Label it")
    room.do(c.ChangePhase(phase=Phase.DRAFTING), FACILITATOR)
    for number in (1, 2):
        (asked,) = room.do(c.RequestDrafts(), FACILITATOR)
        drafts = (draft(f"d{number}", [statement]),)
        (proposed,) = room.do(
            c.ProposeDrafts(request=asked.seq, drafts=drafts, groups={}, group_count=1)
        )
        frame = told(room, proposed).frame_for(viewer(OWNER))
        assert isinstance(frame, f.DraftsFrame)
        assert frame.drafts is not None
        assert [d.provenance for d in frame.drafts.drafts] == [None]
        if number == 1:
            room.do(c.ChangePhase(phase=Phase.RANKING), FACILITATOR)
            room.do(c.CastRanking(order=(("d1",),), seen=("d1",)), ANN)
            (closed, _) = room.do(c.ChangePhase(phase=Phase.DRAFTING), FACILITATOR)
    result = told(room, closed).frame_for(viewer(BEN))
    assert isinstance(result, f.ResultFrame)
    assert [(d.id, d.provenance is None) for d in result.drafts] == [("d1", False)]
    assert b'"d2' not in msgspec.json.encode(result)


def test_drafts_are_told_with_the_words_they_quote_as_long_as_those_stand(room: RoomWorld) -> None:
    room.say(ANN, "Label it")
    room.say(BEN, "Ban it")
    before = room_view(room.state, viewer(CLEO))
    room.do(c.ChangePhase(phase=Phase.DRAFTING), FACILITATOR)
    (asked,) = room.do(c.RequestDrafts(), FACILITATOR)
    proposal = c.ProposeDrafts(
        request=asked.seq, drafts=(quoting("d1", room),), groups={}, group_count=1
    )
    (proposed,) = room.do(proposal)
    frame = told(room, proposed).frame_for(viewer(CLEO))
    assert isinstance(frame, f.DraftsFrame)
    assert fold(before, frame).drafts == room_view(room.state, viewer(CLEO)).drafts
    assert b"Ban it" in msgspec.json.encode(frame)
    room.do(c.EraseContent(records=room.words_of(BEN)), BEN)
    later = told(room, proposed).frame_for(viewer(CLEO))
    assert b"Label it" in msgspec.json.encode(later)
    assert b"Ban it" not in msgspec.json.encode(later)


def test_analysts_alone_see_everything_while_a_room_is_open() -> None:
    assert [role for role in Role if sees_full_analysis(role)] == [Role.ANALYST]

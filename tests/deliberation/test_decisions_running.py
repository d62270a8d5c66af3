"""Founding and running a room, from phase to phase, and publishing what was computed."""

from __future__ import annotations

import pytest

from server.deliberation import commands as c
from server.deliberation import events as e
from server.deliberation.vocabulary import Assent, Choice, Moderation, Phase
from server.errors import Conflict, Forbidden, Invalid, NotFound, WrongPhase

from .drafts import draft
from .world import (
    ANALYST,
    ANN,
    ASSEMBLY,
    BEN,
    FACILITATOR,
    MODERATOR,
    OBSERVER,
    OWNER,
    PEOPLE,
    RoomWorld,
    kinds,
)

CREATE = c.CreateRoom(assembly=ASSEMBLY, title="Plenary", question="What?")


def test_a_room_is_founded_once_by_the_program() -> None:
    room = RoomWorld()
    assert isinstance(room.refusal(c.PostNotice(text="x")), NotFound)
    assert isinstance(room.refusal(CREATE, OWNER), Forbidden)
    room.create(Phase.DRAFTING, moderation=Moderation.BEFORE)
    assert kinds(room.log) == ["room.created", "phase.changed"]
    assert (room.state.phase, room.state.moderation) == (Phase.DRAFTING, Moderation.BEFORE)
    assert isinstance(room.refusal(CREATE), Conflict)


def test_a_command_of_an_assembly_is_no_command_of_a_room() -> None:
    room = RoomWorld().create()
    with pytest.raises(TypeError):
        room.decide(c.EndSessions())
    with pytest.raises(TypeError):
        room.record(e.SessionsEnded(), None)


@pytest.mark.parametrize("actor", [ANN, MODERATOR, ANALYST, OBSERVER])
def test_who_does_not_run_the_room_runs_nothing_in_it(actor: c.Actor) -> None:
    room = RoomWorld().create(Phase.DRAFTING)
    for command in (
        c.ChangePhase(phase=Phase.OPEN),
        c.PostNotice(text="x"),
        c.RequestDrafts(),
    ):
        assert isinstance(room.refusal(command, actor), Forbidden)


@pytest.mark.parametrize("actor", [OWNER, FACILITATOR, None])
def test_those_who_run_it_change_the_phase(actor: c.Actor | None) -> None:
    room = RoomWorld().create()
    assert kinds(room.do(c.ChangePhase(phase=Phase.OPEN), actor)) == ["phase.changed"]
    assert room.do(c.ChangePhase(phase=Phase.OPEN), actor) == ()


def test_there_is_nothing_to_rank_without_drafts() -> None:
    room = RoomWorld().create(Phase.DRAFTING)
    refusal = room.refusal(c.ChangePhase(phase=Phase.RANKING), FACILITATOR)
    assert isinstance(refusal, WrongPhase)
    assert refusal.field == "phase"


def _ranking_room() -> RoomWorld:
    room = RoomWorld().create(Phase.OPEN)
    statement = room.say(ANN, "Label it")
    room.do(c.ChangePhase(phase=Phase.DRAFTING), FACILITATOR)
    (asked,) = room.do(c.RequestDrafts(), FACILITATOR)
    room.do(
        c.ProposeDrafts(
            request=asked.seq,
            drafts=(draft("d1", [statement]), draft("d2", [statement])),
            groups={"p0": 0, "p1": 1},
            group_count=2,
        )
    )
    room.do(c.ChangePhase(phase=Phase.RANKING), FACILITATOR)
    return room


def _ballot(*order: str, none: bool = False) -> c.CastRanking:
    levels = tuple((each,) for each in order)
    return c.CastRanking(order=levels, seen=("d1", "d2"), none_of_these=none)


def test_a_ranking_nobody_took_part_in_can_be_left_but_not_ratified() -> None:
    room = _ranking_room()
    assert isinstance(room.refusal(c.ChangePhase(phase=Phase.RATIFYING), OWNER), WrongPhase)
    assert kinds(room.do(c.ChangePhase(phase=Phase.DRAFTING), OWNER)) == ["phase.changed"]
    room.do(c.ChangePhase(phase=Phase.RANKING), OWNER)
    assert room.state.round is not None
    assert room.state.round.result is None


def test_leaving_the_ranking_counts_it() -> None:
    room = _ranking_room()
    room.do(_ballot("d2", "d1"), ANN)
    room.do(_ballot("d2"), BEN)
    made = room.do(c.ChangePhase(phase=Phase.RATIFYING), OWNER)
    assert kinds(made) == ["ranking.closed", "phase.changed"]
    assert [draft.id for draft in room.state.winners] == ["d2"]
    assert [clause.id for clause in room.state.clauses] == ["d2.0", "d2.1", "d2.2"]


def test_where_none_comes_first_there_is_nothing_to_ratify() -> None:
    room = _ranking_room()
    room.do(_ballot(none=True), ANN)
    refusal = room.refusal(c.ChangePhase(phase=Phase.RATIFYING), OWNER)
    assert "None of these" in refusal.message
    room.do(c.ChangePhase(phase=Phase.CLOSED), OWNER)
    assert room.state.counted is not None
    assert room.state.winners == ()


def test_where_drafts_tie_people_decide_on_the_clauses_of_both() -> None:
    room = _ranking_room()
    room.do(_ballot("d1", "d2"), ANN)
    room.do(_ballot("d2", "d1"), BEN)
    room.do(c.ChangePhase(phase=Phase.RATIFYING), OWNER)
    assert len(room.state.clauses) == 6


def test_leaving_the_ratification_counts_each_clause_with_its_quorum() -> None:
    room = _ranking_room()
    room.do(_ballot("d1"), ANN)
    room.do(c.ChangePhase(phase=Phase.RATIFYING), OWNER)
    for actor in PEOPLE[:5]:
        room.do(c.CastRatification(clause="d1.0", choice=Assent.YES), actor)
        room.do(c.CastRatification(clause="d1.0", choice=Assent.NO), actor)
        room.do(c.CastRatification(clause="d1.0", choice=Assent.YES), actor)
    room.do(c.CastRatification(clause="d1.1", choice=Assent.YES), ANN)
    made = room.do(c.ChangePhase(phase=Phase.CLOSED), OWNER)
    assert kinds(made) == ["ratification.closed", "phase.changed"]
    adopted = {outcome.clause: outcome.adopted for outcome in room.state.outcomes}
    assert adopted == {"d1.0": True, "d1.1": False, "d1.2": False}
    assert room.state.outcomes[0].yes == 5
    room.check_replay()


def test_a_request_for_drafts_does_not_outlive_its_phase() -> None:
    room = RoomWorld().create(Phase.DRAFTING)
    (asked,) = room.do(c.RequestDrafts(), FACILITATOR)
    made = room.do(c.ChangePhase(phase=Phase.OPEN), FACILITATOR)
    assert kinds(made) == ["drafts.failed", "phase.changed"]
    assert room.state.failures[0][1][0].reason == "phase-changed"
    late = c.FailDrafts(request=asked.seq, failures=())
    assert isinstance(room.refusal(late), Conflict)


@pytest.mark.parametrize("text", ["", "x" * 501, "\x00"])
def test_a_notice_is_a_text(text: str) -> None:
    room = RoomWorld().create()
    assert isinstance(room.refusal(c.PostNotice(text=text), OWNER), Invalid)
    room.do(c.PostNotice(text="Welcome"), OWNER)
    assert room.state.notices == [(2, "Welcome")]


def test_analyses_and_themes_are_published_by_the_program_alone() -> None:
    room = RoomWorld().create(Phase.DRAFTING)
    analysis = c.PublishAnalysis(as_of_seq=1, digest="d", groups=2)
    themes = c.PublishThemes(as_of_seq=1, digest="e", themes=8)
    for command in (analysis, themes):
        assert isinstance(room.refusal(command, OWNER), Forbidden)
        room.do(command)
    assert room.state.analysis is not None
    assert room.state.themes is not None
    assert (room.state.analysis.count, room.state.themes.count) == (2, 8)


def test_while_a_room_is_open_an_analysis_waits_for_five_people() -> None:
    room = RoomWorld().create(Phase.OPEN)
    statement = room.say(ANN, "Label it")
    for actor in (*PEOPLE[:4], ANN):
        room.do(c.CastVote(statement_id=statement, choice=Choice.AGREE), actor)
    assert isinstance(room.refusal(_analysis(room.state.seq)), Conflict)
    room.do(c.CastVote(statement_id=statement, choice=Choice.AGREE), PEOPLE[4])
    room.do(_analysis(room.state.seq))
    assert isinstance(room.refusal(_analysis(room.state.seq)), Conflict)


def test_of_two_analyses_of_nearly_the_same_moment_one_is_published() -> None:
    """Or the second would tell by the first how one person voted, whoever has voted since."""
    room = RoomWorld().create(Phase.OPEN)
    statement = room.say(ANN, "Label it")

    def votes(choice: Choice, *people: c.Actor) -> int:
        for actor in people:
            room.do(c.CastVote(statement_id=statement, choice=choice), actor)
        return room.state.seq

    first = votes(Choice.AGREE, *PEOPLE[:5])
    second = votes(Choice.AGREE, PEOPLE[5])
    room.do(_analysis(first))
    votes(Choice.DISAGREE, *PEOPLE[:5])
    assert isinstance(room.refusal(_analysis(second)), Conflict)
    # Who voted while the first was computed counts for the next.
    assert len(room.state.voted_since) == 6
    room.do(_analysis(room.state.seq))
    assert room.state.voted_since == {}


def _analysis(as_of_seq: int) -> c.PublishAnalysis:
    return c.PublishAnalysis(as_of_seq=as_of_seq, digest="d", groups=1)


def test_a_tally_goes_out_in_batches_of_five_and_not_in_small_rooms() -> None:
    room = RoomWorld().create(Phase.OPEN)
    statement = room.say(ANN, "Label it")
    published: list[int] = []
    for actor in PEOPLE:
        room.do(c.CastVote(statement_id=statement, choice=Choice.AGREE), actor)
        published.append(room.state.tally.voters)
    assert published == [0] * 9 + [10] * 3
    room.do(c.ChangePhase(phase=Phase.DRAFTING), OWNER)
    assert room.state.tally.voters == 12
    small = RoomWorld().create(Phase.OPEN)
    statement = small.say(ANN, "Label it")
    for actor in PEOPLE[:9]:
        small.do(c.CastVote(statement_id=statement, choice=Choice.AGREE), actor)
    assert (small.state.tally.votes, small.state.tally.statements) == (0, 1)
    small.do(c.ChangePhase(phase=Phase.CLOSED), OWNER)
    assert (small.state.tally.votes, small.state.tally.voters) == (9, 9)

"""Votes, and what is put to whom."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from server.deliberation import commands as c
from server.deliberation import events as e
from server.deliberation.decisions import voting
from server.deliberation.vocabulary import Choice, Decision, Kind, Phase, Reason
from server.errors import Conflict, Forbidden, Invalid, NotFound, WrongPhase
from server.ids import ParticipantId, StatementId

from .world import (
    ANALYST,
    ANN,
    BEN,
    FACILITATOR,
    MODERATOR,
    OBSERVER,
    OWNER,
    PEOPLE,
    RoomWorld,
    kinds,
)

NO_VOTERS = [OWNER, FACILITATOR, MODERATOR, ANALYST, OBSERVER, None]


@pytest.fixture
def room() -> RoomWorld:
    return RoomWorld().create(Phase.OPEN)


def _vote(statement: StatementId, choice: Choice = Choice.AGREE, because: str = "") -> c.CastVote:
    return c.CastVote(statement_id=statement, choice=choice, because=because)


def test_a_second_vote_replaces_the_first(room: RoomWorld) -> None:
    statement = room.say(ANN, "Label it")
    for choice, value in ((Choice.AGREE, 1), (Choice.PASS, 0), (Choice.DISAGREE, -1)):
        assert kinds(room.do(_vote(statement, choice), BEN)) == ["vote.cast"]
        assert room.state.vote_of(BEN.participant, statement) == value
        assert (room.state.votes.votes, room.state.votes.voters) == (1, 1)
    assert room.state.vote_of(ANN.participant, statement) is None
    assert room.state.vote_of(ParticipantId("p-none"), statement) is None


@pytest.mark.parametrize("actor", NO_VOTERS)
def test_who_runs_or_watches_has_no_vote(room: RoomWorld, actor: c.Actor | None) -> None:
    statement = room.say(ANN, "Label it")
    for command in (_vote(statement), c.SkipStatement(statement_id=statement), c.ShowNext()):
        assert isinstance(room.refusal(command, actor), Forbidden)


@pytest.mark.parametrize("phase", [Phase.DRAFTING, Phase.CLOSED])
def test_voting_belongs_to_the_open_room(room: RoomWorld, phase: Phase) -> None:
    statement = room.say(ANN, "Label it")
    room.do(c.ChangePhase(phase=phase), FACILITATOR)
    for command in (_vote(statement), c.SkipStatement(statement_id=statement), c.ShowNext()):
        refusal = room.refusal(command, ANN)
        assert isinstance(refusal, WrongPhase)
        assert phase in refusal.message


def test_what_cannot_be_seen_cannot_be_voted_on(room: RoomWorld) -> None:
    rejected, erased = room.say(ANN, "Spam"), room.say(BEN, "Mine")
    told = room.say(ANN, "What I lived through", Kind.TESTIMONY)
    room.do(
        c.ModerateStatement(statement_id=rejected, decision=Decision.REJECT, reason=Reason.SPAM),
        MODERATOR,
    )
    room.do(c.EraseContent(records=room.words_of(BEN)), BEN)
    for statement in (rejected, erased, told, StatementId("s-none")):
        for command in (_vote(statement), c.SkipStatement(statement_id=statement)):
            refusal = room.refusal(command, ANN)
            assert isinstance(refusal, NotFound)
            assert refusal.field == "statement_id"
    assert room.do(c.ShowNext(), ANN) == ()


@pytest.mark.parametrize("because", ["x" * 281, "\x07", "\ud800"])
def test_a_reason_is_a_text(room: RoomWorld, because: str) -> None:
    statement = room.say(ANN, "Label it")
    assert room.refusal(_vote(statement, because=because), BEN).field == "because"


def test_the_same_statement_is_shown_until_it_is_voted_on_or_put_off(room: RoomWorld) -> None:
    for number in range(3):
        room.say(ANN, f"Statement {number}")
    shown: list[StatementId] = []
    for _ in range(3):
        (showing,) = room.do(c.ShowNext(), BEN)
        assert isinstance(showing.event, e.StatementShown)
        assert showing.event.position == len(shown)
        assert room.do(c.ShowNext(), BEN) == ()
        shown.append(showing.event.statement)
        room.do(c.SkipStatement(statement_id=shown[-1]), BEN)
    assert len(set(shown)) == 3
    (again,) = room.do(c.ShowNext(), BEN)
    assert isinstance(again.event, e.StatementShown)
    assert again.event.statement == shown[0]
    for statement in shown:
        room.do(_vote(statement), BEN)
    assert room.do(c.ShowNext(), BEN) == ()
    room.check_replay()


def test_a_statement_that_was_hidden_while_it_was_shown_gives_way(room: RoomWorld) -> None:
    room.say(ANN, "One")
    room.say(ANN, "Two")
    (first,) = room.do(c.ShowNext(), BEN)
    assert isinstance(first.event, e.StatementShown)
    hide = c.ModerateStatement(
        statement_id=first.event.statement, decision=Decision.REJECT, reason=Reason.SPAM
    )
    room.do(hide, MODERATOR)
    (second,) = room.do(c.ShowNext(), BEN)
    assert isinstance(second.event, e.StatementShown)
    assert second.event.statement != first.event.statement


def test_the_recorded_probability_is_how_often_a_statement_comes_first(room: RoomWorld) -> None:
    statements = [room.say(ANN, f"Statement {number}") for number in range(3)]
    for actor in PEOPLE[:6]:
        room.do(_vote(statements[0], Choice.PASS), actor)
    outlook = c.Outlook(extremity=np.array([0.0, 2.0]), appeal=np.array([0.2, 0.9]))
    draws: Counter[str] = Counter()
    probability: dict[str, float] = {}
    for _ in range(3_000):
        (event,) = room.decide(c.ShowNext(outlook=outlook), BEN_NEW)
        assert isinstance(event, e.StatementShown)
        draws[event.statement] += 1
        probability[event.statement] = event.probability
    assert sum(probability.values()) == pytest.approx(1.0)
    for statement, share in probability.items():
        deviation = (3_000 * share * (1 - share)) ** 0.5
        assert abs(draws[statement] - 3_000 * share) < 4 * deviation


BEN_NEW = PEOPLE[11]


def test_an_outlook_that_knows_fewer_statements_says_nothing_of_the_rest(room: RoomWorld) -> None:
    for number in range(3):
        room.say(ANN, f"Statement {number}")
    bare = voting.priorities(room.state, None)
    with_outlook = voting.priorities(room.state, c.Outlook(extremity=np.array([3.0]), appeal=None))
    assert with_outlook[0] == pytest.approx(16 * bare[0])
    assert with_outlook[1:] == pytest.approx(bare[1:])
    longer = c.Outlook(extremity=np.zeros(9), appeal=np.full(9, 0.5))
    assert voting.priorities(room.state, longer) == pytest.approx(bare)


def _import(room: RoomWorld) -> None:
    room.do(
        c.ImportStatements(
            statements=tuple(
                c.ImportedStatement(
                    source=source, text=source, author=None, language=None, moderated=1
                )
                for source in ("1", "2")
            )
        )
    )


def test_imported_votes_are_one_event_a_person(room: RoomWorld) -> None:
    _import(room)
    ballots = (
        (ANN.participant, ("1", "2"), (1, 0)),
        (BEN.participant, ("2",), (-1,)),
    )
    assert kinds(room.do(c.ImportVotes(votes=ballots))) == ["votes.imported"] * 2
    assert room.state.votes.view().tolist() == [[1, 0], [-128, -1]]
    room.check_replay()


@pytest.mark.parametrize("choices", [(2,), (-128,), (1, 1), ()])
def test_an_imported_vote_is_a_vote(room: RoomWorld, choices: tuple[int, ...]) -> None:
    _import(room)
    refusal = room.refusal(c.ImportVotes(votes=((ANN.participant, ("1",), choices),)))
    assert isinstance(refusal, Invalid)


def test_imported_votes_need_their_statements_and_the_program(room: RoomWorld) -> None:
    missing = c.ImportVotes(votes=((ANN.participant, ("7",), (1,)),))
    assert isinstance(room.refusal(missing), Conflict)
    assert isinstance(room.refusal(missing, OWNER), Forbidden)


def test_a_reason_is_kept_with_the_latest_vote_until_it_is_taken_back() -> None:
    room = RoomWorld().create(Phase.OPEN)
    said = room.say(ANN, "Label it")

    def given() -> list[tuple[str, str]]:
        return [(b.choice, b.text) for b in room.state.statements[said].because.values()]

    room.do(c.CastVote(statement_id=said, choice=Choice.AGREE, because="I was fooled once"), BEN)
    assert given() == [("agree", "I was fooled once")]
    room.do(c.CastVote(statement_id=said, choice=Choice.DISAGREE), BEN)
    assert given() == []
    room.do(c.CastVote(statement_id=said, choice=Choice.AGREE, because="On reflection"), BEN)
    records = tuple(r for r in room.log if r.seq in room.state.words[BEN.participant])
    room.do(c.EraseContent(records=records), BEN)
    assert given() == []
    assert room.state.vote_of(BEN.participant, said) == 1

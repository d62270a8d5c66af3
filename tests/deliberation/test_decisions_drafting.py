"""Rounds of drafts: asking, proposing, failing, ranking, ratifying."""

from __future__ import annotations

import msgspec
import pytest

from server.deliberation import commands as c
from server.deliberation import events as e
from server.deliberation.charter import Charter
from server.deliberation.drafts import DraftFailure
from server.deliberation.vocabulary import Assent, Decision, Phase, Reason
from server.errors import Conflict, Forbidden, Invalid, NotFound, WrongPhase
from server.ids import StatementId

from .drafts import draft, quoting
from .world import ANALYST, ANN, BEN, FACILITATOR, MODERATOR, OBSERVER, OWNER, RoomWorld, kinds

NO_VOTERS = [OWNER, FACILITATOR, MODERATOR, ANALYST, OBSERVER, None]


@pytest.fixture
def room() -> RoomWorld:
    """In drafting, with two statements, "s…1" and "s…2"."""
    room = RoomWorld().create(Phase.OPEN, charter=Charter(rounds=1))
    room.say(ANN, "Label it")
    room.say(BEN, "Pay for it")
    room.do(c.ChangePhase(phase=Phase.DRAFTING), FACILITATOR)
    return room


def _proposal(room: RoomWorld, request: int, **changes: object) -> c.ProposeDrafts:
    cites = list(room.state.statements)[:2]
    proposal = c.ProposeDrafts(
        request=request,
        drafts=(draft("d1", cites), draft("d2", cites)),
        groups={"p0": 0, "p1": 1},
        group_count=2,
    )
    return msgspec.structs.replace(proposal, **changes)


def _asked(room: RoomWorld) -> int:
    (asked,) = room.do(c.RequestDrafts(count=2, seed=7), FACILITATOR)
    return asked.seq


def test_a_request_is_known_by_its_seq_until_it_has_an_outcome(room: RoomWorld) -> None:
    request = _asked(room)
    assert room.state.requests == {request: e.DraftsRequested(count=2, seed=7)}
    assert isinstance(room.refusal(c.RequestDrafts(), FACILITATOR), Conflict)
    failure = DraftFailure(reason="too-few-clauses", detail="Two were left.")
    room.do(c.FailDrafts(request=request, failures=(failure,)))
    assert room.state.requests == {}
    assert room.state.failures == [(room.state.seq, (failure,))]
    for again in (c.FailDrafts(request=request, failures=()), _proposal(room, request)):
        assert isinstance(room.refusal(again), Conflict)


@pytest.mark.parametrize("count", [0, 9, -1])
def test_one_to_eight_drafts_can_be_asked_for(room: RoomWorld, count: int) -> None:
    assert room.refusal(c.RequestDrafts(count=count), FACILITATOR).field == "count"


def test_drafts_are_asked_for_while_drafting(room: RoomWorld) -> None:
    room.do(c.ChangePhase(phase=Phase.OPEN), FACILITATOR)
    assert isinstance(room.refusal(c.RequestDrafts(), FACILITATOR), WrongPhase)


def test_drafts_open_a_round_with_frozen_groups(room: RoomWorld) -> None:
    request = _asked(room)
    assert kinds(room.do(_proposal(room, request))) == ["drafts.proposed"]
    current = room.state.round
    assert current is not None
    assert (current.number, current.groups, len(current.drafts)) == (1, {"p0": 0, "p1": 1}, 2)
    room.do(_proposal(room, _asked(room)))
    assert len(room.state.rounds) == 1
    assert room.state.rounds[0].seq == room.state.seq


def test_only_the_program_proposes_and_fails(room: RoomWorld) -> None:
    request = _asked(room)
    for command in (
        _proposal(room, request),
        c.FailDrafts(request=request, failures=()),
        c.PlaceSimulated(groups={}),
    ):
        assert isinstance(room.refusal(command, OWNER), Forbidden)


def test_drafts_rest_on_what_stands(room: RoomWorld) -> None:
    request = _asked(room)
    first = next(iter(room.state.statements))
    hide = c.ModerateStatement(
        statement_id=first, decision=Decision.REJECT, reason=Reason.PERSONAL_DATA
    )
    room.do(hide, MODERATOR)
    assert isinstance(room.refusal(_proposal(room, request)), Conflict)
    unknown = _proposal(room, request, drafts=(draft("d1", ["s-none"]),))
    assert isinstance(room.refusal(unknown), Conflict)


def test_drafts_and_clauses_have_ids_of_their_own(room: RoomWorld) -> None:
    request = _asked(room)
    for drafts in ((), (draft("d1", []), draft("d1", []))):
        assert isinstance(room.refusal(_proposal(room, request, drafts=drafts)), Invalid)
    same = msgspec.structs.replace(draft("d2", []), clauses=draft("d1", []).clauses)
    clash = _proposal(room, request, drafts=(draft("d1", []), same))
    assert isinstance(room.refusal(clash), Invalid)


@pytest.fixture
def ranking(room: RoomWorld) -> RoomWorld:
    room.do(_proposal(room, _asked(room)))
    room.do(c.ChangePhase(phase=Phase.RANKING), FACILITATOR)
    return room


def test_simulated_people_stand_where_those_stand_whom_they_imitate(ranking: RoomWorld) -> None:
    place = c.PlaceSimulated(groups={"p8": 1, "p0": 0})
    ranking.do(place)
    assert ranking.state.round is not None
    assert ranking.state.round.groups == {"p0": 0, "p1": 1, "p8": 1}
    assert ranking.do(place) == ()
    assert isinstance(ranking.refusal(c.PlaceSimulated(groups={"p9": 2})), Invalid)
    assert isinstance(ranking.refusal(c.PlaceSimulated(groups={"p9": -1})), Invalid)
    assert isinstance(ranking.refusal(c.PlaceSimulated(groups={"p0": 1})), Conflict)
    none = RoomWorld().create()
    assert isinstance(none.refusal(c.PlaceSimulated(groups={})), Conflict)


def test_a_later_ballot_replaces_the_earlier(ranking: RoomWorld) -> None:
    ballot = c.CastRanking(order=(("d2",), ("d1",)), seen=("d1", "d2"), criticism={"d1": " Why? "})
    ranking.do(ballot, ANN)
    ranking.do(msgspec.structs.replace(ballot, order=(("d1", "d2"),)), ANN)
    assert ranking.state.round is not None
    ((_, cast),) = ranking.state.round.ballots.values()
    assert cast.order == (("d1", "d2"),)
    assert cast.criticism == {"d1": "Why?"}
    ranking.do(c.EraseContent(records=ranking.words_of(ANN)), ANN)
    ((_, left),) = ranking.state.round.ballots.values()
    assert (left.order, left.criticism) == ((("d1", "d2"),), {})
    ranking.check_replay()


@pytest.mark.parametrize(
    ("order", "seen", "criticism", "field"),
    [
        ((), (), {}, "seen"),
        ((), ("d1", "d1"), {}, "seen"),
        ((), ("d9",), {}, "seen"),
        ((("d1",), ("d1",)), ("d1",), {}, "order"),
        ((("d2",),), ("d1",), {}, "order"),
        (((),), ("d1",), {}, "order"),
        ((), ("d1",), {"d2": "x"}, "criticism"),
        ((), ("d1",), {"d1": "x" * 501}, "criticism"),
        ((), ("d1",), {"d1": "\x00"}, "criticism"),
    ],
)
def test_a_ballot_that_cannot_be_counted_is_refused(
    ranking: RoomWorld,
    order: tuple[tuple[str, ...], ...],
    seen: tuple[str, ...],
    criticism: dict[str, str],
    field: str,
) -> None:
    refusal = ranking.refusal(c.CastRanking(order=order, seen=seen, criticism=criticism), ANN)
    assert (refusal.code, refusal.field) == ("invalid", field)


@pytest.mark.parametrize("actor", NO_VOTERS)
def test_only_participants_rank_and_ratify(ranking: RoomWorld, actor: c.Actor | None) -> None:
    ballot = c.CastRanking(order=(), seen=("d1",))
    assert isinstance(ranking.refusal(ballot, actor), Forbidden)
    ranking.do(ballot, ANN)
    ranking.do(c.ChangePhase(phase=Phase.RATIFYING), OWNER)
    yes = c.CastRatification(clause="d1.0", choice=Assent.YES)
    assert isinstance(ranking.refusal(yes, actor), Forbidden)


def test_ballots_belong_to_their_phase(ranking: RoomWorld) -> None:
    yes = c.CastRatification(clause="d1.0", choice=Assent.YES)
    assert isinstance(ranking.refusal(yes, ANN), WrongPhase)
    ballot = c.CastRanking(order=(), seen=("d1",))
    ranking.do(ballot, ANN)
    ranking.do(c.ChangePhase(phase=Phase.RATIFYING), OWNER)
    assert isinstance(ranking.refusal(ballot, ANN), WrongPhase)


def test_a_clause_is_ratified_that_won(ranking: RoomWorld) -> None:
    ranking.do(c.CastRanking(order=(("d2",),), seen=("d1", "d2")), ANN)
    ranking.do(c.ChangePhase(phase=Phase.RATIFYING), OWNER)
    for clause in ("d1.0", "none", ""):
        refusal = ranking.refusal(c.CastRatification(clause=clause, choice=Assent.NO), ANN)
        assert isinstance(refusal, NotFound)
        assert refusal.field == "clause"
    ranking.do(c.CastRatification(clause="d2.0", choice=Assent.BLANK), ANN)
    assert ranking.state.assents == {"d2.0": {ANN.participant: Assent.BLANK}}


def test_the_charter_limits_the_rounds(ranking: RoomWorld) -> None:
    ranking.do(c.CastRanking(order=(("d2",),), seen=("d1", "d2")), ANN)
    ranking.do(c.ChangePhase(phase=Phase.DRAFTING), OWNER)
    refusal = ranking.refusal(c.RequestDrafts(), OWNER)
    assert isinstance(refusal, Conflict)
    assert "1 rounds" in refusal.message
    assert ranking.state.statements[StatementId("s0000000000000001")].visible


def test_where_drafts_tie_their_clauses_are_ratified_each_text_once(room: RoomWorld) -> None:
    cites = list(room.state.statements)[:2]
    first, second = draft("d1", cites), draft("d2", cites)
    shared = msgspec.structs.replace(second.clauses[0], text=first.clauses[0].text)
    second = msgspec.structs.replace(second, clauses=(shared, *second.clauses[1:]))
    room.do(_proposal(room, _asked(room), drafts=(first, second)))
    room.do(c.ChangePhase(phase=Phase.RANKING), FACILITATOR)
    for person in (ANN, BEN):
        room.do(c.CastRanking(order=(("d1", "d2"),), seen=("d1", "d2")), person)
    room.do(c.ChangePhase(phase=Phase.RATIFYING), FACILITATOR)
    assert [clause.id for clause in room.state.clauses] == [
        *(clause.id for clause in first.clauses),
        *(clause.id for clause in second.clauses[1:]),
    ]


def test_quoted_words_stand_once_in_the_log_and_go_with_their_statement(room: RoomWorld) -> None:
    room.do(_proposal(room, _asked(room), drafts=(quoting("d1", room),)))
    payload = msgspec.json.encode(room.log[-1]).decode()
    assert "Label it" not in payload
    assert room.state.round is not None
    assert [c.text for c in room.state.round.drafts[0].clauses] == ["Label it", "Pay for it"]
    seqs = room.state.words[ANN.participant]
    records = tuple(r for r in room.log if r.seq in seqs)
    room.do(c.EraseContent(records=records), ANN)
    assert [c.text for c in room.state.round.drafts[0].clauses] == ["", "Pay for it"]
    assert [q.text for c in room.state.round.drafts[0].clauses for q in c.quotes] == [
        "",
        "Pay for it",
    ]


def test_erasing_words_changes_nothing_about_what_is_ratified(room: RoomWorld) -> None:
    room.do(_proposal(room, _asked(room), drafts=(quoting("d1", room), quoting("d2", room))))
    room.do(c.ChangePhase(phase=Phase.RANKING), FACILITATOR)
    room.do(c.CastRanking(order=(("d1", "d2"),), seen=("d1", "d2")), ANN)
    room.do(c.ChangePhase(phase=Phase.RATIFYING), FACILITATOR)
    before = [clause.id for clause in room.state.clauses]
    for who in (ANN, BEN):
        seqs = room.state.words[who.participant]
        room.do(c.EraseContent(records=tuple(r for r in room.log if r.seq in seqs)), who)
    assert [clause.id for clause in room.state.clauses] == before == ["d1.0", "d1.1"]

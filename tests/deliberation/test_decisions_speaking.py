"""Statements and testimonies: who may write, what moderation does, what erasing leaves."""

from __future__ import annotations

import msgspec
import pytest

from server.deliberation import commands as c
from server.deliberation import events as e
from server.deliberation.vocabulary import (
    Choice,
    Decision,
    Kind,
    Moderation,
    Origin,
    Phase,
    Reason,
    Role,
    Status,
)
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
    RoomWorld,
    kinds,
    person,
)


@pytest.fixture
def room() -> RoomWorld:
    return RoomWorld().create(Phase.OPEN)


def test_a_participant_writes_a_statement(room: RoomWorld) -> None:
    (written,) = room.do(c.SubmitStatement(text="  Label  it ", language="PT_br"), ANN)
    assert written.event == e.StatementSubmitted(
        statement=StatementId("s0000000000000001"),
        author=ANN.participant,
        text="Label it",
        language="pt-br",
        origin=Origin.PARTICIPANT,
        kind=Kind.STATEMENT,
        status=Status.ACCEPTED,
    )


def test_statements_wait_where_moderation_comes_first() -> None:
    room = RoomWorld().create(Phase.OPEN, moderation=Moderation.BEFORE)
    assert not room.state.statements[room.say(ANN, "Label it")].visible
    assert room.state.statements[room.say(FACILITATOR, "A seed")].visible


def test_those_who_run_the_room_seed_it_and_are_marked(room: RoomWorld) -> None:
    seeded = RoomWorld().create(Phase.DRAFT)
    for actor in (OWNER, FACILITATOR):
        statement = seeded.say(actor, f"A seed of {actor.role}")
        assert seeded.state.statements[statement].origin is Origin.ORGANISER
    assert isinstance(seeded.refusal(c.SubmitStatement(text="x"), ANN), WrongPhase)


def test_a_testimony_is_longer_and_not_voted_on(room: RoomWorld) -> None:
    told = room.say(ANN, "What I lived through.\n\n" + "x" * 1900, Kind.TESTIMONY)
    assert room.state.statements[told].column == -1
    assert "\n\n" in room.state.statements[told].text
    too_long = c.SubmitStatement(text="x" * 2001, kind=Kind.TESTIMONY)
    assert room.refusal(too_long, ANN).field == "text"


@pytest.mark.parametrize("actor", [MODERATOR, ANALYST, OBSERVER, None])
def test_others_do_not_write(room: RoomWorld, actor: c.Actor | None) -> None:
    assert isinstance(room.refusal(c.SubmitStatement(text="x"), actor), Forbidden)


@pytest.mark.parametrize("phase", [Phase.DRAFTING, Phase.CLOSED])
def test_writing_ends_with_the_phase(room: RoomWorld, phase: Phase) -> None:
    room.do(c.ChangePhase(phase=phase), FACILITATOR)
    for actor in (ANN, FACILITATOR):
        assert isinstance(room.refusal(c.SubmitStatement(text="x"), actor), WrongPhase)


@pytest.mark.parametrize("text", ["", "x" * 281, "\x00", "\ud800"])
def test_a_text_that_is_none_is_refused(room: RoomWorld, text: str) -> None:
    assert room.refusal(c.SubmitStatement(text=text), ANN).field == "text"


@pytest.mark.parametrize("language", ["english", "e", "x_", "a1", "en-", "en-123456789"])
def test_a_language_is_a_tag(room: RoomWorld, language: str) -> None:
    refusal = room.refusal(c.SubmitStatement(text="x", language=language), ANN)
    assert isinstance(refusal, Invalid)
    assert refusal.field == "language"


def test_one_person_says_a_thing_once(room: RoomWorld) -> None:
    room.say(ANN, "Label it")
    assert isinstance(room.refusal(c.SubmitStatement(text=" LABEL it"), ANN), Conflict)
    room.say(BEN, "Label it")


def _moderated(
    statement: StatementId,
    decision: Decision = Decision.REJECT,
    reason: Reason = Reason.ABUSE,
    note: str = "",
) -> c.ModerateStatement:
    return c.ModerateStatement(statement_id=statement, decision=decision, reason=reason, note=note)


@pytest.mark.parametrize("actor", [OWNER, FACILITATOR, MODERATOR])
def test_moderators_decide_with_a_reason(room: RoomWorld, actor: c.Actor) -> None:
    statement = room.say(ANN, "Label it")
    room.do(_moderated(statement, note=" Names a person. "), actor)
    known = room.state.statements[statement]
    assert (known.status, known.reason, known.note) == (
        Status.REJECTED,
        Reason.ABUSE,
        "Names a person.",
    )
    assert room.do(_moderated(statement), actor) == ()
    room.do(_moderated(statement, Decision.ACCEPT, Reason.FITS), actor)
    assert room.state.statements[statement].visible


@pytest.mark.parametrize("actor", [ANN, ANALYST, OBSERVER, None])
def test_others_do_not_moderate(room: RoomWorld, actor: c.Actor | None) -> None:
    statement = room.say(ANN, "Label it")
    assert isinstance(room.refusal(_moderated(statement), actor), Forbidden)


@pytest.mark.parametrize(
    ("decision", "reason"),
    [
        (Decision.ACCEPT, Reason.SPAM),
        (Decision.REJECT, Reason.FITS),
        (Decision.REJECT, Reason.IMPORTED),
        (Decision.ACCEPT, Reason.IMPORTED),
    ],
)
def test_the_reason_fits_the_decision(room: RoomWorld, decision: Decision, reason: Reason) -> None:
    refusal = room.refusal(_moderated(room.say(ANN, "x"), decision, reason), MODERATOR)
    assert (refusal.code, refusal.field) == ("invalid", "reason")


def test_what_is_not_there_is_not_moderated(room: RoomWorld) -> None:
    assert isinstance(room.refusal(_moderated(StatementId("s-none")), MODERATOR), NotFound)
    statement = room.say(ANN, "Label it")
    room.do(c.EraseContent(records=room.words_of(ANN)), ANN)
    assert isinstance(room.refusal(_moderated(statement), MODERATOR), NotFound)
    assert room.refusal(_moderated(room.say(ANN, "y"), note="x" * 501), MODERATOR).field == "note"


def test_a_closed_room_is_not_moderated(room: RoomWorld) -> None:
    statement = room.say(ANN, "Label it")
    room.do(c.ChangePhase(phase=Phase.CLOSED), OWNER)
    assert isinstance(room.refusal(_moderated(statement), MODERATOR), WrongPhase)


def _imported(source: str, moderated: int = 1, text: str = "From there") -> c.ImportedStatement:
    return c.ImportedStatement(
        source=source, text=text, author=ParticipantId("p9"), language=None, moderated=moderated
    )


def test_imported_statements_keep_their_moderation_and_each_hidden_one_has_its_event() -> None:
    room = RoomWorld().create(Phase.DRAFTING)
    made = room.do(
        c.ImportStatements(statements=(_imported("1"), _imported("2", -1), _imported("3", 0)))
    )
    assert kinds(made) == ["statement.submitted"] * 2 + [
        "statement.moderated",
        "statement.submitted",
    ]
    visible = {s.source: s.visible for s in room.state.statements.values()}
    assert visible == {"1": True, "2": False, "3": True}
    room.do(c.ImportStatements(statements=(_imported("4", 0, text=""),), strict=True))
    assert not room.state.statements[room.state.sources["4"]].visible
    room.check_replay()


def test_a_statement_is_imported_once(room: RoomWorld) -> None:
    twice = c.ImportStatements(statements=(_imported("1"), _imported("1")))
    assert isinstance(room.refusal(twice), Conflict)
    room.do(c.ImportStatements(statements=(_imported("1"),)))
    assert isinstance(room.refusal(c.ImportStatements(statements=(_imported("1"),))), Conflict)
    assert isinstance(room.refusal(c.ImportStatements(statements=()), OWNER), Forbidden)


def test_erasing_takes_every_word_of_one_person_and_leaves_the_votes(room: RoomWorld) -> None:
    mine, other = room.say(ANN, "Label it"), room.say(BEN, "Ban it")
    room.do(c.CastVote(statement_id=other, choice=Choice.AGREE, because="I saw it"), ANN)
    room.do(c.EraseContent(records=room.standing()), ANN)
    assert (room.state.statements[mine].text, room.state.statements[mine].visible) == ("", False)
    assert room.state.statements[other].text == "Ban it"
    assert room.state.votes.votes == 1
    assert ANN.participant not in room.state.words
    assert b"Label it" not in _bytes(room)
    assert b"I saw it" not in _bytes(room)
    assert room.do(c.EraseContent(records=room.standing()), ANN) == ()
    room.check_replay()


def _bytes(room: RoomWorld) -> bytes:
    return msgspec.json.encode(room.standing())


def test_nobody_erases_for_another(room: RoomWorld) -> None:
    room.say(ANN, "Label it")
    assert room.do(c.EraseContent(records=room.words_of(ANN)), BEN) == ()
    assert isinstance(room.refusal(c.EraseContent(records=())), Forbidden)
    assert room.do(c.EraseContent(records=()), person("p-new", Role.OBSERVER)) == ()

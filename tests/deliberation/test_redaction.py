"""What is left of an event without its words."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest

from server.deliberation import events as e
from server.deliberation.redaction import redact, remains_of, strike
from server.deliberation.vocabulary import Channel, Choice, Kind, Origin, Role, Status
from server.ids import LogId, ParticipantId, StatementId

CANARY = "canary-7f3a"
WITH_WORDS: list[e.Event] = [
    e.StatementSubmitted(
        statement=StatementId("s1"),
        author=ParticipantId("p1"),
        text=CANARY,
        language="sw",
        origin=Origin.PARTICIPANT,
        kind=Kind.STATEMENT,
        status=Status.ACCEPTED,
    ),
    e.VoteCast(statement=StatementId("s1"), choice=Choice.AGREE, because=CANARY),
    e.RankingCast(
        round=1, order=(("d1",),), seen=("d1",), none_of_these=False, criticism={"d1": CANARY}
    ),
    e.ParticipantJoined(
        participant=ParticipantId("p1"),
        role=Role.PARTICIPANT,
        channel=Channel.INVITE,
        consent=e.Consent(),
        name=CANARY,
        return_digest="kept",
    ),
]


@pytest.mark.parametrize("event", WITH_WORDS, ids=e.type_of)
def test_no_word_is_left_and_all_else_is(event: e.Event) -> None:
    left = redact(event)
    assert CANARY.encode() not in msgspec.json.encode(left)
    before, after = msgspec.to_builtins(event), msgspec.to_builtins(left)
    changed = {key for key in before if before[key] != after[key]}
    assert changed <= {"text", "language", "erased", "because", "criticism", "name"}
    assert redact(left) == left


def test_every_field_in_which_a_participant_writes_is_redacted() -> None:
    """A new event with free text must be thought of here: those that hold any are listed."""
    free = {"text", "because", "criticism", "name"}
    holders = {
        kind
        for kind in (*get_args(e.AssemblyEvent), *get_args(e.RoomEvent))
        if free & set(kind.__struct_fields__)
    }
    # A notice is said by those who run the room, to all: it is no participant's to take back.
    assert holders == {type(event) for event in WITH_WORDS} | {e.NoticePosted}


def test_an_event_without_words_is_left_alone() -> None:
    event = e.VoteCast(statement=StatementId("s1"), choice=Choice.AGREE)
    assert redact(event) is not None
    notice = e.NoticePosted(text="x")
    assert redact(notice) is notice
    records = [
        e.Recorded(log=LogId("r1"), seq=seq, at=5, by=ParticipantId("p1"), event=each)
        for seq, each in enumerate([event, notice, WITH_WORDS[1]], 1)
    ]
    remains = remains_of(records)
    assert list(remains) == [3]
    assert (remains[3].at, remains[3].by) == (5, "p1")


def test_striking_forgets_a_record_for_whoever_has_it() -> None:
    words = {ParticipantId("p1"): [1, 2], ParticipantId("p2"): [3]}
    strike(words, 3)
    strike(words, 1)
    strike(words, 9)
    assert words == {"p1": [2]}

"""The chain: what it is made of, and that nothing can be changed in it unseen."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from server.deliberation import chain
from server.deliberation.chain import Envelope
from server.deliberation.events import NoticePosted, PhaseChanged, Recorded, VoteCast
from server.deliberation.vocabulary import Choice, Phase
from server.errors import LogBroken
from server.ids import LogId, ParticipantId, StatementId

LOG = LogId("r0123456789abcdef")
AT = 1_795_000_000_000


def sealed(count: int, log: LogId = LOG) -> list[chain.Sealed]:
    last = chain.genesis(log)
    made = []
    for seq in range(1, count + 1):
        recorded = Recorded(
            log=log,
            seq=seq,
            at=AT + seq,
            by=ParticipantId("p1"),
            event=VoteCast(statement=StatementId(f"s{seq}"), choice=Choice.AGREE),
        )
        made.append(chain.seal(recorded, last, bytes([seq % 256] * 16)))
        last = made[-1].hash
    return made


def envelopes(count: int) -> list[Envelope]:
    return [each.envelope for each in sealed(count)]


@given(
    st.integers(1, 2**53 - 1),
    st.sampled_from(["vote.cast", "participant.sessions-ended", "content.erased"]),
    st.binary(min_size=32, max_size=32),
    st.binary(min_size=32, max_size=32),
)
def test_the_hash_is_that_of_canonical_json(
    seq: int, type_: str, commitment: bytes, previous: bytes
) -> None:
    envelope = Envelope(
        seq=seq, type=type_, day="2026-11-21", commitment=commitment.hex(), previous=previous.hex()
    )
    canonical = rfc8785.dumps({**json.loads(json.dumps(_builtins(envelope))), "log": LOG})
    assert chain.hash_of(LOG, envelope) == sha256(canonical).digest()


def _builtins(envelope: Envelope) -> dict[str, int | str]:
    return {name: getattr(envelope, name) for name in envelope.__struct_fields__}


@pytest.mark.parametrize(
    ("log", "type_", "day"),
    [('r"', "vote.cast", "2026-11-21"), (LOG, "vote\\cast", "2026-11-21"), (LOG, "x", "é")],
)
def test_what_would_need_escaping_is_refused(log: str, type_: str, day: str) -> None:
    envelope = Envelope(seq=1, type=type_, day=day, commitment="", previous="")
    with pytest.raises(ValueError, match="ASCII"):
        chain.hash_of(LogId(log), envelope)


def test_a_payload_comes_back_and_its_day_is_utc() -> None:
    event = NoticePosted(text="Grüße 🌍 مرحبا")
    recorded = Recorded(log=LOG, seq=1, at=AT, by=None, event=event)
    one = chain.seal(recorded, chain.genesis(LOG), b"0" * 16)
    assert chain.check_payload(LOG, one.envelope, one.salt, one.payload) == recorded
    assert one.envelope.day == "2026-11-18"
    assert chain.day_of(0) == "1970-01-01"
    assert chain.day_of(86_399_999) == "1970-01-01"
    assert chain.day_of(86_400_000) == "1970-01-02"


def test_a_salt_has_128_bits() -> None:
    recorded = Recorded(log=LOG, seq=1, at=AT, by=None, event=PhaseChanged(phase=Phase.OPEN))
    with pytest.raises(ValueError, match="16 bytes"):
        chain.seal(recorded, chain.genesis(LOG), b"short")


def test_a_chain_holds_whole_and_in_pieces() -> None:
    made = sealed(9)
    public = [each.envelope for each in made]
    whole = chain.check_chain(LOG, public)
    assert whole == made[-1].hash.hex()
    half = chain.check_chain(LOG, public[:4])
    assert chain.check_chain(LOG, public[4:], after=4, previous=half) == whole
    assert chain.check_chain(LOG, []) == chain.genesis(LOG).hex()


@given(st.integers(0, 8), st.sampled_from(["type", "day", "commitment", "previous", "seq"]))
def test_any_change_is_found_or_changes_the_head(where: int, what: str) -> None:
    public = envelopes(9)
    head = chain.check_chain(LOG, public)
    changes = {
        "type": "ranking.cast",
        "day": "2026-11-19",
        "commitment": "0" * 64,
        "previous": "0" * 64,
        "seq": 77,
    }
    fields = {**_builtins(public[where]), what: changes[what]}
    public[where] = Envelope(**fields)  # type: ignore[arg-type]
    assert _head_or_none(public) != head


@pytest.mark.parametrize(
    "spoil",
    [
        lambda e: e[1:],
        lambda e: [e[0], e[2], e[1], *e[3:]],
        lambda e: e[:3] + e[4:],
        lambda e: [*e[:4], e[3], *e[4:]],
        lambda e: e[:-1],
    ],
    ids=["beginning cut off", "reordered", "removed", "doubled", "end cut off"],
)
def test_order_and_number_are_bound(spoil) -> None:  # type: ignore[no-untyped-def]
    public = envelopes(6)
    assert _head_or_none(spoil(public)) != chain.check_chain(LOG, public)


def _head_or_none(public: list[Envelope]) -> str | None:
    try:
        return chain.check_chain(LOG, public)
    except LogBroken:
        return None


def test_one_logs_chain_is_not_anothers() -> None:
    with pytest.raises(LogBroken):
        chain.check_chain(LogId("r9"), envelopes(2))


def test_another_payload_or_salt_is_found() -> None:
    one, two = sealed(2)
    chain.check_payload(LOG, one.envelope, one.salt, one.payload)
    for salt, payload in ((two.salt, one.payload), (one.salt, two.payload), (b"", b"")):
        with pytest.raises(LogBroken):
            chain.check_payload(LOG, one.envelope, salt, payload)


def test_an_envelope_that_names_another_event_is_found() -> None:
    one = sealed(1)[0]
    for change in ({"type": "ranking.cast"}, {"day": "2026-01-01"}):
        envelope = Envelope(**{**_builtins(one.envelope), **change})  # type: ignore[arg-type]
        with pytest.raises(LogBroken, match="another event"):
            chain.check_payload(LOG, envelope, one.salt, one.payload)


def test_what_is_no_payload_is_told_so() -> None:
    with pytest.raises(LogBroken, match="cannot be read"):
        chain.read_payload(LOG, 3, b"{}")

"""The hash chain of a log: what is public of an event, and what its payload is bound by.

The public envelope of an event is ``{seq, type, day, commitment, previous}``. Who, what and when
exactly are a payload that is kept apart, with a salt of 128 bits; the envelope holds only
SHA-256(salt ‖ payload). So a payload can be deleted and the chain still holds, and whoever has the
chain alone learns no vote by guessing. docs/protocol.md, "The chain", is the specification.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256

import msgspec

from ..errors import LogBroken
from ..ids import LogId, ParticipantId
from .events import Event, Recorded

SALT_BYTES = 16
_GENESIS = b"folkmoot.log/1\n"
_DAY_MS = 86_400_000
_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:")


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """What is public of one event; ``commitment`` and ``previous`` are 64 hex digits."""

    seq: int
    type: str
    day: str
    commitment: str
    previous: str


class Payload(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept apart and can be erased: when (ms since 1970), by whom, and the event."""

    at: int
    by: ParticipantId | None
    event: Event


class Sealed(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An event bound into the chain; ``hash`` is the next envelope's ``previous``."""

    seq: int
    type: str
    day: str
    commitment: bytes
    previous: bytes
    hash: bytes
    salt: bytes
    payload: bytes

    @property
    def envelope(self) -> Envelope:
        """What is public of it."""
        return Envelope(
            seq=self.seq,
            type=self.type,
            day=self.day,
            commitment=self.commitment.hex(),
            previous=self.previous.hex(),
        )


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Payload).decode


def genesis(log: LogId) -> bytes:
    """Return what stands as ``previous`` in a log's first envelope; it differs for every log."""
    return sha256(_GENESIS + log.encode()).digest()


def day_of(at: int) -> str:
    """Return the day in UTC, as ``2026-11-21``, of a time in ms since 1970."""
    return _day(at // _DAY_MS)


@lru_cache(maxsize=512)
def _day(number: int) -> str:
    return datetime.fromtimestamp(number * 86_400, UTC).strftime("%Y-%m-%d")


@lru_cache(maxsize=256)
def _type(kind: type[Event]) -> str:
    return str(kind.__struct_config__.tag)


def payload_of(recorded: Recorded) -> bytes:
    """Return the JSON bytes of ``{at, by, event}``; what was committed to are these very bytes."""
    return _encode(Payload(at=recorded.at, by=recorded.by, event=recorded.event))


def read_payload(log: LogId, seq: int, payload: bytes) -> Recorded:
    """Return the event that a payload holds.

    Raises:
        LogBroken: it is not one.
    """
    try:
        read = _decode(payload)
    except msgspec.DecodeError as error:
        raise LogBroken(f"The payload of {log} {seq} cannot be read.") from error
    return Recorded(log=log, seq=seq, at=read.at, by=read.by, event=read.event)


def commitment_to(salt: bytes, payload: bytes) -> bytes:
    """Return SHA-256(salt ‖ payload)."""
    return sha256(salt + payload).digest()


def hash_of(log: LogId, envelope: Envelope) -> bytes:
    """Return SHA-256 of the canonical JSON (RFC 8785) of the envelope with the log's id.

    ValueError where log, type or day hold a character that a log never has there; for those that
    are left, canonical JSON is what is written here, keys in order and nothing to escape.
    """
    return _hash(
        log, envelope.seq, envelope.type, envelope.day, envelope.commitment, envelope.previous
    )


def _hash(  # noqa: PLR0917 - the six parts of an envelope, on the path of every vote
    log: LogId, seq: int, type_: str, day: str, commitment: str, previous: str
) -> bytes:
    if not (_is_safe(log) and _is_safe(type_) and _is_safe(day)):
        raise ValueError("a log's id, a type and a day are ASCII letters, digits and '-._:'")
    return sha256(
        f'{{"commitment":"{commitment}","day":"{day}","log":"{log}",'
        f'"previous":"{previous}","seq":{seq},"type":"{type_}"}}'.encode()
    ).digest()


@lru_cache(maxsize=4096)
def _is_safe(text: str) -> bool:
    return bool(text) and _SAFE.issuperset(text)


def seal(recorded: Recorded, previous: bytes, salt: bytes) -> Sealed:
    """Bind one event to the chain that ends with the hash ``previous``."""
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt has {SALT_BYTES} bytes, not {len(salt)}")
    payload = payload_of(recorded)
    commitment = sha256(salt + payload).digest()
    type_, day = _type(type(recorded.event)), day_of(recorded.at)
    end = _hash(recorded.log, recorded.seq, type_, day, commitment.hex(), previous.hex())
    return Sealed(
        seq=recorded.seq,
        type=type_,
        day=day,
        commitment=commitment,
        previous=previous,
        hash=end,
        salt=salt,
        payload=payload,
    )


def check_chain(
    log: LogId, envelopes: Iterable[Envelope], *, after: int = 0, previous: str | None = None
) -> str:
    """Check envelopes that follow seq ``after`` and return the hash of the last, in hex.

    ``previous`` is the hash at ``after``; without it the log's genesis. Nothing is said about what
    was cut off at the end: compare the answer with a head that is known otherwise.

    Raises:
        LogBroken: a gap or a hash that differs, naming the first seq where.
    """
    last = previous if previous is not None else genesis(log).hex()
    for envelope in envelopes:
        after += 1
        if envelope.seq != after:
            raise LogBroken(f"In the log {log}, {envelope.seq} stands where {after} should.")
        if envelope.previous != last:
            raise LogBroken(f"In the log {log}, what stands before {after} was changed.")
        try:
            digest = hash_of(log, envelope)
        except ValueError as error:
            raise LogBroken(f"In the log {log}, the envelope of {after} is none.") from error
        last = digest.hex()
    return last


def check_payload(log: LogId, envelope: Envelope, salt: bytes, payload: bytes) -> Recorded:
    """Check that a payload is the one its envelope commits to, and return its event.

    Raises:
        LogBroken: the payload, its type or its day is another.
    """
    if commitment_to(salt, payload).hex() != envelope.commitment:
        raise LogBroken(f"In the log {log}, the payload of {envelope.seq} was changed.")
    recorded = read_payload(log, envelope.seq, payload)
    if _type(type(recorded.event)) != envelope.type or day_of(recorded.at) != envelope.day:
        raise LogBroken(f"In the log {log}, the envelope of {envelope.seq} names another event.")
    return recorded

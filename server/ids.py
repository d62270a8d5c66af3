"""Kinds of ids, and how one is made from random bytes.

An id is a short prefix for its kind and 80 random bits in Crockford's base 32, lower case, so that
it cannot be guessed, can be read aloud, and sorts by nothing. Randomness comes in as an argument.
"""

from __future__ import annotations

from typing import NewType

AssemblyId = NewType("AssemblyId", str)
RoomId = NewType("RoomId", str)
LogId = NewType("LogId", str)
"""The id of a log: an assembly's or a room's id, as text."""
ParticipantId = NewType("ParticipantId", str)
StatementId = NewType("StatementId", str)
InviteId = NewType("InviteId", str)
DraftId = NewType("DraftId", str)
ClauseId = NewType("ClauseId", str)

PREFIXES = {
    "assembly": "a",
    "room": "r",
    "participant": "p",
    "statement": "s",
    "invite": "i",
    "draft": "d",
    "key": "k",
}

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
ENTROPY_BYTES = 10


def make_id(kind: str, entropy: bytes) -> str:
    """Return ``<prefix><16 characters>`` for ``kind``; ``entropy`` is exactly ten random bytes."""
    if len(entropy) != ENTROPY_BYTES:
        raise ValueError(f"an id needs {ENTROPY_BYTES} bytes, not {len(entropy)}")
    number = int.from_bytes(entropy, "big")
    digits = [_ALPHABET[(number >> shift) & 31] for shift in range(75, -1, -5)]
    return PREFIXES[kind] + "".join(digits)

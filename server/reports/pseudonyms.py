"""Names for people in what leaves the house: the same within an assembly, unlinked between roles.

A pseudonym is the first 48 bits of HMAC-SHA-256 under the assembly's own key, as a number, which is
what Polis' columns hold. An author's is not the voter's: nobody who wrote a statement can be found
among the rows of votes by it. Without the key nobody can try ids.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field

from ..ids import AssemblyId, ParticipantId

_BYTES = 6


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """The pseudonyms of one assembly."""

    key: bytes = field(repr=False)

    def voter(self, participant: ParticipantId) -> int:
        """Return the number of a person's row of votes."""
        return self._number("voter", participant)

    def author(self, participant: ParticipantId) -> int:
        """Return the number under which a person's statements stand."""
        return self._number("author", participant)

    def _number(self, role: str, participant: ParticipantId) -> int:
        digest = hmac.new(self.key, f"{role}\n{participant}".encode(), hashlib.sha256).digest()
        return int.from_bytes(digest[:_BYTES], "big")


def pseudonym_key(secret: bytes, assembly: AssemblyId) -> bytes:
    """Return the key of one assembly's pseudonyms, from a secret of this installation."""
    return hmac.new(secret, f"folkmoot.pseudonyms/1\n{assembly}".encode(), hashlib.sha256).digest()

"""What the fleet's people write and think: enough sense in it that drafts can be made of it."""

from __future__ import annotations

import random
from zlib import crc32

_WHO = (
    "laboratories", "regulators", "schools", "hospitals", "newspapers",
    "employers", "ministries", "libraries", "courts", "banks",
)  # fmt: skip
_DO = (
    "should publish how they test", "must ask people before they use",
    "should never decide alone with", "must explain in plain words",
    "should pay those whose work trained", "must keep a person responsible for",
    "should let anybody inspect", "must be able to switch off",
    "should report every accident with", "must not sell what they learn from",
)  # fmt: skip
_WHAT = (
    "models that advise patients", "assistants that teach children", "programs that hire people",
    "systems that judge loans", "machines that write news", "tools that watch workers",
    "software that translates for refugees", "agents that spend money",
    "voices that sound like humans", "models whose weights are open",
)  # fmt: skip
_WHEN = (
    "before anyone depends on it", "within three days", "every year", "in every language",
    "even if it costs more", "as long as doubts remain", "where lives are at stake",
    "without being asked", "at their own expense", "and say who checked it",
)  # fmt: skip
_CAMPS = 3
_SHARES = (90, 75, 40, 10)
"""How many in a hundred of a camp agree: one of these for each camp and statement."""


def statement(rng: random.Random) -> str:
    """Return a sentence of at most 140 characters."""
    who, do, what, when = (rng.choice(each) for each in (_WHO, _DO, _WHAT, _WHEN))
    return f"{who.capitalize()} {do} {what}, {when}."


def choice(statement_id: str, person: int, rng: random.Random) -> str:
    """Return a vote: people belong to camps, and how a camp takes a statement follows from its id.

    A quarter of the statements is what everybody likes.
    """
    drawn = crc32(statement_id.encode())
    camp = 0 if drawn % 4 == 0 else 1 + (drawn >> 2 + 2 * (person % _CAMPS)) % 3
    said = rng.randrange(100)
    return "pass" if said >= 95 else "agree" if said < _SHARES[camp] else "disagree"

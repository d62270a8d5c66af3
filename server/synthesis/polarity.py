"""Whether two texts about the same thing point the same way. Pure.

Embeddings put a negation as close as a paraphrase (METHODS "Themes"), so this is looked at before
two statements are called similar, merged, or counted as covering each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from .cues import Reading, read


@dataclass(frozen=True, slots=True)
class Direction:
    """Which way a text points: turned round an odd number of times; for more (1) or less (−1)."""

    turned: bool
    amount: int

    def contrary_to(self, other: Direction) -> bool:
        """Whether the two point in opposite ways, supposing both speak of the same thing."""
        return (self.turned != other.turned) != (self.amount * other.amount < 0)


@lru_cache(maxsize=16_384)
def direction(text: str, language: str | None) -> Direction:
    """Return which way a text points; an unknown language is guessed.

    Lexical: irony, and contraries that have none of our words, go unnoticed.
    """
    reading = read(text, language)
    amount = (reading.count("more") > 0) - (reading.count("less") > 0)
    return Direction(turns(reading) % 2 == 1, amount)


def opposite(one: str, other: str, one_language: str | None, other_language: str | None) -> bool:
    """Whether one text says the contrary of the other, supposing both speak of the same thing.

    They do if the number of turns (negations; verbs like ban, reject, stop) is odd in one and even
    in the other, or else if one wants more of what the other wants less of; both together cancel
    out.
    """
    return direction(one, one_language).contrary_to(direction(other, other_language))


def turns(reading: Reading) -> int:
    """How many times a text turns its own meaning round.

    What only accompanies a negation counts only where none is: *without* (in "never without
    consent" it sets a condition), and in Spanish, Russian and others the *nunca* of *no … nunca*.
    French *ne … pas* is one.
    """
    particles = reading.found("negation")
    count = len(particles)
    if reading.language == "fr":
        count = max(sum(p in ("ne", "n") for p in particles), particles.count("pas"))
    if not count and reading.count("concord"):
        count = 1
    return count + reading.count("reversing")

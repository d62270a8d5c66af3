"""Where time and chance come in, with real ones and seeded fakes."""

from __future__ import annotations

import os
import random
import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> int:
        """Return ms since 1970, UTC."""
        ...


class Chance(Protocol):
    """Gives what must not be guessed."""

    def entropy(self, count: int) -> bytes:
        """Return ``count`` random bytes."""
        ...

    def draw(self) -> float:
        """Return a float in [0, 1)."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        """Return ms since 1970, UTC."""
        return time.time_ns() // 1_000_000


class SharedClock:
    """A clock corrected by how far the database's is ahead, so that all servers say one time.

    What it says can go back by what a correction takes away; the times in a log never do.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        """``clock`` is the one that is corrected; the machine's by default."""
        self._clock = clock or SystemClock()
        self.offset = 0.0
        """Seconds by which the database's clock is ahead."""

    def now(self) -> int:
        """Return ms since 1970, UTC, by the database's clock."""
        return self._clock.now() + round(self.offset * 1000)


class SystemChance:
    """The machine's entropy."""

    def __init__(self) -> None:
        self._random = random.SystemRandom()

    def entropy(self, count: int) -> bytes:
        """Return ``count`` random bytes."""
        return os.urandom(count)

    def draw(self) -> float:
        """Return a float in [0, 1)."""
        return self._random.random()


class SteppingClock:
    """A fake: starts at ``at`` and goes on by ``step`` ms each time it is asked."""

    def __init__(self, at: int = 1_795_000_000_000, step: int = 1) -> None:
        self._at = at
        self._step = step

    def now(self) -> int:
        """Return the next time."""
        self._at += self._step
        return self._at


class SeededChance:
    """A fake: the same seed gives the same bytes and floats."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - a fake that must be guessable

    def entropy(self, count: int) -> bytes:
        """Return the next ``count`` bytes."""
        return self._random.randbytes(count)

    def draw(self) -> float:
        """Return the next float in [0, 1)."""
        return self._random.random()

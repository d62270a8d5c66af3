"""Who takes part in the demo, and how they vote: seeded, so that it is always the same demo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..deliberation.votes import AGREE, DISAGREE, EMPTY, PASS
from .statements import OUTLOOKS, STATEMENTS

PEOPLE: Final = 300
SHARES: Final = (0.38, 0.34, 0.28)
"""The share of each outlook, in the order of ``OUTLOOKS``."""
SEED: Final = 2026
_FEWEST, _MOST = 22, 44
_STRENGTH = 1.35
_SPREAD = 0.8
_PASSES = 0.09


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """``outlooks`` (n,) numbers in ``OUTLOOKS``; ``votes`` (n, m) by person and statement."""

    outlooks: NDArray[np.intp]
    votes: NDArray[np.int8]


def population(people: int = PEOPLE, seed: int = SEED) -> Population:
    """Return people who each vote on 22 to 44 of the statements, by outlook and by chance.

    The chance to agree is the logistic function of 1.35 times the outlook's stance, a leaning of
    the person and one of the person on that statement (standard deviations .4 and .8); 9 % of votes
    are passes.
    """
    rng = np.random.default_rng(seed)
    counts = np.floor(np.array(SHARES) * people).astype(int)
    counts[0] += people - counts.sum()
    outlooks = np.repeat(np.arange(len(OUTLOOKS)), counts)
    stances = np.array([each.stance for each in STATEMENTS], dtype=np.float64).T
    shape = (people, len(STATEMENTS))
    leaning = rng.normal(0.0, _SPREAD / 2.0, (people, 1)) + rng.normal(0.0, _SPREAD, shape)
    agrees = rng.random(shape) < 1.0 / (1.0 + np.exp(-_STRENGTH * stances[outlooks] - leaning))
    votes = np.where(agrees, AGREE, DISAGREE).astype(np.int8)
    votes[rng.random(shape) < _PASSES] = PASS
    cast = rng.integers(_FEWEST, _MOST + 1, people)
    order = rng.random(shape).argsort(axis=1).argsort(axis=1)
    votes[order >= cast[:, None]] = EMPTY
    return Population(outlooks.astype(np.intp), votes)


def authors(outlooks: NDArray[np.intp], seed: int = SEED) -> tuple[int, ...]:
    """Return for each statement a person of the outlook that backs it most."""
    rng = np.random.default_rng((seed, 1))
    return tuple(
        int(rng.choice(np.flatnonzero(outlooks == int(np.argmax(each.stance)))))
        for each in STATEMENTS
    )

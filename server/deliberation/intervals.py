"""Intervals of shares: one for a declared moment, one that holds at every moment, and weights.

``wilson`` is for a count at a close that was declared beforehand. While anybody may look at any
moment, ``share_sequence`` is the honest one. Neither says anything of people who did not take part.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln, xlog1py, xlogy

Z95: Final = 1.959963984540054
"""The standard normal's 97.5th percentile: two-sided 95 %."""

_HALVINGS = 60


@dataclass(frozen=True, slots=True)
class Interval:
    """A closed interval of a share (within 0…1) or of a difference of shares (−1…1)."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class WeightedShare:
    """A share weighted by the inverse of how likely each vote was to be asked for.

    ``raw`` is the unweighted share, ``effective`` Kish's effective number of votes, ``interval``
    Wilson's with that number: approximate, and for a declared moment only.
    """

    share: float
    raw: float
    effective: float
    interval: Interval


def wilson(successes: int, n: int, z: float = Z95) -> Interval:
    """Wilson's score interval (1927) of a share; 0…1 for ``n`` = 0.

    ValueError unless 0 ≤ successes ≤ n. Valid at one moment fixed beforehand, not while looking.
    """
    _check(successes, n)
    return _wilson(float(successes), float(n), z)


def wilson_arrays(
    successes: NDArray[np.int64], n: NDArray[np.int64], z: float = Z95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """``wilson`` for arrays of one shape: the lower and the upper bounds."""
    trials = np.maximum(n, 1).astype(np.float64)
    p = successes / trials
    denominator = 1.0 + z * z / trials
    centre = (p + z * z / (2.0 * trials)) / denominator
    half = z / denominator * np.sqrt(p * (1.0 - p) / trials + z * z / (4.0 * trials * trials))
    none = n == 0
    low = np.where(none, 0.0, np.clip(centre - half, 0.0, 1.0))
    high = np.where(none, 1.0, np.clip(centre + half, 0.0, 1.0))
    low[(successes == 0) & ~none] = 0.0
    high[(successes == n) & ~none] = 1.0
    return low, high


def share_sequence(successes: int, n: int, alpha: float = 0.05) -> Interval:
    """The interval at ``n`` votes of a confidence sequence: it may be looked at after every vote.

    With probability ≥ 1 − alpha the true share lies in *all* the intervals of the sequence at once.
    Beta-binomial mixture with prior Beta(½, ½): the shares p for which
    B(½ + s, ½ + f) / B(½, ½) ÷ (pˢ(1 − p)ᶠ) < 1/alpha (Robbins 1970; Howard et al. 2021).
    It assumes that votes come in an order that does not depend on what they say; a replaced vote
    counts as one. ValueError unless 0 ≤ successes ≤ n and 0 < alpha < 1.
    """
    _check(successes, n)
    low, high = share_sequence_arrays(
        np.array([successes], dtype=np.int64), np.array([n], dtype=np.int64), alpha
    )
    return Interval(float(low[0]), float(high[0]))


def share_sequence_arrays(
    successes: NDArray[np.int64], n: NDArray[np.int64], alpha: float = 0.05
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """``share_sequence`` for arrays of one shape: the lower and the upper bounds."""
    if not 0.0 < alpha < 1.0:
        raise ValueError("alpha lies between 0 and 1")
    s = np.asarray(successes, dtype=np.float64)
    f = np.asarray(n, dtype=np.float64) - s
    # The share p is inside while s·ln p + f·ln(1 − p) stays above this level; the left side has
    # its one maximum at s/n, so that each bound is found by halving one side.
    level = betaln(0.5 + s, 0.5 + f) - betaln(0.5, 0.5) + math.log(alpha)
    peak = s / np.maximum(s + f, 1.0)

    def bound(outside: NDArray[np.float64]) -> NDArray[np.float64]:
        inside = peak.copy()
        for _ in range(_HALVINGS):
            middle = (inside + outside) / 2.0
            holds = xlogy(s, middle) + xlog1py(f, -middle) > level
            inside = np.where(holds, middle, inside)
            outside = np.where(holds, outside, middle)
        return outside

    low = np.where(s == 0, 0.0, bound(np.zeros_like(peak)))
    high = np.where(f == 0, 1.0, bound(np.ones_like(peak)))
    return low, high


def difference(s1: int, n1: int, s2: int, n2: int, z: float = Z95) -> Interval:
    """Newcombe's hybrid score interval (1998, method 10) of the difference s1/n1 − s2/n2.

    For one declared moment and two independent groups; −1…1 where a group has no votes.
    """
    _check(s1, n1)
    _check(s2, n2)
    if n1 == 0 or n2 == 0:
        return Interval(-1.0, 1.0)
    p1, p2 = s1 / n1, s2 / n2
    one, two = wilson(s1, n1, z), wilson(s2, n2, z)
    return Interval(
        p1 - p2 - math.hypot(p1 - one.low, two.high - p2),
        p1 - p2 + math.hypot(one.high - p1, p2 - two.low),
    )


def difference_sequence(s1: int, n1: int, s2: int, n2: int, alpha: float = 0.05) -> Interval:
    """An interval of the difference s1/n1 − s2/n2 that may be looked at after every vote.

    Two sequences of half the ``alpha`` each, put together: valid, and wider than need be.
    """
    one = share_sequence(s1, n1, alpha / 2.0)
    two = share_sequence(s2, n2, alpha / 2.0)
    return Interval(one.low - two.high, one.high - two.low)


def hajek_share(
    agrees: Sequence[bool], probabilities: Sequence[float], z: float = Z95
) -> WeightedShare:
    """Hájek's estimate of a share: Σ yᵢ/πᵢ ÷ Σ 1/πᵢ, with πᵢ the recorded chance of a showing.

    ValueError for sequences of different length, for none, or for a chance outside (0, 1].
    """
    if len(agrees) != len(probabilities) or not agrees:
        raise ValueError("a share needs as many chances as votes, and one vote at least")
    if not all(0.0 < chance <= 1.0 for chance in probabilities):
        raise ValueError("a chance lies in (0, 1]")
    weights = [1.0 / chance for chance in probabilities]
    total = math.fsum(weights)
    yes = math.fsum(w for w, agree in zip(weights, agrees, strict=True) if agree)
    effective = total * total / math.fsum(w * w for w in weights)
    share = min(yes / total, 1.0)
    return WeightedShare(
        share=share,
        raw=sum(agrees) / len(agrees),
        effective=effective,
        interval=_wilson(share * effective, effective, z),
    )


def _check(successes: int, n: int) -> None:
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} of {n} is not a count")


def _wilson(successes: float, n: float, z: float) -> Interval:
    if n == 0:
        return Interval(0.0, 1.0)
    p = successes / n
    denominator = 1.0 + z * z / n
    centre = (p + z * z / (2.0 * n)) / denominator
    half = z / denominator * math.sqrt(p * (1.0 - p) / n + z * z / (4.0 * n * n))
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return Interval(low, high)

"""Which statements tell a group from all others: they explain a map and claim nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .summary import SIGNIFICANT, Counts, own_z

MOST = 5


@dataclass(frozen=True, slots=True)
class Representative:
    """A statement that sets a group apart, in the direction in which it does.

    ``p`` = (n + 1)/(S + 2) and its z, and ``ratio`` = p ÷ the others' with its z, n being agrees or
    disagrees by ``direction``. ``qualifies``: both z > 1.2816, on either side.
    """

    statement: int
    direction: Literal["agree", "disagree"]
    p: float
    p_z: float
    ratio: float
    ratio_z: float
    qualifies: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """The four numbers of one direction for one group, (m,) each."""

    p: NDArray[np.float64]
    p_z: NDArray[np.float64]
    ratio: NDArray[np.float64]
    ratio_z: NDArray[np.float64]

    @property
    def qualifies(self) -> NDArray[np.bool_]:
        return (self.p_z > SIGNIFICANT) & (self.ratio_z > SIGNIFICANT)

    @property
    def weight(self) -> NDArray[np.float64]:
        return self.p * self.p_z * self.ratio * self.ratio_z


def representative(
    groups: Counts, skipped: NDArray[np.bool_], most: int = MOST
) -> tuple[tuple[Representative, ...], ...]:
    """Return for each group at most five statements, agrees before disagrees.

    ``groups`` are (k, m); "the others" of a group are the other groups. Statements that ``skipped``
    (m,) marks are left out; ties go by statement. With one group there is nothing to tell apart.
    """
    k: int = groups.agree.shape[0]
    if k < 2:
        return tuple(() for _ in range(k))
    others = groups.others(groups.summed())
    found: list[tuple[Representative, ...]] = []
    for g in range(k):
        agree = _side(groups.agree[g], groups.seen[g], others.agree[g], others.seen[g])
        disagree = _side(groups.disagree[g], groups.seen[g], others.disagree[g], others.seen[g])
        voted = (groups.agree[g] > 0) | (groups.disagree[g] > 0)
        found.append(_of_group(agree, disagree, voted, ~skipped, most))
    return tuple(found)


def two_proportion_z(
    s1: NDArray[np.integer],
    n1: NDArray[np.integer],
    s2: NDArray[np.integer],
    n2: NDArray[np.integer],
) -> NDArray[np.float64]:
    """Return the pooled two-proportion z of s1/n1 − s2/n2; 0 where nothing varies."""
    pool = (s1 + s2) / (n1 + n2)
    spread = np.sqrt(np.maximum(pool * (1.0 - pool), 0.0) * (1.0 / n1 + 1.0 / n2))
    varies = (pool > 0.0) & (pool < 1.0)
    z: NDArray[np.float64] = np.where(
        varies, (s1 / n1 - s2 / n2) / np.where(varies, spread, 1.0), 0.0
    )
    return z


def _side(
    count: NDArray[np.int64],
    seen: NDArray[np.int64],
    other_count: NDArray[np.int64],
    other_seen: NDArray[np.int64],
) -> _Side:
    p = (count + 1.0) / (seen + 2.0)
    return _Side(
        p=p,
        p_z=own_z(count, seen),
        ratio=p / ((other_count + 1.0) / (other_seen + 2.0)),
        ratio_z=two_proportion_z(count + 1, seen + 1, other_count + 1, other_seen + 1),
    )


def _of_group(
    agree: _Side,
    disagree: _Side,
    voted: NDArray[np.bool_],
    allowed: NDArray[np.bool_],
    most: int,
) -> tuple[Representative, ...]:
    agrees = agree.ratio_z > disagree.ratio_z
    qualifies = (agree.qualifies | disagree.qualifies) & allowed
    weight = np.where(agrees, agree.weight, disagree.weight)
    ordered = sorted(np.flatnonzero(qualifies).tolist(), key=lambda j: (-weight[j], j))
    best = _best_agree(agree, voted & allowed)
    if not ordered:
        if best is None:
            largest = np.where(allowed, np.maximum(agree.ratio_z, disagree.ratio_z), -np.inf)
            chosen = [int(largest.argmax())] if allowed.any() else []
        else:
            chosen = [best]
    elif best is None:
        chosen = ordered[:most]
    else:
        chosen = [best, *(j for j in ordered if j != best)][:most]
    found = [
        _entry(j, agree if agrees[j] else disagree, "agree" if agrees[j] else "disagree", qualifies)
        for j in chosen
    ]
    return tuple(sorted(found, key=lambda each: each.direction != "agree"))


def _best_agree(agree: _Side, candidates: NDArray[np.bool_]) -> int | None:
    """Find the statement the group most agrees with, one after another in statement order.

    The first enters if p_z > 1.2816, or ratio > 1 and p > ½. It yields to one whose
    p·p_z·ratio·ratio_z is larger if its own ratio is > 1, else to one whose p·p_z is larger.
    """
    whole, own = agree.weight, agree.p * agree.p_z
    enters = (agree.p_z > SIGNIFICANT) | ((agree.ratio > 1.0) & (agree.p > 0.5))
    best: int | None = None
    for j in np.flatnonzero(candidates).tolist():
        if best is None:
            if enters[j]:
                best = j
        elif (whole if agree.ratio[best] > 1.0 else own)[j] > (
            whole if agree.ratio[best] > 1.0 else own
        )[best]:
            best = j
    return best


def _entry(
    statement: int,
    side: _Side,
    direction: Literal["agree", "disagree"],
    qualifies: NDArray[np.bool_],
) -> Representative:
    return Representative(
        statement=statement,
        direction=direction,
        p=float(side.p[statement]),
        p_z=float(side.p_z[statement]),
        ratio=float(side.ratio[statement]),
        ratio_z=float(side.ratio_z[statement]),
        qualifies=bool(qualifies[statement]),
    )

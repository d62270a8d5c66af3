"""Which statement a person sees next: four draws of five by priority, one of five uniform.

Chance comes in as plain numbers in [0, 1), so that a showing can be replayed and tested.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

UNIFORM_SHARE: Final = 0.2
"""The part of the draws that is uniform over what the person has not voted on."""


class Stream(StrEnum):
    """Where a showing came from."""

    PRIORITY = "priority"
    UNIFORM = "uniform"


@dataclass(frozen=True, slots=True)
class Showing:
    """One statement put to one person.

    ``statement`` is its column; ``probability`` the whole chance that it was this one at this
    draw, whichever stream it came from: .8 · w/Σw + .2/candidates. That is the number to weight
    by: it is the same for both streams, so that a draw that came from one and could have come from
    the other is weighted once. ``position`` is the caller's count of this person's showings.
    """

    statement: int
    probability: float
    stream: Stream
    position: int


def priority(
    agree: NDArray[np.integer],
    passes: NDArray[np.integer],
    seen: NDArray[np.integer],
    extremity: NDArray[np.float64] | float,
    appeal: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """((1 − p)(E + 1)·a·(1 + 8·2^(−S/5)))² for each statement, all of one shape (m,).

    p = (P+1)/(S+2) for passes P and a = (A+1)/(S+2), over all voters; ``appeal`` replaces a, for
    routing once there are groups (``group_appeal``). Source: Polis, as METHODS gives it. Not zero
    for any counts.
    """
    smoothed = seen + 2.0
    a = (agree + 1.0) / smoothed if appeal is None else appeal
    p = (passes + 1.0) / smoothed
    fresh = 1.0 + 8.0 * np.exp2(seen / -5.0)
    weight: NDArray[np.float64] = ((1.0 - p) * (extremity + 1.0) * a * fresh) ** 2
    return weight


def group_appeal(agree: NDArray[np.integer], seen: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return the largest (A_g+1)/(S_g+2) over the groups: counts (k, m) → (m,).

    Without it what only a minority backs is shown a third as often as the average.
    """
    appeal: NDArray[np.float64] = ((agree + 1.0) / (seen + 2.0)).max(axis=0)
    return appeal


def choose(
    priorities: NDArray[np.float64],
    candidates: Sequence[int] | NDArray[np.integer],
    draws: tuple[float, float],
    position: int,
) -> Showing | None:
    """Draw one of ``candidates`` (columns not voted on yet); None if there is none.

    ``draws`` are two independent numbers, uniform in [0, 1): the first picks the stream, the second
    the statement. ``priorities`` (m,) are by column, finite and not negative; where the candidates'
    are all 0 both streams are uniform.
    """
    columns = np.asarray(candidates, dtype=np.intp)
    count = columns.size
    if count == 0:
        return None
    stream_draw, pick = draws
    weights = priorities[columns]
    running = np.cumsum(weights)
    total = float(running[-1])
    stream = Stream.UNIFORM if stream_draw < UNIFORM_SHARE else Stream.PRIORITY
    if stream is Stream.UNIFORM or total <= 0.0:
        chosen = min(int(pick * count), count - 1)
    else:
        chosen = min(int(np.searchsorted(running, pick * total, side="right")), count - 1)
    proportional = float(weights[chosen]) / total if total > 0.0 else 1.0 / count
    return Showing(
        statement=int(columns[chosen]),
        probability=(1.0 - UNIFORM_SHARE) * proportional + UNIFORM_SHARE / count,
        stream=stream,
        position=position,
    )

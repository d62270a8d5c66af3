"""What each group, and everybody, said of each statement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..intervals import Interval, difference, wilson_arrays
from .cells import Cells

SIGNIFICANT: Final = 1.2816
"""One-sided 90 % of the standard normal: what a z must exceed in the lists that explain a map."""


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """Agrees, disagrees and all votes (passes included); equal shapes, the last axis statements."""

    agree: NDArray[np.int64]
    disagree: NDArray[np.int64]
    seen: NDArray[np.int64]

    @property
    def passes(self) -> NDArray[np.int64]:
        """Votes that are neither agree nor disagree."""
        return self.seen - self.agree - self.disagree

    def others(self, total: Counts) -> Counts:
        """Return, for each group, the counts of all other groups together; shape (k, m)."""
        return Counts(
            total.agree - self.agree, total.disagree - self.disagree, total.seen - self.seen
        )

    def summed(self) -> Counts:
        """Return the counts of all groups together, (m,)."""
        return Counts(self.agree.sum(axis=0), self.disagree.sum(axis=0), self.seen.sum(axis=0))


@dataclass(frozen=True, slots=True)
class Divisive:
    """Where two groups differ most: the agree shares' difference one − two, and its interval."""

    statement: int
    one: int
    two: int
    difference: float
    interval: Interval


def count(cells: Cells, labels: NDArray[np.intp], k: int) -> tuple[Counts, Counts]:
    """Count everybody's votes, (m,), and each group's, (k, m); label −1 counts in the first only.

    ``labels`` are (n,), −1 … k − 1.
    """
    m = cells.shape[1]
    code = (labels[cells.rows] + 1) * 3
    code += cells.values
    code += 1
    code *= m
    code += cells.columns
    table = np.bincount(code, minlength=(k + 1) * 3 * m).reshape(k + 1, 3, m).astype(np.int64)
    every = table.sum(axis=0)
    return _counts(every), _counts(np.moveaxis(table[1:], 1, 0))


def consensus(groups: Counts) -> NDArray[np.float64]:
    """Return Π_g (A_g + 1)/(S_g + 2), (m,): "group-informed consensus" (Small et al. 2021).

    Between different numbers of groups only its k-th root can be compared.
    """
    product: NDArray[np.float64] = ((groups.agree + 1.0) / (groups.seen + 2.0)).prod(axis=0)
    return product


def least_share(groups: Counts) -> NDArray[np.float64]:
    """Return the smallest smoothed agree share of a group, (A_g + 1)/(S_g + 2), (m,)."""
    least: NDArray[np.float64] = ((groups.agree + 1.0) / (groups.seen + 2.0)).min(axis=0)
    return least


def backed_by_all(groups: Counts) -> NDArray[np.bool_]:
    """Say for which statements each group's lower Wilson bound of agree is above ½, (m,)."""
    low, _ = wilson_arrays(groups.agree, groups.seen)
    backed: NDArray[np.bool_] = np.logical_and.reduce(low > 0.5, axis=0)
    return backed


def divisive(groups: Counts, skipped: NDArray[np.bool_]) -> tuple[Divisive, ...]:
    """Return every statement that two groups voted on, the largest difference first.

    The difference is between the largest and the smallest agree share of the groups that voted; its
    interval is Newcombe's for two groups named beforehand, and so describes a difference and does
    not test it: that is ``claims``. Ties go by statement; ``skipped`` (m,) are left out.
    """
    found = []
    with_votes = groups.seen > 0
    shares = groups.agree / np.maximum(groups.seen, 1)
    top = np.where(with_votes, shares, -np.inf).argmax(axis=0)
    bottom = np.where(with_votes, shares, np.inf).argmin(axis=0)
    for j in np.flatnonzero((with_votes.sum(axis=0) >= 2) & ~skipped).tolist():
        one, two = int(top[j]), int(bottom[j])
        found.append(
            Divisive(
                statement=j,
                one=one,
                two=two,
                difference=float(shares[one, j] - shares[two, j]),
                interval=difference(
                    int(groups.agree[one, j]),
                    int(groups.seen[one, j]),
                    int(groups.agree[two, j]),
                    int(groups.seen[two, j]),
                ),
            )
        )
    return tuple(sorted(found, key=lambda each: (-each.difference, each.statement)))


def own_z(count: NDArray[np.int64], seen: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return p_z = 2√(S + 1)·((n + 1)/(S + 1) − ½): how far a share is above one half."""
    z: NDArray[np.float64] = 2.0 * np.sqrt(seen + 1.0) * ((count + 1.0) / (seen + 1.0) - 0.5)
    return z


def majority(
    total: Counts, skipped: NDArray[np.bool_], most: int = 5
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return what most of all voters agree with, and what most disagree with, five at most each.

    p = (n + 1)/(S + 2) > ½ and z > 1.2816, by p·z; ties go by statement.
    """

    def leading(count: NDArray[np.int64]) -> tuple[int, ...]:
        p = (count + 1.0) / (total.seen + 2.0)
        z = own_z(count, total.seen)
        enough = np.flatnonzero((p > 0.5) & (z > SIGNIFICANT) & ~skipped)
        order = np.argsort(-(p * z)[enough], kind="stable")[:most]
        return tuple(enough[order].tolist())

    return leading(total.agree), leading(total.disagree)


def _counts(by_choice: NDArray[np.int64]) -> Counts:
    disagree, _, agree = by_choice
    return Counts(agree, disagree, by_choice.sum(axis=0))

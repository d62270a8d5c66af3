"""Whether opinion groups are more than chance, and whether they come again.

The two-step procedure finds groups in pure noise too, so its silhouette says little by itself. Here
it is held against the same procedure on votes shuffled within each statement among those who voted
on it: how much each person voted and how each statement fared stay, what links people goes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from .cells import Cells
from .geometry import fit_plane, places
from .grouping import FEWEST_VOTES, base_clusters, nearest, splits

SHUFFLES: Final = 200
REDRAWS: Final = 24
_SHUFFLE_STREAM, _REDRAW_STREAM = 1, 2


class Mapper(Protocol):
    """Whatever maps like the built-in ``map``: a pool's ``map`` makes the work parallel."""

    def __call__(
        self, work: Callable[[int], float], numbers: Iterable[int], /
    ) -> Iterable[float]: ...


@dataclass(frozen=True, slots=True, eq=False)
class Electorate:
    """Votes in canonical order: the cells that are in, and how many votes each row cast at all."""

    cells: Cells
    cast: NDArray[np.intp]

    @property
    def grouped(self) -> NDArray[np.bool_]:
        """Who has cast at least min(7, m) votes, (n,)."""
        return self.cast >= max(1, min(FEWEST_VOTES, self.cells.shape[1]))

    def take(self, chosen: NDArray[np.intp]) -> Electorate:
        """Return the electorate whose row i is row ``chosen[i]`` of this one."""
        return Electorate(self.cells.take(chosen), self.cast[chosen])


@dataclass(frozen=True, slots=True, eq=False)
class Shuffle:
    """The best silhouette, over all k, that the procedure finds in shuffle number i.

    An instance can be pickled and called in another process.
    """

    people: Electorate
    by_statement: NDArray[np.intp]
    seed: int

    def __call__(self, number: int) -> float:
        rng = np.random.default_rng((self.seed, _SHUFFLE_STREAM, number))
        cells = self.people.cells
        ordered = cells.values[self.by_statement]
        ends = np.cumsum(np.bincount(cells.columns, minlength=cells.shape[1])).tolist()
        start = 0
        for end in ends:
            rng.shuffle(ordered[start:end])
            start = end
        values = np.empty_like(ordered)
        values[self.by_statement] = ordered
        shuffled = cells.with_values(values)
        points = places(shuffled, self.people.cast, fit_plane(shuffled))[self.people.grouped]
        found = splits(base_clusters(points, rng), rng)
        return max((split.silhouette for split in found), default=0.0)


def chance_p95(
    people: Electorate, *, seed: int, shuffles: int = SHUFFLES, mapper: Mapper = map
) -> float:
    """Return the 95th percentile of the best silhouettes of ``shuffles`` shuffled matrices.

    The percentile is the ⌈.95·(shuffles + 1)⌉-th smallest, never a value between two: if the votes
    were chance, theirs would exceed it in at most 5 % of cases, for any number of shuffles from 19
    on (an exact permutation test). ValueError below 19.
    """
    if shuffles < 19:
        raise ValueError("a test at .05 needs 19 shuffles at least")
    by_statement = np.argsort(people.cells.columns, kind="stable")
    work = Shuffle(people, by_statement, seed)
    found = np.fromiter(mapper(work, range(shuffles)), dtype=np.float64)
    return float(np.sort(found)[-(-95 * (shuffles + 1) // 100) - 1])


def stability(
    people: Electorate,
    labels: NDArray[np.intp],
    k: int,
    *,
    seed: int,
    redraws: int = REDRAWS,
    mapper: Mapper = map,
) -> float:
    """Return the mean adjusted Rand index between ``labels`` and those of bootstrap re-draws.

    Each re-draw draws as many people with replacement, fits plane and k groups to them, and is
    compared on the people drawn, each once. ``labels`` are (n,), −1 for nobody's group.
    """
    work = Redraw(people, labels, k, seed)
    return float(np.mean(np.fromiter(mapper(work, range(redraws)), dtype=np.float64)))


@dataclass(frozen=True, slots=True, eq=False)
class Redraw:
    """The adjusted Rand index of re-draw number i; can be pickled and called elsewhere."""

    people: Electorate
    labels: NDArray[np.intp]
    k: int
    seed: int

    def __call__(self, number: int) -> float:
        rng = np.random.default_rng((self.seed, _REDRAW_STREAM, number))
        n = self.labels.size
        chosen = np.sort(rng.integers(0, n, n))
        drawn = self.people.take(chosen)
        points = places(drawn.cells, drawn.cast, fit_plane(drawn.cells))
        grouped = drawn.grouped
        found = splits(base_clusters(points[grouped], rng), rng, (self.k,))
        if not found:
            return 0.0
        once = np.flatnonzero(grouped & (np.diff(chosen, prepend=-1) != 0))
        again = nearest(points[once], found[0].centres)
        return adjusted_rand(self.labels[chosen[once]], again)


def adjusted_rand(one: NDArray[np.intp], two: NDArray[np.intp]) -> float:
    """Hubert and Arabie's adjusted Rand index (1985) of two labellings of the same things.

    1 for equal partitions, about 0 for unrelated ones; 1 where both put everything together.
    """
    _, first = np.unique(one, return_inverse=True)
    _, second = np.unique(two, return_inverse=True)
    width = int(second.max(initial=0)) + 1
    table = np.bincount(first * width + second).astype(np.float64)
    rows = np.bincount(first).astype(np.float64)
    columns = np.bincount(second).astype(np.float64)

    def pairs(counts: NDArray[np.float64]) -> float:
        return float((counts * (counts - 1.0)).sum() / 2.0)

    total = pairs(np.array([float(one.size)]))
    both, left, right = pairs(table), pairs(rows), pairs(columns)
    expected = left * right / total if total else 0.0
    most = (left + right) / 2.0
    return 1.0 if most == expected else (both - expected) / (most - expected)

"""Claims that a statement divides the groups or represents one: tested on votes not used to group.

Groups are made from the votes, so that testing them on the same votes finds differences in noise.
Each person's votes are therefore split in two halves: groups from one half, the test on the other,
and the other way round. The two p-values of a claim make one by 2·min, which holds however they
depend on each other; over all claims of a kind the false-discovery rate is controlled at .1 by
Benjamini and Hochberg (1995), which holds for independent and for positively dependent tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.special import bdtrc, chdtrc, ndtr

from .analysis import Analysis
from .cells import Cells, canonical_order, cells_of
from .chance import Electorate
from .geometry import fit_plane, places
from .grouping import base_clusters, nearest, splits
from .representative import two_proportion_z
from .summary import Counts, count

RATE: Final = 0.1
FEWEST_SEEN: Final = 10
"""A statement is tested where, in both halves, each group cast so many votes on it at least."""
_FEWEST_EXPECTED: Final = 5.0
_HALVES_STREAM, _FIT_STREAM = 3, 4


@dataclass(frozen=True, slots=True)
class Divides:
    """The groups' agree shares differ on this statement; ``p`` before the correction."""

    statement: int
    p: float


@dataclass(frozen=True, slots=True)
class Represents:
    """More than half of this group, and more than of all others, agree (or disagree)."""

    statement: int
    group: int
    direction: Literal["agree", "disagree"]
    p: float


@dataclass(frozen=True, slots=True)
class Claims:
    """What a report may claim at a false-discovery rate of .1, the surest first.

    ``tested`` is how many statements had enough votes in every group; 0 with one group, or where
    half the votes don't give the groups.
    """

    divides: tuple[Divides, ...]
    represents: tuple[Represents, ...]
    tested: int


@dataclass(frozen=True, slots=True, eq=False)
class _Fold:
    """One half's groups, counted on the other half: p-values by statement, and by group too."""

    enough: NDArray[np.bool_]
    divides: NDArray[np.float64]
    agree: NDArray[np.float64]
    disagree: NDArray[np.float64]


def claims(votes: NDArray[np.int8], analysis: Analysis, rate: float = RATE) -> Claims:
    """Test every statement's claims against the analysis' own groups.

    ``votes`` is the (n, m) matrix that ``analysis`` was made from. The same for any order of rows.
    """
    groups = analysis.groups
    if groups.k < 2:
        return Claims((), (), 0)
    order = canonical_order(votes)
    every = cells_of(votes[order])
    position = {name: i for i, name in enumerate(groups.names)}
    labels = np.array([position.get(label, -1) for label in groups.labels[order].tolist()])
    first = _halves(every, np.random.default_rng((analysis.seed, _HALVES_STREAM)))
    folds = []
    for number, chosen in enumerate((first, ~first)):
        rng = np.random.default_rng((analysis.seed, _FIT_STREAM, number))
        half = Electorate(
            every.where(chosen).without_columns(analysis.moderated_out), every.where(chosen).cast
        )
        found = _groups_of_half(half, labels, groups.k, rng)
        if found is None:
            return Claims((), (), 0)
        tested = every.where(~chosen).without_columns(analysis.moderated_out)
        folds.append(_test(count(tested, found, groups.k)[1]))
    return _gather(folds[0], folds[1], groups.names, rate)


def discoveries(p: NDArray[np.float64], rate: float) -> NDArray[np.intp]:
    """Return which of the p-values Benjamini and Hochberg's step-up rule keeps, smallest first."""
    order = np.argsort(p, kind="stable")
    below = np.flatnonzero(p[order] <= rate * np.arange(1, p.size + 1) / max(p.size, 1))
    kept: NDArray[np.intp] = order[: below[-1] + 1] if below.size else order[:0]
    return kept


def _halves(cells: Cells, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Mark half of each row's cells, an odd one by the toss of a coin."""
    shuffled = np.lexsort((rng.random(cells.rows.size), cells.rows))
    rank = np.arange(cells.rows.size) - cells.start[cells.rows]
    coin = rng.integers(0, 2, cells.shape[0])[cells.rows]
    marked = np.empty(cells.rows.size, dtype=np.bool_)
    marked[shuffled] = (rank + coin) % 2 == 0
    return marked


def _groups_of_half(
    half: Electorate, labels: NDArray[np.intp], k: int, rng: np.random.Generator
) -> NDArray[np.intp] | None:
    """Group those who are in a group by half their votes, named after the groups they overlap."""
    points = places(half.cells, half.cast, fit_plane(half.cells))
    inside = (labels >= 0) & (half.cast > 0)
    found = splits(base_clusters(points[inside], rng), rng, (k,)) if inside.any() else []
    if not found:
        return None
    again = nearest(points[inside], found[0].centres)
    overlap = np.bincount(again * k + labels[inside], minlength=k * k).reshape(k, k)
    _, name = linear_sum_assignment(overlap, maximize=True)
    named = np.full(labels.size, -1)
    named[inside] = name[again]
    return named


def _test(groups: Counts) -> _Fold:
    total = groups.summed()
    others = groups.others(total)
    return _Fold(
        enough=groups.seen.min(axis=0) >= FEWEST_SEEN,
        divides=_homogeneity(groups.agree, groups.seen),
        agree=_one_sided(groups.agree, groups.seen, others.agree, others.seen),
        disagree=_one_sided(groups.disagree, groups.seen, others.disagree, others.seen),
    )


def _homogeneity(agree: NDArray[np.int64], seen: NDArray[np.int64]) -> NDArray[np.float64]:
    """Pearson's chi-square test that agree shares are equal, (k, m) → p (m,).

    1 where a count of fewer than five is expected: there the approximation claims too much.
    """
    n = np.maximum(seen, 1)
    pool = agree.sum(axis=0) / n.sum(axis=0)
    spread = pool * (1.0 - pool)
    statistic = (n * (agree / n - pool) ** 2).sum(axis=0) / np.where(spread > 0, spread, 1.0)
    expected = n.min(axis=0) * np.minimum(pool, 1.0 - pool)
    sound = (spread > 0) & (expected >= _FEWEST_EXPECTED)
    p: NDArray[np.float64] = np.where(sound, chdtrc(agree.shape[0] - 1, statistic), 1.0)
    return p


def _one_sided(
    s1: NDArray[np.int64], n1: NDArray[np.int64], s2: NDArray[np.int64], n2: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the larger p of "more than half" (binomial) and "more than the others" (pooled z)."""
    half = bdtrc(s1 - 1, np.maximum(n1, 1), 0.5)
    more = ndtr(-two_proportion_z(s1, np.maximum(n1, 1), s2, np.maximum(n2, 1)))
    p: NDArray[np.float64] = np.maximum(np.where(s1 > 0, half, 1.0), more)
    return p


def _gather(one: _Fold, two: _Fold, names: tuple[int, ...], rate: float) -> Claims:
    tested = np.flatnonzero(one.enough & two.enough)

    def joined(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
        p: NDArray[np.float64] = np.minimum(2.0 * np.minimum(first, second), 1.0)[..., tested]
        return p

    divides = joined(one.divides, two.divides)
    represents = np.stack([joined(one.agree, two.agree), joined(one.disagree, two.disagree)])
    flat = represents.ravel()
    kept = []
    for i in discoveries(flat, rate).tolist():
        side, group, j = (int(x) for x in np.unravel_index(i, represents.shape))
        kept.append(
            Represents(
                statement=int(tested[j]),
                group=names[group],
                direction="disagree" if side else "agree",
                p=float(flat[i]),
            )
        )
    return Claims(
        divides=tuple(
            Divides(int(tested[i]), float(divides[i])) for i in discoveries(divides, rate).tolist()
        ),
        represents=tuple(kept),
        tested=int(tested.size),
    )

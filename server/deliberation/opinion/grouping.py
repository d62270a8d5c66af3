"""Opinion groups: k-means in two steps, k by silhouette, the same for any order of people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

BASE_CLUSTERS: Final = 100
MOST_GROUPS: Final = 5
FEWEST_VOTES: Final = 7
"""Who has cast at least min(7, m) votes is grouped."""
_STARTS: Final = 12
_BASE_ROUNDS: Final = 20
_ROUNDS: Final = 60


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """One way to divide the base clusters: centres (k, 2) and people's mean silhouette (−1…1)."""

    k: int
    centres: NDArray[np.float64]
    silhouette: float


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """At most 100 clusters of people: their centres (b, 2) and how many people are in each."""

    centres: NDArray[np.float64]
    weights: NDArray[np.float64]


def base_clusters(points: NDArray[np.float64], rng: np.random.Generator) -> Base:
    """Draw people together into base clusters; where at most 100 places differ, these are it.

    The distinct places are sorted first, so that the order of ``points`` (n, 2) changes nothing.
    """
    distinct, counts = _distinct(points)
    weights = counts.astype(np.float64)
    if distinct.shape[0] <= BASE_CLUSTERS:
        return Base(distinct, weights)
    centres = _spread(distinct, weights, BASE_CLUSTERS, rng)
    labels = np.full(distinct.shape[0], -1)
    for _ in range(_BASE_ROUNDS):
        found = nearest(distinct, centres)
        if np.array_equal(found, labels):
            break
        labels = found
        centres = _means(distinct, weights, labels, centres)
    mass = np.bincount(labels, weights=weights, minlength=BASE_CLUSTERS).astype(np.float64)
    kept = mass > 0
    return Base(_means(distinct, weights, labels, centres)[kept], mass[kept])


def splits(base: Base, rng: np.random.Generator, ks: tuple[int, ...] | None = None) -> list[Split]:
    """Divide the base clusters into k groups for each k in 2 … min(5, 2 + ⌊base/12⌋).

    ``ks`` asks for those values alone. A k for which there are too few different places is left
    out. Each is the best of several seeded k-means++ starts by within-group squares.
    """
    size = base.weights.size
    asked = ks or tuple(range(2, min(MOST_GROUPS, 2 + size // 12) + 1))
    found = []
    for k in asked:
        if k > size:
            continue
        labels, centres = _best_of_starts(base, k, rng)
        if np.unique(labels).size == k:
            found.append(Split(k, centres, _silhouette(base, labels, k)))
    return found


def nearest(points: NDArray[np.float64], centres: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return for each of ``points`` (n, 2) the number of its nearest centre; ties: the first."""
    score = points @ (-2.0 * centres.T)
    score += np.einsum("ij,ij->i", centres, centres)
    found: NDArray[np.intp] = score.argmin(axis=1)
    return found


def _distinct(
    points: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    joined = np.ascontiguousarray(points).view(np.complex128).ravel()
    found, counts = np.unique(joined, return_counts=True)
    return found.view(np.float64).reshape(-1, 2), counts


def _means(
    points: NDArray[np.float64],
    weights: NDArray[np.float64],
    labels: NDArray[np.intp],
    centres: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the weighted mean of each cluster; an empty one keeps its centre."""
    k = centres.shape[0]
    mass = np.bincount(labels, weights=weights, minlength=k)
    sums = np.stack(
        [np.bincount(labels, weights=weights * points[:, i], minlength=k) for i in range(2)], axis=1
    )
    filled = mass > 0
    moved = centres.copy()
    moved[filled] = sums[filled] / mass[filled, None]
    return moved


def _spread(
    points: NDArray[np.float64], weights: NDArray[np.float64], k: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Choose k first centres by k-means++ (Arthur & Vassilvitskii 2007)."""
    x, y = np.ascontiguousarray(points[:, 0]), np.ascontiguousarray(points[:, 1])
    draws = rng.random(k)
    chosen = np.empty(k, dtype=np.intp)
    chance = weights
    squares = np.full(points.shape[0], np.inf)
    for i in range(k):
        running = np.cumsum(chance)
        at = int(np.searchsorted(running, draws[i] * running[-1], side="right"))
        chosen[i] = at = min(at, points.shape[0] - 1)
        dx, dy = x - x[at], y - y[at]
        np.minimum(squares, dx * dx + dy * dy, out=squares)
        chance = weights * squares
    return points[chosen]


def _best_of_starts(
    base: Base, k: int, rng: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Run all starts of k-means at once, as arrays (starts, base, k), and keep the best."""
    points, weights = base.centres, base.weights
    centres = points[_spread_starts(points, weights, k, rng)]
    weighted = np.column_stack([points * weights[:, None], weights])
    labels = np.full((_STARTS, weights.size), -1)
    groups = np.arange(k)
    for _ in range(_ROUNDS):
        squares = _squares(points, centres)
        found = squares.argmin(axis=2)
        if np.array_equal(found, labels):
            break
        labels = found
        member = (labels[:, :, None] == groups).astype(np.float64)
        sums = np.matmul(member.transpose(0, 2, 1), weighted)
        mass = sums[:, :, 2:]
        centres = np.where(mass > 0, sums[:, :, :2] / np.where(mass > 0, mass, 1.0), centres)
    within = (_squares(points, centres).min(axis=2) * weights).sum(axis=1)
    best = int(within.argmin())
    return labels[best], centres[best]


def _spread_starts(
    points: NDArray[np.float64], weights: NDArray[np.float64], k: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Choose first centres by k-means++ for all starts at once: numbers of points, (starts, k)."""
    draws = rng.random((k, _STARTS))
    chosen = np.empty((_STARTS, k), dtype=np.intp)
    squares = np.full((_STARTS, weights.size), np.inf)
    chance = np.broadcast_to(weights, squares.shape)
    for i in range(k):
        running = np.cumsum(chance, axis=1)
        chosen[:, i] = (running > (draws[i] * running[:, -1])[:, None]).argmax(axis=1)
        apart = points[None, :, :] - points[chosen[:, i], None, :]
        np.minimum(squares, np.einsum("sbi,sbi->sb", apart, apart), out=squares)
        chance = weights * squares
    return chosen


def _squares(points: NDArray[np.float64], centres: NDArray[np.float64]) -> NDArray[np.float64]:
    dx = points[None, :, None, 0] - centres[:, None, :, 0]
    dy = points[None, :, None, 1] - centres[:, None, :, 1]
    found: NDArray[np.float64] = dx * dx + dy * dy
    return found


def _silhouette(base: Base, labels: NDArray[np.intp], k: int) -> float:
    """Return the people's mean silhouette (Rousseeuw 1987), each at their base cluster's centre.

    Somebody who is alone in a group counts 0.
    """
    points, weights = base.centres, base.weights
    distances = np.hypot(
        points[:, None, 0] - points[None, :, 0], points[:, None, 1] - points[None, :, 1]
    )
    member = (labels[:, None] == np.arange(k)) * weights[:, None]
    sizes = member.sum(axis=0)
    sums = distances @ member
    own = sizes[labels]
    each = np.arange(labels.size)
    inside = sums[each, labels] / np.maximum(own - 1, 1)
    others = sums / sizes
    others[each, labels] = np.inf
    outside = others.min(axis=1)
    larger = np.maximum(inside, outside)
    counts = (own > 1) & (larger > 0)
    score = np.where(counts, (outside - inside) / np.where(larger > 0, larger, 1.0), 0.0)
    return float(np.average(score, weights=weights))

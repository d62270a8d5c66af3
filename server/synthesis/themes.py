"""What the statements are about: themes by METHODS "Themes".

A graph of nearest neighbours → spectral embedding → HDBSCAN → everybody to the nearest theme.
Parameters that METHODS leaves open were chosen on the three English conversations (693
statements), by the mean adjusted Rand index of 20 re-runs on 90 %: the mean of both directions
rather than the larger as the weight of an edge, HDBSCAN's leaves rather than its excess of mass
(which may make one theme of a whole conversation), 1.5 % rather than 1 % as the smallest theme,
and three rounds in which *every* statement, not only those left out, goes to the nearest theme's
mean: .74 instead of .69, at a homogeneity of .95.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from hdbscan import HDBSCAN
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it ships no stubs

from .naming import theme_name, theme_words
from .ports import Vectors
from .spectral import neighbour_graph, spectral_rows
from .text import clean

FEWEST = 30
"""Below so many different statements there are no themes."""
UNCLEAR = 0.02
"""By how much the nearest theme's cosine must exceed the second's."""
TWINS = 0.85
"""The cosine from which two themes' middles are one; real ones of one language stay below .5."""
_ROUNDS = 3

Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Theme:
    """One theme: ``members`` are places in the list of statements, those at its middle first."""

    id: int
    name: str
    words: tuple[str, ...]
    members: tuple[int, ...]


@dataclass(frozen=True)
class Themes:
    """All themes of a list of statements, the largest first.

    ``labels`` has a theme's id for each statement, −1 for unthemed. ``reason`` says in a sentence
    why there are none, where there are none. ``stability`` is the mean adjusted Rand index
    between this run and ``reruns`` runs on 90 % of the statements, ``None`` if not asked for.
    """

    labels: tuple[int, ...]
    themes: tuple[Theme, ...]
    seed: int
    reason: str | None = None
    stability: float | None = None
    reruns: int = 0


def find_themes(rows: Vectors, texts: Sequence[str], *, seed: int, reruns: int = 10) -> Themes:
    """Return the themes of statements, given their rows (n, d) in a meaning space.

    The same texts count once: a statement repeated is no theme. The order of statements changes
    nothing but ids of equally large themes. ``reruns=0`` leaves the stability out.
    """
    first: dict[str, int] = {}
    origin = [first.setdefault(clean(text), place) for place, text in enumerate(texts)]
    places = np.array(sorted(first.values()), dtype=np.intp)
    if len(places) < FEWEST:
        different = "" if len(places) == len(texts) else "different "
        return _none(
            len(texts),
            seed,
            f"There are {len(places)} {different}statements; themes need at least {FEWEST}.",
        )
    distinct = np.asarray(rows, np.float64)[places]
    found, clarity = partition(distinct, seed=seed)
    if found.max() < 0:
        return _none(len(texts), seed, "No separate themes can be told in these statements.")
    position = {int(place): at for at, place in enumerate(places)}
    labels = np.array([found[position[o]] for o in origin], dtype=np.int64)
    closeness = np.array([clarity[position[o]] for o in origin])
    labels = _largest_first(labels)
    named = theme_words(texts, labels.tolist(), int(labels.max()) + 1)
    themes = tuple(
        Theme(number, theme_name(words), words, _by_closeness(labels == number, closeness))
        for number, words in enumerate(named)
    )
    stability = _stability(distinct, found, seed=seed, reruns=reruns) if reruns else None
    return Themes(tuple(labels.tolist()), themes, seed, None, stability, reruns)


def partition(rows: NDArray[np.float64], *, seed: int) -> tuple[Labels, NDArray[np.float64]]:
    """Return a label for each row (n,), −1 for unthemed, and the cosine to its theme's middle."""
    with threadpool_limits(
        limits=1
    ):  # on a busy machine a second thread made this ten times slower
        return _partition(rows, seed)


def _partition(rows: NDArray[np.float64], seed: int) -> tuple[Labels, NDArray[np.float64]]:
    count = len(rows)
    graph = neighbour_graph(rows, min(15, max(2, count // 6)))
    places = spectral_rows(graph, min(12, max(4, count // 15)), seed=seed)
    smallest = max(8, round(0.015 * count)) if count >= 200 else max(3, round(count / 25))
    core: Labels = np.asarray(
        HDBSCAN(min_cluster_size=smallest, cluster_selection_method="leaf").fit_predict(places),
        np.int64,
    )
    if core.max() < 1:
        return np.full(count, -1, np.int64), np.zeros(count)
    labels = _without_twins(core, rows)
    if labels.max() < 1:
        return np.full(count, -1, np.int64), np.zeros(count)
    cosines = np.zeros((count, 1))
    for _ in range(_ROUNDS):
        kept = np.unique(labels[labels >= 0])
        middles = np.stack([places[labels == label].mean(axis=0) for label in kept])
        middles /= np.maximum(np.linalg.norm(middles, axis=1, keepdims=True), 1e-12)
        cosines = places @ middles.T
        labels = cosines.argmax(axis=1).astype(np.int64)
    best = np.sort(cosines, axis=1)
    unclear = best[:, -1] - best[:, -2] < UNCLEAR
    labels = np.where(unclear, -1, labels)
    return _gapless(labels), best[:, -1]


def _without_twins(labels: Labels, rows: NDArray[np.float64]) -> Labels:
    """Put together what the graph took apart although it means the same: see ``TWINS``."""
    count = int(labels.max()) + 1
    middles = np.stack([rows[labels == label].mean(axis=0) for label in range(count)])
    middles /= np.maximum(np.linalg.norm(middles, axis=1, keepdims=True), 1e-12)
    joined = connected_components(csr_array(middles @ middles.T >= TWINS), directed=False)[1]
    return np.where(labels < 0, -1, joined[labels]).astype(np.int64)


def _stability(rows: NDArray[np.float64], full: Labels, *, seed: int, reruns: int) -> float:
    chance = np.random.default_rng([seed, 90])
    scores = []
    for _ in range(reruns):
        kept = np.sort(chance.choice(len(rows), size=round(0.9 * len(rows)), replace=False))
        again, _ = partition(rows[kept], seed=seed)
        scores.append(float(adjusted_rand_score(full[kept], again)))
    return float(np.mean(scores))


def _gapless(labels: Labels) -> Labels:
    kept = np.unique(labels[labels >= 0])
    return np.where(labels < 0, -1, np.searchsorted(kept, labels)).astype(np.int64)


def _largest_first(labels: Labels) -> Labels:
    sizes = np.bincount(labels[labels >= 0])
    first = [int(np.flatnonzero(labels == label)[0]) for label in range(len(sizes))]
    order = sorted(range(len(sizes)), key=lambda label: (-sizes[label], first[label]))
    renamed = np.empty(len(sizes) + 1, np.int64)
    renamed[order] = np.arange(len(sizes))
    renamed[-1] = -1
    return renamed[labels]


def _by_closeness(mask: NDArray[np.bool_], closeness: NDArray[np.float64]) -> tuple[int, ...]:
    members = np.flatnonzero(mask)
    order = np.argsort(-closeness[members], kind="stable")
    return tuple(int(member) for member in members[order])


def _none(count: int, seed: int, reason: str) -> Themes:
    return Themes((-1,) * count, (), seed, reason)

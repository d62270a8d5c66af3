"""From rows to a graph of neighbours, and from the graph to places in which themes are round."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import eigh
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import ArpackNoConvergence, eigsh

_DENSE = 1500
_WEAKEST = 1e-3

Rows = NDArray[np.float64]


def neighbour_graph(rows: Rows, neighbours: int) -> sparse.csr_array:
    """Return a connected, symmetric graph (n × n) of the nearest neighbours of unit rows.

    Weights are exp(−d²/s²), with s the mean distance to the last of the neighbours; an edge that
    only one side has counts half. Parts that hang apart are joined by their nearest pair.
    """
    count = len(rows)
    cosines = rows @ rows.T
    np.fill_diagonal(cosines, -np.inf)
    nearest = np.argsort(-cosines, axis=1, kind="stable")[:, :neighbours]
    squared = np.maximum(2 - 2 * np.take_along_axis(cosines, nearest, axis=1), 0)
    scale = max(float(np.sqrt(squared[:, -1]).mean()), 1e-6) ** 2
    start = np.repeat(np.arange(count), neighbours)
    one_way = sparse.csr_array(
        (np.maximum(np.exp(-squared / scale), _WEAKEST).ravel(), (start, nearest.ravel())),
        shape=(count, count),
    )
    graph = sparse.csr_array((one_way + one_way.T) / 2)
    return _joined(graph, cosines, scale)


def spectral_rows(graph: sparse.csr_array, dimensions: int, *, seed: int) -> Rows:
    """Return unit rows (n, dimensions): the leading eigenvectors of the normalised graph but one.

    Ng, Jordan and Weiss 2001. The first, which is the same for every row of a connected graph,
    is left out. ``seed`` starts the iteration on large graphs; small ones are solved outright.
    """
    count = graph.shape[0]
    degrees = np.asarray(graph.sum(axis=1), np.float64).ravel()
    scaling = sparse.dia_array((1 / np.sqrt(degrees)[None, :], [0]), shape=(count, count))
    normal = sparse.csr_array(scaling @ graph @ scaling)
    wanted = min(dimensions + 1, count - 1)
    if count <= _DENSE:
        vectors = eigh(normal.toarray(), subset_by_index=[count - wanted, count - 1])[1]
    else:
        start = np.random.default_rng(seed).standard_normal(count)
        try:
            vectors = eigsh(normal, k=wanted, which="LA", v0=start, tol=1e-7)[1]
        except ArpackNoConvergence:
            vectors = eigh(normal.toarray(), subset_by_index=[count - wanted, count - 1])[1]
    places = np.asarray(vectors, np.float64)[:, :-1]
    return np.asarray(places / np.maximum(np.linalg.norm(places, axis=1, keepdims=True), 1e-12))


def _joined(graph: sparse.csr_array, cosines: Rows, scale: float) -> sparse.csr_array:
    parts, label = connected_components(graph, directed=False)
    while parts > 1:
        smallest = int(np.bincount(label).argmin())
        inside, outside = np.flatnonzero(label == smallest), np.flatnonzero(label != smallest)
        block = cosines[np.ix_(inside, outside)]
        a, b = np.unravel_index(int(block.argmax()), block.shape)
        one, other = inside[a], outside[b]
        weight = max(float(np.exp(-max(2 - 2 * block[a, b], 0) / scale)), _WEAKEST)
        edge = sparse.csr_array(([weight, weight], ([one, other], [other, one])), shape=graph.shape)
        graph = sparse.csr_array(graph + edge)
        parts, label = connected_components(graph, directed=False)
    return graph

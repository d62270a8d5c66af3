"""Where people and statements stand: two principal components of the votes.

Source: Small et al., "Polis: Scaling deliberation by mapping high dimensional opinion spaces"
(2021), as METHODS gives it. Signs are fixed so that a component's largest loading is positive;
their meaning is arbitrary.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from .cells import Cells

_CHUNK_CELLS = 1 << 21
_NEGLIGIBLE = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """The plane that shows most of the differences between people.

    ``means`` (m,): a statement's mean vote, 0 where nobody voted or moderation took it out.
    ``components`` (2, m): unit vectors; a row is 0 where there is no such direction left.
    ``variance`` (2,): the part of the total variance along each, 0…1.
    """

    means: NDArray[np.float64]
    components: NDArray[np.float64]
    variance: NDArray[np.float64]


def fit_plane(cells: Cells) -> Plane:
    """Fit the two components of the centred matrix, empty cells at their column's mean.

    ``cells`` are those of statements that are in: columns without any are all 0.
    """
    n, m = cells.shape
    cast = np.bincount(cells.columns, minlength=m)
    means = np.bincount(cells.columns, weights=cells.values, minlength=m) / np.maximum(cast, 1)
    components = np.zeros((2, m))
    variance = np.zeros(2)
    if n == 0 or m == 0:
        return Plane(means, components, variance)
    centred = cells.values - means[cells.columns]
    values, vectors, total = _leading(cells, centred)
    for i, (value, vector) in enumerate(zip(values, vectors, strict=True)):
        if value > _NEGLIGIBLE * max(total, 1.0):
            sign = np.sign(vector[np.argmax(np.abs(vector))])
            components[i] = np.where(cast > 0, sign * vector, 0.0)
            variance[i] = value / total
    return Plane(means, components, variance)


def places(cells: Cells, cast: NDArray[np.intp], plane: Plane) -> NDArray[np.float64]:
    """Return everybody's place on the plane, (n, 2).

    √(m / max(votes cast, 1)) · Σ over voted j of (v_j − μ_j)·comp_j: who voted little is not drawn
    to the middle. ``cast`` (n,) counts all votes: one on a statement that moderation took out is a
    vote of which nothing is left but that it was cast, as its column is 0.
    """
    n, m = cells.shape
    centred = cells.values - plane.means[cells.columns]
    stretch = np.sqrt(m / np.maximum(cast, 1))
    found = np.empty((n, 2))
    for axis in range(2):
        along = centred * plane.components[axis, cells.columns]
        found[:, axis] = np.bincount(cells.rows, weights=along, minlength=n)
    found *= stretch[:, None]
    return found


def extremity(plane: Plane) -> NDArray[np.float64]:
    """Return E_j = √m · ‖(1 − μ_j)·comp_j‖ over the two components, (m,)."""
    m = plane.means.size
    length = np.hypot(plane.components[0], plane.components[1])
    found: NDArray[np.float64] = np.sqrt(m) * np.abs(1.0 - plane.means) * length
    return found


def _leading(
    cells: Cells, centred: NDArray[np.float64]
) -> tuple[list[float], list[NDArray[np.float64]], float]:
    """Return up to two leading eigenvalues and unit vectors (m,) of XᵀX, and its trace."""
    n, m = cells.shape
    total = float(np.dot(centred, centred))
    if m <= n:
        values, vectors = _top(_gram_of_columns(cells, centred))
        return values, vectors, total
    dense = np.zeros((n, m))
    dense[cells.rows, cells.columns] = centred
    values, people = _top(dense @ dense.T)
    loadings = [dense.T @ each for each in people]
    lengths = [float(np.linalg.norm(each)) or 1.0 for each in loadings]
    return values, [each / length for each, length in zip(loadings, lengths, strict=True)], total


def _gram_of_columns(cells: Cells, centred: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return XᵀX in chunks of rows, so that no n × m matrix of floats is ever held."""
    n, m = cells.shape
    chunk = max(1, min(n, _CHUNK_CELLS // m))
    buffer = np.zeros((chunk, m))
    flat = buffer.reshape(-1)
    gram = np.zeros((m, m))
    where = cells.rows * m + cells.columns
    for first in range(0, n, chunk):
        last = min(first + chunk, n)
        part = slice(cells.start[first], cells.start[last])
        filled = where[part] - first * m
        flat[filled] = centred[part]
        gram += buffer.T @ buffer
        flat[filled] = 0.0
    return gram


def _top(symmetric: NDArray[np.float64]) -> tuple[list[float], list[NDArray[np.float64]]]:
    size = symmetric.shape[0]
    first = max(size - 2, 0)
    values, vectors = eigh(
        symmetric, subset_by_index=(first, size - 1), overwrite_a=True, check_finite=False
    )
    order = range(size - first - 1, -1, -1)
    return [float(values[i]) for i in order], [np.asarray(vectors[:, i]) for i in order]

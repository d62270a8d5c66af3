"""The votes that were cast, row by row, in an order that does not depend on how they came."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..votes import EMPTY


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """The filled cells of an (n, m) vote matrix, by rows and within a row by columns.

    ``rows``, ``columns`` and ``values`` are (votes,); row i's cells are ``start[i]:start[i + 1]``.
    """

    shape: tuple[int, int]
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    values: NDArray[np.int8]
    start: NDArray[np.intp]

    @property
    def cast(self) -> NDArray[np.intp]:
        """Votes a row holds, (n,)."""
        return np.diff(self.start)

    def with_values(self, values: NDArray[np.int8]) -> Cells:
        """Return the same cells with other votes in them."""
        return Cells(self.shape, self.rows, self.columns, values, self.start)

    def without_columns(self, out: NDArray[np.bool_]) -> Cells:
        """Return the cells outside the columns that ``out`` (m,) marks; the shape stays."""
        return self.where(~out[self.columns]) if out.any() else self

    def where(self, kept: NDArray[np.bool_]) -> Cells:
        """Return those cells that ``kept`` (votes,) marks; the shape stays."""
        rows = self.rows[kept]
        return Cells(
            self.shape, rows, self.columns[kept], self.values[kept], _starts(rows, self.shape[0])
        )

    def take(self, chosen: NDArray[np.intp]) -> Cells:
        """Return the matrix whose row i is row ``chosen[i]`` of this one; rows may repeat."""
        lengths = self.cast[chosen]
        start = np.concatenate(([0], np.cumsum(lengths)))
        rows = np.repeat(np.arange(chosen.size), lengths)
        source = np.arange(start[-1]) - np.repeat(start[:-1] - self.start[chosen], lengths)
        return Cells(
            (chosen.size, self.shape[1]), rows, self.columns[source], self.values[source], start
        )


def canonical_order(votes: NDArray[np.int8]) -> NDArray[np.intp]:
    """Return the order of rows that sorts them by their bytes.

    Rows that are equal may come in any order, since nothing can tell them apart: whatever is
    computed from the sorted matrix is the same for every order in which its rows are given.
    """
    n, m = votes.shape
    if m == 0 or n == 0:
        return np.arange(n)
    rows = np.ascontiguousarray(votes).view(np.dtype((np.void, m))).ravel()
    order: NDArray[np.intp] = np.argsort(rows, kind="stable")
    return order


def cells_of(votes: NDArray[np.int8]) -> Cells:
    """Return the filled cells of an (n, m) matrix."""
    n, m = votes.shape
    flat = np.flatnonzero(votes != EMPTY)
    rows = flat // max(m, 1)
    return Cells((n, m), rows, flat - rows * m, votes.ravel()[flat], _starts(rows, n))


def _starts(rows: NDArray[np.intp], n: int) -> NDArray[np.intp]:
    return np.searchsorted(rows, np.arange(n + 1))

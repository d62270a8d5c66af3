"""The vote matrix: a byte a cell, participants × statements, growing without a copy a vote."""

from __future__ import annotations

from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

AGREE: Final = 1
PASS: Final = 0
DISAGREE: Final = -1
EMPTY: Final = -128
"""What a cell holds where no vote was cast; no choice has this value."""

_Cell = TypeVar("_Cell", bound=np.generic)
_FIRST_ROWS = 64
_FIRST_COLUMNS = 64


class VoteMatrix:
    """Votes of participants (rows) on statements (columns), with tallies kept as votes come in.

    A cell is ``AGREE`` (1), ``PASS`` (0), ``DISAGREE`` (−1) or ``EMPTY`` (−128). Rows and columns
    are numbered from 0 in the order they were added and never move. The buffer doubles in the
    direction that is full, so that adding a row or a column costs amortised O(columns) or O(rows),
    and a vote costs O(1). One writer; not safe for several threads.
    """

    __slots__ = (
        "_agree",
        "_agree_cells",
        "_cast",
        "_cast_cells",
        "_cells",
        "_columns",
        "_disagree",
        "_disagree_cells",
        "_matrix",
        "_pass",
        "_pass_cells",
        "_rows",
        "_voters",
        "_votes",
    )

    def __init__(self) -> None:
        self._rows = 0
        self._columns = 0
        self._voters = 0
        self._votes = 0
        self._hold(np.full((_FIRST_ROWS, _FIRST_COLUMNS), EMPTY, dtype=np.int8))
        self._hold_columns(*(np.zeros(_FIRST_COLUMNS, dtype=np.int32) for _ in range(3)))
        self._hold_rows(np.zeros(_FIRST_ROWS, dtype=np.int32))

    @classmethod
    def from_array(cls, votes: NDArray[np.int8]) -> VoteMatrix:
        """Take over an (n, m) array of cells (copied); ValueError for any other value in it."""
        if votes.ndim != 2 or votes.dtype != np.int8:
            raise ValueError("votes are a two-dimensional int8 array")
        known = (votes == EMPTY) | ((votes >= DISAGREE) & (votes <= AGREE))
        if not known.all():
            raise ValueError("a cell is −1, 0, 1 or −128")
        self = cls()
        rows, columns = votes.shape
        matrix = np.full(
            (max(rows, _FIRST_ROWS), max(columns, _FIRST_COLUMNS)), EMPTY, dtype=np.int8
        )
        matrix[:rows, :columns] = votes
        self._rows, self._columns = rows, columns
        self._hold(matrix)
        tallies = [
            _padded(np.count_nonzero(votes == choice, axis=0), matrix.shape[1])
            for choice in (AGREE, DISAGREE, PASS)
        ]
        self._hold_columns(*tallies)
        cast = np.count_nonzero(votes != EMPTY, axis=1)
        self._hold_rows(_padded(cast, matrix.shape[0]))
        self._voters = int(np.count_nonzero(cast))
        self._votes = int(cast.sum())
        return self

    @property
    def rows(self) -> int:
        """How many participants there are, whether they voted or not."""
        return self._rows

    @property
    def columns(self) -> int:
        """How many statements there are."""
        return self._columns

    @property
    def voters(self) -> int:
        """How many participants have cast at least one vote."""
        return self._voters

    @property
    def votes(self) -> int:
        """How many cells hold a vote; a replaced vote counts once."""
        return self._votes

    @property
    def agree(self) -> NDArray[np.int32]:
        """Agrees a statement, (m,), read-only; a view that later votes may change."""
        return _frozen(self._agree[: self._columns])

    @property
    def disagree(self) -> NDArray[np.int32]:
        """Disagrees a statement, (m,), read-only; a view that later votes may change."""
        return _frozen(self._disagree[: self._columns])

    @property
    def passes(self) -> NDArray[np.int32]:
        """Passes a statement, (m,), read-only; a view that later votes may change."""
        return _frozen(self._pass[: self._columns])

    @property
    def cast_by(self) -> NDArray[np.int32]:
        """Votes a participant has cast, (n,), read-only; a view that later votes may change."""
        return _frozen(self._cast[: self._rows])

    def add_participant(self) -> int:
        """Add an empty row and return its number."""
        row = self._rows
        if row == self._matrix.shape[0]:
            self._grow(2 * row, self._matrix.shape[1])
        self._rows = row + 1
        return row

    def add_statement(self) -> int:
        """Add an empty column and return its number."""
        column = self._columns
        if column == self._matrix.shape[1]:
            self._grow(self._matrix.shape[0], 2 * column)
        self._columns = column + 1
        return column

    def cast(self, row: int, column: int, choice: int) -> int:
        """Put a vote into a cell and return what was there before (``EMPTY`` if nothing).

        ``choice`` may be ``EMPTY``, which withdraws the vote. IndexError for a row or column that
        was not added, ValueError for another choice.
        """
        if not (0 <= row < self._rows and 0 <= column < self._columns):
            raise IndexError(f"no cell ({row}, {column}) in {self._rows} × {self._columns}")
        previous: int = self._cells[row, column]
        if choice == previous:
            return previous
        if choice == AGREE:
            self._agree_cells[column] += 1
        elif choice == DISAGREE:
            self._disagree_cells[column] += 1
        elif choice == PASS:
            self._pass_cells[column] += 1
        elif choice != EMPTY:
            raise ValueError(f"a choice is −1, 0, 1 or −128, not {choice}")
        self._cells[row, column] = choice
        if previous == EMPTY:
            self._count(row, 1)
        elif previous == AGREE:
            self._agree_cells[column] -= 1
        elif previous == DISAGREE:
            self._disagree_cells[column] -= 1
        else:
            self._pass_cells[column] -= 1
        if choice == EMPTY:
            self._count(row, -1)
        return previous

    def at(self, row: int, column: int) -> int:
        """Return what a cell holds; IndexError for a row or column that was not added."""
        if not (0 <= row < self._rows and 0 <= column < self._columns):
            raise IndexError(f"no cell ({row}, {column}) in {self._rows} × {self._columns}")
        choice: int = self._cells[row, column]
        return choice

    def view(self) -> NDArray[np.int8]:
        """Return the (n, m) cells, read-only and not copied.

        It shows later votes until the matrix next grows, and then none: who needs one moment's
        votes copies it.
        """
        return _frozen(self._matrix[: self._rows, : self._columns])

    def copy(self) -> VoteMatrix:
        """Return an equal matrix that shares nothing with this one."""
        return VoteMatrix.from_array(self.view())

    def _count(self, row: int, change: int) -> None:
        before = self._cast_cells[row]
        self._cast_cells[row] = before + change
        self._votes += change
        if before == 0:
            self._voters += 1
        elif before + change == 0:
            self._voters -= 1

    def _grow(self, rows: int, columns: int) -> None:
        matrix = np.full((rows, columns), EMPTY, dtype=np.int8)
        matrix[: self._rows, : self._columns] = self._matrix[: self._rows, : self._columns]
        self._hold(matrix)
        if columns != self._agree.size:
            tallies = (_padded(old, columns) for old in (self._agree, self._disagree, self._pass))
            self._hold_columns(*tallies)
        if rows != self._cast.size:
            self._hold_rows(_padded(self._cast, rows))

    # A memoryview gives and takes plain ints in a tenth of the time a numpy scalar needs.

    def _hold(self, matrix: NDArray[np.int8]) -> None:
        self._matrix = matrix
        self._cells = matrix.data

    def _hold_columns(
        self, agree: NDArray[np.int32], disagree: NDArray[np.int32], passes: NDArray[np.int32]
    ) -> None:
        self._agree, self._agree_cells = agree, agree.data
        self._disagree, self._disagree_cells = disagree, disagree.data
        self._pass, self._pass_cells = passes, passes.data

    def _hold_rows(self, cast: NDArray[np.int32]) -> None:
        self._cast, self._cast_cells = cast, cast.data


def _padded(counts: NDArray[np.int32] | NDArray[np.int64], size: int) -> NDArray[np.int32]:
    padded = np.zeros(size, dtype=np.int32)
    padded[: counts.size] = counts
    return padded


def _frozen(array: NDArray[_Cell]) -> NDArray[_Cell]:
    view = array.view()
    view.flags.writeable = False
    return view

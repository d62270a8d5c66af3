"""The vote matrix against a plain dictionary, its growth, and its pace."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.deliberation.votes import AGREE, DISAGREE, EMPTY, PASS, VoteMatrix

choices = st.sampled_from([AGREE, PASS, DISAGREE, EMPTY])
steps = st.lists(
    st.one_of(
        st.just(("person",)),
        st.just(("statement",)),
        st.tuples(st.integers(0, 200), st.integers(0, 200), choices),
    ),
    max_size=200,
)


@settings(max_examples=60, deadline=None)
@given(steps)
def test_it_holds_what_a_dictionary_would(steps: list[tuple[object, ...]]) -> None:
    matrix, cells, rows, columns = VoteMatrix(), {}, 0, 0
    for step in steps:
        if step == ("person",):
            assert matrix.add_participant() == rows
            rows += 1
        elif step == ("statement",):
            assert matrix.add_statement() == columns
            columns += 1
        elif rows and columns:
            row, column, choice = step[0] % rows, step[1] % columns, step[2]
            assert matrix.cast(row, column, choice) == cells.get((row, column), EMPTY)
            cells[row, column] = choice
    view = matrix.view()
    expected = np.full((rows, columns), EMPTY, dtype=np.int8)
    for (row, column), choice in cells.items():
        expected[row, column] = choice
    assert np.array_equal(view, expected)
    assert np.array_equal(matrix.agree, (expected == AGREE).sum(axis=0))
    assert np.array_equal(matrix.disagree, (expected == DISAGREE).sum(axis=0))
    assert np.array_equal(matrix.passes, (expected == PASS).sum(axis=0))
    assert np.array_equal(matrix.cast_by, (expected != EMPTY).sum(axis=1))
    assert matrix.votes == (expected != EMPTY).sum()
    assert matrix.voters == (expected != EMPTY).any(axis=1).sum()
    again = matrix.copy()
    assert np.array_equal(again.view(), view)
    assert (again.votes, again.voters) == (matrix.votes, matrix.voters)
    assert np.array_equal(again.agree, matrix.agree)


def filled(rows: int, columns: int) -> VoteMatrix:
    matrix = VoteMatrix()
    for _ in range(rows):
        matrix.add_participant()
    for _ in range(columns):
        matrix.add_statement()
    return matrix


@pytest.mark.parametrize("place", [(-1, 0), (0, -1), (3, 0), (0, 2), (64, 0)])
def test_a_cell_that_was_not_added_takes_no_vote(place: tuple[int, int]) -> None:
    matrix = filled(3, 2)
    with pytest.raises(IndexError):
        matrix.cast(*place, AGREE)
    with pytest.raises(IndexError):
        matrix.at(*place)
    assert matrix.votes == 0


@pytest.mark.parametrize("choice", [2, -2, 127, -127, 1000])
def test_an_unknown_choice_changes_nothing(choice: int) -> None:
    matrix = filled(1, 1)
    matrix.cast(0, 0, DISAGREE)
    with pytest.raises(ValueError, match="a choice is"):
        matrix.cast(0, 0, choice)
    assert matrix.at(0, 0) == DISAGREE
    assert (matrix.votes, int(matrix.disagree[0])) == (1, 1)


def test_the_view_cannot_be_written_and_shares_the_memory() -> None:
    matrix = filled(2, 2)
    view = matrix.view()
    matrix.cast(1, 1, AGREE)
    assert view[1, 1] == AGREE
    with pytest.raises(ValueError, match="read-only"):
        view[0, 0] = AGREE
    with pytest.raises(ValueError, match="read-only"):
        matrix.agree[0] = 3


def test_a_copy_shares_nothing() -> None:
    matrix = filled(2, 2)
    other = matrix.copy()
    other.cast(0, 0, AGREE)
    assert matrix.at(0, 0) == EMPTY
    assert matrix.votes == 0


@pytest.mark.parametrize(
    "cells", [np.array([[2]], dtype=np.int8), np.array([[1]]), np.array([1], dtype=np.int8)]
)
def test_only_a_matrix_of_votes_is_taken_over(cells: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"int8|a cell is"):
        VoteMatrix.from_array(cells)


def test_the_buffer_is_replaced_rarely_as_it_grows() -> None:
    matrix = VoteMatrix()
    buffers = set()
    for _ in range(5_000):
        matrix.add_participant()
        buffers.add(matrix._matrix.__array_interface__["data"][0])
        held = matrix._matrix.shape
    for _ in range(1_000):
        matrix.add_statement()
        held = matrix._matrix.shape
    assert len(buffers) <= 9
    assert held == (8192, 1024)


def test_a_vote_does_not_cost_more_in_a_large_matrix() -> None:
    def pace(matrix: VoteMatrix) -> float:
        cells = [(i * 7 % matrix.rows, i * 11 % matrix.columns) for i in range(20_000)]
        best = float("inf")
        for choice in (AGREE, DISAGREE, PASS, AGREE, DISAGREE):
            start = time.perf_counter()
            for row, column in cells:
                matrix.cast(row, column, choice)
            best = min(best, time.perf_counter() - start)
        return best / len(cells)

    small, large = pace(filled(50, 50)), pace(filled(20_000, 1_000))
    assert large < 8 * small
    assert large < 20e-6

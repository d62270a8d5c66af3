"""No small group of people can be told from what is published, by subtraction neither."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.deliberation.vocabulary import Channel, Phase, Role
from server.deliberation.votes import EMPTY
from server.reports.consent import Allowed
from server.reports.figures import Figures
from server.reports.suppression import FEWEST, hidden_cells, rows_may_leave

from .held import NO, Held, whole

OWN = Role.FACILITATOR

counts = st.integers(0, 40)


def derivable(cells: list[int], remainder: int, hidden: frozenset[int]) -> list[int]:
    """Return of how many people each part speaks that follows from the total and what is shown.

    The total and the shown cells are linear equations over (cells, remainder). A sum over some of
    the parts follows from them exactly if it lies in the span of the equations.
    """
    parts = [*cells, remainder]
    equations = [np.ones(len(parts))]
    equations += [np.eye(len(parts))[cell] for cell in range(len(cells)) if cell not in hidden]
    span = np.array(equations)
    rank = np.linalg.matrix_rank(span)
    found = []
    for chosen in range(1, 2 ** len(parts)):
        sum_ = np.array([float(chosen >> part & 1) for part in range(len(parts))])
        if np.linalg.matrix_rank(np.vstack([span, sum_])) == rank:
            found.append(sum(n for part, n in enumerate(parts) if chosen >> part & 1))
    return found


@settings(max_examples=300, deadline=None)
@given(st.lists(counts, min_size=1, max_size=5), counts)
def test_no_small_cell_follows_from_what_is_published(cells: list[int], remainder: int) -> None:
    hidden = hidden_cells(cells, remainder)
    total = sum(cells) + remainder
    for people in derivable(cells, remainder, hidden):
        # The total itself is published always: a small one speaks of itself.
        assert people == 0 or people >= FEWEST or people == total


@given(st.lists(counts, min_size=1, max_size=5), counts)
def test_nothing_is_hidden_without_need(cells: list[int], remainder: int) -> None:
    hidden = hidden_cells(cells, remainder)
    small = {cell for cell, people in enumerate(cells) if 0 < people < FEWEST}
    assert small <= hidden
    if not small and not 0 < remainder < FEWEST:
        assert not hidden
    assert all(cells[cell] for cell in hidden)


@pytest.mark.parametrize(
    ("cells", "remainder", "hidden"),
    [
        ([30, 40], 0, set()),
        ([30, 4], 0, {0, 1}),
        ([30, 40, 4], 0, {0, 2}),
        ([30, 4, 8], 0, {1, 2}),
        ([0, 40], 0, set()),
        ([30, 40], 3, {0}),
        ([4], 0, {0}),
        ([0, 0], 0, set()),
    ],
)
def test_by_hand(cells: list[int], remainder: int, hidden: set[int]) -> None:
    assert hidden_cells(cells, remainder) == hidden


def test_rows_leave_only_if_the_others_are_none_or_many() -> None:
    assert [n for n in range(13) if rows_may_leave(n)] == [0, 10, 11, 12]


def test_votes_that_are_public_elsewhere_protect_nobody() -> None:
    """Imported votes can be subtracted by whoever has the conversation they come from."""
    held = Held()
    held.phase(Phase.OPEN)
    imported = held.admit(60, channel=Channel.IMPORTED)
    few = held.admit(4, NO)
    written = [held.say(held.facilitator.participant, f"S {n}.", OWN) for n in range(10)]
    for number, person in enumerate((*imported, *few)):
        for place, statement in enumerate(written):
            if place or person in imported:
                held.vote(person, statement, 1 if (number + place) % 2 else -1)
    held.phase(Phase.DRAFTING)
    held.analyse()
    material = held.material()
    figures = Figures(material, Allowed(material))
    assert len(figures.names) == 2
    assert not figures.allowed.rows.any()
    assert figures.hidden.all(axis=0).tolist() == [False] + [True] * 9


@pytest.mark.parametrize("withheld", [0, 3, 12, 25])
def test_the_published_figures_of_an_assembly_tell_of_no_small_group(withheld: int) -> None:
    """Whoever has the bundle subtracts public rows from every count: nothing small is left."""
    material = whole(people=70, statements=9, withheld=withheld).material()
    allowed = Allowed(material)
    figures = Figures(material, allowed)
    assert len(figures.names) == 2
    secret = (material.votes != EMPTY) & ~allowed.rows[:, None]
    for column in range(len(material.columns)):
        cells = [int(secret[figures.labels == g, column].sum()) for g in range(len(figures.names))]
        rest = int(secret[figures.labels < 0, column].sum())
        hidden = frozenset(g for g, cell in enumerate(figures.cells[column]) if cell.hidden)
        for people in derivable(cells, rest, hidden):
            assert people == 0 or people >= FEWEST or people == sum(cells) + rest
    assert figures.allowed.rows.sum() == (0 if withheld == 3 else 70 - withheld)

"""Counts and shares of a moment, with small cells hidden: the numbers behind the report."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..deliberation.intervals import hajek_share, share_sequence_arrays, wilson
from ..deliberation.opinion.cells import cells_of
from ..deliberation.opinion.summary import Counts, count
from ..deliberation.votes import AGREE, EMPTY
from . import document as d
from .consent import Allowed
from .material import Material
from .suppression import hidden_cells


def share_of(count_: int, n: int, population: int | None = None) -> d.Share:
    """Return a share with Wilson's interval, or as a plain count where ``n`` is everybody."""
    everybody = population is not None and n == population > 0
    interval = None if everybody or n == 0 else wilson(count_, n)
    return d.Share(
        count=count_,
        n=n,
        share=count_ / n if n else None,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        everybody=everybody,
    )


class Figures:
    """The vote counts of one :class:`Material` whose voting is over.

    ``k`` is the number of published groups, 1 where none can be told and None where no analysis was
    published. ``names`` are the groups' numbers, ``labels`` (n,) places in ``names`` or −1.
    """

    def __init__(self, material: Material, allowed: Allowed) -> None:
        self.material = material
        self.allowed = allowed
        opinion = material.opinion
        self.k = opinion.document.groups.k if opinion else None
        self.names = self._names() if self.k and self.k > 1 else ()
        given = opinion.document.groups.labels if opinion else {}
        place = {name: at for at, name in enumerate(self.names)}
        self.labels: NDArray[np.intp] = np.array(
            [place.get(given.get(str(row), -1), -1) for row in material.rows], dtype=np.intp
        )

    @property
    def voters(self) -> int:
        """How many people voted at least once."""
        return int(np.count_nonzero(self.allowed.voted))

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """How many people each group has."""
        return tuple(int(np.count_nonzero(self.labels == g)) for g in range(len(self.names)))

    @cached_property
    def out(self) -> NDArray[np.bool_]:
        """Which statements don't stand, (m,): nothing is claimed of them."""
        statements = self.material.by_id
        gone = [not statements[each].stands for each in self.material.columns]
        return np.array(gone, dtype=np.bool_)

    @cached_property
    def counts(self) -> tuple[Counts, Counts]:
        """Everybody's counts (m,) and the groups' (k, m); hidden cells are in it."""
        return count(cells_of(self.material.votes), self.labels, max(len(self.names), 1))

    @cached_property
    def hidden(self) -> NDArray[np.bool_]:
        """Which groups' cells must not be shown, (k, m)."""
        k, m = len(self.names), len(self.material.columns)
        hidden = np.zeros((k, m), dtype=np.bool_)
        seen = (self.material.votes != EMPTY) & self.allowed.spoken_of[:, None]
        of_group = [seen[self.labels == g].sum(axis=0) for g in range(k)]
        rest = seen[self.labels < 0].sum(axis=0)
        for column in range(m):
            cells = hidden_cells([int(each[column]) for each in of_group], int(rest[column]))
            hidden[list(cells), column] = True
        return hidden

    @cached_property
    def touched(self) -> NDArray[np.bool_]:
        """For which statements a group's cell is hidden, (m,)."""
        touched: NDArray[np.bool_] = np.logical_or.reduce(self.hidden, axis=0)
        return touched

    @cached_property
    def cells(self) -> tuple[tuple[d.GroupCell, ...], ...]:
        """What each group said of each statement, by column; empty where there are no groups."""
        return tuple(
            tuple(self._cell(g, column) for g in range(len(self.names)))
            for column in range(len(self.material.columns))
        )

    def overall(self, column: int) -> tuple[d.Share, int, int]:
        """Return the agree share of everybody, the disagrees and the passes."""
        total, _ = self.counts
        share = share_of(int(total.agree[column]), int(total.seen[column]), self.voters)
        return share, int(total.disagree[column]), int(total.passes[column])

    @cached_property
    def anytime(self) -> tuple[tuple[float, float], ...]:
        """The intervals of the agree shares that may be looked at after every vote, by column."""
        total, _ = self.counts
        low, high = share_sequence_arrays(total.agree, total.seen)
        return tuple(zip(low.tolist(), high.tolist(), strict=True))

    def weighted(self, column: int) -> d.Weighted | None:
        """Return the weighted share, where the program put the statement to ten people at least."""
        chances = self.material.chances[:, column]
        put = chances > 0
        n = int(np.count_nonzero(put))
        if n < 10:
            return None
        agrees: list[bool] = (self.material.votes[put, column] == AGREE).tolist()
        found = hajek_share(agrees, np.minimum(chances[put].astype(np.float64), 1.0).tolist())
        return d.Weighted(
            share=found.share, raw=found.raw, low=found.interval.low, high=found.interval.high, n=n
        )

    def _cell(self, g: int, column: int) -> d.GroupCell:
        if self.hidden[g, column]:
            return d.GroupCell(group=self.names[g], hidden=True)
        _, groups = self.counts
        return d.GroupCell(
            group=self.names[g],
            hidden=False,
            agree=share_of(
                int(groups.agree[g, column]), int(groups.seen[g, column]), self.sizes[g]
            ),
            disagree=int(groups.disagree[g, column]),
            passes=int(groups.passes[g, column]),
        )

    def _names(self) -> tuple[int, ...]:
        assert self.material.opinion is not None
        return tuple(sorted(int(name) for name in self.material.opinion.document.groups.sizes))


def hidden_groups(cast: Sequence[int], total: int, simulated: int) -> frozenset[int]:
    """Return which groups' ballots stay hidden, ``total`` ballots being published.

    Nobody agreed to have their ballots published, so that nobody is exempt; but where all ballots
    are ``simulated`` ones there is nobody to be told from them.
    """
    if simulated == total:
        return frozenset()
    return hidden_cells(cast, max(total - sum(cast), 0))

"""Which cells of a table stay hidden, so that no small group of people can be told from it.

The rule (THREATS 11): a cell is published only if it speaks of nobody whose rows aren't public
anyway, or of at least ten such people; and what is hidden must not come out by subtraction from
the total, which is always published. A cell *speaks of* the people in it who are not exempt:
whoever agreed to research, where rows of votes are published at all, is known from their row.

Not promised: that a cell of ten who all said the same tells nothing of each of them, and that two
reports of different days can't be held against each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

FEWEST: Final = 10
"""A number of people below which a cell is small."""


def hidden_cells(spoken_of: Sequence[int], remainder: int = 0) -> frozenset[int]:
    """Return which cells of a table that adds up to a published total must stay hidden.

    ``spoken_of`` says of how many people each cell speaks (those exempt not counted), ``remainder``
    the same of people who count in the total but in no cell. The hidden cells and the remainder
    together come out by subtraction, and so speak of none, of ten at least, or are the whole total:
    small cells are joined by the smallest others until that holds.
    """
    hidden = {cell for cell, people in enumerate(spoken_of) if 0 < people < FEWEST}
    rest = sorted((people, cell) for cell, people in enumerate(spoken_of) if people >= FEWEST)
    together = remainder + sum(spoken_of[cell] for cell in hidden)
    for people, cell in rest:
        if not 0 < together < FEWEST:
            break
        hidden.add(cell)
        together += people
    return frozenset(hidden)


def rows_may_leave(withheld: int) -> bool:
    """Say whether rows of votes may be published, ``withheld`` people not agreeing to it.

    One to nine of them could be told by subtracting the rows from the totals.
    """
    return withheld == 0 or withheld >= FEWEST

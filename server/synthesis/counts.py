"""What each opinion group says to each statement, with the lower bounds that claims need. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..deliberation.intervals import wilson_arrays
from .ports import AGREE, DISAGREE, EMPTY, Corpus

Counts = NDArray[np.int64]
Shares = NDArray[np.float64]


@dataclass(frozen=True)
class GroupCounts:
    """Counts and Wilson's lower bounds (groups × statements), and the same over everybody.

    The rows go with ``groups``. People in no group count in ``all_*`` only.
    """

    groups: tuple[int, ...]
    agree: Counts
    disagree: Counts
    seen: Counts
    agree_low: Shares
    disagree_low: Shares
    all_agree: Counts
    all_disagree: Counts
    all_seen: Counts

    def consensus(self) -> Shares:
        """The geometric mean over groups of (A + 1)/(S + 2), for each statement (m,).

        METHODS "Consensus across groups", its k-th root; with no groups, that of everybody.
        """
        if not self.groups:
            return np.asarray((self.all_agree + 1) / (self.all_seen + 2))
        shares = (self.agree + 1) / (self.seen + 2)
        return np.asarray(np.exp(np.log(shares).mean(axis=0)))


def count_groups(corpus: Corpus) -> GroupCounts:
    """Return the counts of a corpus, with Wilson's bounds at 95 %."""
    return counts_of(corpus.votes, corpus.labels, corpus.groups)


def counts_of(
    votes: NDArray[np.int8], labels: NDArray[np.int64], groups: tuple[int, ...]
) -> GroupCounts:
    """Return the counts of a vote matrix (n × m) for the groups named."""
    width = votes.shape[1]
    agree, disagree, seen = (np.zeros((len(groups), width), np.int64) for _ in range(3))
    for row, group in enumerate(groups):
        block = votes[labels == group]
        agree[row] = (block == AGREE).sum(axis=0)
        disagree[row] = (block == DISAGREE).sum(axis=0)
        seen[row] = (block != EMPTY).sum(axis=0)
    return GroupCounts(
        groups,
        agree,
        disagree,
        seen,
        wilson_arrays(agree, seen)[0],
        wilson_arrays(disagree, seen)[0],
        (votes == AGREE).sum(axis=0),
        (votes == DISAGREE).sum(axis=0),
        (votes != EMPTY).sum(axis=0),
    )

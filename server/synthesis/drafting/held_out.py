"""Which votes a drafter does not see, so that its drafts can be measured on them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from ..ports import EMPTY, Corpus, SourceId

SHARE = 0.3
"""The share of each person's votes that is held out (METHODS "Drafts and their verification")."""


@dataclass(frozen=True)
class Split:
    """A corpus without the votes held out, and the votes held out alone (n × m, int8)."""

    visible: Corpus
    held_out: NDArray[np.int8]


def hold_out(corpus: Corpus, *, seed: int) -> Split:
    """Return the split: of each person's n votes, round(0.3·n) are held out.

    Which ones is a hash of seed, person and statement: no order of rows or columns, and no other
    person's votes, change it.
    """
    people = _hashes(corpus.participants, seed)
    statements = _hashes(corpus.statement_ids, seed)
    mixed = _mix(people[:, None] ^ _mix(statements)[None, :])
    voted = corpus.votes != EMPTY
    rank = np.argsort(np.argsort(np.where(voted, mixed, np.uint64(2**64 - 1)), axis=1), axis=1)
    many = np.floor(SHARE * voted.sum(axis=1) + 0.5).astype(np.int64)
    taken = voted & (rank < many[:, None])
    visible = np.where(taken, np.int8(EMPTY), corpus.votes)
    return Split(replace(corpus, votes=visible), np.where(taken, corpus.votes, np.int8(EMPTY)))


def stable_noise(ids: Sequence[SourceId], seed: int) -> NDArray[np.float64]:
    """Return a number in [0, 1) for each id, the same in any order."""
    return np.asarray(_mix(_hashes(ids, seed)) / 2.0**64)


def _hashes(ids: Sequence[SourceId], seed: int) -> NDArray[np.uint64]:
    key = seed.to_bytes(16, "little", signed=True)
    values = [
        int.from_bytes(blake2b(repr(i).encode(), digest_size=8, key=key).digest(), "little")
        for i in ids
    ]
    return np.array(values, np.uint64)


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Steele, Lea and Flood 2014)."""
    mixed = values.copy()
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))

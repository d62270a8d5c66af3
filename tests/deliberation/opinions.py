"""Votes made for tests: people with outlooks, people without, and shuffled votes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from server.deliberation.votes import EMPTY


def with_outlooks(
    sizes: tuple[int, ...], statements: int = 30, *, seed: int = 1, turnout: float = 0.7
) -> tuple[NDArray[np.int8], NDArray[np.intp]]:
    """Return votes (n, m) of people of so many outlooks, and who has which; rows are mixed."""
    rng = np.random.default_rng(seed)
    outlook = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    stance = rng.choice([-1, 1], size=(len(sizes), statements))
    shape = (outlook.size, statements)
    noise = rng.choice([-1, 0, 1], size=shape)
    votes = np.where(rng.random(shape) < 0.8, stance[outlook], noise).astype(np.int8)
    votes[rng.random(shape) > turnout] = EMPTY
    return votes, outlook


def shuffled(votes: NDArray[np.int8], seed: int) -> NDArray[np.int8]:
    """Return the votes, shuffled within each statement among those who voted on it."""
    rng = np.random.default_rng(seed)
    mixed = votes.copy()
    for column in range(votes.shape[1]):
        voters = np.flatnonzero(votes[:, column] != EMPTY)
        mixed[voters, column] = rng.permutation(votes[voters, column])
    return mixed


def nobody_out(votes: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Return that no statement was taken out."""
    return np.zeros(votes.shape[1], dtype=np.bool_)

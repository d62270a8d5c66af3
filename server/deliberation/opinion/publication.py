"""Which opinion groups may be shown: METHODS' rule, with the evidence for and against each k."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from .chance import REDRAWS, SHUFFLES, Electorate, Mapper, chance_p95, stability
from .grouping import Split, base_clusters, nearest, splits

FEWEST_PEOPLE: Final = 50
STABLE: Final = 0.6
SMALLEST_GROUP: Final = 10
SMALLEST_SHARE: Final = 0.05
_GROUPING_STREAM = 0


class Verdict(StrEnum):
    """Why there are the groups that there are, or none."""

    PUBLISHED = "published"
    GIVEN = "given"
    PROVISIONAL = "provisional"
    """Not held against chance: for a display while the room is open, never for a publication."""
    TOO_FEW_PEOPLE = "too-few-people"
    NO_SPLIT = "no-split"
    CHANCE = "no-better-than-chance"
    UNSTABLE = "unstable"
    SMALL_GROUPS = "small-groups"


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """One k with its evidence; ``labels`` (n,) in canonical order, −1 for people not grouped.

    Groups are numbered from the largest to the smallest. ``stability`` is absent where it was not
    needed to decide.
    """

    k: int
    silhouette: float
    centres: NDArray[np.float64]
    labels: NDArray[np.intp]
    sizes: tuple[int, ...]
    stability: float | None = None

    @property
    def large_enough(self) -> bool:
        """Every group has at least max(10, 5 %) of those grouped."""
        return min(self.sizes) >= max(SMALLEST_GROUP, SMALLEST_SHARE * sum(self.sizes))


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard to look: numbers of shuffles and re-draws, and what maps over them."""

    shuffles: int = SHUFFLES
    redraws: int = REDRAWS
    mapper: Mapper = map


@dataclass(frozen=True, slots=True, eq=False)
class Publication:
    """The chosen candidate (None: k = 1), why, and all candidates by falling silhouette."""

    chosen: Candidate | None
    verdict: Verdict
    chance_p95: float | None
    candidates: tuple[Candidate, ...]


def find_candidates(
    people: Electorate, points: NDArray[np.float64], seed: int
) -> tuple[Candidate, ...]:
    """Return a candidate for each k, the best silhouette first; equal ones: the smaller k."""
    grouped = people.grouped
    if np.count_nonzero(grouped) < 2:
        return ()
    rng = np.random.default_rng((seed, _GROUPING_STREAM))
    inside = points[grouped]
    found = [
        _candidate(split, inside, grouped) for split in splits(base_clusters(inside, rng), rng)
    ]
    return tuple(sorted((c for c in found if min(c.sizes) > 0), key=lambda c: (-c.silhouette, c.k)))


def publish(
    people: Electorate, candidates: tuple[Candidate, ...], seed: int, effort: Effort
) -> Publication:
    """Choose the groups that may be published.

    The best k must beat the 95th percentile of shuffled votes, be stable, and have no small group;
    if it fails by a small group alone, the next best that passes everything is taken. Otherwise
    there is one group.
    """
    if np.count_nonzero(people.grouped) < FEWEST_PEOPLE:
        return Publication(None, Verdict.TOO_FEW_PEOPLE, None, candidates)
    if not candidates:
        return Publication(None, Verdict.NO_SPLIT, None, candidates)
    limit = chance_p95(people, seed=seed, shuffles=effort.shuffles, mapper=effort.mapper)
    weighed: list[Candidate] = []
    chosen: Candidate | None = None
    verdict = Verdict.SMALL_GROUPS
    for candidate in candidates:
        measured = _with_stability(people, candidate, seed, effort)
        weighed.append(measured)
        if measured.silhouette <= limit:
            failure = Verdict.CHANCE
        elif (measured.stability or 0.0) < STABLE:
            failure = Verdict.UNSTABLE
        elif not measured.large_enough:
            failure = Verdict.SMALL_GROUPS
        else:
            chosen, verdict = measured, Verdict.PUBLISHED
            break
        if len(weighed) == 1 and failure is not Verdict.SMALL_GROUPS:
            verdict = failure
            break
    return Publication(chosen, verdict, limit, (*weighed, *candidates[len(weighed) :]))


def show(people: Electorate, candidates: tuple[Candidate, ...], k: int | None) -> Publication:
    """Choose groups for a display while the room is open, without the test against chance.

    ``k`` asks for that many (the display's smoothing), else the best k without a small group.
    """
    if np.count_nonzero(people.grouped) < FEWEST_PEOPLE:
        return Publication(None, Verdict.TOO_FEW_PEOPLE, None, candidates)
    for candidate in candidates:
        if candidate.large_enough and k in (None, candidate.k):
            return Publication(candidate, Verdict.PROVISIONAL, None, candidates)
    return Publication(
        None, Verdict.PROVISIONAL if candidates else Verdict.NO_SPLIT, None, candidates
    )


@dataclass(frozen=True, slots=True)
class ShownK:
    """The k a display shows while the room is open: it changes when another has won four times.

    Display only: a published analysis is computed afresh from the votes.
    """

    k: int
    challenger: int = 0
    wins: int = 0

    PATIENCE: ClassVar[int] = 4

    def after(self, winner: int) -> ShownK:
        """Return what is shown once ``winner`` was the best k of one more tick."""
        if winner == self.k:
            return ShownK(self.k)
        wins = self.wins + 1 if winner == self.challenger else 1
        return ShownK(winner) if wins >= self.PATIENCE else ShownK(self.k, winner, wins)


def _candidate(split: Split, inside: NDArray[np.float64], grouped: NDArray[np.bool_]) -> Candidate:
    """Put everybody who is grouped into the group of the nearest centre, the largest first.

    The nearest centre, rather than the base cluster's: so that a person placed on the published map
    by their own votes alone comes out where the map has them.
    """
    sizes = np.bincount(nearest(inside, split.centres), minlength=split.k)
    order = np.lexsort((split.centres[:, 1], split.centres[:, 0], -sizes))
    centres = split.centres[order]
    labels = np.full(grouped.size, -1)
    labels[grouped] = nearest(inside, centres)
    return Candidate(
        k=split.k,
        silhouette=split.silhouette,
        centres=centres,
        labels=labels,
        sizes=tuple(sizes[order].tolist()),
    )


def _with_stability(
    people: Electorate, candidate: Candidate, seed: int, effort: Effort
) -> Candidate:
    return replace(
        candidate,
        stability=stability(
            people,
            candidate.labels,
            candidate.k,
            seed=seed,
            redraws=effort.redraws,
            mapper=effort.mapper,
        ),
    )

"""The opinion mathematics of one moment's votes, with every intermediate number kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ..intervals import wilson_arrays
from ..routing import priority
from ..votes import EMPTY
from .cells import Cells, canonical_order, cells_of
from .chance import Electorate
from .geometry import Plane, extremity, fit_plane, places
from .grouping import FEWEST_VOTES, nearest
from .publication import (
    Candidate,
    Effort,
    Publication,
    Verdict,
    find_candidates,
    publish,
    show,
)
from .representative import Representative, representative
from .summary import (
    Counts,
    Divisive,
    backed_by_all,
    consensus,
    count,
    divisive,
    least_share,
    majority,
)

_Cell = TypeVar("_Cell", bound=np.generic)


@dataclass(frozen=True, slots=True, eq=False)
class PublishedMap:
    """All that is needed to put one person on the map: nothing in it tells of another person.

    ``means`` (m,), ``components`` (2, m), ``centres`` (k, 2), ``names`` (k) the groups' numbers.
    """

    means: NDArray[np.float64]
    components: NDArray[np.float64]
    centres: NDArray[np.float64]
    names: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where one person stands; ``group`` is absent while they have too few votes for one."""

    x: float
    y: float
    group: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """The opinion groups; k = 1 says that no separate groups can be told.

    ``labels`` (n,) in the order of the rows given: a number of ``names``, or −1 for nobody's group.
    With k = 1 everybody who voted is in group 0. ``silhouette``, ``chance_p95`` and ``stability``
    are those of the published k, or with k = 1 of the best one that failed; absent where not
    measured (groups given, fewer than 50 people, a display tick). ``candidates`` are by falling
    silhouette, with labels in the order of the rows given.
    """

    k: int
    names: tuple[int, ...]
    labels: NDArray[np.intp]
    sizes: tuple[int, ...]
    centres: NDArray[np.float64]
    verdict: Verdict
    silhouette: float | None
    chance_p95: float | None
    stability: float | None
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """What the votes of an (n, m) matrix say. Of those who took part, never of "the public".

    Arrays over statements are (m,), over groups and statements (k, m) with groups in the order of
    ``groups.names``. ``consensus`` is Π_g (A_g+1)/(S_g+2), ``consensus_root`` its k-th root.
    ``backed[k]`` says, for the published k and every other k looked at (1 among them), for which
    statements each group's lower Wilson bound is above ½: with k ≥ 2 that is the label "consensus
    across groups", with k = 1 "agreement". Statements taken out are never backed, representative,
    majority or divisive. ``points`` are (n, 2), in the order of the rows given.
    """

    participants: int
    statements: int
    votes: int
    seed: int
    moderated_out: NDArray[np.bool_]
    groups: Groups
    plane: Plane
    points: NDArray[np.float64]
    total: Counts
    by_group: Counts
    wilson_low: NDArray[np.float64]
    wilson_high: NDArray[np.float64]
    extremity: NDArray[np.float64]
    priority: NDArray[np.float64]
    consensus: NDArray[np.float64]
    consensus_root: NDArray[np.float64]
    least_share: NDArray[np.float64]
    backed: dict[int, NDArray[np.bool_]]
    representative: tuple[tuple[Representative, ...], ...]
    majority_agree: tuple[int, ...]
    majority_disagree: tuple[int, ...]
    divisive: tuple[Divisive, ...]

    @property
    def map(self) -> PublishedMap:
        """What ``place`` needs."""
        groups = self.groups
        return PublishedMap(self.plane.means, self.plane.components, groups.centres, groups.names)


def analyze(
    votes: NDArray[np.int8],
    *,
    moderated_out: NDArray[np.bool_],
    seed: int,
    labels: NDArray[np.intp] | None = None,
    effort: Effort | None = None,
    live: bool = False,
    live_k: int | None = None,
) -> Analysis:
    """Analyze an (n, m) matrix of votes; ``moderated_out`` (m,) marks statements taken out.

    With ``labels`` (n,) the groups are those (−1: in none) and are not tested. Otherwise they are
    found, and published only if they are better than chance; ``live`` leaves the test out, for a
    display (``live_k``: with so many groups). The same for every order of rows, for a repeated
    call, and however ``effort.mapper`` spreads the work. ValueError for shapes that don't fit and
    for ``labels`` that name no group.
    """
    n, m = votes.shape
    if moderated_out.shape != (m,) or (labels is not None and labels.shape != (n,)):
        raise ValueError("labels are a number a row, moderated_out one a column")
    order = canonical_order(votes)
    every = cells_of(votes[order])
    cells = every.without_columns(moderated_out)
    people = Electorate(cells, every.cast)
    plane = fit_plane(cells)
    sorted_points = places(cells, every.cast, plane)
    if labels is None:
        candidates = find_candidates(people, sorted_points, seed)
        found = (
            show(people, candidates, live_k)
            if live
            else publish(people, candidates, seed, effort or Effort())
        )
        groups = _found_groups(found, people.cast, sorted_points)
    else:
        groups = _given_groups(labels[order], sorted_points)
    backed, total, by_group = _count(every, groups, moderated_out)
    low, high = wilson_arrays(by_group.agree, by_group.seen)
    reach = extremity(plane)
    product = consensus(by_group)
    agree, disagree = majority(total, moderated_out)
    return Analysis(
        participants=int(np.count_nonzero(every.cast)),
        statements=m,
        votes=int(every.values.size),
        seed=seed,
        moderated_out=moderated_out,
        groups=_in_given_order(groups, order),
        plane=plane,
        points=_unsorted(sorted_points, order),
        total=total,
        by_group=by_group,
        wilson_low=low,
        wilson_high=high,
        extremity=reach,
        priority=priority(total.agree, total.passes, total.seen, reach),
        consensus=product,
        consensus_root=product ** (1.0 / groups.k),
        least_share=least_share(by_group),
        backed=backed,
        representative=representative(by_group, moderated_out),
        majority_agree=agree,
        majority_disagree=disagree,
        divisive=divisive(by_group, moderated_out),
    )


def place(own_votes: NDArray[np.int8], published: PublishedMap) -> Place:
    """Put one person on a published map by their own votes alone.

    ``own_votes`` are theirs by statement; statements newer than the map are left out of account.
    """
    m = published.means.size
    own = own_votes[:m]
    cast = np.flatnonzero(own != EMPTY)
    centred = own[cast] - published.means[cast]
    x, y = np.sqrt(m / max(cast.size, 1)) * (published.components[:, cast] @ centred)
    group = None
    fewest = max(1, min(FEWEST_VOTES, m)) if len(published.names) > 1 else 1
    if cast.size >= fewest:
        group = published.names[int(nearest(np.array([[x, y]]), published.centres)[0])]
    return Place(float(x), float(y), group)


def _count(
    every: Cells, groups: Groups, out: NDArray[np.bool_]
) -> tuple[dict[int, NDArray[np.bool_]], Counts, Counts]:
    position = {name: i for i, name in enumerate(groups.names)}
    table = np.array([*(position.get(name, -1) for name in range(max(groups.names) + 1)), -1])
    total, by_group = count(every, table[groups.labels], groups.k)
    everybody = Counts(total.agree[None], total.disagree[None], total.seen[None])
    backed = {1: backed_by_all(everybody) & ~out}
    for candidate in groups.candidates:
        _, split = count(every, candidate.labels, candidate.k)
        backed[candidate.k] = backed_by_all(split) & ~out
    backed[groups.k] = backed_by_all(by_group) & ~out
    return backed, total, by_group


def _found_groups(
    found: Publication, cast: NDArray[np.intp], points: NDArray[np.float64]
) -> Groups:
    chosen = found.chosen
    evidence = chosen or (found.candidates[0] if found.candidates else None)
    if chosen is None:
        labels = np.where(cast > 0, 0, -1)
        sizes: tuple[int, ...] = (int(np.count_nonzero(cast)),)
        centres = points[labels == 0].mean(axis=0)[None] if sizes[0] else np.zeros((1, 2))
    else:
        labels, sizes, centres = chosen.labels, chosen.sizes, chosen.centres
    return Groups(
        k=len(sizes),
        names=tuple(range(len(sizes))),
        labels=labels,
        sizes=sizes,
        centres=centres,
        verdict=found.verdict,
        silhouette=evidence.silhouette if evidence else None,
        chance_p95=found.chance_p95,
        stability=evidence.stability if evidence else None,
        candidates=found.candidates,
    )


def _given_groups(labels: NDArray[np.intp], points: NDArray[np.float64]) -> Groups:
    names = tuple(int(name) for name in np.unique(labels) if name >= 0)
    if not names:
        raise ValueError("the labels name no group")
    members = [labels == name for name in names]
    return Groups(
        k=len(names),
        names=names,
        labels=np.where(labels >= 0, labels, -1),
        sizes=tuple(int(np.count_nonzero(each)) for each in members),
        centres=np.stack([points[each].mean(axis=0) for each in members]),
        verdict=Verdict.GIVEN,
        silhouette=None,
        chance_p95=None,
        stability=None,
        candidates=(),
    )


def _in_given_order(groups: Groups, order: NDArray[np.intp]) -> Groups:
    return replace(
        groups,
        labels=_unsorted(groups.labels, order),
        candidates=tuple(
            replace(each, labels=_unsorted(each.labels, order)) for each in groups.candidates
        ),
    )


def _unsorted(found: NDArray[_Cell], order: NDArray[np.intp]) -> NDArray[_Cell]:
    given = np.empty_like(found)
    given[order] = found
    return given

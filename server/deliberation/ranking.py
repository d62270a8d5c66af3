"""How drafts are ranked: weak orders, "none of these" as a candidate, Schulze with margins.

Source: Schulze, "A new monotonic, clone-independent … voting method" (2011), with margins as the
strength of a link. Nothing here is random: what ties stays tied.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from ..errors import Invalid

NONE: Final = "none"
"""The candidate "none of these speaks for me"; no draft may have this id."""
SUBSTANTIAL: Final = 0.1
"""A group counts for revision and dissent from this share of the people in groups on."""


class BallotView(msgspec.Struct, frozen=True, kw_only=True):
    """One person's weak order over the drafts they were shown.

    ``order`` lists levels, the best first; drafts in one level tie. Seen drafts that are not listed
    tie last. "None" stands above all if ``none_of_these``, else with those last: not listing a
    draft is not rejecting it, and a blank ballot says nothing. Unseen drafts are not compared.
    """

    participant: str
    order: tuple[tuple[str, ...], ...]
    seen: tuple[str, ...]
    none_of_these: bool = False


class GroupSupport(msgspec.Struct, frozen=True, kw_only=True):
    """What the ballots of one opinion group say of one draft against "none".

    ``prefer`` and ``reject`` put the draft above and below "none"; ``seen`` counts all ballots of
    the group that were shown the draft; ``share`` is prefer ÷ seen, absent where nobody saw it.
    """

    group: int
    prefer: int
    reject: int
    seen: int
    share: float | None


class DraftSupport(msgspec.Struct, frozen=True, kw_only=True):
    """A draft's support in each group; ``minimum`` is the least share of a group that saw it.

    ``rejected_by`` names the groups of at least a tenth of the people in groups of which more
    ballots prefer "none": a winner with such a group is revised once before ratification.
    """

    draft: str
    groups: tuple[GroupSupport, ...]
    minimum: float | None
    rejected_by: tuple[int, ...]


class Ranking(msgspec.Struct, frozen=True, kw_only=True):
    """The order of the drafts and all that it follows from.

    ``candidates`` are the drafts in the order given, then "none"; ``pairwise[i][j]`` counts ballots
    that put i above j. ``levels`` are peeled off the Schulze order from the top: in a level nothing
    is behind anything that is left. ``winners`` are the drafts ahead of which there is no other
    adoptable one; adoptable is what "none" neither beats pairwise nor is ahead of. It may be empty.
    """

    candidates: tuple[str, ...]
    pairwise: tuple[tuple[int, ...], ...]
    levels: tuple[tuple[str, ...], ...]
    winners: tuple[str, ...]
    ballots: int
    groups: tuple[DraftSupport, ...]


def check_ballot(ballot: BallotView, drafts: Sequence[str]) -> None:
    """Refuse (``Invalid``, with the field) a ballot that can't be counted among these drafts."""
    known = set(drafts)
    if len(set(ballot.seen)) != len(ballot.seen) or not known.issuperset(ballot.seen):
        raise Invalid("'seen' lists drafts of this round, each once.", field="seen")
    listed = [draft for level in ballot.order for draft in level]
    if len(set(listed)) != len(listed):
        raise Invalid("'order' lists a draft twice.", field="order")
    if not known.issuperset(listed):
        raise Invalid("'order' lists what is no draft of this round.", field="order")
    if not set(ballot.seen).issuperset(listed):
        raise Invalid("'order' lists a draft that was not seen.", field="order")


def rank(
    ballots: Sequence[BallotView], drafts: Sequence[str], groups: Mapping[str, int]
) -> Ranking:
    """Count the ballots, one a participant; ``groups`` maps participants to their opinion group.

    People who are in no group (absent, or a negative group) count in the order and in no group.
    ``Invalid`` for a ballot that ``check_ballot`` refuses; ValueError for a draft called "none".
    """
    if NONE in drafts or len(set(drafts)) != len(drafts):
        raise ValueError('drafts have ids of their own, and none is called "none"')
    for ballot in ballots:
        check_ballot(ballot, drafts)
    candidates = (*drafts, NONE)
    pairwise = _pairwise(ballots, candidates)
    ahead = _ahead(_strongest_paths(pairwise))
    return Ranking(
        candidates=candidates,
        pairwise=tuple(tuple(row) for row in pairwise),
        levels=tuple(tuple(candidates[i] for i in level) for level in _levels(ahead)),
        winners=tuple(candidates[i] for i in _winners(pairwise, ahead)),
        ballots=len(ballots),
        groups=tuple(_support(ballots, draft, groups) for draft in drafts),
    )


def _places(ballot: BallotView) -> dict[str, int]:
    """Give each candidate the ballot compares its level: the smaller, the better."""
    last = len(ballot.order) + 1
    places = dict.fromkeys(ballot.seen, last)
    for level, drafts in enumerate(ballot.order, 1):
        for draft in drafts:
            places[draft] = level
    places[NONE] = 0 if ballot.none_of_these else last
    return places


def _pairwise(ballots: Sequence[BallotView], candidates: Sequence[str]) -> list[list[int]]:
    size = len(candidates)
    number = {candidate: i for i, candidate in enumerate(candidates)}
    pairwise = [[0] * size for _ in range(size)]
    for ballot in ballots:
        places = [(number[candidate], place) for candidate, place in _places(ballot).items()]
        for i, mine in places:
            row = pairwise[i]
            for j, theirs in places:
                if mine < theirs:
                    row[j] += 1
    return pairwise


def _strongest_paths(pairwise: list[list[int]]) -> list[list[int]]:
    """Floyd–Warshall over max–min: the weakest link of the strongest path, in margins."""
    size = len(pairwise)
    paths = [[max(pairwise[i][j] - pairwise[j][i], 0) for j in range(size)] for i in range(size)]
    for via in range(size):
        onward = paths[via]
        for i in range(size):
            if i == via:
                continue
            row, reach = paths[i], paths[i][via]
            for j in range(size):
                if j not in (i, via):
                    row[j] = max(row[j], min(reach, onward[j]))
    return paths


def _ahead(paths: list[list[int]]) -> list[list[bool]]:
    size = len(paths)
    return [[paths[i][j] > paths[j][i] for j in range(size)] for i in range(size)]


def _levels(ahead: list[list[bool]]) -> list[list[int]]:
    left = list(range(len(ahead)))
    levels = []
    while left:
        top = [i for i in left if not any(ahead[j][i] for j in left)]
        levels.append(top)
        left = [i for i in left if i not in top]
    return levels


def _winners(pairwise: list[list[int]], ahead: list[list[bool]]) -> list[int]:
    none = len(pairwise) - 1
    adoptable = [
        i for i in range(none) if pairwise[i][none] >= pairwise[none][i] and not ahead[none][i]
    ]
    return [i for i in adoptable if not any(ahead[j][i] for j in adoptable)]


def _support(ballots: Sequence[BallotView], draft: str, groups: Mapping[str, int]) -> DraftSupport:
    sizes: dict[int, int] = {}
    for group in groups.values():
        if group >= 0:
            sizes[group] = sizes.get(group, 0) + 1
    counts = {group: [0, 0, 0] for group in sorted(sizes)}
    for ballot in ballots:
        group = groups.get(ballot.participant, -1)
        if group < 0 or draft not in ballot.seen:
            continue
        places = _places(ballot)
        count = counts[group]
        count[0] += places[draft] < places[NONE]
        count[1] += places[draft] > places[NONE]
        count[2] += 1
    people = sum(sizes.values())
    shares = [prefer / seen for prefer, _, seen in counts.values() if seen]
    return DraftSupport(
        draft=draft,
        groups=tuple(
            GroupSupport(
                group=group,
                prefer=prefer,
                reject=reject,
                seen=seen,
                share=prefer / seen if seen else None,
            )
            for group, (prefer, reject, seen) in counts.items()
        ),
        minimum=min(shares) if shares else None,
        rejected_by=tuple(
            group
            for group, (prefer, reject, _) in counts.items()
            if reject > prefer and sizes[group] >= SUBSTANTIAL * people
        ),
    )

"""What a person may see of the published analysis (CONTRACT; METHODS "Secrecy of votes").

While the room is open a participant gets their own place and group, computed from their own votes
on the last published map; of others only group sizes and outlines, the statements that define each
group, and counts of statements that they voted on themselves and at least five others did.
Exchanging two other people's votes changes nothing in it. Later, and for analysts at any time, all
tallies. Nobody gets another person's place or group.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..ids import StatementId
from .audience import sees_full_analysis
from .intervals import share_sequence_arrays, wilson_arrays
from .opinion import place
from .opinion.document import GroupShare, RepresentativeDocument, StatementDetail
from .opinion.grouping import FEWEST_VOTES
from .published import Outline, PublishedAnalysis, groups_told, published_map, too_few_people
from .state import TALLY_FROM, RoomState
from .views import Viewer, may_see
from .vocabulary import Phase
from .votes import EMPTY

FEWEST_OTHERS: Final = 5
"""So many others must have voted on a statement before its counts are shown while the room is open.
"""
_MOST_DIVISIVE = 10


class Standing(StrEnum):
    """What can be said of groups."""

    WAITING = "waiting"
    """Nothing is published yet, or nothing that may be seen before the close."""
    TOO_FEW_PEOPLE = "too-few-people"
    """Fewer than 50 people voted enough: counts, and no claim about groups."""
    ONE_GROUP = "one-group"
    """No separate groups can be told: a split would be no better than chance."""
    GROUPS = "groups"


class OwnPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where the viewer stands by their own votes; ``group`` is null while they have too few.

    ``votes`` they have cast on the map's statements, and ``needed`` for a group.
    """

    x: float
    y: float
    group: int | None
    votes: int
    needed: int


class Defining(msgspec.Struct, frozen=True, kw_only=True):
    """A statement that sets a group apart; the numbers behind it come when the room has closed."""

    statement_id: str
    direction: Literal["agree", "disagree"]
    p: float | None = None
    ratio: float | None = None


class GroupView(msgspec.Struct, frozen=True, kw_only=True):
    """An opinion group as everybody may see it."""

    group: int
    size: int
    outline: Outline
    defining: tuple[Defining, ...]


class GroupCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What one group said of a statement, with the interval of its agree share."""

    group: int
    agree: int
    disagree: int
    seen: int
    low: float
    high: float


class StatementCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What people said of a statement as of the published analysis.

    ``low`` and ``high`` bound the agree share; ``shown`` is to how many it was put, null where that
    is not known. ``groups`` and ``label`` are empty while the room is open.
    """

    statement_id: str
    agree: int
    disagree: int
    passes: int = msgspec.field(name="pass")
    seen: int
    shown: int | None
    low: float
    high: float
    groups: tuple[GroupCounts, ...] = ()
    consensus: float | None = None
    label: str | None = None
    label_holds_for: tuple[int, ...] = ()


class DivisiveView(msgspec.Struct, frozen=True, kw_only=True):
    """Where two groups differ most: the agree shares' difference, one − two."""

    statement_id: str
    one: int
    two: int
    difference: float
    low: float
    high: float


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What the groups were held against; null where it was not measured."""

    verdict: str
    silhouette: float | None
    chance_p95: float | None
    stability: float | None


class AnalysisView(msgspec.Struct, frozen=True, kw_only=True):
    """The analysis for one viewer.

    ``complete`` says that all tallies are in it. ``intervals`` are ``sequence`` (they may be looked
    at any moment) while the room is open, ``wilson`` after. ``participants`` are those who voted.
    """

    phase: Phase
    standing: Standing
    complete: bool
    as_of_seq: int | None = None
    participants: int | None = None
    votes: int | None = None
    intervals: Literal["sequence", "wilson"] = "sequence"
    k: int = 1
    you: OwnPlace | None = None
    groups: tuple[GroupView, ...] = ()
    statements: tuple[StatementCounts, ...] = ()
    agreed: tuple[str, ...] = ()
    disagreed: tuple[str, ...] = ()
    divisive: tuple[DivisiveView, ...] = ()
    evidence: Evidence | None = None


def analysis_for(
    published: PublishedAnalysis | None, state: RoomState, viewer: Viewer
) -> AnalysisView:
    """Return what ``viewer`` may see of the last published analysis of the room now."""
    still_open = state.phase in (Phase.DRAFT, Phase.OPEN)
    complete = not still_open or sees_full_analysis(viewer.role)
    if published is None or (not complete and published.document.participants < TALLY_FROM):
        return AnalysisView(phase=state.phase, standing=Standing.WAITING, complete=complete)
    own = _own_votes(state, viewer, len(published.map.columns))
    document = published.document
    voted = _voted_on(own, published)
    common = AnalysisView(
        phase=state.phase,
        standing=_standing(published),
        complete=complete,
        as_of_seq=published.as_of_seq,
        participants=document.participants,
        votes=document.votes,
        intervals="sequence" if still_open else "wilson",
        k=max(len(published.map.groups), 1),
        you=_own_place(own, published),
        groups=_group_views(published, state, viewer, numbers=complete),
        statements=_statements(
            [
                detail
                for detail in document.statements_detail
                if _readable(state, viewer, detail.id) and (complete or _may_count(detail, voted))
            ],
            still_open=still_open,
            complete=complete,
        ),
    )
    return _with_lists(common, published, state, viewer) if complete else common


def _standing(published: PublishedAnalysis) -> Standing:
    if groups_told(published):
        return Standing.GROUPS
    return Standing.TOO_FEW_PEOPLE if too_few_people(published) else Standing.ONE_GROUP


def _own_votes(state: RoomState, viewer: Viewer, columns: int) -> NDArray[np.int8] | None:
    person = state.people.get(viewer.participant)
    if person is None:
        return None
    row = state.votes.view()[person.row, :columns]
    return row if (row != EMPTY).any() else None


def _own_place(own: NDArray[np.int8] | None, published: PublishedAnalysis) -> OwnPlace | None:
    if own is None:
        return None
    # What moderation took out is a vote that was cast and says nothing: its column is 0.
    found = place(own, published_map(published))
    told = groups_told(published)
    return OwnPlace(
        x=round(found.x, 4),
        y=round(found.y, 4),
        group=found.group if told else None,
        votes=int(np.count_nonzero(own != EMPTY)),
        needed=min(FEWEST_VOTES, len(published.map.columns)),
    )


def _group_views(
    published: PublishedAnalysis, state: RoomState, viewer: Viewer, *, numbers: bool
) -> tuple[GroupView, ...]:
    document = published.document
    return tuple(
        GroupView(
            group=each.group,
            size=document.groups.sizes[str(each.group)],
            outline=each.outline,
            defining=tuple(
                _defining(one, numbers=numbers)
                for one in document.representative.get(str(each.group), ())
                if one.qualifies and _readable(state, viewer, one.id)
            ),
        )
        for each in published.map.groups
    )


def _defining(each: RepresentativeDocument, *, numbers: bool) -> Defining:
    return Defining(
        statement_id=str(each.id),
        direction=each.direction,
        p=each.p if numbers else None,
        ratio=each.ratio if numbers else None,
    )


def _readable(state: RoomState, viewer: Viewer, statement: int | str) -> bool:
    known = state.statements.get(StatementId(str(statement)))
    return known is not None and may_see(known, viewer)


def _voted_on(own: NDArray[np.int8] | None, published: PublishedAnalysis) -> frozenset[str]:
    if own is None:
        return frozenset()
    return frozenset(published.map.columns[column] for column in np.flatnonzero(own != EMPTY))


def _may_count(detail: StatementDetail, voted: frozenset[str]) -> bool:
    """The viewer voted on it, and five others had: their own vote may be among those counted."""
    return str(detail.id) in voted and detail.seen > FEWEST_OTHERS


def _statements(
    details: list[StatementDetail], *, still_open: bool, complete: bool
) -> tuple[StatementCounts, ...]:
    whole = _bounds([(each.agree, each.seen) for each in details], still_open=still_open)
    shares = [each for detail in details for each in detail.groups] if complete else []
    parts = iter(_bounds([(each.agree, each.seen) for each in shares], still_open=still_open))
    declared = complete and not still_open
    return tuple(
        StatementCounts(
            statement_id=str(detail.id),
            agree=detail.agree,
            disagree=detail.disagree,
            passes=detail.passes,
            seen=detail.seen,
            shown=detail.shown if complete else None,
            low=low,
            high=high,
            groups=tuple(
                _group_counts(each, next(parts)) for each in (detail.groups if complete else ())
            ),
            consensus=detail.consensus_root if complete else None,
            label=detail.label if declared else None,
            label_holds_for=tuple(detail.label_holds_for) if declared else (),
        )
        for detail, (low, high) in zip(details, whole, strict=True)
    )


def _bounds(counts: list[tuple[int, int]], *, still_open: bool) -> list[tuple[float, float]]:
    agree = np.array([each for each, _ in counts], dtype=np.int64)
    seen = np.array([each for _, each in counts], dtype=np.int64)
    low, high = (share_sequence_arrays if still_open else wilson_arrays)(agree, seen)
    return list(zip(low.tolist(), high.tolist(), strict=True))


def _group_counts(share: GroupShare, bounds: tuple[float, float]) -> GroupCounts:
    return GroupCounts(
        group=share.group,
        agree=share.agree,
        disagree=share.disagree,
        seen=share.seen,
        low=bounds[0],
        high=bounds[1],
    )


def _with_lists(
    view: AnalysisView, published: PublishedAnalysis, state: RoomState, viewer: Viewer
) -> AnalysisView:
    document = published.document

    def readable(ids: list[int | str]) -> tuple[str, ...]:
        return tuple(str(each) for each in ids if _readable(state, viewer, each))

    return msgspec.structs.replace(
        view,
        agreed=readable(document.majority.agree),
        disagreed=readable(document.majority.disagree),
        divisive=tuple(
            DivisiveView(
                statement_id=str(each.id),
                one=each.one,
                two=each.two,
                difference=each.difference,
                low=each.low,
                high=each.high,
            )
            for each in document.divisive[:_MOST_DIVISIVE]
            if groups_told(published) and _readable(state, viewer, each.id)
        ),
        evidence=Evidence(
            verdict=document.groups.verdict,
            silhouette=document.groups.silhouette,
            chance_p95=document.groups.chance_p95,
            stability=document.groups.stability,
        ),
    )

"""An analysis as it is published: the document, the map under it, and what a display needs.

It is computed from one moment's votes by :func:`compute`, kept as an artifact under its digest, and
read by reports, by routing (:func:`outlook_of`) and by ``insight``, which decides who sees what.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from .commands import Outlook
from .opinion import (
    Analysis,
    AnalysisDocument,
    Effort,
    PublishedMap,
    ShownK,
    Verdict,
    analysis_json,
    analyze,
)
from .opinion.chance import SHUFFLES, Mapper
from .routing import group_appeal
from .state import RoomState
from .vocabulary import Phase

ANALYSIS_KIND: Final = "analysis"
THEMES_KIND: Final = "themes"
SEED: Final = 0
"""Published analyses all use one seed, the one that the command line uses when none is given."""
OPEN_SHUFFLES: Final = 99
"""Shuffled matrices while the room is open: the test is exact at any number from 19 on, and what is
published when the voting closes is held against 200."""
_SPREADS = 2.0
_GRAIN = 100.0


class Outline(msgspec.Struct, frozen=True, kw_only=True):
    """An ellipse two standard deviations around a group's middle: half axes, angle in degrees.

    Rounded to a hundredth of the map's width, so that one person's place does not show in it.
    """

    x: float
    y: float
    major: float
    minor: float
    angle: float


class GroupOnMap(msgspec.Struct, frozen=True, kw_only=True):
    """A published group's centre, for placing people, and its outline, for showing it."""

    group: int
    centre: tuple[float, float]
    outline: Outline


class OpinionMap(msgspec.Struct, frozen=True, kw_only=True):
    """The plane of an analysis: ``columns`` names the statements behind means and components.

    ``groups`` is empty where no separate groups can be told. ``places`` are people's own; they
    never leave the house but to the person and, as dots without ids, into a report.
    """

    columns: tuple[str, ...]
    means: tuple[float, ...]
    components: tuple[tuple[float, ...], tuple[float, ...]]
    variance: tuple[float, ...]
    groups: tuple[GroupOnMap, ...]
    places: dict[str, tuple[float, float]]


class Smoothing(msgspec.Struct, frozen=True, kw_only=True):
    """How many groups the display shows while the room is open, and who challenges that."""

    k: int
    challenger: int = 0
    wins: int = 0


class PublishedAnalysis(msgspec.Struct, frozen=True, kw_only=True):
    """One published analysis of a room.

    ``hidden`` are the columns that moderation had taken out; ``appeal`` is each column's largest
    smoothed agree share in a group, None without groups.
    """

    format: Literal["folkmoot.published-analysis/1"] = "folkmoot.published-analysis/1"
    as_of_seq: int
    phase: Phase
    document: AnalysisDocument
    map: OpinionMap
    hidden: tuple[int, ...]
    appeal: tuple[float, ...] | None
    smoothing: Smoothing


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """A room's votes at one seq, copied out of its state: ``votes`` (n, m), ``hidden`` (m,)."""

    as_of_seq: int
    phase: Phase
    votes: NDArray[np.int8]
    hidden: NDArray[np.bool_]
    participants: tuple[str, ...]
    statements: tuple[str, ...]
    shown: dict[int, int]


def moment_of(state: RoomState) -> Moment:
    """Copy the votes out of ``state``; nothing in the result changes with the room."""
    statements = [state.statements[each] for each in state.columns]
    return Moment(
        as_of_seq=state.seq,
        phase=state.phase,
        votes=state.votes.view().copy(),
        hidden=hidden_columns(state),
        participants=tuple(state.rows),
        statements=tuple(state.columns),
        shown={each.column: each.shown for each in statements if each.shown},
    )


def hidden_columns(state: RoomState) -> NDArray[np.bool_]:
    """Return which columns nobody may vote on: rejected, waiting or erased statements, (m,)."""
    return np.array([not state.statements[each].visible for each in state.columns], dtype=np.bool_)


def compute(
    moment: Moment,
    *,
    previous: Smoothing | None = None,
    shuffles: int | None = None,
    mapper: Mapper = map,
) -> PublishedAnalysis:
    """Analyze a moment, its groups held against chance.

    While the room is open the number of groups shown is smoothed: another number of them must have
    won four times running (``previous`` is the last analysis' smoothing). That no groups can be
    told, and that some can after all, shows at once. ``shuffles`` None: 99 while the room is open,
    200 after it. The same for every order of rows, and however
    ``mapper`` spreads the work.
    """
    if not moment.votes.size:
        raise ValueError("there is nothing to analyze in a room without people or statements")
    still_open = moment.phase is Phase.OPEN
    shuffles = shuffles or (OPEN_SHUFFLES if still_open else SHUFFLES)
    effort = Effort(shuffles=shuffles, mapper=mapper)
    found = analyze(moment.votes, moderated_out=moment.hidden, seed=SEED, effort=effort)
    smoothing = Smoothing(k=found.groups.k)
    if still_open and previous is not None:
        smoothing = smoothed(previous, found)
        if smoothing.k != found.groups.k:
            found = analyze(
                moment.votes, moderated_out=moment.hidden, seed=SEED, live=True, live_k=smoothing.k
            )
    return _published(moment, found, smoothing)


def smoothed(previous: Smoothing, found: Analysis) -> Smoothing:
    """Return how many groups are shown after one more analysis, and who challenges that.

    What is shown must be better than chance in this analysis too, else the best k takes its place.
    """
    groups = found.groups
    if groups.k == 1 or previous.k == 1:
        return Smoothing(k=groups.k)
    after = ShownK(previous.k, previous.challenger, previous.wins).after(groups.k)
    limit = groups.chance_p95 if groups.chance_p95 is not None else 1.0
    stands = any(
        each.k == after.k and each.large_enough and each.silhouette > limit
        for each in groups.candidates
    )
    if not stands:
        return Smoothing(k=groups.k)
    return Smoothing(k=after.k, challenger=after.challenger, wins=after.wins)


def _published(moment: Moment, found: Analysis, smoothing: Smoothing) -> PublishedAnalysis:
    told = found.groups.k > 1
    # A place is kept to a ten-thousandth: finer digits differ between machines.
    places = {
        participant: (x, y)
        for participant, (x, y), label in zip(
            moment.participants,
            np.round(found.points, 4).tolist(),
            found.groups.labels.tolist(),
            strict=True,
        )
        if label >= 0
    }
    appeal = (
        tuple(group_appeal(found.by_group.agree, found.by_group.seen).tolist()) if told else None
    )
    return PublishedAnalysis(
        as_of_seq=moment.as_of_seq,
        phase=moment.phase,
        document=analysis_json(found, moment.participants, moment.statements, moment.shown),
        map=OpinionMap(
            columns=moment.statements,
            means=tuple(found.plane.means.tolist()),
            components=(
                tuple(found.plane.components[0].tolist()),
                tuple(found.plane.components[1].tolist()),
            ),
            variance=tuple(found.plane.variance.tolist()),
            groups=_groups(found) if told else (),
            places=places,
        ),
        hidden=tuple(np.flatnonzero(moment.hidden).tolist()),
        appeal=appeal,
        smoothing=smoothing,
    )


def _groups(found: Analysis) -> tuple[GroupOnMap, ...]:
    inside = found.groups.labels >= 0
    width = float(np.ptp(found.points[inside], axis=0).max()) or 1.0
    return tuple(
        GroupOnMap(
            group=name,
            centre=(float(x), float(y)),
            outline=_outline(found.points[found.groups.labels == name], width / _GRAIN),
        )
        for name, (x, y) in zip(found.groups.names, found.groups.centres.tolist(), strict=True)
    )


def _outline(points: NDArray[np.float64], grain: float) -> Outline:
    middle = points.mean(axis=0)
    spread, axes = np.linalg.eigh(np.cov(points, rowvar=False))
    half = _SPREADS * np.sqrt(np.maximum(spread, 0.0))
    angle = float(np.degrees(np.arctan2(axes[1, 1], axes[0, 1]))) % 180.0

    def coarse(value: float) -> float:
        return round(round(value / grain) * grain, 6)

    return Outline(
        x=coarse(float(middle[0])),
        y=coarse(float(middle[1])),
        major=max(coarse(float(half[1])), grain),
        minor=max(coarse(float(half[0])), grain),
        angle=round(angle / 5.0) * 5.0 % 180.0,
    )


def published_map(published: PublishedAnalysis) -> PublishedMap:
    """Return what ``opinion.place`` needs; with no groups told, one centre for everybody."""
    groups = published.map.groups
    return PublishedMap(
        np.array(published.map.means),
        np.array(published.map.components),
        np.array([each.centre for each in groups]) if groups else np.zeros((1, 2)),
        tuple(each.group for each in groups) or (0,),
    )


def outlook_of(published: PublishedAnalysis) -> Outlook:
    """Return what routing takes from the last analysis: extremity and appeal by column."""
    return Outlook(
        extremity=np.array([each.extremity for each in published.document.statements_detail]),
        appeal=None if published.appeal is None else np.array(published.appeal),
    )


def groups_told(published: PublishedAnalysis) -> bool:
    """Tell whether separate opinion groups can be told."""
    return len(published.map.groups) > 1


def too_few_people(published: PublishedAnalysis) -> bool:
    """Tell whether there are no groups because too few people could be grouped."""
    return published.document.groups.verdict == Verdict.TOO_FEW_PEOPLE


def encode(published: PublishedAnalysis) -> bytes:
    """Return the artifact's bytes."""
    return msgspec.json.encode(published)


_DECODER = msgspec.json.Decoder(PublishedAnalysis)


def decode(body: bytes) -> PublishedAnalysis:
    """Read an artifact's bytes; ``msgspec.MsgspecError`` for anything else."""
    return _DECODER.decode(body)

"""Where one stands: the map and the same as a list, after voting and as far as one may see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from ..api.services.desk import AnyRequest, Desk
from ..deliberation.insight import AnalysisView, GroupView, OwnPlace, Standing, analysis_for
from ..deliberation.room import RoomState
from ..deliberation.views import StatementView, statement_view
from ..deliberation.vocabulary import Choice, Phase
from ..ids import StatementId
from .rendering import Page, render
from .rooms import own_votes, voted_in
from .visits import Inside, enter
from .wording import N_

Answer = Response[Any]
WIDTH = 640.0
HEIGHT = 460.0
_MARGIN = 56.0
_MARK = 24.0
"""Half the width of a group's mark, and a little more."""
_LABEL = 216.0
"""At most the width of "You are here"."""
LOCKED = "locked"
LABELS = {
    "consensus across groups": N_("consensus across groups"),
    "agreement": N_("agreement"),
}


@dataclass(frozen=True, slots=True)
class Ellipse:
    """A group's outline in the picture's own units."""

    group: int
    x: float
    y: float
    major: float
    minor: float
    angle: float


@dataclass(frozen=True, slots=True)
class You:
    """Where the person stands in the picture, and where its label does."""

    x: float
    y: float
    label_x: float
    label_y: float
    anchor: str


@dataclass(frozen=True, slots=True)
class Plot:
    """The picture: groups and, where they have voted enough to be placed, the person."""

    width: float
    height: float
    groups: tuple[Ellipse, ...]
    you: You | None


@dataclass(frozen=True, slots=True)
class DefiningLine:
    """A statement that sets a group apart."""

    statement: StatementView
    direction: str


@dataclass(frozen=True, slots=True)
class GroupLine:
    """A group in the list."""

    group: int
    size: int
    yours: bool
    defining: tuple[DefiningLine, ...]


@dataclass(frozen=True, slots=True)
class CountLine:
    """How people voted on a statement."""

    statement: StatementView
    agree: int
    disagree: int
    passes: int
    seen: int
    low: float
    high: float
    label: str | None
    own: Choice | None
    groups: tuple[Any, ...]


def handlers(desk: Desk) -> list[HTTPRouteHandler]:
    """Return the handlers of this subject."""

    @get("/rooms/{room_id:str}/map", include_in_schema=False)
    async def map_page(request: AnyRequest, room_id: FromPath[str]) -> Answer:
        return await _map(desk, await enter(desk, request, room_id))

    return [map_page]


async def _map(desk: Desk, inside: Inside) -> Answer:
    published = await desk.analyses.published(await desk.house.room(inside.log))
    state = await desk.house.room(inside.log)
    view = analysis_for(published, state, inside.who.viewer)
    far = voted_in(state, inside)
    first_votes = inside.who.role.decides and state.phase in (Phase.DRAFT, Phase.OPEN)
    own = own_votes(state, inside.who.participant)
    locked = first_votes and len(own) < min(view.you.needed if view.you else 7, _goal(state))
    context = far | {
        "standing": LOCKED if locked else str(view.standing),
        "view": view,
        "plot": plot_of(view) if view.standing is Standing.GROUPS and not locked else None,
        "groups": [_group_line(state, inside, view, each) for each in view.groups],
        "counts": _counts(state, inside, view),
    }
    return render(inside.visit, Page("map.html", here="map", context=context))


def _goal(state: RoomState) -> int:
    return max(1, len(state.columns))


def plot_of(view: AnalysisView) -> Plot | None:
    """Return the picture of an analysis' groups, or None where there is nothing to draw."""
    if not view.groups:
        return None
    scale, middle = _frame_of(view.groups, view.you)

    def at(x: float, y: float) -> tuple[float, float]:
        return (
            round(WIDTH / 2 + (x - middle[0]) * scale, 1),
            round(HEIGHT / 2 - (y - middle[1]) * scale, 1),
        )

    ellipses = []
    for each in view.groups:
        x, y = at(each.outline.x, each.outline.y)
        ellipses.append(
            Ellipse(
                each.group,
                x,
                y,
                round(max(each.outline.major * scale, 24.0), 1),
                round(max(each.outline.minor * scale, 24.0), 1),
                round(-each.outline.angle, 1),
            )
        )
    you = None
    if view.you is not None:
        x, y = at(view.you.x, view.you.y)
        x = min(max(x, 14.0), WIDTH - 14.0)
        y = min(max(y, 42.0), HEIGHT - 12.0)
        you = _labelled(x, y, tuple(ellipses))
    return Plot(WIDTH, HEIGHT, tuple(ellipses), you)


def _labelled(x: float, y: float, groups: tuple[Ellipse, ...]) -> You:
    """Return the person with their label where it is inside the picture and on no group's mark."""
    places = (
        (x, y - 38.0, "middle", x - _LABEL / 2),
        (x, y + 32.0, "middle", x - _LABEL / 2),
        (x + 18.0, y - 12.0, "start", x + 18.0),
        (x - 18.0, y - 12.0, "end", x - 18.0 - _LABEL),
    )

    def cost(place: tuple[float, float, str, float]) -> int:
        _, base, _, left = place
        outside = left < 0 or left + _LABEL > WIDTH or base < 24 or base > HEIGHT - 6
        hidden = sum(
            left - _MARK < each.x < left + _LABEL + _MARK and base - 24 - _MARK < each.y < base + 24
            for each in groups
        )
        return 100 * outside + hidden

    label_x, label_y, anchor, _ = min(places, key=cost)
    return You(x, y, label_x, label_y, anchor)


def _frame_of(
    groups: tuple[GroupView, ...], you: OwnPlace | None
) -> tuple[float, tuple[float, float]]:
    spans = [
        (
            g.outline.x,
            g.outline.y,
            g.outline.major,
        )
        for g in groups
    ]
    if you is not None:
        spans.append((you.x, you.y, 0.0))
    left = min(x - r for x, _, r in spans)
    right = max(x + r for x, _, r in spans)
    low = min(y - r for _, y, r in spans)
    high = max(y + r for _, y, r in spans)
    scale = min(
        (WIDTH - 2 * _MARGIN) / max(right - left, 1e-6),
        (HEIGHT - 2 * _MARGIN) / max(high - low, 1e-6),
    )
    return scale, ((left + right) / 2, (low + high) / 2)


def _group_line(state: RoomState, inside: Inside, view: AnalysisView, each: GroupView) -> GroupLine:
    lines = [
        DefiningLine(statement_view(known, inside.who.viewer), one.direction)
        for one in each.defining
        if (known := state.statements.get(StatementId(one.statement_id))) is not None
    ]
    yours = view.you is not None and view.you.group == each.group
    return GroupLine(each.group, each.size, yours, tuple(lines))


def _counts(state: RoomState, inside: Inside, view: AnalysisView) -> list[CountLine]:
    own = own_votes(state, inside.who.participant)
    lines = []
    for each in view.statements:
        known = state.statements.get(StatementId(each.statement_id))
        if known is None or not each.seen:
            continue
        lines.append(
            CountLine(
                statement=statement_view(known, inside.who.viewer),
                agree=each.agree,
                disagree=each.disagree,
                passes=each.passes,
                seen=each.seen,
                low=each.low,
                high=each.high,
                label=LABELS.get(each.label or "", each.label),
                own=own.get(known.id),
                groups=each.groups,
            )
        )
    return sorted(lines, key=lambda line: (-line.low, line.statement.seq))

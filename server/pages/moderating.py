"""The moderation desk, and the public log of what was decided."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from ..api.access import access_moderation
from ..api.problems import FieldError
from ..api.services.desk import AnyRequest, Desk
from ..deliberation import commands as c
from ..deliberation.state import Statement
from ..deliberation.views import room_view
from ..deliberation.vocabulary import Decision, Kind, Origin, Phase, Reason, Status
from ..errors import Invalid, NotFound
from ..ids import LogId, StatementId
from ..moderation.policy import REASONS_TO_REJECT, RULES, Rule
from .forms import Form, form_of
from .receipts import Said
from .rendering import Page, go, render, told
from .visits import Inside, enter, visit_of
from .wording import N_

Answer = Response[Any]
A_PAGE = 50
MOST_IN_LOG = 500
FILTERS: Final = (
    ("accepted", N_("Standing")),
    ("rejected", N_("Taken away")),
)


@dataclass(frozen=True, slots=True)
class DeskLine:
    """A statement on the desk."""

    id: StatementId
    text: str
    language: str | None
    origin: Origin
    kind: Kind
    status: Status
    seq: int
    note: str
    rule: Rule | None


@dataclass(frozen=True, slots=True)
class Tried:
    """A decision that could not be taken, kept for another try."""

    statement: str = ""
    reason: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Total:
    """How many statements a rule was applied to."""

    title: str
    count: int


def handlers(desk: Desk) -> list[HTTPRouteHandler]:
    """Return the handlers of this subject."""

    @get("/rooms/{room_id:str}/moderation", include_in_schema=False)
    async def moderation(request: AnyRequest, room_id: FromPath[str]) -> Answer:
        inside = await _at_the_desk(desk, request, room_id)
        query = request.query_params
        return await _desk(desk, inside, query.get("show", ""), query.get("from", ""))

    @post("/rooms/{room_id:str}/moderation", include_in_schema=False)
    async def decide(request: AnyRequest, room_id: FromPath[str]) -> Answer:
        inside = await _at_the_desk(desk, request, room_id)
        return await _decide(desk, inside, await form_of(request))

    @get("/rooms/{room_id:str}/moderation/log", include_in_schema=False)
    async def log(request: AnyRequest, room_id: FromPath[str]) -> Answer:
        return await _log(desk, request, room_id)

    return [moderation, decide, log]


async def _at_the_desk(desk: Desk, request: AnyRequest, room_id: str) -> Inside:
    inside = await enter(desk, request, room_id)
    access_moderation(inside.who, room_id)
    return inside


async def _desk(
    desk: Desk,
    inside: Inside,
    show: str,
    start: str = "",
    *,
    tried: Tried | None = None,
    problems: tuple[FieldError, ...] = (),
) -> Answer:
    state = await desk.house.room(inside.log)
    show = show if show in dict(FILTERS) else "accepted"
    known = [s for s in state.statements.values() if not s.erased]
    waiting = [_line(s) for s in known if s.status is Status.PENDING]
    others = [s for s in reversed(known) if s.status == show]
    first = int(start) if start.isascii() and start.isdecimal() and len(start) < 8 else 0
    context: dict[str, object] = {
        "room": room_view(state, inside.who.viewer),
        "waiting": waiting,
        "listed": [_line(s) for s in others[first : first + A_PAGE]],
        "earlier": max(0, first - A_PAGE) if first else None,
        "later": first + A_PAGE if first + A_PAGE < len(others) else None,
        "filters": FILTERS,
        "show": show,
        "reasons": REASONS_TO_REJECT,
        "rules": RULES,
        "closed": state.phase is Phase.CLOSED,
        "tried": tried or Tried(),
    }
    status = 422 if problems else 200
    page = Page("moderation.html", here="desk", problems=problems, status=status, context=context)
    return render(inside.visit, page)


def _line(statement: Statement) -> DeskLine:
    return DeskLine(
        id=statement.id,
        text=statement.text,
        language=statement.language,
        origin=statement.origin,
        kind=statement.kind,
        status=statement.status,
        seq=statement.seq,
        note=statement.note,
        rule=RULES[statement.reason] if statement.reason else None,
    )


async def _decide(desk: Desk, inside: Inside, form: Form) -> Answer:
    statement = StatementId(form.text("statement_id"))
    try:
        decision = form.word("decision", Decision, "Accept the statement, or take it away.")
        accepts = decision is Decision.ACCEPT
        missing = "Choose a reason from the list: its author and the public log see it."
        reason = Reason.FITS if accepts else form.word("reason", Reason, missing)
        command = c.ModerateStatement(
            statement_id=statement,
            decision=decision,
            reason=reason,
            note="" if accepts else form.text("note"),
        )
        await desk.house.submit(inside.log, command, inside.who.actor)
    except Invalid as error:
        tried = Tried(statement, form.text("reason"), form.text("note"))
        names = {"reason": f"reason-{statement}", "note": f"note-{statement}"}
        problems = told(error, field_names=names)
        return await _desk(desk, inside, form.text("show"), tried=tried, problems=problems)
    show = form.text("show")
    place = f"/rooms/{inside.log}/moderation" + (f"?show={show}" if show in dict(FILTERS) else "")
    return go(place, Said("accepted" if accepts else "rejected"))


async def _log(desk: Desk, request: AnyRequest, room_id: str) -> Answer:
    """The log is for everybody: it holds no words, no names and no votes."""
    state = await desk.house.room(LogId(room_id))
    assembly = await desk.house.assembly(LogId(state.assembly))
    state = await desk.house.room(LogId(room_id))
    if not any(room.id == room_id for room in assembly.rooms):
        raise NotFound("There is no such room.")
    visit = await visit_of(desk, request, slug=assembly.slug)
    decided = [_entry(s) for s in reversed(state.statements.values()) if s.reason is not None]
    counted = Counter(each.rule.title for each in decided if each.rule)
    context: dict[str, object] = {
        "assembly": assembly,
        "totals": [Total(title, count) for title, count in counted.most_common()],
        "entries": decided[:MOST_IN_LOG],
        "omitted": max(0, len(decided) - MOST_IN_LOG),
        "reasons": REASONS_TO_REJECT,
        "rules": RULES,
    }
    return render(visit, Page("log.html", context=context))


def _entry(statement: Statement) -> DeskLine:
    """Return a decision without the words it was about."""
    line = _line(statement)
    return DeskLine(
        id=line.id,
        text="",
        language=None,
        origin=line.origin,
        kind=line.kind,
        status=line.status,
        seq=line.seq,
        note="",
        rule=line.rule,
    )

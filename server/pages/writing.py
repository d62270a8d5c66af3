"""Writing: statements with what is like them shown first, and testimonies."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from ..api.limits import within
from ..api.routes.rooms import QUESTIONS_PER_HOUR
from ..api.services.desk import AnyRequest, Desk, digest
from ..deliberation import commands as c
from ..deliberation import events as e
from ..deliberation.decisions.speaking import language_tag
from ..deliberation.text import STATEMENT_LENGTH, clean
from ..deliberation.views import may_see, room_view, statement_view
from ..deliberation.vocabulary import Kind, Origin, Phase, Status
from ..errors import Fault, Refusal
from ..ids import StatementId
from ..runtime.writer import Key
from .forms import Form, form_of
from .receipts import Said
from .rendering import Page, Told, go, refused, render
from .rooms import Composing, show_room
from .visits import Inside, enter

Answer = Response[Any]
_LONGEST_KEY = 64


@dataclass(frozen=True, slots=True)
class Near:
    """A statement that says something like it, or the contrary."""

    id: StatementId
    text: str
    language: str | None
    origin: Origin
    opposed: bool


def handlers(desk: Desk) -> list[HTTPRouteHandler]:
    """Return the handlers of this subject."""

    @post("/rooms/{room_id:str}/statements", include_in_schema=False)
    async def write(request: AnyRequest, room_id: FromPath[str]) -> Answer:
        inside = await enter(desk, request, room_id)
        return await _write(desk, inside, await form_of(request))

    @get("/rooms/{room_id:str}/testimonies", include_in_schema=False)
    async def testimonies(request: AnyRequest, room_id: FromPath[str]) -> Answer:
        return await _testimonies(desk, await enter(desk, request, room_id), Form({}))

    @post("/rooms/{room_id:str}/testimonies", include_in_schema=False)
    async def tell(request: AnyRequest, room_id: FromPath[str]) -> Answer:
        inside = await enter(desk, request, room_id)
        return await _tell(desk, inside, await form_of(request))

    return [write, testimonies, tell]


async def _write(desk: Desk, inside: Inside, form: Form) -> Answer:
    writing = Composing(text=form.text("text"), language=form.text("language"))
    if form.on("edit"):
        return await show_room(desk, inside, writing=writing)
    try:
        if not form.on("confirmed"):
            return await _preview(desk, inside, form)
        recorded = await _submit(desk, inside, form, Kind.STATEMENT)
    except Refusal as error:
        return await show_room(desk, inside, writing=writing, trouble=refused(error))
    waits = recorded.event.status is Status.PENDING
    return go(f"/rooms/{inside.log}", Said("waiting" if waits else "statement", recorded.seq))


async def _preview(desk: Desk, inside: Inside, form: Form) -> Answer:
    text = clean(form.text("text"), limit=STATEMENT_LENGTH, field="text")
    language = language_tag(form.text("language"))
    context: dict[str, object] = {
        "room": room_view(await desk.house.room(inside.log), inside.who.viewer),
        "text": text,
        "chosen_language": language,
        "similar": await _near(desk, inside, text, language),
        "key": form.text("key")[:_LONGEST_KEY] or secrets.token_hex(16),
    }
    return render(inside.visit, Page("preview.html", here="room", context=context))


async def _near(desk: Desk, inside: Inside, text: str, language: str | None) -> list[Near]:
    person = inside.who.participant
    await within(desk.limits, "similar", person, QUESTIONS_PER_HOUR, what="questions")
    try:
        found = await desk.similar.find(await desk.house.room(inside.log), text, language)
    except Fault:
        # Whoever writes must not be kept from it because comparing failed.
        return []
    state = await desk.house.room(inside.log)
    near: list[Near] = []
    for each in found:
        known = state.statements.get(StatementId(str(each.statement)))
        if known is not None and known.visible:
            near.append(Near(known.id, known.text, known.language, known.origin, each.opposite))
    return near


@dataclass(frozen=True, slots=True)
class Written:
    """A statement that was recorded."""

    seq: int
    event: e.StatementSubmitted


async def _submit(desk: Desk, inside: Inside, form: Form, kind: Kind) -> Written:
    who = inside.who
    await within(
        desk.limits,
        "statements",
        f"{inside.log}/{who.participant}",
        desk.settings.statements_per_hour,
        what="statements",
    )
    given = form.text("key")
    key = None
    if given.isalnum() and given.isascii() and len(given) <= _LONGEST_KEY:
        content = f"{form.text('text')}\n{form.text('language')}"
        body = digest(f"form/{kind}", content.encode("utf-8", "surrogatepass"))
        key = Key(who.participant, given, body)
    command = c.SubmitStatement(
        text=form.text("text"), language=form.text("language") or None, kind=kind
    )
    done = await desk.house.submit(inside.log, command, who.actor, key=key)
    for recorded in done.recorded:
        if isinstance(recorded.event, e.StatementSubmitted):
            return Written(recorded.seq, recorded.event)
    raise Fault("The statement left no trace.")


async def _testimonies(
    desk: Desk, inside: Inside, form: Form, trouble: Told | None = None
) -> Answer:
    state = await desk.house.room(inside.log)
    viewer, role = inside.who.viewer, inside.who.role
    seeding = role.runs and state.phase is Phase.DRAFT
    may_write = role.speaks and (state.phase is Phase.OPEN or seeding)
    context: dict[str, object] = {
        "room": room_view(state, viewer),
        "listed": [
            statement_view(s, viewer)
            for s in reversed(state.statements.values())
            if s.kind is Kind.TESTIMONY and may_see(s, viewer) and not s.erased
        ],
        "may_write": may_write,
        "unsent": "" if may_write else form.text("text").strip(),
        "text": form.text("text"),
        "chosen_language": form.text("language"),
        "key": secrets.token_hex(16),
    }
    trouble = trouble or Told()
    page = Page(
        "testimonies.html",
        here="room",
        problems=trouble.problems,
        status=trouble.status,
        headers=trouble.headers,
        context=context,
    )
    return render(inside.visit, page)


async def _tell(desk: Desk, inside: Inside, form: Form) -> Answer:
    try:
        recorded = await _submit(desk, inside, form, Kind.TESTIMONY)
    except Refusal as error:
        return await _testimonies(desk, inside, form, refused(error))
    waits = recorded.event.status is Status.PENDING
    place = f"/rooms/{inside.log}/testimonies"
    return go(place, Said("waiting" if waits else "testimony", recorded.seq))

"""The front door: all assemblies, joining with an invitation, coming back, leaving."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from litestar import Response, get, post
from litestar.datastructures import Cookie
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from ..api.limits import within
from ..api.problems import FieldError
from ..api.services.desk import AnyRequest, Desk, address_of
from ..api.services.joining import Asking, come_back, invited_to, join
from ..api.sessions import COOKIE, LIFETIME_MS
from ..deliberation import commands as c
from ..deliberation.events import Consent
from ..deliberation.vocabulary import Phase
from ..errors import InviteUnusable, NotFound, NotSignedIn, Refusal
from ..ids import LogId
from ..runtime.invites import digest_of, normalised
from .forms import Form, form_of
from .receipts import Said
from .rendering import Page, go, render, told
from .visits import Counts, Visit, counts_of, visit_of

Answer = Response[Any]
_KEPT = "folkmoot_return"
_KEPT_SECONDS = 900
_CODE = re.compile(r"[0-9a-z-]{4,64}")
MOST_LISTED = 100


@dataclass(frozen=True, slots=True)
class Listed:
    """An assembly on the front page."""

    slug: str
    title: str
    question: str
    phase: Phase
    statements: int
    counts: Counts


def handlers(desk: Desk) -> list[HTTPRouteHandler]:
    """Return the handlers of this subject."""

    @get("/", include_in_schema=False)
    async def home(request: AnyRequest) -> Answer:
        return await _home(desk, request)

    @post("/join", include_in_schema=False)
    async def look_up(request: AnyRequest) -> Answer:
        code = normalised((await form_of(request)).text("invite"))
        if _CODE.fullmatch(code):
            return go(f"/join/{code}")
        wrong = FieldError(field="invite", message="This is no invitation code or link.")
        return await _home(desk, request, problems=(wrong,))

    @get("/join/{code:str}", include_in_schema=False)
    async def invitation(request: AnyRequest, code: FromPath[str]) -> Answer:
        return await _invitation(desk, request, code, Form({}))

    @post("/join/{code:str}", include_in_schema=False)
    async def accept(request: AnyRequest, code: FromPath[str]) -> Answer:
        return await _join(desk, request, code)

    @get("/welcome", include_in_schema=False)
    async def welcome(request: AnyRequest) -> Answer:
        visit = await visit_of(desk, request)
        code = request.cookies.get(_KEPT, "")
        if visit.identity is None or not _CODE.fullmatch(code):
            return go(_first_place(visit))
        spelled = "-".join(code[i : i + 5] for i in range(0, len(code), 5))
        return render(visit, Page("welcome.html", context={"code": spelled}))

    @post("/welcome", include_in_schema=False)
    async def go_on(request: AnyRequest) -> Answer:
        visit = await visit_of(desk, request)
        return go(_first_place(visit), cookies=(_code_cookie("", secure=False),))

    @get("/return", include_in_schema=False)
    async def ask_code(request: AnyRequest) -> Answer:
        return render(await visit_of(desk, request), Page("return.html"))

    @post("/return", include_in_schema=False)
    async def come_in(request: AnyRequest) -> Answer:
        return await _come_back(desk, request)

    @post("/signout", include_in_schema=False)
    async def leave(request: AnyRequest) -> Answer:
        return await _sign_out(desk, request)

    return [home, look_up, invitation, accept, welcome, go_on, ask_code, come_in, leave]


def _first_place(visit: Visit) -> str:
    if not visit.room:
        return "/"
    runs = visit.identity is not None and visit.identity.role.runs
    return f"/rooms/{visit.room}/facilitate" if runs else f"/rooms/{visit.room}"


async def _home(desk: Desk, request: AnyRequest, problems: tuple[FieldError, ...] = ()) -> Answer:
    visit = await visit_of(desk, request)
    listed: list[Listed] = []
    for assembly in (await desk.house.assemblies())[:MOST_LISTED]:
        state = await desk.house.assembly(LogId(assembly))
        try:
            plenary = await desk.house.room(LogId(state.plenary.id))
        except NotFound:
            continue
        listed.append(
            Listed(
                state.slug,
                state.title,
                state.question,
                plenary.phase,
                plenary.tally.statements,
                counts_of(state),
            )
        )
    status = 422 if problems else 200
    page = Page("home.html", problems=problems, status=status, context={"assemblies": listed})
    return render(visit, page)


async def _invitation(
    desk: Desk,
    request: AnyRequest,
    code: str,
    form: Form,
    problems: tuple[FieldError, ...] = (),
) -> Answer:
    visit = await visit_of(desk, request)
    state = await invited_to(desk.house, code)
    invite = state.invites[digest_of(code)]
    spent = (invite.used and not invite.reusable) or invite.withdrawn
    if spent or (invite.expires is not None and desk.clock.now() >= invite.expires):
        raise InviteUnusable(
            "This invitation was used already, withdrawn, or has expired; ask for a new one."
        )
    context: dict[str, object] = {
        "assembly": state,
        "counts": counts_of(state),
        "code": code,
        "role": invite.role,
        "name": form.text("name"),
        "consent": _consent_in(form),
    }
    page = Page("join.html", problems=problems, status=422 if problems else 200, context=context)
    return render(visit, page)


def _consent_in(form: Form) -> Consent:
    return Consent(
        publish=form.on("publish"), research=form.on("research"), training=form.on("training")
    )


async def _join(desk: Desk, request: AnyRequest, code: str) -> Answer:
    form = await form_of(request)
    address = address_of(request)
    await within(desk.limits, "joins", address, desk.settings.joins_per_hour, what="joins")
    asking = Asking(code, form.text("name"), _consent_in(form), address)
    try:
        arrival = await join(desk.house, desk.sessions, asking)
    except Refusal as error:
        if error.field != "name":
            raise
        return await _invitation(desk, request, code, form, told(error))
    secure = desk.secure(request)
    cookies = (
        _session_cookie(arrival.token, secure=secure),
        _code_cookie(arrival.return_code or "", secure=secure),
    )
    return go("/welcome", cookies=cookies)


async def _come_back(desk: Desk, request: AnyRequest) -> Answer:
    form = await form_of(request)
    address = address_of(request)
    await within(desk.limits, "joins", address, desk.settings.joins_per_hour, what="joins")
    try:
        arrival = await come_back(desk.house, desk.sessions, form.text("code"), desk.clock.now())
    except InviteUnusable as error:
        visit = await visit_of(desk, request)
        return render(visit, Page("return.html", problems=told(error), status=422))
    role = arrival.state.members[arrival.participant].role
    room = str(arrival.state.plenary.id)
    place = f"/rooms/{room}/facilitate" if role and role.runs else f"/rooms/{room}"
    cookie = _session_cookie(arrival.token, secure=desk.secure(request))
    return go(place, Said("back"), (cookie,))


async def _sign_out(desk: Desk, request: AnyRequest) -> Answer:
    form = await form_of(request)
    said = Said("signed-out")
    if form.text("where") == "everywhere":
        try:
            who = await desk.who(request)
        except NotSignedIn:
            return go("/", said)
        await desk.house.submit(who.assembly, c.EndSessions(), who.actor)
        said = Said("everywhere")
    answer = go("/", said, (_session_cookie("", secure=desk.secure(request)),))
    # Texts that this browser kept for sending leave with their writer.
    answer.headers["clear-site-data"] = '"storage"'
    return answer


def _session_cookie(token: str, *, secure: bool) -> Cookie:
    return Cookie(
        key=COOKIE,
        value=token,
        max_age=LIFETIME_MS // 1000 if token else 0,
        path="/",
        httponly=True,
        samesite="lax",
        secure=secure,
    )


def _code_cookie(code: str, *, secure: bool) -> Cookie:
    return Cookie(
        key=_KEPT,
        value=code,
        max_age=_KEPT_SECONDS if code else 0,
        path="/welcome",
        httponly=True,
        samesite="strict",
        secure=secure,
    )

"""Running an assembly: phases, invitations, progress, drafts, notices, the bundle."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Final

import numpy as np
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from ..api.access import access_running
from ..api.problems import FieldError
from ..api.services.desk import AnyRequest, Desk
from ..api.services.inviting import Wanted, invite
from ..deliberation import commands as c
from ..deliberation.phases import following
from ..deliberation.room import RoomState
from ..deliberation.views import FailureView, room_view
from ..deliberation.vocabulary import Phase, Role, Status
from ..deliberation.votes import EMPTY
from ..errors import Refusal
from ..runtime.invites import link
from .forms import Form, form_of
from .receipts import Said
from .rendering import Page, go, render, told
from .visits import Inside, counts_of, enter
from .wording import PATH

Answer = Response[Any]
MOST_LINKS: Final = 200
MOST_NAMES: Final = 50
_ROLES = (
    Role.PARTICIPANT,
    Role.OBSERVER,
    Role.ANALYST,
    Role.MODERATOR,
    Role.FACILITATOR,
)


@dataclass(frozen=True, slots=True)
class Filled:
    """What the forms of this page hold: their beginnings, or what could not be taken."""

    role: str = Role.PARTICIPANT
    count: str = "1"
    reusable: bool = False
    text: str = ""
    drafts: str = "3"


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page shows beside the state: fresh links, problems, filled forms."""

    links: tuple[str, ...] = ()
    role: Role = Role.PARTICIPANT
    reusable: bool = False
    form: Filled = field(default_factory=Filled)
    problems: tuple[FieldError, ...] = ()


def handlers(desk: Desk) -> list[HTTPRouteHandler]:
    """Return the handlers of this subject."""

    @get("/rooms/{room_id:str}/facilitate", include_in_schema=False)
    async def run(request: AnyRequest, room_id: FromPath[str]) -> Answer:
        return await _run(desk, await _in_charge(desk, request, room_id), Shown())

    @post("/rooms/{room_id:str}/facilitate/phase", include_in_schema=False)
    async def phase(request: AnyRequest, room_id: FromPath[str]) -> Answer:
        inside = await _in_charge(desk, request, room_id)
        return await _phase(desk, inside, await form_of(request))

    @post("/rooms/{room_id:str}/facilitate/invites", include_in_schema=False)
    async def invites(request: AnyRequest, room_id: FromPath[str]) -> Answer:
        inside = await _in_charge(desk, request, room_id)
        return await _invite(desk, inside, await form_of(request))

    @post("/rooms/{room_id:str}/facilitate/notice", include_in_schema=False)
    async def notice(request: AnyRequest, room_id: FromPath[str]) -> Answer:
        inside = await _in_charge(desk, request, room_id)
        return await _notice(desk, inside, await form_of(request))

    @post("/rooms/{room_id:str}/facilitate/drafts", include_in_schema=False)
    async def drafts(request: AnyRequest, room_id: FromPath[str]) -> Answer:
        inside = await _in_charge(desk, request, room_id)
        return await _ask(desk, inside, await form_of(request))

    return [run, phase, invites, notice, drafts]


async def _in_charge(desk: Desk, request: AnyRequest, room_id: str) -> Inside:
    inside = await enter(desk, request, room_id)
    access_running(inside.who, room_id)
    return inside


async def _run(desk: Desk, inside: Inside, shown: Shown) -> Answer:
    state = await desk.house.room(inside.log)
    context: dict[str, object] = {
        "assembly": inside.who.state,
        "room": room_view(state, inside.who.viewer),
        "counts": counts_of(inside.who.state),
        "following": _in_order(state.phase),
        "been": PATH[: PATH.index(state.phase)],
        "progress": _progress(state, inside),
        "invite_roles": _ROLES,
        "form": shown.form,
        "links": shown.links,
        "links_role": shown.role,
        "links_reusable": shown.reusable,
        "drafting": SimpleNamespace(
            pending=bool(state.requests),
            held=sum(1 for each in state.rounds if each.result is not None),
            drafts=len(state.round.drafts) if state.round and not state.round.result else 0,
            failures=[
                FailureView(seq=seq, failures=found)
                for seq, found in state.failures
                if state.round is None or seq > state.round.seq
            ],
        ),
    }
    status = 422 if shown.problems else 200
    page = Page(
        "facilitate.html", here="run", problems=shown.problems, status=status, context=context
    )
    return render(inside.visit, page)


def _in_order(phase: Phase) -> list[Phase]:
    """Return what may follow: onwards first, back after that, closing last."""
    options = following(phase)
    here = PATH.index(phase)
    return sorted(
        options, key=lambda each: (each is Phase.CLOSED, PATH.index(each) < here, PATH.index(each))
    )


def _progress(state: RoomState, inside: Inside) -> SimpleNamespace:
    members = {
        str(m.id): m for m in inside.who.state.members.values() if m.role is Role.PARTICIPANT
    }
    voters = (state.votes.view() != EMPTY).any(axis=1)
    heard = {
        str(p)
        for p, person in state.people.items()
        if (person.row < len(voters) and np.bool_(voters[person.row])) or person.submitted
    }
    unheard = [m for key, m in members.items() if key not in heard]
    names = sorted(m.name for m in unheard if m.name)[:MOST_NAMES]
    current = state.round
    ratified = {p for ballots in state.assents.values() for p in ballots}
    return SimpleNamespace(
        participants=len(members),
        voted=int(voters.sum()),
        unheard=len(unheard),
        names=names,
        nameless=len(unheard) - len(names),
        statements=sum(1 for s in state.statements.values() if s.visible and s.column >= 0),
        waiting=sum(
            1 for s in state.statements.values() if s.status is Status.PENDING and not s.erased
        ),
        ranked=len(current.ballots) if current else 0,
        ratified=len(ratified),
    )


async def _phase(desk: Desk, inside: Inside, form: Form) -> Answer:
    try:
        wanted = form.word("phase", Phase, "Choose the next step.")
        if wanted is Phase.CLOSED and not form.on("sure"):
            state = await desk.house.room(inside.log)
            context: dict[str, object] = {"room": room_view(state, inside.who.viewer)}
            return render(inside.visit, Page("close.html", here="run", context=context))
        await desk.house.submit(inside.log, c.ChangePhase(phase=wanted), inside.who.actor)
    except Refusal as error:
        return await _run(desk, inside, Shown(problems=told(error)))
    desk.move(inside.log)
    return go(f"/rooms/{inside.log}/facilitate", Said("phase"))


async def _invite(desk: Desk, inside: Inside, form: Form) -> Answer:
    filled = Filled(role=form.text("role"), count=form.text("count"), reusable=form.on("reusable"))
    try:
        role = form.word("role", Role, "Choose what they are invited as.")
        count = 1 if filled.reusable else form.number("count", least=1, most=MOST_LINKS)
        wanted = Wanted(role=role, count=count, reusable=filled.reusable)
        codes = await invite(desk.house, inside.who.assembly, wanted, inside.who.actor)
    except Refusal as error:
        return await _run(desk, inside, Shown(form=filled, problems=told(error)))
    # Links are shown this once; a redirect would have to keep them somewhere.
    links = tuple(link(desk.address(), code) for code in codes)
    return await _run(desk, inside, Shown(links=links, role=role, reusable=filled.reusable))


async def _notice(desk: Desk, inside: Inside, form: Form) -> Answer:
    try:
        command = c.PostNotice(text=form.text("text"))
        await desk.house.submit(inside.log, command, inside.who.actor)
    except Refusal as error:
        filled = Filled(text=form.text("text"))
        return await _run(desk, inside, Shown(form=filled, problems=told(error)))
    return go(f"/rooms/{inside.log}/facilitate", Said("notice"))


async def _ask(desk: Desk, inside: Inside, form: Form) -> Answer:
    try:
        count = form.number("drafts", least=1, most=8)
        command = c.RequestDrafts(count=count)
        await desk.house.submit(inside.log, command, inside.who.actor)
    except Refusal as error:
        filled = Filled(drafts=form.text("drafts"))
        return await _run(desk, inside, Shown(form=filled, problems=told(error)))
    desk.move(inside.log)
    return go(f"/rooms/{inside.log}/facilitate", Said("drafts"))

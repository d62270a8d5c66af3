"""One's own: votes and words with what became of them, consent, erasing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from ..api.services.desk import AnyRequest, Desk
from ..api.services.erasing import erase_words
from ..deliberation import commands as c
from ..deliberation.events import Consent
from ..deliberation.room import RoomState
from ..deliberation.state import Statement
from ..deliberation.views import StatementView, room_view, statement_view
from ..deliberation.vocabulary import Choice, Kind, Status
from ..ids import LogId
from ..moderation.policy import RULES, Rule
from .forms import form_of
from .receipts import Said
from .rendering import Page, go, render
from .rooms import own_votes
from .visits import Inside, enter

Answer = Response[Any]


@dataclass(frozen=True, slots=True)
class OwnVote:
    """One's vote with the reason one gave; ``open`` says that the statement still stands."""

    statement: StatementView
    choice: Choice
    open: bool
    because: str


@dataclass(frozen=True, slots=True)
class OwnWords:
    """What one wrote and what became of it, with the rule that was applied."""

    text: str
    language: str | None
    kind: Kind
    status: Status
    seq: int
    note: str
    erased: bool
    rule: Rule | None


def handlers(desk: Desk) -> list[HTTPRouteHandler]:
    """Return the handlers of this subject."""

    @get("/rooms/{room_id:str}/mine", include_in_schema=False)
    async def mine(request: AnyRequest, room_id: FromPath[str]) -> Answer:
        return await _mine(desk, await enter(desk, request, room_id))

    @post("/rooms/{room_id:str}/mine/consent", include_in_schema=False)
    async def consent(request: AnyRequest, room_id: FromPath[str]) -> Answer:
        inside = await enter(desk, request, room_id)
        form = await form_of(request)
        wanted = Consent(
            publish=form.on("publish"), research=form.on("research"), training=form.on("training")
        )
        who = inside.who
        await desk.house.submit(who.assembly, c.GiveConsent(consent=wanted), who.actor)
        return go(f"/rooms/{room_id}/mine", Said("consent"))

    @get("/rooms/{room_id:str}/mine/erase", include_in_schema=False)
    async def ask(request: AnyRequest, room_id: FromPath[str]) -> Answer:
        inside = await enter(desk, request, room_id)
        state = await desk.house.room(inside.log)
        context: dict[str, object] = {
            "room": room_view(state, inside.who.viewer),
            "texts": len(state.words.get(inside.who.participant, ())),
        }
        return render(inside.visit, Page("erase.html", here="mine", context=context))

    @post("/rooms/{room_id:str}/mine/erase", include_in_schema=False)
    async def erase(request: AnyRequest, room_id: FromPath[str]) -> Answer:
        inside = await enter(desk, request, room_id)
        if not (await form_of(request)).on("sure"):
            return go(f"/rooms/{room_id}/mine")
        await erase_words(desk.house, inside.who)
        return go(f"/rooms/{room_id}/mine", Said("erased"))

    return [mine, consent, ask, erase]


async def _mine(desk: Desk, inside: Inside) -> Answer:
    who = inside.who
    state = await desk.house.room(LogId(inside.log))
    context: dict[str, object] = {
        "room": room_view(state, who.viewer),
        "votes": _votes(state, inside),
        "written": _written(state, inside),
        "consent": who.state.members[who.participant].consent,
    }
    return render(inside.visit, Page("mine.html", here="mine", context=context))


def _votes(state: RoomState, inside: Inside) -> list[OwnVote]:
    viewer = inside.who.viewer
    found = []
    for statement, choice in own_votes(state, inside.who.participant).items():
        known = state.statements[statement]
        view = statement_view(known, viewer)
        if not known.visible and not view.own and not viewer.role.moderates:
            view.text = "…"
        given = known.because.get(inside.who.participant)
        found.append(OwnVote(view, choice, known.visible, given.text if given else ""))
    return found


def _written(state: RoomState, inside: Inside) -> list[OwnWords]:
    person = state.people.get(inside.who.participant)
    submitted = person.submitted if person else []
    return [_own(state.statements[each]) for each in reversed(submitted)]


def _own(statement: Statement) -> OwnWords:
    return OwnWords(
        text=statement.text,
        language=statement.language,
        kind=statement.kind,
        status=statement.status,
        seq=statement.seq,
        note=statement.note,
        erased=statement.erased,
        rule=RULES[statement.reason] if statement.reason else None,
    )

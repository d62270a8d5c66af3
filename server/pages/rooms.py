"""The room: one statement at a time, votes, putting off, and reading everything."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from ..api.limits import within
from ..api.routes.voting import next_for
from ..api.services.desk import AnyRequest, Desk
from ..deliberation import commands as c
from ..deliberation.decisions import voting as rules
from ..deliberation.opinion.grouping import FEWEST_VOTES
from ..deliberation.room import RoomState
from ..deliberation.views import may_see, room_view, statement_view
from ..deliberation.vocabulary import CHOICE_OF_VALUE, Choice, Kind, Phase
from ..deliberation.votes import EMPTY
from ..errors import Forbidden, NotFound, NotSignedIn, Refusal
from ..ids import ParticipantId, StatementId
from .forms import Form, form_of
from .receipts import Said
from .rendering import Page, Told, go, refused, render
from .visits import Inside, counts_of, enter

Answer = Response[Any]
A_PAGE = 100
"""So many statements stand on one page of the list."""


@dataclass(frozen=True, slots=True)
class Composing:
    """What somebody is writing: kept where it could not be taken.

    ``unsent`` belongs to no field of the page any more; it is shown to be copied.
    """

    text: str = ""
    language: str = ""
    because: str = ""
    unsent: str = ""


def handlers(desk: Desk) -> list[HTTPRouteHandler]:
    """Return the handlers of this subject."""

    @get("/rooms/{room_id:str}", include_in_schema=False)
    async def room(request: AnyRequest, room_id: FromPath[str]) -> Answer:
        inside = await enter(desk, request, room_id)
        return await show_room(desk, inside, wanted=request.query_params.get("statement", ""))

    @post("/rooms/{room_id:str}/votes", include_in_schema=False)
    async def vote(request: AnyRequest, room_id: FromPath[str]) -> Answer:
        return await _vote(desk, await enter(desk, request, room_id), await form_of(request))

    @post("/rooms/{room_id:str}/skip", include_in_schema=False)
    async def skip(request: AnyRequest, room_id: FromPath[str]) -> Answer:
        inside = await enter(desk, request, room_id)
        statement = StatementId((await form_of(request)).text("statement_id"))
        await desk.house.submit(
            inside.log, c.SkipStatement(statement_id=statement), inside.who.actor
        )
        return go(f"/rooms/{room_id}", Said("skipped"))

    @get("/rooms/{room_id:str}/pause", include_in_schema=False)
    async def pause(request: AnyRequest, room_id: FromPath[str]) -> Answer:
        inside = await enter(desk, request, room_id)
        state = await desk.house.room(inside.log)
        return render(
            inside.visit, Page("pause.html", here="room", context=voted_in(state, inside))
        )

    @get("/rooms/{room_id:str}/statements", include_in_schema=False)
    async def statements(request: AnyRequest, room_id: FromPath[str]) -> Answer:
        inside = await enter(desk, request, room_id)
        return await _list(desk, inside, request.query_params.get("from", "0"))

    return [room, vote, skip, pause, statements]


def own_votes(state: RoomState, participant: ParticipantId) -> dict[StatementId, Choice]:
    """Return a person's votes, in the order in which the statements were written."""
    person = state.people.get(participant)
    if person is None:
        return {}
    row = state.votes.view()[person.row].tolist()
    return {
        statement: CHOICE_OF_VALUE[value]
        for statement, value in zip(state.columns, row, strict=False)
        if value != EMPTY
    }


def voted_in(state: RoomState, inside: Inside) -> dict[str, object]:
    """Return what a page says of how far somebody is."""
    return {
        "room": room_view(state, inside.who.viewer),
        "voted": len(own_votes(state, inside.who.participant)),
        "goal": min(FEWEST_VOTES, max(1, len(state.columns))),
    }


async def show_room(
    desk: Desk,
    inside: Inside,
    *,
    wanted: str = "",
    writing: Composing | None = None,
    trouble: Told | None = None,
) -> Answer:
    """Return the room's page; ``wanted`` is the statement to vote on, else the next one.

    What was being written stays in its field, or is shown by itself where there is none any more.
    """
    who = inside.who
    state = await desk.house.room(inside.log)
    votes_here = state.phase is Phase.OPEN and who.role.decides
    if votes_here and not wanted:
        await next_for(desk, who, inside.log)
        state = await desk.house.room(inside.log)
    current = _current(state, inside, wanted) if votes_here else None
    person = state.people.get(who.participant)
    votes = own_votes(state, who.participant)
    writing = writing or Composing()
    seeding = who.role.runs and state.phase is Phase.DRAFT
    may_write = who.role.speaks and (state.phase is Phase.OPEN or seeding)
    homeless = (
        writing.unsent,
        "" if current else writing.because,
        "" if may_write else writing.text,
    )
    context = voted_in(state, inside) | {
        "assembly": who.state,
        "counts": counts_of(who.state),
        "current": current,
        "own": votes.get(current.id) if current else None,
        "remaining": len(rules.remaining(state, person)) if votes_here else None,
        "because": writing.because,
        "text": writing.text,
        "chosen_language": writing.language,
        "key": secrets.token_hex(16),
        "testimonies": sum(
            1 for s in state.statements.values() if s.kind is Kind.TESTIMONY and s.visible
        ),
        "unsent": "\n\n".join(each for each in homeless if each.strip()),
        "may_write": may_write,
        "analysis_seq": state.analysis.as_of_seq if state.analysis else 0,
        "live": state.phase is not Phase.CLOSED,
    }
    trouble = trouble or Told()
    page = Page(
        "room.html",
        here="room",
        problems=trouble.problems,
        status=trouble.status,
        headers=trouble.headers,
        context=context,
    )
    return render(inside.visit, page)


def _current(state: RoomState, inside: Inside, wanted: str) -> Any:
    person = state.people.get(inside.who.participant)
    shown = StatementId(wanted) if wanted else rules.pending(state, person)
    if shown is None:
        return None
    statement = state.statements.get(shown)
    if statement is None or not statement.visible or statement.column < 0:
        raise NotFound("There is no such statement to vote on.")
    return statement_view(statement, inside.who.viewer)


async def _vote(desk: Desk, inside: Inside, form: Form) -> Answer:
    who = inside.who
    statement = StatementId(form.text("statement_id"))
    try:
        choice = form.word("choice", Choice, "Choose agree, disagree or pass.")
        await within(
            desk.limits,
            "votes",
            f"{inside.log}/{who.participant}",
            desk.settings.votes_per_hour,
            what="votes",
        )
        command = c.CastVote(
            statement_id=statement, choice=choice, because=form.text("because").strip()
        )
        done = await desk.house.submit(inside.log, command, who.actor)
    except (NotSignedIn, Forbidden):
        raise
    except Refusal as error:
        because = form.text("because")
        trouble = refused(error, field_names={"text": "because"})
        if isinstance(error, NotFound):
            # The next statement is another: what was meant for this one is not said of it.
            if not because.strip():
                raise
            return await show_room(desk, inside, writing=Composing(unsent=because), trouble=trouble)
        writing = Composing(because=because)
        return await show_room(desk, inside, wanted=statement, writing=writing, trouble=trouble)
    said = Said(str(choice), done.recorded[0].seq, str(statement))
    if form.text("back") == "mine":
        return go(f"/rooms/{inside.log}/mine#vote-{statement}", said)
    return go(f"/rooms/{inside.log}", said)


async def _list(desk: Desk, inside: Inside, start: str) -> Answer:
    state = await desk.house.room(inside.log)
    viewer = inside.who.viewer
    first = int(start) if start.isascii() and start.isdecimal() and len(start) < 8 else 0
    standing = [
        s for s in state.statements.values() if s.column >= 0 and s.visible and may_see(s, viewer)
    ]
    shown = standing[first : first + A_PAGE]
    context: dict[str, object] = {
        "room": room_view(state, viewer),
        "listed": [statement_view(s, viewer) for s in shown],
        "votes": own_votes(state, inside.who.participant),
        "total": len(standing),
        "first": first + 1,
        "earlier": max(0, first - A_PAGE) if first else None,
        "later": first + A_PAGE if first + A_PAGE < len(standing) else None,
    }
    return render(inside.visit, Page("statements.html", here="room", context=context))

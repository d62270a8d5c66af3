"""Drafts, their ranking, the result, and the decision on each clause."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from ..api.problems import FieldError
from ..api.services.desk import AnyRequest, Desk
from ..deliberation import commands as c
from ..deliberation.ranking import NONE
from ..deliberation.room import RoomState
from ..deliberation.state import Round
from ..deliberation.views import FailureView, order_for, room_view
from ..deliberation.vocabulary import Assent, Phase
from ..errors import Forbidden, NotSignedIn, Refusal
from .arranging import Arrangement, arranged, arrangement_in, arrangement_of, moved
from .forms import Form, form_of
from .receipts import Said
from .rendering import Page, Told, go, refused, render, told
from .sources import ClauseLine, DraftLine, Sources, draft_line, letters_of
from .visits import Inside, enter
from .wording import N_

Answer = Response[Any]
_NOTHING_RANKED = N_("Give at least one draft a place, or choose “None of these speaks for me”.")


@dataclass(frozen=True, slots=True)
class BallotLine:
    """A draft on one's ballot."""

    id: str
    letter: str
    clauses: tuple[ClauseLine, ...]
    place: int | None
    criticism: str


def handlers(desk: Desk) -> list[HTTPRouteHandler]:
    """Return the handlers of this subject."""

    @get("/rooms/{room_id:str}/drafts", include_in_schema=False)
    async def drafts(request: AnyRequest, room_id: FromPath[str]) -> Answer:
        return await _drafts(desk, await enter(desk, request, room_id))

    @post("/rooms/{room_id:str}/rankings", include_in_schema=False)
    async def rank(request: AnyRequest, room_id: FromPath[str]) -> Answer:
        inside = await enter(desk, request, room_id)
        return await _rank(desk, inside, await form_of(request))

    @post("/rooms/{room_id:str}/ratifications", include_in_schema=False)
    async def ratify(request: AnyRequest, room_id: FromPath[str]) -> Answer:
        inside = await enter(desk, request, room_id)
        return await _ratify(desk, inside, await form_of(request))

    return [drafts, rank, ratify]


async def _drafts(
    desk: Desk,
    inside: Inside,
    *,
    ballot: Arrangement | None = None,
    trouble: Told | None = None,
    unsent: str = "",
) -> Answer:
    state = await desk.house.room(inside.log)
    viewer = inside.who.viewer
    current, counted = state.round, state.counted
    deciding = state.phase in (Phase.RATIFYING, Phase.CLOSED) or bool(state.outcomes)
    ranking = state.phase is Phase.RANKING and current is not None and current.result is None
    lines: list[DraftLine] = []
    context: dict[str, object] = {
        "room": room_view(state, viewer),
        "room_charter": state.charter,
        "failures": [
            FailureView(seq=seq, failures=found)
            for seq, found in state.failures
            if current is None or seq > current.seq
        ],
        "pending": bool(state.requests),
        "ranking_open": ranking,
        "round": None,
        "result": None,
        "clauses": [],
        "outcomes": state.outcomes,
        "ballot": (),
        "cast": None,
        "none_of_these": False,
        "unsent": "" if ranking else unsent,
    }
    if current is not None:
        sources = Sources(state, viewer, current)
        marks = letters_of(current)
        person = inside.who.participant
        drafts = current.drafts if current.result else order_for(current.drafts, person)
        lines = [draft_line(d, current, sources, marks[d.id]) for d in drafts]
        context["round"] = SimpleNamespace(
            number=current.number,
            ranked=current.result is not None,
            with_model=any(d.provenance.model_asked for d in current.drafts),
        )
    if counted is not None and counted.result is not None:
        context["result"] = _result(counted)
        if deciding:
            context["clauses"] = _clauses(state, inside, counted)
    if ranking and current is not None:
        context |= _ballot(current, inside, lines, ballot)
    context["shown_drafts"] = lines
    trouble = trouble or Told()
    page = Page(
        "drafts.html",
        here="drafts",
        problems=trouble.problems,
        status=trouble.status,
        headers=trouble.headers,
        context=context,
    )
    return render(inside.visit, page)


def _result(counted: Round) -> SimpleNamespace:
    ranking = counted.result
    if ranking is None:
        raise ValueError("the round was not counted")
    marks = letters_of(counted) | {NONE: "none"}
    size = len(ranking.candidates)
    return SimpleNamespace(
        ballots=ranking.ballots,
        winners=[marks[w] for w in ranking.winners],
        levels=[[marks[each] for each in level] for level in ranking.levels],
        names=[marks[each] for each in ranking.candidates],
        rows=[
            (
                marks[ranking.candidates[i]],
                [None if i == j else ranking.pairwise[i][j] for j in range(size)],
            )
            for i in range(size)
        ],
    )


def _clauses(state: RoomState, inside: Inside, counted: Round) -> list[ClauseLine]:
    sources = Sources(state, inside.who.viewer, counted)
    outcomes = {outcome.clause: outcome for outcome in counted.outcomes}
    person = inside.who.participant
    return [
        sources.clause(
            clause,
            own=state.assents.get(clause.id, {}).get(person),
            outcome=outcomes.get(clause.id),
        )
        for clause in counted.clauses
    ]


def _ballot(
    current: Round, inside: Inside, lines: list[DraftLine], ballot: Arrangement | None
) -> dict[str, object]:
    cast = current.ballots.get(inside.who.participant)
    if ballot is None:
        ballot = arrangement_of(current, inside.who.participant)
    by_id = {line.id: line for line in lines}
    return {
        "ballot": [
            BallotLine(
                each,
                by_id[each].letter,
                by_id[each].clauses,
                ballot.places[each],
                ballot.criticism.get(each, ""),
            )
            for each in ballot.listed
        ],
        "cast": cast[0] if cast else None,
        "none_of_these": ballot.none_of_these,
    }


async def _rank(desk: Desk, inside: Inside, form: Form) -> Answer:
    state = await desk.house.room(inside.log)
    current = state.round
    ballot = arrangement_in(form, current, inside.who.participant) if current else None
    ranking = state.phase is Phase.RANKING
    if ballot is not None and ranking and form.text("move"):
        return await _drafts(desk, inside, ballot=moved(ballot, form.text("move")))
    given = ballot or Arrangement((), {}, {}, none_of_these=False)
    command = c.CastRanking(
        order=arranged(given),
        seen=given.listed,
        none_of_these=given.none_of_these,
        criticism={draft: text for draft, text in given.criticism.items() if text.strip()},
    )
    empty = not command.order and not given.none_of_these
    if ballot and ranking and inside.who.role.decides and empty:
        nothing = (FieldError(field="order", message=_NOTHING_RANKED),)
        return await _drafts(desk, inside, ballot=ballot, trouble=Told(nothing, 422))
    try:
        done = await desk.house.submit(inside.log, command, inside.who.actor)
    except (NotSignedIn, Forbidden):
        raise
    except Refusal as error:
        # From the form itself: the round that it speaks of may be over.
        written = (form.text(name).strip() for name in form.fields if name.startswith("criticism-"))
        return await _drafts(
            desk,
            inside,
            ballot=ballot,
            trouble=refused(error),
            unsent="\n\n".join(each for each in written if each),
        )
    return go(f"/rooms/{inside.log}/drafts", Said("ballot", done.recorded[0].seq))


async def _ratify(desk: Desk, inside: Inside, form: Form) -> Answer:
    last = 0
    state = await desk.house.room(inside.log)
    clauses = [clause.id for clause in state.clauses]
    given = {clause: form.text(f"clause-{clause}") for clause in clauses}
    before = {
        clause: state.assents.get(clause, {}).get(inside.who.participant) for clause in clauses
    }
    for clause, choice in given.items():
        if not choice or before[clause] == choice:
            continue
        try:
            assent = form.word(f"clause-{clause}", Assent, "Choose yes, no or blank.")
            command = c.CastRatification(clause=clause, choice=assent)
            done = await desk.house.submit(inside.log, command, inside.who.actor)
            last = done.recorded[0].seq
        except (NotSignedIn, Forbidden):
            raise
        except Refusal as error:
            trouble = refused(error, field_names={f"clause-{clause}": "clause"})
            return await _drafts(desk, inside, trouble=trouble)
    if not any(given.values()):
        nothing = Refusal("Choose yes, no or blank for at least one clause.", field="clause")
        # Whoever may not decide is told so, rather than to choose.
        if not clauses or not inside.who.role.decides or state.phase is not Phase.RATIFYING:
            command = c.CastRatification(clause="", choice=Assent.BLANK)
            await desk.house.submit(inside.log, command, inside.who.actor)
        return await _drafts(desk, inside, trouble=Told(told(nothing), 422))
    return go(f"/rooms/{inside.log}/drafts", Said("decisions", last or state.seq))

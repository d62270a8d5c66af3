"""Drafts, their ranking, its result, and the ratification."""

from __future__ import annotations

from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from ...deliberation import commands as c
from ...deliberation.room import RoomState
from ...deliberation.views import (
    FailureView,
    StatementView,
    Viewer,
    may_see,
    order_for,
    result_view,
    round_view,
    statement_view,
)
from ...errors import NotFound
from ...ids import StatementId
from ..access import access_room
from ..schemas import (
    DraftsAnswer,
    DraftsAsked,
    DraftsBody,
    Pairwise,
    RankingBody,
    RatificationBody,
    Receipt,
    ResultAnswer,
)
from ..services.desk import AnyRequest, Desk


def handlers(desk: Desk) -> list[HTTPRouteHandler]:
    """Return the handlers of this subject."""

    @post("/api/rooms/{room_id:str}/drafts", status_code=202, summary="Ask for drafts")
    async def ask(
        request: AnyRequest, room_id: FromPath[str], data: JSONBody[DraftsBody]
    ) -> DraftsAsked:
        who = await desk.who(request)
        log = access_room(who, room_id)
        command = c.RequestDrafts(count=data.count, seed=data.seed)
        key = await desk.key(request, who.participant)
        done = await desk.house.submit(log, command, who.actor, key=key)
        desk.move(log)
        return DraftsAsked(seq=done.seq)

    @get("/api/rooms/{room_id:str}/drafts", summary="The current round's drafts")
    async def drafts(request: AnyRequest, room_id: FromPath[str]) -> DraftsAnswer:
        who = await desk.who(request)
        return drafts_in(await desk.house.room(access_room(who, room_id)), who.viewer)

    @post("/api/rooms/{room_id:str}/rankings", summary="Rank the drafts one has seen")
    async def rank(
        request: AnyRequest, room_id: FromPath[str], data: JSONBody[RankingBody]
    ) -> Receipt:
        who = await desk.who(request)
        log = access_room(who, room_id)
        command = c.CastRanking(
            order=data.order,
            seen=data.seen,
            none_of_these=data.none_of_these,
            criticism=data.criticism,
        )
        key = await desk.key(request, who.participant)
        done = await desk.house.submit(log, command, who.actor, key=key)
        return Receipt(seq=done.seq)

    @get("/api/rooms/{room_id:str}/result", summary="How the drafts were ranked")
    async def result(request: AnyRequest, room_id: FromPath[str]) -> ResultAnswer:
        who = await desk.who(request)
        return _result(await desk.house.room(access_room(who, room_id)))

    @post("/api/rooms/{room_id:str}/ratifications", summary="Say yes, no or blank to a clause")
    async def ratify(
        request: AnyRequest, room_id: FromPath[str], data: JSONBody[RatificationBody]
    ) -> Receipt:
        who = await desk.who(request)
        log = access_room(who, room_id)
        command = c.CastRatification(clause=data.clause, choice=data.choice)
        key = await desk.key(request, who.participant)
        done = await desk.house.submit(log, command, who.actor, key=key)
        return Receipt(seq=done.seq)

    return [ask, drafts, rank, result, ratify]


def drafts_in(state: RoomState, viewer: Viewer) -> DraftsAnswer:
    """Return the current round as ``viewer`` may see it, in their order; empty before the first."""
    waiting = len(state.requests)
    failures = tuple(FailureView(seq=seq, failures=found) for seq, found in state.failures)
    if state.round is None:
        return DraftsAnswer(
            round=0,
            drafts=(),
            sources={},
            failed=(),
            with_model=False,
            ranked=False,
            waiting=waiting,
            failures=failures,
        )
    view = round_view(state.round)
    drafts = view.drafts if view.ranked else order_for(view.drafts, viewer.participant)
    cited = {
        cite: found
        for draft in drafts
        for clause in draft.clauses
        for cite in clause.cites
        if (found := _source(state, cite, viewer)) is not None
    }
    return DraftsAnswer(
        round=view.round,
        drafts=drafts,
        sources=cited,
        failed=view.failed,
        with_model=view.with_model,
        ranked=view.ranked,
        waiting=waiting,
        failures=failures,
    )


def _source(state: RoomState, cite: str, viewer: Viewer) -> StatementView | None:
    statement = state.statements.get(StatementId(cite))
    if statement is None or not may_see(statement, viewer):
        return None
    return statement_view(statement, viewer)


def _result(state: RoomState) -> ResultAnswer:
    found = result_view(state)
    if found is None:
        raise NotFound("No ranking has been counted yet.")
    ranking = found.ranking
    return ResultAnswer(
        round=found.round,
        ballots=found.ballots,
        order=ranking.levels,
        ties=tuple(level for level in ranking.levels if len(level) > 1),
        winners=ranking.winners,
        pairwise=Pairwise(candidates=ranking.candidates, counts=ranking.pairwise),
        groups=ranking.groups,
        clauses=found.clauses,
        outcomes=found.outcomes,
    )

"""Votes, and what is put to somebody to vote on."""

from __future__ import annotations

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody
from litestar.types import ASGIApp

from ...deliberation import commands as c
from ...deliberation.decisions import voting as rules
from ...deliberation.phases import requires_phase
from ...deliberation.room import RoomState
from ...deliberation.vocabulary import Phase
from ...ids import LogId, StatementId
from ..access import access_room
from ..documentation import GIVES, TAKES
from ..errors import keep_body
from ..identity import Identity
from ..limits import within
from ..schemas import Next, NextStatement, Receipt, SkipBody, VoteBody
from ..services.desk import AnyRequest, Desk
from ..shell import read_body
from .answers import Receipt201

_read_vote = msgspec.json.Decoder(VoteBody).decode


def handlers(desk: Desk) -> list[HTTPRouteHandler]:
    """Return the handlers of this subject."""
    per_hour = desk.settings.votes_per_hour

    # The most frequent write: read and answered without the framework's generic steps.
    @post(
        "/api/rooms/{room_id:str}/votes",
        summary="Vote; a second vote replaces the first",
        opt={TAKES: VoteBody, GIVES: Receipt},
    )
    async def vote(request: AnyRequest) -> ASGIApp:
        who = await desk.who(request)
        log = access_room(who, request.scope["path_params"]["room_id"])
        body = await read_body(request.receive)
        try:
            given = _read_vote(body)
        except msgspec.DecodeError:
            keep_body(request.scope, body)
            raise
        if per_hour:
            person = f"{log}/{who.participant}"
            await within(desk.limits, "votes", person, per_hour, what="votes")
        command = c.CastVote(
            statement_id=StatementId(given.statement_id),
            choice=given.choice,
            because=given.because,
        )
        key = await desk.key(request, who.participant, body)
        done = await desk.house.submit(log, command, who.actor, key=key)
        return Receipt201(done.recorded[0].seq)

    @get("/api/rooms/{room_id:str}/next", summary="What to vote on next")
    async def following(request: AnyRequest, room_id: FromPath[str]) -> Next:
        who = await desk.who(request)
        return await next_for(desk, who, access_room(who, room_id))

    @post("/api/rooms/{room_id:str}/skip", status_code=204, summary="Put a statement off")
    async def skip(
        request: AnyRequest, room_id: FromPath[str], data: JSONBody[SkipBody]
    ) -> Response[None]:
        who = await desk.who(request)
        log = access_room(who, room_id)
        command = c.SkipStatement(statement_id=StatementId(data.statement_id))
        key = await desk.key(request, who.participant)
        await desk.house.submit(log, command, who.actor, key=key)
        return Response(None, status_code=204)

    return [vote, following, skip]


async def next_for(desk: Desk, who: Identity, log: LogId) -> Next:
    """Return what to vote on next, the same until it is voted on or put off.

    Raises:
        WrongPhase: the room is not open.
        Forbidden: this person's role has no vote.
    """
    state = await desk.house.room(log)
    requires_phase(state.phase, Phase.OPEN, what="Voting")
    desk.similar.prepare(state)
    if rules.pending(state, state.people.get(who.participant)) is None:
        outlook = await desk.analyses.outlook(state)
        await desk.house.submit(log, c.ShowNext(outlook=outlook), who.actor)
        state = await desk.house.room(log)
    return _next_in(state, who)


def _next_in(state: RoomState, who: Identity) -> Next:
    person = state.people.get(who.participant)
    shown = rules.pending(state, person)
    statement = None
    if shown is not None:
        known = state.statements[shown]
        statement = NextStatement(
            id=known.id, text=known.text, language=known.language, origin=known.origin
        )
    return Next(statement=statement, remaining=len(rules.remaining(state, person)))

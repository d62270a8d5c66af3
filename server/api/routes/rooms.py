"""A room as one person may see it, what they write in it, and its analysis."""

from __future__ import annotations

from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody

from ...deliberation import commands as c
from ...deliberation import events as e
from ...deliberation.insight import AnalysisView, analysis_for
from ...deliberation.text import TESTIMONY_LENGTH, clean
from ...deliberation.views import RoomView, room_view
from ...errors import Fault
from ...ids import StatementId
from ..access import access_room
from ..limits import within
from ..schemas import (
    Similar,
    SimilarStatement,
    StatementAnswer,
    StatementBody,
)
from ..services.desk import AnyRequest, Desk
from .answers import only

QUESTIONS_PER_HOUR = 1_800
"""How often one person may ask for similar statements; each costs an embedding."""


def handlers(desk: Desk) -> list[HTTPRouteHandler]:
    """Return the handlers of this subject."""

    @get("/api/rooms/{room_id:str}", summary="The room as one may see it")
    async def room(request: AnyRequest, room_id: FromPath[str]) -> RoomView:
        who = await desk.who(request)
        return room_view(await desk.house.room(access_room(who, room_id)), who.viewer)

    @post("/api/rooms/{room_id:str}/statements", summary="Write a statement")
    async def write(
        request: AnyRequest, room_id: FromPath[str], data: JSONBody[StatementBody]
    ) -> StatementAnswer:
        who = await desk.who(request)
        log = access_room(who, room_id)
        await within(
            desk.limits,
            "statements",
            f"{log}/{who.participant}",
            desk.settings.statements_per_hour,
            what="statements",
        )
        command = c.SubmitStatement(text=data.text, language=data.language, kind=data.kind)
        key = await desk.key(request, who.participant)
        done = await desk.house.submit(log, command, who.actor, key=key)
        recorded = only(done.recorded, e.StatementSubmitted)
        if recorded is None or not isinstance(recorded.event, e.StatementSubmitted):
            raise Fault("The statement left no trace.")
        return StatementAnswer(
            statement_id=recorded.event.statement,
            seq=recorded.seq,
            status=recorded.event.status,
        )

    @get("/api/rooms/{room_id:str}/similar", summary="Statements that say this already")
    async def similar(
        request: AnyRequest,
        room_id: FromPath[str],
        text: FromQuery[str],
        language: FromQuery[str | None] = None,
    ) -> Similar:
        who = await desk.who(request)
        log = access_room(who, room_id)
        text = clean(text, limit=TESTIMONY_LENGTH, field="text", lines=True)
        await within(desk.limits, "similar", who.participant, QUESTIONS_PER_HOUR, what="questions")
        found = await desk.similar.find(await desk.house.room(log), text, language)
        state = await desk.house.room(log)
        near = []
        for each in found:
            statement = state.statements.get(StatementId(str(each.statement)))
            if statement is not None and statement.visible:
                near.append(
                    SimilarStatement(
                        id=statement.id,
                        text=statement.text,
                        language=statement.language,
                        origin=statement.origin,
                        score=round(each.score, 4),
                        opposite=each.opposite,
                    )
                )
        return Similar(statements=tuple(near), embedder=desk.similar.name)

    @get(
        "/api/rooms/{room_id:str}/analysis",
        summary="The published analysis, as far as one may see it",
    )
    async def analysis(request: AnyRequest, room_id: FromPath[str]) -> AnalysisView:
        who = await desk.who(request)
        log = access_room(who, room_id)
        published = await desk.analyses.published(await desk.house.room(log))
        return analysis_for(published, await desk.house.room(log), who.viewer)

    return [room, write, similar, analysis]

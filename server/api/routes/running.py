"""What facilitators and moderators do: phases, invites, notices, decisions on statements."""

from __future__ import annotations

from litestar import post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from ...deliberation import commands as c
from ...ids import StatementId
from ...runtime.invites import link
from ..access import access_room, access_running
from ..schemas import (
    InvitesBody,
    Links,
    ModerationBody,
    NoticeBody,
    PhaseAnswer,
    PhaseBody,
    Receipt,
)
from ..services.desk import AnyRequest, Desk
from ..services.inviting import Wanted, invite


def handlers(desk: Desk) -> list[HTTPRouteHandler]:
    """Return the handlers of this subject."""

    @post("/api/rooms/{room_id:str}/phase", status_code=200, summary="Take the room to a phase")
    async def phase(
        request: AnyRequest, room_id: FromPath[str], data: JSONBody[PhaseBody]
    ) -> PhaseAnswer:
        who = await desk.who(request)
        log = access_room(who, room_id)
        key = await desk.key(request, who.participant)
        done = await desk.house.submit(log, c.ChangePhase(phase=data.phase), who.actor, key=key)
        desk.move(log)
        return PhaseAnswer(phase=data.phase, seq=done.seq)

    @post("/api/rooms/{room_id:str}/invites", summary="Make invite links")
    async def invites(
        request: AnyRequest, room_id: FromPath[str], data: JSONBody[InvitesBody]
    ) -> Links:
        who = await desk.who(request)
        access_running(who, room_id)
        wanted = Wanted(data.role, data.count, data.reusable, data.expires)
        codes = await invite(
            desk.house,
            who.assembly,
            wanted,
            who.actor,
            key=await desk.key(request, who.participant),
            code_key=desk.sessions.code_key,
        )
        return Links(links=tuple(link(desk.address(), code) for code in codes))

    @post("/api/rooms/{room_id:str}/notices", summary="Say something to everybody in the room")
    async def notice(
        request: AnyRequest, room_id: FromPath[str], data: JSONBody[NoticeBody]
    ) -> Receipt:
        who = await desk.who(request)
        log = access_room(who, room_id)
        key = await desk.key(request, who.participant)
        done = await desk.house.submit(log, c.PostNotice(text=data.text), who.actor, key=key)
        return Receipt(seq=done.seq)

    @post("/api/rooms/{room_id:str}/moderation", summary="Accept or reject a statement")
    async def moderate(
        request: AnyRequest, room_id: FromPath[str], data: JSONBody[ModerationBody]
    ) -> Receipt:
        who = await desk.who(request)
        log = access_room(who, room_id)
        command = c.ModerateStatement(
            statement_id=StatementId(data.statement_id),
            decision=data.decision,
            reason=data.reason,
            note=data.note,
        )
        key = await desk.key(request, who.participant)
        done = await desk.house.submit(log, command, who.actor, key=key)
        return Receipt(seq=done.seq)

    return [phase, invites, notice, moderate]

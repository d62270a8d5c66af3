"""Oneself: votes, statements, consent, sessions, and taking one's words back."""

from __future__ import annotations

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from ...deliberation import commands as c
from ...deliberation.events import Consent
from ...deliberation.room import RoomState
from ...ids import LogId
from ...store import lookups
from ..access import access_rooms
from ..identity import Identity
from ..schemas import ConsentBody, Erased, Me, OwnStatement, OwnVote
from ..services.desk import AnyRequest, Desk
from ..services.erasing import erase_words
from ..sessions import drop_cookie
from .answers import room_list


def handlers(desk: Desk) -> list[HTTPRouteHandler]:
    """Return the handlers of this subject."""

    @get("/api/me", summary="Oneself: role, rooms, all votes and statements")
    async def me(request: AnyRequest) -> Me:
        who = await desk.who(request)
        member = who.state.member(who.participant)
        statements: list[OwnStatement] = []
        because: dict[str, str] = {}
        for room in access_rooms(who):
            state = await desk.house.room(LogId(room.id))
            statements.extend(_written(state, who))
            because |= _because(state, who)
        votes = await desk.house.database.reading(lookups.votes_of, who.state.id, who.participant)
        return Me(
            participant=who.participant,
            role=who.role,
            assembly=who.state.id,
            rooms=await room_list(desk.house, who.state),
            votes=tuple(
                OwnVote(
                    room=v.room,
                    statement_id=v.statement,
                    choice=v.choice,
                    seq=v.seq,
                    because=because.get(v.statement, ""),
                )
                for v in votes
            ),
            statements=tuple(statements),
            slug=who.state.slug,
            name=member.name,
            channel=who.channel,
            consent=member.consent,
            csrf=desk.sessions.csrf(who.token) if who.by_cookie else None,
        )

    @post("/api/me/consent", status_code=200, summary="Change what may be done with one's words")
    async def consent(request: AnyRequest, data: JSONBody[ConsentBody]) -> Consent:
        who = await desk.who(request)
        wanted = Consent(publish=data.publish, research=data.research, training=data.training)
        key = await desk.key(request, who.participant)
        await desk.house.submit(who.assembly, c.GiveConsent(consent=wanted), who.actor, key=key)
        return wanted

    @post("/api/me/erase", status_code=200, summary="Delete one's own words for good")
    async def erase(request: AnyRequest) -> Erased:
        who = await desk.who(request)
        key = await desk.key(request, who.participant)
        return Erased(records=await erase_words(desk.house, who, key))

    @post("/api/me/sign-out", status_code=204, summary="End all one's sessions")
    async def sign_out(request: AnyRequest) -> Response[None]:
        who = await desk.who(request)
        await desk.house.submit(who.assembly, c.EndSessions(), who.actor)
        cookie = drop_cookie(secure=desk.secure(request))
        return Response(
            None, status_code=204, headers={"set-cookie": cookie} if who.by_cookie else {}
        )

    return [me, consent, erase, sign_out]


def _because(state: RoomState, who: Identity) -> dict[str, str]:
    return {
        statement.id: given.text
        for statement in state.statements.values()
        if (given := statement.because.get(who.participant)) is not None
    }


def _written(state: RoomState, who: Identity) -> list[OwnStatement]:
    person = state.people.get(who.participant)
    return [
        OwnStatement(
            statement_id=statement.id,
            room=state.id,
            text=statement.text,
            status=statement.status,
            reason=statement.reason,
            note=statement.note,
            kind=statement.kind,
            erased=statement.erased,
            seq=statement.seq,
        )
        for statement in (state.statements[s] for s in (person.submitted if person else ()))
    ]

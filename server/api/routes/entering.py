"""Joining with an invite, and coming back with a return code."""

from __future__ import annotations

from litestar import Response, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from ...errors import Invalid, InviteUnusable
from ..limits import within
from ..schemas import JoinBody, Joined, ReturnBody
from ..services.desk import AnyRequest, Desk, address_of
from ..services.joining import Arrival, Asking, come_back, join
from ..sessions import set_cookie
from .answers import room_list

_CLIENTS = ("browser", "script")


def handlers(desk: Desk) -> list[HTTPRouteHandler]:
    """Return the handlers of this subject."""

    async def welcome(request: AnyRequest, arrival: Arrival, client: str) -> Response[Joined]:
        script = client == "script"
        role = arrival.state.members[arrival.participant].role
        if role is None:
            raise InviteUnusable("This person is no longer in the assembly.")
        answer = Joined(
            participant=arrival.participant,
            assembly=arrival.state.id,
            rooms=await room_list(desk.house, arrival.state),
            role=role,
            slug=arrival.state.slug,
            csrf=None if script else desk.sessions.csrf(arrival.token),
            token=arrival.token if script else None,
            return_code=arrival.return_code,
        )
        cookie = set_cookie(arrival.token, secure=desk.secure(request))
        return Response(answer, status_code=201, headers={} if script else {"set-cookie": cookie})

    @post("/api/join", summary="Join an assembly with an invite")
    async def join_assembly(request: AnyRequest, data: JSONBody[JoinBody]) -> Response[Joined]:
        _check_client(data.client)
        address = address_of(request)
        await within(desk.limits, "joins", address, desk.settings.joins_per_hour, what="joins")
        key = await desk.key(request, "")
        asking = Asking(
            data.invite,
            data.name,
            data.consent,
            address,
            key.key if key else "",
            key.body_digest if key else b"",
        )
        return await welcome(request, await join(desk.house, desk.sessions, asking), data.client)

    @post("/api/return", summary="Go on as who one was, with a return code")
    async def return_to_assembly(
        request: AnyRequest, data: JSONBody[ReturnBody]
    ) -> Response[Joined]:
        _check_client(data.client)
        await within(
            desk.limits,
            "joins",
            address_of(request),
            desk.settings.joins_per_hour,
            what="joins",
        )
        arrival = await come_back(desk.house, desk.sessions, data.code, desk.clock.now())
        return await welcome(request, arrival, data.client)

    return [join_assembly, return_to_assembly]


def _check_client(client: str) -> None:
    if client not in _CLIENTS:
        raise Invalid("'client' is 'browser' or 'script'.", field="client")

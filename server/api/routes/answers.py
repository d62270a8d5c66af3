"""Small pieces that answers share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import cast

from litestar import Response
from litestar.types import Receive, Scope, Send

from ...deliberation import events as e
from ...deliberation.assembly import AssemblyState
from ...ids import LogId
from ...runtime.writer import House
from ..problems import MEDIA_TYPE, Problem
from ..schemas import RoomInList
from ..shell import RECEIPT


def respond(problem: Problem) -> Response[bytes]:
    """Return a problem as an answer."""
    return Response(
        problem.body, status_code=problem.status, media_type=MEDIA_TYPE, headers=problem.headers
    )


class Receipt201:
    """201 with a seq, by the shortest way."""

    __slots__ = ("_seq",)

    def __init__(self, seq: int) -> None:
        self._seq = seq

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as ASGI has it
        """Send it."""
        body = b'{"seq":%d}' % self._seq
        receipt = cast("Callable[[Scope, bytes], bool] | None", scope.get(RECEIPT))
        if receipt is not None and receipt(scope, body):
            return
        length = (b"content-length", b"%d" % len(body))
        await send({"type": "http.response.start", "status": 201, "headers": [_JSON, length]})
        await send({"type": "http.response.body", "body": body, "more_body": False})


_JSON = (b"content-type", b"application/json")


async def room_list(house: House, state: AssemblyState) -> tuple[RoomInList, ...]:
    """Return the rooms of an assembly with their phases."""
    found = []
    for room in tuple(state.rooms):
        phase = (await house.room(LogId(room.id))).phase
        found.append(RoomInList(id=room.id, title=room.title, plenary=room.plenary, phase=phase))
    return tuple(found)


def only(recorded: Iterable[e.Recorded], kind: type[e.Event]) -> e.Recorded | None:
    """Return the first event of a kind."""
    return next((each for each in recorded if isinstance(each.event, kind)), None)

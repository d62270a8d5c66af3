"""The socket of a room: who may sit down, and what a client may say; the hub says all the rest.

A foreign Origin was refused before the upgrade, by the shell. Everything else that is refused is
accepted first, so that the close code reaches the client.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from litestar import WebSocket, websocket
from litestar.handlers import WebsocketRouteHandler
from litestar.params import FromPath

from ..deliberation.frames import ClientFrame, Ping
from ..errors import Fault, FolkmootError, NotSignedIn
from ..runtime.hub import NOT_SIGNED_IN, RESTART, TOO_SLOW, Line, Seat, SocketRefused
from ..runtime.protocol import DROP
from .access import access_room
from .identity import Identity
from .services.desk import Desk
from .shell import SEND

NOT_TEXT = 1003
UNKNOWN_MESSAGE = 4400
NO_SUCH_ROOM = 4404
TOO_MANY_MESSAGES = 4429
MESSAGES_A_SECOND = 20
"""So many messages a second, and twice as many at once."""

CLOSE_CODES: dict[int, str] = {
    1003: "binary message",
    1009: "frame larger than 64 KiB",
    RESTART: "restart",
    UNKNOWN_MESSAGE: "unknown message",
    NOT_SIGNED_IN: "not signed in",
    4403: "role withdrawn",
    NO_SUCH_ROOM: "no such room",
    TOO_SLOW: "too slow",
    4409: "more than eight sockets of one person",
    TOO_MANY_MESSAGES: "too many messages",
}
"""Every code that a socket is closed with; docs/protocol.md has a line for each."""
_OF_CLIENTS = frozenset({1000, 1001, 1002, 1005, 1006, 1009, 1011})
_ANOTHER = 0
"""How a code is counted that a client makes up."""

AnySocket = WebSocket[Any, Any, Any]
_read = msgspec.json.Decoder(ClientFrame).decode


def handler(desk: Desk) -> WebsocketRouteHandler:
    """Return the handler of ``/live/rooms/{id}?after=SEQ``."""

    @websocket("/live/rooms/{room_id:str}")
    async def live(socket: AnySocket, room_id: FromPath[str]) -> None:
        await socket.accept()
        line = _line(socket, desk)
        try:
            who, seat = await _sit_down(desk, socket, room_id, line)
        except NotSignedIn:
            line.drop(NOT_SIGNED_IN)
        except SocketRefused as refused:
            line.drop(refused.close_code)
        except Fault:
            # The room may well be there: a client that is told otherwise would not come back.
            line.drop(RESTART)
        except FolkmootError:
            line.drop(NO_SUCH_ROOM)
        else:
            try:
                await _look_again(desk, socket, seat, who)
                await _listen(desk, socket, seat)
            finally:
                desk.hub.leave(seat)
            return
        await _until_gone(socket)

    return live


async def _sit_down(
    desk: Desk, socket: AnySocket, room_id: str, line: Line
) -> tuple[Identity, Seat]:
    who = await desk.identities.of(socket.scope)
    log = access_room(who, room_id)
    after = socket.query_params.get("after", "")
    known = int(after) if after.isascii() and after.isdecimal() and len(after) < 16 else None
    return who, await desk.hub.join(log, who.viewer, known, line)


async def _look_again(desk: Desk, socket: AnySocket, seat: Seat, who: Identity) -> None:
    # They may have been put out, signed out or given another role while the room was loaded,
    # before the hub knew their seat.
    try:
        now = await desk.identities.found(socket.scope)
    except Fault:
        desk.hub.close(seat, RESTART)
        return
    if now is None:
        desk.hub.close(seat, NOT_SIGNED_IN)
    elif now.role is not who.role:
        desk.hub.close(seat, RESTART)


async def _listen(desk: Desk, socket: AnySocket, seat: Seat) -> None:
    clock = asyncio.get_running_loop().time
    allowed, at = 2.0 * MESSAGES_A_SECOND, clock()
    while True:
        message: Any = await socket.receive()
        if message["type"] == "websocket.disconnect":
            if not seat.closed:
                code = message.get("code")
                desk.metrics.closed(code if code in _OF_CLIENTS else _ANOTHER, by="client")
            return
        if seat.closed:
            continue
        now = clock()
        allowed = min(2.0 * MESSAGES_A_SECOND, allowed + (now - at) * MESSAGES_A_SECOND) - 1.0
        at = now
        code = _hear(desk, seat, message.get("text")) if allowed >= 0.0 else TOO_MANY_MESSAGES
        if code is not None:
            desk.hub.close(seat, code)


def _hear(desk: Desk, seat: Seat, text: str | None) -> int | None:
    """Do what a message says; return the code to close with where it says nothing known."""
    if text is None:
        return NOT_TEXT
    try:
        frame = _read(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return UNKNOWN_MESSAGE
    if isinstance(frame, Ping):
        desk.hub.pong(seat)
    else:
        desk.hub.presence(seat, active=frame.active)
    return None


def _line(socket: AnySocket, desk: Desk) -> Line:
    scope: Any = socket.scope
    extensions: dict[str, Any] = scope.get("extensions") or {}
    drop: Callable[[int], None] | None = extensions.get(DROP)

    def end(code: int) -> None:
        desk.metrics.closed(code)
        if drop is not None:
            drop(code)
        else:
            closing.add(asyncio.ensure_future(socket.close(code)))

    closing: set[asyncio.Future[None]] = set()
    # The server's own send, past the framework's layers: each frame goes through it.
    return Line(scope[SEND], end)


async def _until_gone(socket: AnySocket) -> None:
    try:
        async with asyncio.timeout(5):
            while (await socket.receive())["type"] != "websocket.disconnect":
                pass
    except TimeoutError:
        return

"""A bare server for sockets on the hub: uvicorn in this process, on a port of its own."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import uvicorn
import websockets
from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope

from server.deliberation.views import Viewer
from server.deliberation.vocabulary import Role
from server.ids import LogId, ParticipantId
from server.runtime.hub import Hub, Line, SocketRefused
from server.runtime.protocol import DROP, DroppingProtocol


@dataclass
class Live:
    hub: Hub
    server: uvicorn.Server
    address: str

    def connect(
        self,
        person: str,
        room: str,
        *,
        after: int | None = None,
        role: Role = Role.PARTICIPANT,
        **options: Any,
    ) -> websockets.connect:
        query = f"?person={person}&role={role}" + (f"&after={after}" if after is not None else "")
        options = {"compression": None, "max_size": None, "ping_interval": None, **options}
        return websockets.connect(f"{self.address}/{room}{query}", **options)


def socket_app(hub: Hub) -> Any:
    """Return an ASGI application that seats every socket, as a person that its query names."""

    async def app(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        assert scope["type"] == "websocket"
        query = {k: v[0] for k, v in parse_qs(scope["query_string"].decode()).items()}
        await receive()
        await send({"type": "websocket.accept"})  # type: ignore[typeddict-item]
        viewer = Viewer(ParticipantId(query["person"]), Role(query["role"]))
        after = int(query["after"]) if "after" in query else None
        line = Line(send, scope["extensions"][DROP])  # type: ignore[arg-type, index]
        try:
            seat = await hub.join(LogId(scope["path"].strip("/")), viewer, after, line)
        except SocketRefused as refused:
            line.drop(refused.close_code)
            return
        try:
            while True:
                message = await receive()
                if message["type"] == "websocket.disconnect":
                    return
                said = json.loads(message["text"])
                if said["type"] == "ping":
                    hub.pong(seat)
                else:
                    hub.presence(seat, active=said["active"])
        finally:
            hub.leave(seat)

    return app


@asynccontextmanager
async def serving(hub: Hub, app: Any = None, *, send_buffer: int = 0) -> AsyncIterator[Live]:
    """Serve sockets, with a kernel buffer of so many bytes each; in the end stop as by a signal."""
    config = uvicorn.Config(
        app or socket_app(hub),
        port=0,
        ws=DroppingProtocol,
        log_level="error",
        lifespan="off",
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=5,
        access_log=False,
    )
    server = uvicorn.Server(config)
    server.capture_signals = _no_signals  # type: ignore[method-assign]
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    listening = server.servers[0].sockets[0]
    if send_buffer:
        # Sockets that are accepted inherit it.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
    port = listening.getsockname()[1]
    try:
        yield Live(hub, server, f"ws://127.0.0.1:{port}")
    finally:
        server.should_exit = True
        await task


class _no_signals:  # noqa: N801 - stands in for a method
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...

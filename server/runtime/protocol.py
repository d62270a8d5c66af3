"""uvicorn's websocket protocol, with a way to close a socket whose peer doesn't read."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState
from websockets.http11 import Request

DROP = "folkmoot.drop"
"""The ASGI extension: ``scope["extensions"][DROP]`` is ``drop(code)``."""
GRACE = 3.0
_RESTART = 1012
_UNREADABLE = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_RESTART_GRACE = 1.0


class DroppingProtocol(WebSocketsSansIOProtocol):
    """Puts ``drop(code)`` into the scope of every socket.

    A plain close waits until the peer has read what was sent before; one that has stalled would
    hold its connection, and the server's shutdown, for as long as it likes.
    """

    def handle_connect(self, event: Request) -> None:
        """Begin, as the base does, with the extension in the scope."""
        super().handle_connect(event)
        if not self.close_sent:
            extensions = cast("dict[str, Callable[[int], None]]", self.scope["extensions"])
            extensions[DROP] = self.drop

    def data_received(self, data: bytes) -> None:
        """Take what came; a handshake that cannot be read is refused, where the base waits on."""
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            self.handshake_initiated = self.handshake_complete = self.close_sent = True
            self.transport.write(_UNREADABLE)
            self.transport.close()

    def drop(self, code: int, grace: float = GRACE) -> None:
        """Send a close frame past what waits, and abort the connection ``grace`` seconds later.

        A peer that wakes up in time reads ``code``, another sees the connection end. The one who
        receives from the socket gets a disconnect at once.
        """
        if self.close_sent or self.disconnected or self.transport.is_closing():
            return
        self.stop_keepalive()
        self.close_sent = True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": ""})
        try:
            self.conn.send_close(code)
            self.transport.write(b"".join(self.conn.data_to_send()))
        except InvalidState:
            self.transport.abort()
            return
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(grace, self.transport.abort)

    def shutdown(self) -> None:
        """Tell the peer to come back later; one that doesn't read is not waited for."""
        if self.handshake_complete and not self.close_sent:
            self.drop(_RESTART, _RESTART_GRACE)
        elif not self.close_sent:
            super().shutdown()

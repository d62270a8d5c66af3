"""uvicorn's HTTP protocol, with a way to send a whole answer in one write.

It writes head and body apart: two system calls and, without TLS, two packets an answer. What is
asked most often by far, a vote, is answered by less than a hundred bytes.
"""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

AT_ONCE = "folkmoot.at_once"
"""The ASGI extension: ``scope["extensions"][AT_ONCE]`` is ``at_once(scope, status, head, body)``.

``head`` are header lines as they go over the wire, without content-length. It returns False, with
nothing sent, where the answer has to take the usual way.
"""
PEER = "folkmoot.peer"
"""The ASGI extension: whose connection it is, whatever a proxy's headers say of who asks."""


_TOO_LATE = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class AtOnceProtocol(HttpToolsProtocol):
    """Puts :meth:`at_once` and its peer into the scope of every request."""

    @property
    def unfinished(self) -> bool:
        """Whether the rest of a request, or its first byte, is still to come."""
        if self.timeout_keep_alive_task is not None or self.transport.is_closing():
            return False
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete or cycle.more_body

    def give_up(self) -> None:
        """Say that it took too long, where that can be said, and end the connection."""
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or cycle.response_complete or not cycle.response_started:
            self.transport.write(_TOO_LATE)
        self.transport.close()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        scope: dict[str, Any] = cycle.scope  # type: ignore[assignment]  # its type lacks extensions
        scope["extensions"] = {AT_ONCE: self.at_once, PEER: self.client}
        super()._start_asgi_task(cycle, app)

    def at_once(self, scope: object, status: int, head: bytes, body: bytes) -> bool:
        """Send a whole answer to the request of ``scope``, or nothing and return False."""
        # The scope must not hold its own cycle: each request would then be garbage to be searched.
        cycle = self.cycle
        if (
            cycle.scope is not scope  # a pipelined request came after it
            or cycle.response_started
            or cycle.disconnected
            or not cycle.keep_alive
            or cycle.flow.write_paused
        ):
            return False
        cycle.response_started = cycle.response_complete = True
        lines = [STATUS_LINE[status]]
        for name, value in cycle.default_headers:
            lines += (name, b": ", value, b"\r\n")
        lines += (head, b"content-length: %d\r\n\r\n" % len(body), body)
        cycle.transport.write(b"".join(lines))
        cycle.message_event.set()
        cycle.on_response()
        return True

"""A websocket that listens: the client's half of RFC 6455 that costs next to nothing.

A raw protocol without tasks, timers or queues: ten thousand of them are one process' small change.
It answers pings and closes, checks the handshake, and hands every text to whoever owns it. Messages
in fragments and compression are not negotiated, and count as nonsense where they come.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from time import perf_counter
from typing import Protocol, cast

_KEY = base64.b64encode(bytes(16)).decode()
_ACCEPT = base64.b64encode(
    hashlib.sha1(f"{_KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
)
_TEXT, _CLOSE, _PING = 0x81, 0x88, 0x89
_CLOSE_NOW = b"\x88\x82" + bytes(4) + (1000).to_bytes(2, "big")
NO_CLOSE = 1006


class Owner(Protocol):
    """Who a listener belongs to."""

    def opened(self) -> None:
        """The handshake is done."""

    def heard(self, payload: bytes, now: float) -> None:
        """A text came, at ``now`` (``perf_counter`` seconds)."""

    def ended(self, code: int, status: int) -> None:
        """It is over: the close code (1006: none), the handshake's HTTP status (101: done)."""

    def nonsense(self) -> None:
        """The server sent what is no unfragmented, unmasked frame of text."""


def handshake(site: str, path: str, headers: tuple[str, ...]) -> bytes:
    """Return the bytes of an upgrade request."""
    lines = (
        f"GET {path} HTTP/1.1",
        f"Host: {site}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {_KEY}",
        *headers,
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


class Wire(asyncio.Protocol):
    """One websocket."""

    __slots__ = ("_buffer", "_code", "_greeting", "_owner", "_status", "_transport")

    def __init__(self, owner: Owner, greeting: bytes) -> None:
        self._owner = owner
        self._greeting: bytes | None = greeting
        self._buffer = b""
        self._code = NO_CLOSE
        self._status = 0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        self._transport = cast("asyncio.Transport", transport)
        if self._greeting is not None:
            self._transport.write(self._greeting)

    def data_received(self, data: bytes) -> None:
        """Take in what came, whole or in pieces."""
        now = perf_counter()
        if self._buffer:
            data = self._buffer + data
            self._buffer = b""
        if self._greeting is not None:
            head, found, rest = data.partition(b"\r\n\r\n")
            if not found:
                self._buffer = data
                return
            self._greeting = None
            self._status = int(head[9:12])
            if self._status != 101 or _ACCEPT not in head:
                self.cut()
                return
            self._owner.opened()
            data = rest
        at, size = 0, len(data)
        while size - at >= 2:
            first, length, start = data[at], data[at + 1], at + 2
            if length == 126:
                start = at + 4
                length = int.from_bytes(data[at + 2 : start], "big") if size >= start else size
            elif length == 127:
                start = at + 10
                length = int.from_bytes(data[at + 2 : start], "big") if size >= start else size
            end = start + length
            if end > size:
                break
            if first == _TEXT:
                self._owner.heard(data[start:end], now)
            elif not self._control(first, data[start:end]):
                return
            at = end
        if at < size:
            self._buffer = data[at:] if at else data

    def _control(self, first: int, payload: bytes) -> bool:
        if self._transport is None:
            return False
        if first == _PING and len(payload) < 126:
            # A mask of zeros leaves the payload as it is.
            self._transport.write(bytes((0x8A, 0x80 | len(payload))) + bytes(4) + payload)
            return True
        if first == _CLOSE:
            self._code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else 1005
            self._transport.write(_CLOSE_NOW)
            self._transport.close()
        else:
            self._owner.nonsense()
            self.cut()
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - as asyncio has it
        """Say that it is over."""
        self._transport = None
        self._buffer = b""
        self._owner.ended(self._code, self._status)

    def close(self) -> None:
        """End it as a page does that is left."""
        if self._transport is not None:
            self._transport.write(_CLOSE_NOW)
            self._transport.close()

    def cut(self) -> None:
        """End it as a dead battery does."""
        if self._transport is not None:
            self._transport.abort()

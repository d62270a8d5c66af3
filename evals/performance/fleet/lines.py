"""Kept-alive HTTP/1.1 connections to one server, shared by everybody who has something to ask."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import cast


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens, in plain http."""

    host: str
    port: int

    @property
    def site(self) -> str:
        """Host and port, as a Host header and an Origin have them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def origin(self) -> str:
        """The origin of the server's pages."""
        return f"http://{self.site}"


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, the header lines in small letters where names are, and the body."""

    status: int
    head: bytes
    body: bytes

    def header(self, name: bytes) -> bytes:
        """Return a header's value, or nothing."""
        for line in self.head.split(b"\r\n")[1:]:
            found, _, value = line.partition(b":")
            if found.strip().lower() == name:
                return value.strip()
        return b""


class _Line(asyncio.Protocol):
    """One connection, one request at a time."""

    __slots__ = ("_buffer", "_transport", "_waiting", "gone")

    def __init__(self) -> None:
        self._buffer = b""
        self._transport: asyncio.Transport
        self._waiting: asyncio.Future[Answer] | None = None
        self.gone = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def ask(self, request: bytes) -> asyncio.Future[Answer]:
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._waiting

    def data_received(self, data: bytes) -> None:
        data = self._buffer + data if self._buffer else data
        head = data.find(b"\r\n\r\n")
        if head >= 0:
            lines = data[:head]
            place = lines.lower().find(b"content-length:")
            end = lines.find(b"\r\n", place)
            length = int(lines[place + 15 : end if end >= 0 else None]) if place >= 0 else 0
            if len(data) >= head + 4 + length:
                self._buffer = b""
                answer = Answer(int(data[9:12]), lines, data[head + 4 : head + 4 + length])
                if self._waiting is not None and not self._waiting.done():
                    self._waiting.set_result(answer)
                return
        self._buffer = data

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(exc or ConnectionResetError("the server hung up"))

    def close(self) -> None:
        self.gone = True
        self._transport.close()


class Lines:
    """So many connections to one server at most; who finds none free waits in the order of asking.

    Whatever ends a connection under a request is raised as OSError: TimeoutError after
    ``patience`` seconds, ConnectionError else.
    """

    def __init__(self, address: Address, *, most: int, patience: float) -> None:
        self.address = address
        self._most = most
        self._patience = patience
        self._idle: list[_Line] = []
        self._busy: set[_Line] = set()
        self._opening = 0
        self._queue: deque[asyncio.Future[None]] = deque()

    async def ask(self, request: bytes) -> Answer:
        """Send one request and return its answer."""
        while len(self._busy) + self._opening >= self._most:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._queue.append(turn)
            await turn
        line = await self._take()
        try:
            async with asyncio.timeout(self._patience):
                answer = await line.ask(request)
        except BaseException:
            line.close()
            raise
        else:
            if not line.gone:
                self._idle.append(line)
            return answer
        finally:
            self._busy.discard(line)
            self._next()

    async def _take(self) -> _Line:
        while self._idle:
            line = self._idle.pop()
            if not line.gone:
                self._busy.add(line)
                return line
        self._opening += 1
        try:
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(self._patience):
                _, line = await loop.create_connection(_Line, self.address.host, self.address.port)
        except BaseException:
            self._next()
            raise
        finally:
            self._opening -= 1
        self._busy.add(line)
        return line

    def _next(self) -> None:
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    def close(self) -> None:
        """Hang up."""
        for line in (*self._idle, *self._busy):
            line.close()
        self._idle.clear()

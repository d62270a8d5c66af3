"""A proxy between the fleet and a server that tampers with what passes, so that it is noticed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

Frames = list[bytes]
Tamper = Callable[[bytes], Frames]
"""What becomes of one frame of text: it, twice it, others or nothing."""


class Tampering:
    """One listening port; everything is forwarded to ``target``, and what comes back tampered."""

    def __init__(self, target: int, *, frame: Tamper | None = None, refuse: bytes = b"") -> None:
        """``refuse``: a request that begins so is answered 201 here, and never forwarded."""
        self.port = 0
        self._target = target
        self._frame = frame
        self._refuse = refuse
        self._open: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Tampering]:
        """Listen until the block ends; then hang up on everybody."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in tuple(self._open):
                task.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, ours = await asyncio.open_connection("127.0.0.1", self._target)
        both = [
            asyncio.create_task(self._there(reader, ours, writer)),
            asyncio.create_task(self._back(theirs, writer)),
        ]
        self._open.update(both)
        try:
            await asyncio.gather(*both, return_exceptions=True)
        finally:
            self._open.difference_update(both)
            for each in (ours, writer):
                each.close()
                with contextlib.suppress(OSError):
                    await each.wait_closed()

    async def _there(
        self, reader: asyncio.StreamReader, ours: asyncio.StreamWriter, back: asyncio.StreamWriter
    ) -> None:
        while data := await reader.read(1 << 16):
            if self._refuse and data.startswith(b"POST") and self._refuse in data.split(b"\r\n")[0]:
                body = b'{"seq":900000}'
                head = b"HTTP/1.1 201 Created\r\ncontent-length: %d\r\n\r\n" % len(body)
                self._refuse = b""
                back.write(head + body)
                continue
            ours.write(data)
        ours.close()

    async def _back(self, theirs: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await theirs.readuntil(b"\r\n\r\n") if self._frame is not None else b""
        writer.write(head)
        if not head.startswith(b"HTTP/1.1 101") or self._frame is None:
            while data := await theirs.read(1 << 16):
                writer.write(data)
        else:
            while frame := await _frame_of(theirs):
                for each in self._frame(frame) if frame[0] == 0x81 else [frame]:
                    writer.write(each)
        writer.close()


async def _frame_of(reader: asyncio.StreamReader) -> bytes:
    try:
        head = await reader.readexactly(2)
        more = {126: 2, 127: 8}.get(head[1], 0)
        long = await reader.readexactly(more)
        size = int.from_bytes(long, "big") if more else head[1]
        return head + long + await reader.readexactly(size)
    except asyncio.IncompleteReadError:
        return b""

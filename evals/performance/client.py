"""A light HTTP/1.1 client for load: raw asyncio streams, keep-alive, one request at a time each.

It lives in a process of its own, so that the server's core is the server's. It reads status lines
and ``content-length`` and nothing more: what it measures is the server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter


@dataclass(frozen=True)
class Load:
    """What came of a round: requests answered, seconds, latencies (s, sorted), other statuses."""

    answered: int
    seconds: float
    latencies: list[float]
    failed: dict[int, int]

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answered / self.seconds

    def quantile(self, share: float) -> float:
        """The latency (s) under which ``share`` of the answers lie."""
        return self.latencies[min(int(share * len(self.latencies)), len(self.latencies) - 1)]


class Line:
    """One kept-alive connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, host: str, port: int) -> Line:
        """Connect."""
        return cls(*await asyncio.open_connection(host, port))

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send one request and return the answer's status and body."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        place = head.find(b"content-length:")
        length = 0
        if place >= 0:
            length = int(head[place + 15 : head.index(b"\r\n", place)])
        body = await self._reader.readexactly(length) if length else b""
        return status, body

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


def post(path: str, body: bytes, headers: Sequence[tuple[str, str]] = ()) -> bytes:
    """Return the bytes of a JSON POST."""
    lines = [
        f"POST {path} HTTP/1.1",
        "host: bench",
        "content-type: application/json",
        f"content-length: {len(body)}",
        *(f"{name}: {value}" for name, value in headers),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def press(
    host: str, port: int, makers: Sequence[Callable[[int], bytes]], seconds: float, expected: int
) -> Load:
    """Send requests for ``seconds``, one at a time from each of ``makers``' connections.

    ``makers[i](n)`` gives the n-th request of connection i.
    """
    lines = [await Line.open(host, port) for _ in makers]
    latencies: list[float] = []
    failed: dict[int, int] = {}
    begin = perf_counter()
    end = begin + seconds

    async def work(line: Line, make: Callable[[int], bytes]) -> None:
        n = 0
        while (sent := perf_counter()) < end:
            status, _ = await line.ask(make(n))
            n += 1
            if status == expected:
                latencies.append(perf_counter() - sent)
            else:
                failed[status] = failed.get(status, 0) + 1

    await asyncio.gather(*map(work, lines, makers))
    spent = perf_counter() - begin
    for line in lines:
        line.close()
    latencies.sort()
    return Load(len(latencies), spent, latencies, failed)

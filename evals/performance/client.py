"""A light HTTP/1.1 client for load: an asyncio protocol, keep-alive, one request at a time each.

It belongs in another process than the server. It reads status lines and ``content-length`` and
nothing more, so that the other core is left to the server's own threads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import cast


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


class _Line(asyncio.Protocol):
    """One kept-alive connection that sends its next request when the answer to the last is in."""

    def __init__(self, make: Callable[[int], bytes], end: float, expected: int) -> None:
        self._make = make
        self._end = end
        self._expected = b"HTTP/1.1 %d" % expected
        self._sent = 0.0
        self._n = 0
        self._buffer = b""
        self._transport: asyncio.Transport
        self.latencies: list[float] = []
        self.failed: dict[int, int] = {}
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def data_received(self, data: bytes) -> None:
        """Take in an answer, whole or in pieces."""
        data = self._buffer + data if self._buffer else data
        head = data.find(b"\r\n\r\n")
        if head < 0 or len(data) < head + 4 + _length(data, head):
            self._buffer = data
            return
        self._buffer = b""
        now = perf_counter()
        if data.startswith(self._expected):
            self.latencies.append(now - self._sent)
        else:
            status = int(data[9:12])
            self.failed[status] = self.failed.get(status, 0) + 1
        if now < self._end:
            self._ask()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - as asyncio has it
        """Be done."""
        if not self.done.done():
            self.done.set_result(None)

    def _ask(self) -> None:
        self._sent = perf_counter()
        self._transport.write(self._make(self._n))
        self._n += 1


def _length(data: bytes, head: int) -> int:
    place = data.find(b"content-length:", 0, head)
    return int(data[place + 15 : data.index(b"\r\n", place)]) if place >= 0 else 0


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
    begin = perf_counter()
    loop = asyncio.get_running_loop()
    lines = []
    for make in makers:
        _, line = await loop.create_connection(
            lambda make=make: _Line(make, begin + seconds, expected),  # type: ignore[misc]  # bound now
            host,
            port,
        )
        lines.append(line)
    for line in lines:
        await line.done
    spent = perf_counter() - begin
    failed: dict[int, int] = {}
    for line in lines:
        for status, count in line.failed.items():
            failed[status] = failed.get(status, 0) + count
    latencies = sorted(latency for line in lines for latency in line.latencies)
    return Load(len(latencies), spent, latencies, failed)

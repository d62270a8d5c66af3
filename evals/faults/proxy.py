"""A TCP proxy that breaks what runs through it: it cuts, delays, or stops without a word.

A *half-open* connection forwards nothing any more and is closed to nobody, as when a cable or a
firewall between two machines goes: each side believes in the other. What the network took in
meanwhile is lost.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from typing import cast

HOST = "127.0.0.1"


class Proxy:
    """Listens on a free port of this machine and passes on to ``upstream``."""

    def __init__(self, name: str, upstream: int) -> None:
        """``upstream``: a port of this machine. ``name`` is what reports call the way."""
        self.name = name
        self.delay = 0.0
        """Seconds that everything takes longer, in each direction."""
        self.port = 0
        self.links: set[_Link] = set()
        self._upstream = upstream
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Begin to listen."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _End(_Link(self)), HOST, 0, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Listen no more, and end what is connected."""
        if self._server is not None:
            self._server.close()
        self.cut()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def lead(self, upstream: int) -> None:
        """Lead new connections to another port, and reset those there are."""
        self._upstream = upstream
        self.cut()

    def cut(self, share: float = 1.0, rng: random.Random | None = None) -> int:
        """Reset connections: all, or so many that ``rng`` picks; return how many."""
        chosen = self._some(share, rng)
        for link in chosen:
            link.abort()
        return len(chosen)

    def freeze(self, share: float = 1.0, rng: random.Random | None = None) -> int:
        """Make connections half-open: all, or so many that ``rng`` picks; return how many.

        New ones are as ever.
        """
        chosen = [link for link in self._some(share, rng) if not link.frozen]
        for link in chosen:
            link.frozen = True
        return len(chosen)

    def end_frozen(self) -> int:
        """Reset what is half-open, as a network does that is back and knows nothing of it."""
        chosen = [link for link in self.links if link.frozen]
        for link in chosen:
            link.abort()
        return len(chosen)

    def _some(self, share: float, rng: random.Random | None) -> list[_Link]:
        links = list(self.links)
        if rng is None or share >= 1.0:
            return links
        return [link for link in links if rng.random() < share]

    def connect(self, link: _Link) -> None:
        """Connect a link to what is behind."""
        task = asyncio.get_running_loop().create_task(self._connect(link))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, link: _Link) -> None:
        try:
            await asyncio.get_running_loop().create_connection(
                lambda: _End(link), HOST, self._upstream
            )
        except OSError:
            link.abort()


class _Link:
    """Two ends, and what is on its way between them."""

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        self.frozen = False
        self.ends: list[_End] = []

    def joined(self, end: _End) -> None:
        """Take in an end: the first is who came, the second what is behind."""
        if not self.ends:
            self.ends.append(end)
            self.proxy.links.add(self)
            end.transport.pause_reading()
            self.proxy.connect(self)
            return
        first = self.ends[0]
        if first.gone:
            end.transport.abort()
            return
        self.ends.append(end)
        first.other, end.other = end, first
        first.transport.resume_reading()

    def abort(self) -> None:
        """Reset both ends."""
        self.proxy.links.discard(self)
        for end in self.ends:
            end.gone = True
            end.transport.abort()

    def lost(self, end: _End) -> None:
        """Close the other end too, once it has what was sent; a frozen link tells nobody."""
        if end.gone:
            return
        end.gone = True
        if self.frozen and any(not each.gone for each in self.ends):
            return
        self.proxy.links.discard(self)
        if end.other is not None and not end.other.gone:
            end.other.finish()


class _End(asyncio.Protocol):
    """One end of a link; what it receives goes to the other."""

    transport: asyncio.Transport

    def __init__(self, link: _Link) -> None:
        self._link = link
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._finishing = False
        self.other: _End | None = None
        self.gone = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Find the other end."""
        self.transport = cast("asyncio.Transport", transport)
        self._link.joined(self)

    def data_received(self, data: bytes) -> None:
        """Pass on, in order, at once or after the proxy's delay."""
        if not self._link.frozen and self.other is not None:
            self.other.take(data, self._link.proxy.delay)

    def take(self, data: bytes, delay: float) -> None:
        """Write ``data`` here after ``delay`` seconds, and not before what came earlier."""
        if self.gone:
            return
        if delay <= 0.0 and not self._waiting:
            self.transport.write(data)
            return
        loop = asyncio.get_running_loop()
        due = loop.time() + delay
        if self._waiting:
            due = max(due, self._waiting[-1][0])
        else:
            loop.call_at(due, self._deliver)
        self._waiting.append((due, data))

    def finish(self) -> None:
        """Close once everything is written."""
        self._finishing = True
        if not self._waiting:
            self.transport.close()

    def _deliver(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting and self._waiting[0][0] <= loop.time() + 0.001:
            _, data = self._waiting.popleft()
            if not self.gone and not self._link.frozen:
                self.transport.write(data)
        if self._waiting:
            loop.call_at(self._waiting[0][0], self._deliver)
        elif self._finishing:
            self.transport.close()

    def pause_writing(self) -> None:
        """Read no more from the other end until this one has caught up."""
        if self.other is not None and not self.other.gone:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        """Read from the other end again."""
        if self.other is not None and not self.other.gone:
            self.other.transport.resume_reading()

    def eof_received(self) -> bool:
        """Keep a frozen end open: its peer hears nothing more."""
        return self._link.frozen

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - as asyncio has it
        """Tell the link."""
        self._link.lost(self)

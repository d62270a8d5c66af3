"""The sockets: sitting down, coming back after a loss with what was seen last, and leaving."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from time import perf_counter

from .books import Books
from .lines import Address
from .people import Person
from .seat import NOWHERE, Seat
from .wire import Wire, handshake

_AT_ONCE = 128
_PORTS = 20_000
"""Sockets from one source address to one server; the next ones come from another of 127/8."""

FINAL = (4401, 4403, 4404)
_RETRY = 1.0
"""Seconds after which a socket that was never let in is opened again, more or less."""


class Crowd:
    """All seats. A socket that ends is opened again, at any server, until :meth:`go_home`."""

    def __init__(
        self, servers: Sequence[Address], books: Books, rng: random.Random, *, away: float
    ) -> None:
        """``away``: the most seconds for which somebody who leaves on purpose stays away."""
        self.seats: list[Seat] = []
        self.left = 0
        self.lost = 0
        """Sockets that ended though nobody left."""
        self.back: list[float] = []
        """Seconds from the end of a socket that was lost to standing again."""
        self._servers = servers
        self._books = books
        self._rng = rng
        self._away = away
        self._tasks: set[asyncio.Task[None]] = set()
        self._gate = asyncio.Semaphore(_AT_ONCE)
        self._opened = 0
        self._home = False

    async def sit_down(self, people: Sequence[Person], sockets: int) -> None:
        """Open so many sockets, one person's after the other's, and wait until all had a try."""
        self.seats = [
            Seat(person, person.room, self._ended)
            for person in (people[number % len(people)] for number in range(sockets))
        ]
        for start in range(0, sockets, 500):
            some = self.seats[start : start + 500]
            await asyncio.gather(*(self._open(seat) for seat in some))
            await asyncio.sleep(0)

    async def standing(self, patience: float) -> int:
        """Wait until every seat stands; return how many don't in so many seconds."""
        until = perf_counter() + patience
        while True:
            missing = sum(not seat.standing for seat in self.seats)
            if not missing or perf_counter() > until:
                return missing
            await asyncio.sleep(0.1)

    def somebody_leaves(self) -> None:
        """Let one who stands leave, politely or not; they come back after a while."""
        for _ in range(20):
            seat = self._rng.choice(self.seats)
            if seat.standing and not seat.leaving:
                self.left += 1
                seat.leave(rudely=self._rng.random() < 0.5)
                return

    async def go_home(self) -> None:
        """End all sockets."""
        self._home = True
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for seat in self.seats:
            seat.leave(rudely=True)
        await asyncio.sleep(0)

    async def _open(self, seat: Seat) -> None:
        address = self._rng.choice(self._servers)
        headers = tuple(each for each in seat.person.headers if not each.startswith("x-csrf"))
        if seat.person.by_cookie:
            headers = (*headers, f"Origin: {address.origin}")
        path = f"/live/rooms/{seat.room.log}{seat.query}"
        wire = Wire(seat, handshake(address.site, path, headers))
        source = None
        self._opened += 1
        if self._opened > _PORTS and address.host.startswith("127."):
            source = (f"127.0.{self._opened // _PORTS}.1", 0)
        seat.sit(wire)
        async with self._gate:
            try:
                async with asyncio.timeout(20):
                    await asyncio.get_running_loop().create_connection(
                        lambda: wire, address.host, address.port, local_addr=source
                    )
            except OSError:
                seat.ended(0, 0)

    def _ended(self, seat: Seat, code: int, status: int) -> None:
        if self._home:
            return
        if status == 101:
            self._books.closes[code] += not seat.leaving
            self.lost += not seat.leaving
        else:
            self._books.refused[status] += 1
        if code in FINAL:
            self._books.fault("a socket closed for good", f"{seat.room.log}: {code}")
            return
        if seat.leaving:
            wait = self._rng.uniform(0.05, self._away)
        else:
            wait = self._rng.uniform(0.5, 1.5) * (seat.retry or _RETRY)
        task = asyncio.get_running_loop().create_task(self._return(seat, wait))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _return(self, seat: Seat, wait: float) -> None:
        lost = not seat.leaving
        await asyncio.sleep(wait)
        await self._open(seat)
        while lost and seat.wire is not None:
            if seat.standing:
                self.back.append(perf_counter() - seat.since)
                return
            await asyncio.sleep(0.02)

    @property
    def began(self) -> int:
        """How many seats have got as far as a place in the stream."""
        return sum(seat.position != NOWHERE for seat in self.seats)

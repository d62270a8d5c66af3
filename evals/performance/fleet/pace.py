"""Doing things when they are due, whether or not what was done before has been answered."""

from __future__ import annotations

import asyncio
import heapq
import random
from array import array
from collections.abc import Callable, Coroutine
from time import perf_counter
from typing import Any

Deed = Callable[[float], Coroutine[Any, Any, None] | None]
"""What is done; it is given the time (``perf_counter`` seconds) at which it was due."""

_EARLY = 0.0005


class Pace:
    """An open loop: each stream of deeds is a Poisson process of its own rate, by the seed."""

    def __init__(self, rng: random.Random) -> None:
        self.late: array[float] = array("f")
        """Seconds by which each deed was begun after it was due: the fleet's own slowness."""
        self._rng = rng
        self._streams: list[tuple[float, int, float, Deed]] = []
        self._under_way: set[asyncio.Task[None]] = set()
        self._failed: BaseException | None = None

    def add(self, rate: float, deed: Deed) -> None:
        """Add a stream of so many deeds a second; 0 is none."""
        if rate > 0:
            first = self._rng.expovariate(rate)
            self._streams.append((first, len(self._streams), rate, deed))

    async def run(self, seconds: float) -> None:
        """Do what is due for so many seconds; what is under way then goes on."""
        begun = perf_counter()
        streams = [(begun + due, number, rate, deed) for due, number, rate, deed in self._streams]
        heapq.heapify(streams)
        end = begun + seconds
        while streams and streams[0][0] < end:
            due, number, rate, deed = streams[0]
            now = perf_counter()
            if due > now + _EARLY:
                await asyncio.sleep(due - now)
                continue
            heapq.heapreplace(streams, (due + self._rng.expovariate(rate), number, rate, deed))
            self.late.append(max(0.0, now - due))
            work = deed(due)
            if work is not None:
                task = asyncio.get_running_loop().create_task(work)
                self._under_way.add(task)
                task.add_done_callback(self._done)
        await asyncio.sleep(max(0.0, end - perf_counter()))

    async def rest(self) -> None:
        """Wait until nothing is under way; raise what a deed raised, if one did."""
        while self._under_way:
            await asyncio.wait(tuple(self._under_way))
        if self._failed is not None:
            raise self._failed

    def _done(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and self._failed is None:
            self._failed = task.exception()

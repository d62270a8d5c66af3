"""Closing all sockets of a server that ends, so that they don't all come back at once."""

from __future__ import annotations

import asyncio
from itertools import chain

from .hub import RESTART, Hub

CLOSED_A_SECOND = 500.0
_STEP = 0.02


async def drain(hub: Hub, rate: float = CLOSED_A_SECOND) -> None:
    """Take no more sockets, and close those there are with 1012, one after another.

    At most ``rate`` a second are closed; where that would take longer than the delay that
    ``hello`` hints at, all of them within that delay, evenly.
    """
    hub.refuse()
    seats = tuple(chain.from_iterable(hub.listening()))
    over = min(hub.retry_ms / 1e3, len(seats) / rate)
    steps = max(1, round(over / _STEP))
    for step in range(steps):
        for seat in seats[step::steps]:
            hub.close(seat, RESTART)
        await asyncio.sleep(over / steps)

"""The tickets that wait for the writer, and which of them make a batch."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable

from .batch import Ticket

MOST_AT_ONCE = 1_024
MOST_DEFERRALS = 3
CALM = 4
"""So many turns of the event loop without a newcomer begin a batch."""


def together(tickets: list[Ticket]) -> tuple[list[Ticket], list[Ticket], bool]:
    """Return which tickets are tried now, which come after them, and whether they wait for locks.

    Where several servers write, a batch over many logs takes those that are free and waits for
    none: a server that stands still holds up its own rooms and not the others. For a log that was
    never free three times in a row its tickets wait, alone, so that everybody gets their turn.
    """
    late = next((ticket for ticket in tickets if ticket.deferred >= MOST_DEFERRALS), None)
    if late is not None and not late.alone:
        log = late.units[0][0]
        return (
            [ticket for ticket in tickets if ticket.units[0][0] == log],
            [ticket for ticket in tickets if ticket.units[0][0] != log],
            True,
        )
    several = len({log for ticket in tickets for log, _ in ticket.units}) > 1
    return tickets, [], not several or any(ticket.alone for ticket in tickets)


class Queue:
    """Tickets, the first come first."""

    def __init__(self) -> None:
        self._tickets: deque[Ticket] = deque()
        self._something = asyncio.Event()

    def __len__(self) -> int:
        return len(self._tickets)

    def put(self, ticket: Ticket) -> None:
        """Add a ticket behind the others."""
        self._tickets.append(ticket)
        self._something.set()

    def put_back(self, tickets: Iterable[Ticket]) -> None:
        """Put tickets before the others, in their order."""
        self._tickets.extendleft(reversed(list(tickets)))
        self._something.set()

    def wake(self) -> None:
        """Let :meth:`wait` return though nothing came."""
        self._something.set()

    async def wait(self) -> None:
        """Return once something may have come."""
        await self._something.wait()
        self._something.clear()

    async def take(self) -> list[Ticket]:
        """Return the tickets of the next batch; there must be one.

        Those who are at the door are let in: so long as more come, a later batch is a larger one.
        It costs one who comes alone a few turns of the event loop, and no time on any clock.
        """
        queue = self._tickets
        calm = 0
        while calm < CALM and len(queue) < MOST_AT_ONCE:
            queued = len(queue)
            await asyncio.sleep(0)
            calm = calm + 1 if len(queue) == queued else 0
        taken = [queue.popleft()]
        if not taken[0].alone:
            while queue and len(taken) < MOST_AT_ONCE and not queue[0].alone:
                taken.append(queue.popleft())
        return taken

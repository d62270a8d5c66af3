"""Ending connections whose peer begins a request and does not finish it.

The server below us has a limit of time between requests and none within one. Who opens many
connections and sends half a request on each would hold them for as long as they like.
"""

from __future__ import annotations

from collections.abc import Iterable

from .at_once import AtOnceProtocol

REQUEST_SECONDS = 20.0
"""So long may a request take from its first byte to its last; a body has 64 KiB at most."""


class HalfSent:
    """Looks at connections now and then, so that a request that is whole pays nothing for it."""

    def __init__(self, seconds: float = REQUEST_SECONDS) -> None:
        self._seconds = seconds
        self._since: dict[AtOnceProtocol, tuple[object, float]] = {}

    def look(self, connections: Iterable[object], now: float) -> None:
        """End those that have been waiting for the rest of one request for too long.

        ``now`` in seconds that never go back. An open connection on which nothing was ever sent
        counts as one; one between two requests has a limit of its own.
        """
        waiting: dict[AtOnceProtocol, tuple[object, float]] = {}
        for each in tuple(connections):
            if not isinstance(each, AtOnceProtocol) or not each.unfinished:
                continue
            cycle, since = self._since.get(each, (None, now))
            if cycle is not each.cycle:
                since = now
            if now - since >= self._seconds:
                each.give_up()
            else:
                waiting[each] = (each.cycle, since)
        self._since = waiting

"""Who writes down what happened when: answers, sockets, faults, and what should not have been."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from itertools import pairwise
from time import monotonic

import msgspec

from .schedule import Fault


class Happened(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A fault as it came about, in seconds from the beginning of the load."""

    fault: Fault
    begun: float
    ended: float = 0.0
    hit: int = -1
    """How many connections it hit, where it hits connections."""
    note: str = ""


class Recovery(msgspec.Struct, frozen=True, kw_only=True):
    """How long after a fault's end everything was as before; None where it never was in the run.

    ``acknowledged``: seconds until each server acknowledged something again. ``sockets``: until
    every socket stood. Faults that follow count in.
    """

    acknowledged: dict[str, float | None]
    sockets: float | None


class Witness:
    """The notebook of one run; all times are seconds from :meth:`begin`."""

    def __init__(self) -> None:
        self._zero = monotonic()
        self.acknowledged: dict[str, list[float]] = {}
        self.counts: Counter[str] = Counter()
        self.wrongs: list[str] = []
        self.happened: list[Happened] = []
        self.delays: list[tuple[float, float]] = []
        """Of each socket that came back: seconds without one, and the seconds hinted at."""
        self.carried: list[tuple[float, int]] = []
        """Of each command that a server put off: seconds from then to its receipt, and tries."""
        self._standing = 0
        self._expected = 0
        self._complete: list[tuple[float, bool]] = []

    def begin(self) -> None:
        """Let time begin."""
        self._zero = monotonic()

    @property
    def now(self) -> float:
        """Seconds from the beginning."""
        return monotonic() - self._zero

    def expect(self, sockets: int) -> None:
        """Say how many sockets stand when all is well."""
        self._expected = sockets

    def answered(self, server: str) -> None:
        """Note that a server acknowledged a command."""
        self.acknowledged.setdefault(server, []).append(self.now)

    def wrong(self, what: str) -> None:
        """Note what must not be; the run has failed."""
        self.counts["wrong"] += 1
        if len(self.wrongs) < 50:
            self.wrongs.append(f"{self.now:.1f} s: {what}")

    def socket(self, *, up: bool) -> None:
        """Note that a socket stands, or does not any more."""
        self._standing += 1 if up else -1
        complete = self._standing >= self._expected
        if not self._complete or self._complete[-1][1] != complete:
            self._complete.append((self.now, complete))

    @property
    def standing(self) -> int:
        """How many sockets stand."""
        return self._standing

    def recovery(self, happened: Happened, servers: tuple[str, ...]) -> Recovery:
        """Return how long it took until all was as before."""
        return Recovery(
            acknowledged={
                server: _after(self.acknowledged.get(server, []), happened.ended)
                for server in servers
            },
            sockets=self._sockets_back(happened.ended),
        )

    def silence(self) -> tuple[float, float]:
        """Return the longest time in which no server acknowledged anything: from when, how long."""
        times = sorted(at for each in self.acknowledged.values() for at in each)
        gaps = ((later - earlier, earlier) for earlier, later in pairwise([0.0, *times]))
        seconds, since = max(gaps, default=(0.0, 0.0))
        return round(since, 1), round(seconds, 1)

    def _sockets_back(self, since: float) -> float | None:
        complete = False
        for at, now in self._complete:
            if at > since and complete:
                return 0.0
            if at > since and now:
                return round(at - since, 2)
            complete = now
        return 0.0 if complete else None


def _after(times: list[float], since: float) -> float | None:
    place = bisect_left(times, since)
    return round(times[place] - since, 2) if place < len(times) else None

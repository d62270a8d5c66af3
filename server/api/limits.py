"""How often somebody may do something: token buckets behind a protocol, here in memory."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Protocol

from ..errors import TooMany

HOUR = 3600.0
_MOST_BUCKETS = 50_000


class Limits(Protocol):
    """Counts what is done, each kind and each person apart."""

    async def take(self, kind: str, who: str, per_hour: int) -> float:
        """Take one token; return 0.0, or the seconds until there is one again."""
        ...


class LocalLimits:
    """Token buckets in this process: each holds an hour's worth and fills evenly.

    ``clock`` gives seconds that never go back. Buckets that are full again are forgotten.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: dict[tuple[str, str], tuple[float, float, int]] = {}

    async def take(self, kind: str, who: str, per_hour: int) -> float:
        """Take one token; return 0.0, or the seconds until there is one again."""
        now = self._clock()
        tokens, at, _ = self._buckets.get((kind, who), (float(per_hour), now, per_hour))
        tokens = min(float(per_hour), tokens + (now - at) * per_hour / HOUR)
        if tokens < 1.0:
            self._buckets[kind, who] = (tokens, now, per_hour)
            return (1.0 - tokens) * HOUR / per_hour
        if len(self._buckets) >= _MOST_BUCKETS:
            self._forget_full(now)
        self._buckets[kind, who] = (tokens - 1.0, now, per_hour)
        return 0.0

    def _forget_full(self, now: float) -> None:
        for key, (tokens, at, rate) in list(self._buckets.items()):
            if tokens + (now - at) * rate / HOUR >= rate:
                del self._buckets[key]


async def within(limits: Limits, kind: str, who: str, per_hour: int, *, what: str) -> None:
    """Count one more of ``kind`` by ``who``; ``per_hour`` 0 means that there is no limit.

    Raises:
        TooMany: there were too many; ``what`` names them, such as "votes".
    """
    if per_hour <= 0:
        return
    wait = await limits.take(kind, who, per_hour)
    if wait > 0.0:
        raise TooMany(
            f"At most {per_hour} {what} an hour; please go on a little later.",
            retry_after=max(1, math.ceil(wait)),
        )

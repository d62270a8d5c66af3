"""Token buckets that all servers share, in Redis; each server's own where Redis doesn't answer."""

from __future__ import annotations

import asyncio
import random

from ..runtime.redis_client import Reachable, connect, end, goodbye, shown
from .limits import HOUR, Limits, LocalLimits

PATIENCE = 0.05
"""Nobody waits for Redis longer than so many seconds."""
FAILURES = 3
"""So many calls in a row that fail, and Redis is not asked before it has answered again."""
CONNECTING = 2.0
"""Seconds that it may take to connect, while nobody waits for it."""
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 15.0
MOST_AT_ONCE = 256

_TAKE = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local waits = {}
for i, key in ipairs(KEYS) do
  local most = tonumber(ARGV[i])
  local bucket = redis.call('HMGET', key, 'tokens', 'at')
  local tokens = tonumber(bucket[1]) or most
  local at = tonumber(bucket[2]) or now
  tokens = math.min(most, tokens + math.max(0, now - at) * most / 3600)
  local wait = 0
  if tokens < 1 then
    wait = (1 - tokens) * 3600 / most
  else
    tokens = tokens - 1
  end
  redis.call('HSET', key, 'tokens', string.format('%.6f', tokens), 'at', string.format('%.6f', now))
  redis.call('EXPIRE', key, math.ceil((most - tokens) * 3600 / most) + 1)
  waits[i] = string.format('%.6f', wait)
end
return waits
"""
"""Take a token from each bucket: it holds an hour's worth, fills evenly, and goes when full."""

_Waiting = tuple[str, int, "asyncio.Future[float]"]


class SharedLimits:
    """A :class:`~.limits.Limits` over Redis, which asks for all who come in one moment at once.

    Where Redis is slow or gone each server counts by itself, so that what somebody may do grows to
    the number of servers times the limit, and nobody waits or is refused for it.
    """

    def __init__(self, url: str, prefix: str, *, local: Limits | None = None) -> None:
        """``local`` counts where Redis doesn't.

        Raises:
            Invalid: ``url`` isn't an address of a Redis.
        """
        self._client = connect(url, timeout=CONNECTING)
        self._script = self._client.register_script(_TAKE)
        self._prefix = f"{prefix}:limit:"
        self._local = local or LocalLimits()
        self._reachable = Reachable(
            shown(url), "limits of how often somebody may do something count on each server apart."
        )
        self._queue: list[_Waiting] = []
        self._asking: asyncio.Task[None] | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._failures = 0
        self._pause = FIRST_PAUSE
        self.connected = False
        """Redis is asked; else it did not answer, and has not yet answered again."""
        self.failed_open = 0
        """How many were counted by this server alone, since Redis did not answer."""

    def start(self) -> None:
        """Begin to connect; until that is done this server counts alone."""
        self._connecting = asyncio.create_task(self._connect(0.0), name="folkmoot-limits")

    async def take(self, kind: str, who: str, per_hour: int) -> float:
        """Take one token; return 0.0, or the seconds until there is one again."""
        if self.connected:
            waiting: asyncio.Future[float] = asyncio.get_running_loop().create_future()
            self._queue.append((f"{self._prefix}{kind}:{who}", per_hour, waiting))
            if self._asking is None:
                self._asking = asyncio.create_task(self._ask())
            try:
                async with asyncio.timeout(PATIENCE):
                    return await waiting
            except TimeoutError:
                pass
        self.failed_open += 1
        return await self._local.take(kind, who, per_hour)

    async def close(self) -> None:
        """End; who is still waiting is counted here alone."""
        self.connected = False
        await end((self._asking, self._connecting))
        await goodbye(self._client)

    async def _connect(self, pause: float) -> None:
        """Connect, with the script at hand, so that nobody waits for that."""
        while True:
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - not all at once
            try:
                async with asyncio.timeout(CONNECTING):
                    await self._client.script_load(_TAKE)
            except Exception as error:  # noqa: BLE001 - whatever Redis does, we go on
                self._reachable.no(error)
                pause = self._pause
                self._pause = min(2 * self._pause, LONGEST_PAUSE)
            else:
                self.connected = True
                self._failures = 0
                return

    async def _ask(self) -> None:
        try:
            # Those who come in the same moment go along.
            await asyncio.sleep(0)
            while self._queue:
                some = self._queue[:MOST_AT_ONCE]
                del self._queue[:MOST_AT_ONCE]
                await self._take(some)
        finally:
            self._asking = None

    async def _take(self, some: list[_Waiting]) -> None:
        some = [each for each in some if not each[2].done()]
        if not some:
            return
        try:
            async with asyncio.timeout(2 * PATIENCE):
                waits = await self._script(
                    keys=[key for key, _, _ in some], args=[most for _, most, _ in some]
                )
            given = [min(max(0.0, float(wait)), HOUR) for wait in waits]
            answers = list(zip(some, given, strict=True))
        except Exception as error:  # noqa: BLE001 - whatever Redis does, we go on
            self._failed(error)
            for _, _, waiting in some:
                if not waiting.done():
                    waiting.set_exception(TimeoutError())
            return
        self._failures = 0
        self._pause = FIRST_PAUSE
        self._reachable.yes()
        for (_, _, waiting), wait in answers:
            if not waiting.done():
                waiting.set_result(wait)

    def _failed(self, error: Exception) -> None:
        self._failures += 1
        if self._failures == FAILURES:
            self.connected = False
            self._reachable.no(error)
            self._connecting = asyncio.create_task(self._connect(self._pause))
            self._pause = min(2 * self._pause, LONGEST_PAUSE)

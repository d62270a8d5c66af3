"""Who is in a room through which server, told through Redis, so that each can show the sum.

Each server keeps a set of its people for every room, which lasts a few seconds: a server that died
is gone with them. Without Redis each shows its own.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Collection, Mapping
from typing import Any

from ..ids import LogId, ParticipantId
from .redis_client import Reachable, connect, end, goodbye, shown

EVERY = 1.0
LASTS = 10
"""Seconds after which a server that says nothing has nobody in its rooms."""
PATIENCE = 2.0
_AT_ONCE = 100

_HERE = """
local room, server, lasts, fresh = KEYS[1], ARGV[1], tonumber(ARGV[2]), ARGV[3]
local own = room .. ':' .. server
if fresh == '1' then
  redis.call('DEL', own)
  for first = 4, #ARGV, 1000 do
    redis.call('SADD', own, unpack(ARGV, first, math.min(first + 999, #ARGV)))
  end
end
local now = tonumber(redis.call('TIME')[1])
local kept = redis.call('EXPIRE', own, lasts)
if kept == 1 then
  redis.call('ZADD', room, now + lasts, server)
else
  redis.call('ZREM', room, server)
end
redis.call('ZREMRANGEBYSCORE', room, '-inf', now - 1)
redis.call('EXPIRE', room, lasts)
local sets = {}
for _, each in ipairs(redis.call('ZRANGE', room, 0, -1)) do
  sets[#sets + 1] = room .. ':' .. each
end
if #sets == 0 then return {kept, 0} end
return {kept, #redis.call('SUNION', unpack(sets))}
"""
"""Say who is here, and return whether Redis knows it, and how many distinct people are anywhere."""

Here = Callable[[], Mapping[LogId, Collection[ParticipantId]]]
Elsewhere = Callable[[LogId, int], None]


class Presence:
    """Tells Redis once a second who is here, and this server's rooms how many are elsewhere."""

    def __init__(self, url: str, prefix: str, here: Here, elsewhere: Elsewhere) -> None:
        """``here()`` gives the people of this server by room; ``elsewhere`` takes the others.

        Raises:
            Invalid: ``url`` isn't an address of a Redis.
        """
        self._client = connect(url, timeout=PATIENCE)
        self._script = self._client.register_script(_HERE)
        self._prefix = f"{prefix}:here:"
        self._server = secrets.token_hex(8)
        self._here = here
        self._elsewhere = elsewhere
        self._said: dict[LogId, frozenset[ParticipantId]] = {}
        self._reachable = Reachable(
            shown(url), "each server counts only the people who look through itself."
        )
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; returns at once, whether Redis answers or not."""
        self._task = asyncio.create_task(self._run(), name="folkmoot-presence")

    async def close(self) -> None:
        """End; within a second the other servers know that nobody is here any more."""
        await end((self._task,))
        if self._reachable.now:
            try:
                async with asyncio.timeout(1.0):
                    await self._say({log: frozenset() for log in self._said})
            except Exception as error:  # noqa: BLE001 - it expires by itself
                self._reachable.no(error)
        await goodbye(self._client)

    async def _run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._say({log: frozenset(here) for log, here in self._here().items()})
                self._reachable.yes()
            except Exception as error:  # noqa: BLE001 - whatever Redis does, we go on
                self._reachable.no(error)
                for log in self._said:
                    self._elsewhere(log, 0)
                self._said.clear()
            await asyncio.sleep(EVERY)

    async def _say(self, here: Mapping[LogId, frozenset[ParticipantId]]) -> None:
        rooms = {**{log: frozenset[ParticipantId]() for log in self._said}, **here}
        logs = list(rooms)
        for start in range(0, len(logs), _AT_ONCE):
            some = logs[start : start + _AT_ONCE]
            pipeline = self._client.pipeline(transaction=False)
            for log in some:
                fresh = self._said.get(log) != rooms[log]
                said = ("1", *sorted(rooms[log])) if fresh else ("0",)
                await self._script(
                    keys=[self._prefix + log], args=[self._server, LASTS, *said], client=pipeline
                )
            for log, answer in zip(some, await pipeline.execute(), strict=True):
                self._take(log, rooms[log], answer)

    def _take(self, log: LogId, here: frozenset[ParticipantId], answer: Any) -> None:
        kept, everywhere = (int(each) for each in answer)
        if not here:
            self._said.pop(log, None)
            return
        if kept:
            self._said[log] = here
        else:
            # Redis has forgotten it: everybody is told again next time.
            self._said.pop(log, None)
        self._elsewhere(log, max(0, everywhere - len(here)) if kept else 0)

"""The doorbell of many servers: a channel of Redis on which each tells which logs have grown.

Redis forgets what nobody heard, so this only shortens a delay: each server looks at the heads of
its logs every two seconds anyway. Each also rings an empty ring now and then and waits for it to
come back, which tells at once whether speaking and hearing work.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections.abc import Callable
from contextlib import suppress

import msgspec

from ..ids import LogId
from .doorbell import Listener, Listeners, Missed
from .redis_client import Reachable, connect, end, goodbye, shown

BEAT = 0.5
"""Seconds between two rings, be there something to say or not."""
FRESH = 2.0
"""Who has heard nothing for so many seconds, own rings included, is not healthy."""
PATIENCE = 5.0
"""A call that takes so many seconds, or silence for so long, ends a connection."""
GATHER = 0.002
LONGEST_PAUSE = 5.0
FIRST_PAUSE = 0.1
MOST_WAITING = 10_000
MOST_AT_ONCE = 500
LONGEST_MESSAGE = 64 * 1024
LONGEST_ID = 64
MOST_SEQ = 2**53


class _Rings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What goes over the channel: who rings, and for each log the seq it has reached."""

    origin: str
    logs: dict[str, int] = {}


_decode = msgspec.json.Decoder(_Rings).decode
_encode = msgspec.json.Encoder().encode


class RedisDoorbell:
    """A doorbell through Redis. It never waits, holds little, and comes back by itself for ever."""

    def __init__(self, url: str, prefix: str) -> None:
        """``prefix`` begins the channel's name, where others use the same Redis.

        Raises:
            Invalid: ``url`` isn't an address of a Redis.
        """
        self._client = connect(url, timeout=PATIENCE)
        self._channel = f"{prefix}:bell"
        self._origin = secrets.token_hex(8)
        self._listeners = Listeners()
        self._reachable = Reachable(
            shown(url), "what happens at other servers is shown up to two seconds later."
        )
        self._waiting: dict[LogId, int] = {}
        self._something = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._heard_at: float | None = None
        self._lost = False
        self.rung = 0
        """Rings that were sent."""
        self.heard = 0
        """Rings of other processes that were heard."""
        self.ignored = 0
        """Messages that were none of ours, or not to be believed."""
        self.reconnects = 0
        """How often a connection had to be made again."""

    def start(self) -> None:
        """Begin to speak and to hear; returns at once, whether Redis answers or not."""
        self._tasks = [
            asyncio.create_task(self._hear_on(), name="folkmoot-bell-hears"),
            asyncio.create_task(self._speak_on(), name="folkmoot-bell-speaks"),
        ]

    async def close(self) -> None:
        """Say what is still to be said, if Redis takes it within a second, and end."""
        await end(self._tasks)
        if self._waiting and self._reachable.now is not False:
            try:
                async with asyncio.timeout(1.0):
                    await self._speak()
            except Exception as error:  # noqa: BLE001 - the others look by themselves
                self._reachable.no(error)
        await goodbye(self._client)

    @property
    def healthy(self) -> bool:
        """What other processes ring is heard here now."""
        return self.age < FRESH

    @property
    def age(self) -> float:
        """Seconds since something was heard, own rings included; infinite before the first."""
        return float("inf") if self._heard_at is None else time.monotonic() - self._heard_at

    def ring(self, log: LogId, seq: int) -> None:
        """Say soon that ``log`` has reached ``seq``; of several seqs the last is said."""
        waiting = self._waiting
        if log not in waiting and len(waiting) >= MOST_WAITING:
            # Redis has been away for long; the others have looked by themselves.
            del waiting[next(iter(waiting))]
        waiting[log] = max(seq, waiting.get(log, 0))
        self._something.set()

    def listen(self, listener: Listener, missed: Missed | None = None) -> Callable[[], None]:
        """Call ``listener`` for every ring of another process; returns what ends that.

        ``missed`` is called when the connection was lost and is there again.
        """
        return self._listeners.add(listener, missed)

    async def _speak_on(self) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                async with asyncio.timeout(BEAT):
                    await self._something.wait()
                # What is rung in the next moment goes along.
                await asyncio.sleep(GATHER)
            except TimeoutError:
                pass
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._speak()
            except Exception as error:  # noqa: BLE001 - whatever Redis does, we go on
                self._reachable.no(error)
                await asyncio.sleep(_jittered(pause))
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                pause = FIRST_PAUSE

    async def _speak(self) -> None:
        waiting = self._waiting
        said = {log: waiting.pop(log) for log in list(waiting)[:MOST_AT_ONCE]}
        self._something.clear()
        rings = _Rings(self._origin, {str(log): seq for log, seq in said.items()})
        try:
            await self._client.publish(self._channel, _encode(rings))
        except BaseException:
            for log, seq in said.items():
                waiting[log] = max(seq, waiting.get(log, 0))
            raise
        self.rung += len(said)
        if waiting:
            self._something.set()

    async def _hear_on(self) -> None:
        pause = FIRST_PAUSE
        while True:
            began = time.monotonic()
            try:
                await self._hear_once()
            except Exception as error:  # noqa: BLE001 - whatever Redis does, we go on
                self._reachable.no(error)
            self._lost = True
            self.reconnects += 1
            # What we speak through may lead to the same nowhere.
            with suppress(Exception):
                await self._client.connection_pool.disconnect()
            if time.monotonic() - began > 2 * PATIENCE:
                pause = FIRST_PAUSE
            await asyncio.sleep(_jittered(pause))
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _hear_once(self) -> None:
        """Subscribe and hear until that fails."""
        subscription = self._client.pubsub(ignore_subscribe_messages=True)
        try:
            async with asyncio.timeout(PATIENCE):
                await subscription.subscribe(self._channel)
            last = time.monotonic()
            while True:
                async with asyncio.timeout(PATIENCE):
                    message = await subscription.get_message(timeout=1.0)
                if message is not None and self._take(message.get("data")):
                    last = time.monotonic()
                elif time.monotonic() - last > PATIENCE:
                    raise TimeoutError
        finally:
            await goodbye(subscription)

    def _take(self, data: object) -> bool:
        """Hear a message; False where it is none."""
        rings = _read(data)
        if rings is None:
            self.ignored += 1
            return False
        self._heard_at = time.monotonic()
        self._reachable.yes()
        if self._lost:
            self._lost = False
            self._listeners.missed()
        if rings.origin != self._origin:
            for log, seq in rings.logs.items():
                self.heard += 1
                self._listeners.hear(LogId(log), seq)
        return True


def _read(data: object) -> _Rings | None:
    if not isinstance(data, bytes) or len(data) > LONGEST_MESSAGE:
        return None
    try:
        rings = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if any(len(log) > LONGEST_ID or not 0 < seq < MOST_SEQ for log, seq in rings.logs.items()):
        return None
    return rings


def _jittered(pause: float) -> float:
    return pause * random.uniform(0.5, 1.5)  # noqa: S311 - so that servers don't come all at once

"""A connection to Redis (or Valkey): what several servers tell each other through.

Nothing that must last is kept there. Whoever asks it bounds each call in time and goes on without.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from ..errors import Invalid

CLOSING = 1.0
"""Seconds that saying goodbye may take."""
_ONCE_MORE = 0.1
_logger = logging.getLogger(__name__)


def connect(url: str, *, timeout: float, connections: int = 4) -> Redis:
    """Return a client that connects when it is first used; ``timeout`` in seconds a call.

    It tries nothing again by itself.

    Raises:
        Invalid: it isn't an address of a Redis.
    """
    try:
        client: Redis = Redis.from_url(
            url,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 0),
            max_connections=connections,
            protocol=2,
        )
    except (ValueError, TypeError, AttributeError):
        raise Invalid(
            "FOLKMOOT_REDIS_URL must be an address such as redis://127.0.0.1:6379/0 "
            "(rediss:// with TLS, unix:// for a socket).",
            field="FOLKMOOT_REDIS_URL",
        ) from None
    return client


def shown(url: str) -> str:
    """Return where a Redis is, without user or password."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return parts.path
    try:
        return f"{parts.hostname or 'localhost'}:{parts.port or 6379}"
    except ValueError:
        return "its address"


async def goodbye(closing: Any) -> None:
    """Close a client or subscription, within a second and whatever it says."""
    with suppress(Exception):
        async with asyncio.timeout(CLOSING):
            await closing.aclose()


async def end(tasks: Iterable[asyncio.Task[None] | None]) -> None:
    """Cancel tasks that speak to Redis until each has ended, and return then.

    Once is not enough: where a call meets its limit of time or loses its connection in the same
    moment, the client may take the cancellation for that, and its caller goes on.
    """
    left = {task for task in tasks if task is not None and not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_ONCE_MORE)


class Reachable:
    """Whether Redis answers one of its users, said once a change and not once a call."""

    def __init__(self, where: str, without: str) -> None:
        """``without`` says what it means that Redis is gone."""
        self._where = where
        self._without = without
        self.now: bool | None = None

    def yes(self) -> None:
        """It answered."""
        if self.now is False:
            _logger.warning("Redis at %s answers again", self._where)
        self.now = True

    def no(self, error: Exception) -> None:
        """It didn't; what it said may be anything and is not repeated."""
        if self.now is not False:
            _logger.warning(
                "Redis at %s does not answer as it should (%s): %s",
                self._where,
                type(error).__name__,
                self._without,
            )
        self.now = False

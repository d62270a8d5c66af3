"""Whoever speaks to Redis ends when told to, though a client took the first word for another."""

from __future__ import annotations

import asyncio

from server.runtime.redis_client import end


async def test_a_cancellation_that_was_taken_for_a_timeout_comes_again() -> None:
    taken = 0

    async def speaks() -> None:
        nonlocal taken
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                taken += 1
                if taken == 3:
                    raise

    ended = asyncio.create_task(asyncio.sleep(0))
    tasks = (asyncio.create_task(speaks()), None, ended)
    await asyncio.sleep(0.01)
    async with asyncio.timeout(5):
        await end(tasks)
    assert taken == 3

"""Limits that servers share: one bucket for all, and each its own where Redis is gone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import redis.asyncio

from server.api import shared_limits
from server.api.limits import HOUR, LocalLimits
from server.api.shared_limits import SharedLimits

from .houses import until
from .redis_server import babble, free_port, own_redis

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a Redis that is there, however busy the machine is: these tests are of counting."""
    monkeypatch.setattr(shared_limits, "PATIENCE", 10.0)


@asynccontextmanager
async def two(at: tuple[str, str]) -> AsyncIterator[tuple[SharedLimits, SharedLimits]]:
    first, second = SharedLimits(*at), SharedLimits(*at)
    for each in (first, second):
        each.start()
    await until(lambda: first.connected and second.connected)
    try:
        yield first, second
    finally:
        await first.close()
        await second.close()


@pytest.mark.usefixtures("patient")
async def test_two_servers_count_together(redis_at: tuple[str, str]) -> None:
    async with two(redis_at) as both:
        waits = [await both[n % 2].take("votes", "p1", 10) for n in range(12)]
        assert waits[:10] == [0.0] * 10
        assert all(0 < wait <= HOUR / 10 for wait in waits[10:])
        assert await both[0].take("votes", "p2", 10) == 0.0
        assert await both[0].take("joins", "p1", 10) == 0.0
        assert both[0].failed_open == both[1].failed_open == 0


@pytest.mark.usefixtures("patient")
async def test_it_answers_as_the_local_buckets_do(redis_at: tuple[str, str]) -> None:
    local = LocalLimits()
    async with two(redis_at) as (shared, _):
        for n in range(40):
            per_hour = (3, 30)[n % 2]
            wanted = await local.take("k", f"w{per_hour}", per_hour)
            assert await shared.take("k", f"w{per_hour}", per_hour) == pytest.approx(wanted, abs=1)


@pytest.mark.usefixtures("patient")
async def test_many_at_once_take_no_token_twice(redis_at: tuple[str, str]) -> None:
    async with two(redis_at) as both:
        waits = await asyncio.gather(*(both[n % 2].take("votes", "p", 50) for n in range(400)))
        assert sum(wait == 0.0 for wait in waits) == 50


@pytest.mark.usefixtures("patient")
async def test_a_bucket_that_is_full_again_is_forgotten(redis_at: tuple[str, str]) -> None:
    url, prefix = redis_at
    async with two(redis_at) as (shared, _), redis.asyncio.Redis.from_url(url) as client:
        await shared.take("votes", "p", 3_600)
        assert 1 <= await client.ttl(f"{prefix}:limit:votes:p") <= 3


async def test_without_redis_each_counts_alone_and_nobody_waits() -> None:
    shared = SharedLimits(f"redis://127.0.0.1:{free_port()}/0", "t")
    shared.start()
    began = time.monotonic()
    waits = [await shared.take("votes", "p", 10) for _ in range(500)]
    assert time.monotonic() - began < 2.0
    assert [wait == 0.0 for wait in waits] == [True] * 10 + [False] * 490
    assert shared.failed_open == 500
    await shared.close()


@pytest.mark.faults
async def test_a_frozen_redis_costs_little_and_is_used_again(tmp_path: Path) -> None:
    with own_redis(tmp_path) as server:
        async with two((server.url, "t")) as (shared, _):
            assert await shared.take("votes", "p", 10_000) == 0.0
            server.freeze()
            began = time.monotonic()
            for _ in range(200):
                assert await shared.take("votes", "p", 10_000) == 0.0
            assert time.monotonic() - began < 2.0
            assert shared.failed_open == 200
            server.thaw()
            async with asyncio.timeout(20):
                while shared.failed_open:
                    shared.failed_open = 0
                    await shared.take("votes", "p", 10_000)
                    await asyncio.sleep(0.1)


@pytest.mark.parametrize("said", [b"garbage\r\n", b"*1\r\n$3\r\nabc\r\n", b"+OK\r\n", b":-1\r\n"])
async def test_garbage_lets_people_through(said: bytes) -> None:
    port = free_port()
    server = await babble(port, said)
    shared = SharedLimits(f"redis://127.0.0.1:{port}/0", "t")
    shared.start()
    await asyncio.sleep(0.3)
    waits = [await shared.take("votes", "p", 10) for _ in range(20)]
    assert [wait == 0.0 for wait in waits] == [True] * 10 + [False] * 10
    assert shared.failed_open == 20
    await asyncio.sleep(1.2)
    assert await shared.take("joins", "p", 10) == 0.0
    await shared.close()
    server.close()

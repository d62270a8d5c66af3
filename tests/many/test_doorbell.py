"""The doorbell through Redis: heard by the others, once, whatever else goes over the channel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import redis.asyncio

from server.errors import Invalid
from server.ids import LogId
from server.runtime.redis_doorbell import MOST_WAITING, RedisDoorbell

from .houses import until
from .redis_server import free_port

pytestmark = pytest.mark.timeout(60)
LOG, OTHER = LogId("a" * 17), LogId("b" * 17)

NONSENSE = (
    b"",
    b"garbage",
    b"\xff\xfe",
    b"[]",
    b'{"origin":1}',
    b'{"origin":"x","logs":{"a":0}}',
    b'{"origin":"x","logs":{"a":-5}}',
    b'{"origin":"x","logs":{"a":"5"}}',
    b'{"origin":"x","logs":{"a":1e300}}',
    b'{"origin":"x","logs":{"a":9007199254740993}}',
    b'{"origin":"x","logs":{"a":1},"more":2}',
    b'{"origin":"x","logs":{"' + b"a" * 65 + b'":1}}',
    b'{"origin":"x","logs":{"a":' + b"1" * 70_000 + b"}}",
    b'{"origin":' + b"[" * 5_000,
)


@asynccontextmanager
async def bells(at: tuple[str, str], count: int = 2) -> AsyncIterator[list[RedisDoorbell]]:
    async with AsyncExitStack() as stack:
        made = [RedisDoorbell(*at) for _ in range(count)]
        for bell in made:
            bell.start()
            stack.push_async_callback(bell.close)
        await until(lambda: all(bell.healthy for bell in made))
        yield made


async def test_others_hear_the_last_seq_and_nobody_hears_themselves(
    redis_at: tuple[str, str],
) -> None:
    async with bells(redis_at, 3) as (mine, *others):
        own: list[tuple[LogId, int]] = []
        heard: list[list[tuple[LogId, int]]] = [[], []]
        mine.listen(lambda log, seq: own.append((log, seq)))
        for bell, into in zip(others, heard, strict=True):
            bell.listen(lambda log, seq, into=into: into.append((log, seq)))
        for seq in range(1, 501):
            mine.ring(LOG, seq)
        mine.ring(OTHER, 9)
        await until(lambda: all((OTHER, 9) in each for each in heard))
        for each in heard:
            assert each[-2:] == [(LOG, 500), (OTHER, 9)]
            assert len(each) <= 4
        await asyncio.sleep(0.05)
        assert own == []
        assert mine.rung <= 4


async def test_nonsense_is_ignored_and_counted(redis_at: tuple[str, str]) -> None:
    url, prefix = redis_at
    async with bells(redis_at) as (mine, other):
        heard: list[tuple[LogId, int]] = []
        mine.listen(lambda log, seq: heard.append((log, seq)))
        async with redis.asyncio.Redis.from_url(url) as client:
            for each in NONSENSE:
                await client.publish(f"{prefix}:bell", each)
        other.ring(LOG, 7)
        await until(lambda: heard)
        assert heard == [(LOG, 7)]
        assert mine.ignored == len(NONSENSE)
        assert mine.healthy


async def test_a_listener_that_fails_keeps_nobody_from_hearing(redis_at: tuple[str, str]) -> None:
    async with bells(redis_at) as (mine, other):
        heard: list[int] = []

        def fails(log: LogId, seq: int) -> None:
            raise RuntimeError

        mine.listen(fails)
        end = mine.listen(lambda _, seq: heard.append(seq))
        other.ring(LOG, 1)
        await until(lambda: heard == [1])
        end()
        other.ring(LOG, 2)
        await until(lambda: mine.heard == 2)
        assert heard == [1]


async def test_where_there_is_no_redis_it_rings_on_and_holds_little() -> None:
    bell = RedisDoorbell(f"redis://127.0.0.1:{free_port()}/0", "t")
    bell.start()
    for n in range(MOST_WAITING + 5_000):
        bell.ring(LogId(f"l{n}"), n + 1)
    await asyncio.sleep(0.3)
    assert len(bell._waiting) == MOST_WAITING
    assert LogId("l0") not in bell._waiting
    assert not bell.healthy
    assert bell.age == float("inf")
    async with asyncio.timeout(3):
        await bell.close()


async def test_what_was_rung_last_is_said_before_the_end(redis_at: tuple[str, str]) -> None:
    async with bells(redis_at, 1) as (mine,):
        heard: list[int] = []
        mine.listen(lambda _, seq: heard.append(seq))
        short = RedisDoorbell(*redis_at)
        short.start()
        short.ring(LOG, 3)
        await short.close()
        await until(lambda: heard == [3])


@pytest.mark.parametrize("url", ["http://x", "redis//", "nothing", "redis://h:port/0"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(Invalid) as told:
        RedisDoorbell(url, "t")
    assert told.value.field == "FOLKMOOT_REDIS_URL"


async def test_the_password_is_not_repeated(caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()
    bell = RedisDoorbell(f"redis://folk:hush-hush@127.0.0.1:{port}/0", "t")
    bell.start()
    await until(lambda: "does not answer" in caplog.text)
    await bell.close()
    assert f"127.0.0.1:{port}" in caplog.text
    assert "hush" not in caplog.text

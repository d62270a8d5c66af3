"""Redis stopped, frozen, restarted, or something else in its place: delay, and nothing else."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from server.deliberation.vocabulary import Choice
from server.runtime import redis_doorbell
from server.runtime.redis_doorbell import RedisDoorbell
from tests.runtime.house import ALOG, RLOG, admit, found, key, vote, write

from .houses import equal, two_houses, until
from .redis_server import babble, own_redis

pytestmark = [pytest.mark.timeout(120), pytest.mark.faults]

GARBAGE = (
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
    b"$9999999999\r\n",
    b"\xff\x00\x80:1\r\n",
    b"+OK\r\n",
)


async def test_a_redis_that_stops_in_the_middle_costs_no_command(
    postgres_url: str, tmp_path: Path
) -> None:
    with own_redis(tmp_path) as redis:
        async with two_houses(postgres_url, (redis.url, "t")) as both:
            first, second = (one.house for one in both)
            await found(first)
            people = await admit(first, 10)
            statements = [await write(second, people[n], f"Statement {n}") for n in range(5)]
            sockets = [await one.sit(RLOG, f"w{n}") for n, one in enumerate(both)]
            chance = random.Random(3)
            todo = iter(range(2_000))
            seqs: list[int] = []

            async def work() -> None:
                for n in todo:
                    if n == 600:
                        redis.stop()
                    if n == 1_400:
                        redis.start()
                    who = chance.choice(people)
                    house = chance.choice((first, second))
                    if n % 50 == 0:
                        await write(house, who, f"Another {n}")
                    command = vote(chance.choice(statements), chance.choice(list(Choice)))
                    done = await house.submit(RLOG, command, who, key=key(who, f"k{n}"))
                    seqs.append(done.seq)

            await asyncio.gather(*(work() for _ in range(32)))
            assert len(set(seqs)) == 2_000
            await equal(both, RLOG, ALOG)
            await until(lambda: all(one.bell.healthy for one in both), 15.0)
            await write(first, people[0], "The last")
            last = (await first.room(RLOG)).seq
            await until(lambda: all(s.events and s.events[-1]["seq"] == last for s in sockets))
            for socket in sockets:
                socket.check()


async def test_a_frozen_redis_is_noticed_and_comes_back(postgres_url: str, tmp_path: Path) -> None:
    with own_redis(tmp_path) as redis:
        async with two_houses(postgres_url, (redis.url, "t")) as both:
            first, second = (one.house for one in both)
            await found(first)
            (person,) = await admit(first, 1)
            socket = await both[1].sit(RLOG)
            redis.freeze()
            statement = await write(first, person, "While it is frozen")
            await until(lambda: socket.events, 4.0)
            await until(lambda: not any(one.bell.healthy for one in both), 5.0)
            assert statement in (await second.room(RLOG)).statements
            redis.thaw()
            await until(lambda: all(one.bell.healthy for one in both), 20.0)
            await equal(both, RLOG)


@pytest.mark.parametrize("said", GARBAGE)
async def test_garbage_where_a_redis_should_be(
    said: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_doorbell, "PATIENCE", 1.5)
    with own_redis(tmp_path) as redis:
        redis.stop()
        server = await babble(redis.port, said)
        bell = RedisDoorbell(redis.url, "t")
        heard: list[object] = []
        bell.listen(lambda log, seq: heard.append((log, seq)))
        bell.start()
        try:
            for n in range(20_000):
                bell.ring(ALOG if n % 2 else RLOG, n + 1)
            await asyncio.sleep(1.0)
            assert not bell.healthy
            assert not heard
            server.close()
            # Those who are connected are let go, as when it is replaced by the real one.
            await asyncio.sleep(0)
            redis.start()
            await until(lambda: bell.healthy, 20.0)
        finally:
            await bell.close()
            server.close()

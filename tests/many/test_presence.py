"""Who is in a room, over all servers: each person once, and a dead server's people not for long."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from server.ids import LogId, ParticipantId
from server.runtime import presence
from server.runtime.presence import Presence

from .houses import until
from .redis_server import own_redis

pytestmark = pytest.mark.timeout(60)
ROOM = LogId("r" * 17)


@dataclass
class Place:
    """A server's rooms, as presence sees them."""

    people: dict[LogId, set[ParticipantId]] = field(default_factory=dict)
    others: dict[LogId, int] = field(default_factory=dict)

    def sits(self, *names: str) -> None:
        self.people[ROOM] = {ParticipantId(name) for name in names}

    @property
    def shown(self) -> int:
        return len(self.people.get(ROOM, ())) + self.others.get(ROOM, 0)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "EVERY", 0.02)
    monkeypatch.setattr(presence, "LASTS", 2)


@asynccontextmanager
async def places(
    at: tuple[str, str], count: int
) -> AsyncIterator[tuple[list[Place], list[Presence]]]:
    async with AsyncExitStack() as stack:
        made = [Place() for _ in range(count)]
        tellers = [
            Presence(*at, lambda one=one: one.people, one.others.__setitem__)  # type: ignore[misc]
            for one in made
        ]
        for teller in tellers:
            teller.start()
            stack.push_async_callback(teller.close)
        yield made, tellers


async def test_each_person_counts_once(redis_at: tuple[str, str]) -> None:
    async with places(redis_at, 2) as ((one, two), _):
        one.sits("ann", "ben")
        two.sits("ben", "cleo", "dan")
        await until(lambda: one.shown == two.shown == 4)
        one.sits("ann")
        two.sits("ann")
        await until(lambda: one.shown == two.shown == 1)
        one.sits(*(f"p{n}" for n in range(3_000)))
        await until(lambda: two.shown == 3_001)
        del one.people[ROOM]
        await until(lambda: two.shown == 1)


async def test_who_stops_is_gone_at_once_and_who_dies_soon(redis_at: tuple[str, str]) -> None:
    async with places(redis_at, 3) as ((one, two, three), tellers):
        for n, each in enumerate((one, two, three)):
            each.sits(f"p{n}")
        await until(lambda: one.shown == 3)
        await tellers[1].close()
        await until(lambda: one.shown == 2, 1.0)
        task = tellers[2]._task
        assert task is not None
        task.cancel()
        await until(lambda: one.shown == 1, 5.0)


async def test_without_redis_each_shows_its_own(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with own_redis(tmp_path) as server:
        async with places((server.url, "t"), 2) as ((one, two), _):
            one.sits("ann")
            two.sits("ben")
            await until(lambda: one.shown == two.shown == 2)
            server.stop()
            await until(lambda: one.shown == two.shown == 1)
            assert caplog.text.count("does not answer") == 2
            server.start()
            await until(lambda: one.shown == two.shown == 2)

"""Houses side by side on one PostgreSQL: what two servers are, without their HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from server.deliberation.assembly import AssemblyState
from server.deliberation.comparison import first_difference, picture
from server.deliberation.room import RoomState
from server.deliberation.views import Viewer
from server.deliberation.vocabulary import Role
from server.ids import LogId, ParticipantId
from server.runtime.doorbell import Doorbell, LocalDoorbell
from server.runtime.hub import Hub, Line
from server.runtime.ports import SystemChance, SystemClock
from server.runtime.redis_doorbell import RedisDoorbell
from server.runtime.ring import Message
from server.runtime.writer import House
from server.store import log as store
from server.store.database import Database
from server.store.replay import replay


@dataclass
class Socket:
    """A peer that reads at once, and keeps all it was sent."""

    frames: list[dict[str, Any]] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)

    async def send(self, message: Message) -> None:
        self.frames.append(json.loads(message["text"]))

    @property
    def events(self) -> list[dict[str, Any]]:
        return [frame for frame in self.frames if "prev" in frame]

    def latest(self, kind: str) -> dict[str, Any]:
        return next(frame for frame in reversed(self.frames) if frame["type"] == kind)

    def check(self) -> list[int]:
        """Check that each event came once, in order, after the one it says; return the seqs."""
        seqs = [frame["seq"] for frame in self.events]
        assert [frame["prev"] for frame in self.events] == [self.frames[0]["seq"], *seqs[:-1]]
        assert seqs == sorted(set(seqs))
        return seqs


@dataclass
class One:
    """A house with its hub, as a server has them."""

    house: House
    hub: Hub
    database: Database
    bell: Doorbell

    async def sit(
        self, room: LogId, person: str = "watcher", *, after: int | None = None
    ) -> Socket:
        socket = Socket()
        viewer = Viewer(ParticipantId(person), Role.PARTICIPANT)
        await self.hub.join(room, viewer, after, Line(socket.send, socket.closed.append))
        return socket


class Late:
    """The house's rooms for its hub, which is there first."""

    house: House

    async def room(self, log: LogId) -> RoomState:
        return await self.house.room(log)

    async def look(self, *logs: LogId) -> None:
        await self.house.look(*logs)


@asynccontextmanager
async def one_house(url: str, bell: Doorbell | None = None) -> AsyncIterator[One]:
    """Open a house at ``url``; a doorbell through Redis is started and closed with it."""
    late = Late()
    hub = Hub(late)
    bell = bell or LocalDoorbell()
    database = Database.open(url)
    house = House(database, clock=SystemClock(), chance=SystemChance(), doorbell=bell)
    late.house = house
    house.attach(hub)
    if isinstance(bell, RedisDoorbell):
        bell.start()
    await house.start()
    try:
        yield One(house, hub, database, bell)
    finally:
        hub.stop()
        await house.stop()
        if isinstance(bell, RedisDoorbell):
            await bell.close()
        database.close()


@asynccontextmanager
async def two_houses(url: str, redis: tuple[str, str] | None = None) -> AsyncIterator[list[One]]:
    """Open two houses on one database, which ring at each other through Redis, or not at all."""
    async with AsyncExitStack() as stack:
        both = [
            await stack.enter_async_context(
                one_house(url, RedisDoorbell(*redis) if redis is not None else None)
            )
            for _ in range(2)
        ]
        if redis is not None:
            await until(lambda: all(one.bell.healthy for one in both))
        yield both


async def until(holds: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - nobody tells that a view has changed
            await asyncio.sleep(0.005)


async def equal(both: list[One], *logs: LogId) -> None:
    """Check that both houses have what the log says, and the log is whole."""
    for log in logs:
        found = await both[0].database.reading(replay, log)
        assert found.difference is None
        records = await both[0].database.reading(store.records, log)
        assert [each.seq for each in records] == list(range(1, found.events + 1))
        states = [await _state(one.house, log) for one in both]
        await until(lambda states=states, seq=found.events: all(s.seq == seq for s in states))
        mine, other = (picture(state) for state in states)
        assert first_difference(mine, other) is None


async def _state(house: House, log: LogId) -> RoomState | AssemblyState:
    return await (house.room(log) if log.startswith("r") else house.assembly(log))


__all__ = ["One", "Socket", "equal", "one_house", "two_houses", "until"]

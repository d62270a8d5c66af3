"""What goes wrong around two servers is told to the operator, and heals without a loss."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from evals.faults.checking import Found, _all, check_logs, check_servers
from evals.faults.cluster import Cluster, services_for
from evals.faults.crowd import Crowd
from evals.faults.proxy import HOST
from evals.faults.schedule import Shape
from evals.faults.services import Postgres, folder_of_ones_own, missing
from evals.faults.town import Town, build
from evals.faults.witness import Witness
from server.runtime.house import open_house

pytestmark = [
    pytest.mark.faults,
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing()), reason=missing() or "all is there"),
    pytest.mark.timeout(280),
]

SHAPE = Shape(servers=("server-1", "server-2"))
ROLE, PASSWORD = "folkmoot_app", "a-password"
AN_HOUR = 3_600.0
DATABASE = "weather"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder through which PostgreSQL's user may pass."""
    with folder_of_ones_own() as own:
        yield own


@dataclass
class Work:
    """Two servers at work for a crowd."""

    cluster: Cluster
    postgres: Postgres
    town: Town
    crowd: Crowd
    witness: Witness

    async def goes_on(self, patience: float = 30.0) -> None:
        """Wait until each server has acknowledged something more."""
        before = {server: self._count(server) for server in SHAPE.servers}
        async with asyncio.timeout(patience):
            while any(self._count(server) < before[server] + 3 for server in SHAPE.servers):
                self.crowd.look()
                await asyncio.sleep(0.1)

    def _count(self, server: str) -> int:
        return len(self.witness.acknowledged.get(server, ()))

    async def said(self, sentence: str, *servers: str, since: dict[str, int] | None = None) -> None:
        """Wait until these servers have told their operator so, after what they had said before."""
        async with asyncio.timeout(30):
            for server in servers or SHAPE.servers:
                node = self.cluster.nodes[server]
                start = (since or {}).get(server, 0)
                while sentence not in node.said()[start:]:  # noqa: ASYNC110 - a file grows
                    await asyncio.sleep(0.1)

    def mark(self) -> dict[str, int]:
        """Return how much each server has said until now."""
        return {server: len(self.cluster.nodes[server].said()) for server in SHAPE.servers}

    async def status(self, method: str, path: str, body: bytes = b"") -> set[int]:
        """Return how both servers answer somebody."""
        person = self.crowd.members[-1]
        room = f"/api/rooms/{person.room}{path}"
        return {
            (await person.caller.ask(door, method, room, body, patience=15)).status
            for door in self.cluster.doors
        }


@asynccontextmanager
async def at_work(folder: Path) -> AsyncIterator[Work]:
    """Two servers with a role that needs a password; the second one's clock is an hour ahead."""
    async with services_for(SHAPE, folder) as services, AsyncExitStack() as stack:
        assert services.postgres is not None
        await services.postgres.ask_for_password(ROLE, PASSWORD)
        cluster = Cluster(
            SHAPE,
            folder,
            services,
            DATABASE,
            user=f"{ROLE}:{PASSWORD}",
            clocks={"server-2": AN_HOUR},
        )
        await cluster.make_database()
        await cluster.command("migrate", "--grant", ROLE)
        town = await build(cluster.settings, 0, 1)
        await cluster.start(stack)
        witness = Witness()
        crowd = Crowd(town, cluster.doors, witness, people=12, pace=0.4, seed=1)
        stack.push_async_callback(crowd.go)
        await crowd.come_in()
        witness.begin()
        crowd.begin()
        yield Work(cluster, services.postgres, town, crowd, witness)


async def test_what_goes_wrong_around_servers_is_told_and_heals(folder: Path) -> None:
    async with at_work(folder) as work:
        await work.goes_on()
        await work.said("This machine's clock is 3600", "server-2")
        await _redis_answers_garbage(work)
        await _the_database_takes_no_writes(work)
        await _the_disk_is_full(work)
        await _the_password_expires(work)
        calm = await work.crowd.calm(20.0)
        found = Found()
        assert None not in calm.values(), calm
        await check_servers(work.crowd.everybody, work.cluster.direct, found, patience=5.0)
        await check_logs(work.cluster, work.town, work.crowd.everybody, found)
        assert found.wrongs == []
        assert work.witness.wrongs == []
        assert work.cluster.ended_by_themselves() == []
        await _all_events_have_one_time(work)
        for server in SHAPE.servers:
            assert PASSWORD not in work.cluster.nodes[server].said()
            assert await work.cluster.nodes[server].stop() == 0


async def _redis_answers_garbage(work: Work) -> None:
    async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.read(4096):
                writer.write(b"\x00HTTP/1.1 200 OK\r\n$-7\r\n*99999999\r\n:x\r\n" * 3)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    assert work.cluster.services.redis is not None
    server = await asyncio.start_server(garbage, HOST, 0)
    mark = work.mark()
    ways = [work.cluster.ways[f"{name}/redis"] for name in SHAPE.servers]
    for way in ways:
        way.lead(server.sockets[0].getsockname()[1])
    await work.said("does not answer as it should", since=mark)
    await work.goes_on()
    mark = work.mark()
    for way in ways:
        way.lead(work.cluster.services.redis.port)
    server.close()
    await work.said("answers again", since=mark)


async def _the_database_takes_no_writes(work: Work) -> None:
    mark = work.mark()
    await work.postgres.run(
        "ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()"
    )
    await work.said("takes no writes", since=mark)
    assert await work.status("GET", "") == {200}
    assert await work.status("POST", "/statements", b'{"text": "Not now"}') == {503}
    await work.postgres.run(
        "SET default_transaction_read_only = off",
        "ALTER SYSTEM RESET default_transaction_read_only",
        "SELECT pg_reload_conf()",
    )
    await work.goes_on()


async def _the_disk_is_full(work: Work) -> None:
    mark = work.mark()
    await work.postgres.run(
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = '53100'; END $$",
        "CREATE TRIGGER full_disk BEFORE INSERT ON event EXECUTE FUNCTION full_disk()",
        database=DATABASE,
    )
    await work.said("its disk is full", since=mark)
    assert await work.status("GET", "") == {200}
    assert await work.status("POST", "/statements", b'{"text": "Not now"}') == {507}
    await work.postgres.run("DROP TRIGGER full_disk ON event", database=DATABASE)
    await work.goes_on()


async def _the_password_expires(work: Work) -> None:
    mark = work.mark()
    await work.postgres.run(
        f"ALTER ROLE {ROLE} VALID UNTIL '2001-01-01'",
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{ROLE}'",
    )
    await work.said("password is wrong or has expired", since=mark)
    assert await work.status("POST", "/statements", b'{"text": "Not now"}') == {503}
    await work.postgres.run(f"ALTER ROLE {ROLE} VALID UNTIL 'infinity'")
    await work.goes_on()


async def _all_events_have_one_time(work: Work) -> None:
    """Nothing is an hour ahead, and within the log time never goes back."""
    async with open_house(work.cluster.settings, write=False) as house:
        recorded = await house.database.reading(_all, work.town.hall.room)
    times = [each.at / 1000 for each in recorded]
    assert times == sorted(times)
    assert max(times) < time.time() + 5

"""Several workers on one PostgreSQL: nothing lost, nothing twice, whoever dies."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from sqlalchemy import make_url

from server.__main__ import cli
from server.deliberation import commands as c
from server.deliberation import events as e
from server.deliberation.vocabulary import Phase
from server.demo import founding as demo
from server.demo.population import population
from server.errors import Conflict
from server.ids import LogId
from server.runtime.founding import Plan, founding
from server.runtime.house import House, open_house
from server.runtime.ports import SeededChance
from server.settings import Settings
from server.store import log as store
from server.store.database import migrate
from server.store.lease import SILENCE, Lease, NameTaken, key_of
from server.store.works import UnderWay
from server.workflows import system
from server.workflows.crew import Crew
from server.workflows.worker import spent, standing
from tests import databases

from .homes import request_drafts, to_phase, until

ROOT = Path(__file__).resolve().parents[2]
PEOPLE = 30
CUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest.fixture
def url() -> Iterator[str]:
    with databases.postgres() as address:
        system.migrate(address)
        yield address


@asynccontextmanager
async def house_at(url: str, data: Path) -> AsyncIterator[House]:
    async with open_house(Settings(data_dir=data, database_url=url)) as house:
        yield house


async def towns(house: House, count: int) -> list[LogId]:
    """Found assemblies whose plenaries a few simulated people have voted in."""
    chance = SeededChance(7)
    rooms = []
    for number in range(count):
        plan = Plan(slug=f"town-{number}", title="T", question="Q", phase=Phase.OPEN)
        begun = founding(plan, f"code-{number}", chance)
        units = demo._units(begun, population(PEOPLE), chance)
        # The invite that anybody may use is the demo's alone.
        await house.submit_together((*begun.units, *units[1:]))
        rooms.append(begun.room)
    return rooms


class Hands:
    """Workers in processes of their own; whoever is left is killed in the end."""

    def __init__(self, url: str, data: Path) -> None:
        self._url = url
        self._data = data
        self.running: list[Process] = []

    async def start(self, name: str, *more: str, joins: bool = True) -> Process:
        process = await self.run("tests.workflows.hand", self._url, str(self._data), name, *more)
        if joins:
            assert await self.said(process) == "joined", await _errors(process)
        return process

    async def run(self, module: str, *arguments: str) -> Process:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module, *arguments),
            cwd=ROOT,
            stdout=PIPE,
            stderr=PIPE,
            env={
                **os.environ,
                "OMP_NUM_THREADS": "1",
                "FOLKMOOT_DATA_DIR": str(self._data),
                "FOLKMOOT_DATABASE_URL": self._url,
                "FOLKMOOT_EMBEDDER": "lexical",
            },
        )
        self.running.append(process)
        return process

    async def said(self, process: Process, seconds: float = 90.0) -> str:
        assert process.stdout is not None
        async with asyncio.timeout(seconds):
            return (await process.stdout.readline()).decode().strip()

    async def end(self, process: Process, how: signal.Signals = signal.SIGKILL) -> int:
        if process.returncode is None:
            process.send_signal(how)
        # Where its connections were cut, DBOS sleeps for a while before it tries again.
        async with asyncio.timeout(60):
            code = await process.wait()
        self.running.remove(process)
        return code

    def calls(self) -> Counter[str]:
        """Return how often the drafter was asked, by what it was asked."""
        book = self._data / "calls"
        return Counter(book.read_text().splitlines() if book.exists() else [])


async def _errors(process: Process) -> str:
    assert process.stderr is not None
    return (await process.stderr.read()).decode()


@asynccontextmanager
async def hands_at(url: str, data: Path) -> AsyncIterator[Hands]:
    hands = Hands(url, data)
    try:
        yield hands
    finally:
        for process in list(hands.running):
            await hands.end(process)


async def outcomes(house: House, rooms: Sequence[LogId]) -> Counter[tuple[LogId, int]]:
    """Count the outcomes of each request for drafts in the logs themselves."""
    found: Counter[tuple[LogId, int]] = Counter()
    for room in rooms:
        for recorded in await house.database.reading(store.records, room):
            if isinstance(recorded.event, e.DraftsProposed | e.DraftFailed):
                found[room, recorded.event.request] += 1
    return found


def test_a_name_is_had_by_one_and_free_once_its_worker_is_silent(url: str) -> None:
    first = Lease.take(url, "ada", "ada/1")
    other = Lease.take(url, "bob", "bob/1")
    with pytest.raises(NameTaken, match=r"Another worker is called ada: give this one another"):
        Lease.take(url, "ada", "ada/2")
    assert first.living() == {key_of("ada/1"), key_of("bob/1")}
    assert first.lead()
    assert not other.lead()
    first.step_down()
    assert other.lead()
    other.close()
    until_then = time.monotonic() + 10
    while not first.lead():
        assert time.monotonic() < until_then
        time.sleep(0.05)
    # From now on the first says nothing, as a process does that was stopped.
    again = Lease.take(url, "ada", "ada/2", wait=8.0)
    assert again.living() == {key_of("ada/2")}
    assert again.lead()
    with pytest.raises(Exception, match="database"):
        first.living()
    again.close()
    first.close()


class SlowHands:
    """Takes longer to look after the others than a worker may be silent."""

    def __init__(self) -> None:
        self.looked = 0

    def notice(self, standing: Iterable[UnderWay]) -> None:
        self.looked += 1

    async def take_up(self, executors: Iterable[str]) -> None:
        raise AssertionError

    async def forget(self, ids: Iterable[str], *, cancel: bool = False) -> None:
        await asyncio.sleep(SILENCE + 2)


@pytest.mark.faults
async def test_who_leads_is_heard_however_long_looking_after_the_others_takes(
    url: str, tmp_path: Path
) -> None:
    async with house_at(url, tmp_path) as house:
        crew, hands = Crew(house, url, "ada"), SlowHands()
        await crew.join()
        crew.start(hands)
        other = await asyncio.to_thread(Lease.take, url, "bob", "bob/1")
        until_then = time.monotonic() + SILENCE + 3
        while time.monotonic() < until_then:
            living = await asyncio.to_thread(other.living)
            assert key_of(crew.life) in living
            await asyncio.sleep(0.2)
        assert crew.leading()
        assert 1 <= hands.looked <= 2
        other.close()
        await crew.leave()


@pytest.mark.faults
async def test_two_workers_share_the_work_and_do_each_piece_once(url: str, tmp_path: Path) -> None:
    async with house_at(url, tmp_path) as house, hands_at(url, tmp_path) as hands:
        rooms = await towns(house, 2)
        assert (await standing(house.database)).workers == 0
        await hands.start("ada")
        second = await hands.start("ada", joins=False)
        async with asyncio.timeout(30):
            assert await second.wait() == 1
        assert "Another worker is called ada" in await _errors(second)
        hands.running.remove(second)
        bob = await hands.start("bob")
        for room in rooms:
            await to_phase(house, room, Phase.DRAFTING)
            await request_drafts(house, room)

        async def drafted() -> bool:
            return all([(await house.room(room)).round is not None for room in rooms])

        await until(drafted, seconds=90)
        now = await standing(house.database)
        assert now.workers == 2
        assert now.led
        assert {kind: queue.failed for kind, queue in now.queues.items()} == dict.fromkeys(
            ("analysis", "themes", "drafts", "export"), 0
        )
        (used,) = await spent(house.database)
        assert (used.kind, used.calls, used.tokens) == ("drafts", 6, 0)  # three drafts each
        for room in rooms:
            state = await house.room(room)
            assert state.analysis is not None
            assert state.themes is not None
            await to_phase(house, room, Phase.CLOSED)

        def written() -> list[Path]:
            return sorted(tmp_path.glob("exports/*/*/manifest.sig"))

        async def exported() -> bool:
            return len(written()) == 2

        await until(exported, seconds=90)
        await asyncio.sleep(2.5)
        assert len(written()) == 2
        assert set((await outcomes(house, rooms)).values()) == {1}
        assert await hands.end(bob, signal.SIGTERM) == 0
        assert (await standing(house.database)).workers == 1


@pytest.mark.faults
async def test_an_answer_that_was_kept_is_not_paid_again(url: str, tmp_path: Path) -> None:
    async with house_at(url, tmp_path) as house, hands_at(url, tmp_path) as hands:
        (room,) = await towns(house, 1)
        await to_phase(house, room, Phase.DRAFTING)
        await request_drafts(house, room)
        ada = await hands.start("ada", "--stuck")
        assert await hands.said(ada) == "stuck"
        assert set(hands.calls().values()) == {1}
        await hands.start("bob")
        loop = asyncio.get_running_loop()
        killed = loop.time()
        await hands.end(ada)

        async def drafted() -> bool:
            return (await house.room(room)).round is not None

        await until(drafted, seconds=90)
        assert loop.time() - killed < 60
        assert set(hands.calls().values()) == {1}
        assert len(hands.calls()) == 1
        (used,) = await spent(house.database)
        assert used.calls == 3
        assert set((await outcomes(house, [room])).values()) == {1}


@pytest.mark.faults
async def test_what_a_sleeping_worker_had_is_done_by_others_and_it_wakes_harmlessly(
    url: str, tmp_path: Path
) -> None:
    async with house_at(url, tmp_path) as house, hands_at(url, tmp_path) as hands:
        (room,) = await towns(house, 1)
        await to_phase(house, room, Phase.DRAFTING)
        await request_drafts(house, room)
        ada = await hands.start("ada", "--seconds", "3")

        async def asked() -> bool:
            return bool(hands.calls())

        await until(asked)
        ada.send_signal(signal.SIGSTOP)
        await hands.start("bob")

        async def drafted() -> bool:
            return (await house.room(room)).round is not None

        await until(drafted, seconds=90)
        assert (await standing(house.database)).workers == 1
        ada.send_signal(signal.SIGCONT)

        async def back() -> bool:
            return (await standing(house.database)).workers == 2

        await until(back, seconds=60)
        await asyncio.sleep(4)  # till what it was doing has come to its end
        assert set((await outcomes(house, [room])).values()) == {1}
        assert ada.returncode is None
        assert await hands.end(ada, signal.SIGTERM) == 0


@pytest.mark.faults
async def test_twenty_requests_have_one_outcome_each_while_workers_are_killed(
    url: str, tmp_path: Path
) -> None:
    async with house_at(url, tmp_path) as house, hands_at(url, tmp_path) as hands:
        rooms = await towns(house, 20)
        asked = {}
        for room in rooms:
            await to_phase(house, room, Phase.DRAFTING)
            asked[room] = await request_drafts(house, room)

        async def done() -> bool:
            return len(await outcomes(house, rooms)) == len(rooms)

        workers = [await hands.start(f"w{number}", "--seconds", "0.1") for number in range(2)]
        for number in range(2, 6):
            await asyncio.sleep(1.5)
            await hands.end(workers.pop(0))
            workers.append(await hands.start(f"w{number}", "--seconds", "0.1"))
        await until(done, seconds=240)
        found = await outcomes(house, rooms)
        assert found == Counter(dict.fromkeys(asked.items(), 1))
        for room in rooms:
            state = await house.room(room)
            assert state.round is not None, state.failures
            assert state.analysis is not None
            assert state.themes is not None
        assert sum(hands.calls().values()) <= len(rooms) + 4 * 2


@pytest.mark.faults
async def test_two_that_think_they_lead_ask_once(url: str, tmp_path: Path) -> None:
    async with house_at(url, tmp_path) as house, hands_at(url, tmp_path) as hands:
        rooms = await towns(house, 3)
        for name in ("ada", "bob"):
            await hands.start(name, "--leads", "--seconds", "1")
        for room in rooms:
            await to_phase(house, room, Phase.DRAFTING)
            await request_drafts(house, room)

        async def done() -> bool:
            return len(await outcomes(house, rooms)) == len(rooms)

        await until(done, seconds=90)
        await asyncio.sleep(2)
        assert set(hands.calls().values()) == {1}
        assert len(hands.calls()) == len(rooms)
        assert set((await outcomes(house, rooms)).values()) == {1}


@pytest.mark.faults
async def test_cut_connections_cost_time_and_nothing_else(url: str, tmp_path: Path) -> None:
    async with hands_at(url, tmp_path) as hands:
        async with house_at(url, tmp_path) as house:
            rooms = await towns(house, 4)
            for room in rooms:
                await to_phase(house, room, Phase.DRAFTING)
                await request_drafts(house, room)
        workers = [await hands.start(name, "--seconds", "0.5") for name in ("ada", "bob")]
        for _ in range(3):
            await asyncio.sleep(1.5)
            await asyncio.to_thread(databases.admin, CUT, url)
        async with house_at(url, tmp_path) as house:

            async def done() -> bool:
                return len(await outcomes(house, rooms)) == len(rooms)

            await until(done, seconds=240)
            for room in rooms:
                state = await house.room(room)
                assert state.round is not None, state.failures
            assert set((await outcomes(house, rooms)).values()) == {1}
            assert sum(hands.calls().values()) <= len(rooms) + 2

            async def both() -> bool:
                return (await standing(house.database)).workers == 2

            await until(both)
        for worker in workers:
            assert worker.returncode is None
            assert await hands.end(worker, signal.SIGTERM) == 0


async def test_a_role_that_can_change_no_log_is_enough(url: str, tmp_path: Path) -> None:
    role = f"folkmoot_test_hand_{os.getpid()}"
    databases.admin(f"CREATE ROLE {role} LOGIN PASSWORD 'x'")
    try:
        migrate(url, role)
        system.migrate(url, role)
        restricted = databases.url_of(make_url(url).database or "", username=role, password="x")
        async with house_at(url, tmp_path) as house, hands_at(restricted, tmp_path) as hands:
            (room,) = await towns(house, 1)
            await to_phase(house, room, Phase.DRAFTING)
            await request_drafts(house, room)
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]
            ada = await hands.run("server", "worker", "--name", "ada", "--metrics", str(port))
            assert await hands.said(ada) == "The worker ada is at work.", await _errors(ada)

            async def drafted() -> bool:
                return (await house.room(room)).round is not None

            await until(drafted, seconds=90)
            address = f"http://127.0.0.1:{port}/metrics"
            async with httpx.AsyncClient(trust_env=False) as client:
                assert "folkmoot_worker_leads 1.0" in (await client.get(address)).text
            assert await hands.end(ada, signal.SIGTERM) == 0
    finally:
        databases.admin(f"DROP OWNED BY {role} CASCADE", url)
        databases.admin(f"DROP ROLE {role}")


async def test_an_outcome_that_comes_twice_or_late_is_refused(url: str, tmp_path: Path) -> None:
    async with house_at(url, tmp_path) as house:
        (room,) = await towns(house, 1)
        seq = (await house.room(room)).seq
        await to_phase(house, room, Phase.DRAFTING)
        first = c.PublishAnalysis(as_of_seq=seq, digest="a" * 64, groups=1)
        await house.submit(room, first, None)
        for late in (first, c.PublishAnalysis(as_of_seq=seq - 1, digest="b" * 64, groups=1)):
            with pytest.raises(Conflict):
                await house.submit(room, late, None)
        themes = c.PublishThemes(as_of_seq=seq, digest="c" * 64, themes=1)
        await house.submit(room, themes, None)
        with pytest.raises(Conflict):
            await house.submit(room, themes, None)


def test_on_sqlite_the_server_does_it_itself(tmp_path: Path) -> None:
    ran = CliRunner().invoke(cli, ["worker"], env={"FOLKMOOT_DATA_DIR": str(tmp_path)})
    assert ran.exit_code == 1
    assert ran.output.startswith("Error: On SQLite the server does the workers' work itself")


def test_a_database_without_the_workflows_tables_is_named(tmp_path: Path) -> None:
    with databases.postgres() as address:
        databases.admin("DROP SCHEMA IF EXISTS dbos CASCADE", address)
        environment = {"FOLKMOOT_DATA_DIR": str(tmp_path), "FOLKMOOT_DATABASE_URL": address}
        ran = CliRunner().invoke(cli, ["worker", "--name", "ada"], env=environment)
    assert ran.exit_code == 1
    assert "run the command migrate once" in ran.output

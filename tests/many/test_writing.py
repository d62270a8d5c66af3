"""Two writers of one database: what meets is decided again, and what breaks is told and mended."""

from __future__ import annotations

import asyncio
import logging

import psycopg
import pytest

from server.deliberation import commands as c
from server.errors import Conflict, Conflicted, OutcomeUnknown, StorageFault
from server.ids import AssemblyId, LogId, RoomId
from server.runtime import foreign
from server.runtime.house import open_house
from server.runtime.ports import SharedClock
from server.settings import Settings
from server.store.database import Database
from server.store.writing import Ledger
from tests.databases import admin
from tests.runtime.house import ALOG, RLOG, admit, found, key, write

from .houses import equal, one_house, two_houses, until

pytestmark = pytest.mark.timeout(60)


async def test_one_slug_at_both_at_once_is_taken_once(postgres_url: str) -> None:
    async with two_houses(postgres_url) as both:
        for n in range(10):
            answers = await asyncio.gather(
                *(
                    one.house.submit(
                        LogId(f"a{n}{place}".ljust(17, "0")),
                        c.CreateAssembly(slug=f"town-{n}", title="T", question="Q"),
                        None,
                    )
                    for place, one in enumerate(both)
                ),
                return_exceptions=True,
            )
            refused = [answer for answer in answers if isinstance(answer, Exception)]
            assert [type(each) for each in refused] == [Conflict]
        assert len(await both[0].house.assemblies()) == 10


async def test_one_log_begun_at_both_at_once_begins_once(postgres_url: str) -> None:
    async with two_houses(postgres_url) as both:
        log = LogId("a".ljust(17, "7"))
        answers = await asyncio.gather(
            *(
                one.house.submit(
                    log, c.CreateAssembly(slug=f"town-{place}", title="T", question="Q"), None
                )
                for place, one in enumerate(both)
            ),
            return_exceptions=True,
        )
        assert sum(isinstance(answer, Exception) for answer in answers) == 1
        states = [await one.house.assembly(log) for one in both]
        assert states[0].slug == states[1].slug
        await equal(both, log)


async def test_who_always_meets_another_is_told_in_the_end(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with one_house(postgres_url) as one:
        await found(one.house)
        tries: list[int] = []
        commit = Ledger.commit

        def meets(self: Ledger, *given: object) -> None:
            tries.append(1)
            if len(tries) < limit:
                raise Conflicted("Another process wrote the same at the same moment.")
            commit(self, *given)  # type: ignore[arg-type]

        monkeypatch.setattr(Ledger, "commit", meets)
        limit = 4
        done = await one.house.submit(RLOG, c.PostNotice(text="N"), None)
        assert len(done.recorded) == 1
        assert len(tries) == 4
        tries.clear()
        limit = 99
        with pytest.raises(Conflicted):
            await one.house.submit(RLOG, c.PostNotice(text="N"), None)
        assert len(tries) == 5


async def test_a_writer_whose_connections_are_ended_goes_on(postgres_url: str) -> None:
    async with two_houses(postgres_url) as both:
        await found(both[0].house)
        people = await admit(both[0].house, 4)
        unknown: list[str] = []
        seqs: dict[str, int] = {}

        async def say(n: int) -> None:
            who = people[n % 4]
            name = f"k{n}"
            async with asyncio.timeout(30):
                while name not in seqs:
                    try:
                        done = await both[n % 2].house.submit(
                            RLOG, c.PostNotice(text=f"Notice {n}"), None, key=key(who, name)
                        )
                    except (StorageFault, OutcomeUnknown) as fault:
                        unknown.append(type(fault).__name__)
                        await asyncio.sleep(0.05)
                    else:
                        seqs[name] = done.seq

        async def cut() -> None:
            for _ in range(5):
                await asyncio.sleep(0.2)
                admin(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()",
                    postgres_url,
                )

        cutting = asyncio.create_task(cut())
        for start in range(0, 600, 20):
            await asyncio.gather(*(say(n) for n in range(start, start + 20)))
            await asyncio.sleep(0.03)
        await cutting
        assert len(set(seqs.values())) == 600
        state = await both[0].house.room(RLOG)
        texts = [text for _, text in state.notices]
        assert sorted(texts) == sorted(f"Notice {n}" for n in range(600))
        await equal(both, RLOG, ALOG)


async def test_sockets_lose_nothing_when_a_commit_fails(
    postgres_url: str, redis_at: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with two_houses(postgres_url, redis_at) as both:
        first, second = (one.house for one in both)
        await found(first)
        (person,) = await admit(first, 1)
        sockets = [await one.sit(RLOG) for one in both]
        commit = Ledger.commit
        failing = True

        def lost(self: Ledger, *given: object) -> None:
            commit(self, *given)  # type: ignore[arg-type]
            if failing:
                raise OutcomeUnknown("The connection was lost.")

        monkeypatch.setattr(Ledger, "commit", lost)
        for n in range(3):
            with pytest.raises(OutcomeUnknown):
                await first.submit(RLOG, c.SubmitStatement(text=f"Unknown {n}"), person)
        failing = False
        await write(second, person, "Known")
        last = (await second.room(RLOG)).seq
        await until(lambda: all(s.events and s.events[-1]["seq"] == last for s in sockets))
        assert sockets[0].check() == sockets[1].check()
        assert len(sockets[0].events) == 4
        assert not any(socket.closed for socket in sockets)
        await equal(both, RLOG)


async def test_who_is_put_out_while_the_state_was_dropped_loses_their_socket(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with two_houses(postgres_url) as both:
        first, second = (one.house for one in both)
        await found(first)
        (person,) = await admit(first, 1)
        await second.assembly(ALOG)
        socket = await both[1].sit(RLOG, person.participant)
        second._states.drop(ALOG)
        await first.submit(ALOG, c.ChangeRole(participant=person.participant, role=None), None)
        second.foreign.dropped({ALOG})
        await until(lambda: socket.closed == [4403])
        members = (await second.assembly(ALOG)).members
        assert members[person.participant].role is None


async def test_rooms_that_nobody_uses_are_forgotten_and_found_again(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign, "MOST_LOADED", 3)
    monkeypatch.setattr(foreign, "IDLE", 0.0)
    async with two_houses(postgres_url) as both:
        first = both[0].house
        await found(first)
        for n in range(6):
            room = RoomId(f"r{n}".ljust(17, "1"))
            created = c.CreateRoom(assembly=AssemblyId(ALOG), title="T", question="Q")
            await first.submit(LogId(room), created, None)
        listened = LogId("r0".ljust(17, "1"))
        socket = await both[0].sit(listened)
        await asyncio.sleep(0.01)
        first.foreign._drop_idle()
        assert first.foreign.loaded == 3
        assert first._states.get(listened) is not None
        assert first._states.get(LogId("r2".ljust(17, "1"))) is None
        gone = LogId("r2".ljust(17, "1"))
        await both[1].house.submit(gone, c.PostNotice(text="N"), None)
        assert (await first.room(gone)).seq == 2
        await both[1].house.submit(listened, c.PostNotice(text="N"), None)
        await until(lambda: socket.events, 4.0)
        socket.check()


async def test_servers_whose_clocks_differ_write_the_databases_time(
    postgres_url: str,
    tmp_path: object,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Ahead:
        def now(self) -> int:
            return SharedClock().now() + 3_600_000

    monkeypatch.setattr(Database, "clock_offset", lambda _: -3_600.0)
    settings = Settings(data_dir=tmp_path, database_url=postgres_url)  # type: ignore[arg-type]
    with caplog.at_level(logging.WARNING):
        async with one_house(postgres_url) as one:
            await found(one.house)
            async with open_house(settings, clock=SharedClock(Ahead())) as house:
                done = await house.submit(RLOG, c.PostNotice(text="N"), None)
            other = await one.house.submit(RLOG, c.PostNotice(text="N"), None)
    assert abs(done.recorded[0].at - other.recorded[0].at) < 10_000
    assert "3600.0 s ahead of" in caplog.text
    assert caplog.text.count("clock") == 1


async def test_a_socket_that_comes_from_a_server_that_was_ahead_goes_on(postgres_url: str) -> None:
    async with two_houses(postgres_url) as both:
        first = both[0].house
        await found(first)
        (person,) = await admit(first, 1)
        await both[1].house.room(RLOG)
        await write(first, person, "Statement")
        known = (await first.room(RLOG)).seq
        socket = await both[1].sit(RLOG, after=known)
        assert [frame["type"] for frame in socket.frames][:1] == ["hello"]
        assert socket.frames[0]["seq"] == known
        assert not any(frame["type"] == "snapshot" for frame in socket.frames)


async def test_a_room_that_another_holds_up_holds_up_no_other(postgres_url: str) -> None:
    other = LogId("r1".ljust(17, "1"))
    async with one_house(postgres_url) as one:
        await found(one.house)
        created = c.CreateRoom(assembly=AssemblyId(ALOG), title="T", question="Q")
        await one.house.submit(other, created, None)
        with psycopg.connect(postgres_url) as holder:
            holder.execute('SELECT 1 FROM "log" WHERE id = %s FOR UPDATE', (RLOG,))
            held = [
                asyncio.create_task(one.house.submit(RLOG, c.PostNotice(text=f"H{n}"), None))
                for n in range(5)
            ]
            free = [one.house.submit(other, c.PostNotice(text=f"F{n}"), None) for n in range(5)]
            async with asyncio.timeout(2):
                await asyncio.gather(*free)
            assert not any(task.done() for task in held)
            holder.rollback()
        seqs = [done.seq for done in await asyncio.gather(*held)]
        assert seqs == sorted(seqs)
        texts = [text for _, text in (await one.house.room(RLOG)).notices]
        assert texts == [f"H{n}" for n in range(5)]


async def test_two_writers_of_many_rooms_lose_nothing(postgres_url: str) -> None:
    rooms = [LogId(f"r{n:02}".ljust(17, "2")) for n in range(12)]
    async with two_houses(postgres_url) as both:
        await found(both[0].house)
        created = c.CreateRoom(assembly=AssemblyId(ALOG), title="T", question="Q")
        for room in rooms:
            await both[0].house.submit(room, created, None)
        todo = iter(range(1_200))

        async def work() -> None:
            for n in todo:
                house = both[n % 2].house
                await house.submit(rooms[n % 7 + n % 6], c.PostNotice(text=f"N{n}"), None)

        await asyncio.gather(*(work() for _ in range(48)))
        await equal(both, *rooms)
        heads = [(await both[0].house.room(room)).seq for room in rooms]
        assert sum(heads) == 1_200 + len(rooms)

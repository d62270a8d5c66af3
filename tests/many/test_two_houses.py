"""Two servers hold one room: one order of events for both, each key once, every frame told."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import pytest

from server.deliberation import commands as c
from server.deliberation import events as e
from server.deliberation.vocabulary import Choice
from server.ids import StatementId
from server.runtime.writer import Committed
from server.store import log as store
from tests.runtime.house import ALOG, RLOG, admit, found, key, vote, write

from .houses import One, equal, two_houses, until

pytestmark = pytest.mark.timeout(120)


@pytest.mark.slow
async def test_ten_thousand_interleaved_commands(
    postgres_url: str, redis_at: tuple[str, str]
) -> None:
    async with two_houses(postgres_url, redis_at) as both:
        first, second = (one.house for one in both)
        await found(first)
        people = await admit(first, 50)
        statements = [await write(second, people[n], f"Statement {n}") for n in range(20)]
        sockets = [await one.sit(RLOG, f"w{n}") for n, one in enumerate(both)]
        chance = random.Random(7)
        answers: dict[str, list[Committed]] = {}
        todo = iter(range(10_000))

        async def send(name: str, houses: list[One]) -> None:
            who = chance.choice(people)
            command: c.Command
            if chance.random() < 0.02:
                command = c.SubmitStatement(text=f"Another {name}")
            else:
                command = vote(chance.choice(statements), chance.choice(list(Choice)))
            done = await asyncio.gather(
                *(one.house.submit(RLOG, command, who, key=key(who, name)) for one in houses)
            )
            answers[name] = list(done)

        async def work() -> None:
            for n in todo:
                # Every twentieth key comes at both servers at once.
                await send(f"k{n}", both if n % 20 == 0 else [both[chance.random() < 0.5]])

        await asyncio.gather(*(work() for _ in range(128)))
        records = await first.database.reading(store.records, RLOG)
        by_seq = {each.seq: each for each in records}
        assert len(answers) == 10_000
        for done in answers.values():
            assert len({each.seq for each in done}) == 1
            assert sum(not each.repeated for each in done) == 1
            for each in done:
                assert each.recorded == (by_seq[each.seq],)
        given = Counter(done[0].seq for done in answers.values())
        assert set(given.values()) == {1}
        commanded = (e.VoteCast, e.StatementSubmitted)
        happened = [each.seq for each in records if isinstance(each.event, commanded)]
        assert len(happened) == 10_000 + len(statements)
        await equal(both, RLOG, ALOG)
        told = [each.seq for each in records if isinstance(each.event, e.StatementSubmitted)]
        for socket in sockets:
            owed = [seq for seq in told if seq > socket.frames[0]["seq"]]
            await until(lambda socket=socket, owed=owed: len(socket.events) >= len(owed))
            assert socket.check() == owed


async def test_what_happens_at_one_is_told_at_the_other_at_once(
    postgres_url: str, redis_at: tuple[str, str]
) -> None:
    async with two_houses(postgres_url, redis_at) as both:
        first, second = (one.house for one in both)
        await found(first)
        (person,) = await admit(first, 1)
        socket = await both[1].sit(RLOG)
        waits: list[float] = []
        loop = asyncio.get_running_loop()
        for n in range(20):
            await write(first, person, f"Statement {n}")
            at = loop.time()
            await until(lambda n=n: len(socket.events) == n + 1)
            waits.append(loop.time() - at)
        assert sorted(waits)[10] < 0.25
        socket.check()
        assert second.foreign.folded >= 20


async def test_without_a_doorbell_it_is_found_by_looking(postgres_url: str) -> None:
    async with two_houses(postgres_url) as both:
        await found(both[0].house)
        (person,) = await admit(both[0].house, 1)
        socket = await both[1].sit(RLOG)
        await write(both[0].house, person, "Statement")
        await until(lambda: socket.events, seconds=4.0)
        socket.check()


@pytest.mark.parametrize("rings", [True, False])
async def test_who_came_in_at_one_is_known_at_the_other(
    postgres_url: str, redis_at: tuple[str, str], rings: bool
) -> None:
    async with two_houses(postgres_url, redis_at if rings else None) as both:
        first, second = (one.house for one in both)
        await found(first)
        await second.assembly(ALOG)
        for _ in range(20):
            (person,) = await admit(first, 1)
            await second.look(ALOG)
            assert person.participant in (await second.assembly(ALOG)).members


async def test_a_read_shows_what_another_acknowledged(postgres_url: str) -> None:
    async with two_houses(postgres_url) as both:
        first, second = (one.house for one in both)
        await found(first)
        (person,) = await admit(first, 1)
        for n in range(20):
            statement = await write(first, person, f"Statement {n}")
            assert statement in (await second.room(RLOG)).statements
            first, second = second, first


async def test_readers_who_come_together_ask_once(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    grown = store.grown

    def counting(connection: object, known: dict[object, int]) -> object:
        asked.append(len(known))
        return grown(connection, known)  # type: ignore[arg-type]

    async with two_houses(postgres_url) as both:
        await found(both[0].house)
        await both[1].house.room(RLOG)
        monkeypatch.setattr(store, "grown", counting)
        await asyncio.gather(*(both[1].house.room(RLOG) for _ in range(500)))
        assert 1 <= len(asked) <= 4


async def test_words_that_one_erased_are_gone_at_the_other(
    postgres_url: str, redis_at: tuple[str, str]
) -> None:
    async with two_houses(postgres_url, redis_at) as both:
        first, second = (one.house for one in both)
        await found(first)
        (person,) = await admit(first, 1)
        statement = await write(first, person, "Words to erase")
        watching = await both[1].sit(RLOG)
        assert (await second.room(RLOG)).statements[statement].text == "Words to erase"
        records = await first.records(RLOG, range(1, 99))
        await first.submit(RLOG, c.EraseContent(records=records), person)
        await until(lambda: any(f["type"] == "statement.erased" for f in watching.frames))
        assert (await second.room(RLOG)).statements[StatementId(statement)].text == ""
        late = await both[1].sit(RLOG, "late")
        assert "Words to erase" not in str(late.frames)
        await equal(both, RLOG)

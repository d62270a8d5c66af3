"""A house that begins from a snapshot is the house that folds; no erased word stays in one."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, make_url, text

from server.deliberation import audience
from server.deliberation import commands as c
from server.deliberation import events as e
from server.deliberation import snapshot as codec
from server.deliberation.audience import Announcement
from server.deliberation.commands import Actor
from server.deliberation.comparison import first_difference, picture
from server.deliberation.room import RoomState
from server.deliberation.vocabulary import Choice, Decision, Phase, Reason, Role
from server.ids import LogId
from server.runtime import snapshots, states
from server.runtime.doorbell import LocalDoorbell
from server.runtime.ports import SeededChance, SteppingClock
from server.runtime.states import RING, Silence
from server.runtime.writer import House
from server.store import snapshots as kept
from server.store.database import Database, parse
from server.store.postgres import migrate

from .. import databases
from ..databases import postgres
from .house import ALOG, RLOG, admit, found, vote, write


class Notes(Silence):
    """Prepares what a hub would, and remembers what rooms were restored with."""

    def __init__(self) -> None:
        self.restored_with: dict[LogId, tuple[int, tuple[Announcement, ...]]] = {}

    def prepare(self, recorded: e.Recorded, state: RoomState) -> Announcement | None:
        return audience.announcement(recorded, state)

    def restored(self, state: RoomState, since: int, told: Sequence[Announcement]) -> None:
        self.restored_with[state.log] = since, tuple(told)


@contextmanager
def address(kind: str, folder: Path) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'x.db'}"
    else:
        with postgres() as url:
            yield url


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with address(request.param, tmp_path) as url:
        yield url


@asynccontextmanager
async def housed(url: str, seed: int = 1) -> AsyncIterator[tuple[House, Notes]]:
    """A house on ``url``; when it has ended, its snapshots are kept."""
    with closing(Database.open(url)) as database:
        house = House(
            database, clock=SteppingClock(), chance=SeededChance(seed), doorbell=LocalDoorbell()
        )
        notes = Notes()
        house.attach(notes)
        await house.start()
        try:
            yield house, notes
        finally:
            await house.stop()


@pytest.fixture
def every(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return what sets how often snapshots are taken: after so many events."""

    def often(events: int, long: int = 10**9) -> None:
        monkeypatch.setattr(states, "EVERY", events)
        monkeypatch.setattr(states, "LONG", long)

    return often


async def lived(house: House, seed: int = 1) -> tuple[Actor, Actor]:
    """Let a room go through a good deal; return two who wrote words."""
    chance = random.Random(seed)
    await found(house)
    people = await admit(house, 8)
    statements = [await write(house, who, f"Words of {n}") for n, who in enumerate(people)]
    for number in range(60):
        cast = vote(chance.choice(statements), chance.choice(tuple(Choice)), "why" * (number % 2))
        await house.submit(RLOG, cast, chance.choice(people))
    moderator = Actor(people[0].participant, Role.MODERATOR)
    for reason in (Reason.OFF_TOPIC, Reason.FITS, Reason.SPAM):
        decision = Decision.ACCEPT if reason is Reason.FITS else Decision.REJECT
        ruling = c.ModerateStatement(statement_id=statements[-1], decision=decision, reason=reason)
        await house.submit(RLOG, ruling, moderator)
    await house.submit(RLOG, c.PostNotice(text="A notice"), None)
    await house.submit(RLOG, c.ChangePhase(phase=Phase.DRAFTING), None)
    return people[0], people[1]


async def told_and_stands(url: str) -> tuple[Any, ...]:
    """Open a house and return everything it begins with, and how many snapshots it loaded."""
    async with housed(url) as (house, notes):
        pictures = [picture(await house.room(RLOG)), picture(await house.assembly(ALOG))]
        return pictures, notes.restored_with, house.snapshots.loaded


def rows(database: Database) -> list[tuple[str, str, int]]:
    asked = text(
        "SELECT log, digest, as_of_seq FROM artifact WHERE kind LIKE 'snapshot.%' "
        "ORDER BY log, as_of_seq"
    )
    return [tuple(row) for row in database.read(lambda connection: connection.execute(asked).all())]


def kept_at(url: str) -> list[tuple[str, str, int]]:
    with closing(Database.open(url)) as database:
        return rows(database)


def meddle(url: str, change: str) -> None:
    """Change rows behind the program's back."""

    def work(connection: Connection) -> None:
        assert connection.execute(text(change), {"log": RLOG}).rowcount == 1

    async def run() -> None:
        with closing(Database.open(url)) as database:
            await database.writing(work)

    asyncio.run(run())


async def test_a_house_from_snapshots_is_the_house_from_logs(url: str, every: Any) -> None:
    every(10**9)
    async with housed(url) as (house, _):
        await lived(house)
    folded = await told_and_stands(url)
    assert folded[2] == 0
    every(10**9, long=5)
    assert (await told_and_stands(url))[2] == 0
    assert [log for log, _, _ in kept_at(url)] == [ALOG, RLOG]
    again = await told_and_stands(url)
    assert again[2] == 2
    for one, other in zip(folded[0], again[0], strict=True):
        assert first_difference(one, other) is None
    assert again[1] == folded[1]
    # What is folded from a snapshot is not long, so none is taken again.
    assert len(kept_at(url)) == 2


async def test_snapshots_come_as_a_log_grows_and_the_last_two_stay(url: str, every: Any) -> None:
    every(20)
    async with housed(url) as (house, _):
        await lived(house)
        seq = (await house.room(RLOG)).seq
    of_room = [at for log, _, at in kept_at(url) if log == RLOG]
    assert len(of_room) == 2
    assert 20 <= of_room[1] - of_room[0] < 25
    assert seq - of_room[1] < 25
    every(10**9)
    again = await told_and_stands(url)
    assert again[2] == 1
    async with housed(url) as (house, _):
        assert await house.database.writing(kept.forget, RLOG) == 2
    folded = await told_and_stands(url)
    assert folded[2] == 0
    assert again[:2] == folded[:2]


async def test_no_more_is_told_than_a_ring_holds(url: str, every: Any) -> None:
    every(RING)
    async with housed(url) as (house, _):
        await found(house)
        notices = (c.PostNotice(text=f"N{number}") for number in range(2 * RING + 70))
        await asyncio.gather(*(house.submit(RLOG, each, None) for each in notices))
    every(10**9)
    again = await told_and_stands(url)
    assert again[2] == 1
    since, told = again[1][RLOG]
    assert (since, len(told)) == (RING + 72, RING)
    async with housed(url) as (house, _):
        await house.database.writing(kept.forget, RLOG)
    assert (await told_and_stands(url))[:2] == again[:2]


async def test_no_snapshot_outlives_words_that_were_erased(url: str, every: Any) -> None:
    every(20)
    async with housed(url) as (house, _):
        one, _ = await lived(house)
    every(10**9)
    async with housed(url) as (house, _):
        assert [log for log, _, _ in rows(house.database) if log == RLOG]
        state = await house.room(RLOG)
        # Taken now, and on its way while the words go.
        late = kept.Snapshot(RLOG, snapshots.VERSION, state.seq, codec.take(state).pack())
        records = await house.records(RLOG, state.words[one.participant])
        await house.submit(RLOG, c.EraseContent(records=records), one)
        assert not [log for log, _, _ in rows(house.database) if log == RLOG]
        assert not await house.database.writing(kept.keep, late)
        assert not [log for log, _, _ in rows(house.database) if log == RLOG]
        state = await house.room(RLOG)
        now = kept.Snapshot(RLOG, snapshots.VERSION, state.seq, codec.take(state).pack())
        assert await house.database.writing(kept.keep, now)
    pictures, _, loaded = await told_and_stands(url)
    assert loaded == 1
    assert "Words of 0" not in str(pictures[0])
    assert "Words of 1" in str(pictures[0])


async def test_an_erasure_takes_the_snapshots_of_all_versions(tmp_path: Path, every: Any) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    every(10**9)
    async with housed(url) as (house, _):
        one, _ = await lived(house)
        for version in ("older", snapshots.VERSION):
            state = await house.room(RLOG)
            made = kept.Snapshot(RLOG, version, state.seq, codec.take(state).pack())
            assert await house.database.writing(kept.keep, made)
        assert len(rows(house.database)) == 2
        records = await house.records(RLOG, (await house.room(RLOG)).words[one.participant])
        await house.submit(RLOG, c.EraseContent(records=records), one)
        assert rows(house.database) == []


BROKEN = {
    "cut off": "body = substr(body, 1, 99)",
    "of another log": "(body, digest) = (SELECT body, digest FROM artifact WHERE log <> :log)",
    "of another seq": "as_of_seq = as_of_seq - 1",
    "digest": "digest = '00'",
    "text": "body = 'words'",
}


async def test_after_an_erasure_there_soon_is_one_again(tmp_path: Path, every: Any) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    every(10**9)
    async with housed(url) as (house, _):
        one, other = await lived(house)
        for who, long in ((one, 10**9), (other, 20)):
            every(10**9, long=long)
            records = await house.records(RLOG, (await house.room(RLOG)).words[who.participant])
            await house.submit(RLOG, c.EraseContent(records=records), who)
        seq = (await house.room(RLOG)).seq
    assert [at for _, _, at in kept_at(url)] == [seq]
    pictures, _, loaded = await told_and_stands(url)
    assert loaded == 1
    assert "Words of 1" not in str(pictures[0])


@pytest.mark.parametrize("change", list(BROKEN.values()), ids=list(BROKEN))
def test_a_broken_snapshot_is_left_aside(
    tmp_path: Path, every: Any, change: str, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    every(10**9)

    async def live() -> None:
        async with housed(url) as (house, _):
            await lived(house)
            for state in (await house.room(RLOG), await house.assembly(ALOG)):
                body = codec.take(state).pack()
                made = kept.Snapshot(state.log, snapshots.VERSION, state.seq, body)
                assert await house.database.writing(kept.keep, made)

    asyncio.run(live())
    whole = asyncio.run(told_and_stands(url))
    assert whole[2] == 2
    meddle(url, f"UPDATE artifact SET {change} WHERE log = :log")
    found = asyncio.run(told_and_stands(url))
    assert found[2] == 1
    assert found[0] == whole[0]
    assert "broken" in caplog.text
    assert "words" not in caplog.text.lower()


async def test_where_the_latest_is_broken_the_one_before_it_serves(url: str, every: Any) -> None:
    every(20)
    async with housed(url) as (house, _):
        await lived(house)
    every(10**9)
    whole = await told_and_stands(url)
    seq = max(at for log, _, at in kept_at(url) if log == RLOG)
    async with housed(url) as (house, _):
        spoil = text("UPDATE artifact SET digest = 'no' WHERE log = :log AND as_of_seq = :seq")
        await house.database.writing(
            lambda connection: connection.execute(spoil, {"log": RLOG, "seq": seq})
        )
        await house.room(RLOG)
        assert (house.snapshots.broken, house.snapshots.loaded) == (1, 1)
    assert (await told_and_stands(url))[:2] == whole[:2]


async def test_a_snapshot_of_a_log_that_became_another_is_left_aside(
    tmp_path: Path, every: Any
) -> None:
    """A database that was put back to an earlier day and went on from there, say."""
    url = f"sqlite:///{tmp_path / 'x.db'}"
    every(10**9)
    async with housed(url) as (house, _):
        await found(house)
        state = await house.room(RLOG)
        ahead = kept.Snapshot(RLOG, snapshots.VERSION, state.seq + 1, b"")
        assert not await house.database.writing(kept.keep, ahead)
        made = kept.Snapshot(RLOG, snapshots.VERSION, state.seq, codec.take(state).pack())
        assert await house.database.writing(kept.keep, made)
        await house.submit(RLOG, c.PostNotice(text="N"), None)
        other = text("UPDATE event SET previous = zeroblob(32) WHERE log = :log AND seq = :seq")
        await house.database.writing(
            lambda connection: connection.execute(other, {"log": RLOG, "seq": state.seq})
        )
    async with housed(url) as (house, _):
        assert (await house.room(RLOG)).notices
        assert (house.snapshots.broken, house.snapshots.loaded) == (1, 0)


async def test_other_versions_fold_the_log(
    tmp_path: Path, every: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    every(20)
    async with housed(url) as (house, _):
        await lived(house)
    every(10**9, long=5)
    monkeypatch.setattr(snapshots, "VERSION", "another")
    assert (await told_and_stands(url))[2] == 0
    assert (await told_and_stands(url))[2] == 2
    # Two of a log are kept, whoever made them.
    assert len([log for log, _, _ in kept_at(url) if log == RLOG]) == 2
    monkeypatch.setattr(snapshots, "VERSION", "")
    assert (await told_and_stands(url))[2] == 0


async def test_two_servers_write_one_row(every: Any) -> None:
    every(20)
    with postgres() as url:
        async with housed(url) as (one, _), housed(url, seed=2) as (other, _):
            await lived(one)
            at_one, at_other = await one.room(RLOG), await other.room(RLOG)
            assert first_difference(picture(at_one), picture(at_other)) is None
            made = [
                kept.Snapshot(RLOG, snapshots.VERSION, state.seq, codec.take(state).pack())
                for state in (at_one, at_other)
            ]
            assert made[0] == made[1]
            await asyncio.gather(
                one.database.writing(kept.keep, made[0]), other.database.writing(kept.keep, made[1])
            )
            of_room = [at for log, _, at in rows(one.database) if log == RLOG]
            assert of_room.count(at_one.seq) == 1
            assert len(of_room) <= 2


async def test_an_erasure_at_another_server_is_not_overtaken(every: Any) -> None:
    every(10**9)
    with postgres() as url:
        async with housed(url) as (one, _), housed(url, seed=2) as (other, _):
            await lived(one)
            for author in tuple((await one.room(RLOG)).words):
                state = await one.room(RLOG)
                body = codec.take(state).pack()
                late = kept.Snapshot(RLOG, snapshots.VERSION, state.seq, body)
                records = await other.records(RLOG, state.words[author])
                _, erased = await asyncio.gather(
                    one.database.writing(kept.keep, late),
                    other.submit(
                        RLOG, c.EraseContent(records=records), Actor(author, Role.PARTICIPANT)
                    ),
                )
                assert not [at for log, _, at in rows(one.database) if log == RLOG], erased.seq
                await one.look(RLOG)


async def test_a_role_that_only_serves_keeps_snapshots(every: Any) -> None:
    every(20)
    with postgres() as url:
        role = f"folkmoot_test_{secrets.token_hex(6)}"
        databases.admin(f"CREATE ROLE {role} LOGIN")
        try:
            migrate(parse(url), role)
            served = make_url(url).set(username=role).render_as_string(hide_password=False)
            async with housed(served) as (house, _):
                one, _ = await lived(house)
                words = (await house.room(RLOG)).words[one.participant]
                records = await house.records(RLOG, words)
                await house.submit(RLOG, c.EraseContent(records=records), one)
            assert house.snapshots.kept >= 3
            assert house.snapshots.failed == 0
        finally:
            databases.admin(f"DROP OWNED BY {role}", url)
            databases.admin(f"DROP ROLE {role}")


async def test_who_only_reads_keeps_none(tmp_path: Path, every: Any) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    every(10**9)
    async with housed(url) as (house, _):
        await lived(house)
    every(1, long=1)
    with closing(Database.open(url, hold=False)) as database:
        house = House(
            database, clock=SteppingClock(), chance=SeededChance(1), doorbell=LocalDoorbell()
        )
        await house.start()
        await house.room(RLOG)
        await house.stop()
        assert (house.snapshots.kept, house.snapshots.failed) == (0, 0)


async def test_a_snapshot_that_fails_is_counted_and_nothing_else(
    tmp_path: Path, every: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    every(20)

    def fails(*_: object) -> None:
        raise OSError("words")

    monkeypatch.setattr(codec, "take", fails)
    async with housed(f"sqlite:///{tmp_path / 'x.db'}") as (house, _):
        await lived(house)
        assert house.snapshots.failed >= 3
    monkeypatch.undo()
    monkeypatch.setattr(kept, "keep", fails)
    monkeypatch.setattr(states, "EVERY", 20)
    async with housed(f"sqlite:///{tmp_path / 'y.db'}") as (house, _):
        await lived(house)
    assert house.snapshots.failed >= 3
    assert house.snapshots.kept == 0

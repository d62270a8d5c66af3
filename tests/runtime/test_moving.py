"""An assembly goes to another database unchanged, and lives in one place only."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import text

from server.deliberation import commands as c
from server.deliberation.commands import Actor
from server.errors import Conflict, FolkmootError, Invalid, LogBroken, Moved, NotFound, StorageFull
from server.runtime.moving import Outcome
from server.runtime.passage import Passage
from server.runtime.writer import House
from server.store.database import Database

from ..databases import postgres
from .house import ALOG, RLOG, admit, at_home, found, key, vote, write
from .moves import SECRET, erase, holds, lived, move, moving, rows, say

ROOT = Path(__file__).resolve().parents[2]
seeds = itertools.count(100)


@dataclass
class Places:
    """Where an assembly is, and where it is to go."""

    source: str
    target: str
    people: list[Actor]


def fresh(kind: str, path: Path) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{path}"
        return
    with postgres() as url:
        yield url


@pytest.fixture(
    params=[("sqlite", "postgresql"), ("postgresql", "sqlite")],
    ids="-".join,
)
async def places(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Places]:
    """An assembly in a database, and the address of an empty one."""
    first, second = request.param
    for source in fresh(first, tmp_path / "source.db"):
        for target in fresh(second, tmp_path / "target.db"):
            async with at_home(source) as home:
                people = await lived(home.house)
            yield Places(source, target, people)


@pytest.fixture
async def files(tmp_path: Path) -> Places:
    """The same between two files."""
    source = f"sqlite:///{tmp_path / 'source.db'}"
    async with at_home(source) as home:
        people = await lived(home.house)
    return Places(source, f"sqlite:///{tmp_path / 'target.db'}", people)


async def later(house: House, people: list[Actor]) -> None:
    """Let something more happen, an erasure among it."""
    for one in people[2:5]:
        await say(house, one, f"Said later by {one.participant}", "later")
    await erase(house, people[2])


async def test_there_and_back_every_row_is_the_same(places: Places, tmp_path: Path) -> None:
    before = rows(places.source)
    assert before["payload"]
    assert before["idempotency"]
    assert len(before["embedding"]) == 12  # one more was erased
    done = move(places.source, places.target)
    assert (done.outcome, done.logs, done.taken) == (Outcome.MOVED, 2, done.events)
    assert rows(places.target) == before
    assert rows(places.source) == before
    holds(places.target)
    third = f"sqlite:///{tmp_path / 'third.db'}"
    move(places.target, third)
    assert rows(third) == before
    holds(third)


async def test_it_lives_at_the_target_alone(places: Places) -> None:
    used = key(places.people[3], "vote 0")
    with moving(places.source, places.target, address="https://new.example") as mover:
        mover.move("town")
    async with at_home(places.source, seed=next(seeds)) as home:
        assert (await home.house.room(RLOG)).votes.votes == 144
        statement = next(iter((await home.house.room(RLOG)).statements))
        for log, command, who in (
            (RLOG, vote(statement), places.people[3]),
            (ALOG, c.AdmitPeople(sources=("x",), channel="simulated", name="N"), None),
        ):
            with pytest.raises(Moved, match=r"has moved to https://new\.example; nothing"):
                await home.house.submit(log, command, who)
    async with at_home(places.target, seed=next(seeds)) as home:
        again = await home.house.submit(RLOG, vote(statement), places.people[3], key=used)
        assert again.repeated
        assert again.recorded[0].seq == again.seq
        seq = (await home.house.submit(RLOG, vote(statement), places.people[3])).seq
        assert seq == (await home.house.room(RLOG)).seq
        await admit(home.house, 1)
    holds(places.target)
    assert move(places.source, places.target).outcome is Outcome.THERE


async def test_it_can_come_back_with_what_happened_meanwhile(places: Places) -> None:
    move(places.source, places.target)
    async with at_home(places.target, seed=next(seeds)) as home:
        await later(home.house, places.people)
    after = rows(places.target)
    done = move(places.target, places.source)
    assert (done.outcome, done.taken) == (Outcome.MOVED, 4)
    assert rows(places.source) == after
    holds(places.source)
    async with at_home(places.source, seed=next(seeds)) as home:
        await write(home.house, places.people[6], "At home again")
    async with at_home(places.target, seed=next(seeds)) as home:
        with pytest.raises(Moved, match="to another server"):
            await write(home.house, places.people[6], "Nobody lives here")
    assert move(places.target, places.source).outcome is Outcome.THERE


async def test_a_copy_leaves_both_open_and_takes_what_is_new(places: Places) -> None:
    done = move(places.source, places.target, copy=True)
    assert done.outcome is Outcome.COPIED
    async with at_home(places.source, seed=next(seeds)) as home:
        await later(home.house, places.people)
    assert move(places.source, places.target, copy=True).taken == 4
    assert rows(places.target) == rows(places.source)
    holds(places.target)
    assert move(places.source, places.target, copy=True).outcome is Outcome.THERE
    done = move(places.source, places.target)
    assert (done.outcome, done.taken) == (Outcome.MOVED, 0)
    async with at_home(places.source, seed=next(seeds)) as home:
        with pytest.raises(Moved):
            await write(home.house, places.people[6], "Too late")


async def test_a_copy_that_went_on_by_itself_is_refused(files: Places) -> None:
    move(files.source, files.target, copy=True)
    async with at_home(files.target, seed=next(seeds)) as home:
        await write(home.house, files.people[6], "Said in the copy")
    kept = rows(files.target)
    with pytest.raises(Conflict, match="has gone on there by itself"):
        move(files.source, files.target)
    async with at_home(files.source, seed=next(seeds)) as home:
        await write(home.house, files.people[6], "Said at the source")
    with pytest.raises(Conflict, match=f"holds the log {RLOG} of 'town' with another history"):
        move(files.source, files.target)
    assert rows(files.target) == kept


async def test_another_assembly_of_that_name_is_refused(files: Places) -> None:
    async with at_home(files.target, seed=7) as home:
        await found(home.house, slug="town", assembly="a" + "1" * 16, room="r" + "1" * 16)  # type: ignore[arg-type]
    with pytest.raises(Conflict, match="another assembly with the slug 'town'"):
        move(files.source, files.target)
    async with at_home(files.source, seed=next(seeds)) as home:
        await write(home.house, files.people[6], "It is open as before")


async def test_nothing_moves_where_one_of_them_cannot(files: Places) -> None:
    async with at_home(files.source, seed=8) as home:
        await found(home.house, slug="also", assembly="a" + "1" * 16, room="r" + "1" * 16)  # type: ignore[arg-type]
    async with at_home(files.target, seed=9) as home:
        await found(home.house, slug="town", assembly="a" + "2" * 16, room="r" + "2" * 16)  # type: ignore[arg-type]
    with moving(files.source, files.target) as mover:
        with pytest.raises(Conflict, match="'town'"):
            mover.slugs()
        with pytest.raises(NotFound, match="'nowhere'"):
            mover.slugs(["also", "nowhere"])
        assert mover.slugs(["also"]) == ("also",)
        assert mover.move("also").outcome is Outcome.MOVED


async def test_it_goes_on_from_where_it_lives(files: Places, tmp_path: Path) -> None:
    third = f"sqlite:///{tmp_path / 'third.db'}"
    move(files.source, files.target)
    with moving(files.source, third) as mover:
        assert mover.slugs() == ("town",)
        done = mover.move("town")
    assert (done.outcome, done.place) == (Outcome.ELSEWHERE, str(tmp_path / "target.db"))
    assert rows(third)["event"] == []
    move(files.target, third)
    with pytest.raises(Conflict, match="was moved on to"):
        move(files.source, files.target)


def test_the_same_database_is_refused(files: Places, tmp_path: Path) -> None:
    with postgres() as url, pytest.raises(Invalid, match="is the database that is to be moved"):
        move(url, url)
    with pytest.raises(NotFound, match="no assembly at"):
        move(files.target, files.source)


async def test_a_log_that_does_not_hold_stays_where_it_is(files: Places) -> None:
    database = Database.open(files.source)
    await database.writing(
        lambda connection: connection.execute(
            text("UPDATE payload SET body = :body WHERE log = :log AND seq = 5"),
            {"body": b'{"at":1,"by":null,"event":{"type":"x"}}', "log": RLOG},
        )
    )
    database.close()
    with pytest.raises(LogBroken, match="the payload of 5 was changed"):
        move(files.source, files.target)
    assert rows(files.target)["log"] == []


async def test_a_full_target_leaves_it_open_at_the_source(files: Places) -> None:
    with moving(files.source, files.target) as mover:
        pages = mover._target.read(lambda c: c.execute(text("PRAGMA page_count")).scalar_one())
        mover._target.limit_pages(pages + 4)
        with pytest.raises(StorageFull):
            mover.move("town")
    assert rows(files.target)["log"] == []
    async with at_home(files.source, seed=next(seeds)) as home:
        await write(home.house, files.people[6], "It is open as before")
    assert move(files.source, files.target).outcome is Outcome.MOVED


async def test_what_fails_after_the_closing_opens_it_again(
    files: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise StorageFull("The disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr(Passage, "settle_there", fail)
        with pytest.raises(StorageFull):
            move(files.source, files.target)
    async with at_home(files.source, seed=next(seeds)) as home:
        await write(home.house, files.people[6], "It is open as before")


VICTIM = """
import os, sys
from server.runtime import moving, passage
from server.store.database import Database

source, target, when = sys.argv[1:]
passage.log.CHUNK = 20
steps = 0

def die(*_):
    os.kill(os.getpid(), 9)

def told(step):
    global steps
    steps += 1
    if when.isdigit() and steps == int(when):
        die()

if when == "closed":
    passage.Passage.settle_there = die
if when == "committed":
    commit = passage.Passage.commit
    passage.Passage.commit = lambda self: (commit(self), die())
mover = moving.Mover(Database.open(source), Database.open(target), told=told)
mover.move("town")
"""


def kill(places: Places, when: str) -> int:
    """Move in a process that kills itself at some point; return how it ended."""
    line = [sys.executable, "-c", VICTIM, places.source, places.target, when]
    return subprocess.run(line, cwd=ROOT, timeout=60, check=False).returncode


@pytest.mark.faults
@pytest.mark.parametrize("when", ["9", "closed"])
async def test_killed_at_any_point_it_is_completed_by_the_same_again(
    places: Places, when: str
) -> None:
    await killed(places, when)


@pytest.mark.faults
@pytest.mark.parametrize("when", ["1", "committed"])
async def test_killed_at_first_or_at_last_likewise(files: Places, when: str) -> None:
    await killed(files, when)


async def killed(places: Places, when: str) -> None:
    before = rows(places.source)
    assert kill(places, when) == -signal.SIGKILL
    assert rows(places.target)["event"] == (before["event"] if when == "committed" else [])
    async with at_home(places.source, seed=next(seeds)) as home:
        if when.isdigit():
            await say(home.house, places.people[6], "Open until it is closed", "k")
        else:
            with pytest.raises(Moved):
                await write(home.house, places.people[6], "Closed already")
    before = rows(places.source)
    done = move(places.source, places.target)
    assert done.outcome is (Outcome.THERE if when == "committed" else Outcome.MOVED)
    assert rows(places.target) == before
    holds(places.target)


async def test_what_was_cut_off_can_be_opened_again(files: Places) -> None:
    with moving(files.source, files.target) as mover, pytest.raises(Conflict, match="is open"):
        mover.reopen("town")
    assert kill(files, "closed") == -signal.SIGKILL
    with moving(files.source, files.target) as mover:
        mover.reopen("town")
    async with at_home(files.source, seed=next(seeds)) as home:
        await write(home.house, files.people[6], "Open again")
    move(files.source, files.target)
    with moving(files.source, files.target) as mover, pytest.raises(Conflict, match="has arrived"):
        mover.reopen("town")


def all_bytes(folder: Path) -> bytes:
    return b"".join(each.read_bytes() for each in folder.glob("target.db*"))


async def test_what_was_erased_after_a_copy_is_erased_in_it(files: Places, tmp_path: Path) -> None:
    move(files.source, files.target, copy=True)
    before = all_bytes(tmp_path)
    assert b"We want thing 2" in before
    assert SECRET.encode() in before
    async with at_home(files.source, seed=next(seeds)) as home:
        await erase(home.house, files.people[2])
        await erase(home.house, files.people[0])
    move(files.source, files.target)
    after = all_bytes(tmp_path)
    assert b"We want thing 2" not in after
    assert SECRET.encode() not in after
    assert rows(files.target) == rows(files.source)
    with pytest.raises(FolkmootError):
        move(files.target, files.target)

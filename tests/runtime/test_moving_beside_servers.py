"""Moving house where servers and workers are: while they write, and as the role they have."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from sqlalchemy import make_url

from server.deliberation.commands import Actor
from server.errors import Conflict, Invalid, Moved
from server.runtime.moving import Mover, Outcome
from server.runtime.passage import Passage
from server.store import log as store
from server.store import works
from server.store.database import Database, migrate

from ..databases import url_of
from ..store.test_roles import role_in
from .house import ALOG, RLOG, at_home, write
from .moves import erase, holds, lived, move, moving, rows, say


async def test_a_server_that_runs_meanwhile_loses_nothing(
    postgres_url: str, tmp_path: Path
) -> None:
    target = f"sqlite:///{tmp_path / 'target.db'}"
    async with at_home(postgres_url) as home:
        people = await lived(home.house)
        acknowledged: dict[int, str] = {}
        refused = 0

        async def speak(one: Actor) -> None:
            nonlocal refused
            for n in range(400):
                try:
                    done = await say(home.house, one, f"Thing {n} of {one.participant}", f"s{n}")
                except Moved:
                    refused += 1
                    return
                acknowledged[done.seq] = f"Thing {n} of {one.participant}"

        speaking = [asyncio.create_task(speak(one)) for one in people[3:8]]
        await asyncio.sleep(0.3)
        done = await asyncio.to_thread(move, postgres_url, target)
        async with asyncio.timeout(30):
            await asyncio.gather(*speaking)
    assert done.outcome is Outcome.MOVED
    assert refused == len(speaking)
    assert rows(target) == rows(postgres_url)
    holds(target)
    database = Database.open(target, hold=False)
    arrived = {each.seq: each.event for each in database.read(store.records, RLOG)}
    database.close()
    assert acknowledged
    assert {seq: arrived[seq].text for seq in acknowledged} == acknowledged  # type: ignore[union-attr]


def all_bytes(folder: Path) -> bytes:
    return b"".join(each.read_bytes() for each in folder.glob("target.db*"))


async def test_whoever_serves_may_take_an_assembly_in_and_not_close_one(
    postgres_url: str, tmp_path: Path
) -> None:
    source = f"sqlite:///{tmp_path / 'source.db'}"
    async with at_home(source) as home:
        people = await lived(home.house)
    with role_in(postgres_url) as role:
        migrate(postgres_url, role)
        served = url_of(make_url(postgres_url).database or "", username=role)
        move(source, served, copy=True)
        async with at_home(source, seed=2) as home:
            await write(home.house, people[3], "Said after the copy")
            await erase(home.house, people[2])
        move(source, served)
        assert rows(served) == rows(source)
        third = f"sqlite:///{tmp_path / 'third.db'}"
        with pytest.raises(Invalid, match="move as the owner of its tables"):
            move(served, third)
        assert move(served, third, copy=True).outcome is Outcome.COPIED


async def test_nobody_opens_what_is_just_arriving(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = f"sqlite:///{tmp_path / 'target.db'}"
    async with at_home(postgres_url) as home:
        people = await lived(home.house)
    commit = Passage.commit
    told: list[str] = []

    def reopen(beside: Mover) -> None:
        try:
            beside.reopen("town")
        except Conflict as refused:
            told.append(refused.message)

    with moving(postgres_url, target) as mover:
        # Another operator, whose process sees both databases.
        beside = Mover(Database.open(postgres_url), mover._target)

        def commit_late(passage: Passage) -> None:
            opening.start()
            opening.join(1)
            assert opening.is_alive(), told
            commit(passage)

        opening = threading.Thread(target=reopen, args=(beside,))
        with monkeypatch.context() as patched:
            patched.setattr(Passage, "commit", commit_late)
            mover.move("town")
        opening.join(10)
        beside._source.close()
    assert told == [f"town has arrived at {tmp_path / 'target.db'}, and lives there."]
    async with at_home(postgres_url, seed=7) as home:
        with pytest.raises(Moved):
            await write(home.house, people[6], "It lives elsewhere")


async def test_workers_have_nothing_to_do_for_what_has_moved(tmp_path: Path) -> None:
    def worked_on(url: str) -> set[str]:
        database = Database.open(url, hold=False)
        found = database.read(works.heads)
        database.close()
        return set(found)

    source, target = (f"sqlite:///{tmp_path / name}.db" for name in ("source", "target"))
    async with at_home(source) as home:
        await lived(home.house)
    assert worked_on(source) == {ALOG, RLOG}
    move(source, target)
    assert worked_on(source) == set()
    assert worked_on(target) == {ALOG, RLOG}

"""A PostgreSQL of the test's own whose disk fills, and whose password expires."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from evals.faults import services
from server.deliberation import commands as c
from server.deliberation.events import NoticePosted
from server.errors import Fault, StorageFull, Unreachable
from server.runtime.writer import House
from server.store.database import Database, migrate
from server.store.replay import replay

from ..runtime.house import RLOG, admit, at_home, found, vote, write

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(90),
    pytest.mark.skipif(
        services.postgres_binaries() is None or bool(services.missing()),
        reason="PostgreSQL's binaries are not installed",
    ),
]


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Give a folder in which 4 MiB have room, for PostgreSQL's user."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m,mode=0700", "folkmoot", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip("nothing can be mounted here")
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)


async def test_a_disk_that_fills_is_told_and_nothing_acknowledged_is_lost() -> None:
    with services.folder_of_ones_own() as folder, small_disk(folder / "small") as disk:
        async with services.postgres_in(folder) as server:
            url = await server.create("town")
            await asyncio.to_thread(migrate, url)
            await server.run(f"CREATE TABLESPACE small LOCATION '{disk}'")
            await server.run("ALTER TABLE payload SET TABLESPACE small", database="town")
            async with at_home(url) as home:
                await found(home.house)
                kept, full = await _until_full(home.house)
                assert kept
                assert "its disk is full" in full.message
                assert (await home.house.room(RLOG)).seq == kept[-1]
                await server.run("ALTER TABLE payload SET TABLESPACE pg_default", database="town")
                done = await home.house.submit(RLOG, c.PostNotice(text="again"), None)
                assert done.seq == kept[-1] + 1
                read = await home.house.records(RLOG, [*kept, done.seq])
                assert [each.seq for each in read] == [*kept, done.seq]
                assert all(isinstance(each.event, NoticePosted) for each in read)
                assert (await home.database.reading(replay, RLOG)).difference is None


async def _until_full(house: House) -> tuple[list[int], StorageFull]:
    kept: list[int] = []
    for number in range(400):
        answers = await asyncio.gather(
            *(
                house.submit(RLOG, c.PostNotice(text=f"{number} {each} " + "é" * 300), None)
                for each in range(64)
            ),
            return_exceptions=True,
        )
        for answer in answers:
            if isinstance(answer, StorageFull):
                return kept, answer
            assert not isinstance(answer, BaseException), answer
            kept.append(answer.seq)
    raise AssertionError("the disk did not fill")


async def test_a_password_that_expires_is_told_and_overcome() -> None:
    with services.folder_of_ones_own() as folder:
        await _expire(folder)


async def _expire(folder: Path) -> None:
    async with services.postgres_in(folder) as server:
        rules = folder / "postgres" / "data" / "pg_hba.conf"
        rules.write_text("host all postgres all trust\nhost all all all scram-sha-256\n")
        await server.run(
            "SELECT pg_reload_conf()", "CREATE ROLE serving LOGIN PASSWORD 'first-hidden'"
        )
        owner = await server.create("town")
        await asyncio.to_thread(migrate, owner, "serving")
        url = owner.replace("postgres@", "serving:first-hidden@")
        with pytest.raises(Unreachable, match="password is wrong or has expired") as refused:
            Database.open(url.replace("first-", "other-"))
        assert "hidden" not in refused.value.message
        with pytest.raises(Unreachable, match="refused this user"):
            Database.open(url.replace(":first-hidden", ""))
        async with at_home(url) as home:
            await found(home.house)
            people = await admit(home.house, 8)
            statement = await write(home.house, people[0], "S")
            await server.run(
                "ALTER ROLE serving VALID UNTIL '2001-01-01'",
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE usename = 'serving'",
            )
            answers = await asyncio.gather(
                *(home.house.submit(RLOG, vote(statement), each) for each in people),
                return_exceptions=True,
            )
            faults = [each for each in answers if isinstance(each, Fault)]
            assert len(faults) == len(people)
            assert all("has expired" in each.message for each in faults)
            await server.run("ALTER ROLE serving VALID UNTIL 'infinity'")
            await asyncio.gather(
                *(home.house.submit(RLOG, vote(statement), each) for each in people)
            )
            assert (await home.house.room(RLOG)).votes.votes == len(people)
            assert (await home.database.reading(replay, RLOG)).difference is None

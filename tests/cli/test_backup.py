"""Backing up while people vote, and restoring into an empty place: nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from sqlalchemy import make_url

from server.__main__ import cli
from server.ids import LogId
from server.runtime.house import open_house
from server.settings import Secret, Settings
from tests import databases
from tests.serving import World, bearer, found, serving, settings_in

ROOT = Path(__file__).resolve().parents[2]
SECRET = "a secret of the tests, and long enough"  # what both places sign sessions with


def environment(settings: Settings) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("FOLKMOOT_")}
    return kept | {
        "FOLKMOOT_DATA_DIR": str(settings.data_dir),
        "FOLKMOOT_DATABASE_URL": settings.database_url,
        "FOLKMOOT_SECRET_KEY": settings.secret_key.reveal(),
        "FOLKMOOT_EMBEDDER": "lexical",
        "OMP_NUM_THREADS": "1",
    }


async def beside(settings: Settings, *arguments: str) -> str:
    """Run a command in a process of its own, beside the server; return what it printed."""
    line = [sys.executable, "-W", "error", "-m", "server", *arguments]
    return await shell(line, environment(settings))


async def run(settings: Settings, *arguments: str) -> str:
    """Run a command on a thread of this process, which is quicker; return what it printed."""
    done = await asyncio.to_thread(
        CliRunner().invoke, cli, list(arguments), env=environment(settings)
    )
    assert done.exit_code == 0, done.output
    return done.output


async def shell(line: list[str], environment: dict[str, str] | None = None) -> str:
    process = await asyncio.create_subprocess_exec(
        *line, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    async with asyncio.timeout(60):
        out, error = await process.communicate()
    assert process.returncode == 0, error.decode()
    return out.decode()


@asynccontextmanager
async def voting(base_url: str, world: World) -> AsyncIterator[list[tuple[int, str]]]:
    """Let three people vote without a pause; give what was acknowledged, as it is."""
    acknowledged: list[tuple[int, str]] = []
    ended = asyncio.Event()

    async def vote(token: str) -> None:
        path = f"/api/rooms/{world.room}"
        async with httpx.AsyncClient(base_url=base_url, headers=bearer(token)) as client:
            text = f"Statement {token[-6:]} of the backup"
            written = await client.post(f"{path}/statements", json={"text": text})
            statement = written.json()["statement_id"]
            acknowledged.append((written.json()["seq"], statement))
            number = 0
            while not ended.is_set():
                choice = ("agree", "disagree", "pass")[number % 3]
                number += 1
                body = {"statement_id": statement, "choice": choice}
                answer = await client.post(f"{path}/votes", json=body)
                acknowledged.append((answer.json()["seq"], choice))

    voters = [asyncio.create_task(vote(await world.token())) for _ in range(3)]
    try:
        await reach(acknowledged, 30)
        yield acknowledged
    finally:
        ended.set()
        await asyncio.gather(*voters)


async def reach(acknowledged: list[tuple[int, str]], count: int) -> None:
    """Wait until so much was acknowledged."""
    async with asyncio.timeout(30):
        while len(acknowledged) < count:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)


async def logs_of(settings: Settings, world: World) -> dict[str, list[object]]:
    """Return every event of the assembly's logs."""
    async with open_house(settings, write=False) as house:
        return {
            log: list(await house.records(LogId(log), range(1, 100_000)))
            for log in (world.assembly, world.room)
        }


async def holds(
    restored: Settings,
    original: Settings,
    world: World,
    before: list[tuple[int, str]],
    tmp_path: Path,
) -> None:
    """Assert that a restored place is the original as of a moment after ``before``."""
    assert "nothing differs" in await run(restored, "replay", world.slug)
    kept, all_of_it = await logs_of(restored, world), await logs_of(original, world)
    for log, events in kept.items():
        assert events == all_of_it[log][: len(events)]
    room = kept[world.room]
    assert len(room) < len(all_of_it[world.room]), "people went on voting"
    for seq, what in before:
        event = room[seq - 1].event  # type: ignore[attr-defined]  # it is a record
        assert what in (getattr(event, "choice", None), getattr(event, "statement", None))
    out = tmp_path / "bundle-after"
    await run(restored, "export", world.slug, "--out", str(out))
    key = tmp_path / "bundle-before" / "public-key.raw"
    assert "hold" in await run(restored, "verify", str(out), "--key", str(key))
    await run(restored, "verify", str(tmp_path / "bundle-before"))


async def goes_on(settings: Settings, world: World, token: str) -> None:
    """Assert that the restored place serves, and knows the sessions from before."""
    async with (
        serving(settings) as served,
        httpx.AsyncClient(base_url=served.base_url, headers=bearer(token)) as client,
    ):
        path = f"/api/rooms/{world.room}/statements"
        answer = await client.post(path, json={"text": "We went on from the backup."})
        assert answer.status_code == 201


async def test_sqlite_is_backed_up_under_load_and_restored(tmp_path: Path) -> None:
    keep = {"secret_key": _secret(), "votes_per_hour": 0}
    original = settings_in(tmp_path / "one", **keep)
    backup, keys = tmp_path / "backup", tmp_path / "keys"
    async with serving(original) as served:
        world = await found(served.desk)
        token = await world.token()
        await run(original, "export", world.slug, "--out", str(tmp_path / "bundle-before"))
        async with voting(served.base_url, world) as acknowledged:
            before = list(acknowledged)
            said = await beside(original, "backup", str(backup), "--keys", str(keys))
            await reach(acknowledged, len(acknowledged) + 10)
    assert "folkmoot.db" in said
    assert "signing.key" in said
    assert {file.stat().st_mode & 0o777 for file in (*backup.iterdir(), *keys.iterdir())} == {0o600}
    restored = settings_in(tmp_path / "two", **keep)
    shutil.copytree(backup, restored.data_dir)
    shutil.copytree(keys, restored.data_dir, dirs_exist_ok=True)
    await holds(restored, original, world, before, tmp_path)
    await goes_on(restored, world, token)


async def test_postgresql_is_dumped_under_load_and_restored(
    tmp_path: Path, postgres_url: str
) -> None:
    if shutil.which("pg_dump") is None:
        pytest.skip("pg_dump is not installed")
    keep = {"secret_key": _secret(), "votes_per_hour": 0}
    original = settings_in(tmp_path / "one", database_url=postgres_url, **keep)
    dump = tmp_path / "folkmoot.dump"
    async with serving(original) as served:
        world = await found(served.desk)
        token = await world.token()
        await run(original, "export", world.slug, "--out", str(tmp_path / "bundle-before"))
        async with voting(served.base_url, world) as acknowledged:
            before = list(acknowledged)
            await shell(["pg_dump", "--format=custom", f"--file={dump}", plain(postgres_url)])
            await reach(acknowledged, len(acknowledged) + 10)
    with databases.postgres(migrated=False) as empty:
        await shell(["pg_restore", "--exit-on-error", f"--dbname={plain(empty)}", str(dump)])
        restored = settings_in(tmp_path / "two", database_url=empty, **keep)
        restored.data_dir.mkdir()
        shutil.copy2(original.data_dir / "signing.key", restored.data_dir)
        await holds(restored, original, world, before, tmp_path)
        await goes_on(restored, world, token)


async def test_a_backup_writes_over_nothing_and_leaves_no_half(tmp_path: Path) -> None:
    settings = settings_in(tmp_path / "one")
    async with serving(settings) as served:
        await found(served.desk)
    full = tmp_path / "full"
    full.mkdir()
    (full / "letter").write_text("kept")
    for folder, said in ((full, "not empty"), (full / "letter" / "in", "")):
        with pytest.raises(AssertionError) as failed:
            await run(settings, "backup", str(folder))
        told = str(failed.value).split("\nassert")[0]
        assert told.startswith("Error: ")
        assert said in told
        assert told.strip().count("\n") == 0
    assert (full / "letter").read_text() == "kept"
    broken = settings_in(tmp_path / "two")
    broken.data_dir.mkdir()
    (broken.data_dir / "folkmoot.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 8192)
    with pytest.raises(AssertionError, match="Error: "):
        await run(broken, "backup", str(tmp_path / "half"))
    assert list((tmp_path / "half").iterdir()) == []


async def test_what_was_erased_is_not_in_a_backup_taken_later(tmp_path: Path) -> None:
    settings = settings_in(tmp_path / "one")
    words = "Nobody shall read this again"
    async with serving(settings) as served:
        world = await found(served.desk)
        headers = bearer(await world.token())
        async with httpx.AsyncClient(base_url=served.base_url, headers=headers) as client:
            path = f"/api/rooms/{world.room}/statements"
            assert (await client.post(path, json={"text": words})).status_code == 201
            await run(settings, "backup", str(tmp_path / "older"))
            assert (await client.post("/api/me/erase", json={})).is_success
        await run(settings, "backup", str(tmp_path / "newer"))
    older, newer = ((tmp_path / name / "folkmoot.db").read_bytes() for name in ("older", "newer"))
    assert words.encode() in older
    assert words.encode() not in newer
    with sqlite3.connect(tmp_path / "newer" / "folkmoot.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def _secret() -> Secret:
    return Secret(SECRET)


def plain(url: str) -> str:
    """Return an address as PostgreSQL's own programs take it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)

"""Opening the database: one owner, known versions, and clear refusals."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

from server.errors import DatabaseHeld, DatabaseNewer, Invalid, StorageFault, StorageFull
from server.ids import LogId
from server.store import artifacts
from server.store.artifacts import Artifact
from server.store.database import Database
from server.store.tables import METADATA

HOLDER = """
import sys, time
from server.store.database import Database
database = Database.open(sys.argv[1])
print("held", flush=True)
time.sleep(60)
"""


def url(path: Path) -> str:
    return f"sqlite:///{path}"


def pragma(connection: Connection, name: str) -> object:
    return connection.execute(text(f"PRAGMA {name}")).scalar()


def test_the_first_migration_makes_the_tables(tmp_path: Path) -> None:
    database = Database.open(url(tmp_path / "deep" / "er" / "x.db"))

    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), METADATA))

    assert database.read(differences) == []
    database.close()


async def test_what_is_written_is_durable_before_it_is_answered(tmp_path: Path) -> None:
    database = Database.open(url(tmp_path / "x.db"))
    assert await database.writing(pragma, "journal_mode") == "wal"
    assert await database.writing(pragma, "synchronous") == 2
    assert await database.writing(pragma, "foreign_keys") == 1
    assert await database.writing(pragma, "secure_delete") == 1
    assert await database.reading(pragma, "query_only") == 1
    database.close()


def test_a_second_process_is_refused_within_six_seconds(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, url(path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        began = time.monotonic()
        with pytest.raises(DatabaseHeld, match="Another server holds"):
            Database.open(url(path), wait=1.0)
        assert 0.9 < time.monotonic() - began < 6
        beside = Database.open(url(path), hold=False)
        assert beside.read(pragma, "query_only") == 1
        beside.close()
        holder.kill()
    Database.open(url(path), wait=1.0).close()


def test_the_lock_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER.replace("60", "0.7"), url(path)],
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        Database.open(url(path)).close()


def test_a_newer_database_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    Database.open(url(path)).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    before = path.read_bytes()
    for hold in (True, False):
        with pytest.raises(DatabaseNewer, match="9999"):
            Database.open(url(path), hold=hold)
    assert path.read_bytes() == before
    with pytest.raises(DatabaseNewer):
        Database.open(url(path), wait=0.1)  # and the lock was let go of


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.write_text("this is not a database, though it is long enough to have been one" * 20)
    before = path.read_bytes()
    for hold in (True, False):
        with pytest.raises(StorageFault):
            Database.open(url(path), hold=hold)
    assert path.read_bytes() == before


def test_there_must_be_something_to_read(tmp_path: Path) -> None:
    with pytest.raises(StorageFault, match="no database"):
        Database.open(url(tmp_path / "none.db"), hold=False)
    assert not (tmp_path / "none.db").exists()
    empty = tmp_path / "empty.db"
    with sqlite3.connect(empty) as connection:
        connection.execute("CREATE TABLE x (y)")
    connection.close()
    with pytest.raises(StorageFault, match="older version or empty"):
        Database.open(url(empty), hold=False)


def test_another_kind_of_database_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        Database.open("mysql://localhost/x")
    assert refused.value.field == "FOLKMOOT_DATABASE_URL"


async def test_reading_only_cannot_write(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    Database.open(url(path)).close()
    database = Database.open(url(path), hold=False)
    with pytest.raises(StorageFault, match="reading only"):
        await database.writing(pragma, "user_version")
    with pytest.raises(StorageFault):
        database.read(lambda connection: connection.execute(text("DELETE FROM log")))
    database.close()


async def test_a_full_disk_has_its_own_name_and_reading_goes_on(tmp_path: Path) -> None:
    database = Database.open(url(tmp_path / "x.db"))
    big = Artifact(LogId("r1"), "analysis", "d", 1, os.urandom(4_000_000))
    small = Artifact(LogId("r1"), "analysis", "e", 2, b"small")
    await database.writing(artifacts.keep, small)
    pages = await database.writing(pragma, "page_count")
    assert isinstance(pages, int)
    database.limit_pages(pages + 5)
    with pytest.raises(StorageFull):
        await database.writing(artifacts.keep, big)
    assert await database.reading(artifacts.latest, LogId("r1"), "analysis") == small
    database.limit_pages(None)
    await database.writing(artifacts.keep, big)
    assert await database.reading(artifacts.find, LogId("r1"), "analysis", "d") == big
    assert await database.writing(artifacts.forget, LogId("r1")) == 2
    database.close()


async def test_an_error_does_not_carry_what_people_wrote(database_url: str) -> None:
    database = Database.open(database_url)

    def fail(connection: Connection) -> None:
        connection.execute(text("INSERT INTO nowhere VALUES (:words)"), {"words": "secret words"})

    with pytest.raises(StorageFault) as fault:
        await database.writing(fail)
    assert "secret" not in str(fault.value)
    assert fault.value.__cause__ is None
    assert fault.value.__suppress_context__
    database.close()


async def test_vectors_are_kept_by_model_and_digest(database_url: str) -> None:
    database = Database.open(database_url)
    many = {f"{n:064x}": bytes([n % 256] * 8) for n in range(1_200)}
    await database.writing(artifacts.keep_vectors, "e5", many)
    assert await database.reading(artifacts.vectors, "e5", (*many, "unknown")) == many
    assert await database.reading(artifacts.vectors, "other", tuple(many)) == {}
    database.close()


def test_what_is_made_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "x.db"
    before = os.umask(0o022)
    try:
        database = Database.open(f"sqlite:///{path}")
        with database.connect_writer() as connection:
            connection.execute(text("CREATE TABLE t (x)"))
            connection.commit()
            made = {each.name: each.stat().st_mode & 0o777 for each in path.parent.iterdir()}
        database.close()
    finally:
        os.umask(before)
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert "x.db-wal" in made
    assert set(made.values()) == {0o600}


@pytest.mark.parametrize(
    "url",
    [
        "garbage",
        "sqlite://",
        "a:b",
        "mysql://user:hidden@host/base",
        "postgresql://user:hidden@host",
        "postgresql+asyncpg://user:hidden@host/base",
        "postgresql://user:hidden@host/base?nonsense=1",
    ],
)
def test_an_address_of_no_database_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(Invalid) as refused:
        Database.open(url)
    assert refused.value.field == "FOLKMOOT_DATABASE_URL"
    assert "hidden" not in refused.value.message

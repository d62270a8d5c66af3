"""What is PostgreSQL's own: migrations by command, sessions, and connections that die."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url

from server.errors import (
    DatabaseNewer,
    Fault,
    Invalid,
    StorageFault,
)
from server.store import installation, postgres
from server.store import log as store
from server.store.backend import READERS
from server.store.database import Database, migrate
from server.store.postgres import WRITERS
from server.store.replay import replay
from server.store.writing import Wanted

from .. import databases
from ..runtime.house import RLOG, admit, at_home, found, key, vote, write
from .ledgers import A, appending, ledger_of, opened

pytestmark = pytest.mark.timeout(60)


def asked(connection: Connection, sql: str) -> Any:
    return connection.execute(text(sql)).scalar()


def test_the_migrations_make_the_tables_that_the_program_has(postgres_url: str) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, store.LOG.metadata))

    with opened(postgres_url) as database:
        assert database.read(differences) == []
        assert not database.held
        assert database.shared


def test_nothing_is_made_by_opening_and_migrate_says_what_it_did() -> None:
    with databases.postgres(migrated=False) as url:
        for hold in (True, False):
            with pytest.raises(StorageFault, match="run the command migrate"):
                Database.open(url, hold=hold)
        assert databases.admin(
            "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", url
        ) == [(0,)]
        assert migrate(url)
        assert not migrate(url)
        Database.open(url).close()


def test_two_that_migrate_at_once_wait_for_each_other() -> None:
    with databases.postgres(migrated=False) as url:
        answers: list[bool] = []
        threads = [threading.Thread(target=lambda: answers.append(migrate(url))) for _ in range(3)]
        for each in threads:
            each.start()
        for each in threads:
            each.join(30)
        assert sorted(answers) == [False, False, True]


def test_a_newer_database_is_refused(postgres_url: str) -> None:
    databases.admin("UPDATE alembic_version SET version_num = '9999'", postgres_url)
    for work in (Database.open, migrate):
        with pytest.raises(DatabaseNewer, match="9999"):
            work(postgres_url)


SETTINGS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")


async def test_every_session_has_its_limits_and_commits_are_durable(postgres_url: str) -> None:
    name = make_url(postgres_url).database
    databases.admin(f'ALTER DATABASE "{name}" SET synchronous_commit = off')

    def settings(connection: Connection) -> dict[str, Any]:
        names = (*SETTINGS, "transaction_isolation", "transaction_read_only", "synchronous_commit")
        found = {each: asked(connection, f"SHOW {each}") for each in names}
        return found | {"application_name": asked(connection, "SHOW application_name")}

    with opened(postgres_url) as database:
        reading = await database.reading(settings)
        writing = await database.writing(settings)
    assert reading == {
        "statement_timeout": "30s",
        "lock_timeout": "5s",
        "idle_in_transaction_session_timeout": "1min",
        "transaction_isolation": "repeatable read",
        "transaction_read_only": "on",
        "synchronous_commit": "off",
        "application_name": "folkmoot",
    }
    assert writing == {
        "statement_timeout": "10s",
        "lock_timeout": "9s",
        "idle_in_transaction_session_timeout": "5s",
        "transaction_isolation": "read committed",
        "transaction_read_only": "off",
        "synchronous_commit": "on",
        "application_name": "folkmoot",
    }


async def test_reading_sees_one_moment(postgres_url: str) -> None:
    with opened(postgres_url) as database, ledger_of(postgres_url) as ledger:

        def twice(connection: Connection) -> tuple[int, int]:
            before = len(store.logs(connection, store.ROOM))
            ledger.commit([appending(ledger.begin(Wanted({A: 0})), A)], ())
            return before, len(store.logs(connection, store.ROOM))

        assert await database.reading(twice) == (0, 0)
        assert await database.reading(store.logs, store.ROOM) == (A,)


async def test_reading_only_cannot_write(postgres_url: str) -> None:
    with opened(postgres_url, hold=False) as database:
        with pytest.raises(StorageFault, match="reading only"):
            await database.writing(asked, "SELECT 1")
        with pytest.raises(StorageFault, match="takes no writes"):
            database.read(lambda connection: connection.execute(text("DELETE FROM log")))


async def test_connections_are_few_whatever_is_asked_at_once(postgres_url: str) -> None:
    async with at_home(postgres_url) as home:
        await found(home.house)
        await asyncio.gather(
            *(home.database.reading(asked, "SELECT pg_sleep(0.02)") for _ in range(30)),
            *(home.database.writing(asked, "SELECT pg_sleep(0.01)") for _ in range(3)),
            *(asyncio.to_thread(home.database.read, store.logs, store.ROOM) for _ in range(10)),
        )
        [(count,)] = databases.admin(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = 'folkmoot'",
            postgres_url,
        )
        assert count == READERS + WRITERS


def end_sessions(url: str) -> None:
    """End every session but this one, as a restart of the server does."""
    databases.admin(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()",
        url,
    )


async def test_connections_that_died_are_replaced_before_anybody_notices(postgres_url: str) -> None:
    async with at_home(postgres_url) as home:
        await found(home.house)
        people = await admit(home.house, 2)
        statement = await write(home.house, people[0], "S")
        for number in range(3):
            await asyncio.gather(*(home.database.reading(asked, "SELECT 1") for _ in range(9)))
            await home.database.writing(asked, "SELECT 1")
            await asyncio.to_thread(end_sessions, postgres_url)
            done = await home.house.submit(
                RLOG, vote(statement), people[0], key=key(people[0], f"k{number}")
            )
            assert done.recorded
            await asyncio.gather(*(home.database.reading(asked, "SELECT 1") for _ in range(9)))
            await home.database.writing(asked, "SELECT 1")
        assert (await home.database.reading(replay, RLOG)).difference is None


async def test_processes_agree_on_their_keys(database_url: str) -> None:
    facts = {installation.SECRET_KEY: installation.digest(b"one"), installation.SIGNING_KEY: "f"}
    with opened(database_url) as database:
        for _ in range(2):
            await database.writing(installation.agree, facts)
        with pytest.raises(Fault, match="The secret key of this process is not") as refused:
            await database.writing(
                installation.agree, facts | {installation.SECRET_KEY: installation.digest(b"two")}
            )
        assert facts[installation.SECRET_KEY] not in refused.value.message
        await database.writing(installation.agree, facts)


def test_the_databases_clock_is_measured(postgres_url: str) -> None:
    with opened(postgres_url) as database:
        assert abs(database.clock_offset()) < 0.5


def test_a_role_in_a_file_is_refused(tmp_path: Any) -> None:
    with pytest.raises(Invalid, match="no roles"):
        migrate(f"sqlite:///{tmp_path / 'x.db'}", "somebody")


def test_a_database_that_keeps_no_other_script_is_refused() -> None:
    with databases.postgres(migrated=False) as url:
        name = f"{make_url(url).database}_latin"
        databases.admin(
            f'CREATE DATABASE "{name}" TEMPLATE template0 ENCODING SQL_ASCII LOCALE "C"'
        )
        try:
            for work in (migrate, Database.open):
                with pytest.raises(StorageFault, match="keeps text as SQL_ASCII"):
                    work(databases.url_of(name))
        finally:
            databases.admin(f'DROP DATABASE "{name}"')


def test_a_server_that_would_lose_what_it_acknowledged_is_named(
    postgres_url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = "SELECT current_setting('server_version_num')::int, 'UTF8', 'off'"
    monkeypatch.setattr(postgres, "_CHECKED", without)
    Database.open(postgres_url).close()
    assert "has fsync off" in caplog.text
    monkeypatch.setattr(postgres, "_CHECKED", "SELECT 140011, 'UTF8', 'on'")
    with pytest.raises(StorageFault, match="is PostgreSQL 14: 15 or later is needed"):
        Database.open(postgres_url)

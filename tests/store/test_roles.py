"""The role that servers have on PostgreSQL: all that they do works, and no log can be changed."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import make_url

from server.deliberation import commands as c
from server.errors import Invalid, StorageFault
from server.reports import bundle
from server.reports.verification import verify
from server.runtime.exporting import Exporter
from server.store import artifacts
from server.store.artifacts import Artifact
from server.store.database import Database, migrate
from server.store.replay import replay

from .. import databases
from ..runtime.house import ALOG, RLOG, at_home
from .test_replay import lived

pytestmark = pytest.mark.timeout(60)


@dataclass(frozen=True)
class Granted:
    """A database as its owner, and as the role that serves."""

    owner: str
    served: str
    role: str


@pytest.fixture
def granted(postgres_url: str) -> Iterator[Granted]:
    with role_in(postgres_url) as role:
        assert not migrate(postgres_url, role)
        name = make_url(postgres_url).database or ""
        yield Granted(postgres_url, databases.url_of(name, username=role), role)


@contextmanager
def role_in(url: str, attributes: str = "LOGIN") -> Iterator[str]:
    """Make a role of a test's own; drop it, and what it was given, afterwards."""
    role = f"folkmoot_test_{secrets.token_hex(6)}"
    databases.admin(f"CREATE ROLE {role} {attributes}")
    try:
        yield role
    finally:
        databases.admin(f"DROP OWNED BY {role}", url)
        databases.admin(f"DROP ROLE {role}")


async def test_whoever_serves_can_do_what_a_server_does(granted: Granted, tmp_path: Path) -> None:
    async with at_home(granted.served) as home:
        one, _ = await lived(home)
        room = await home.house.room(RLOG)
        records = await home.house.records(RLOG, room.words[one.participant])
        await home.house.submit(RLOG, c.EraseContent(records=records), one)
        document = Artifact(RLOG, "analysis", "d", 1, b"body")
        for _ in range(2):
            await home.house.keep(document)
        assert await home.house.artifact(RLOG, "analysis") == document
        await home.database.writing(artifacts.keep_vectors, "e5", {"d": b"v"})
        assert await home.database.writing(artifacts.forget, RLOG) == 1
        for log in (ALOG, RLOG):
            found = await home.database.reading(replay, log)
            assert found.difference is None
            assert found.events > 3
    async with at_home(granted.served) as home:
        again = await home.house.room(RLOG)
        assert again.seq == room.seq
        assert not again.words.get(one.participant)


FORBIDDEN = (
    "UPDATE event SET type = type",
    "DELETE FROM event",
    "TRUNCATE event CASCADE",
    "UPDATE payload SET body = body",
    "DELETE FROM payload",
    "TRUNCATE payload",
    "DELETE FROM log",
    "TRUNCATE log CASCADE",
    "UPDATE log SET id = id",
    "UPDATE log SET kind = kind",
    "UPDATE log SET moved = 'elsewhere'",
    "DELETE FROM idempotency",
    "UPDATE idempotency SET log = log",
    "DELETE FROM vote",
    "DELETE FROM member",
    "DELETE FROM installation",
    "UPDATE installation SET value = value",
    "UPDATE alembic_version SET version_num = '0001'",
    "DROP TABLE event",
    "ALTER TABLE payload DISABLE TRIGGER ALL",
    "CREATE TABLE mine (x int)",
    "CREATE TRIGGER mine AFTER INSERT ON event EXECUTE FUNCTION tsvector_update_trigger()",
    f"SELECT erase_payloads('{RLOG}', 2, ARRAY[1]::bigint[])",
)


async def test_no_log_can_be_changed_by_whoever_serves(granted: Granted) -> None:
    async with at_home(granted.served) as home:
        await lived(home)
    with psycopg.connect(granted.served, autocommit=True) as connection:
        for statement in FORBIDDEN:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)  # type: ignore[call-overload]
    database = Database.open(granted.served, hold=False)
    assert database.read(replay, RLOG).difference is None
    database.close()


async def test_only_what_an_event_of_the_same_transaction_erases_can_go(granted: Granted) -> None:
    async with at_home(granted.served) as home:
        one, other = await lived(home)
        room = await home.house.room(RLOG)
        words, others = room.words[one.participant], room.words[other.participant]
        records = await home.house.records(RLOG, words)
        done = await home.house.submit(RLOG, c.EraseContent(records=records), one)
    erasure = done.seq
    ask = "SELECT erase_payloads(%s, %s, %s)"
    there = f"WHERE log = '{RLOG}' AND seq = {erasure}"
    copy = (
        "INSERT INTO event SELECT log, seq + 1, type, day, commitment, previous FROM event ",
        "INSERT INTO payload SELECT log, seq + 1, salt, body FROM payload ",
    )
    with psycopg.connect(granted.served) as connection:

        def refused(which: str, seqs: list[int], by: int) -> None:
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="no event of this"):
                connection.execute(ask, (which, by, seqs))
            connection.rollback()

        refused(RLOG, list(words), erasure)  # that event is of another transaction
        refused(RLOG, list(others), 1)  # that event erases nothing
        for seqs in (list(others), [*words, *others], [erasure + 1], [*words, erasure + 1]):
            for statement in copy:
                connection.execute(statement + there)  # type: ignore[call-overload]
            refused(RLOG, seqs, erasure + 1)  # it erases something else
        for statement in copy:
            connection.execute(statement + there)  # type: ignore[call-overload]
        refused(ALOG, [1], erasure + 1)  # it is of another log
        for statement in copy:
            connection.execute(statement + there)  # type: ignore[call-overload]
        # Names in a schema of one's own don't lead the function astray.
        connection.execute("CREATE TEMPORARY TABLE payload (log text, seq bigint, body bytea)")
        connection.execute("SET LOCAL search_path = pg_temp, public")
        assert connection.execute(
            "SELECT public.erase_payloads(%s, %s, %s)", (RLOG, erasure + 1, list(words))
        ).fetchone() == (0,)
        connection.rollback()


async def test_what_a_role_that_serves_wrote_can_be_exported_and_verified(
    granted: Granted, tmp_path: Path
) -> None:
    async with at_home(granted.served) as home:
        await lived(home)
        files = await Exporter(home.database, tmp_path / "keys").files("demo")
        bundle.write(files, tmp_path / "bundle")
    verify(tmp_path / "bundle", files["public-key.raw"])
    assert any(name.endswith(".jsonl") for name in files)


def test_a_role_that_could_do_anything_is_refused(postgres_url: str) -> None:
    with pytest.raises(Invalid, match="no role nobody-of-that-name"):
        migrate(postgres_url, "nobody-of-that-name")
    owner = make_url(postgres_url).username or ""
    with pytest.raises(Invalid, match="owns the tables or is a superuser"):
        migrate(postgres_url, owner)
    with (
        role_in(postgres_url, f"LOGIN IN ROLE {sql.Identifier(owner).as_string()}") as member,
        pytest.raises(Invalid, match="owns the tables"),
    ):
        migrate(postgres_url, member)
    # It doesn't have the owner's rights by itself, and may take them at any time.
    owner_role = sql.Identifier(owner).as_string()
    with (
        role_in(postgres_url, f"LOGIN NOINHERIT IN ROLE {owner_role}") as member,
        pytest.raises(Invalid, match="owns the tables"),
    ):
        migrate(postgres_url, member)


def test_what_a_role_had_beyond_is_taken(granted: Granted) -> None:
    databases.admin(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {granted.role}", granted.owner)
    migrate(granted.owner, granted.role)
    with psycopg.connect(granted.served, autocommit=True) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM event")
        assert connection.execute("SELECT count(*) FROM event").fetchone() == (0,)


def test_a_role_that_was_given_nothing_is_told_how(postgres_url: str) -> None:
    with role_in(postgres_url) as role:
        name = make_url(postgres_url).database or ""
        with pytest.raises(StorageFault, match="migrate with --grant"):
            Database.open(databases.url_of(name, username=role))

"""Databases and key prefixes of a test's own, on the servers that are there.

PostgreSQL is looked for at ``FOLKMOOT_TEST_POSTGRES`` (a user who may create databases) and Redis
at ``FOLKMOOT_TEST_REDIS``; who needs one that doesn't answer is skipped, and the terminal's summary
says how many were.
"""

from __future__ import annotations

import atexit
import os
import platform
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from hashlib import sha256
from pathlib import Path

import psycopg
import pytest
import redis
from psycopg import sql
from sqlalchemy import make_url

from server.store.database import migrate

POSTGRES = os.environ.get("FOLKMOOT_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
REDIS = os.environ.get("FOLKMOOT_TEST_REDIS", "redis://127.0.0.1:6379/0")

NO_POSTGRES = "PostgreSQL does not answer at FOLKMOOT_TEST_POSTGRES"
NO_REDIS = "Redis does not answer at FOLKMOOT_TEST_REDIS"


def _here() -> str:
    """Return what tells the process numbers of this machine from those of another."""
    try:
        space = f"{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        space = ""
    return sha256(f"{platform.node()} {space}".encode()).hexdigest()[:6]


_OURS = f"folkmoot_test_{_here()}_"
_MINE = f"{_OURS}{os.getpid()}_{secrets.token_hex(3)}"


@cache
def postgres_answers() -> bool:
    """Tell, once a process, whether there is a PostgreSQL to make databases on."""
    try:
        psycopg.connect(POSTGRES, connect_timeout=2).close()
    except psycopg.Error:
        return False
    return True


@cache
def redis_answers() -> bool:
    """Tell, once a process, whether there is a Redis."""
    try:
        with redis.Redis.from_url(REDIS, socket_connect_timeout=2, socket_timeout=2) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


@contextmanager
def postgres(*, migrated: bool = True) -> Iterator[str]:
    """Give the address of a database of one's own, as ``migrate`` leaves it or without anything.

    It goes afterwards, with whoever is still connected to it. Skips the test where no PostgreSQL
    answers.
    """
    if not postgres_answers():
        pytest.skip(NO_POSTGRES)
    name = _EMPTIED.pop() if migrated and _EMPTIED else _create(migrated=migrated)
    try:
        yield url_of(name)
    finally:
        if migrated and _empty(name):
            _EMPTIED.append(name)
        else:
            _drop(name)


def url_of(name: str, **more: str) -> str:
    """Return the address of a database on the tests' server; ``more`` replaces parts of it."""
    url = make_url(POSTGRES).set(database=name, **more)  # type: ignore[arg-type]
    return url.render_as_string(hide_password=False)


def admin(statement: str | sql.Composed, url: str = POSTGRES) -> list[tuple[object, ...]]:
    """Execute one statement outside a transaction, as the tests' user; return its rows."""
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        cursor = connection.execute(statement)  # type: ignore[arg-type]
        return cursor.fetchall() if cursor.description else []


@contextmanager
def redis_url() -> Iterator[tuple[str, str]]:
    """Give Redis' address and a prefix that nobody else uses; delete its keys afterwards.

    Skips the test where no Redis answers.
    """
    if not redis_answers():
        pytest.skip(NO_REDIS)
    prefix = f"{_MINE}_{secrets.token_hex(4)}"
    try:
        yield REDIS, prefix
    finally:
        with redis.Redis.from_url(REDIS) as client:
            for key in client.scan_iter(f"{prefix}*", count=1000):
                client.delete(key)


_EMPTIED: list[str] = []
"""Databases that an earlier test left, with nothing in them: making one takes half a second."""

_MADE = """
SELECT md5(string_agg(of || id || written, ',' ORDER BY of, id, written)) FROM (
    SELECT 'class' AS of, oid::text AS id, xmin::text AS written FROM pg_class WHERE oid >= 16384
    UNION ALL SELECT 'column', attrelid::text || attnum, xmin::text FROM pg_attribute
        WHERE attrelid >= 16384
    UNION ALL SELECT 'function', oid::text, xmin::text FROM pg_proc WHERE oid >= 16384
    UNION ALL SELECT 'trigger', oid::text, xmin::text FROM pg_trigger
    UNION ALL SELECT 'rule', oid::text, xmin::text FROM pg_rewrite WHERE oid >= 16384
    UNION ALL SELECT 'constraint', oid::text, xmin::text FROM pg_constraint WHERE oid >= 16384
    UNION ALL SELECT 'schema', nspname, coalesce(nspacl::text, '') FROM pg_namespace
        WHERE nspname NOT LIKE 'pg\\_%'
    UNION ALL SELECT 'setting', setrole::text, setconfig::text FROM pg_db_role_setting
        WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
    UNION ALL SELECT 'rights', '', coalesce(datacl::text, '') FROM pg_database
        WHERE datname = current_database()
    UNION ALL SELECT 'version', '', version_num FROM alembic_version
) AS catalogue
"""
_TABLES = """
SELECT schemaname, tablename FROM pg_tables
WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND tablename NOT LIKE '%migrations'
    AND tablename <> 'alembic_version'
"""


def _empty(name: str) -> bool:
    """Delete all rows; False where the database isn't what was made any more, and must go."""
    try:
        with psycopg.connect(url_of(name), connect_timeout=5) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            if connection.execute(_MADE).fetchone() != _made(name):
                return False
            connection.execute("SET session_replication_role = replica; SET lock_timeout = '5s'")
            for table in connection.execute(_TABLES).fetchall():
                connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(*table)))
    except psycopg.Error:
        return False
    return True


@cache
def _made(name: str) -> tuple[object, ...] | None:
    """Return what the catalogue of a database says; asked for the first time when it is new."""
    with psycopg.connect(url_of(name), connect_timeout=5) as connection:
        return connection.execute(_MADE).fetchone()


def _sweep() -> None:
    """Drop what earlier runs left that were killed."""
    names = admin(
        sql.SQL("SELECT datname FROM pg_database WHERE starts_with(datname, {})").format(
            sql.Literal(_OURS)
        )
    )
    for (name,) in names:
        process = str(name).removeprefix(_OURS).partition("_")[0]
        try:
            os.kill(int(process), 0)
        except (ProcessLookupError, ValueError):
            with suppress(psycopg.Error):
                _drop(str(name))
        except PermissionError:
            continue


@cache
def _template() -> str:
    _sweep()
    name = f"{_MINE}_template"
    _create_from("template0", name)
    migrate(url_of(name))
    atexit.register(_clear)
    return name


def _create(*, migrated: bool) -> str:
    name = f"{_MINE}_{secrets.token_hex(4)}"
    _create_from(_template() if migrated else "template0", name)
    if migrated:
        _made(name)
    return name


def _create_from(template: str, name: str) -> None:
    made = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
        sql.Identifier(name), sql.Identifier(template)
    )
    if template == "template0":
        # Its own order of words is a language's, as on many servers; ours of ids must not be.
        made += sql.SQL(" ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'en-US'")
    admin(made)


def _clear() -> None:
    for name in (*_EMPTIED, f"{_MINE}_template"):
        _drop(name)


def _drop(name: str) -> None:
    admin(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

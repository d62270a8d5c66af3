"""Databases and key prefixes of a test's own, on the servers that are there.

PostgreSQL is looked for at ``FOLKMOOT_TEST_POSTGRES`` (a user who may create databases) and Redis
at ``FOLKMOOT_TEST_REDIS``; who needs one that doesn't answer is skipped, and the terminal's summary
says how many were.
"""

from __future__ import annotations

import atexit
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import psycopg
import pytest
import redis
from psycopg import sql
from sqlalchemy import make_url

from server.store.database import parse
from server.store.postgres import migrate

POSTGRES = os.environ.get("FOLKMOOT_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
REDIS = os.environ.get("FOLKMOOT_TEST_REDIS", "redis://127.0.0.1:6379/0")

NO_POSTGRES = "PostgreSQL does not answer at FOLKMOOT_TEST_POSTGRES"
NO_REDIS = "Redis does not answer at FOLKMOOT_TEST_REDIS"

_MINE = f"folkmoot_test_{os.getpid()}_{secrets.token_hex(3)}"


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
    """Give the address of a fresh database, as ``migrate`` leaves it or empty; drop it afterwards.

    Skips the test where no PostgreSQL answers.
    """
    if not postgres_answers():
        pytest.skip(NO_POSTGRES)
    name = f"{_MINE}_{secrets.token_hex(4)}"
    _create(name, _template() if migrated else "template0")
    try:
        yield url_of(name)
    finally:
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


@cache
def _template() -> str:
    name = f"{_MINE}_template"
    _create(name, "template0")
    atexit.register(_drop, name)
    migrate(parse(url_of(name)))
    return name


def _create(name: str, template: str) -> None:
    admin(
        sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(template)
        )
    )


def _drop(name: str) -> None:
    admin(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

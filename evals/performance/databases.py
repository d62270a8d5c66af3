"""Databases and Redis prefixes of a benchmark's own, on the services that answer on this machine.

``FOLKMOOT_TEST_POSTGRES`` and ``FOLKMOOT_TEST_REDIS`` name others.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import redis
from psycopg import sql
from psycopg.conninfo import make_conninfo
from sqlalchemy import make_url

POSTGRES = os.environ.get("FOLKMOOT_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
REDIS = os.environ.get("FOLKMOOT_TEST_REDIS", "redis://127.0.0.1:6379/0")


def postgres_answers(url: str = POSTGRES) -> bool:
    """Tell whether there is a PostgreSQL to make a database on."""
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.Error:
        return False
    return True


def redis_answers(url: str = REDIS) -> bool:
    """Tell whether there is a Redis."""
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


@contextmanager
def fresh(url: str = POSTGRES) -> Iterator[str]:
    """Give the address of a new, empty database on the server of ``url``; drop it afterwards."""
    name = f"folkmoot_bench_{os.getpid()}_{secrets.token_hex(4)}"
    _execute(url, "CREATE DATABASE {}", name)
    try:
        yield make_url(url).set(database=name).render_as_string(hide_password=False)
    finally:
        _execute(url, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


def _execute(url: str, statement: str, name: str) -> None:
    with psycopg.connect(make_conninfo(url), autocommit=True, connect_timeout=5) as connection:
        connection.execute(sql.SQL(statement).format(sql.Identifier(name)))

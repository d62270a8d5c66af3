"""What the database's errors are called outside this package."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ..errors import StorageFault, StorageFull

_DISK_FULL_POSTGRES = "53100"


@contextmanager
def named(place: str = "") -> Iterator[None]:  # noqa: ARG001
    """Turn the database's errors into ours; the driver's text may hold people's words and is left.

    Raises:
        StorageFull: the database could not grow.
        StorageFault: anything else that the database refused.
    """
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, psycopg.Error) as error:
        original = error.orig if isinstance(error, DBAPIError) else error
        if _is_full(original):
            raise StorageFull("The database could not grow: its disk is full.") from None
        name = getattr(original, "sqlite_errorname", type(original).__name__)
        raise StorageFault(f"The database refused or broke ({name}).") from None


def _is_full(error: BaseException | None) -> bool:
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    return getattr(error, "sqlstate", None) == _DISK_FULL_POSTGRES

"""Inserting and finding many rows with one statement.

A statement a batch, not a row: every step of the driver gives up and takes back the interpreter's
lock, which under load costs far more than the row does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.engine.interfaces import DBAPICursor

Cell = str | int | bytes | bool | None
Cells = tuple[Cell, ...]

_MOST_AT_ONCE = 64


def insert(connection: Connection, table: Table, rows: Sequence[Cells]) -> None:
    """Insert rows, each with a cell for every column in the table's order.

    Raises what the driver raises; a key that exists already is an error.
    """
    _run(connection, table, rows, replace=())


def upsert(
    connection: Connection, table: Table, rows: Sequence[Cells], replace: tuple[str, ...]
) -> None:
    """Insert rows; where the primary key exists already, the columns ``replace`` are replaced.

    No two rows may have the same key: PostgreSQL refuses that.
    """
    _run(connection, table, rows, replace=replace)


def _mark(connection: Connection) -> str:
    return "?" if connection.dialect.paramstyle == "qmark" else "%s"


def execute(connection: Connection, sql: str, cells: Cells) -> DBAPICursor:
    """Execute a statement of ours with ``?`` for its cells, on the driver; return its cursor.

    For what every batch does: what the library adds to a statement costs more than the database.
    """
    return _execute(connection, _marked(sql, _mark(connection)), cells)


def _execute(connection: Connection, sql: str, cells: Cells) -> DBAPICursor:
    if not connection.in_transaction():
        # What begins a transaction is the library's to say: the driver doesn't begin any.
        connection.begin()
    cursor = connection.connection.cursor()
    cursor.execute(sql, cells)
    return cursor


@lru_cache(maxsize=64)
def _marked(sql: str, mark: str) -> str:
    return sql.replace("?", mark)


def find(connection: Connection, table: Table, keys: Sequence[Cell]) -> Iterator[Sequence[Any]]:
    """Give the rows whose primary key, of one column, is among ``keys``, as the table has them."""
    mark = _mark(connection)
    for start in range(0, len(keys), _MOST_AT_ONCE):
        some = keys[start : start + _MOST_AT_ONCE]
        yield from connection.exec_driver_sql(_by_key(table, len(some), mark), tuple(some))


@lru_cache(maxsize=1024)
def _by_key(table: Table, count: int, mark: str) -> str:
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    (key,) = table.primary_key.columns
    marks = ", ".join([mark] * count)
    # Names come from the tables' definitions, never from outside.
    return f'SELECT {columns} FROM "{table.name}" WHERE "{key.name}" IN ({marks})'  # noqa: S608


def _run(
    connection: Connection, table: Table, rows: Sequence[Cells], replace: tuple[str, ...]
) -> None:
    mark = _mark(connection)
    for start in range(0, len(rows), _MOST_AT_ONCE):
        some = rows[start : start + _MOST_AT_ONCE]
        sql = _sql(table, len(some), replace, mark)
        _execute(connection, sql, tuple(chain.from_iterable(some)))


@lru_cache(maxsize=1024)
def _sql(table: Table, count: int, replace: tuple[str, ...], mark: str) -> str:
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    row = "(" + ", ".join([mark] * len(table.columns)) + ")"
    # Names come from the tables' definitions, never from outside.
    sql = f'INSERT INTO "{table.name}" ({columns}) VALUES ' + ", ".join([row] * count)  # noqa: S608
    if replace:
        key = ", ".join(f'"{column.name}"' for column in table.primary_key.columns)
        new = ", ".join(f'"{name}" = excluded."{name}"' for name in replace)
        sql += f" ON CONFLICT ({key}) DO UPDATE SET {new}"
    return sql

"""Asking for and writing many rows with one statement, on the driver.

A statement a batch, not a row: every step of the driver gives up and takes back the interpreter's
lock, which under load costs far more than the row does. SQLite gets a mark for every cell,
PostgreSQL an array for every column: one statement then serves any number of rows, and is prepared
once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Connection, LargeBinary, SmallInteger, Table
from sqlalchemy.engine.interfaces import DBAPICursor

Cell = str | int | bytes | bool | None
Cells = tuple[Cell, ...]

_MARKS_AT_ONCE = 64
_ARRAYS_AT_ONCE = 5_000
_ARRAY_TYPES: tuple[tuple[type, str], ...] = (
    (SmallInteger, "smallint[]"),
    (BigInteger, "bigint[]"),
    (Boolean, "boolean[]"),
    (LargeBinary, "bytea[]"),
)
_TEXTS = "text[]"
_PLAIN = frozenset((str, int, bytes, bool, type(None)))


@dataclass(frozen=True, slots=True)
class Asked:
    """Rows that were asked for; they can be read once what they were asked with was sent."""

    read: Sequence[Sequence[Any]] = ()
    sent: tuple[DBAPICursor, ...] = ()

    def rows(self) -> Iterator[Sequence[Any]]:
        """Give the rows, once."""
        yield from self.read
        for cursor in self.sent:
            yield from cursor.fetchall()


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


def execute(connection: Connection, sql: str, cells: Sequence[object]) -> DBAPICursor:
    """Execute a statement of ours with ``?`` for its cells, on the driver; return its cursor.

    For what every batch does: what the library adds to a statement costs more than the database.
    """
    return _execute(connection, _marked(sql, arrays=arrays(connection)), cells)


def query(connection: Connection, sql: str, *cells: Sequence[object]) -> Asked:
    """Do :func:`execute` once for each of ``cells``; what comes back is read as one."""
    cursors = tuple(execute(connection, sql, each) for each in cells)
    if arrays(connection):
        return Asked(sent=cursors)
    # SQLite ends no transaction over rows that nobody took.
    return Asked([row for cursor in cursors for row in cursor.fetchall()])


def ask(connection: Connection, table: Table, keys: Sequence[Cell]) -> Asked:
    """Ask for the rows whose primary key, of one column, is among ``keys``, as the table has them.

    What there is to read is read with :meth:`Asked.rows`.
    """
    if not keys:
        return Asked()
    if arrays(connection):
        return Asked(sent=(_execute(connection, _among(table), (list(keys),)),))
    read: list[Sequence[Any]] = []
    for start in range(0, len(keys), _MARKS_AT_ONCE):
        some = keys[start : start + _MARKS_AT_ONCE]
        read += _execute(connection, _by_key(table, len(some)), tuple(some)).fetchall()
    return Asked(read)


def arrays(connection: Connection) -> bool:
    """Tell whether this database takes many cells as one array."""
    return connection.dialect.name == "postgresql"


def update(connection: Connection, table: Table, column: str, rows: Sequence[Cells]) -> None:
    """Set one column of rows: each of ``rows`` is a primary key, of one column, and the cell."""
    if not rows:
        return
    if arrays(connection):
        _execute(
            connection, _set_all(table, column), [array(cells) for cells in zip(*rows, strict=True)]
        )
        return
    for some in pieces(rows):
        _execute(connection, _set(table, column, len(some)), tuple(chain.from_iterable(some)))


def pieces(rows: Sequence[Cells]) -> Iterator[Sequence[Cells]]:
    """Give rows by as many as one statement with a mark for every cell takes."""
    for start in range(0, len(rows), _MARKS_AT_ONCE):
        yield rows[start : start + _MARKS_AT_ONCE]


def marks(columns: int, rows: int) -> str:
    """Return the marks for cells of rows, as they stand after ``VALUES``."""
    row = "(" + ", ".join(["?"] * columns) + ")"
    return ", ".join([row] * rows)


def _execute(connection: Connection, sql: str, cells: Sequence[object]) -> DBAPICursor:
    if not connection.in_transaction():
        # What begins a transaction is the library's to say: SQLite's driver doesn't begin any.
        connection.begin()
    cursor = connection.connection.cursor()
    cursor.execute(sql, cells)
    return cursor


@lru_cache(maxsize=64)
def _marked(sql: str, *, arrays: bool) -> str:
    return sql.replace("?", "%b") if arrays else sql


# Names come from the tables' definitions, never from outside.


@lru_cache(maxsize=1024)
def _by_key(table: Table, count: int) -> str:
    (key,) = table.primary_key.columns
    marks = ", ".join(["?"] * count)
    return f'SELECT {_names(table)} FROM "{table.name}" WHERE "{key.name}" IN ({marks})'  # noqa: S608


@lru_cache(maxsize=64)
def _among(table: Table) -> str:
    (key,) = table.primary_key.columns
    return (
        f'SELECT {_names(table)} FROM "{table.name}" '  # noqa: S608
        f'WHERE "{key.name}" = ANY(%b::{array_type(key)})'
    )


def _run(
    connection: Connection, table: Table, rows: Sequence[Cells], replace: tuple[str, ...]
) -> None:
    if arrays(connection):
        sql = _from_arrays(table, replace)
        for start in range(0, len(rows), _ARRAYS_AT_ONCE):
            columns = zip(*rows[start : start + _ARRAYS_AT_ONCE], strict=True)
            _execute(connection, sql, [array(column) for column in columns])
        return
    for some in pieces(rows):
        sql = _from_marks(table, len(some), replace)
        _execute(connection, sql, tuple(chain.from_iterable(some)))


@lru_cache(maxsize=1024)
def _from_marks(table: Table, count: int, replace: tuple[str, ...]) -> str:
    rows = marks(len(table.columns), count)
    sql = f'INSERT INTO "{table.name}" ({_names(table)}) VALUES {rows}'  # noqa: S608
    return sql + _on_conflict(table, replace)


@lru_cache(maxsize=64)
def _from_arrays(table: Table, replace: tuple[str, ...]) -> str:
    columns = ", ".join(f"%b::{array_type(column)}" for column in table.columns)
    sql = f'INSERT INTO "{table.name}" ({_names(table)}) SELECT * FROM unnest({columns})'  # noqa: S608
    return sql + _on_conflict(table, replace)


@lru_cache(maxsize=1024)
def _set(table: Table, column: str, count: int) -> str:
    (key,) = table.primary_key.columns
    return (
        f"WITH next(key, cell) AS (VALUES {marks(2, count)}) "  # noqa: S608
        f'UPDATE "{table.name}" SET "{column}" = next.cell FROM next '
        f'WHERE "{table.name}"."{key.name}" = next.key'
    )


@lru_cache(maxsize=64)
def _set_all(table: Table, column: str) -> str:
    (key,) = table.primary_key.columns
    types = f"%b::{array_type(key)}, %b::{array_type(table.c[column])}"
    return (
        f'UPDATE "{table.name}" SET "{column}" = next.cell '  # noqa: S608
        f'FROM unnest({types}) AS next(key, cell) WHERE "{table.name}"."{key.name}" = next.key'
    )


def _on_conflict(table: Table, replace: tuple[str, ...]) -> str:
    if not replace:
        return ""
    key = ", ".join(f'"{column.name}"' for column in table.primary_key.columns)
    new = ", ".join(f'"{name}" = excluded."{name}"' for name in replace)
    return f" ON CONFLICT ({key}) DO UPDATE SET {new}"


def _names(table: Table) -> str:
    return ", ".join(f'"{column.name}"' for column in table.columns)


def array(column: Sequence[Cell]) -> list[Cell]:
    """Return cells as an array; its cells must be of one type for the driver, enumerations not."""
    if _PLAIN.issuperset(map(type, column)):
        return list(column)
    return [str(cell) if isinstance(cell, str) else cell for cell in column]


def array_type(column: Column[Any]) -> str:
    """Return what PostgreSQL calls an array of a column's cells."""
    return next((name for kind, name in _ARRAY_TYPES if isinstance(column.type, kind)), _TEXTS)

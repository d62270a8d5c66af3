"""Rebuilding every projection of a log from nothing but the log, and comparing."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest

from sqlalchemy import Connection, Row, Select, Table, create_engine, select
from sqlalchemy.pool import StaticPool

from ..errors import LogBroken
from ..ids import LogId
from . import log, projections
from .log import Head
from .tables import METADATA

# The column that says to which log a projection's row belongs.
_OWNER = {"assembly": "id", "member": "assembly", "room": "id", "statement": "room", "vote": "room"}


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay found: where the log ends, and the first difference, or none."""

    log: LogId
    events: int
    difference: str | None = None


def replay(connection: Connection, which: LogId) -> Replayed:
    """Check the log ``which`` and rebuild its projections beside those that stand.

    ``connection`` only reads; what is rebuilt lives in memory. The first difference is a sentence
    that names table, key and column, never a person's words.

    Raises:
        LogBroken: there is no such log.
    """
    head = log.head(connection, which)
    if head is None:
        raise LogBroken(f"There is no log {which}.")
    try:
        log.check(connection, which)
        difference = _compare(connection, head)
    except LogBroken as broken:
        return Replayed(which, head.seq, broken.message)
    return Replayed(which, head.seq, difference)


def _compare(connection: Connection, head: Head) -> str | None:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    try:
        with engine.begin() as memory:
            METADATA.create_all(memory, tables=list(projections.PROJECTED))
            for some in log.in_chunks(connection, head.log):
                projections.apply(memory, head.log, head.kind, some)
            for table in projections.PROJECTED:
                difference = _first_difference(connection, memory, table, head.log)
                if difference is not None:
                    return difference
    finally:
        engine.dispose()
    return None


def _first_difference(
    stands: Connection, rebuilt: Connection, table: Table, which: LogId
) -> str | None:
    asked = _rows(table, which)
    keys = [column.name for column in table.primary_key.columns]
    for one, other in zip_longest(stands.execute(asked), rebuilt.execute(asked)):
        if one is None or other is None:
            key = _key(one if one is not None else other, keys)
            where = "only in the log" if one is None else "not in the log"
            return f"{table.name} {key}: {where}"
        if one != other:
            return _column_that_differs(table, one, other, keys)
    return None


def _rows(table: Table, which: LogId) -> Select[tuple[object, ...]]:
    return select(table).where(table.c[_OWNER[table.name]] == which).order_by(*table.primary_key)


def _column_that_differs(
    table: Table, one: Row[tuple[object, ...]], other: Row[tuple[object, ...]], keys: list[str]
) -> str:
    if _key(one, keys) != _key(other, keys):
        return f"{table.name} {_key(one, keys)} stands where the log has {_key(other, keys)}"
    names = [column.name for column in table.columns]
    for name, ours, theirs in zip(names, one, other, strict=True):
        if ours != theirs:
            return f"{table.name} {_key(one, keys)}: {name} is not what the log says"
    return f"{table.name} {_key(one, keys)} differs"


def _key(row: Row[tuple[object, ...]] | None, keys: list[str]) -> str:
    return "/".join(str(row._mapping[key]) for key in keys) if row is not None else ""  # noqa: SLF001

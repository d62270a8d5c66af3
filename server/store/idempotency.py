"""Keys that writes carried: kept with their events, in the same transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select, tuple_

from ..ids import LogId
from . import bulk
from .tables import IDEMPOTENCY


@dataclass(frozen=True, slots=True)
class Used:
    """A key as it was used: by whom, for which body, and the events it brought.

    ``first`` and ``last`` are seqs in ``log``; both 0 where nothing happened.
    """

    person: str
    key: str
    digest: bytes
    log: LogId
    first: int
    last: int


_USED = select(IDEMPOTENCY).where(
    tuple_(IDEMPOTENCY.c.person, IDEMPOTENCY.c.key).in_(bindparam("keys", expanding=True))
)


def used(connection: Connection, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], Used]:
    """Return those of ``keys`` (person, key) that were used before."""
    if not keys:
        return {}
    rows = connection.execute(_USED, {"keys": list(keys)})
    return {
        (person, key): Used(person, key, digest, LogId(log), first, last)
        for person, key, digest, log, first, last in rows
    }


def remember(connection: Connection, keys: Iterable[Used]) -> None:
    """Keep keys that were used for the first time."""
    rows: list[bulk.Cells] = [
        (each.person, each.key, each.digest, each.log, each.first, each.last) for each in keys
    ]
    bulk.insert(connection, IDEMPOTENCY, rows)

"""Keys that writes carried: kept with their events, in the same transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import Connection

from ..ids import LogId
from . import bulk
from .tables import IDEMPOTENCY

_ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class Used:
    """A key as it was used: its :func:`key_id`, for which body, and the events it brought.

    ``first`` and ``last`` are seqs in ``log``; where nothing happened ``last`` is where the log
    stood, and ``first`` comes after it.
    """

    id: bytes
    digest: bytes
    log: LogId
    first: int
    last: int


def key_id(person: str, key: str) -> bytes:
    """Return by what a person's key is found: the first 16 bytes of a SHA-256 over both."""
    return sha256(f"{len(person)}:{person}{key}".encode(errors="surrogatepass")).digest()[
        :_ID_BYTES
    ]


def ask(connection: Connection, keys: Collection[bytes]) -> bulk.Asked:
    """Ask which of ``keys`` were used before; :func:`used` reads the answer."""
    return bulk.ask(connection, IDEMPOTENCY, list(keys))


def used(asked: bulk.Asked) -> dict[bytes, Used]:
    """Return the keys that were used before, by their ids."""
    return {
        id_: Used(id_, digest, LogId(log), first, last)
        for id_, digest, log, first, last in asked.rows()
    }


def remember(connection: Connection, keys: Iterable[Used]) -> None:
    """Keep keys that were used for the first time.

    In the order of their ids, so that two processes that keep the same ones don't wait for each
    other.
    """
    rows: list[bulk.Cells] = sorted(
        (each.id, each.digest, each.log, each.first, each.last) for each in keys
    )
    bulk.insert(connection, IDEMPOTENCY, rows)

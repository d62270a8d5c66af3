"""A worker's place among the others: locks on a session of PostgreSQL's, which die with it.

Nothing has to be cleared away after a worker that died: the kernel closes its connection, and
PostgreSQL lets go of its locks. One that is stopped, or cut off, keeps its connection open; so
PostgreSQL itself ends a session from which nothing has come for :data:`SILENCE` seconds.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256

import psycopg

from ..errors import Fault
from .database import parse
from .faults import named
from .postgres import complete, options, place

SILENCE = 4
"""Seconds without a word after which a session, and what it holds, is given up."""
NAMES, LIVES, LEADER = 0x464B4E61, 0x464B4C69, 0x464B4C65
"""The kinds of locks: who has a name, which processes live, who looks after all."""
_TRY_EVERY = 0.25
_SESSION = {
    "idle_session_timeout": f"{SILENCE}s",
    "statement_timeout": "3s",
    "lock_timeout": "3s",
}
_LIVING = (
    "SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND classid = %s::oid"
)


class NameTaken(Fault):
    """Another worker has this name."""

    code = "name-taken"


class Lease:
    """The name and the life of one worker, and perhaps the lead; each is held by one session.

    Methods block their thread, and are for one thread at a time. What the database refuses comes
    out as :class:`~..errors.StorageFault`; the lease is lost then.
    """

    def __init__(self, connection: psycopg.Connection, where: str) -> None:
        self._connection = connection
        self._where = where
        self._leads = False

    @classmethod
    def take(cls, url: str, name: str, life: str, *, wait: float = 0.0) -> Lease:
        """Take a name that nobody has, waiting up to ``wait`` seconds for somebody to let go.

        ``life`` names this process among all that ever had the name; see :meth:`living`.

        Raises:
            Invalid, StorageFault: the database cannot be reached.
            NameTaken: another worker has it still.
        """
        address = complete(parse(url))
        where = place(address)
        session = options(address, _SESSION) | {
            "application_name": f"folkmoot worker {name}"[:63],
            "tcp_user_timeout": SILENCE * 1000,
        }
        with named(where):
            connection = psycopg.connect(**session, autocommit=True)
        lease = cls(connection, where)
        try:
            lease._name(name, time.monotonic() + wait)
            lease._try(LIVES, key_of(life))
        except BaseException:
            lease.close()
            raise
        return lease

    def lead(self) -> bool:
        """Take the lead if nobody has it, and tell whether this worker does."""
        if not self._leads:
            self._leads = self._try(LEADER, 0)
        return self._leads

    def step_down(self) -> None:
        """Let another worker lead."""
        if self._leads:
            self._leads = False
            with self._named():
                self._connection.execute("SELECT pg_advisory_unlock(%s::int, 0)", (LEADER,))

    def living(self) -> frozenset[int]:
        """Return the keys (:func:`key_of`) of the lives of all workers; this one is heard by it."""
        with self._named():
            rows = self._connection.execute(_LIVING, (LIVES,)).fetchall()
        return frozenset(_signed(int(key)) for (key,) in rows)

    def close(self) -> None:
        """Give up what is held; a second call does nothing."""
        with suppress(psycopg.Error):
            self._connection.close()

    def _name(self, name: str, until: float) -> None:
        while not self._try(NAMES, key_of(name)):
            if time.monotonic() >= until:
                raise NameTaken(
                    f"Another worker is called {name}: give this one another name (--name)."
                )
            time.sleep(_TRY_EVERY)

    def _try(self, kind: int, key: int) -> bool:
        with self._named():
            row = self._connection.execute(
                "SELECT pg_try_advisory_lock(%s::int, %s::int)", (kind, key)
            ).fetchone()
        return row is not None and bool(row[0])

    @contextmanager
    def _named(self) -> Iterator[None]:
        with named(self._where):
            yield


def key_of(text: str) -> int:
    """Return the key under which a name or a life is locked: 32 bits of its SHA-256, signed."""
    return int.from_bytes(sha256(text.encode()).digest()[:4], "big", signed=True)


def _signed(key: int) -> int:
    return key - 2**32 if key >= 2**31 else key

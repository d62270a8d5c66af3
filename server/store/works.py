"""What there is to be done, and how it stands, read from DBOS' tables in the same PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select, text

from ..ids import LogId
from .lease import LEADER, LIVES
from .log import ROOM
from .tables import LOG

SCHEMA = "dbos"


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A workflow without an outcome: its id, who carries it out (None: nobody yet), how long."""

    id: str
    executor: str | None
    version: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Queue:
    """How much work of a kind waits, is being done, has failed; ``oldest`` has waited, in s."""

    waiting: int = 0
    running: int = 0
    failed: int = 0
    oldest: float = 0.0


@dataclass(frozen=True, slots=True)
class Standing:
    """How many workers live, whether one of them looks after all, and the queues by kind."""

    workers: int
    led: bool
    queues: Mapping[str, Queue]


def heads(connection: Connection) -> dict[LogId, tuple[int, bool]]:
    """Return the head of each log that lives here, and whether it is a room's."""
    asked = select(LOG.c.id, LOG.c.head, LOG.c.kind == ROOM).where(LOG.c.moved.is_(None))
    rows = connection.execute(asked)
    return {LogId(id_): (head, bool(is_room)) for id_, head, is_room in rows}


def is_there(connection: Connection) -> bool:
    """Tell whether the tables of the workflows are in the database."""
    asked = text("SELECT to_regclass(:name) IS NOT NULL")
    return bool(connection.execute(asked, {"name": f"{SCHEMA}.workflow_status"}).scalar_one())


def under_way(connection: Connection) -> tuple[UnderWay, ...]:
    """Return every workflow that waits or is being carried out."""
    rows = connection.execute(_UNDER_WAY)
    return tuple(
        UnderWay(id_, executor if status == "PENDING" else None, version or "", float(seconds))
        for id_, status, executor, version, seconds in rows
    )


def ended(connection: Connection, kinds: Collection[str], seconds: float) -> tuple[str, ...]:
    """Return the ids of workflows of some queues that ended so long ago, a thousand at most."""
    rows = connection.execute(_ENDED, {"kinds": list(kinds), "seconds": seconds})
    return tuple(id_ for (id_,) in rows)


def standing(connection: Connection, kinds: Collection[str]) -> Standing:
    """Return how the workers and their queues stand; every one of ``kinds`` has its queue.

    A queue's ``failed`` are those whose records are still kept.
    """
    lives = int(connection.execute(_LOCKS, {"kind": LIVES}).scalar_one())
    led = int(connection.execute(_LOCKS, {"kind": LEADER}).scalar_one())
    queues = dict.fromkeys(kinds, Queue())
    if is_there(connection):
        for kind, waiting, running, failed, oldest in connection.execute(_QUEUES):
            if kind in queues:
                queues[kind] = Queue(waiting, running, failed, float(oldest))
    return Standing(lives, led > 0, queues)


_UNDER_WAY = text(
    "SELECT workflow_uuid, status, executor_id, application_version,"
    " (extract(epoch FROM clock_timestamp()) * 1000 - created_at) / 1000 FROM dbos.workflow_status"
    " WHERE status IN ('ENQUEUED', 'PENDING') ORDER BY created_at"
)
_ENDED = text(
    "SELECT workflow_uuid FROM dbos.workflow_status"
    " WHERE queue_name = ANY(:kinds) AND completed_at IS NOT NULL"
    " AND completed_at < extract(epoch FROM clock_timestamp()) * 1000 - :seconds * 1000"
    " AND status NOT IN ('ENQUEUED', 'PENDING') ORDER BY completed_at LIMIT 1000"
)
_QUEUES = text(
    "SELECT queue_name, count(*) FILTER (WHERE status = 'ENQUEUED'),"
    " count(*) FILTER (WHERE status = 'PENDING'),"
    " count(*) FILTER (WHERE status NOT IN ('ENQUEUED', 'PENDING')),"
    " coalesce(extract(epoch FROM clock_timestamp()) * 1000"
    " - min(created_at) FILTER (WHERE status = 'ENQUEUED'), 0) / 1000"
    " FROM dbos.workflow_status"
    " WHERE status IN"
    " ('ENQUEUED', 'PENDING', 'ERROR', 'CANCELLED', 'MAX_RECOVERY_ATTEMPTS_EXCEEDED')"
    " AND queue_name IS NOT NULL GROUP BY queue_name"
)
_LOCKS = text(
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND classid = CAST(:kind AS oid)"
)

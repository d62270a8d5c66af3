"""Snapshots of states: kept with the documents of a log, checked against the log when read.

They hold people's words, so none outlives an erasure in its log. Of each log there are two at most,
whichever version of the program made them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import Connection, delete, select

from ..ids import LogId
from . import artifacts, log
from .artifacts import Artifact
from .log import Head
from .tables import ARTIFACT, EVENT

KEPT = 2
_KIND = "snapshot."
_HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot of ``log`` as of a seq, made by the code of ``version`` and known to no other."""

    log: LogId
    version: str
    seq: int
    body: bytes


def keep(connection: Connection, snapshot: Snapshot) -> bool:
    """Keep a snapshot, and of its log's earlier ones the latest; the same one again is one row.

    False where nothing was kept: words were erased since, or there is no such log or seq. The log
    is locked meanwhile, so that no erasure comes between the look and the commit.
    """
    which = snapshot.log
    head = log.heads(connection, (which,), lock=True).get(which)
    if head is None or head.seq < snapshot.seq or _erased_since(connection, snapshot):
        return False
    body = _hash_at(connection, head, snapshot.seq) + snapshot.body
    kind = _KIND + snapshot.version
    artifacts.keep(connection, Artifact(which, kind, sha256(body).hexdigest(), snapshot.seq, body))
    _forget_but(connection, which, KEPT)
    return True


def latest(connection: Connection, head: Head, version: str) -> Iterator[Snapshot | None]:
    """Give the snapshots of a log that ``version`` made, the latest first.

    None stands for one that isn't what was written, or is of another log than this has become.
    """
    rows = connection.execute(
        select(ARTIFACT.c.digest, ARTIFACT.c.as_of_seq, ARTIFACT.c.body)
        .where(
            ARTIFACT.c.log == head.log,
            ARTIFACT.c.kind == _KIND + version,
            ARTIFACT.c.as_of_seq <= head.seq,
        )
        .order_by(ARTIFACT.c.as_of_seq.desc(), ARTIFACT.c.digest)
    )
    for digest, seq, body in rows:
        whole = isinstance(body, bytes) and sha256(body).hexdigest() == digest
        if whole and body[:_HASH_BYTES] == _hash_at(connection, head, seq):
            yield Snapshot(head.log, version, seq, body[_HASH_BYTES:])
        else:
            yield None


def forget(connection: Connection, which: LogId) -> int:
    """Delete all snapshots of a log, of all versions, and return how many there were."""
    gone = delete(ARTIFACT).where(ARTIFACT.c.log == which, ARTIFACT.c.kind.startswith(_KIND))
    return connection.execute(gone).rowcount


def _forget_but(connection: Connection, which: LogId, kept: int) -> None:
    rows = connection.execute(
        select(ARTIFACT.c.kind, ARTIFACT.c.digest)
        .where(ARTIFACT.c.log == which, ARTIFACT.c.kind.startswith(_KIND))
        .order_by(ARTIFACT.c.as_of_seq.desc(), ARTIFACT.c.kind, ARTIFACT.c.digest)
        .offset(kept)
    ).all()
    for kind, digest in rows:
        connection.execute(
            delete(ARTIFACT).where(
                ARTIFACT.c.log == which, ARTIFACT.c.kind == kind, ARTIFACT.c.digest == digest
            )
        )


def _hash_at(connection: Connection, head: Head, seq: int) -> bytes:
    """Return the chain's hash at ``seq``: what binds a snapshot to all that led to it."""
    if seq == head.seq:
        return head.hash
    asked = select(EVENT.c.previous).where(EVENT.c.log == head.log, EVENT.c.seq == seq + 1)
    found = connection.execute(asked).scalar_one_or_none()
    return found if isinstance(found, bytes) else b""


def _erased_since(connection: Connection, snapshot: Snapshot) -> bool:
    since = EVENT.c.log == snapshot.log, EVENT.c.seq > snapshot.seq
    asked = select(EVENT.c.seq).where(*since, log.ERASES).limit(1)
    return connection.execute(asked).first() is not None

"""What belongs to an assembly, read from one database and written to another, row for row.

Events, payloads, salts, ids and hashes are taken as they are; projections are made from them again.
Functions that read may be called in a transaction each: what they return together is complete once
the heads no longer change. Functions that write are called in one transaction, which is the
caller's to begin and to commit, so that nobody sees half an assembly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

import msgspec
import psycopg
from sqlalchemy import Connection, Table, delete, select, update

from ..deliberation import chain
from ..deliberation.chain import Envelope
from ..deliberation.events import ContentErased
from ..errors import LogBroken
from ..ids import AssemblyId, LogId
from ..synthesis.text import digest
from . import artifacts, bulk, log, lookups, projections
from .artifacts import Artifact
from .log import Head
from .tables import (
    ARTIFACT,
    ASSEMBLY,
    EMBEDDING,
    EVENT,
    IDEMPOTENCY,
    INSTALLATION,
    LOG,
    PAYLOAD,
    STATEMENT,
)
from .writing import forget_derived

_IDENTITY = "database"
_ERASED = "content.erased"
_TEXTS = 500


class Forwarding(msgspec.Struct, frozen=True, kw_only=True):
    """Where an assembly went: which database, where that is, and the address that people use.

    ``database`` is its :func:`identity`, ``place`` is for operators, ``address`` may be empty.
    """

    database: str
    place: str
    address: str = ""

    @classmethod
    def read(cls, written: str) -> Forwarding:
        """Return what stands in a log's ``moved``.

        Raises:
            LogBroken: it can't be read.
        """
        try:
            return msgspec.json.decode(written, type=cls)
        except msgspec.DecodeError as error:
            raise LogBroken("Where an assembly was moved to can't be read.") from error

    def written(self) -> str:
        """Return it as it is kept."""
        return msgspec.json.encode(self).decode()


@dataclass(frozen=True, slots=True)
class Belongings:
    """An assembly's logs as a database has them: where each ends, the assembly's own first."""

    assembly: AssemblyId
    slug: str
    heads: Mapping[LogId, Head]

    @property
    def forwarding(self) -> Forwarding | None:
        """Where it was moved to; None where it lives here."""
        moved = self.heads[LogId(self.assembly)].moved
        return None if moved is None else Forwarding.read(moved)

    @property
    def events(self) -> int:
        """How many events its logs have."""
        return sum(head.seq for head in self.heads.values())


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of one log, each as its table has them."""

    events: Sequence[tuple[Any, ...]]
    payloads: Sequence[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Names:
    """By what a log's derived document is found, and as of which seq it stands."""

    log: LogId
    kind: str
    digest: str
    as_of_seq: int


def identity(connection: Connection) -> str | None:
    """Return what tells this database from every other, or None where it was never needed."""
    asked = select(INSTALLATION.c.value).where(INSTALLATION.c.name == _IDENTITY)
    found = connection.execute(asked).scalar_one_or_none()
    return None if found is None else str(found)


def give_identity(connection: Connection) -> str:
    """Return :func:`identity`, made now if need be."""
    made = (_IDENTITY, token_hex(16))
    bulk.execute(
        connection,
        "INSERT INTO installation (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING",
        made,
    )
    return identity(connection) or made[1]


def facts(connection: Connection) -> dict[str, str]:
    """Return what all processes on this database share, as :mod:`.installation` keeps it."""
    rows = connection.execute(select(INSTALLATION.c.name, INSTALLATION.c.value))
    return {str(name): str(value) for name, value in rows}


def may_close(connection: Connection) -> bool:
    """Tell whether this user may note on a log where it went."""
    if connection.dialect.name != "postgresql":
        return True
    asked = connection.exec_driver_sql("SELECT has_column_privilege('log', 'moved', 'UPDATE')")
    return bool(asked.scalar_one())


def take_time(connection: Connection) -> None:
    """Let this transaction be idle as long as it needs, while the other database is read."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")


def belongings(
    connection: Connection, assembly: AssemblyId, *, lock: bool = False
) -> Belongings | None:
    """Return what a database has of an assembly; None where it has no such log.

    With ``lock`` nobody appends to its logs, or opens a room in it, until the transaction ends.
    """
    own = LogId(assembly)
    if not log.heads(connection, (own,), lock=lock):
        return None
    rooms = [LogId(each.id) for each in lookups.rooms(connection, assembly)]
    # Read after the lock: what was appended before it was granted is seen.
    heads = log.heads(connection, (own, *rooms), lock=lock)
    slug = connection.execute(select(ASSEMBLY.c.slug).where(ASSEMBLY.c.id == assembly)).scalar_one()
    return Belongings(assembly, slug, {own: heads[own]} | {each: heads[each] for each in rooms})


def hash_at(connection: Connection, head: Head, seq: int) -> bytes:
    """Return the hash of a log's envelope at ``seq``, which all before it went into.

    Raises:
        LogBroken: the log has no such event.
    """
    if seq == head.seq:
        return head.hash
    asked = select(EVENT.c.previous).where(EVENT.c.log == head.log, EVENT.c.seq == seq + 1)
    found = connection.execute(asked).scalar_one_or_none()
    if found is None:
        raise LogBroken(f"In the log {head.log}, {seq + 1} is missing.")
    return bytes(found)


def read_rows(connection: Connection, which: LogId, after: int, upto: int) -> Rows:
    """Return the rows of ``which`` that follow seq ``after`` up to ``upto``, in order."""

    def asked(table: Table) -> list[tuple[Any, ...]]:
        rows = connection.execute(
            select(table)
            .where(table.c.log == which, table.c.seq > after, table.c.seq <= upto)
            .order_by(table.c.seq)
        )
        return [tuple(row) for row in rows]

    return Rows(asked(EVENT), asked(PAYLOAD))


def write_head(connection: Connection, head: Head, after: int) -> None:
    """Let a log end where ``head`` says; ``after`` is where it ended, 0 where it begins."""
    if after == 0:
        bulk.insert(connection, LOG, [(head.log, head.kind, head.seq, head.hash, None)])
    else:
        ends = update(LOG).where(LOG.c.id == head.log).values(head=head.seq, hash=head.hash)
        connection.execute(ends)


def write_rows(connection: Connection, rows: Rows) -> None:
    """Write rows of a log; what is erased by one of them is not yet gone."""
    _fill(connection, EVENT, rows.events)
    _fill(connection, PAYLOAD, rows.payloads)


def _fill(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    driver = connection.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        bulk.insert(connection, table, rows)
        return
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    with (
        driver.cursor() as cursor,
        cursor.copy(f'COPY "{table.name}" ({columns}) FROM STDIN') as copy,
    ):
        for row in rows:
            copy.write_row(row)


def settle(
    connection: Connection,
    head: Head,
    after: int,
    previous: bytes,
    told: Callable[[int], None],
) -> None:
    """Check what was written of a log after seq ``after``, and bring all that follows from it.

    ``previous`` is the hash at ``after``; ``told`` hears how many more are done. The chain and
    every commitment are checked on what this database gives back; what the events erase goes, with
    what was derived from it.

    Raises:
        LogBroken: something doesn't hold; the message names where.
    """
    _check(connection, head, after, previous)
    if after:
        _erase(connection, head.log, after)
    for some in log.in_chunks(connection, head.log, after):
        projections.apply(connection, head.log, head.kind, some)
        told(len(some))


def _check(connection: Connection, head: Head, after: int, previous: bytes) -> None:
    which, last = head.log, previous.hex()
    while after < head.seq:
        upto = min(after + log.CHUNK, head.seq)
        rows = read_rows(connection, which, after, upto)
        envelopes = [_envelope(*row) for row in rows.events]
        last = chain.check_chain(which, envelopes, after=after, previous=last)
        payloads = {seq: (salt, body) for _, seq, salt, body in rows.payloads}
        for envelope in envelopes:
            # Whether an event says why one is missing shows where they are read, in settle.
            if envelope.seq in payloads:
                chain.check_payload(which, envelope, *payloads[envelope.seq])
        if len(envelopes) != upto - after:
            raise LogBroken(f"In the log {which}, {after + len(envelopes) + 1} is missing.")
        after = upto
    if last != head.hash.hex():
        raise LogBroken(f"The log {which} doesn't end as its head says.")


def _envelope(
    _: LogId, seq: int, type_: str, day: str, commitment: bytes, previous: bytes
) -> Envelope:
    return Envelope(
        seq=seq, type=type_, day=day, commitment=commitment.hex(), previous=previous.hex()
    )


def _erase(connection: Connection, which: LogId, after: int) -> None:
    asked = select(EVENT.c.seq).where(
        EVENT.c.log == which, EVENT.c.seq > after, EVENT.c.type == _ERASED
    )
    erasures = log.records_at(connection, which, connection.execute(asked).scalars().all())
    for erasure in erasures:
        if isinstance(erasure.event, ContentErased):
            gone = list(erasure.event.remains)
            forget_derived(connection, {which: gone})
            log.erase(connection, which, erasure.seq, gone)


def keys(connection: Connection, logs: Sequence[LogId]) -> Iterator[list[bulk.Cells]]:
    """Give all idempotency keys of ``logs``, some thousand at a time."""
    after = b""
    while True:
        rows = connection.execute(
            select(IDEMPOTENCY)
            .where(IDEMPOTENCY.c.log.in_(logs), IDEMPOTENCY.c.id > after)
            .order_by(IDEMPOTENCY.c.id)
            .limit(log.CHUNK)
        ).all()
        if rows:
            yield [tuple(row) for row in rows]
        if len(rows) < log.CHUNK:
            return
        after = bytes(rows[-1][0])


def write_keys(connection: Connection, rows: Sequence[bulk.Cells]) -> None:
    """Keep those idempotency keys that aren't known."""
    asked = bulk.ask(connection, IDEMPOTENCY, [row[0] for row in rows])
    known = {bytes(row[0]) for row in asked.rows()}
    bulk.insert(connection, IDEMPOTENCY, [row for row in rows if row[0] not in known])


def derived(connection: Connection, logs: Iterable[LogId]) -> frozenset[Names]:
    """Return the names of all documents derived from ``logs``."""
    rows = connection.execute(
        select(ARTIFACT.c.log, ARTIFACT.c.kind, ARTIFACT.c.digest, ARTIFACT.c.as_of_seq).where(
            ARTIFACT.c.log.in_(list(logs))
        )
    )
    return frozenset(Names(LogId(of), kind, name, seq) for of, kind, name, seq in rows)


def read_derived(connection: Connection, names: Names) -> Artifact | None:
    """Return a derived document; None where it has gone meanwhile."""
    return artifacts.find(connection, names.log, names.kind, names.digest)


def forget(connection: Connection, names: Names) -> None:
    """Delete a derived document."""
    connection.execute(
        delete(ARTIFACT).where(
            ARTIFACT.c.log == names.log,
            ARTIFACT.c.kind == names.kind,
            ARTIFACT.c.digest == names.digest,
        )
    )


def vectors(connection: Connection, room: LogId) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Give the vectors that are known of a room's statements, by model and digest of text."""
    models = connection.execute(select(EMBEDDING.c.model).distinct()).scalars().all()
    after = ""
    while models:
        rows = connection.execute(
            select(STATEMENT.c.id, STATEMENT.c.text)
            .where(STATEMENT.c.room == room, STATEMENT.c.id > after)
            .order_by(STATEMENT.c.id)
            .limit(_TEXTS)
        ).all()
        digests = [digest(text) for _, text in rows if text]
        for model in models:
            yield model, artifacts.vectors(connection, model, digests)
        if len(rows) < _TEXTS:
            return
        after = str(rows[-1][0])


def mark(connection: Connection, logs: Iterable[LogId], to: Forwarding | None) -> None:
    """Note on logs where they went, or that they live here."""
    moved = None if to is None else to.written()
    connection.execute(update(LOG).where(LOG.c.id.in_(list(logs))).values(moved=moved))

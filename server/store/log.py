"""The log in the database: appending to many logs at once, and reading."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, delete, literal_column, select

from ..deliberation import chain
from ..deliberation.chain import Envelope, Sealed
from ..deliberation.events import ContentErased, Recorded, Remains
from ..errors import LogBroken
from ..ids import LogId
from . import bulk
from .tables import EVENT, LOG, PAYLOAD

ASSEMBLY = "assembly"
ROOM = "room"
CHUNK = 2_000
# Written out, or no database would see that the index of erasures serves.
ERASES = EVENT.c.type == literal_column("'content.erased'")


@dataclass(frozen=True, slots=True)
class Head:
    """Where a log ends: its last seq (0: empty) and the hash of that envelope."""

    log: LogId
    kind: str
    seq: int
    hash: bytes
    moved: str | None = None
    """Where its assembly went, if it doesn't live here any more."""


def head(connection: Connection, log: LogId) -> Head | None:
    """Return where ``log`` ends, or None where there is no such log."""
    return heads(connection, (log,)).get(log)


def heads(
    connection: Connection, logs: Collection[LogId], *, lock: bool = False
) -> dict[LogId, Head]:
    """Return where logs end; those that don't exist are left out.

    With ``lock`` nobody else can append to them until this transaction ends.
    """
    return heads_of(ask_heads(connection, logs, lock=lock))


_LOCK = (
    'SELECT id, kind, head, hash, moved FROM "log" WHERE id = ANY(?::text[]) '
    "ORDER BY id FOR NO KEY UPDATE"
)
_LOCK_FREE = _LOCK + " SKIP LOCKED"


def ask_heads(
    connection: Connection, logs: Collection[LogId], *, lock: bool = False, wait: bool = True
) -> bulk.Asked:
    """Ask where logs end; :func:`heads_of` reads the answer.

    With ``lock`` nobody else can append to them until this transaction ends; they are locked in
    the order of their ids, so that two writers never wait for each other. Without ``wait`` those
    that another process has locked are left out.
    """
    if lock and logs and bulk.arrays(connection):
        return bulk.query(connection, _LOCK if wait else _LOCK_FREE, (list(logs),))
    return bulk.ask(connection, LOG, tuple(logs))


def heads_of(asked: bulk.Asked) -> dict[LogId, Head]:
    """Return the heads that were asked for, by log."""
    return {
        LogId(id_): Head(LogId(id_), kind, seq, hash_, moved)
        for id_, kind, seq, hash_, moved in asked.rows()
    }


_GROWN = (
    'SELECT "log".id, "log".head FROM unnest(?::text[], ?::bigint[]) AS known(id, seq) '
    'JOIN "log" ON "log".id = known.id WHERE "log".head > known.seq'
)


def grown(connection: Connection, known: Mapping[LogId, int]) -> dict[LogId, int]:
    """Return the last seqs of those logs that go beyond what is known of them."""
    if known and bulk.arrays(connection):
        asked = (list(known), list(known.values()))
        rows = bulk.query(connection, _GROWN, asked).rows()
        return {LogId(id_): seq for id_, seq in rows}
    found = heads(connection, known.keys())
    return {each: head.seq for each, head in found.items() if head.seq > known[each]}


def logs(connection: Connection, kind: str) -> tuple[LogId, ...]:
    """Return the ids of all logs of a kind."""
    rows = connection.execute(select(LOG.c.id).where(LOG.c.kind == kind).order_by(LOG.c.id))
    return tuple(LogId(id_) for (id_,) in rows)


@dataclass(frozen=True, slots=True)
class Appending:
    """Events for one log; ``head`` is None where the log begins with them."""

    log: LogId
    kind: str
    head: Head | None
    recorded: Sequence[Recorded]


def append(
    connection: Connection, batch: Sequence[Appending], salts: Callable[[int], bytes]
) -> dict[LogId, Head]:
    """Append events to several logs: envelopes, payloads, heads; erase what they say is erased.

    ``salts(n)`` gives n random bytes. Returns where the logs end then.

    Raises:
        LogBroken: a log's head isn't where it was when its events were decided.
    """
    events: list[bulk.Cells] = []
    payloads: list[bulk.Cells] = []
    ends: dict[LogId, Head] = {}
    for each in batch:
        sealed = _sealed(each, salts(chain.SALT_BYTES * len(each.recorded)))
        last = sealed[-1]
        ends[each.log] = Head(each.log, each.kind, last.seq, last.hash)
        for one in sealed:
            events.append((each.log, one.seq, one.type, one.day, one.commitment, one.previous))
            payloads.append((each.log, one.seq, one.salt, one.payload))
    begun = [ends[each.log] for each in batch if each.head is None]
    bulk.insert(
        connection, LOG, [(each.log, each.kind, each.seq, each.hash, None) for each in begun]
    )
    advanced = _advance(connection, [each for each in batch if each.head is not None], ends)
    bulk.insert(connection, EVENT, events)
    bulk.insert(connection, PAYLOAD, payloads)
    for each in batch:
        for recorded in each.recorded:
            if type(recorded.event) is ContentErased:
                erase(connection, each.log, recorded.seq, list(recorded.event.remains))
    # Read last, since nothing waits for the database before that.
    if sorted(log for (log,) in advanced.rows()) != sorted(ends.keys() - {e.log for e in begun}):
        raise LogBroken("A log doesn't end where it did when its events were decided.")
    return ends


def _sealed(each: Appending, salts: bytes) -> list[Sealed]:
    first = each.head.seq + 1 if each.head is not None else 1
    if [one.seq for one in each.recorded] != list(range(first, first + len(each.recorded))):
        raise LogBroken(f"What is to be appended to the log {each.log} leaves a gap.")
    previous = each.head.hash if each.head is not None else chain.genesis(each.log)
    sealed: list[Sealed] = []
    size = chain.SALT_BYTES
    for number, recorded in enumerate(each.recorded):
        one = chain.seal(recorded, previous, salts[number * size : (number + 1) * size])
        previous = one.hash
        sealed.append(one)
    return sealed


_ADVANCE = (
    "WITH next(id, known, head, hash) AS (VALUES {marks}) "
    'UPDATE "log" SET head = next.head, hash = next.hash FROM next '
    'WHERE "log".id = next.id AND "log".head = next.known RETURNING "log".id'
)
_ADVANCE_ALL = (
    'UPDATE "log" SET head = next.head, hash = next.hash '
    "FROM unnest(?::text[], ?::bigint[], ?::bigint[], ?::bytea[]) AS next(id, known, head, hash) "
    'WHERE "log".id = next.id AND "log".head = next.known RETURNING "log".id'
)


def _advance(
    connection: Connection, batch: Sequence[Appending], ends: Mapping[LogId, Head]
) -> bulk.Asked:
    """Move heads to where logs end now; the rows asked for are the ids of those that moved."""
    moves = [
        (each.log, each.head.seq, ends[each.log].seq, ends[each.log].hash)
        for each in batch
        if each.head is not None
    ]
    if not moves:
        return bulk.Asked()
    if bulk.arrays(connection):
        columns = [list(column) for column in zip(*moves, strict=True)]
        return bulk.query(connection, _ADVANCE_ALL, columns)
    moved: list[Sequence[object]] = []
    for some in bulk.pieces(moves):
        sql = _ADVANCE.format(marks=bulk.marks(4, len(some)))
        moved += bulk.query(connection, sql, tuple(itertools.chain.from_iterable(some))).rows()
    return bulk.Asked(moved)


_ERASE = "SELECT erase_payloads(?::text, ?::bigint, ?::bigint[])"


def erase(connection: Connection, log: LogId, erasure: int, seqs: list[int]) -> None:
    """Delete the payloads at ``seqs``, which the event at ``erasure`` says are erased.

    On PostgreSQL that event is of the same transaction: who may not delete there may call a
    function that checks it.
    """
    if bulk.arrays(connection):
        bulk.execute(connection, _ERASE, (log, erasure, seqs))
        return
    connection.execute(delete(PAYLOAD).where(PAYLOAD.c.log == log, PAYLOAD.c.seq.in_(seqs)))


_EVENTS = select(EVENT.c.seq, PAYLOAD.c.body).select_from(
    EVENT.outerjoin(
        PAYLOAD,
        and_(PAYLOAD.c.log == EVENT.c.log, PAYLOAD.c.seq == EVENT.c.seq),
    )
)
# The seq is compared twice: PostgreSQL would not see that it holds for the payloads too, and might
# read all of a long log's for the few that follow.
_SINCE = (
    'SELECT event.seq, payload.body FROM event LEFT JOIN payload ON payload."log" = event."log" '
    "AND payload.seq = event.seq AND payload.seq > ? "
    'WHERE event."log" = ? AND event.seq > ? ORDER BY event.seq LIMIT ?'
)


def records(
    connection: Connection, log: LogId, after: int = 0, limit: int = 2**31
) -> tuple[Recorded, ...]:
    """Return up to ``limit`` events of ``log`` that follow seq ``after``, in order.

    Where an event was erased, what remains of it stands in its place.
    """
    return records_of(connection, log, since(connection, log, after, limit))


def since(connection: Connection, log: LogId, after: int, limit: int = 2**31) -> bulk.Asked:
    """Ask for the events of ``log`` that follow seq ``after``; :func:`records_of` reads them."""
    return bulk.query(connection, _SINCE, (after, log, after, limit))


def records_of(connection: Connection, log: LogId, asked: bulk.Asked) -> tuple[Recorded, ...]:
    """Return the events of ``log`` that were asked for."""
    return _recorded(connection, log, [(seq, body) for seq, body in asked.rows()])


def records_at(connection: Connection, log: LogId, seqs: Iterable[int]) -> tuple[Recorded, ...]:
    """Return the events of ``log`` at ``seqs``, in order; those that don't exist are left out."""
    found: list[tuple[int, bytes | None]] = []
    wanted = sorted(set(seqs))
    for start in range(0, len(wanted), CHUNK):
        some = wanted[start : start + CHUNK]
        asked = _EVENTS.where(EVENT.c.log == log, EVENT.c.seq.in_(some)).order_by(EVENT.c.seq)
        found.extend(connection.execute(asked).all())
    return _recorded(connection, log, found)


def in_chunks(connection: Connection, log: LogId, after: int = 0) -> Iterator[tuple[Recorded, ...]]:
    """Give all events of ``log`` after ``after``, a few thousand at a time."""
    while True:
        some = records(connection, log, after, CHUNK)
        if some:
            yield some
        if len(some) < CHUNK:
            return
        after = some[-1].seq


def _recorded(
    connection: Connection, log: LogId, rows: Sequence[tuple[int, bytes | None]]
) -> tuple[Recorded, ...]:
    remains: dict[int, Remains] = {}
    if any(body is None for _, body in rows):
        remains = _remains(connection, log)
    return tuple(
        chain.read_payload(log, seq, _bytes(log, seq, body))
        if body is not None
        else _left(log, seq, remains)
        for seq, body in rows
    )


def _left(log: LogId, seq: int, remains: dict[int, Remains]) -> Recorded:
    left = remains.get(seq)
    if left is None:
        raise LogBroken(f"In the log {log}, the payload of {seq} is gone and nothing says why.")
    return Recorded(log=log, seq=seq, at=left.at, by=left.by, event=left.event)


def _remains(connection: Connection, log: LogId) -> dict[int, Remains]:
    rows = connection.execute(_EVENTS.where(EVENT.c.log == log, ERASES).order_by(EVENT.c.seq))
    remains: dict[int, Remains] = {}
    for seq, body in rows:
        if body is None:
            raise LogBroken(f"In the log {log}, the payload of {seq} is gone and nothing says why.")
        erased = chain.read_payload(log, seq, body).event
        if isinstance(erased, ContentErased):
            remains.update(erased.remains)
    return remains


def envelopes(
    connection: Connection, log: LogId, after: int = 0, limit: int = 2**31
) -> tuple[Envelope, ...]:
    """Return the public envelopes of ``log`` that follow seq ``after``, in order."""
    rows = connection.execute(
        select(EVENT.c.seq, EVENT.c.type, EVENT.c.day, EVENT.c.commitment, EVENT.c.previous)
        .where(EVENT.c.log == log, EVENT.c.seq > after)
        .order_by(EVENT.c.seq)
        .limit(limit)
    )
    return tuple(
        Envelope(
            seq=seq,
            type=type_,
            day=day,
            commitment=_bytes(log, seq, commitment).hex(),
            previous=_bytes(log, seq, previous).hex(),
        )
        for seq, type_, day, commitment, previous in rows
    )


def check(connection: Connection, log: LogId) -> Head:
    """Check the whole log: gaps, hashes, the head, every commitment; return where it ends.

    Raises:
        LogBroken: something doesn't hold, or there is no such log; the message names where.
    """
    known = head(connection, log)
    if known is None:
        raise LogBroken(f"There is no log {log}.")
    remains: dict[int, Remains] | None = None
    after, last = 0, chain.genesis(log).hex()
    while some := envelopes(connection, log, after, CHUNK):
        last = chain.check_chain(log, some, after=after, previous=last)
        payloads = _payloads(connection, log, after, some[-1].seq)
        for envelope in some:
            payload = payloads.get(envelope.seq)
            if payload is not None:
                chain.check_payload(log, envelope, *payload)
                continue
            remains = remains if remains is not None else _remains(connection, log)
            _left(log, envelope.seq, remains)
        after = some[-1].seq
    if after != known.seq or last != known.hash.hex():
        raise LogBroken(f"The log {log} ends at {after}; its head says {known.seq}.")
    return known


def _payloads(
    connection: Connection, log: LogId, after: int, upto: int
) -> dict[int, tuple[bytes, bytes]]:
    rows = connection.execute(
        select(PAYLOAD.c.seq, PAYLOAD.c.salt, PAYLOAD.c.body).where(
            PAYLOAD.c.log == log, PAYLOAD.c.seq > after, PAYLOAD.c.seq <= upto
        )
    )
    return {seq: (_bytes(log, seq, salt), _bytes(log, seq, body)) for seq, salt, body in rows}


def _bytes(log: LogId, seq: int, cell: object) -> bytes:
    # SQLite keeps a text in a column of bytes if somebody puts one there.
    if not isinstance(cell, bytes):
        raise LogBroken(f"In the log {log}, what is kept of {seq} was changed.")
    return cell

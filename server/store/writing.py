"""One transaction of the writer: begun before the commands are decided, ended after.

Everything here runs on the database's writing thread.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from sqlalchemy import Connection

from ..deliberation.events import ContentErased, Recorded, StatementSubmitted
from ..deliberation.published import THEMES_KIND
from ..errors import Conflicted, OutcomeUnknown, StorageFault, StorageFull, Unreachable
from ..ids import LogId
from . import artifacts, bulk, idempotency, log, projections, snapshots, spending
from .database import Database
from .idempotency import Used
from .log import Appending, Head

_PATIENT = "SET LOCAL idle_in_transaction_session_timeout = '10min'"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a batch is about: its logs with the seq known of each, its keys, slugs it would take.

    Without ``wait`` logs that another process is just writing to are left out of what begins.
    """

    logs: Mapping[LogId, int]
    keys: Collection[bytes] = ()
    slugs: Collection[str] = ()
    wait: bool = True


@dataclass(frozen=True, slots=True)
class Begun:
    """What stands as the transaction begins; nobody else can change it until it ends.

    ``foreign`` are events beyond the seq that was known; ``repeats`` the events of keys that were
    used before.
    """

    heads: Mapping[LogId, Head]
    foreign: Mapping[LogId, tuple[Recorded, ...]] = field(default_factory=dict)
    used: Mapping[bytes, Used] = field(default_factory=dict)
    repeats: Mapping[bytes, tuple[Recorded, ...]] = field(default_factory=dict)
    slugs: Collection[str] = ()


class Ledger:
    """Begins, commits and abandons the writer's transactions, one at a time."""

    def __init__(self, database: Database, salts: Callable[[int], bytes]) -> None:
        """``salts(n)`` gives n random bytes."""
        self._database = database
        self._salts = salts
        self._connection: Connection | None = None
        self._heads: dict[LogId, Head] = {}

    @property
    def begun(self) -> bool:
        """A transaction is open."""
        return self._connection is not None and self._connection.in_transaction()

    def known(self, wanted: Wanted) -> Begun | None:
        """Return what stands without asking the database, where this process alone can write.

        None where something must be looked up: then :meth:`begin`. It is called on the event loop,
        while nothing runs on the writing thread, and spares a batch one trip to it.
        """
        if wanted.keys or wanted.slugs or not self._database.held:
            return None
        heads = {each: head for each in wanted.logs if (head := self._heads.get(each))}
        if any(each not in heads or heads[each].seq != seq for each, seq in wanted.logs.items()):
            return None
        return Begun(heads)

    def begin(self, wanted: Wanted) -> Begun:
        """Open the transaction, lock the logs, read what the batch needs.

        Raises:
            StorageFull, StorageFault: the transaction isn't open then.
        """
        if self._connection is not None and not self._database.fresh(self._connection):
            self._discard()
        try:
            return self._begin(wanted)
        except BaseException as error:
            self._give_up(error)
            raise

    def _begin(self, wanted: Wanted) -> Begun:
        connection = self._connection
        if connection is None:
            connection = self._connection = self._database.connect_writer()
        with self._database.named():
            self._database.limit(connection)
            connection.begin()
            with self._database.grouped(connection):
                if wanted.slugs and self._database.shared:
                    # An import is decided as a whole, which may take long, and locks nobody out.
                    bulk.execute(connection, _PATIENT, ())
                locked = log.ask_heads(connection, wanted.logs, lock=True, wait=wanted.wait)
                keys = idempotency.ask(connection, wanted.keys)
                slugs = _ask_slugs(connection, wanted.slugs)
            heads = log.heads_of(locked)
            self._heads.update(heads)
            behind = {
                each: known
                for each, known in wanted.logs.items()
                if each in heads and heads[each].seq > known
            }
            used = idempotency.used(keys)
            repeats = {key: _repeat(connection, use) for key, use in used.items()}
            taken = {slug for (slug,) in slugs.rows()}
            return Begun(heads, self._since(connection, behind), used, repeats, taken)

    def _since(
        self, connection: Connection, behind: Mapping[LogId, int]
    ) -> dict[LogId, tuple[Recorded, ...]]:
        if not behind:
            return {}
        with self._database.grouped(connection):
            asked = {each: log.since(connection, each, known) for each, known in behind.items()}
        return {each: log.records_of(connection, each, rows) for each, rows in asked.items()}

    def commit(self, batch: Sequence[Appending], keys: Collection[Used]) -> None:
        """Write events, projections and keys, and make them durable.

        Raises:
            Conflicted: another process took a key, a slug or a log's name in the meantime; nothing
                of the batch was written, and it may be decided again.
            OutcomeUnknown: the connection was lost at the last moment; only the database knows
                whether the batch was written, all of it or nothing.
            StorageFull, StorageFault, LogBroken: nothing of the batch was written.
        """
        connection = self._connection
        if connection is None:
            raise StorageFault("There is no transaction to commit.")
        try:
            with self._database.named():
                erasing, ends = self._write(connection, batch, keys)
            self._make_durable(connection)
        except BaseException as error:
            # Whether a commit that failed at the last moment is on disk, only the disk can say.
            self._heads.clear()
            self._give_up(error)
            raise
        self._heads.update(ends)
        if erasing:
            self._clear_journal()

    def _write(
        self, connection: Connection, batch: Sequence[Appending], keys: Collection[Used]
    ) -> tuple[bool, dict[LogId, Head]]:
        """Write a batch; return whether it erases, and where the logs end then."""
        if not connection.in_transaction():
            if self._database.shared:
                raise StorageFault("There is no transaction to commit.")
            self._database.limit(connection)
            connection.begin()
        erasing = _erasing(batch)
        if erasing:
            forget_derived(connection, erasing)
        with self._database.grouped(connection):
            # The log last: it reads an answer, and by then everything else is on its way.
            idempotency.remember(connection, keys)
            projections.apply_all(
                connection, ((each.log, each.kind, each.recorded) for each in batch)
            )
            return bool(erasing), log.append(connection, batch, self._salts)

    def _make_durable(self, connection: Connection) -> None:
        try:
            with self._database.named():
                connection.commit()
        except Unreachable:
            raise OutcomeUnknown(
                "The connection to the database was lost while it made this durable, so it isn't "
                "known whether it was carried out: send it again with the same idempotency key."
            ) from None

    def abandon(self) -> None:
        """End the transaction, if one is open, as if it had never been."""
        connection = self._connection
        if connection is None:
            return
        try:
            with self._database.named():
                connection.rollback()
        except (StorageFault, StorageFull):
            # SQLite has rolled back by itself; the next transaction gets a new connection.
            self._discard()

    def _give_up(self, error: BaseException) -> None:
        self.abandon()
        if self._database.shared and not isinstance(error, Conflicted):
            # A server that was mended may go on refusing the sessions that it had before.
            self._discard()

    def _discard(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            # What it can't even be closed for is as gone as it is.
            with suppress(StorageFault, StorageFull), self._database.named():
                connection.invalidate()
                connection.close()

    def close(self) -> None:
        """Give the connection back; the next transaction takes another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _clear_journal(self) -> None:
        """Fold the write-ahead log into the file, so that erased bytes stand in neither.

        Not promised while somebody reads: then the next checkpoint does it.
        """
        # What was to be erased is committed already, so nobody must hear that it failed.
        with suppress(StorageFault, StorageFull), self._database.named():
            self._database.checkpoint()


def _erasing(batch: Sequence[Appending]) -> dict[LogId, list[int]]:
    """Return by log the seqs whose words a batch erases."""
    erasing: dict[LogId, list[int]] = {}
    for one in batch:
        for each in one.recorded:
            if type(each.event) is ContentErased:
                erasing.setdefault(one.log, []).extend(each.event.remains)
    return erasing


def forget_derived(connection: Connection, erasing: Mapping[LogId, Sequence[int]]) -> None:
    """Delete what was made of words that go: vectors, themes and answers with them, snapshots."""
    for which, seqs in erasing.items():
        snapshots.forget(connection, which)
        spending.forget(connection, which)
        gone = [
            recorded.event
            for recorded in log.records_at(connection, which, seqs)
            if isinstance(recorded.event, StatementSubmitted)
        ]
        artifacts.forget_texts(connection, [each.text for each in gone])
        artifacts.forget_naming(connection, which, THEMES_KIND, [each.statement for each in gone])


def _repeat(connection: Connection, use: Used) -> tuple[Recorded, ...]:
    return log.records_at(connection, use.log, range(use.first, use.last + 1))


def _ask_slugs(connection: Connection, slugs: Collection[str]) -> bulk.Asked:
    return bulk.query(
        connection, "SELECT slug FROM assembly WHERE slug = ?", *((slug,) for slug in slugs)
    )

"""One transaction of the writer: begun before the commands are decided, ended after.

Everything here runs on the database's writing thread.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from ..deliberation.events import ContentErased, Recorded, StatementSubmitted
from ..deliberation.published import THEMES_KIND
from ..errors import StorageFault, StorageFull
from ..ids import LogId
from . import artifacts, idempotency, log, projections, snapshots
from .database import Database
from .idempotency import Used
from .log import Appending, Head
from .tables import ASSEMBLY


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a batch is about: its logs with the seq known of each, its keys, slugs it would take."""

    logs: Mapping[LogId, int]
    keys: Collection[bytes] = ()
    slugs: Collection[str] = ()


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
        connection = self._connection
        if connection is None:
            connection = self._connection = self._database.connect_writer()
        try:
            with self._database.named():
                self._database.limit(connection)
                connection.begin()
                heads = log.heads(connection, wanted.logs, lock=True)
                self._heads.update(heads)
                foreign = {
                    each: log.records(connection, each, known)
                    for each, known in wanted.logs.items()
                    if each in heads and heads[each].seq > known
                }
                used = idempotency.used(connection, wanted.keys)
                repeats = {key: _repeat(connection, use) for key, use in used.items()}
                return Begun(heads, foreign, used, repeats, _taken(connection, wanted.slugs))
        except BaseException:
            self.abandon()
            raise

    def commit(self, batch: Sequence[Appending], keys: Collection[Used]) -> None:
        """Write events, projections and keys, and make them durable.

        Raises:
            StorageFull, StorageFault, LogBroken: nothing of the batch was written.
        """
        connection = self._connection
        if connection is None:
            raise StorageFault("There is no transaction to commit.")
        try:
            with self._database.named():
                if not connection.in_transaction():
                    self._database.limit(connection)
                    connection.begin()
                erasing = _erasing(batch)
                if erasing:
                    _forget_derived(connection, erasing)
                ends = log.append(connection, batch, self._salts)
                for each in batch:
                    projections.apply(connection, each.log, each.kind, each.recorded)
                idempotency.remember(connection, keys)
                connection.commit()
        except BaseException:
            # Whether a commit that failed at the last moment is on disk, only the disk can say.
            self._heads.clear()
            self.abandon()
            raise
        self._heads.update(ends)
        if erasing:
            self._clear_journal()

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
            connection.invalidate()
            self.close()

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


def _forget_derived(connection: Connection, erasing: Mapping[LogId, Sequence[int]]) -> None:
    """Delete what was made of words that go: vectors, themes that may bear them, snapshots."""
    for which, seqs in erasing.items():
        snapshots.forget(connection, which)
        gone = [
            recorded.event
            for recorded in log.records_at(connection, which, seqs)
            if isinstance(recorded.event, StatementSubmitted)
        ]
        artifacts.forget_texts(connection, [each.text for each in gone])
        artifacts.forget_naming(connection, which, THEMES_KIND, [each.statement for each in gone])


def _repeat(connection: Connection, use: Used) -> tuple[Recorded, ...]:
    return log.records_at(connection, use.log, range(use.first, use.last + 1))


def _taken(connection: Connection, slugs: Collection[str]) -> Collection[str]:
    if not slugs:
        return ()
    asked = select(ASSEMBLY.c.slug).where(ASSEMBLY.c.slug.in_(list(slugs)))
    return set(connection.execute(asked).scalars())

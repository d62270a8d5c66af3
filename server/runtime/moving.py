"""Moving house: an assembly goes from one database to another, and lives in one of them.

The order is what keeps it from living in both. Everything is copied in one transaction of the
target, so that nobody there sees a part of it; then the assembly is closed at the source, under
locks, and what was appended meanwhile is taken too; then the target commits. Whatever ends this in
between leaves all of it at the source, open or closed, and the same move again completes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from ..errors import Conflict, Invalid, NotFound, StorageFault, StorageFull
from ..ids import LogId
from ..store import log, lookups
from ..store import moving as store
from ..store.database import Database
from ..store.log import Head
from ..store.moving import Belongings, Forwarding
from .passage import Between, Passage, Told, nobody

_ROUNDS = 2
"""So many times what was appended is taken before the source is closed: the last is short then."""


class Outcome(StrEnum):
    """What became of an assembly that was to be moved."""

    MOVED = "moved"
    COPIED = "copied"
    THERE = "there"
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True, slots=True)
class Done:
    """An assembly after a move: how many logs and events it has, and how many were taken now.

    ``place`` says where it lives.
    """

    slug: str
    outcome: Outcome
    place: str
    logs: int
    events: int
    taken: int = 0


class Mover:
    """Moves assemblies from one open database to another."""

    def __init__(
        self,
        source: Database,
        target: Database,
        *,
        copy: bool = False,
        address: str = "",
        told: Told = nobody,
    ) -> None:
        """With ``copy`` the source is only read, and its assemblies go on there.

        ``address`` is where people find the assembly from now on, for those who still come to the
        source.

        Raises:
            Invalid: both are one database, or its user may not close a log at the source.
            StorageFull, StorageFault: the target can't be written.
        """
        self._source = source
        self._target = target
        self._copy = copy
        self._told = told
        with _transaction(target) as there, target.named():
            self._target_id = store.give_identity(there)
            there.commit()
        self._source_id = source.read(store.identity)
        if self._source_id == self._target_id:
            raise Invalid(
                f"{target.place} is the database that is to be moved, or a copy of its files."
            )
        if not copy and not source.read(store.may_close):
            raise Invalid(
                f"The user of the database at {source.place} may not close an assembly there: "
                "move as the owner of its tables."
            )
        self._forwarding = Forwarding(database=self._target_id, place=target.place, address=address)

    def slugs(self, wanted: Sequence[str] = ()) -> tuple[str, ...]:
        """Return the slugs of the assemblies to move: those that are wanted, or all.

        Each is looked at, so that nothing is moved where one of them can't be.

        Raises:
            NotFound: there is no such assembly, or none at all.
            Conflict, LogBroken: as :meth:`move`.
        """
        known = [each.slug for each in self._source.read(lookups.assemblies)]
        if not known:
            raise NotFound(f"There is no assembly at {self._source.place}.")
        slugs = tuple(dict.fromkeys(wanted)) or tuple(known)
        for slug in slugs:
            here = self._here(slug)
            if not self._lives_elsewhere(here):
                self._target.read(self._standing, here)
        return slugs

    def move(self, slug: str) -> Done:
        """Take an assembly to the target; the source keeps what it has, and takes no more.

        What was moved to yet another database before is left alone; what has arrived already is
        said to be there.

        Raises:
            NotFound: there is no such assembly.
            Conflict: the target holds another assembly by this name, or this one with another
                history, or one that was moved on from there.
            LogBroken: its log doesn't hold.
            StorageFull, StorageFault: one of the databases failed. The assembly is open at the
                source unless what failed was the very end, the target's commit.
        """
        here = self._here(slug)
        if here.forwarding is not None and self._lives_elsewhere(here):
            place = here.forwarding.place
            return Done(slug, Outcome.ELSEWHERE, place, len(here.heads), here.events)
        with _transaction(self._target) as there:
            with self._target.named():
                ends = self._standing(there, here, lock=True)
            if _is_ahead(ends, here):
                events = sum(each.seq for each in ends.values())
                return Done(slug, Outcome.THERE, self._target.place, len(ends), events)
            between = Between(self._source, self._target, ends, self._told)
            passage = Passage(between, there, here)
            now = passage.take()
            if self._copy:
                passage.commit()
            else:
                for _ in range(1, _ROUNDS):
                    passage.take()
                now = self._complete(passage, here)
        return Done(
            slug,
            self._outcome(here, passage.taken),
            self._target.place,
            len(now.heads),
            now.events,
            passage.taken,
        )

    def _complete(self, passage: Passage, here: Belongings) -> Belongings:
        """Close the source, take the rest, and let the target live."""
        self._mark(here, self._forwarding)
        arriving = False
        try:
            with self._kept_closed(here):
                now = passage.take()
                passage.settle_there()
                arriving = True
                passage.commit()
        except BaseException as error:
            if not arriving:
                # Nothing is there, so it lives here, unless an earlier move that was cut off left
                # it closed.
                if here.forwarding is None:
                    self._mark(here, None)
                raise
            if not isinstance(error, StorageFault | StorageFull):
                raise
            raise StorageFault(
                f"{error.message} Whether {here.slug!r} has arrived isn't known, so it stays "
                f"closed at {self._source.place}: run the same move again."
            ) from None
        return now

    @contextmanager
    def _kept_closed(self, here: Belongings) -> Iterator[None]:
        """Let nobody open it at the source while it arrives at the target."""
        with _transaction(self._source) as connection:
            with self._source.named():
                now = store.belongings(connection, here.assembly, lock=True)
            if now is None or now.forwarding != self._forwarding:
                raise Conflict(f"{here.slug!r} was opened again while it was moved.")
            yield

    def _outcome(self, here: Belongings, taken: int) -> Outcome:
        if taken == 0 and (self._copy or here.forwarding is not None):
            return Outcome.THERE
        return Outcome.COPIED if self._copy else Outcome.MOVED

    def reopen(self, slug: str) -> None:
        """Open an assembly at the source again, after a move to the target that was cut off.

        Raises:
            NotFound: there is no such assembly.
            Conflict: it is open, or was moved somewhere else; or it has arrived at the target.
        """
        assembly = self._here(slug).assembly
        with _transaction(self._source) as connection, self._source.named():
            # Under the lock, so that a move which is about to end has ended before the target is
            # looked at.
            here = store.belongings(connection, assembly, lock=True)
            if here is None or here.forwarding is None:
                raise Conflict(f"{slug} is open at {self._source.place} as it is.")
            if self._lives_elsewhere(here):
                raise Conflict(f"{slug} was moved to {here.forwarding.place}, and lives there.")
            ends = self._target.read(log.heads, tuple(here.heads))
            if all(id_ in ends and ends[id_].seq >= end.seq for id_, end in here.heads.items()):
                raise Conflict(f"{slug} has arrived at {self._target.place}, and lives there.")
            store.mark(connection, here.heads, None)
            connection.commit()

    def _here(self, slug: str) -> Belongings:
        assembly = self._source.read(lookups.assembly_of_slug, slug)
        found = None if assembly is None else self._source.read(store.belongings, assembly)
        if found is None:
            raise NotFound(f"There is no assembly {slug!r} at {self._source.place}.", field="slug")
        return found

    def _lives_elsewhere(self, here: Belongings) -> bool:
        return here.forwarding is not None and here.forwarding.database != self._target_id

    def _standing(
        self, there: Connection, here: Belongings, *, lock: bool = False
    ) -> dict[LogId, Head]:
        """Return where the assembly's logs end at the target, after checking that they may go on.

        With ``lock`` nobody there appends to them before the transaction ends.
        """
        place = self._target.place
        by_slug = lookups.assembly_of_slug(there, here.slug)
        if by_slug not in {None, here.assembly}:
            raise Conflict(
                f"{place} holds another assembly with the slug {here.slug!r} ({by_slug})."
            )
        ends = log.heads(there, tuple(here.heads))
        for id_, end in ends.items():
            head = here.heads[id_]
            common = min(head.seq, end.seq)
            ours = self._source.read(store.hash_at, head, common)
            if head.kind != end.kind or ours != store.hash_at(there, end, common):
                raise Conflict(
                    f"{place} holds the log {id_} of {here.slug!r} with another history; "
                    "the two can't become one."
                )
        standing = store.belongings(there, here.assembly, lock=lock)
        if standing is None:
            return ends
        ends = dict(standing.heads)
        forwarding = standing.forwarding
        if forwarding is not None and forwarding.database != self._source_id:
            raise Conflict(f"{here.slug!r} was at {place} and was moved on to {forwarding.place}.")
        if _is_ahead(ends, here) and here.forwarding is None:
            raise Conflict(
                f"{here.slug!r} was copied to {place} and has gone on there by itself; "
                "the two can't become one."
            )
        return ends

    def _mark(self, here: Belongings, to: Forwarding | None) -> None:
        """Close an assembly at the source, or open it; what is under way there ends before."""
        with _transaction(self._source) as connection, self._source.named():
            now = store.belongings(connection, here.assembly, lock=True)
            if now is None or (to is not None and now.forwarding not in {here.forwarding, to}):
                raise Conflict(f"Another move of {here.slug!r} is under way.")
            if to is None and now.forwarding != self._forwarding:
                return  # whoever opened it, or closed it for somewhere else, is right
            store.mark(connection, now.heads, to)
            connection.commit()


def _is_ahead(ends: dict[LogId, Head], here: Belongings) -> bool:
    return any(id_ not in here.heads or end.seq > here.heads[id_].seq for id_, end in ends.items())


@contextmanager
def _transaction(database: Database) -> Iterator[Connection]:
    """Give a connection in a transaction that writes; what isn't committed is undone."""
    connection = database.connect_writer()
    try:
        with database.named():
            database.limit(connection)
            connection.begin()
            store.take_time(connection)
        yield connection
    finally:
        # What isn't committed is undone as well where the connection was lost.
        with suppress(SQLAlchemyError):
            connection.close()

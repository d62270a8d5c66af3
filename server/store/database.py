"""Opening the database, and the threads on which it is read and written."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import URL, Connection, Engine, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import QueuePool

from ..errors import Conflicted, Fault, Invalid, StorageFault
from . import postgres
from .backend import READERS, Backend
from .postgres import Postgres
from .sqlite import Sqlite

P = ParamSpec("P")
T = TypeVar("T")

LOCK_WAIT = 5.0
_TRIES = 3


class Database:
    """A database with one thread that writes and a few that read.

    Functions given to :meth:`read`, :meth:`reading` and :meth:`writing` get a connection with a
    transaction of their own as their first argument; what the database refuses comes out as
    :class:`~..errors.StorageFull` or another :class:`~..errors.StorageFault`.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._writing = ThreadPoolExecutor(1, "folkmoot-writer")
        self._reading = ThreadPoolExecutor(READERS, "folkmoot-reader")
        self.turn = asyncio.Lock()
        """Held by whoever writes, over all the steps of one transaction."""
        self.errors: Counter[str] = Counter()
        """How often the database refused or broke, by the fault's code."""

    @classmethod
    def open(cls, url: str, *, hold: bool = True, wait: float = LOCK_WAIT) -> Database:
        """Open the database at ``url``: ``sqlite:///PATH`` or ``postgresql://USER@HOST:PORT/NAME``.

        With ``hold`` it may be written. A SQLite file is made or upgraded as needed, and this
        process then owns it, after waiting up to ``wait`` seconds for another to let go. On
        PostgreSQL any number of processes write, and nothing is made or upgraded here. Without
        ``hold`` this process reads beside whoever writes and changes nothing.

        Raises:
            Invalid: an address that can't be read, or of another kind of database.
            DatabaseHeld: another process owns the file.
            DatabaseNewer: a newer version wrote it; it was not touched.
            StorageFault: it isn't a database, can't be reached, or refuses this user; or there is
                none of this program's version to read, or on PostgreSQL to write.
            StorageFull: there is no room to make or upgrade it.
        """
        parsed = parse(url)
        if parsed.drivername in postgres.DRIVERS:
            return cls(Postgres.open(parsed, hold=hold))
        return cls(Sqlite.open(parsed, hold=hold, wait=wait))

    @property
    def place(self) -> str:
        """Where the database is, for an operator's eyes: a path, or host:port/name."""
        return self._backend.place

    @property
    def held(self) -> bool:
        """This process alone can write: nobody else changes what it has read."""
        return self._backend.held

    @property
    def writes(self) -> bool:
        """It was opened for writing too."""
        return self._backend.writer is not None

    @property
    def shared(self) -> bool:
        """Any number of processes write to it, whichever of them opened it first."""
        return self._backend.shared

    @contextmanager
    def named(self) -> Iterator[None]:
        """Turn the database's errors into ours while the block runs, and count them."""
        try:
            with self._backend.named():
                yield
        except Fault as fault:
            self.errors[fault.code] += 1
            raise

    def connections(self) -> dict[tuple[str, str], int]:
        """Return how many connections there are, by ``reading`` or ``writing``, and their state."""
        engines = {"reading": self._backend.reader, "writing": self._backend.writer}
        pools = {name: engine.pool for name, engine in engines.items() if engine is not None}
        return {
            (name, state): count
            for name, pool in pools.items()
            if isinstance(pool, QueuePool)
            for state, count in (("busy", pool.checkedout()), ("idle", pool.checkedin()))
        }

    def read(
        self, read: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Call ``read`` on this thread with a connection that sees one moment's data."""
        with self.named(), self._backend.reader.connect() as connection:
            return read(connection, *args, **kwargs)

    async def reading(
        self, read: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Do :meth:`read` on one of the reading threads."""
        return await asyncio.get_running_loop().run_in_executor(
            self._reading, lambda: self.read(read, *args, **kwargs)
        )

    async def writing(
        self, write: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Call ``write`` on the writing thread, in a transaction, when it is its turn.

        For derived documents and caches; a log is written by the runtime's writer alone. Where
        another process wrote the same at the same moment it is called again, three times in all.
        """

        def work() -> T:
            with self.named(), self._writer_engine().connect() as connection:
                try:
                    with connection.begin():
                        self.limit(connection)
                        return write(connection, *args, **kwargs)
                except Exception:
                    if self.shared:
                        # A server that was mended may go on refusing the sessions it had before.
                        connection.invalidate()
                    raise

        async with self.turn:
            for _ in range(_TRIES - 1):
                with suppress(Conflicted):
                    return await self.on_writer(work)
            return await self.on_writer(work)

    async def on_writer(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call ``work`` on the writing thread; whoever does this holds :attr:`turn`."""
        return await asyncio.get_running_loop().run_in_executor(
            self._writing, lambda: work(*args, **kwargs)
        )

    def connect_writer(self) -> Connection:
        """Return a connection that may write; for the writing thread alone."""
        with self.named():
            return self._writer_engine().connect()

    def fresh(self, connection: Connection) -> bool:
        """Tell whether a connection that was kept, and is idle, still leads to the database."""
        return self._backend.fresh(connection)

    def grouped(self, connection: Connection) -> AbstractContextManager[None]:
        """Send the statements of the block together, where that spares ways to the database.

        For statements of :mod:`.bulk` alone; what they return can be fetched after the block, and
        what they are refused for is raised at its end or before.
        """
        return self._backend.grouped(connection)

    def checkpoint(self) -> None:
        """Clear the journals beside the database of what was erased; not while somebody reads."""
        self._backend.checkpoint()

    def clock_offset(self) -> float:
        """Return the seconds by which the database's clock is ahead of this machine's.

        0.0 where it has none of its own. Asks the database: for a thread that may wait.
        """
        return self._backend.clock_offset()

    def limit_pages(self, pages: int | None) -> None:
        """Let a SQLite file grow to so many pages and no more, as a full disk would.

        Holds from the next transaction on; None: no limit.
        """
        self._backend.limit_pages(pages)

    def limit(self, connection: Connection) -> None:
        """Apply :meth:`limit_pages` to a connection that is going to write."""
        self._backend.limit(connection)

    def _writer_engine(self) -> Engine:
        if self._backend.writer is None:
            raise StorageFault("The database was opened for reading only.")
        return self._backend.writer

    def close(self) -> None:
        """Wait for what is under way, close every connection, let go of the database."""
        self._writing.shutdown()
        self._reading.shutdown()
        self._backend.close()


def parse(url: str) -> URL:
    """Return the parts of a database's address.

    Raises:
        Invalid: it can't be read, or is of another kind of database; it isn't repeated, since it
            may hold a password.
    """
    try:
        parsed = make_url(url)
    except (SQLAlchemyError, ValueError):
        parsed = None
    if parsed is None or parsed.drivername not in ("sqlite", *postgres.DRIVERS):
        raise Invalid(
            "The address of the database is sqlite:///PATH or postgresql://USER@HOST:PORT/NAME.",
            field="FOLKMOOT_DATABASE_URL",
        )
    return parsed


def migrate(url: str, grant: str | None = None) -> bool:
    """Bring the database at ``url`` to this program's version; False where it was there already.

    On PostgreSQL the role ``grant`` gets what servers and workers need, and no more.

    Raises:
        As :meth:`Database.open`, which does the same for SQLite; Invalid too for a role that is not
            there or can't be kept from anything, or for a role in a SQLite file.
    """
    parsed = parse(url)
    if parsed.drivername in postgres.DRIVERS:
        return postgres.migrate(parsed, grant)
    if grant is not None:
        raise Invalid("A SQLite file has no roles: who may read the file may do everything.")
    opened = Sqlite.open(parsed, hold=True, wait=LOCK_WAIT)
    opened.close()
    return opened.upgraded

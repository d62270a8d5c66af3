"""Opening the database, and the threads on which it is read and written."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from ..errors import Invalid, StorageFault
from . import schema
from .faults import named
from .held import Hold, for_its_owner

P = ParamSpec("P")
T = TypeVar("T")

READERS = 4
LOCK_WAIT = 5.0
_BUSY_MS = 5_000
_CACHE_KIB = 65_536
# Pages that many votes touch are then written to the file once, not once a thousand votes.
_CHECKPOINT_PAGES = 10_000
_STATEMENTS = 512


class Database:
    """A database file with one thread that writes and a few that read.

    Functions given to :meth:`read`, :meth:`reading` and :meth:`writing` get a connection with a
    transaction of their own as their first argument; what the database refuses comes out as
    :class:`~..errors.StorageFull` or :class:`~..errors.StorageFault`.
    """

    def __init__(self, path: Path, hold: Hold | None) -> None:
        self.path = path
        self._hold = hold
        self._page_limit: int | None = None
        self._reader = _engine(path, begin="BEGIN", pragmas=("query_only=ON",))
        self._writer: Engine | None = None
        if hold is not None:
            self._writer = _engine(
                path, begin="BEGIN IMMEDIATE", pragmas=("journal_mode=WAL", "secure_delete=ON")
            )
        self._writing = ThreadPoolExecutor(1, "folkmoot-writer")
        self._reading = ThreadPoolExecutor(READERS, "folkmoot-reader")
        self.turn = asyncio.Lock()
        """Held by whoever writes, over all the steps of one transaction."""

    @classmethod
    def open(cls, url: str, *, hold: bool = True, wait: float = LOCK_WAIT) -> Database:
        """Open the database at ``url`` (``sqlite:///path``), making or upgrading it as needed.

        With ``hold`` this process owns the file, after waiting up to ``wait`` seconds for another
        to let go; it may write. Without, it reads beside whoever owns it and changes nothing.

        Raises:
            Invalid: an address of another kind of database.
            DatabaseHeld: another process owns the file.
            DatabaseNewer: a newer version wrote it; it was not touched.
            StorageFault: it isn't a database; or, without ``hold``, there is none to read.
            StorageFull: there is no room to make or upgrade it.
        """
        path = _path(url)
        if hold:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        elif not path.is_file() or path.stat().st_size == 0:
            raise StorageFault(f"There is no database at {path}.")
        held = Hold.take(path, wait=wait) if hold else None
        database: Database | None = None
        try:
            if hold:
                for_its_owner(path)
            with named():
                current = _look(path, hold=hold)
                database = cls(path, held)
                if not current:
                    with database._writer_engine().begin() as connection:
                        schema.upgrade(connection)
        except BaseException:
            if database is not None:
                database.close()
            elif held is not None:
                held.release()
            raise
        return database

    @property
    def held(self) -> bool:
        """This process owns the file: nobody else writes to it."""
        return self._hold is not None

    def read(
        self, read: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Call ``read`` on this thread with a connection that sees one moment's data."""
        with named(), self._reader.connect() as connection:
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

        For derived documents and caches; a log is written by the runtime's writer alone.
        """

        def work() -> T:
            with named(), self._writer_engine().begin() as connection:
                self.limit(connection)
                return write(connection, *args, **kwargs)

        async with self.turn:
            return await self.on_writer(work)

    async def on_writer(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call ``work`` on the writing thread; whoever does this holds :attr:`turn`."""
        return await asyncio.get_running_loop().run_in_executor(
            self._writing, lambda: work(*args, **kwargs)
        )

    def connect_writer(self) -> Connection:
        """Return a connection that may write; for the writing thread alone."""
        with named():
            return self._writer_engine().connect()

    def checkpoint(self) -> None:
        """Fold the write-ahead log into the file and empty it; not while somebody reads."""
        with self.connect_writer() as connection:
            driver = connection.connection.driver_connection
            if isinstance(driver, sqlite3.Connection):
                driver.execute("PRAGMA busy_timeout=0")
                driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                driver.execute(f"PRAGMA busy_timeout={_BUSY_MS}")

    def limit_pages(self, pages: int | None) -> None:
        """Let the database grow to so many pages and no more, as a full disk would; None: no limit.

        Holds from the next transaction on.
        """
        self._page_limit = pages if pages is not None else 2**31

    def limit(self, connection: Connection) -> None:
        """Apply :meth:`limit_pages` to a connection that is going to write."""
        if self._page_limit is None:
            return
        driver = connection.connection.driver_connection
        if isinstance(driver, sqlite3.Connection):
            driver.execute(f"PRAGMA max_page_count={self._page_limit}")

    def _writer_engine(self) -> Engine:
        if self._writer is None:
            raise StorageFault("The database was opened for reading only.")
        return self._writer

    def close(self) -> None:
        """Wait for what is under way, close every connection, let go of the file."""
        self._writing.shutdown()
        self._reading.shutdown()
        self._reader.dispose()
        if self._writer is not None:
            self._writer.dispose()
        if self._hold is not None:
            self._hold.release()


def _path(url: str) -> Path:
    try:
        parsed = make_url(url)
        found = parsed.database if parsed.get_backend_name() == "sqlite" else None
    except SQLAlchemyError:
        found = None
    if not found:
        raise Invalid(
            "This version keeps its data in SQLite: the address is sqlite:///PATH.",
            field="FOLKMOOT_DATABASE_URL",
        )
    return Path(found)


def _engine(path: Path, *, begin: str, pragmas: tuple[str, ...]) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        connect_args={"cached_statements": _STATEMENTS, "check_same_thread": False},
        pool_size=READERS + 1,
        pool_reset_on_return="rollback",
    )
    settings = (
        f"busy_timeout={_BUSY_MS}",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"cache_size=-{_CACHE_KIB}",
        f"wal_autocheckpoint={_CHECKPOINT_PAGES}",
        *pragmas,
    )

    def connected(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
        # The driver would begin transactions by itself, deferred ones, and only before writes.
        connection.isolation_level = None
        for setting in settings:
            connection.execute(f"PRAGMA {setting}")

    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)
    return engine


def _look(path: Path, *, hold: bool) -> bool:
    """Tell whether the file is of this program's version, through a connection that can't write."""
    if not path.is_file() or path.stat().st_size == 0:
        return False
    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True),
        poolclass=NullPool,
    )
    with engine.connect() as connection:
        if hold:
            return schema.is_current(connection)
        schema.requires_current(connection)
        return True

"""A database in a file: SQLite, owned by one process that writes, read by any."""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from ..errors import Invalid, StorageFault
from . import schema
from .backend import READERS, nothing
from .faults import named
from .held import Hold, for_its_owner

_BUSY_MS = 5_000
_CACHE_KIB = 65_536
# Pages that many votes touch are then written to the file once, not once a thousand votes.
_CHECKPOINT_PAGES = 10_000
_STATEMENTS = 512


class Sqlite:
    """A :class:`~.backend.Backend` over one file."""

    shared = False

    def __init__(self, path: Path, hold: Hold | None) -> None:
        self.place = str(path)
        self._hold = hold
        self._page_limit: int | None = None
        self.upgraded = False
        """Opening made the database or brought it to this version."""
        self.reader = _engine(path, begin="BEGIN", pragmas=("query_only=ON",))
        self.writer: Engine | None = None
        if hold is not None:
            self.writer = _engine(
                path, begin="BEGIN IMMEDIATE", pragmas=("journal_mode=WAL", "secure_delete=ON")
            )

    @classmethod
    def open(cls, url: URL, *, hold: bool, wait: float) -> Sqlite:
        """Open the file, making or upgrading it as needed; see ``Database.open``."""
        if not url.database:
            raise Invalid(
                "The address of a SQLite database is sqlite:///PATH.", field="FOLKMOOT_DATABASE_URL"
            )
        path = Path(url.database)
        if hold:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        elif not path.is_file() or path.stat().st_size == 0:
            raise StorageFault(f"There is no database at {path}.")
        held = Hold.take(path, wait=wait) if hold else None
        opened: Sqlite | None = None
        try:
            if hold:
                for_its_owner(path)
            with named(str(path)):
                current = _look(path, hold=hold)
                opened = cls(path, held)
                if not current and opened.writer is not None:
                    with opened.writer.begin() as connection:
                        schema.upgrade(connection)
                    opened.upgraded = True
        except BaseException:
            if opened is not None:
                opened.close()
            elif held is not None:
                held.release()
            raise
        return opened

    @property
    def held(self) -> bool:
        """This process owns the file: nobody else writes to it."""
        return self._hold is not None

    def named(self) -> AbstractContextManager[None]:
        """Turn SQLite's errors into ours while the block runs."""
        return named(self.place)

    def fresh(self, connection: Connection) -> bool:  # noqa: ARG002
        """Tell that a file doesn't go away."""
        return True

    def grouped(self, connection: Connection) -> AbstractContextManager[None]:  # noqa: ARG002
        """Do nothing: every statement is at its place at once."""
        return nothing()

    def checkpoint(self) -> None:
        """Fold the write-ahead log into the file and empty it; not while somebody reads."""
        if self.writer is None:
            return
        with self.writer.connect() as connection:
            driver = connection.connection.driver_connection
            if isinstance(driver, sqlite3.Connection):
                driver.execute("PRAGMA busy_timeout=0")
                driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                driver.execute(f"PRAGMA busy_timeout={_BUSY_MS}")

    def limit_pages(self, pages: int | None) -> None:
        """Let the file grow to so many pages and no more, as a full disk would; None: no limit."""
        self._page_limit = pages if pages is not None else 2**31

    def limit(self, connection: Connection) -> None:
        """Apply :meth:`limit_pages` to a connection that is going to write."""
        if self._page_limit is None:
            return
        driver = connection.connection.driver_connection
        if isinstance(driver, sqlite3.Connection):
            driver.execute(f"PRAGMA max_page_count={self._page_limit}")

    def clock_offset(self) -> float:
        """Return 0.0: a file has no clock of its own."""
        return 0.0

    def close(self) -> None:
        """Close every connection and let go of the file."""
        self.reader.dispose()
        if self.writer is not None:
            self.writer.dispose()
        if self._hold is not None:
            self._hold.release()


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
            return schema.is_current(connection, str(path))
        schema.requires_current(connection, str(path))
        return True

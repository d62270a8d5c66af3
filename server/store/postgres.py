"""A database on a server: PostgreSQL, written and read by any number of processes."""

from __future__ import annotations

import logging
import select
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import psycopg
from psycopg.abc import PQGen
from psycopg.conninfo import make_conninfo
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from ..errors import Invalid, StorageFault
from . import roles, schema
from .backend import READERS
from .faults import named
from .patience import PatientConnection

_log = logging.getLogger(__name__)

DRIVERS = ("postgresql", "postgres", "postgresql+psycopg")

WRITERS = 2
"""So many connections write: the log's, and one for documents derived from it."""

CONNECT_TIMEOUT = 5
_OLDEST = 15
_POOL_TIMEOUT = 10.0
_DEFAULT_PORT = 5432

# Seconds until a peer that vanished without a word is given up.
_GONE_AFTER = 10
_NETWORK: Mapping[str, str | int] = {
    "connect_timeout": CONNECT_TIMEOUT,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": _GONE_AFTER * 1000,
    "application_name": "folkmoot",
    "client_encoding": "UTF8",
}
# The server too notices that a machine of ours is gone, and lets go of what it had locked.
_NOTICING = {
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
_READING = {
    "statement_timeout": "30s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "60s",
    "default_transaction_read_only": "on",
    **_NOTICING,
}
# Who stops in the middle of a transaction keeps the rooms that it locked from everybody: it is
# thrown out before those who wait for them give up.
_WRITING = {
    "statement_timeout": "10s",
    "lock_timeout": "9s",
    "idle_in_transaction_session_timeout": "5s",
    **_NOTICING,
}
# So many seconds a call takes at most; the server's own limits come first, where it is heard of.
_READING_PATIENCE, _WRITING_PATIENCE = 35.0, 15.0
_MIGRATING = {"lock_timeout": "60s", "idle_in_transaction_session_timeout": "0"}
_MIGRATION_LOCK = 0x466F6C6B6D6F6F74
"""The advisory lock of who migrates: the letters of this program's name."""

# What they would say is said by our faults, and theirs may hold the words of people.
for _logger in ("psycopg", "sqlalchemy.pool"):
    logging.getLogger(_logger).setLevel(logging.CRITICAL + 1)


class _Together(psycopg.Pipeline):
    """A pipeline that ends with nothing after its Sync.

    The driver's own asks for what is pending once more, and a server that hears anything after the
    Sync counts no time in which a transaction is idle: a process that stopped would keep its locks.
    """

    def _exit_gen(self) -> PQGen[None]:
        self._enqueue_sync()
        try:
            yield from self._communicate_gen()
        finally:
            yield from self._fetch_gen(flush=False)


class Postgres:
    """A :class:`~.backend.Backend` over one database of a PostgreSQL server."""

    held = False
    shared = True

    def __init__(self, url: URL, *, write: bool) -> None:
        """Nothing is connected yet.

        Raises:
            Invalid: the address names no database, or has options that nobody knows.
        """
        self._url = complete(url)
        self.place = place(self._url)
        self.reader = _engine(self._url, _READING, READERS, _READING_PATIENCE)
        self.writer = _engine(self._url, _WRITING, WRITERS, _WRITING_PATIENCE) if write else None

    @classmethod
    def open(cls, url: URL, *, hold: bool) -> Postgres:
        """Open the database if it is of this program's version; see ``Database.open``."""
        opened = cls(url, write=hold)
        try:
            with opened.named(), opened.reader.connect() as connection:
                _check(connection, opened.place)
                schema.requires_current(connection, opened.place)
        except BaseException:
            opened.close()
            raise
        return opened

    def named(self) -> AbstractContextManager[None]:
        """Turn the driver's errors into ours, which say where the database is."""
        return named(self.place)

    def fresh(self, connection: Connection) -> bool:
        """Tell whether an idle connection still has somebody at its other end."""
        return not connection.invalidated and _fresh(connection.connection.driver_connection)

    @contextmanager
    def grouped(self, connection: Connection) -> Iterator[None]:
        """Send the block's statements together: one way to the server and back for all of them."""
        driver = connection.connection.driver_connection
        if not isinstance(driver, psycopg.Connection):
            raise StorageFault("The connection to the database is lost.")
        driver._pipeline = driver._pipeline or _Together(driver)  # noqa: SLF001 - see there
        with driver.pipeline():
            yield

    def limit_pages(self, pages: int | None) -> None:
        """Refuse: how much a server may keep is set there."""
        raise NotImplementedError("PostgreSQL's size is not limited from here")

    def limit(self, connection: Connection) -> None:
        """Do nothing."""

    def checkpoint(self) -> None:
        """Do nothing: what was erased leaves PostgreSQL's files with its own vacuuming."""

    def clock_offset(self) -> float:
        """Return the seconds by which the server's clock is ahead; wrong by half a way at most."""
        best = (float("inf"), 0.0)
        with self.named(), self.reader.connect() as connection:
            for _ in range(3):
                before = time.time()
                asked = time.monotonic()
                cells = connection.exec_driver_sql(
                    "SELECT extract(epoch FROM clock_timestamp())::float8"
                )
                there = float(cells.scalar_one())
                way = time.monotonic() - asked
                best = min(best, (way, there - (before + way / 2)))
        return best[1]

    def close(self) -> None:
        """Close every connection."""
        self.reader.dispose()
        if self.writer is not None:
            self.writer.dispose()


_CHECKED = (
    "SELECT current_setting('server_version_num')::int, current_setting('server_encoding'), "
    "current_setting('fsync')"
)


def _check(connection: Connection, where: str) -> None:
    """Check that the server can keep what is written here.

    Raises:
        StorageFault: it is too old, or can't keep every script that people write in.
    """
    version, encoding, fsync = connection.exec_driver_sql(_CHECKED).one()
    if version < _OLDEST * 10_000:
        raise StorageFault(
            f"The server of the database at {where} is PostgreSQL {version // 10_000}: "
            f"{_OLDEST} or later is needed."
        )
    if encoding != "UTF8":
        raise StorageFault(
            f"The database at {where} keeps text as {encoding}: create one with the encoding UTF8."
        )
    if fsync != "on":
        _log.warning(
            "The server of the database at %s has fsync off: what was acknowledged is lost when "
            "its machine stops.",
            where,
        )


def migrate(url: URL, grant: str | None = None) -> bool:
    """Bring the database to this program's version; False where it was there already.

    Waits for another who does the same, up to a minute. ``grant`` names a role that is to get what
    servers and workers need, and no more.

    Raises:
        Invalid, DatabaseNewer, StorageFault, StorageFull: as ``Database.open``; Invalid too where
            there is no such role, or it can't be kept from anything.
    """
    address = complete(url)
    engine = _engine(address, _MIGRATING, 1)
    try:
        with named(place(address)), engine.begin() as connection:
            _check(connection, place(address))
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (_MIGRATION_LOCK,))
            current = schema.is_current(connection, place(address))
            if not current:
                schema.upgrade(connection)
            if grant is not None:
                roles.grant(connection, grant)
            return not current
    finally:
        engine.dispose()


def place(url: URL) -> str:
    """Return host:port/name of an address, which is all that is ever shown of one."""
    host = url.query.get("host", url.host) or "localhost"
    host = host if isinstance(host, str) else ",".join(host)
    if host.startswith("/"):
        return f"{host}/{url.database}"
    port = url.query.get("port", url.port) or _DEFAULT_PORT
    port = port if isinstance(port, str | int) else ",".join(port)
    return f"{host}:{port}/{url.database}"


def complete(url: URL) -> URL:
    """Return the address with how the network is watched, unless it says so itself.

    Raises:
        Invalid: it names no database, or has options that nobody knows.
    """
    if not url.database:
        raise Invalid(
            "The address of a PostgreSQL database names it: postgresql://USER@HOST:PORT/NAME.",
            field="FOLKMOOT_DATABASE_URL",
        )
    query = {name: str(value) for name, value in _NETWORK.items()} | dict(url.query)
    completed = url.set(drivername="postgresql+psycopg", query=query)
    try:
        make_conninfo(**options(completed, {}))
    except psycopg.Error:
        raise Invalid(
            f"The address of the database {place(url)} has an option that PostgreSQL doesn't know.",
            field="FOLKMOOT_DATABASE_URL",
        ) from None
    return completed


def options(url: URL, session: Mapping[str, str]) -> dict[str, Any]:
    """Return the driver's keyword arguments: a completed address, and settings of the session."""
    given: dict[str, Any] = url.translate_connect_args(username="user", database="dbname") | dict(
        url.query
    )
    set_there = " ".join(f"-c {name}={value}" for name, value in session.items())
    given["options"] = f"{given.get('options', '')} {set_there}".strip()
    return {
        name: ",".join(value) if isinstance(value, tuple) else value
        for name, value in given.items()
        if value != ""
    }


def _engine(
    url: URL, session: Mapping[str, str], connections: int, patience: float | None = None
) -> Engine:
    arguments = options(url, session)
    writes = "default_transaction_read_only" not in session

    def connect() -> psycopg.Connection:
        connection = PatientConnection.connect(**arguments)
        connection.patience = patience
        if writes:
            # An operator may have asked for more than this, which stays; less is not durable.
            connection.autocommit = True
            connection.execute(
                "SELECT set_config('synchronous_commit', 'on', false) "
                "WHERE current_setting('synchronous_commit') = 'off'"
            )
            connection.autocommit = False
            connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        else:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
        return connection

    engine = create_engine(
        "postgresql+psycopg://",
        creator=connect,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=_POOL_TIMEOUT,
        pool_use_lifo=True,
        use_native_hstore=False,
    )

    def taken(
        connection: psycopg.Connection, _: ConnectionPoolEntry, __: PoolProxiedConnection
    ) -> None:
        if not _fresh(connection):
            raise DisconnectionError

    event.listen(engine, "checkout", taken)
    return engine


def _fresh(driver: object) -> bool:
    """Tell whether an idle connection is open and silent.

    A server that ends a session says so or closes it, and an idle session hears nothing else: so
    this costs no way to the server.
    """
    if not isinstance(driver, psycopg.Connection) or driver.closed or driver.broken:
        return False
    poll = select.poll()
    poll.register(driver.fileno(), select.POLLIN)
    return not poll.poll(0)

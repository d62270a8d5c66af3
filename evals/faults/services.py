"""A PostgreSQL and a Redis of one's own, to be stopped, broken and started again.

Both listen on free ports of this machine only, keep what they have in a folder of their own, and
are ended by their process numbers. PostgreSQL syncs as in earnest; Redis keeps nothing.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from time import monotonic
from typing import Literal

import psycopg
from psycopg import sql

from evals.performance.process import HOST, free_port

Mode = Literal["fast", "immediate"]
_HOW: dict[Mode, signal.Signals] = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}
_PATIENCE = 30.0


class ServiceFailed(Exception):
    """A service of the test's own did not start or end; what it said is in the message."""


def postgres_binaries() -> Path | None:
    """Return the folder with ``initdb`` and ``postgres``, the newest there is, or None."""
    found = shutil.which("initdb")
    if found is not None and (Path(found).parent / "postgres").exists():
        return Path(found).parent
    installed = sorted(
        (
            each
            for each in Path("/usr/lib/postgresql").glob("*/bin")
            if (each / "initdb").exists() and each.parent.name.isdecimal()
        ),
        key=lambda each: int(each.parent.name),
    )
    return installed[-1] if installed else None


def missing() -> str:
    """Return what keeps services from being started here, or nothing."""
    if postgres_binaries() is None:
        return "PostgreSQL's binaries are not installed"
    if os.geteuid() == 0 and not _user_exists("postgres"):
        return "PostgreSQL does not run as root, and there is no user 'postgres'"
    if shutil.which("redis-server") is None:
        return "redis-server is not installed"
    return ""


class Postgres:
    """A cluster of one's own; stopped, it keeps its data and its port."""

    def __init__(self, folder: Path, binaries: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._binaries = binaries
        self._user = "postgres" if os.geteuid() == 0 else None
        self._process: asyncio.subprocess.Process | None = None

    async def make(self) -> None:
        """Make the data folder.

        Raises:
            ServiceFailed: it cannot be made.
        """
        self.folder.mkdir(mode=0o700)
        if self._user is not None:
            shutil.chown(self.folder, self._user, self._user)
        process = await asyncio.create_subprocess_exec(
            *(str(self._binaries / "initdb"), "-D", str(self.folder / "data"), "-U", "postgres"),
            *("-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"),
            cwd=self.folder,
            user=self._user,
            group=self._user,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        if process.returncode != 0:
            raise ServiceFailed(f"initdb: {said.decode(errors='replace')[-500:]}")

    async def start(self, *options: str) -> None:
        """Start it and wait until it answers; ``options`` are settings, ``name=value``.

        Raises:
            ServiceFailed: it does not answer in time.
        """
        settings = (
            *("shared_buffers=32MB", "max_connections=100", f"listen_addresses={HOST}"),
            *("unix_socket_directories=", "fsync=on", "synchronous_commit=on"),
            *("wal_level=minimal", "max_wal_senders=0", "log_min_messages=warning"),
            *options,
        )
        with (self.folder.parent / "postgres.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(str(self._binaries / "postgres"), "-D", str(self.folder / "data")),
                *("-p", str(self.port)),
                *(word for setting in settings for word in ("-c", setting)),
                cwd=self.folder,
                user=self._user,
                group=self._user,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        end = monotonic() + _PATIENCE
        while True:
            if self._process.returncode is not None:
                raise ServiceFailed(f"PostgreSQL ended: {_tail(self.folder.parent)}")
            try:
                await self.run("SELECT 1")
            except psycopg.OperationalError:
                if monotonic() > end:
                    raise ServiceFailed("PostgreSQL does not answer") from None
                await asyncio.sleep(0.05)
            else:
                return

    async def stop(self, mode: Mode = "fast") -> None:
        """End it: ``fast`` cuts everybody off and writes what is due, ``immediate`` crashes."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(_HOW[mode])
        try:
            async with asyncio.timeout(_PATIENCE):
                await process.wait()
        except TimeoutError:
            process.send_signal(signal.SIGQUIT)
            await process.wait()

    async def run(self, *statements: str, database: str = "postgres") -> None:
        """Carry out statements as the superuser, each by itself."""
        async with await psycopg.AsyncConnection.connect(
            self.url(database), autocommit=True, connect_timeout=2
        ) as connection:
            for statement in statements:
                await connection.execute(statement.encode())

    async def create(self, database: str) -> str:
        """Make an empty database and return its address."""
        async with await psycopg.AsyncConnection.connect(
            self.url("postgres"), autocommit=True
        ) as connection:
            await connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(database))
            )
        return self.url(database)

    async def ask_for_password(self, user: str, password: str) -> None:
        """Make a user who gets in with a password alone; the others are let in as they come."""
        rules = self.folder / "data" / "pg_hba.conf"
        rules.write_text(f"host all {user} {HOST}/32 scram-sha-256\n" + rules.read_text("utf-8"))
        await self.run(f"CREATE ROLE {user} LOGIN PASSWORD '{password}'", "SELECT pg_reload_conf()")

    def url(self, database: str, *, port: int | None = None, user: str = "postgres") -> str:
        """Return the address of a database, at this port or at that of a proxy before it.

        ``user`` may have a password after a colon.
        """
        return f"postgresql://{user}@{HOST}:{port or self.port}/{database}"


class Redis:
    """A Redis that keeps nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            ServiceFailed: it does not answer in time.
        """
        with (self.folder / "redis.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *("redis-server", "--port", str(self.port), "--bind", HOST, "--save", ""),
                *("--appendonly", "no", "--dir", str(self.folder)),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        end = monotonic() + _PATIENCE
        while not await self._answers():
            if self._process.returncode is not None or monotonic() > end:
                raise ServiceFailed("Redis does not answer")
            await asyncio.sleep(0.02)

    async def stop(self) -> None:
        """End it at once."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def signal(self, what: signal.Signals) -> None:
        """Send it a signal, if it is there."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(what)

    async def _answers(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection(HOST, self.port)
        except OSError:
            return False
        try:
            writer.write(b"PING\r\n")
            return (await reader.readline()) == b"+PONG\r\n"
        finally:
            writer.close()


@contextmanager
def folder_of_ones_own(prefix: str = "folkmoot-faults-") -> Iterator[Path]:
    """Give a folder that other users may pass through, and remove it in the end."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def postgres_in(folder: Path, options: Sequence[str] = ()) -> AsyncIterator[Postgres]:
    """Give a running PostgreSQL whose data lie in ``folder``, and end it.

    Raises:
        ServiceFailed: there is none on this machine, or it does not start.
    """
    binaries = postgres_binaries()
    if binaries is None:
        raise ServiceFailed("PostgreSQL's binaries are not installed")
    service = Postgres(folder / "postgres", binaries)
    await service.make()
    try:
        await service.start(*options)
        yield service
    finally:
        await service.stop("immediate")


@asynccontextmanager
async def redis_in(folder: Path) -> AsyncIterator[Redis]:
    """Give a running Redis, and end it.

    Raises:
        ServiceFailed: it does not start.
    """
    service = Redis(folder)
    try:
        await service.start()
        yield service
    finally:
        await service.stop()


def _tail(folder: Path) -> str:
    return (folder / "postgres.log").read_text("utf-8", "replace")[-500:]


def _user_exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True

"""The servers of a run: those that somebody else started, or one or two of the fleet's own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from evals.performance.process import (
    HOST,
    ROOT,
    CommandFailed,
    ServerProcess,
    WorkerProcess,
    command,
    environment,
)
from server.settings import Settings

from .lines import Address

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class WrongGround(Exception):
    """The servers can't be used; the message says why and what to do."""


@dataclass
class Ground:
    """Where the load goes. ``sessions``: process sessions of servers whose cost can be seen."""

    servers: list[Address]
    invite: str
    facilitator: str = ""
    sessions: list[int] = field(default_factory=list)
    settings: Settings | None = None
    """Those of the servers, where the log can be read after the load."""
    label: str = "servers that were there"


@dataclass(frozen=True)
class Wanted:
    """Servers to start: how many, on which database (empty: SQLite) and Redis (empty: none)."""

    servers: int = 1
    database: str = ""
    redis: str = ""
    rooms: int = 1
    workers: int = 1
    """Beside servers on PostgreSQL, which leave analyses and drafts to them."""
    extra: tuple[tuple[str, str], ...] = ()
    """More settings, by the names of their variables."""


@asynccontextmanager
async def started(wanted: Wanted) -> AsyncIterator[Ground]:
    """Start servers on a data folder of their own, and stop them and it afterwards.

    A PostgreSQL database must be empty: whoever uses one must have the keys of who used it first.

    Raises:
        WrongGround: two servers were asked for on SQLite.
        CommandFailed: migrating, founding or starting did not work; the message says what was said.
    """
    if wanted.servers > 1 and not wanted.database:
        raise WrongGround("Two servers need PostgreSQL: give --database postgresql://….")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        extra = dict(wanted.extra)
        if wanted.database:
            extra["FOLKMOOT_DATABASE_URL"] = wanted.database
        if wanted.redis:
            extra["FOLKMOOT_REDIS_URL"] = wanted.redis
            extra["FOLKMOOT_REDIS_PREFIX"] = f"fleet-{secrets.token_hex(4)}"
        if wanted.database:
            await command(home, "migrate", extra=extra)
        slug = f"fleet-{secrets.token_hex(4)}"
        codes = await _found(home, extra, slug, wanted.rooms)
        processes = [ServerProcess(home, extra=extra) for _ in range(wanted.servers)]
        many = wanted.workers if wanted.database else 0
        workers = [WorkerProcess(home, extra=extra) for _ in range(many)]
        try:
            for process in processes:
                await process.start(patience=60)
            for worker in workers:
                await worker.start()
            yield Ground(
                servers=[Address(HOST, process.port) for process in processes],
                invite=codes["invite"],
                facilitator=codes["facilitator"],
                sessions=[process.pid for process in processes],
                settings=settings_of(home, extra),
                label=_label(wanted),
            )
        finally:
            await asyncio.gather(*(worker.stop() for worker in workers))
            for process in processes:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(30):
                        await process.stop()
                await process.kill()


def settings_of(home: Path, extra: dict[str, str]) -> Settings:
    """Return the settings that the servers run with."""
    return Settings.from_environment(environment(home, extra))


async def _found(home: Path, extra: dict[str, str], slug: str, rooms: int) -> dict[str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "evals.performance.fleet.founding"),
        *("--slug", slug, "--rooms", str(rooms)),
        cwd=ROOT,
        env=environment(home, extra),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    if process.returncode != 0:
        said = err.decode(errors="replace").strip().splitlines() or ["it said nothing"]
        raise CommandFailed(f"founding: {said[-1]}")
    found: dict[str, str] = json.loads(out)
    return found


def _label(wanted: Wanted) -> str:
    many = "one server" if wanted.servers == 1 else f"{wanted.servers} servers"
    where = "PostgreSQL" if wanted.database else "SQLite"
    return f"{many} on {where}{' with Redis' if wanted.redis else ''}"


def there(urls: Sequence[str], invite: str, facilitator: str, *, own: bool) -> Ground:
    """Return servers that somebody started, if the load may go to them.

    Raises:
        WrongGround: an address is no http address, or not on this machine and not the caller's.
    """
    servers = []
    for url in urls:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise WrongGround(f"{url} is no address such as http://127.0.0.1:8000.")
        if not own and not _on_this_machine(parts.hostname):
            raise WrongGround(
                f"{parts.hostname} is not this machine. A load like this is an attack on whoever "
                "did not ask for it: if the servers are yours, say so with --i-own-this."
            )
        servers.append(Address(parts.hostname, parts.port or 80))
    if not invite:
        raise WrongGround("Servers that are there need --invite CODE, of a reusable invite.")
    return Ground(servers=servers, invite=invite, facilitator=facilitator)


def _on_this_machine(host: str) -> bool:
    # No name is looked up: what a name stands for may change between looking and connecting.
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class Usage:
    """Processor seconds so far, and resident bytes now."""

    servers: float = 0.0
    resident: int = 0
    machine: float = 0.0

    def since(self, earlier: Usage) -> Usage:
        """Return what was used in between; ``resident`` is the difference too."""
        return replace(
            self,
            servers=self.servers - earlier.servers,
            resident=self.resident - earlier.resident,
            machine=self.machine - earlier.machine,
        )


def usage(sessions: Sequence[int]) -> Usage:
    """Return what these process sessions have used, and the whole machine (Linux only)."""
    seconds, resident = 0.0, 0
    wanted = set(sessions)
    for entry in Path("/proc").iterdir():
        if not wanted or not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError, ValueError, IndexError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) in wanted:
                seconds += (int(fields[11]) + int(fields[12])) / _TICK
                if int(entry.name) in wanted:
                    resident += int(fields[21]) * _PAGE
    return Usage(seconds, resident, _machine())


def _machine() -> float:
    try:
        with Path("/proc/stat").open() as file:
            ticks = [int(each) for each in file.readline().split()[1:]]
    except OSError:
        return 0.0
    return (sum(ticks[:8]) - ticks[3] - ticks[4]) / _TICK

"""Whether this server can serve, and how each of the parts that it leans on stands."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import msgspec
from sqlalchemy import Connection

from ..errors import FolkmootError
from ..runtime.doorbell import Doorbell
from ..runtime.house import MOST_APART
from ..runtime.ports import Clock, SharedClock
from ..store.database import Database

PATIENCE = 1.5
"""So long the parts have together to answer; the answer is there within two seconds."""
BUSY = 0.7
"""So long the writer may take for a batch before it is left alone."""
STUCK = 10.0
"""Seconds after which a writer that has not come to its end is not busy but stuck."""
OK = "ok"
STILL = "does not answer"
_Check = Callable[[], Awaitable[str]]


class Health(msgspec.Struct, frozen=True):
    """``ok``: the process lives."""

    status: str = "ok"


class Ready(msgspec.Struct, frozen=True, omit_defaults=True):
    """``status`` is ``ok``, ``draining`` or ``unready``; each part ``ok``, or what is the matter.

    ``ok`` may come with parts that are not: what they lack costs delay, and no vote.
    """

    status: str
    database: str = ""
    redis: str = ""
    workers: str = ""
    clock: str = ""

    @property
    def serves(self) -> bool:
        """Whether people may be sent here."""
        return self.status == OK


@dataclass
class Readiness:
    """Asks the parts how they are; each check returns a word or a sentence, or raises.

    A check that hangs is not asked a second time before it has ended, so that those who ask often
    don't fill the threads that read.
    """

    _needed: dict[str, _Check] = field(default_factory=dict)
    _wanted: dict[str, _Check] = field(default_factory=dict)
    _asking: dict[str, asyncio.Task[str]] = field(default_factory=dict)

    def needs(self, part: str, check: _Check) -> None:
        """Without this part, which is a field of :class:`Ready`, nobody can be served."""
        self._needed[part] = check

    def wants(self, part: str, check: _Check) -> None:
        """Without this part serving goes on, and something is late."""
        self._wanted[part] = check

    async def ask(self) -> Ready:
        """Return how the parts stand; within two seconds, whatever hangs."""
        parts = {**self._needed, **self._wanted}
        for part, check in parts.items():
            if part not in self._asking or self._asking[part].done():
                self._asking[part] = asyncio.ensure_future(_said(check))
        await asyncio.wait({self._asking[part] for part in parts}, timeout=PATIENCE)
        found = {
            part: task.result() if task.done() else STILL for part, task in self._asking.items()
        }
        ready = all(found[part] == OK for part in self._needed)
        return Ready(status=OK if ready else "unready", **found)


async def _said(check: _Check) -> str:
    try:
        return await check()
    except FolkmootError as error:
        return error.code
    except Exception as error:  # noqa: BLE001 - a part that breaks is what is asked after
        return f"failed ({type(error).__name__})"


class DatabaseCheck:
    """Looks whether the database answers who reads, and lets the writer write."""

    def __init__(self, database: Database, *, stuck: float = STUCK) -> None:
        self._database = database
        self._stuck = stuck
        self._probe: asyncio.Task[str] | None = None
        self._begun = 0.0

    async def __call__(self) -> str:
        """Return ``ok`` or what is the matter; a writer that is busy is no matter for a while."""
        await self._database.reading(_answers)
        if self._probe is None or self._probe.done():
            self._begun = time.monotonic()
            self._probe = asyncio.ensure_future(self._database.writing(_writable))
            self._probe.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        done, _ = await asyncio.wait({self._probe}, timeout=BUSY)
        if done:
            return self._probe.result()
        return OK if time.monotonic() - self._begun < self._stuck else STILL


def _answers(connection: Connection) -> None:
    connection.exec_driver_sql("SELECT 1").scalar_one()


def _writable(connection: Connection) -> str:
    # To begin was enough on SQLite: a transaction of the writer's takes the file's lock.
    if connection.dialect.name == "sqlite":
        return OK
    cells = connection.exec_driver_sql("SHOW transaction_read_only")
    return OK if cells.scalar_one() == "off" else "read-only"


def redis_check(bell: Doorbell) -> _Check:
    """Return what says whether other servers are heard at once."""

    async def check() -> str:
        return OK if bell.healthy else "unreachable: updates are late"

    return check


def clock_check(clock: Clock) -> _Check:
    """Return what says whether this machine's clock is that of the database."""

    async def check() -> str:
        offset = clock.offset if isinstance(clock, SharedClock) else 0.0
        if abs(offset) <= MOST_APART:
            return OK
        return f"{abs(offset):.0f} s {'behind' if offset > 0 else 'ahead of'} the database's"

    return check


def workers_check(alive: Callable[[], Awaitable[int]]) -> _Check:
    """Return what says whether there are workers."""

    async def check() -> str:
        return OK if await alive() else "none: drafts, analyses and exports wait"

    return check

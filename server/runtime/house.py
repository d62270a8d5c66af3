"""Opening the house: the database, the writer, and what belongs to them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager

from ..reports.signing import fingerprint, has_signing_key, signing_key
from ..settings import Settings
from ..store import installation
from ..store.database import Database
from .batch import Committed, Key
from .doorbell import Doorbell, LocalDoorbell
from .installation import secret_key
from .ports import Chance, Clock, SharedClock, SystemChance
from .redis_doorbell import RedisDoorbell
from .states import Announcer
from .writer import House

__all__ = ["Committed", "House", "Key", "open_house"]

MOST_APART = 2.0
"""Beyond so many seconds between the database's clock and this machine's, the operator is told."""
_logger = logging.getLogger(__name__)


@asynccontextmanager
async def open_house(
    settings: Settings,
    *,
    write: bool = True,
    clock: Clock | None = None,
    chance: Chance | None = None,
    doorbell: Doorbell | None = None,
    announcer: Announcer | None = None,
) -> AsyncIterator[House]:
    """Give a started house on the settings' database; in the end answer what is queued and close.

    With ``write`` commands are carried out. A SQLite file is then held by this process alone, after
    waiting up to 5 s for another one to let go; on PostgreSQL others write beside it, and it hears
    of what they write through the settings' Redis. Without, it reads beside whoever writes, and
    every command is refused.

    Raises:
        Invalid, DatabaseHeld, DatabaseNewer, StorageFault, StorageFull: as ``Database.open``.
        Invalid: the settings' Redis has no such address, or the secret key is too short.
        Fault: the keys of this process are not those of the others on this database.
    """
    bell = doorbell or _doorbell(settings, write=write)
    url = settings.resolved_database_url
    database = await asyncio.to_thread(Database.open, url, hold=write)
    with ExitStack() as stack:
        stack.callback(database.close)
        if write and database.shared:
            await database.writing(installation.agree, await asyncio.to_thread(_facts, settings))
        clock = clock or SharedClock()
        house = House(database, clock=clock, chance=chance or SystemChance(), doorbell=bell)
        if isinstance(clock, SharedClock):
            watch = _ClockWatch(database, clock)
            stack.callback(watch.close)
            await watch.look()
            house.foreign.at_each_look(watch.look)
        if announcer is not None:
            house.attach(announcer)
        if isinstance(bell, RedisDoorbell):
            bell.start()
        await house.start()
        try:
            yield house
        finally:
            await house.stop()
            if isinstance(bell, RedisDoorbell):
                await bell.close()


def _doorbell(settings: Settings, *, write: bool) -> Doorbell:
    if settings.redis_url and write:
        return RedisDoorbell(settings.redis_url, settings.redis_prefix)
    return LocalDoorbell()


def _facts(settings: Settings) -> dict[str, str]:
    """Return what must be the same wherever the same database is written."""
    facts = {installation.SECRET_KEY: installation.digest(secret_key(settings))}
    if has_signing_key(settings.data_dir):
        public = signing_key(settings.data_dir).public
        facts[installation.SIGNING_KEY] = fingerprint(public)
    return facts


class _ClockWatch:
    """Corrects a clock by the database's, and says so where the two are far apart."""

    def __init__(self, database: Database, clock: SharedClock) -> None:
        self._database = database
        self._clock = clock
        self._told = False
        self._thread = ThreadPoolExecutor(1, "folkmoot-clock")

    def close(self) -> None:
        """End its thread, once what it asked is answered."""
        self._thread.shutdown()

    async def look(self) -> None:
        """Measure how far the database's clock is ahead."""
        if self._database.held:
            return
        offset = await asyncio.get_running_loop().run_in_executor(
            self._thread, self._database.clock_offset
        )
        self._clock.offset = offset
        apart = abs(offset) > MOST_APART
        if apart and not self._told:
            _logger.warning(
                "This machine's clock is %.1f s %s the database's, whose time is used; "
                "set it right, for instance with NTP.",
                abs(offset),
                "behind" if offset > 0 else "ahead of",
            )
        self._told = apart

"""Opening the house: the database, the writer, and what belongs to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ..settings import Settings
from ..store.database import Database
from .batch import Committed, Key
from .doorbell import Doorbell, LocalDoorbell
from .ports import Chance, Clock, SystemChance, SystemClock
from .states import Announcer
from .writer import House

__all__ = ["Committed", "House", "Key", "open_house"]


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

    With ``write`` this process holds the database alone, after waiting up to 5 s for another one
    to let go; without, it reads beside whoever holds it, and every command is refused.

    Raises:
        Invalid, DatabaseHeld, DatabaseNewer, StorageFault, StorageFull: as ``Database.open``.
    """
    url = settings.resolved_database_url
    database = await asyncio.to_thread(Database.open, url, hold=write)
    try:
        house = House(
            database,
            clock=clock or SystemClock(),
            chance=chance or SystemChance(),
            doorbell=doorbell or LocalDoorbell(),
        )
        if announcer is not None:
            house.attach(announcer)
        await house.start()
        try:
            yield house
        finally:
            await house.stop()
    finally:
        database.close()

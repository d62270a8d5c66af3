"""A database whose connections stand and keep silent is given up on, and asked anew."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url

from evals.faults.proxy import Proxy
from server.errors import StorageFault
from server.runtime.doorbell import LocalDoorbell
from server.runtime.ports import SeededChance, SteppingClock
from server.runtime.writer import House
from server.store import postgres
from server.store.backend import READERS
from server.store.database import Database

from ..runtime.house import admit, found, write

pytestmark = pytest.mark.timeout(60)


def one(connection: Connection) -> Any:
    return connection.execute(text("SELECT 1")).scalar()


async def test_a_silent_connection_is_given_up_and_the_next_call_gets_another(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for limit in ("_READING_PATIENCE", "_WRITING_PATIENCE"):
        monkeypatch.setattr(postgres, limit, 1.0)
    url = make_url(postgres_url)
    way = Proxy("database", url.port or 5432)
    await way.open()
    through = url.set(host="127.0.0.1", port=way.port).render_as_string(hide_password=False)
    database = await asyncio.to_thread(Database.open, through)
    house = House(database, clock=SteppingClock(), chance=SeededChance(1), doorbell=LocalDoorbell())
    await house.start()
    try:
        await found(house)
        (person,) = await admit(house, 1)
        await write(house, person, "Before")
        assert way.freeze() >= 2
        begun = monotonic()
        with pytest.raises(StorageFault):
            await write(house, person, "Into the void")
        assert monotonic() - begun < 10
        await write(house, person, "After")
        for _ in range(READERS):
            try:
                assert await database.reading(one) == 1
                break
            except StorageFault:
                continue
        assert await database.reading(one) == 1
    finally:
        await house.stop()
        await asyncio.to_thread(database.close)
        await way.close()

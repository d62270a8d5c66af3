"""A batch over many logs: few statements, each log where it belongs, and nothing scanned."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from server.deliberation import events as e
from server.deliberation.charter import Charter
from server.deliberation.vocabulary import Moderation, Phase
from server.errors import LogBroken
from server.ids import AssemblyId, LogId
from server.store import bulk, log, projections
from server.store.database import Database
from server.store.log import Appending, Head
from server.store.tables import EVENT, ROOM

MANY = 150
ROOMS = tuple(LogId(f"r{number:016d}") for number in range(MANY))


def created(which: LogId) -> tuple[e.Recorded, ...]:
    event = e.RoomCreated(
        assembly=AssemblyId("a1"),
        title="T",
        question="Q",
        language="en",
        moderation=Moderation.AFTER,
        charter=Charter(),
    )
    return (e.Recorded(log=which, seq=1, at=1, by=None, event=event),)


def opened(which: LogId) -> tuple[e.Recorded, ...]:
    event = e.PhaseChanged(phase=Phase.OPEN)
    return (e.Recorded(log=which, seq=2, at=2, by=None, event=event),)


def append(connection: sa.Connection, batch: list[Appending]) -> dict[LogId, Head]:
    ends = log.append(connection, batch, os.urandom)
    projections.apply_all(connection, ((each.log, each.kind, each.recorded) for each in batch))
    return ends


async def test_many_logs_advance_together(tmp_path: Path) -> None:
    with closing(Database.open(f"sqlite:///{tmp_path / 'x.db'}")) as database:
        first = [Appending(each, log.ROOM, None, created(each)) for each in ROOMS]
        heads = await database.writing(append, first)
        second = [Appending(each, log.ROOM, heads[each], opened(each)) for each in ROOMS]
        ends = await database.writing(append, second)
        assert await database.reading(log.heads, ROOMS) == ends
        for each in (ROOMS[0], ROOMS[63], ROOMS[64], ROOMS[-1]):
            assert (await database.reading(log.check, each)).seq == 2
        marks = await database.reading(
            lambda connection: connection.execute(sa.select(ROOM.c.as_of_seq)).scalars().all()
        )
        assert marks == [2] * MANY
        # The heads of all but one are behind by now.
        third = [Appending(each, log.ROOM, ends[each], opened(each)) for each in ROOMS[:1]]
        stale = [Appending(each, log.ROOM, heads[each], opened(each)) for each in ROOMS[1:]]
        with pytest.raises(LogBroken):
            await database.writing(append, stale + third)
        assert await database.reading(log.heads, ROOMS) == ends


def test_rows_are_searched_for_and_nothing_is_scanned(tmp_path: Path) -> None:
    with closing(Database.open(f"sqlite:///{tmp_path / 'x.db'}")) as database:
        advance = log._ADVANCE.format(marks=bulk.marks(4, 2))
        for sql, cells in (
            (advance, ("r1", 1, 2, b"", "r2", 1, 2, b"")),
            (bulk._set(ROOM, "as_of_seq", 2), ("r1", 1, "r2", 2)),
        ):
            plan = database.read(
                lambda connection, sql=sql, cells=cells: [
                    row[-1]
                    for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", cells)
                ]
            )
            assert not {"SCAN log", "SCAN room"} & set(plan)
            assert [step for step in plan if step.startswith("SEARCH")], plan


def test_erasures_are_found_by_their_index(tmp_path: Path) -> None:
    with closing(Database.open(f"sqlite:///{tmp_path / 'x.db'}")) as database:
        since = sa.select(EVENT.c.seq).where(EVENT.c.log == "r1", EVENT.c.seq > 5, log.ERASES)
        for asked in (log._EVENTS.where(EVENT.c.log == "r1", log.ERASES), since):
            sql = str(asked.compile(compile_kwargs={"literal_binds": True}))
            plan = database.read(
                lambda connection, sql=sql: [
                    row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}")
                ]
            )
            assert any("event_erasures" in step for step in plan), plan

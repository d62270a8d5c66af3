"""Databases that earlier versions wrote come up to this one with everything in them."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command

from server.ids import AssemblyId, ParticipantId, RoomId
from server.store import lookups, schema
from server.store.database import Database
from server.store.tables import METADATA


def as_version(path: Path, version: str) -> sa.Engine:
    """Return an engine to a database as ``version`` of the migrations makes it."""
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config = schema._config()
        config.attributes.update(connection=connection, metadata=METADATA)
        command.upgrade(config, version)
    return engine


def test_votes_by_participant_come_to_lie_by_statement(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    engine = as_version(path, "0001")
    votes = [("r1", f"p{p}", f"s{s}", (p + s) % 3 - 1, 10 * p + s) for p in (2, 1) for s in (1, 2)]
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO vote VALUES (?, ?, ?, ?, ?)", votes)
        connection.exec_driver_sql("INSERT INTO room VALUES ('r1', 'a1', '', '', 'en', 'open', 9)")
        for s in (1, 2):
            row = ("r1", f"s{s}", None, "", None, "seed", "statement", "accepted", None, "", "")
            connection.exec_driver_sql(
                f"INSERT INTO statement VALUES ({', '.join('?' * 11)}, 0, {s})", row
            )
    engine.dispose()

    database = Database.open(f"sqlite:///{path}")
    rows = database.read(
        lambda connection: connection.exec_driver_sql(
            "SELECT room, participant, statement, choice, seq FROM vote"
        ).all()
    )
    assert sorted(tuple(row) for row in rows) == sorted(votes)
    own = database.read(lookups.votes_of, AssemblyId("a1"), ParticipantId("p1"))
    assert [(each.statement, each.seq) for each in own] == [("s1", 11), ("s2", 12)]
    database.close()


def test_a_persons_votes_are_searched_for_and_nothing_is_scanned(tmp_path: Path) -> None:
    database = Database.open(f"sqlite:///{tmp_path / 'x.db'}")
    plans: list[str] = []

    def explained(connection: sa.Connection) -> None:
        def explain(conn, cursor, statement, parameters, context, many):  # type: ignore[no-untyped-def]
            return f"EXPLAIN QUERY PLAN {statement}", parameters

        sa.event.listen(connection, "before_cursor_execute", explain, retval=True)
        compiled = connection.execute(lookups.votes_asked(RoomId("r1"), ParticipantId("p1")))
        plans.extend(row[-1] for row in compiled.all())

    database.read(explained)
    assert not [step for step in plans if step.startswith("SCAN")]
    assert any("(room=? AND statement=? AND participant=?)" in step for step in plans), plans
    database.close()

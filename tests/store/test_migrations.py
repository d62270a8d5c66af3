"""Databases that earlier versions wrote come up to this one with everything in them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command

from server.ids import AssemblyId, ParticipantId, RoomId
from server.store import log as store
from server.store import lookups, schema
from server.store.database import Database, migrate
from server.store.tables import METADATA

from .. import databases


@pytest.fixture(params=["sqlite", "postgresql"])
def unmade(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without tables, once of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'x.db'}"
        return
    with databases.postgres(migrated=False) as url:
        yield url


def as_version(url: str, version: str) -> sa.Engine:
    """Return an engine to a database as ``version`` of the migrations makes it."""
    driver = "sqlite" if url.startswith("sqlite") else "postgresql+psycopg"
    engine = sa.create_engine(sa.make_url(url).set(drivername=driver))
    with engine.begin() as connection:
        config = schema._config()
        config.attributes.update(connection=connection, metadata=METADATA)
        command.upgrade(config, version)
    return engine


def test_votes_by_participant_come_to_lie_by_statement(unmade: str) -> None:
    engine = as_version(unmade, "0001")
    votes = [("r1", f"p{p}", f"s{s}", (p + s) % 3 - 1, 10 * p + s) for p in (2, 1) for s in (1, 2)]
    with engine.begin() as connection:
        for row in votes:
            connection.execute(
                sa.text("INSERT INTO vote VALUES (:a, :b, :c, :d, :e)"),
                dict(zip("abcde", row, strict=True)),
            )
        connection.exec_driver_sql("INSERT INTO room VALUES ('r1', 'a1', '', '', 'en', 'open', 9)")
        for s in (1, 2):
            connection.exec_driver_sql(
                f"INSERT INTO statement VALUES ('r1', 's{s}', NULL, '', NULL, 'seed', 'statement', "
                f"'accepted', NULL, '', '', FALSE, {s})"
            )
    engine.dispose()

    assert migrate(unmade)
    database = Database.open(unmade)
    rows = database.read(
        lambda connection: connection.exec_driver_sql(
            "SELECT room, participant, statement, choice, seq FROM vote"
        ).all()
    )
    assert sorted(tuple(row) for row in rows) == sorted(votes)
    own = database.read(lookups.votes_of, AssemblyId("a1"), ParticipantId("p1"))
    assert [(each.statement, each.seq) for each in own] == [("s1", 11), ("s2", 12)]
    database.close()


def test_ids_have_one_order_whatever_the_language_of_the_database(unmade: str) -> None:
    migrate(unmade)
    mixed = ["Zebra", "a-b", "ab", "zebra", "ä", "a_b", "A"]
    database = Database.open(unmade)
    with database.connect_writer() as connection, connection.begin():
        for each in mixed:
            row = {"id": each, "hash": b""}
            connection.execute(sa.text("INSERT INTO log VALUES (:id, 'room', 0, :hash, NULL)"), row)
    assert database.read(store.logs, store.ROOM) == tuple(sorted(mixed))
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

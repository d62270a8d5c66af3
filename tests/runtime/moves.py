"""An assembly that has lived, in a database of any kind, and its rows for comparing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Table, select

from server.deliberation import commands as c
from server.deliberation.commands import Actor
from server.deliberation.vocabulary import Choice
from server.ids import LogId
from server.runtime.moving import Done, Mover
from server.runtime.writer import Committed, House
from server.store import artifacts, tables
from server.store.artifacts import Artifact
from server.store.database import Database
from server.store.replay import replay
from server.synthesis.text import digest

from .house import ALOG, RLOG, admit, found, key, vote, write

SECRET = "A sentence that its author takes back"
OWNERS = {
    tables.LOG: "id",
    tables.EVENT: "log",
    tables.PAYLOAD: "log",
    tables.IDEMPOTENCY: "log",
    tables.ARTIFACT: "log",
    tables.ASSEMBLY: "id",
    tables.ROOM: "id",
    tables.MEMBER: "assembly",
    tables.STATEMENT: "room",
    tables.VOTE: "room",
}
Rows = Mapping[str, list[tuple[Any, ...]]]


async def lived(house: House) -> list[Actor]:
    """Let an assembly live: statements, votes, keys, documents, vectors, and one erasure."""
    await found(house, slug="town")
    people = await admit(house, 12)
    statements = [await write(house, each, f"We want thing {n} ✓") for n, each in enumerate(people)]
    await write(house, people[0], SECRET)
    choices = (Choice.AGREE, Choice.DISAGREE, Choice.PASS)
    await asyncio.gather(
        *(
            house.submit(RLOG, vote(each, choices[n % 3]), one, key=key(one, f"vote {n}"))
            for one in people
            for n, each in enumerate(statements)
        )
    )
    await house.keep(Artifact(RLOG, "analysis", "d" * 64, 9, b"\x00\xff analysis"))
    await house.keep(Artifact(ALOG, "other", "e" * 64, 2, b"{}"))
    vectors = {digest(f"We want thing {n} ✓"): bytes([n] * 8) for n in range(len(people))}
    vectors[digest(SECRET)] = b"8 bytes."
    await house.database.writing(artifacts.keep_vectors, "e5", vectors)
    await erase(house, people[1])
    return people


async def erase(house: House, who: Actor) -> None:
    """Let somebody take back all their words in the room."""
    room = await house.room(RLOG)
    records = await house.records(RLOG, room.words[who.participant])
    await house.submit(RLOG, c.EraseContent(records=records), who)


async def say(house: House, who: Actor, text: str, name: str) -> Committed:
    """Submit a statement with an idempotency key."""
    return await house.submit(RLOG, c.SubmitStatement(text=text), who, key=key(who, name))


@contextmanager
def moving(source: str, target: str, **more: Any) -> Iterator[Mover]:
    """Give a mover between two addresses."""
    here = Database.open(source, hold=not more.get("copy", False))
    try:
        there = Database.open(target)
        try:
            yield Mover(here, there, **more)
        finally:
            there.close()
    finally:
        here.close()


def move(source: str, target: str, **more: Any) -> Done:
    """Move the assembly ``town``."""
    with moving(source, target, **more) as mover:
        (slug,) = mover.slugs()
        return mover.move(slug)


def rows(url: str, logs: tuple[LogId, ...] = (ALOG, RLOG)) -> Rows:
    """Return all rows of an assembly by table; where it went is not among them."""

    def of(connection: Connection, table: Table, owner: str) -> list[tuple[Any, ...]]:
        columns = [column for column in table.columns if column.name != "moved"]
        asked = select(*columns).where(table.c[owner].in_(logs)).order_by(*table.primary_key)
        return [tuple(row) for row in connection.execute(asked)]

    database = Database.open(url, hold=False)
    try:
        read = {table.name: database.read(of, table, owner) for table, owner in OWNERS.items()}
        vectors = select(tables.EMBEDDING).order_by(tables.EMBEDDING.c.digest)
        known = database.read(lambda connection: connection.execute(vectors).all())
        return read | {"embedding": [tuple(row) for row in known]}
    finally:
        database.close()


def holds(url: str) -> None:
    """Check that all that stands at ``url`` follows from the log."""
    database = Database.open(url, hold=False)
    try:
        for which in (ALOG, RLOG):
            assert database.read(replay, which).difference is None
    finally:
        database.close()

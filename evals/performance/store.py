"""The writer and the store: durable votes a second, what one costs, and reading a log back.

``python -m evals.performance.store`` runs it alone. Costs are CPU time of the whole process, all
threads: deciding, folding, sealing, encoding, projections and the commit with its sync.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import uvloop

from server.deliberation import commands as c
from server.deliberation.commands import Actor
from server.deliberation.events import ParticipantJoined, StatementSubmitted
from server.deliberation.vocabulary import Channel, Choice, Phase, Role
from server.ids import AssemblyId, LogId, RoomId, StatementId
from server.runtime.doorbell import LocalDoorbell
from server.runtime.ports import SystemChance, SystemClock
from server.runtime.writer import House, Key
from server.store.database import Database
from server.store.replay import replay

Row = tuple[str, float | str | None, str, float | str | None, bool | None]

ASSEMBLY = LogId("a0000000000000000")
ROOM = LogId("r0000000000000000")
PEOPLE = 640
STATEMENTS = 40
IN_FLIGHT = 64
ROUNDS = 5
VOTES = 100
"""Votes of each of those in flight, a round."""


async def furnish(house: House) -> tuple[list[Actor], list[StatementId]]:
    """Found an assembly with people and statements."""
    await house.submit_together(
        [
            (ASSEMBLY, c.CreateAssembly(slug="bench", title="T", question="Q")),
            (ROOM, c.CreateRoom(assembly=AssemblyId(ASSEMBLY), title="T", question="Q")),
            (ASSEMBLY, c.OpenRoom(room=RoomId(ROOM), title="T", plenary=True)),
            (ROOM, c.ChangePhase(phase=Phase.OPEN)),
        ]
    )
    sources = tuple(str(n) for n in range(PEOPLE))
    admitted = await house.submit(
        ASSEMBLY, c.AdmitPeople(sources=sources, channel=Channel.SIMULATED), None
    )
    people = [
        Actor(each.event.participant, Role.PARTICIPANT)
        for each in admitted.recorded
        if isinstance(each.event, ParticipantJoined)
    ]
    statements = []
    for number in range(STATEMENTS):
        done = await house.submit(ROOM, c.SubmitStatement(text=f"S {number}"), people[number])
        event = done.recorded[0].event
        if isinstance(event, StatementSubmitted):
            statements.append(event.statement)
    return people, statements


async def votes(
    house: House, people: list[Actor], statements: list[StatementId], tag: str | None
) -> tuple[float, float]:
    """Cast votes, so many in flight; return votes a second and CPU µs a vote."""
    choices = list(Choice)

    async def cast(lane: int) -> None:
        for number in range(VOTES):
            who = people[(lane + IN_FLIGHT * number) % len(people)]
            statement = statements[(lane * 7 + number) % len(statements)]
            key = None
            if tag is not None:
                key = Key(who.participant, f"{tag}-{lane}-{number}", b"0" * 32)
            command = c.CastVote(statement_id=statement, choice=choices[number % 3])
            await house.submit(ROOM, command, who, key=key)

    began, spent = time.perf_counter(), time.process_time()
    await asyncio.gather(*(cast(lane) for lane in range(IN_FLIGHT)))
    seconds, cpu = time.perf_counter() - began, time.process_time() - spent
    count = IN_FLIGHT * VOTES
    return count / seconds, cpu / count * 1e6


def bare_commits(folder: Path) -> float:
    """Return how many one-row transactions a second the disk takes, each synced: the floor."""
    connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
    for setting in ("journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {setting}")
    connection.execute("CREATE TABLE x (y)")
    began = time.perf_counter()
    for number in range(200):
        connection.execute("INSERT INTO x VALUES (?)", (number,))
    rate = 200 / (time.perf_counter() - began)
    connection.close()
    return rate


async def measure(folder: Path) -> list[Row]:
    """Measure everything, on one database in ``folder``."""
    database = Database.open(f"sqlite:///{folder / 'bench.db'}")
    house = House(database, clock=SystemClock(), chance=SystemChance(), doorbell=LocalDoorbell())
    await house.start()
    people, statements = await furnish(house)
    await votes(house, people, statements, "warm")
    keyed, plain = [], []
    for number in range(ROUNDS):
        keyed.append(await votes(house, people, statements, str(number)))
        plain.append(await votes(house, people, statements, None))
    alone = time.perf_counter()
    for number in range(100):
        command = c.CastVote(statement_id=statements[0], choice=list(Choice)[number % 3])
        await house.submit(ROOM, command, people[number])
    alone = (time.perf_counter() - alone) / 100
    began = time.perf_counter()
    replayed = await database.reading(replay, ROOM)
    replaying = replayed.events / (time.perf_counter() - began)
    await house.stop()
    fresh = House(database, clock=SystemClock(), chance=SystemChance(), doorbell=LocalDoorbell())
    began = time.perf_counter()
    state = await fresh.room(ROOM)
    loading = state.seq / (time.perf_counter() - began)
    database.close()
    commits = await asyncio.to_thread(bare_commits, folder)
    cost = median([cpu for _, cpu in plain])
    same = replayed.difference is None
    return [
        ("synced commits a second, one row each", commits, "1/s", None, None),
        ("durable votes a second, 64 in flight", median([r for r, _ in plain]), "1/s", None, None),
        ("the same with idempotency keys", median([r for r, _ in keyed]), "1/s", None, None),
        ("a vote's CPU, all threads", cost, "µs", None, None),
        ("the same with a key", median([cpu for _, cpu in keyed]), "µs", None, None),
        ("one vote alone, begin to answer", alone * 1e3, "ms", None, None),
        ("events loaded a second", loading, "1/s", None, None),
        ("events replayed and compared a second", replaying, "1/s", None, None),
        ("replay equals what stands", "yes" if same else "no", "", "yes", same),
    ]


def run() -> list[Row]:
    """Measure on a database in a folder of its own; about half a minute."""
    loop = uvloop.new_event_loop
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(measure(Path(folder)))


if __name__ == "__main__":
    from evals.performance.__main__ import main

    sys.exit(main(["store"]))

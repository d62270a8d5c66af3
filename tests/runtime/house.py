"""A house of one's own for a test: a database in a folder, seeded chance, a stepping clock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from server.deliberation import commands as c
from server.deliberation.commands import Actor
from server.deliberation.events import ParticipantJoined, StatementSubmitted
from server.deliberation.vocabulary import Channel, Choice, Phase, Role
from server.ids import AssemblyId, LogId, ParticipantId, RoomId, StatementId
from server.runtime.doorbell import LocalDoorbell
from server.runtime.ports import SeededChance, SteppingClock
from server.runtime.states import Announcer
from server.runtime.writer import Committed, House, Key
from server.store.database import Database

ASSEMBLY = AssemblyId("a" + "0" * 16)
ROOM = RoomId("r" + "0" * 16)
ALOG = LogId(ASSEMBLY)
RLOG = LogId(ROOM)


@dataclass
class Home:
    house: House
    database: Database
    doorbell: LocalDoorbell


@asynccontextmanager
async def at_home(
    where: Path | str, *, seed: int = 1, announcer: Announcer | None = None
) -> AsyncIterator[Home]:
    """Give a house on a SQLite file, or on the database at an address."""
    database = Database.open(f"sqlite:///{where}" if isinstance(where, Path) else where)
    bell = LocalDoorbell()
    house = House(database, clock=SteppingClock(), chance=SeededChance(seed), doorbell=bell)
    if announcer is not None:
        house.attach(announcer)
    await house.start()
    try:
        yield Home(house, database, bell)
    finally:
        await house.stop()
        database.close()


async def found(
    house: House,
    *,
    slug: str = "demo",
    assembly: AssemblyId = ASSEMBLY,
    room: RoomId = ROOM,
    phase: Phase = Phase.OPEN,
) -> None:
    """Found an assembly with its plenary, which is then open."""
    await house.submit_together(
        [
            (LogId(assembly), c.CreateAssembly(slug=slug, title="T", question="Q")),
            (LogId(room), c.CreateRoom(assembly=assembly, title="T", question="Q")),
            (LogId(assembly), c.OpenRoom(room=room, title="T", plenary=True)),
        ]
    )
    if phase is not Phase.DRAFT:
        await house.submit(LogId(room), c.ChangePhase(phase=phase), None)


async def admit(house: House, count: int, *, assembly: AssemblyId = ASSEMBLY) -> list[Actor]:
    """Admit people and return them as participants."""
    done = await house.submit(
        LogId(assembly),
        c.AdmitPeople(
            sources=tuple(str(n) for n in range(count)), channel=Channel.SIMULATED, name="N"
        ),
        None,
    )
    return [
        Actor(each.event.participant, Role.PARTICIPANT)
        for each in done.recorded
        if isinstance(each.event, ParticipantJoined)
    ]


async def write(house: House, actor: Actor, text: str, *, room: RoomId = ROOM) -> StatementId:
    """Submit a statement and return its id."""
    done = await house.submit(LogId(room), c.SubmitStatement(text=text), actor)
    event = done.recorded[0].event
    assert isinstance(event, StatementSubmitted)
    return event.statement


def vote(statement: StatementId, choice: Choice = Choice.AGREE, because: str = "") -> c.CastVote:
    return c.CastVote(statement_id=statement, choice=choice, because=because)


def key(actor: Actor, name: str, body: bytes = b"body") -> Key:
    return Key(actor.participant, name, body)


__all__ = [
    "ALOG",
    "ASSEMBLY",
    "RLOG",
    "ROOM",
    "Committed",
    "Home",
    "ParticipantId",
    "admit",
    "at_home",
    "found",
    "key",
    "vote",
    "write",
]

"""Rooms with a past for benchmarks: their logs written ready made, sealed and projected."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import Connection

from server.deliberation import events as e
from server.deliberation.charter import Charter
from server.deliberation.commands import Actor
from server.deliberation.vocabulary import (
    Choice,
    Kind,
    Moderation,
    Origin,
    Phase,
    Role,
    Status,
)
from server.ids import AssemblyId, LogId, ParticipantId, StatementId
from server.store import log as store
from server.store import projections
from server.store.database import Database
from server.store.log import Appending

CROWD = 10_000
STATEMENTS = 100
REGULARS = 640
"""Those whose votes are measured; in every room they have voted before."""
PAIRS = 12_800
"""People times statements over all rooms, whatever their number."""
CHOICES = tuple(Choice)
_CHUNK = 8_000
_AT = 1_790_000_000_000


@dataclass(frozen=True, slots=True)
class Hall:
    """A room, who votes in it, and on what."""

    room: LogId
    people: tuple[Actor, ...]
    statements: tuple[StatementId, ...]


def history(
    room: LogId, crowd: Sequence[ParticipantId], statements: Sequence[StatementId], length: int
) -> Iterator[e.Recorded]:
    """Give a room's life of so many events: statements, everybody's first vote, then more votes."""
    chance = random.Random(f"{room}/{length}")
    happened: list[tuple[ParticipantId | None, e.RoomEvent]] = [
        (
            None,
            e.RoomCreated(
                assembly=AssemblyId("a0000000000000000"),
                title="T",
                question="Q",
                language="en",
                moderation=Moderation.AFTER,
                charter=Charter(),
            ),
        ),
        (None, e.PhaseChanged(phase=Phase.OPEN)),
    ]
    for number, statement in enumerate(statements):
        author = crowd[number % len(crowd)]
        written = e.StatementSubmitted(
            statement=statement,
            author=author,
            text=f"Statement {number} of a room, as long as people write them on the average.",
            language="en",
            origin=Origin.PARTICIPANT,
            kind=Kind.STATEMENT,
            status=Status.ACCEPTED,
        )
        happened.append((author, written))
    for seq in range(1, length + 1):
        if seq <= len(happened):
            by, event = happened[seq - 1]
        else:
            vote = seq - len(happened) - 1
            by = crowd[vote] if vote < len(crowd) else chance.choice(crowd)
            event = e.VoteCast(statement=chance.choice(statements), choice=chance.choice(CHOICES))
        yield e.Recorded(log=room, seq=seq, at=_AT + seq, by=by, event=event)


def append(connection: Connection, room: LogId, life: Iterator[e.Recorded]) -> int:
    """Append a piece of a room's life as the writer would, sealed and projected."""
    head = store.head(connection, room)
    some = list(islice(life, _CHUNK))
    if some:
        store.append(connection, [Appending(room, store.ROOM, head, some)], os.urandom)
        projections.apply_all(connection, [(room, store.ROOM, some)])
    return len(some)


async def fill(database: Database, hall: Hall, crowd: Sequence[ParticipantId], length: int) -> None:
    """Write the log of a hall, ``length`` events long, without a house."""
    life = history(hall.room, crowd, hall.statements, length)
    while await database.writing(append, hall.room, life):
        pass


def named(prefix: str, count: int, chance: random.Random) -> list[str]:
    """Return ids as a server makes them: of one length, in no order."""
    return [f"{prefix}{chance.getrandbits(80):016x}"[:17] for _ in range(count)]


def person(name: str) -> Actor:
    """Return a participant."""
    return Actor(ParticipantId(name), Role.PARTICIPANT)


async def by_number(database: Database, numbers: Sequence[int]) -> dict[int, list[Hall]]:
    """Fill so many rooms for each of ``numbers``: as many people times statements in each case.

    Most pairs have been voted on before, so that what is measured changes votes in all cases alike.
    """
    chance = random.Random(1)
    halls: dict[int, list[Hall]] = {}
    for number in numbers:
        halls[number] = []
        people = max(REGULARS // number, 4)
        statements = max(PAIRS // (people * number), 3)
        length = 2 + statements + 2 * PAIRS // number
        for room in named("r", number, chance):
            hall = Hall(
                LogId(room),
                tuple(person(each) for each in named("p", people, chance)),
                tuple(StatementId(each) for each in named("s", statements, chance)),
            )
            await fill(database, hall, [each.participant for each in hall.people], length)
            halls[number].append(hall)
    return halls


async def by_length(database: Database, lengths: Sequence[int]) -> dict[int, list[Hall]]:
    """Fill a room for each of ``lengths``: a crowd of ten thousand, and the regulars among it."""
    chance = random.Random(2)
    crowd = [ParticipantId(each) for each in named("p", CROWD, chance)]
    halls: dict[int, list[Hall]] = {}
    for length in lengths:
        (room,) = named("r", 1, chance)
        statements = tuple(StatementId(each) for each in named("s", STATEMENTS, chance))
        hall = Hall(LogId(room), tuple(person(each) for each in crowd[:REGULARS]), statements)
        await fill(database, hall, crowd, length)
        halls[length] = [hall]
    return halls

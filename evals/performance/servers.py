"""One server or two, SQLite or PostgreSQL, with Redis or without: the same votes, side by side.

Six servers stand at once: one on SQLite, one on PostgreSQL, two on PostgreSQL that find each
other's events by looking, two that are told through Redis. They are asked in turns, round by round,
by 64 connections each time, so that what else the machine does hits all alike. On two cores two
servers share with the database and with whoever asks what one server has nearly for itself: the
ratio says what a second server costs there, not what it brings where it has cores of its own.
``python -m evals.performance.servers`` runs it alone.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter

import msgspec
import uvloop

from .client import Load, post, press
from .databases import POSTGRES, fresh, postgres_answers, redis_answers
from .databases import REDIS as REDIS_URL
from .fleet.books import Books, Room
from .fleet.crowd import Crowd
from .fleet.ground import Ground, Wanted, started
from .fleet.lines import Lines
from .fleet.people import Clerk, Person
from .fleet.profile import Profile
from .fleet.town import Town

Maker = Callable[[int], bytes]
Row = tuple[str, float | str | None, str, float | str | None, bool | None]

CONNECTIONS = 64
ROUNDS = 5
SECONDS = 1.0
NOTICES = 15
LISTENERS = 8
SQLITE, ONE, TWO, BELL = "SQLite", "PostgreSQL", "two on PostgreSQL", "two with Redis"
_PROFILE = Profile(people=CONNECTIONS, rooms=2, first=40, cookies=0.0, asking=0.0)


@dataclass
class Place:
    """Servers with an assembly, people in it, and what was measured."""

    name: str
    ground: Ground
    town: Town
    books: Books
    together: list[Maker]
    """All connections vote in one room."""
    apart: list[Maker]
    """The first half votes in one room, the other half in another."""
    loads: list[Load] = field(default_factory=list)
    loads_apart: list[Load] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Acknowledged votes a second, over all servers: the median of the rounds."""
        return float(median(load.rate for load in self.loads))

    def over(self, other: Place) -> float:
        """The median of the rounds' ratios."""
        return ratio(self.loads, other.loads)


def ratio(these: list[Load], those: list[Load]) -> float:
    """Return the median of the ratios of rounds that stood side by side."""
    return float(median(a.rate / b.rate for a, b in zip(these, those, strict=True)))


def run() -> list[Row]:
    """Measure; about two minutes. Without PostgreSQL nothing is, and without Redis less."""
    if not postgres_answers():
        return [
            ("left out: PostgreSQL doesn't answer; see docs/performance.md", None, "", None, None)
        ]
    with ExitStack() as stack:
        many = {SQLITE: 1, ONE: 1, TWO: 2} | ({BELL: 2} if redis_answers() else {})
        wanted = {
            name: Wanted(
                servers,
                database="" if name == SQLITE else stack.enter_context(fresh(POSTGRES)),
                redis=REDIS_URL if name == BELL else "",
                rooms=_PROFILE.rooms,
            )
            for name, servers in many.items()
        }
        return uvloop.run(_measure(wanted))


async def _measure(wanted: dict[str, Wanted]) -> list[Row]:
    async with AsyncExitStack() as stack:
        places: dict[str, Place] = {}
        for name, each in wanted.items():
            ground = await stack.enter_async_context(started(each))
            places[name] = await _settled(name, ground)
        for place in places.values():
            await _votes(place, place.together, 0.5)
        for number in range(ROUNDS):
            order = list(places.values())
            for place in order if number % 2 else order[::-1]:
                place.loads.append(await _votes(place, place.together, SECONDS))
            for name in (ONE, TWO) if number % 2 else (TWO, ONE):
                place = places[name]
                place.loads_apart.append(await _votes(place, place.apart, SECONDS))
        rows = _rates(places)
        for name in (TWO, BELL):
            if name in places:
                rows += await _delays(places[name])
        rows += _compared(places, rows)
        for place in places.values():
            for lines in place.town.clerk.servers:
                lines.close()
        return rows


async def _settled(name: str, ground: Ground) -> Place:
    books, rng = Books(), random.Random(1)
    lines = [Lines(address, most=8, patience=20) for address in ground.servers]
    town = Town(_PROFILE, Clerk(lines, rng, "bench"), books, rng)
    await town.come_in(ground.invite, ground.facilitator)
    await town.begin()
    one, other = (_votes_in(room) for room in town.rooms)
    half = CONNECTIONS // 2
    together = [one(person) for person in town.people]
    apart = [*together[:half], *(other(person) for person in town.people[half:])]
    return Place(name, ground, town, books, together, apart)


def _votes_in(room: Room) -> Callable[[Person], Maker]:
    """Return what makes a person's endless votes in a room."""
    bodies = [
        msgspec.json.encode({"statement_id": statement, "choice": choice})
        for statement in room.statements
        for choice in ("agree", "disagree", "pass")
    ]

    def of(person: Person) -> Maker:
        name, _, value = person.headers[0].partition(": ")
        ready = [post(f"/api/rooms/{room.log}/votes", body, [(name, value)]) for body in bodies]
        return lambda n: ready[n % len(ready)]

    return of


async def _votes(place: Place, makers: list[Maker], seconds: float) -> Load:
    """Press all servers of a place at once, with the same number of connections in all."""
    servers = place.ground.servers
    share = CONNECTIONS // len(servers)
    parts = await asyncio.gather(
        *(
            press(each.host, each.port, makers[n * share : (n + 1) * share], seconds, 201)
            for n, each in enumerate(servers)
        )
    )
    failed: dict[int, int] = {}
    for part in parts:
        for status, count in part.failed.items():
            failed[status] = failed.get(status, 0) + count
    latencies = sorted(latency for part in parts for latency in part.latencies)
    return Load(len(latencies), max(part.seconds for part in parts), latencies, failed)


def _rates(places: dict[str, Place]) -> list[Row]:
    rows: list[Row] = []
    for place in places.values():
        p99 = median(load.quantile(0.99) for load in place.loads) * 1e3
        rows.append((f"votes a second, {place.name}", place.rate, "/s", None, None))
        rows.append((f"a vote's 99th percentile, {place.name}", p99, "ms", None, None))
    loads = [load for each in places.values() for load in (*each.loads, *each.loads_apart)]
    refused = sum(sum(load.failed.values()) for load in loads)
    rows.append(("votes not answered with 201", refused, "", 0, refused == 0))
    rows.append(("PostgreSQL ÷ SQLite", places[ONE].over(places[SQLITE]), "×", None, None))
    rows.append(("two servers ÷ one, in one room", places[TWO].over(places[ONE]), "×", None, None))
    own = ratio(places[TWO].loads_apart, places[ONE].loads_apart)
    rows.append(("two servers ÷ one, a room for each server", own, "×", None, None))
    if BELL in places:
        rows.append(
            (
                "votes with Redis ÷ without, two servers",
                places[BELL].over(places[TWO]),
                "×",
                None,
                None,
            )
        )
    else:
        rows.append(("left out: Redis doesn't answer", None, "", None, None))
    return rows


async def _delays(place: Place) -> list[Row]:
    """Say something at the first server, and see when the sockets of the second show it."""
    first, second = place.ground.servers
    rng = random.Random(2)
    crowd = Crowd([second], place.books, rng, away=1.0)
    place.town.clerk.servers = [each for each in place.town.clerk.servers if each.address == first]
    room = place.town.rooms[0]
    await crowd.sit_down([each for each in place.town.people if each.room is room], LISTENERS)
    missing = await crowd.standing(20)
    for _ in range(NOTICES):
        await place.town.announce(room, perf_counter())
        # Whatever the second server's rhythm is, no notice always meets the same moment of it.
        await asyncio.sleep(rng.uniform(0.2, 1.2))
    await asyncio.sleep(3.0)
    await crowd.go_home()
    room.settle()
    room.timed()
    delays = sorted(place.books.delays.from_receipt)
    owed, got = (sum(pair) for pair in zip(*(seat.account() for seat in crowd.seats), strict=True))
    p50 = delays[len(delays) // 2] * 1e3 if delays else None
    p99 = delays[int(0.99 * (len(delays) - 1))] * 1e3 if delays else None
    for what, example in place.books.examples.items():
        print(f"{place.name}: {what}: {example}", file=sys.stderr)
    wrong = sum(place.books.faults.values()) + missing + owed - got
    return [
        (f"until the other server shows it, {place.name}, p50", p50, "ms", None, None),
        (f"until the other server shows it, {place.name}, p99", p99, "ms", None, None),
        (f"frames missing or wrong, {place.name}", wrong, "", 0, wrong == 0),
    ]


def _compared(places: dict[str, Place], rows: list[Row]) -> list[Row]:
    """How much sooner it is with Redis."""
    found = {what: value for what, value, *_ in rows}
    looked, told = (
        found.get(f"until the other server shows it, {name}, p50") for name in (TWO, BELL)
    )
    if BELL not in places or not isinstance(looked, float) or not isinstance(told, float):
        return []
    ratio = told / looked
    return [("that delay with Redis ÷ without", ratio, "×", "≤ 0.5", ratio <= 0.5)]


if __name__ == "__main__":
    from evals.performance.__main__ import main

    sys.exit(main(["servers"]))

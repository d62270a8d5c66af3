"""What a vote costs as rooms grow in number and as one room's log grows, and how a long log starts.

The same votes are cast, so many in flight, in one room, then spread over ten, a hundred and a
thousand, on SQLite and, where it answers, on PostgreSQL; then in rooms whose logs have a thousand
to a million events. Rounds are interleaved, and a ratio is the median of those of each round. Costs
are CPU time of the whole process, all threads (a PostgreSQL server's is not in it), and time on the
clock.
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

import uvloop
from sqlalchemy import Connection

from server.deliberation import commands as c
from server.ids import LogId
from server.runtime import snapshots as taking
from server.runtime.doorbell import LocalDoorbell
from server.runtime.ports import SystemChance, SystemClock
from server.runtime.writer import House
from server.store import log as store
from server.store import snapshots
from server.store.database import Database, parse
from server.store.postgres import migrate

from .databases import fresh, postgres_answers
from .history import CHOICES, Hall, by_length, by_number

Row = tuple[str, float | str | None, str, float | str | None, bool | None]
Rounds = Mapping[int, Sequence[tuple[float, float]]]
"""CPU µs and µs on the clock, a vote, of each round, by size."""

NUMBERS = (1, 10, 100, 1_000)
"""Rooms that votes are spread over."""
LENGTHS = (1_000, 10_000, 100_000, 1_000_000)
"""Events of one room's log."""
IN_FLIGHT = 64
VOTES = 40
"""Votes of each of those in flight, a round."""
ROUNDS = 9
MOST_GROWTH = 1.5
LONGEST_START = 5.0
LONGEST_PAUSE = 0.1


def a_house(database: Database) -> House:
    """Return a house with the system's clock and chance."""
    return House(database, clock=SystemClock(), chance=SystemChance(), doorbell=LocalDoorbell())


async def cast(house: House, halls: Sequence[Hall], chance: random.Random) -> tuple[float, float]:
    """Cast votes, so many in flight; return CPU µs and µs on the clock, a vote."""

    async def one() -> None:
        for _ in range(VOTES):
            hall = chance.choice(halls)
            command = c.CastVote(
                statement_id=chance.choice(hall.statements), choice=chance.choice(CHOICES)
            )
            await house.submit(hall.room, command, chance.choice(hall.people))

    gc.collect()
    began, spent = time.perf_counter(), time.process_time()
    await asyncio.gather(*(one() for _ in range(IN_FLIGHT)))
    seconds, cpu = time.perf_counter() - began, time.process_time() - spent
    count = IN_FLIGHT * VOTES
    return cpu / count * 1e6, seconds / count * 1e6


async def compare(house: House, halls: Mapping[int, Sequence[Hall]]) -> Rounds:
    """Return what a vote cost in interleaved rounds, for each size."""
    chance = random.Random(3)
    found: dict[int, list[tuple[float, float]]] = {size: [] for size in halls}
    for each in halls.values():
        for hall in each:
            await house.room(hall.room)
    for number in range(ROUNDS + 1):
        for size, of_size in halls.items():
            measured = await cast(house, of_size, chance)
            if number:  # the first round fills caches
                found[size].append(measured)
    return found


def resident() -> int:
    """Return the bytes of memory this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


async def start(path: Path, room: LogId) -> dict[str, float]:
    """Open the database in this process and load a room; return what that took."""
    before = resident()
    began = time.perf_counter()
    database = Database.open(f"sqlite:///{path}", hold=False)
    house = a_house(database)
    state = await house.room(room)
    seconds = time.perf_counter() - began
    found = {
        "seconds": seconds,
        "bytes": float(resident() - before),
        "events": float(state.seq),
        "votes": float(state.votes.votes),
        "loaded": float(house.snapshots.loaded),
    }
    database.close()
    return found


def started(path: Path, room: LogId) -> dict[str, float]:
    """Do :func:`start` in a fresh process."""
    command = [sys.executable, "-m", "evals.performance.growth", str(path), room]
    run = subprocess.run(command, capture_output=True, check=True)
    found: dict[str, float] = json.loads(run.stdout)
    return found


def costs(unit: str, rounds: Rounds) -> list[Row]:
    """Return a row for each size: the median CPU of a vote."""
    return [
        (f"a vote, {size:,} {unit}", median(cpu for cpu, _ in of_size), "µs CPU", None, None)
        for size, of_size in rounds.items()
    ]


def growth(what: str, rounds: Rounds, small: int, large: int, most: float | None) -> list[Row]:
    """Return the rows of how the cost grew between two sizes; ``most`` bounds that of the CPU."""
    sides = list(zip(rounds[large], rounds[small], strict=True))
    cpu = median(many[0] / few[0] for many, few in sides)
    clock = median(many[1] / few[1] for many, few in sides)
    bound = None if most is None else f"≤ {most:g}"
    return [
        (f"{what}: CPU", cpu, "×", bound, None if most is None else cpu <= most),
        (f"{what}: on the clock", clock, "×", None, None),
    ]


async def many_rooms(url: str) -> Rounds:
    """Return what a vote costs as rooms grow in number, on the database at ``url``."""
    database = Database.open(url)
    halls = await by_number(database, NUMBERS)
    gc.freeze()
    house = a_house(database)
    await house.start()
    rounds = await compare(house, halls)
    await house.stop()
    database.close()
    return rounds


async def of_rooms(folder: Path) -> list[Row]:
    """Measure how the cost of a vote grows with the number of rooms."""
    rounds = await many_rooms(f"sqlite:///{folder / 'rooms.db'}")
    rows = costs("rooms", rounds)
    # SQLite writes pages of every room that a batch touches: one room's votes share theirs.
    rows += growth("1,000 rooms ÷ 1", rounds, 1, 1_000, None)
    rows += growth("1,000 rooms ÷ 100", rounds, 100, 1_000, MOST_GROWTH)
    if not postgres_answers():
        rows.append(("left out: PostgreSQL doesn't answer", None, "", None, None))
        return rows
    with fresh() as url:
        await asyncio.to_thread(migrate, parse(url))
        rounds = await many_rooms(url)
    rows += costs("rooms, PostgreSQL", rounds)
    return rows + growth("1,000 rooms ÷ 1, PostgreSQL", rounds, 1, 1_000, MOST_GROWTH)


async def of_length(folder: Path) -> list[Row]:
    """Measure how the cost of a vote grows with its room's log, and how the longest starts."""
    path = folder / "events.db"
    database = Database.open(f"sqlite:///{path}")
    began = time.perf_counter()
    halls = await by_length(database, LENGTHS)
    filling = sum(LENGTHS) / (time.perf_counter() - began)
    await asyncio.to_thread(database.checkpoint)
    gc.freeze()
    house = a_house(database)
    await house.start()
    rounds = await compare(house, halls)
    longest = halls[max(halls)][0].room
    state = await house.room(longest)
    stands = (float(state.seq), float(state.votes.votes))
    await house.stop()
    database.close()
    return [
        *costs("events", rounds),
        *growth("10⁶ events ÷ 10³", rounds, min(halls), max(halls), MOST_GROWTH),
        ("events appended a second, ready made", filling, "1/s", None, None),
        *await asyncio.to_thread(starts, path, longest, stands, house.snapshots.longest),
    ]


def starts(path: Path, room: LogId, stands: tuple[float, float], pause: float) -> list[Row]:
    """Measure the start of a room from a snapshot and from its log; both give what ``stands``."""
    with_one = started(path, room)
    database = Database.open(f"sqlite:///{path}")
    size = asyncio.run(database.writing(forget, room))
    database.close()
    without = started(path, room)
    for found, loaded in ((with_one, 1), (without, 0)):
        if (found["events"], found["votes"]) != stands or found["loaded"] != loaded:
            raise RuntimeError("a room was not started as it stood")
    seconds, mebi = with_one["seconds"], 2**20
    return [
        (
            "start at 10⁶ events from a snapshot",
            seconds,
            "s",
            f"≤ {LONGEST_START:g}",
            seconds <= LONGEST_START,
        ),
        ("start at 10⁶ events without one", without["seconds"], "s", None, None),
        ("a snapshot at 10⁶ events", size / mebi, "MiB", None, None),
        (
            "the longest that one held up the server",
            pause * 1e3,
            "ms",
            f"≤ {LONGEST_PAUSE * 1e3:g}",
            pause <= LONGEST_PAUSE,
        ),
        ("memory of 10⁶ events, from a snapshot", with_one["bytes"] / mebi, "MiB", None, None),
        ("memory of 10⁶ events, folded", without["bytes"] / mebi, "MiB", None, None),
    ]


def forget(connection: Connection, room: LogId) -> int:
    """Delete a room's snapshots; return how many bytes the latest had."""
    head = store.head(connection, room)
    if head is None:
        raise RuntimeError("the room is gone")
    found = next(snapshots.latest(connection, head, taking.VERSION), None)
    snapshots.forget(connection, room)
    return len(found.body) if found is not None else 0


def run() -> list[Row]:
    """Measure in a folder of its own; about three minutes, and 1 GB of disk."""
    loop = uvloop.new_event_loop
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner(loop_factory=loop) as runner:
        rows = runner.run(of_rooms(Path(folder)))
        return rows + runner.run(of_length(Path(folder)))


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(asyncio.run(start(Path(sys.argv[1]), LogId(sys.argv[2])))))
        sys.exit(0)
    from evals.performance.__main__ import main

    sys.exit(main(["growth"]))

"""One server on SQLite, killed again and again under load, and losing nothing."""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from evals.performance.fleet import Fleet, Owed
from evals.performance.nursery import ForkedServer, Nursery
from evals.performance.process import ServerProcess, command
from server.deliberation import events as e
from server.ids import LogId
from server.runtime.house import open_house
from server.settings import Settings
from server.store import log as store

SLUG = "fleet"
PACE = 0.4
"""Seconds between two actions of a person, on the average."""


@dataclass(frozen=True)
class Survived:
    """What came of it: how often the server was killed, and what held every time."""

    kills: int
    people: int
    acknowledged: int
    unanswered: int
    """Commands that a kill left without an answer, and that were sent again."""
    resumed: int
    """Sockets that went on from where they were, without a snapshot."""
    events: int
    frames: int
    starts: tuple[float, ...]
    """Seconds from a start to being ready."""
    seconds: float


async def found(data_dir: Path) -> str:
    """Found an open assembly in ``data_dir`` and return a reusable invite's code."""
    await command(data_dir, "assembly", "create", SLUG, "--title", "Fleet", "--question", "What?")
    await command(data_dir, "phase", SLUG, "open")
    links = await command(data_dir, "invite", SLUG, "--reusable")
    match = re.search(r"/join/(\w+)", links)
    if match is None:
        raise Owed("no invite was printed")
    return match[1]


async def survive(
    data_dir: Path, *, kills: int, people: int, seed: int, load: float = 1.5
) -> Survived:
    """Kill a server ``kills`` times under a fleet, and check after each start that nothing is lost.

    The first server and the last are started as an operator would; those between are forked from a
    process that has the program in memory already, and are killed like the first.

    ``load`` is the most seconds between the fleet's going on and the kill.

    Raises:
        Owed: an acknowledged command is missing, there twice or elsewhere; a client's picture is
            not the room; the log, its chain or a projection does not hold.
    """
    begun = monotonic()
    rng = random.Random(seed)
    invite = await found(data_dir)
    server = ServerProcess(data_dir)
    standing: ServerProcess = server
    starts = [await server.start()]
    fleet = Fleet(server.port, people, seed=seed, pace=PACE)
    unanswered = 0
    try:
        await fleet.join(invite)
        await fleet.start()
        async with Nursery(data_dir) as nursery:
            for kill in range(kills):
                await asyncio.sleep(rng.uniform(0.05, load))
                fleet.look()
                await standing.kill()
                fleet.gate.shut()
                unanswered += sum(len(member.ledger.waiting) for member in fleet.members)
                standing = ForkedServer(nursery, server) if kill < kills - 1 else server
                starts.append(await standing.start())
                fleet.gate.open()
                await fleet.rest()
                await fleet.check(ledgers=kill % 5 == 0)
                fleet.go_on()
        await fleet.rest()
        await fleet.check()
        await fleet.stop()
        code = await server.stop()
        if code != 0:
            raise Owed(f"the server ended with {code}: {server.said()}")
    finally:
        await fleet.stop()
        await standing.kill()
        await server.kill()
    events = await _check_the_log(data_dir, fleet)
    await command(data_dir, "replay", SLUG)
    return Survived(
        kills=kills,
        people=people,
        acknowledged=fleet.acknowledged,
        unanswered=unanswered,
        resumed=sum(member.resumed for member in fleet.members),
        events=events,
        frames=sum(member.frames for member in fleet.members),
        starts=tuple(starts),
        seconds=monotonic() - begun,
    )


async def _check_the_log(data_dir: Path, fleet: Fleet) -> int:
    """Compare the log itself with every receipt; returns how many events it has."""
    wanted = {
        (member.participant, each.seq): each.statement
        for member in fleet.members
        for each in member.ledger.acknowledged.values()
    }
    if len(wanted) != fleet.acknowledged:
        raise Owed("two commands were acknowledged with one seq")
    seqs: list[int] = []
    times: Counter[tuple[str, int]] = Counter()
    async with open_house(Settings(data_dir=data_dir), write=False) as house:
        assembly = await house.assembly_by_slug(SLUG)
        log = LogId(assembly.plenary.id)
        for recorded in await house.database.reading(_all, log):
            seqs.append(recorded.seq)
            event = recorded.event
            if isinstance(event, e.VoteCast | e.StatementSubmitted):
                key = (str(recorded.by), recorded.seq)
                times[key] += 1
                if wanted.get(key) != event.statement:
                    raise Owed(f"{recorded.seq} was acknowledged to nobody, or as another")
        await house.database.reading(store.check, log)
    if times.keys() != wanted.keys():
        raise Owed(f"{len(wanted.keys() - times.keys())} acknowledged commands are not in the log")
    if seqs != list(range(1, len(seqs) + 1)):
        raise Owed("the log has a gap")
    return len(seqs)


def _all(connection: store.Connection, log: LogId) -> list[e.Recorded]:
    return [recorded for some in store.in_chunks(connection, log) for recorded in some]

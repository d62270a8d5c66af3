"""A run of chaos: load, what goes wrong by a schedule, calm, and everything compared."""

from __future__ import annotations

import asyncio
import platform
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from time import monotonic

import msgspec

from .checking import Found, check_all
from .cluster import CLUSTER, Cluster, Services, services_for
from .crowd import Crowd
from .schedule import Fault, Shape, draw
from .storm import Storm
from .town import build
from .witness import Happened, Recovery, Witness

CALM = 20.0
"""Seconds within which everything is as it should be, when nothing goes wrong any more."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a run is made of; the same plan gives the same schedule."""

    seed: int
    seconds: float = 60.0
    people: int = 60
    studies: int = 3
    pace: float = 1.0
    """Seconds between two actions of a person, on the average."""
    calm: float = CALM
    shape: Shape = CLUSTER
    only: tuple[Fault, ...] = ()
    """This schedule instead of a drawn one."""

    @property
    def schedule(self) -> tuple[Fault, ...]:
        """What is to go wrong."""
        return self.only or draw(self.seed, self.seconds, self.shape)


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A fault, and how long it took until all was as before."""

    happened: Happened
    recovery: Recovery


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a run. ``lost`` is empty, or the run has failed."""

    plan: Plan
    machine: str
    lost: list[str]
    faults: list[Told]
    acknowledged: int
    refused: int
    events: int
    repeated: int
    requests: int
    proposed: int
    failed: int
    paid: int
    """Answers of the drafter that were kept: at most one for each draft that was asked for."""
    pictures: int
    calm: dict[str, float | None]
    silence: tuple[float, float]
    """The longest time without any receipt from any server: from when, and how many seconds."""
    counts: dict[str, int]
    starts: dict[str, list[float]]
    """Seconds from each start of a process to being ready."""
    seconds: float
    """Of the whole run, with setting up and checking."""

    @property
    def holds(self) -> bool:
        """Whether nothing was lost."""
        return not self.lost


async def run_many(plans: Sequence[Plan], folder: Path) -> AsyncIterator[Report]:
    """Carry out runs one after the other on one PostgreSQL and one Redis.

    Each has a database, processes and logs of its own, under ``folder``.
    """
    async with services_for(plans[0].shape, folder) as services:
        for number, plan in enumerate(plans):
            yield await run(plan, folder, services, f"chaos_{number}_{plan.seed}")


async def run(plan: Plan, folder: Path, services: Services, name: str) -> Report:
    """Carry out one run and compare everything; ``name`` is the database's.

    Whatever the run brings about, every process that it started has ended afterwards.
    """
    begun = monotonic()
    own = folder / name
    own.mkdir()
    cluster = Cluster(plan.shape, own, services, name)
    witness = Witness()
    async with AsyncExitStack() as stack:
        await cluster.make_database()
        town = await build(cluster.settings, plan.studies, plan.seed)
        await cluster.start(stack)
        crowd = Crowd(
            town, cluster.doors, witness, people=plan.people, pace=plan.pace, seed=plan.seed
        )
        stack.push_async_callback(crowd.go)
        await crowd.come_in()
        witness.begin()
        crowd.begin()
        await Storm(cluster, witness, plan.seed).rage(plan.schedule)
        await asyncio.sleep(max(plan.seconds - witness.now, 0.0))
        # A process that was killed last may still be starting.
        for node in cluster.nodes.values():
            await node.ready()
        calm = await crowd.calm(plan.calm)
        found = Found()
        for what, after in calm.items():
            if after is None:
                found.wrong(f"not as it should be after {plan.calm:.0f} s of calm: {what}")
        await check_all(cluster, town, crowd.everybody, found)
        crowd.look()
        await crowd.go()
        found.wrongs += [*witness.wrongs, *cluster.ended_by_themselves()]
        for node in cluster.nodes.values():
            code = await node.stop()
            if code != 0:
                found.wrong(f"{node.name}, told to end, ended with {code}")
    return Report(
        plan=plan,
        machine=f"{platform.machine()}, Python {platform.python_version()}",
        lost=found.wrongs,
        faults=[
            Told(happened=each, recovery=witness.recovery(each, plan.shape.servers))
            for each in witness.happened
        ],
        acknowledged=found.acknowledged,
        refused=sum(len(each.ledger.refused) for each in crowd.everybody),
        events=found.events,
        repeated=found.repeated,
        requests=found.requests,
        proposed=found.proposed,
        failed=found.failed,
        paid=found.paid,
        pictures=found.pictures,
        calm=calm,
        silence=witness.silence(),
        counts=dict(sorted(witness.counts.items())),
        starts={
            node.name: [round(each, 2) for each in node.starts] for node in cluster.nodes.values()
        },
        seconds=round(monotonic() - begun, 1),
    )

"""A rolling restart under load: one server after the other, and nobody loses anything."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec

from .checking import Found, check_all
from .cluster import CLUSTER, Cluster, services_for
from .crowd import Crowd
from .schedule import Shape
from .town import build
from .witness import Witness

_JITTER = 1.5
"""A client waits for half to one and a half of what is hinted at."""
_TO_CONNECT = 1.5
"""Seconds that a busy machine is given for a socket's handshake."""


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """One server's restart: its exit code, seconds to its end and until it was back."""

    server: str
    code: int
    ended: float
    back: float


class Rolled(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a rolling restart. ``lost`` is empty, or it has failed."""

    lost: list[str]
    turns: list[Turn]
    people: int
    acknowledged: int
    events: int
    put_off: int
    """Commands that were answered "come back": each was carried out by the next try."""
    unanswered: int
    delays: list[float]
    """Seconds without a socket, of each socket that was closed, in order."""
    longest_allowed: float
    counts: dict[str, int]

    @property
    def holds(self) -> bool:
        """Whether nothing was lost."""
        return not self.lost


async def roll(
    folder: Path,
    *,
    people: int = 60,
    pace: float = 1.0,
    seed: int = 1,
    load: float = 3.0,
    shape: Shape = CLUSTER,
) -> Rolled:
    """Restart every server once, one after the other, ``load`` seconds apart, under load."""
    witness = Witness()
    found = Found()
    turns: list[Turn] = []
    async with services_for(shape, folder) as services, AsyncExitStack() as stack:
        cluster = Cluster(shape, folder, services, f"rolling_{seed}")
        await cluster.make_database()
        town = await build(cluster.settings, 0, seed)
        await cluster.start(stack)
        crowd = Crowd(town, cluster.doors, witness, people=people, pace=pace, seed=seed)
        stack.push_async_callback(crowd.go)
        await crowd.come_in()
        witness.begin()
        crowd.begin()
        for server in shape.servers:
            await asyncio.sleep(load)
            begun = witness.now
            code, ended = await cluster.nodes[server].restart()
            turns.append(
                Turn(
                    server=server,
                    code=code,
                    ended=round(ended, 2),
                    back=round(witness.now - begun, 2),
                )
            )
            if code != 0:
                found.wrong(f"{server}, told to end, ended with {code}")
        await asyncio.sleep(load)
        calm = await crowd.calm(20.0)
        for what, after in calm.items():
            if after is None:
                found.wrong(f"not as it should be 20 s after the restarts: {what}")
        await check_all(cluster, town, crowd.everybody, found)
        crowd.look()
        await crowd.go()
    allowed = _check_delays(witness, found)
    return Rolled(
        lost=[*found.wrongs, *witness.wrongs, *cluster.ended_by_themselves()],
        turns=turns,
        people=people,
        acknowledged=found.acknowledged,
        events=found.events,
        put_off=len(witness.carried),
        unanswered=witness.counts["commands without an answer"],
        delays=sorted(round(delay, 2) for delay, _ in witness.delays),
        longest_allowed=allowed,
        counts=dict(sorted(witness.counts.items())),
    )


def _check_delays(witness: Witness, found: Found) -> float:
    """Check that sockets and commands were back within what was hinted at."""
    for delay, hint in witness.delays:
        if delay > hint * _JITTER + _TO_CONNECT:
            found.wrong(f"a socket came back after {delay:.1f} s; hinted at were {hint:.1f} s")
    for seconds, tries in witness.carried:
        if tries > 1:
            found.wrong(f"a command was put off {tries} times, {seconds:.1f} s in all")
    for what, count in witness.counts.items():
        if what.startswith("socket closed with") and not what.endswith("1012"):
            found.wrong(f"{count} × {what} instead of 1012")
    hints = [hint for _, hint in witness.delays]
    return max(hints, default=0.0) * _JITTER + _TO_CONNECT

"""Carries out a schedule on an installation, and in the end makes everything whole again."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import defaultdict

from .cluster import Cluster
from .proxy import Proxy
from .schedule import Fault, Kind
from .services import Postgres, Redis
from .witness import Happened, Witness


class Storm:
    """The faults of one run. Two on one target come one after the other."""

    def __init__(self, cluster: Cluster, witness: Witness, seed: int) -> None:
        self._cluster = cluster
        self._witness = witness
        self._rng = random.Random(f"storm/{seed}")
        self._turn: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def rage(self, faults: tuple[Fault, ...]) -> None:
        """Let everything happen in its time, and return when all of it has ended."""
        async with asyncio.TaskGroup() as group:
            for fault in faults:
                group.create_task(self._happen(fault))

    async def _happen(self, fault: Fault) -> None:
        await asyncio.sleep(max(fault.at - self._witness.now, 0.0))
        async with self._turn[fault.target]:
            happened = Happened(fault=fault, begun=round(self._witness.now, 2))
            self._witness.happened.append(happened)
            await self._do(fault, happened)
            happened.ended = round(self._witness.now, 2)

    async def _do(self, fault: Fault, happened: Happened) -> None:
        services = self._cluster.services
        if fault.target == "postgres" and services.postgres is not None:
            await self._to_postgres(fault, services.postgres)
        elif fault.target == "redis" and services.redis is not None:
            await self._to_redis(fault, services.redis)
        elif fault.target in self._cluster.ways:
            await self._to_way(fault, self._cluster.ways[fault.target], happened)
        else:
            node = self._cluster.nodes[fault.target]
            if fault.kind is Kind.KILL:
                await node.kill(fault.lasts)
            else:
                node.signal(signal.SIGSTOP)
                await asyncio.sleep(fault.lasts)
                node.signal(signal.SIGCONT)

    @staticmethod
    async def _to_postgres(fault: Fault, postgres: Postgres) -> None:
        await postgres.stop("immediate" if fault.kind is Kind.CRASH else "fast")
        await asyncio.sleep(fault.lasts)
        await postgres.start()

    @staticmethod
    async def _to_redis(fault: Fault, redis: Redis) -> None:
        if fault.kind is Kind.PAUSE:
            redis.signal(signal.SIGSTOP)
            await asyncio.sleep(fault.lasts)
            redis.signal(signal.SIGCONT)
        else:
            await redis.stop()
            await asyncio.sleep(fault.lasts)
            await redis.start()

    async def _to_way(self, fault: Fault, way: Proxy, happened: Happened) -> None:
        match fault.kind:
            case Kind.CUT:
                happened.hit = way.cut(fault.share, self._rng)
            case Kind.HALF_OPEN:
                happened.hit = way.freeze(fault.share, self._rng)
                await asyncio.sleep(fault.lasts)
                way.end_frozen()
            case _:
                way.delay = fault.share
                await asyncio.sleep(fault.lasts)
                way.delay = 0.0

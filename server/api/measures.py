"""Which numbers of the house, the hub and the database ``/metrics`` shows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from ..errors import OutcomeUnknown, StorageFault, StorageFull
from ..runtime.hub import Hub
from ..runtime.ports import Clock, SharedClock
from ..runtime.redis_doorbell import RedisDoorbell
from ..runtime.writer import House
from ..store.spending import Spent
from ..store.works import Queue, Standing
from .limits import Limits
from .metrics import Metrics, Values
from .shared_limits import SharedLimits

ROOM_SIZES = (1, 10, 100, 1_000)
"""Rooms are counted that have so many sockets, or more."""

_WATCHED = (StorageFault.code, StorageFull.code, OutcomeUnknown.code)
"""Errors that are shown before there is one, so that an alert sees the first."""


def measure(metrics: Metrics, house: House, hub: Hub) -> None:
    """Show what goes on in a server."""
    metrics.gauge("folkmoot_sockets", "Sockets that listen.", hub.listeners)
    metrics.gauge(
        "folkmoot_sockets_blocked",
        "Sockets whose peer keeps a frame waiting.",
        lambda: hub.blocked,
    )
    metrics.by(
        "folkmoot_rooms_listened",
        "Rooms with at least so many sockets.",
        ("sockets",),
        lambda: _rooms(hub),
    )
    metrics.gauge(
        "folkmoot_room_sockets_most",
        "Sockets of the room that has most.",
        lambda: max(_sizes(hub), default=0),
    )
    metrics.counter("folkmoot_frames_sent", "Frames sent to sockets.", lambda: hub.sent)
    metrics.gauge(
        "folkmoot_queue_commands", "Commands that wait for the writer.", lambda: house.queued
    )
    metrics.gauge(
        "folkmoot_queue_oldest_seconds",
        "Seconds for which a batch has been under way.",
        lambda: house.longest_wait,
    )
    _measure_rings(metrics, hub)
    _measure_states(metrics, house)
    _measure_database(metrics, house)


def measure_shared(metrics: Metrics, house: House, limits: Limits, clock: Clock) -> None:
    """Show what servers share, and how well; it is all nothing where one is alone."""
    bell = house.doorbell
    far = bell if isinstance(bell, RedisDoorbell) else None
    for name, help_, read in (
        ("rung", "Rings sent to other servers.", lambda: far.rung if far else 0),
        ("heard", "Rings of other servers that were heard.", lambda: far.heard if far else 0),
        ("ignored", "Messages that were no rings.", lambda: far.ignored if far else 0),
        ("reconnects", "Connections made again.", lambda: far.reconnects if far else 0),
    ):
        metrics.counter(f"folkmoot_doorbell_{name}", help_, read)
    metrics.gauge(
        "folkmoot_doorbell_healthy",
        "1 if what other servers write is heard at once, 0 if it is found within two seconds.",
        lambda: float(bell.healthy),
    )
    metrics.gauge(
        "folkmoot_doorbell_age_seconds",
        "Seconds since something was heard; 0 without Redis.",
        lambda: far.age if far else 0.0,
    )
    metrics.counter(
        "folkmoot_foreign_events",
        "Events of other servers that were read here.",
        lambda: house.foreign.folded,
    )
    metrics.counter(
        "folkmoot_limits_failed_open",
        "Limits counted by this server alone, as Redis was gone.",
        lambda: limits.failed_open if isinstance(limits, SharedLimits) else 0,
    )
    metrics.gauge(
        "folkmoot_clock_offset_seconds",
        "Seconds by which the database's clock is ahead of this machine's.",
        lambda: clock.offset if isinstance(clock, SharedClock) else 0.0,
    )


@dataclass
class Work:
    """What was last heard of long work; asked for before each scrape."""

    standing: Callable[[], Awaitable[Standing]]
    spent: Callable[[], Awaitable[Iterable[Spent]]]
    workers: int = 0
    queues: dict[str, Queue] = field(default_factory=dict)
    used: tuple[Spent, ...] = ()

    async def alive(self) -> int:
        """Ask how many workers there are."""
        return (await self.standing()).workers

    async def ask(self) -> None:
        """Ask the database."""
        standing = await self.standing()
        self.workers, self.queues = standing.workers, dict(standing.queues)
        self.used = tuple(await self.spent())

    def show(self, metrics: Metrics) -> None:
        """Show it at every scrape."""
        metrics.ask(self.ask)
        metrics.gauge("folkmoot_workers", "Workers that are alive.", lambda: self.workers)
        metrics.by(
            "folkmoot_work",
            "Pieces of long work, by kind and how they stand.",
            ("kind", "state"),
            lambda: {
                (kind, state): count
                for kind, queue in self.queues.items()
                for state, count in (
                    ("waiting", queue.waiting),
                    ("running", queue.running),
                    ("failed", queue.failed),
                )
            },
        )
        metrics.by(
            "folkmoot_work_oldest_seconds",
            "Seconds for which the oldest piece of a kind has waited.",
            ("kind",),
            lambda: {(kind,): queue.oldest for kind, queue in self.queues.items()},
        )
        metrics.by(
            "folkmoot_model_calls",
            "Answers of models that were paid for.",
            ("kind", "model"),
            lambda: {(each.kind, each.model): each.calls for each in self.used},
            counts=True,
        )
        metrics.by(
            "folkmoot_model_tokens",
            "Tokens that models took and gave.",
            ("kind", "model"),
            lambda: {(each.kind, each.model): each.tokens for each in self.used},
            counts=True,
        )


def _measure_rings(metrics: Metrics, hub: Hub) -> None:
    metrics.gauge(
        "folkmoot_ring_frames_most",
        "Frames in the fullest room's ring; 1,000 is full.",
        lambda: hub.rings()[0],
    )
    metrics.gauge(
        "folkmoot_ring_age_seconds",
        "How far back the shortest full ring reaches: who was away for longer begins anew.",
        lambda: hub.rings()[1],
    )


def _measure_states(metrics: Metrics, house: House) -> None:
    metrics.gauge(
        "folkmoot_logs_loaded",
        "Logs whose state is held in memory.",
        lambda: house.foreign.loaded,
    )
    metrics.by(
        "folkmoot_snapshots",
        "Snapshots of states that were kept, failed to be, were found broken, or loaded.",
        ("outcome",),
        lambda: {
            ("kept",): house.snapshots.kept,
            ("failed",): house.snapshots.failed,
            ("broken",): house.snapshots.broken,
            ("loaded",): house.snapshots.loaded,
        },
        counts=True,
    )
    metrics.gauge(
        "folkmoot_snapshot_pause_seconds_most",
        "The longest that the event loop stood still for a snapshot.",
        lambda: house.snapshots.longest,
    )


def _measure_database(metrics: Metrics, house: House) -> None:
    database = house.database
    metrics.by(
        "folkmoot_database_errors",
        "What the database refused or broke, by the type of the problem.",
        ("code",),
        lambda: {(code,): database.errors[code] for code in (*_WATCHED, *database.errors)},
        counts=True,
    )
    metrics.by(
        "folkmoot_database_connections",
        "Connections to the database, by what they are for and whether they are in use.",
        ("pool", "state"),
        database.connections,
    )


def _sizes(hub: Hub) -> list[int]:
    return [len(seats) for seats in hub.listening()]


def _rooms(hub: Hub) -> Values:
    sizes = _sizes(hub)
    return {(str(least),): sum(size >= least for size in sizes) for least in ROOM_SIZES}

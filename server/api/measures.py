"""Which numbers of the house, the hub and the database ``/metrics`` shows."""

from __future__ import annotations

from ..runtime.hub import Hub
from ..runtime.writer import House
from .metrics import Metrics, Values

ROOM_SIZES = (1, 10, 100, 1_000)
"""Rooms are counted that have so many sockets, or more."""


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
        "Seconds for which the oldest of them has waited.",
        lambda: house.longest_wait,
    )
    database = house.database
    metrics.by(
        "folkmoot_database_errors",
        "What the database refused or broke, by the type of the problem.",
        ("code",),
        lambda: {(code,): count for code, count in database.errors.items()},
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

"""What is to go wrong, when, and to whom: drawn from a seed, before anything happens."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """A way to break something."""

    KILL = "kill"
    """kill -9, and started again after ``lasts``."""
    PAUSE = "pause"
    """SIGSTOP, and SIGCONT after ``lasts``."""
    DOWN = "down"
    """A service is stopped (Redis at once, PostgreSQL fast), and started after ``lasts``."""
    CRASH = "crash"
    """PostgreSQL ends at once, and recovers after ``lasts``."""
    CUT = "cut"
    """Connections of a way are reset."""
    HALF_OPEN = "half-open"
    """Connections of a way forward nothing any more, and after ``lasts`` are reset."""
    DELAY = "delay"
    """Everything on a way takes ``share`` seconds longer, each direction, for ``lasts``."""


class Fault(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that goes wrong: ``at`` seconds from the beginning, for ``lasts`` seconds.

    ``target`` is a node, a service, or a way such as ``server-1/database``. ``share`` is how much
    of a way's connections it hits; of a delay, its seconds.
    """

    at: float
    kind: Kind
    target: str
    lasts: float = 0.0
    share: float = 1.0

    def __str__(self) -> str:
        """Return it in a few words."""
        more = f" {self.share:.2f}" if self.share != 1.0 else ""
        return f"{self.at:5.1f} s  {self.kind} {self.target}{more}, {self.lasts:.1f} s"


@dataclass(frozen=True)
class Shape:
    """Of what the installation is made."""

    servers: tuple[str, ...]
    workers: tuple[str, ...] = ()
    postgres: bool = True
    redis: bool = True

    @property
    def nodes(self) -> tuple[str, ...]:
        """Servers and workers."""
        return (*self.servers, *self.workers)


def draw(seed: int, seconds: float, shape: Shape) -> tuple[Fault, ...]:
    """Return what goes wrong in ``seconds``: the same for the same seed, length and shape.

    Every kind comes before any comes again, in a drawn order. The last fault begins early enough to
    end within the time.
    """
    rng = random.Random(f"chaos/{seed}")
    faults: list[Fault] = []
    deck: list[tuple[Kind, str]] = []
    at = rng.uniform(0.5, 2.0)
    while True:
        if not deck:
            deck = _deck(rng, shape)
        kind, target = deck.pop()
        lasts, share = _measure(rng, kind, target)
        if at + min(lasts, 2.0) > seconds:
            return tuple(faults)
        lasts = min(lasts, max(seconds - at, 0.5))
        faults.append(
            Fault(
                at=round(at, 2),
                kind=kind,
                target=target,
                lasts=round(lasts, 2),
                share=round(share, 2),
            )
        )
        at += rng.uniform(1.5, 4.5)


def _deck(rng: random.Random, shape: Shape) -> list[tuple[Kind, str]]:
    some_server = lambda: rng.choice(shape.servers)  # noqa: E731 - a name for what is drawn anew
    some_node = lambda: rng.choice(shape.nodes)  # noqa: E731
    deck = [
        (Kind.KILL, some_server()),
        (Kind.PAUSE, some_server()),
        (Kind.CUT, f"{some_server()}/clients"),
        (Kind.HALF_OPEN, f"{some_server()}/clients"),
        (Kind.DELAY, f"{some_server()}/clients"),
    ]
    if shape.workers:
        deck += [(Kind.KILL, rng.choice(shape.workers)), (Kind.PAUSE, rng.choice(shape.workers))]
    if shape.postgres:
        deck += [
            (Kind.DOWN, "postgres"),
            (Kind.CRASH, "postgres"),
            (Kind.CUT, f"{some_node()}/database"),
            (Kind.HALF_OPEN, f"{some_node()}/database"),
            (Kind.DELAY, f"{some_node()}/database"),
        ]
    if shape.redis:
        deck += [
            (Kind.DOWN, "redis"),
            (Kind.PAUSE, "redis"),
            (Kind.CUT, f"{some_server()}/redis"),
            (Kind.HALF_OPEN, f"{some_server()}/redis"),
            (Kind.DELAY, f"{some_server()}/redis"),
        ]
    rng.shuffle(deck)
    return deck


def _measure(rng: random.Random, kind: Kind, target: str) -> tuple[float, float]:
    """Return how long a fault lasts, and its share."""
    match kind:
        case Kind.KILL:
            return rng.uniform(0.0, 2.0), 1.0
        case Kind.PAUSE:
            return rng.uniform(1.0, 8.0), 1.0
        case Kind.DOWN | Kind.CRASH:
            return rng.uniform(0.3, 3.0 if target == "postgres" else 8.0), 1.0
        case Kind.CUT:
            return 0.0, rng.uniform(0.3, 1.0)
        case Kind.HALF_OPEN:
            return rng.uniform(2.0, 12.0), rng.uniform(0.3, 1.0)
        case Kind.DELAY:
            most = 0.2 if target.endswith("/database") else 0.5
            return rng.uniform(2.0, 6.0), rng.uniform(0.02, most)

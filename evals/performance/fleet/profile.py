"""What a run asks of the servers: how many people, where, how fast, for how long."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A load. Rates are what is intended: nobody waits for an answer before the next one acts."""

    people: int = 200
    rooms: int = 4
    sockets: int = 200
    """Websockets in all; people take turns in holding them, at most eight each."""

    votes: float = 40.0
    """Votes a second, in all rooms together."""

    events: float = 0.5
    """Events a second in each room: statements, decisions of moderation, notices."""

    first: int = 20
    """Statements written in each room before the load begins."""

    come_and_go: float = 60.0
    """Sockets a minute that end, by a close or by a cut, and come back with ``after``."""

    away: float = 4.0
    """The most seconds that one of them stays away."""

    cookies: float = 0.2
    """The share of the people who come as browsers do: cookie, CSRF token, Origin."""

    asking: float = 1.0
    """The share of votes before which the next statement is asked for, as the pages do."""

    ballots: int = 1
    """In so many rooms drafts are asked for, ranked and ratified when the load is over."""

    seconds: float = 60.0
    lines: int = 32
    """Connections for commands to each server."""

    calm: float = 1.5
    """Seconds from the last socket to the load: what servers send to who comes is over then."""

    patience: float = 20.0
    """Seconds after which what has not arrived has not arrived."""

    seed: int = 1


PRESETS = {
    "default": Profile(),
    "assembly": Profile(
        people=10_000,
        rooms=100,
        sockets=10_000,
        votes=300.0,
        events=0.1,
        come_and_go=600.0,
        seconds=300.0,
    ),
    "hall": Profile(
        people=2_000,
        rooms=1,
        sockets=2_000,
        votes=50.0,
        events=10.0,
        come_and_go=120.0,
        seconds=300.0,
    ),
}
"""``assembly``: ten thousand people over a hundred rooms. ``hall``: two thousand in one room."""

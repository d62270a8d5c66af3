"""One run: come in, sit down, the load, the ballots, the reckoning, the report."""

from __future__ import annotations

import asyncio
import gc
import random
import resource
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter, process_time

from . import ballots
from .audit import Reckoning, reckon
from .books import Books
from .crowd import Crowd
from .ground import Ground, Usage, usage
from .lines import Lines
from .pace import Pace
from .people import Clerk, Count
from .profile import Profile
from .report import Commands, Report, Spread
from .town import CannotBegin, Town

_LOAD = ("votes", "statements", "moderation", "notices")
_SPARE = 500
"""Files beside sockets and lines that this process or a server has open."""


@dataclass
class _Costs:
    """What was used: by the connecting, and by the load."""

    connecting: Usage
    own_connecting: int
    load: Usage
    own: float
    seconds: float


async def run(profile: Profile, ground: Ground, say: Callable[[str], None]) -> Report:
    """Run a load and return what it found; ``say`` is told where it is.

    Raises:
        CannotBegin: nobody can join or write, or this process may not open enough files.
    """
    allow_files(profile, len(ground.servers))
    rng = random.Random(profile.seed)
    books = Books()
    lines = [
        Lines(address, most=profile.lines, patience=profile.patience) for address in ground.servers
    ]
    clerk = Clerk(lines, rng, secrets.token_hex(4))
    town = Town(profile, clerk, books, rng)
    crowd = Crowd(ground.servers, books, rng, away=profile.away)
    try:
        say(f"{profile.people:,} people join …")
        begun = perf_counter()
        await town.come_in(ground.invite, ground.facilitator)
        joining = perf_counter() - begun
        await town.begin()
        gc.collect()
        gc.freeze()
        say(f"{profile.sockets:,} sockets are opened …")
        before, own_before, begun = usage(ground.sessions), resident(), perf_counter()
        await crowd.sit_down(town.people, profile.sockets)
        missing = await crowd.standing(profile.patience)
        if missing:
            books.fault("sockets that never stood", "at the beginning", times=missing)
        opening = perf_counter() - begun
        gc.collect()
        gc.freeze()
        await asyncio.sleep(profile.calm)
        connecting = usage(ground.sessions).since(before)
        own_connecting = resident() - own_before
        clerk.counts.clear()
        say(f"{profile.seconds:,.0f} s of load …")
        costs = _Costs(connecting, own_connecting, Usage(), 0.0, profile.seconds)
        pace = await _load(profile, ground, town, crowd, costs)
        remarks = await _ballots(town, profile, say)
        say("what was acknowledged is looked for …")
        found = await reckon(town, crowd, ground.settings, profile.patience)
        for room in town.rooms:
            room.timed()
        report = _report(profile, ground, town, crowd, pace, found, costs)
        report.sockets |= {
            "joined_a_second": round(profile.people / joining, 1),
            "opened_a_second": round(profile.sockets / opening, 1),
        }
        report.remarks += remarks
        return report
    finally:
        gc.unfreeze()
        await crowd.go_home()
        for each in lines:
            each.close()


async def _load(profile: Profile, ground: Ground, town: Town, crowd: Crowd, costs: _Costs) -> Pace:
    pace = Pace(town.rng)

    def vote(due: float):  # type: ignore[no-untyped-def]  # a coroutine, or nothing
        person = town.anybody()
        if person is None:
            town.clerk.count("votes").dropped += 1
            return None
        return town.vote(person, due)

    def leave(_: float) -> None:
        crowd.somebody_leaves()

    pace.add(profile.votes, vote)
    for room in town.rooms:
        pace.add(profile.events, lambda due, room=room: town.happen(room, due))  # type: ignore[misc]  # bound now
    pace.add(profile.come_and_go / 60, leave)
    before, own, begun = usage(ground.sessions), process_time(), perf_counter()
    await pace.run(profile.seconds)
    await pace.rest()
    costs.load = usage(ground.sessions).since(before)
    costs.own = process_time() - own
    costs.seconds = perf_counter() - begun
    return pace


async def _ballots(town: Town, profile: Profile, say: Callable[[str], None]) -> list[str]:
    remarks = []
    for room in town.rooms[: profile.ballots]:
        say("drafts are asked for, ranked and ratified …")
        kept_from = await ballots.hold(town, room, 60.0)
        if kept_from:
            remarks.append(f"No ballots in {room.log}: {kept_from}.")
    return remarks


def _report(
    profile: Profile,
    ground: Ground,
    town: Town,
    crowd: Crowd,
    pace: Pace,
    found: Reckoning,
    costs: _Costs,
) -> Report:
    books, seats = town.books, len(crowd.seats)
    seen = bool(ground.sessions)
    report = Report(servers=ground.label, profile=asdict(profile), seconds=round(costs.seconds, 2))
    for kind, count in town.clerk.counts.items():
        report.commands[kind] = _commands(count, costs.seconds if kind in _LOAD else None)
    report.frames = {
        "frames_owed": found.owed,
        "frames_received": found.got,
        "frames_missing": books.faults["frames missing"],
        "frames_doubled_or_out_of_order": books.faults["a frame doubled or out of order"]
        + books.faults["a frame from before"],
        "views_received": books.views,
    }
    report.sockets = {
        "sockets": seats,
        "sockets_that_left_and_came_back": crowd.left,
        "sockets_lost": crowd.lost,
        "resumed": books.resumed,
        "snapshots": books.snapshots,
        "closed": {str(code): n for code, n in sorted(books.closes.items()) if n},
        "handshakes_refused": {str(code): n for code, n in sorted(books.refused.items()) if n},
    }
    delays = books.delays
    report.delays = {
        "from_receipt": Spread.of(delays.from_receipt),
        "from_due": Spread.of(delays.from_due),
        "last": Spread.of(delays.last),
        "back": Spread.of(crowd.back),
        "late": Spread.of(pace.late),
    }
    report.costs = {
        "servers_KiB_a_socket": costs.connecting.resident / 1024 / seats if seen else None,
        "fleet_KiB_a_socket": costs.own_connecting / 1024 / seats,
        "servers_cores": costs.load.servers / costs.seconds if seen else None,
        "fleet_cores": costs.own / costs.seconds,
        "machine_cores": costs.load.machine / costs.seconds,
    }
    report.checked = {
        "people_compared": found.people,
        "rooms_compared": found.rooms,
        "receipts_found_in_the_log": found.in_log,
    }
    report.faults = {name: n for name, n in books.faults.items() if n}
    report.examples = dict(books.examples)
    return report


def _commands(count: Count, seconds: float | None) -> Commands:
    return Commands(
        asked=count.asked,
        acknowledged=count.acknowledged,
        refused={str(status): n for status, n in sorted(count.refused.items())},
        unanswered=count.unanswered,
        retried=count.retried,
        not_begun=count.dropped,
        rate=round(count.acknowledged / seconds, 2) if seconds else None,
        from_due=Spread.of(count.delays),
        from_sending=Spread.of(count.alone),
    )


def resident() -> int:
    """Return this process' resident bytes."""
    try:
        fields = Path("/proc/self/statm").read_text().split()
    except OSError:
        return 0
    return int(fields[1]) * resource.getpagesize()


def allow_files(profile: Profile, servers: int) -> None:
    """Let this process, and servers that it starts later, open as many files as the load needs.

    Raises:
        CannotBegin: the system's hard limit is lower.
    """
    needed = profile.sockets + profile.lines * servers + _SPARE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise CannotBegin(
            f"{profile.sockets:,} sockets need {needed:,} open files, and this system allows "
            f"{hard:,}: raise the hard limit (ulimit -Hn), or ask for fewer sockets."
        )
    if soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))

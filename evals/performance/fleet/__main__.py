"""``python -m evals.performance.fleet``: a load that checks everything it is owed.

Without --url it starts servers of its own and stops them. Exit 1 if anything was lost, doubled, out
of order or otherwise wrong; 2 for wrong use.

Examples:
  python -m evals.performance.fleet --seconds 20
  python -m evals.performance.fleet --preset assembly --json report.json
  python -m evals.performance.fleet --servers 2 --database postgresql://… --redis redis://…
  python -m evals.performance.fleet --url http://127.0.0.1:8000 --invite demo --rooms 1 --people 50
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import fields, replace
from pathlib import Path

import uvloop
from rich.console import Console

from evals.performance.databases import fresh, postgres_answers
from evals.performance.process import CommandFailed

from .ground import Ground, Wanted, WrongGround, started, there
from .profile import PRESETS, Profile
from .report import Report
from .run import allow_files, run
from .town import CannotBegin


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as the arguments say, print the report, and return the exit code."""
    given = _parser().parse_args(arguments)
    try:
        profile = profile_of(given)
        report = uvloop.run(_run(given, profile))
    except (WrongGround, CannotBegin, CommandFailed) as error:
        print(error, file=sys.stderr)
        return 2
    if given.json:
        Path(given.json).write_text(json.dumps(report.plain(), indent=1) + "\n", "utf-8")
    Console(width=None if sys.stdout.isatty() else 120).print(report.table())
    return int(not report.whole)


def profile_of(given: argparse.Namespace) -> Profile:
    """Return the preset with what was given beside it.

    Raises:
        WrongGround: a figure makes no sense.
    """
    found = {
        each.name: value
        for each in fields(Profile)
        if (value := getattr(given, each.name, None)) is not None
    }
    if given.minutes is not None:
        found["seconds"] = given.minutes * 60
    if "people" in found and "sockets" not in found:
        found["sockets"] = found["people"]
    profile = replace(PRESETS[given.preset], **found)
    if profile.people < profile.rooms or profile.rooms < 1:
        raise WrongGround("There must be a room, and somebody in each.")
    if not profile.sockets <= 8 * profile.people:
        raise WrongGround("One person holds at most eight sockets: more people, or fewer sockets.")
    if min(profile.votes, profile.events, profile.come_and_go) < 0 or profile.seconds <= 0:
        raise WrongGround("Rates are at least 0, and a load takes some time.")
    return profile


async def _run(given: argparse.Namespace, profile: Profile) -> Report:
    async with _ground(given, profile) as ground:
        return await run(profile, ground, lambda said: print(said, file=sys.stderr, flush=True))


@asynccontextmanager
async def _ground(given: argparse.Namespace, profile: Profile) -> AsyncIterator[Ground]:
    if given.url:
        yield there(given.url, given.invite, given.facilitator, own=given.i_own_this)
        return
    # The servers inherit it, and need as many.
    allow_files(profile, given.servers)
    with ExitStack() as stack:
        database = ""
        if given.database != "sqlite":
            if not postgres_answers(given.database):
                raise WrongGround("PostgreSQL does not answer at --database, or not to this user.")
            database = stack.enter_context(fresh(given.database))
        wanted = Wanted(given.servers, database, given.redis, profile.rooms, given.workers)
        print(f"{given.servers} server(s) start …", file=sys.stderr, flush=True)
        async with started(wanted) as ground:
            yield ground


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m evals.performance.fleet",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    where = parser.add_argument_group("servers")
    where.add_argument("--url", action="append", default=[], help="one that runs; several times")
    where.add_argument("--invite", default="", help="code of its reusable invite")
    where.add_argument("--facilitator", default="", help="code of an invite for a facilitator")
    where.add_argument(
        "--i-own-this", action="store_true", help="the servers of --url are mine, wherever they are"
    )
    where.add_argument("--servers", type=int, choices=(1, 2), default=1, help="how many to start")
    where.add_argument(
        "--database", default="sqlite", help="sqlite, or where a user of PostgreSQL may create one"
    )
    where.add_argument("--workers", type=int, default=1, help="how many beside PostgreSQL")
    where.add_argument("--redis", default="", help="a Redis address")
    load = parser.add_argument_group("the load (what isn't given is the preset's)")
    load.add_argument("--preset", choices=sorted(PRESETS), default="default")
    load.add_argument("--people", type=int)
    load.add_argument("--rooms", type=int)
    load.add_argument("--sockets", type=int)
    load.add_argument("--votes", type=float, help="a second, in all")
    load.add_argument("--events", type=float, help="a second in each room: statements and the like")
    load.add_argument("--come-and-go", type=float, help="sockets a minute that leave and return")
    load.add_argument("--cookies", type=float, help="the share of people who come as browsers do")
    load.add_argument("--asking", type=float, help="the share of votes with GET …/next before")
    load.add_argument("--first", type=int, help="statements in each room when it begins")
    load.add_argument("--ballots", type=int, help="rooms taken through drafts and ballots after it")
    load.add_argument("--lines", type=int, help="connections for commands to each server")
    load.add_argument("--minutes", type=float)
    load.add_argument("--seconds", type=float)
    load.add_argument("--patience", type=float, help="seconds until what is missing is missing")
    load.add_argument("--seed", type=int)
    parser.add_argument("--json", metavar="FILE", help="write the report there too")
    return parser


if __name__ == "__main__":
    sys.exit(main())

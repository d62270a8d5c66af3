"""``python -m evals.faults``: breaking an installation under load, and losing nothing.

Without a word it kills one server on SQLite again and again; ``chaos`` breaks all that there is
of two servers, two workers, PostgreSQL and Redis by a seeded schedule. docs/faults.md has more.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import tempfile
from pathlib import Path

import msgspec

from evals.performance.fleet import Owed

from .chaos import Plan, Report, run_many
from .cluster import ALONE, CLUSTER
from .killing import survive
from .rolling import roll
from .schedule import draw
from .services import folder_of_ones_own, missing
from .telling import summary, told, told_of


def main() -> None:
    """Run what is asked for and print what came of it; exit 1 if something was lost."""
    parser = argparse.ArgumentParser(prog="python -m evals.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    kinds = parser.add_subparsers(dest="kind")
    chaos = kinds.add_parser("chaos", help="break everything by a schedule")
    chaos.add_argument(
        "--seed", type=int, default=1, help="the first run's; each next has one more"
    )
    chaos.add_argument("--seconds", type=float, default=60.0)
    chaos.add_argument("--runs", type=int, default=1)
    chaos.add_argument("--people", type=int, default=60)
    chaos.add_argument("--studies", type=int, default=3, help="rooms in which drafts are asked for")
    chaos.add_argument("--pace", type=float, default=1.0, help="seconds between two actions")
    chaos.add_argument("--alone", action="store_true", help="one server on SQLite")
    chaos.add_argument("--plan", action="store_true", help="print the schedule and do nothing")
    chaos.add_argument("--json", type=Path, help="where the report goes")
    chaos.add_argument("--keep", type=Path, help="where the processes' logs go")
    rolling = kinds.add_parser("rolling", help="restart both servers under load")
    rolling.add_argument("--people", type=int, default=60)
    rolling.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    # Whoever is told to end takes along what they started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if given.kind == "chaos":
        sys.exit(_chaos(given))
    if given.kind == "rolling":
        sys.exit(_roll(given))
    _kill(given)


def _roll(given: argparse.Namespace) -> int:
    if missing():
        print(f"This needs services of its own: {missing()}.", file=sys.stderr)
        return 2
    with folder_of_ones_own() as folder:
        rolled = asyncio.run(roll(folder, people=given.people, seed=given.seed))
    print(told_of(rolled))
    return 0 if rolled.holds else 1


def _chaos(given: argparse.Namespace) -> int:
    shape = ALONE if given.alone else CLUSTER
    plans = [
        Plan(
            seed=given.seed + number,
            seconds=given.seconds,
            people=given.people,
            studies=given.studies,
            pace=given.pace,
            shape=shape,
        )
        for number in range(given.runs)
    ]
    if given.plan:
        for plan in plans:
            print(f"seed {plan.seed}", *draw(plan.seed, plan.seconds, shape), sep="\n  ")
        return 0
    if not given.alone and missing():
        print(f"This needs services of its own: {missing()}.", file=sys.stderr)
        return 2
    if given.keep is not None:
        given.keep.mkdir(parents=True, exist_ok=True)
    reports = asyncio.run(_run(plans, given.keep))
    if given.json is not None:
        given.json.write_bytes(msgspec.json.format(msgspec.json.encode(reports)))
    if len(reports) > 1:
        print(summary(reports))
    return 0 if all(report.holds for report in reports) else 1


async def _run(plans: list[Plan], keep: Path | None) -> list[Report]:
    reports: list[Report] = []
    with folder_of_ones_own() as own:
        # A run of which nothing is kept is deleted with its folder.
        async for report in run_many(plans, keep or own):
            print(told(report), flush=True)
            reports.append(report)
    return reports


def _kill(given: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            survived = asyncio.run(
                survive(Path(folder), kills=given.kills, people=given.people, seed=given.seed)
            )
        except Owed as owed:
            sys.exit(f"Something was lost: {owed}")
    print(f"{survived.kills} kills under {survived.people} people in {survived.seconds:.0f} s")
    print(
        f"{survived.acknowledged} commands acknowledged, each there once; {survived.events} events"
    )
    print(f"{survived.unanswered} were cut off by a kill and sent again under their key")
    print(
        f"{survived.resumed} sockets resumed where they were; {survived.frames} frames, each once"
    )
    print(f"ready after {min(survived.starts):.1f} to {max(survived.starts):.1f} s")


if __name__ == "__main__":
    main()

"""``python -m evals.performance.fleet.founding``: an assembly for a fleet, and its two invites.

It writes into the database that the environment names (FOLKMOOT_DATABASE_URL, FOLKMOOT_DATA_DIR),
as the servers' own commands do; on SQLite, before the server starts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from dataclasses import dataclass

from server.deliberation import commands as c
from server.deliberation.vocabulary import Phase, Role
from server.ids import AssemblyId, LogId, RoomId, make_id
from server.runtime.batch import ID_BYTES, Unit
from server.runtime.founding import Plan, founding
from server.runtime.house import open_house
from server.runtime.invites import digest_of, new_code
from server.runtime.ports import SystemChance
from server.settings import Settings


@dataclass(frozen=True)
class Founded:
    """The commands that found an assembly, in two transactions, and the codes of its invites."""

    first: tuple[Unit, ...]
    then: tuple[Unit, ...]
    invite: str
    facilitator: str


def plan(slug: str, rooms: int) -> Founded:
    """Return how to found an assembly with so many open rooms; nothing has happened yet."""
    chance = SystemChance()
    everybody, facilitator = new_code(), new_code()
    begun = founding(
        Plan(slug, "A fleet", "What do we want?", phase=Phase.OPEN), facilitator, chance
    )
    issue = c.IssueInvite(digest=digest_of(everybody), role=Role.PARTICIPANT, reusable=True)
    more: list[Unit] = [(begun.assembly, issue)]
    for number in range(1, rooms):
        room = LogId(make_id("room", chance.entropy(ID_BYTES)))
        title = f"Room {number}"
        more.append((begun.assembly, c.OpenRoom(room=RoomId(room), title=title)))
        create = c.CreateRoom(
            assembly=AssemblyId(begun.assembly), title=title, question="Q", phase=Phase.OPEN
        )
        more.append((room, create))
    return Founded(tuple(begun.units), tuple(more), everybody, facilitator)


async def found(settings: Settings, slug: str, rooms: int) -> dict[str, str]:
    """Found it in the database of the settings; return the codes of its invites.

    Raises:
        SlugTaken: there is an assembly of that slug.
    """
    planned = plan(slug, rooms)
    async with open_house(settings) as house:
        await house.submit_together(planned.first)
        await house.submit_together(planned.then)
    return {"slug": slug, "invite": planned.invite, "facilitator": planned.facilitator}


def main() -> None:
    """Found it and print the codes as JSON."""
    parser = argparse.ArgumentParser(
        prog="python -m evals.performance.fleet.founding", description=__doc__
    )
    parser.add_argument("--slug", default="fleet")
    parser.add_argument("--rooms", type=int, default=4)
    given = parser.parse_args()
    settings = Settings.from_environment(os.environ)
    print(json.dumps(asyncio.run(found(settings, given.slug, given.rooms))))


if __name__ == "__main__":
    main()

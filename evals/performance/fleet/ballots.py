"""What comes after the open phase: drafts, their ranking, its result, the ratification."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

import msgspec

from .books import Receipt, Room
from .people import Acknowledged, Person, Refused
from .town import Town, in_parts

_MOST = 300
"""So many people of a room rank and ratify."""
_VOTERS, _VOTES = 60, 12
"""So many people vote once more before that, and so often."""


class _Stopped(Exception):
    """The room got no further; the message says why. ``fault``: it should have."""

    def __init__(self, why: str, *, fault: bool = True) -> None:
        super().__init__(why)
        self.fault = fault


async def hold(town: Town, room: Room, patience: float) -> str:
    """Take a room from open to closed, and compare what was counted with what was acknowledged.

    Returns what kept it from the end, or nothing. What was counted wrongly is a fault in the books,
    and so is an end that did not come though nobody said why.
    """
    if town.facilitator is None:
        return "nobody could run the room: no facilitator's invite was given"
    people = [each for each in town.people if each.room is room][:_MOST]
    # Drafts are made of what enough people have voted on.
    await in_parts(
        (
            town.vote(person, kind="votes before the ballots")
            for _ in range(_VOTES)
            for person in people[:_VOTERS]
        ),
        at_once=16,
    )
    try:
        await _phase(town, town.facilitator, room, "drafting")
        drafts = await _drafts(town, town.facilitator, room, patience)
        await _phase(town, town.facilitator, room, "ranking")
        await _ranking(town, town.facilitator, people, drafts)
        await _phase(town, town.facilitator, room, "closed")
        await _outcomes(town, town.facilitator, room)
    except _Stopped as stopped:
        if stopped.fault:
            town.books.fault("a room that did not get through its phases", room.log)
        return str(stopped)
    return ""


async def _ranking(
    town: Town, facilitator: Person, people: Sequence[Person], drafts: Sequence[str]
) -> None:
    room = people[0].room
    ranked = [0]
    await in_parts(_rank(town, person, drafts, ranked) for person in people)
    await _phase(town, facilitator, room, "ratifying")
    result = await _result(town, facilitator, room, lambda _: True)
    if result["ballots"] != ranked[0]:
        what = f"{room.log}: {result['ballots']} ballots, {ranked[0]} acknowledged"
        town.books.fault("ballots that were not counted", what)
    clauses = [clause["id"] for clause in result["clauses"]]
    await in_parts(_ratify(town, person, clause) for clause in clauses for person in people)


async def _outcomes(town: Town, facilitator: Person, room: Room) -> None:
    result = await _result(town, facilitator, room, lambda found: bool(found["outcomes"]))
    for outcome in result["outcomes"]:
        for choice in ("yes", "no", "blank"):
            if outcome[choice] != room.ratified[outcome["clause"], choice]:
                example = f"{room.log} {outcome['clause']} {choice}"
                town.books.fault("ratifications that were not counted", example)


async def _result(
    town: Town, facilitator: Person, room: Room, enough: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """Fetch the result; a server that was not told of it yet is asked again, for a while."""
    until = perf_counter() + town.profile.patience
    while perf_counter() < until:
        with contextlib.suppress(Refused):
            answer = await town.clerk.get(facilitator, f"/api/rooms/{room.log}/result")
            found: dict[str, Any] = msgspec.json.decode(answer)
            if enough(found):
                return found
        await asyncio.sleep(0.1)
    raise _Stopped("no result was shown")


async def _phase(town: Town, facilitator: Person, room: Room, phase: str) -> None:
    due = perf_counter()
    path = f"/api/rooms/{room.log}/phase"
    found = await town.command("phases", facilitator, path, {"phase": phase}, due)
    if found is None:
        raise _Stopped(f"the room could not be taken to {phase}")
    receipt = Receipt(phase, ("phase",), due, perf_counter())
    room.acknowledged(int(str(found["seq"])), receipt)


async def _drafts(town: Town, facilitator: Person, room: Room, patience: float) -> list[str]:
    path = f"/api/rooms/{room.log}/drafts"
    await town.command("drafts", facilitator, path, {"count": 3, "seed": 1}, perf_counter())
    try:
        async with asyncio.timeout(patience):
            while room.drafts is None:  # noqa: ASYNC110 - many hear it, and none has an event
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise _Stopped(f"no drafts came in {patience:.0f} s") from None
    if room.drafts.drafts is None:
        failed = room.drafts.failure.failures if room.drafts.failure is not None else ()
        reasons = ", ".join(each.reason for each in failed)
        raise _Stopped(f"no drafts could be made ({reasons})", fault=False)
    return [draft.id for draft in room.drafts.drafts.drafts]


async def _rank(town: Town, person: Person, drafts: Sequence[str], ranked: list[int]) -> None:
    order = [[draft] for draft in town.rng.sample(list(drafts), len(drafts))]
    body: dict[str, object] = {"order": order, "seen": list(drafts)}
    path = f"/api/rooms/{person.room.log}/rankings"
    found = await town.command("rankings", person, path, body, perf_counter())
    if found is not None:
        ranked[0] += 1
        seq = int(str(found["seq"]))
        town.clerk.enter(person.room, seq, Acknowledged(person.id, "ranking"))


async def _ratify(town: Town, person: Person, clause: str) -> None:
    choice = town.rng.choice(("yes", "yes", "no", "blank"))
    body: dict[str, object] = {"clause": clause, "choice": choice}
    path = f"/api/rooms/{person.room.log}/ratifications"
    found = await town.command("ratifications", person, path, body, perf_counter())
    if found is not None:
        person.room.ratified[clause, choice] += 1
        seq = int(str(found["seq"]))
        town.clerk.enter(person.room, seq, Acknowledged(person.id, clause))

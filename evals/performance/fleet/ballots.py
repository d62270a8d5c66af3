"""What comes after the open phase: drafts, their ranking, its result, the ratification."""

from __future__ import annotations

import asyncio
from time import perf_counter

import msgspec

from server.deliberation import frames as f

from .books import Receipt, Room
from .people import Acknowledged, Person
from .town import Town, in_parts

_MOST = 300
"""So many people of a room rank and ratify."""


async def hold(town: Town, room: Room, patience: float) -> str:
    """Take a room from open to closed, and compare what was counted with what was acknowledged.

    Returns what kept it from the end, or nothing. What was counted wrongly is a fault in the books.
    """
    facilitator = town.facilitator
    if facilitator is None:
        return "nobody could run the room: no facilitator's invite was given"
    people = [each for each in town.people if each.room is room][:_MOST]
    if not await _phase(town, facilitator, room, "drafting"):
        return "the room could not be taken to drafting"
    path = f"/api/rooms/{room.log}"
    asked = await town.command(
        "drafts", facilitator, f"{path}/drafts", {"count": 3, "seed": 1}, perf_counter()
    )
    frame = await _drafts(room, patience) if asked is not None else None
    if frame is None:
        return f"no drafts came in {patience:.0f} s"
    if frame.drafts is None:
        failed = frame.failure.failures if frame.failure is not None else ()
        return f"no drafts could be made ({', '.join(each.reason for each in failed)})"
    drafts = [draft.id for draft in frame.drafts.drafts]
    if not await _phase(town, facilitator, room, "ranking"):
        return "the room could not be taken to ranking"
    ranked = [0]
    await in_parts([_rank(town, person, drafts, ranked) for person in people])
    if not await _phase(town, facilitator, room, "ratifying"):
        return "the room could not be taken to ratifying"
    result = msgspec.json.decode(await town.clerk.get(facilitator, f"{path}/result"))
    if result["ballots"] != ranked[0]:
        what = f"{room.log}: {result['ballots']} ballots, {ranked[0]} acknowledged"
        town.books.fault("ballots that were not counted", what)
    said: dict[tuple[str, str], int] = {}
    clauses = [clause["id"] for clause in result["clauses"]]
    await in_parts([_ratify(town, person, clause, said) for clause in clauses for person in people])
    if not await _phase(town, facilitator, room, "closed"):
        return "the room could not be closed"
    result = msgspec.json.decode(await town.clerk.get(facilitator, f"{path}/result"))
    for outcome in result["outcomes"]:
        for choice in ("yes", "no", "blank"):
            if outcome[choice] != said.get((outcome["clause"], choice), 0):
                example = f"{room.log} {outcome['clause']} {choice}"
                town.books.fault("ratifications that were not counted", example)
    return ""


async def _phase(town: Town, facilitator: Person, room: Room, phase: str) -> bool:
    due = perf_counter()
    path = f"/api/rooms/{room.log}/phase"
    found = await town.command("phases", facilitator, path, {"phase": phase}, due)
    if found is None:
        return False
    receipt = Receipt(phase, ("phase",), due, perf_counter())
    room.acknowledged(int(str(found["seq"])), receipt)
    return True


async def _drafts(room: Room, patience: float) -> f.DraftsFrame | None:
    try:
        async with asyncio.timeout(patience):
            while room.drafts is None:  # noqa: ASYNC110 - it is heard by many, and none has an event
                await asyncio.sleep(0.05)
    except TimeoutError:
        return None
    return room.drafts


async def _rank(town: Town, person: Person, drafts: list[str], ranked: list[int]) -> None:
    order = [[draft] for draft in town.rng.sample(drafts, len(drafts))]
    body: dict[str, object] = {"order": order, "seen": drafts}
    path = f"/api/rooms/{person.room.log}/rankings"
    found = await town.command("rankings", person, path, body, perf_counter())
    if found is not None:
        ranked[0] += 1
        seq = int(str(found["seq"]))
        town.clerk.enter(person.room, seq, Acknowledged(person.id, "ranking"))


async def _ratify(
    town: Town, person: Person, clause: str, said: dict[tuple[str, str], int]
) -> None:
    choice = town.rng.choice(("yes", "yes", "no", "blank"))
    body: dict[str, object] = {"clause": clause, "choice": choice}
    path = f"/api/rooms/{person.room.log}/ratifications"
    found = await town.command("ratifications", person, path, body, perf_counter())
    if found is not None:
        said[clause, choice] = said.get((clause, choice), 0) + 1
        seq = int(str(found["seq"]))
        town.clerk.enter(person.room, seq, Acknowledged(person.id, clause))

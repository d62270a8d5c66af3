"""The reckoning: what was acknowledged, in the rooms, with each person, and in the log."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter

import msgspec
from sqlalchemy import Connection

from server.deliberation import events as e
from server.deliberation.views import RoomView, TallyView
from server.ids import LogId
from server.runtime.house import open_house
from server.settings import Settings
from server.store import log as store

from .books import Room
from .crowd import Crowd
from .lines import Lines
from .people import Acknowledged, Person, Refused, request
from .seat import check_picture
from .tallies import check_tallies
from .town import Town, in_parts

_decode_room = msgspec.json.Decoder(RoomView).decode


@dataclass
class Reckoning:
    """What came of the comparison."""

    owed: int = 0
    got: int = 0
    people: int = 0
    """People whose votes and statements were compared."""
    rooms: int = 0
    in_log: int | None = None
    """Events that were looked for in the log itself; None: it could not be read."""


async def reckon(town: Town, crowd: Crowd, settings: Settings | None, patience: float) -> Reckoning:
    """Compare; what differs is a fault in the town's books."""
    found = Reckoning()
    for room in town.rooms:
        room.settle()
    await _arrived(crowd, patience)
    gone = [seat for seat in crowd.seats if not seat.standing]
    if gone:
        example = f"in {gone[0].room.log}, after {patience:.0f} s"
        town.books.fault("sockets that did not come back", example, times=len(gone))
    for seat in crowd.seats:
        owed, got = seat.account()
        found.owed += owed
        found.got += got
        if got < owed:
            example = f"{seat.room.log}: {owed - got} of {owed} until {seat.position}"
            town.books.fault("frames missing", example, times=owed - got)
        elif got > owed:
            example = f"{seat.room.log}: {got} for {owed}"
            town.books.fault("frames that nobody was owed", example, times=got - owed)
    shown: dict[str, TallyView] = {}
    await in_parts((_room(town, room, found, shown) for room in town.rooms), at_once=8)
    await _tallied(town, crowd, shown, patience)
    acted = [person for person in town.people if person.votes or person.written]
    await in_parts((_person(town, person, found) for person in acted), at_once=32)
    if town.clerk.doubles:
        town.books.fault(
            "two commands acknowledged with one seq", "in one room", times=town.clerk.doubles
        )
    if settings is not None:
        found.in_log = await _log(town, settings, shown)
    return found


async def _arrived(crowd: Crowd, patience: float) -> None:
    until = perf_counter() + patience
    while perf_counter() < until:
        if all(seat.standing and seat.position >= seat.room.last for seat in crowd.seats):
            return
        await asyncio.sleep(0.1)


async def _tallied(
    town: Town, crowd: Crowd, shown: Mapping[str, TallyView], patience: float
) -> None:
    """See that the last tally that each socket was shown is the one that its room shows."""
    until = perf_counter() + patience
    while behind := [
        seat
        for seat in crowd.seats
        if seat.standing and seat.room.log in shown and seat.votes != shown[seat.room.log].votes
    ]:
        if perf_counter() > until:
            room, votes = behind[0].room, behind[0].votes
            example = f"{room.log}: {votes} votes, {shown[room.log].votes} in the room"
            town.books.fault("a last tally that is not the room's", example, times=len(behind))
            return
        await asyncio.sleep(0.1)


async def _room(town: Town, room: Room, found: Reckoning, shown: dict[str, TallyView]) -> None:
    person = next((each for each in town.people if each.room is room), None)
    if person is None:
        return
    pictures = []
    for lines in town.clerk.servers:
        view = await _seen(lines, person, room)
        if view is None:
            town.books.fault("a room that is not shown", room.log)
            return
        check_picture(room, view)
        pictures.append(view)
    found.rooms += 1
    shown[room.log] = pictures[0].tally
    there = {each.id for each in pictures[0].statements}
    own = set(person.written)
    for statement in room.written.keys() - room.unsure:
        rejected = statement in room.rejected
        if rejected is (statement in there) and statement not in own:
            town.books.fault("a decision that does not hold", f"{room.log}: {statement}")
    if any(msgspec.to_builtins(each) != msgspec.to_builtins(pictures[0]) for each in pictures):
        town.books.fault("servers that show different rooms", room.log)


async def _seen(lines: Lines, person: Person, room: Room) -> RoomView | None:
    for _ in range(5):
        try:
            answer = await lines.ask(
                request("GET", f"/api/rooms/{room.log}", lines, person.headers)
            )
        except OSError:
            await asyncio.sleep(0.2)
            continue
        return _decode_room(answer.body) if answer.status == 200 else None
    return None


async def _person(town: Town, person: Person, found: Reckoning) -> None:
    try:
        me = msgspec.json.decode(await town.clerk.get(person, "/api/me"))
    except Refused:
        town.books.fault("a person who is not known", person.id)
        return
    found.people += 1
    kept = {each["statement_id"]: (each["seq"], each["choice"]) for each in me["votes"]}
    for statement, vote in person.votes.items():
        if kept.get(statement) != vote and not (person.unsure and statement in kept):
            town.books.fault("votes lost", f"{person.room.log} {person.id} {statement}")
    if not person.unsure and (extra := len(kept.keys() - person.votes.keys())):
        town.books.fault("votes that nobody cast", person.id, times=extra)
    wrote = [each["statement_id"] for each in me["statements"]]
    lost = person.written.keys() - set(wrote)
    if lost:
        town.books.fault("statements lost", f"{person.id}", times=len(lost))
    if len(set(wrote)) != len(wrote):
        town.books.fault("statements doubled", person.id)


async def _log(town: Town, settings: Settings, shown: Mapping[str, TallyView]) -> int:
    """Look for every receipt in the logs themselves, once each, and for gaps."""
    looked = 0
    receipts: dict[str, dict[int, Acknowledged]] = {room.log: {} for room in town.rooms}
    for (log, seq), entry in town.clerk.log.items():
        receipts[log][seq] = entry
    unsure = {person.id for person in town.people if person.unsure}
    async with open_house(settings, write=False) as house:
        for room in town.rooms:
            events = await house.database.reading(_all, LogId(room.log))
            if [each.seq for each in events] != list(range(1, len(events) + 1)):
                town.books.fault("a log with a gap", room.log)
            check_tallies(room, events, shown.get(room.log))
            there = {each.seq: written for each in events if (written := _entry(each)) is not None}
            for seq, entry in receipts[room.log].items():
                looked += 1
                if there.pop(seq, None) != entry:
                    town.books.fault("acknowledged and not in the log", f"{room.log} {seq}")
            extra = [seq for seq, entry in there.items() if entry.person not in unsure]
            if extra:
                example = f"{room.log} {extra[0]}"
                town.books.fault("in the log and not acknowledged", example, times=len(extra))
    return looked


def _all(connection: Connection, log: LogId) -> list[e.Recorded]:
    return [recorded for some in store.in_chunks(connection, log) for recorded in some]


def _entry(recorded: e.Recorded) -> Acknowledged | None:
    person = str(recorded.by)
    match recorded.event:
        case e.VoteCast(statement=statement) | e.StatementSubmitted(statement=statement):
            return Acknowledged(person, str(statement))
        case e.RankingCast():
            return Acknowledged(person, "ranking")
        case e.RatificationCast(clause=clause):
            return Acknowledged(person, str(clause))
        case _:
            return None

"""What must hold when the storm is over; each failure is a sentence for the report."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from evals.performance.process import CommandFailed
from server.deliberation import events as e
from server.deliberation.comparison import first_difference
from server.deliberation.room import RoomState
from server.deliberation.views import RoomView, Viewer, room_view
from server.ids import LogId, ParticipantId
from server.runtime.house import House, open_house
from server.store import log as store
from server.store import spending
from server.store.replay import replay

from .asking import DRAFTS_ASKED
from .calling import LOST, Caller, Door
from .cluster import Cluster
from .listening import seen
from .people import Person, Receipt
from .town import Place, Town

_decode_room = msgspec.json.Decoder(RoomView).decode
_REPEATED = 150
_IN_PARTS = 20
_LOOKS = 20


@dataclass
class Found:
    """What the checks looked at, and what was wrong; nothing is lost where ``wrongs`` is empty."""

    wrongs: list[str] = field(default_factory=list)
    acknowledged: int = 0
    events: int = 0
    repeated: int = 0
    requests: int = 0
    proposed: int = 0
    failed: int = 0
    pictures: int = 0
    paid: int = 0
    """Answers of the drafter that were kept, which is what is paid for; one a draft."""

    def wrong(self, what: str) -> None:
        """Take note of something wrong."""
        if len(self.wrongs) < 50:
            self.wrongs.append(what)


async def check_servers(
    people: Sequence[Person], doors: tuple[Door, ...], found: Found, *, patience: float
) -> None:
    """Compare what every client folded with every server, and the servers with one another.

    Nobody acts meanwhile. Each person's votes and statements are compared with their receipts.
    """
    for start in range(0, len(people), _IN_PARTS):
        some = people[start : start + _IN_PARTS]
        await asyncio.gather(*(_check_person(each, doors, found, patience) for each in some))


async def _check_person(
    person: Person, doors: tuple[Door, ...], found: Found, patience: float
) -> None:
    caller = Caller(doors)
    caller.token = person.caller.token
    try:
        views = await _views(person, caller, found)
        if views is None:
            return
        for door in doors:
            me = await caller.ask(door, "GET", "/api/me", patience=20)
            _check_me(person, door, me.json(), found)
    except LOST as lost:
        found.wrong(f"a server does not answer when all is calm: {type(lost).__name__}")
        return
    finally:
        caller.close()
    if await person.listener.until(seen(views[0]), patience):
        found.pictures += 1
    else:
        found.wrong(
            f"the picture of {person.participant} at {person.listener.position} is not the room "
            f"at {views[0].seq}: {_where(person, views[0])}"
        )


async def _views(person: Person, caller: Caller, found: Found) -> list[RoomView] | None:
    """Return the room from each server, as of one seq: workers may still publish something."""
    for _ in range(_LOOKS):
        views: list[RoomView] = []
        for door in caller.doors:
            answer = await caller.ask(door, "GET", f"/api/rooms/{person.room}", patience=20)
            if answer.status != 200:
                found.wrong(f"{door.server}: a room is answered with {answer.status}")
                return None
            views.append(_decode_room(answer.body))
        if len({view.seq for view in views}) == 1:
            if any(msgspec.to_builtins(view) != msgspec.to_builtins(views[0]) for view in views):
                found.wrong(f"the servers show {person.participant} two different rooms")
            return views
        await asyncio.sleep(0.5)
    found.wrong(f"the servers stay apart: {[view.seq for view in views]}")
    return views


def _check_me(person: Person, door: Door, me: dict[str, object], found: Found) -> None:
    votes = me.get("votes")
    statements = me.get("statements")
    if not isinstance(votes, list) or not isinstance(statements, list):
        found.wrong(f"{door.server}: no answer to who one is")
        return
    if {v["statement_id"]: v["seq"] for v in votes} != person.ledger.latest("vote.cast"):
        found.wrong(f"{door.server}: the votes of {person.participant} are not their receipts")
    written = {s["statement_id"]: s["seq"] for s in statements}
    if written != person.ledger.latest("statement.submitted"):
        found.wrong(f"{door.server}: the statements of {person.participant} are not their receipts")


async def check_repeats(people: Sequence[Person], doors: tuple[Door, ...], found: Found) -> None:
    """Send acknowledged commands once more under their keys: the receipts must be the same."""
    rng = random.Random(len(people))
    every = [(person, each) for person in people for each in person.ledger.acknowledged.values()]
    for person, receipt in rng.sample(every, min(_REPEATED, len(every))):
        command = receipt.command
        caller = Caller(doors)
        caller.token = person.caller.token
        try:
            answer = await caller.ask(
                rng.choice(doors), "POST", command.path, command.body, key=command.key
            )
        except LOST as lost:
            found.wrong(f"a repeated command is not answered: {type(lost).__name__}")
            continue
        finally:
            caller.close()
        found.repeated += 1
        if answer.status not in (200, 201, 202) or answer.json().get("seq") != receipt.seq:
            found.wrong(
                f"{command.key} was acknowledged at {receipt.seq}; repeated, it is answered "
                f"{answer.status} {answer.json().get('seq')}"
            )


async def check_all(cluster: Cluster, town: Town, people: Sequence[Person], found: Found) -> None:
    """Check receipts, servers and logs, when nothing goes wrong any more."""
    await check_repeats(people, cluster.direct, found)
    await check_servers(people, cluster.direct, found, patience=5.0)
    await check_logs(cluster, town, people, found)


async def check_logs(cluster: Cluster, town: Town, people: Sequence[Person], found: Found) -> None:
    """Compare every log with every receipt, its chain, its projections and what clients saw."""
    async with open_house(cluster.settings, write=False) as house:
        for place in town.places:
            members = [person for person in people if person.place is place]
            await _check_log(house, place, members, found)
            for log in (place.assembly, place.room):
                replayed = await house.database.reading(replay, log)
                if replayed.difference is not None:
                    found.wrong(f"replay of {place.slug}: {replayed.difference}")
        found.paid = sum(each.calls for each in await house.database.reading(spending.spent))
    if found.paid > DRAFTS_ASKED * found.requests:
        found.wrong(
            f"{found.paid} drafts were paid for, but {found.requests} requests asked for "
            f"{DRAFTS_ASKED} each"
        )
    try:
        await cluster.command("replay", town.hall.slug)
    except CommandFailed as failed:
        found.wrong(str(failed))


async def _check_log(house: House, place: Place, people: Sequence[Person], found: Found) -> None:
    recorded = await house.database.reading(_all, place.room)
    found.events += len(recorded)
    if [each.seq for each in recorded] != list(range(1, len(recorded) + 1)):
        found.wrong(f"the log of {place.slug} has a gap")
    receipts = [
        (person.participant, receipt)
        for person in people
        for receipt in person.ledger.acknowledged.values()
    ]
    found.acknowledged += len(receipts)
    _compare(place, recorded, receipts, {person.participant for person in people}, found)
    _check_requests(place, recorded, found)
    state = await house.room(place.room)
    for person in people:
        _check_picture(state, person, found)


def _compare(
    place: Place,
    recorded: Sequence[e.Recorded],
    receipts: Sequence[tuple[str, Receipt]],
    people: set[str],
    found: Found,
) -> None:
    wanted = {(by, each.seq): (each.command.what, each.subject) for by, each in receipts}
    if len(wanted) != len(receipts):
        found.wrong(f"{place.slug}: two commands were acknowledged with one seq")
    there: dict[tuple[str, int], tuple[str, str]] = {}
    for each in recorded:
        subject = _subject(each.event)
        if subject is not None and str(each.by) in people:
            there[str(each.by), each.seq] = (e.type_of(each.event), subject)
    for missing in wanted.keys() - there.keys():
        found.wrong(f"LOST in {place.slug}: {wanted[missing][0]} acknowledged at {missing[1]}")
    for extra in there.keys() - wanted.keys():
        found.wrong(
            f"DOUBLED in {place.slug}: {there[extra][0]} at {extra[1]} was acknowledged to nobody"
        )
    for both in wanted.keys() & there.keys():
        if wanted[both] != there[both]:
            found.wrong(f"{place.slug}: what was acknowledged at {both[1]} is something else")


def _subject(event: e.Event) -> str | None:
    """Return what a command's event is about, or None for what the program does by itself."""
    match event:
        case e.VoteCast(statement=statement) | e.StatementSubmitted(statement=statement):
            return str(statement)
        case e.StatementModerated(statement=statement):
            return str(statement)
        case e.NoticePosted(text=text):
            return text
        case e.PhaseChanged(phase=phase):
            return str(phase)
        case e.DraftsRequested():
            return ""
        case _:
            return None


def _check_requests(place: Place, recorded: Sequence[e.Recorded], found: Found) -> None:
    asked = [each.seq for each in recorded if isinstance(each.event, e.DraftsRequested)]
    outcomes: Counter[int] = Counter()
    for each in recorded:
        if isinstance(each.event, e.DraftsProposed):
            outcomes[each.event.request] += 1
            found.proposed += 1
        elif isinstance(each.event, e.DraftFailed):
            outcomes[each.event.request] += 1
            found.failed += 1
    found.requests += len(asked)
    for seq in asked:
        if outcomes[seq] != 1:
            found.wrong(
                f"{place.slug}: the request for drafts at {seq} has {outcomes[seq]} outcomes"
            )
    if set(outcomes) - set(asked):
        found.wrong(f"{place.slug}: an outcome of a request that nobody made")


def _check_picture(state: RoomState, person: Person, found: Found) -> None:
    view = room_view(state, Viewer(ParticipantId(person.participant), person.role))
    mine = person.listener.view
    if mine is None or seen(mine) != seen(view):
        found.wrong(
            f"the picture of {person.participant} is not what the log says: {_where(person, view)}"
        )


def _where(person: Person, view: RoomView) -> str | None:
    """Return the place of the first difference, never what stands there."""
    mine = person.listener.view
    return "there is none" if mine is None else first_difference(seen(mine), seen(view))


def _all(connection: store.Connection, log: LogId) -> list[e.Recorded]:
    return [recorded for some in store.in_chunks(connection, log) for recorded in some]

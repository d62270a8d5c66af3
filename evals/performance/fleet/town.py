"""Everybody, and what they do in the open phase: come in, write, vote, moderate, say something."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine, Iterable, Sequence
from time import perf_counter
from typing import Any

import msgspec

from . import words
from .books import Books, Receipt, Room
from .people import Acknowledged, Clerk, Person, Refused, request
from .profile import Profile

_AT_ONCE = 64
_SETTLED = 3.0
"""Seconds after which a statement may be moderated: by then everybody was sent it."""


class CannotBegin(Exception):
    """The load can't begin; the message says why and what to do."""


class Town:
    """The people, their rooms and what they do; nothing here waits for its turn to be due."""

    def __init__(self, profile: Profile, clerk: Clerk, books: Books, rng: random.Random) -> None:
        self.profile = profile
        self.clerk = clerk
        self.books = books
        self.rng = rng
        self.people: list[Person] = []
        self.rooms: list[Room] = []
        self.facilitator: Person | None = None
        self._said = 0

    async def come_in(self, invite: str, facilitator: str) -> None:
        """Let everybody join; without a facilitator's code nothing is moderated.

        Raises:
            CannotBegin: the first to come is refused, or somebody later.
        """
        rooms = await self._join(0, invite, ())
        wanted = self.profile.rooms
        if len(rooms) < wanted:
            raise CannotBegin(f"The assembly has {len(rooms)} rooms and {wanted} were asked for.")
        most = self.profile.people + 1
        self.rooms = [Room(log, self.books, most) for log in rooms[:wanted]]
        self.people = [self.people[0]]
        self.people[0].room = self.rooms[0]
        await in_parts(
            self._join(number, invite, rooms) for number in range(1, self.profile.people)
        )
        self.people.sort(key=lambda person: person.number)
        if facilitator:
            await self._join(-1, facilitator, rooms)
            self.facilitator = self.people.pop()

    async def _join(self, number: int, invite: str, known: Sequence[str]) -> list[str]:
        browser = number >= 0 and number < self.profile.cookies * self.profile.people
        # Of words that may not be published no draft is made.
        consent = {"publish": True, "research": True, "training": False}
        client = "browser" if browser else "script"
        body = msgspec.json.encode({"invite": invite, "client": client, "consent": consent})
        key = f"idempotency-key: {self.rng.randbytes(12).hex()}"
        answer = None
        for _ in range(20):
            lines = self.clerk.servers[number % len(self.clerk.servers)]
            try:
                answer = await lines.ask(request("POST", "/api/join", lines, (key,), body))
            except OSError:
                await asyncio.sleep(0.5)
                continue
            break
        if answer is None:
            raise CannotBegin("The servers don't answer to a join.")
        if answer.status == 429:
            raise CannotBegin(
                "The servers limit joins: start them with FOLKMOOT_JOINS_PER_HOUR=0, "
                "FOLKMOOT_VOTES_PER_HOUR=0 and FOLKMOOT_STATEMENTS_PER_HOUR=0."
            )
        if answer.status != 201:
            raise CannotBegin(f"Joining was answered with {answer.status}: is the invite right?")
        joined = msgspec.json.decode(answer.body)
        if browser:
            cookie = answer.header(b"set-cookie").partition(b";")[0].decode()
            headers: tuple[str, ...] = (f"cookie: {cookie}", f"x-csrf-token: {joined['csrf']}")
        else:
            headers = (f"authorization: Bearer {joined['token']}",)
        room = self.rooms[number % len(self.rooms)] if self.rooms else Room("", self.books, 1)
        self.people.append(Person(number, joined["participant"], headers, room))
        return [each["id"] for each in joined["rooms"]] if not known else []

    async def begin(self) -> None:
        """Write the statements that there are to vote on when the load begins.

        Raises:
            CannotBegin: nothing could be written.
        """
        by_room: dict[str, list[Person]] = {}
        for person in self.people:
            by_room.setdefault(person.room.log, []).append(person)
        await in_parts(
            self.write(people[number % len(people)], perf_counter())
            for people in by_room.values()
            for number in range(self.profile.first)
        )
        if not all(room.statements for room in self.rooms):
            raise CannotBegin("No statement could be written: is the assembly's phase 'open'?")

    def anybody(self, room: Room | None = None) -> Person | None:
        """Return somebody at random who is not busy; None where all that were looked at are."""
        for _ in range(20):
            person = self.rng.choice(self.people)
            if not person.busy and room in (None, person.room):
                return person
        if room is None:
            return None
        free = [each for each in self.people if each.room is room and not each.busy]
        return self.rng.choice(free) if free else None

    async def write(self, person: Person, due: float) -> None:
        """Let somebody write a statement."""
        room, text = person.room, words.statement(self.rng)
        path = f"/api/rooms/{room.log}/statements"
        found = await self.command("statements", person, path, {"text": text}, due)
        if found is None:
            return
        statement, seq = str(found["statement_id"]), int(str(found["seq"]))
        person.written[statement] = seq
        self.clerk.enter(room, seq, Acknowledged(person.id, statement))
        if found["status"] == "accepted":
            room.written[statement] = seq
            room.statements.append(statement)
            receipt = Receipt(statement, ("statement",), due, perf_counter())
            room.acknowledged(seq, receipt)

    async def vote(self, person: Person, due: float | None = None, *, kind: str = "votes") -> None:
        """Let somebody vote: on the next statement, as the pages do, or on any; due now if None."""
        due = perf_counter() if due is None else due
        room = person.room
        person.busy = True
        try:
            statement = await self._next(person)
        finally:
            person.busy = False
        choice = words.choice(statement, person.number, self.rng)
        body = {"statement_id": statement, "choice": choice}
        found = await self.command(kind, person, f"/api/rooms/{room.log}/votes", body, due)
        if found is not None:
            seq = int(str(found["seq"]))
            person.votes[statement] = max(person.votes.get(statement, (0, "")), (seq, choice))
            self.clerk.enter(room, seq, Acknowledged(person.id, statement))

    async def _next(self, person: Person) -> str:
        if self.rng.random() < self.profile.asking:
            try:
                answer = await self.clerk.get(person, f"/api/rooms/{person.room.log}/next")
            except Refused:
                pass
            else:
                found = msgspec.json.decode(answer)["statement"]
                if found is not None:
                    return str(found["id"])
        return self.rng.choice(person.room.statements)

    async def moderate(self, room: Room, due: float) -> None:
        """Let the facilitator take a statement away, or put one back."""
        if self.facilitator is None:
            return
        back = len(room.rejected) > 3
        among = room.rejected if back else room.statements
        if len(room.statements) < 8:
            return
        statement = self.rng.choice(among)
        seq = room.written[statement]
        if due - room.receipts[seq].at < _SETTLED:
            return
        among.remove(statement)
        room.withdrawn.add(seq)
        room.withdrawn.update(room.shown_again.get(statement, ()))
        body = {
            "statement_id": statement,
            "decision": "accept" if back else "reject",
            "reason": "fits" if back else "off-topic",
        }
        path = f"/api/rooms/{room.log}/moderation"
        found = await self.command("moderation", self.facilitator, path, body, due)
        if found is None:
            room.unsure.add(statement)
            return
        seq = int(str(found["seq"]))
        if back:
            room.statements.append(statement)
            room.shown_again.setdefault(statement, []).append(seq)
        else:
            room.rejected.append(statement)
        kinds = ("statement", "statement.moderated")
        room.acknowledged(seq, Receipt(statement, kinds, due, perf_counter()))

    async def announce(self, room: Room, due: float) -> None:
        """Let the facilitator say something to everybody."""
        if self.facilitator is None:
            return
        self._said += 1
        text = f"Notice {self._said}."
        path = f"/api/rooms/{room.log}/notices"
        found = await self.command("notices", self.facilitator, path, {"text": text}, due)
        if found is not None:
            receipt = Receipt(text, ("notice",), due, perf_counter())
            room.acknowledged(int(str(found["seq"])), receipt)

    async def happen(self, room: Room, due: float) -> None:
        """Let something happen in a room: mostly a statement, at times what a facilitator does."""
        what = self.rng.random()
        if what < 0.2 and self.facilitator is not None:
            await self.moderate(room, due)
        elif what < 0.3 and self.facilitator is not None:
            await self.announce(room, due)
        elif (person := self.anybody(room)) is not None:
            await self.write(person, due)

    async def command(
        self, kind: str, person: Person, path: str, body: dict[str, Any], due: float
    ) -> dict[str, object] | None:
        """Let somebody ask for something; None where it came to nothing, which is counted."""
        person.busy = True
        try:
            return await self.clerk.command(kind, person, path, body, due)
        except Refused:
            return None
        finally:
            person.busy = False


async def in_parts(work: Iterable[Coroutine[Any, Any, object]], *, at_once: int = _AT_ONCE) -> None:
    """Do all of it, so many at once; what the first raises ends it, and is raised."""
    left = iter(work)

    async def lane() -> None:
        for each in left:
            await each

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(lane())
    except BaseExceptionGroup as several:
        raise several.exceptions[0] from None

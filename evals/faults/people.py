"""People who act over two servers at once, and who come again with the same key until answered.

Whoever gets no answer doesn't know whether anything was done: they ask the other server, under the
same key. What a server refuses for good is kept too, since it must not be in the log.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

import msgspec

from server.deliberation.vocabulary import Role

from .calling import LOST, Answer, Caller, Door
from .listening import Listener
from .town import Place
from .witness import Witness

_ASKED_AGAIN = (429, 500, 502, 503, 504, 507)
_LONGEST_WAIT = 3.0
_MAY_BE_REFUSED = ("conflict", "wrong-phase", "not-found")


@dataclass(frozen=True)
class Command:
    """Something that was asked under a key; ``what`` is the event's type that it brings."""

    key: str
    what: str
    path: str
    body: bytes
    subject: str = ""
    """What the event must say: the statement, or the text."""
    room: str = ""


@dataclass(frozen=True)
class Receipt:
    """A command that was acknowledged."""

    command: Command
    seq: int
    subject: str


@dataclass
class Ledger:
    """What a person asked for."""

    acknowledged: dict[str, Receipt] = field(default_factory=dict)
    waiting: dict[str, Command] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    """Keys, with the problem's code."""

    def latest(self, what: str) -> dict[str, int]:
        """Return by subject the seq of the last receipt of a kind."""
        found: dict[str, int] = {}
        for each in self.acknowledged.values():
            if each.command.what == what:
                found[each.subject] = max(found.get(each.subject, 0), each.seq)
        return found


class Gate:
    """Whether people begin anything new."""

    def __init__(self) -> None:
        self.acting = asyncio.Event()


class Person:
    """Somebody in a role, with connections to all servers and one socket."""

    def __init__(
        self,
        doors: tuple[Door, ...],
        witness: Witness,
        gate: Gate,
        place: Place,
        role: Role,
        rng: random.Random,
        *,
        pace: float,
    ) -> None:
        """``pace``: seconds between two actions on the average."""
        self.place = place
        self.role = role
        self.participant = ""
        self.ledger = Ledger()
        self.caller = Caller(doors)
        self._doors = doors
        self._witness = witness
        self._gate = gate
        self._rng = rng
        self._pace = pace
        self._asked = 0
        self._rejected: set[str] = set()
        self._door = rng.randrange(len(doors))
        self.listener = Listener(doors, witness, rng, first=self._door)

    @property
    def room(self) -> str:
        """The room's id."""
        return str(self.place.room)

    async def join(self) -> None:
        """Come in."""
        body = msgspec.json.encode({"invite": self.place.invites[self.role], "client": "script"})
        key = f"join-{self._rng.getrandbits(96):024x}"
        while True:
            try:
                answer = await self.caller.ask(self._here(), "POST", "/api/join", body, key=key)
            except LOST:
                await self._elsewhere()
                continue
            if answer.status == 201:
                break
            await self._not_yet(answer)
        joined = answer.json()
        self.caller.token = str(joined["token"])
        self.participant = str(joined["participant"])

    async def listen(self) -> None:
        """Hold a socket for ever."""
        await self.listener.listen(self.room, self.caller.token)

    async def act(self) -> None:
        """Do what people do, for ever, as long as the gate lets them."""
        while True:
            await self._gate.acting.wait()
            await asyncio.sleep(self._rng.expovariate(1 / self._pace))
            if not self._gate.acting.is_set():
                continue
            if self._rng.random() < 0.3:
                self._door += 1
            try:
                await self.one_thing()
            except LOST:
                await self._elsewhere()

    async def one_thing(self) -> None:
        """Vote, or write, or do what the role is for."""
        what = self._rng.random()
        if self.role is Role.FACILITATOR:
            text = f"{self.participant} notes {self._asked}"
            await self.command("notice.posted", "notices", subject=text, text=text)
        elif self.role is Role.MODERATOR:
            await self._moderate()
        elif what < 0.04:
            await self._write()
        elif what < 0.2 and self.ledger.latest("vote.cast"):
            await self._vote(self._rng.choice(sorted(self.ledger.latest("vote.cast"))))
        else:
            await self._vote_on_the_next()

    async def _vote_on_the_next(self) -> None:
        answer = await self.caller.ask(self._here(), "GET", f"/api/rooms/{self.room}/next")
        if answer.status != 200:
            await self._not_yet(answer)
            return
        found = answer.json()["statement"]
        if isinstance(found, dict):
            await self._vote(str(found["id"]))
        elif self._rng.random() < 0.2:
            await self._write()

    async def _vote(self, statement: str) -> None:
        choice = self._rng.choice(("agree", "agree", "disagree", "pass"))
        await self.command(
            "vote.cast", "votes", subject=statement, statement_id=statement, choice=choice
        )

    async def _write(self) -> None:
        text = f"{self.participant} says {self._asked}"
        await self.command("statement.submitted", "statements", text=text)

    async def _moderate(self) -> None:
        view = self.listener.view
        if view is None or not view.statements:
            return
        # Each decision differs from the one before, so that each brings an event.
        statement = self._rng.choice(view.statements).id
        back = statement in self._rejected
        receipt = await self.command(
            "statement.moderated",
            "moderation",
            subject=statement,
            statement_id=statement,
            decision="accept" if back else "reject",
            reason="fits" if back else "duplicate",
        )
        if receipt is not None:
            self._rejected ^= {str(statement)}

    async def command(
        self, what: str, where: str, *, subject: str = "", **body: object
    ) -> Receipt | None:
        """Ask for something until there is an answer; None where it was refused."""
        self._asked += 1
        key = f"{self.participant}-{self._asked}"
        path = f"/api/rooms/{self.room}/{where}"
        command = Command(key, what, path, msgspec.json.encode(body), subject, self.room)
        self.ledger.waiting[key] = command
        return await self._until_answered(command)

    async def _until_answered(self, command: Command) -> Receipt | None:
        tries = 0
        put_off: tuple[float, int] | None = None
        while command.key in self.ledger.waiting:
            door = self._here()
            tries += 1
            try:
                answer = await self.caller.ask(
                    door, "POST", command.path, command.body, key=command.key
                )
            except LOST:
                self._witness.counts["commands without an answer"] += 1
                await self._elsewhere()
                continue
            if answer.status in _ASKED_AGAIN and put_off is None:
                put_off = (self._witness.now, tries)
            await self._take(command, answer, door)
        if put_off is not None:
            since, at = put_off
            self._witness.carried.append((self._witness.now - since, tries - at))
        if tries > 1:
            self._witness.counts["commands sent again under their key"] += 1
        return self.ledger.acknowledged.get(command.key)

    async def _take(self, command: Command, answer: Answer, door: Door) -> None:
        if answer.status in (200, 201, 202):
            self._acknowledge(command, answer, door)
        elif answer.status in _ASKED_AGAIN:
            await self._not_yet(answer)
        else:
            del self.ledger.waiting[command.key]
            self.ledger.refused[command.key] = answer.code
            self._witness.counts[f"refused: {answer.code}"] += 1
            if answer.code not in _MAY_BE_REFUSED:
                self._witness.wrong(f"{door.server} refused {command.what}: {answer.code}")

    def _acknowledge(self, command: Command, answer: Answer, door: Door) -> None:
        said = answer.json()
        seq = said["seq"]
        subject = str(said.get("statement_id", command.subject))
        del self.ledger.waiting[command.key]
        self.ledger.acknowledged[command.key] = Receipt(command, int(str(seq)), subject)
        self._witness.answered(door.server)

    def _here(self) -> Door:
        return self._doors[self._door % len(self._doors)]

    async def _elsewhere(self) -> None:
        self._door += 1
        await asyncio.sleep(self._rng.uniform(0.1, 0.5))

    async def _not_yet(self, answer: Answer) -> None:
        """Wait as long as the server asks for, and go to the next one."""
        self._witness.counts[f"answered {answer.status} {answer.code}"] += 1
        if answer.status not in _ASKED_AGAIN:
            self._witness.wrong(f"{self._here().server}: {answer.status} {answer.code}")
        self._door += 1
        await asyncio.sleep(min(answer.retry_after or 0.5, _LONGEST_WAIT))

    def close(self) -> None:
        """Hang up."""
        self.caller.close()

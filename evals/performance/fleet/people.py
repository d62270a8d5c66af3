"""The people: who they are at the servers, what they asked for, what was acknowledged."""

from __future__ import annotations

import asyncio
import random
from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter

import msgspec

from .books import Room
from .lines import Answer, Lines

_TRY_FOR = 30.0
"""Seconds for which a command that was not answered is sent again under its key."""
_GONE = (502, 503, 504)


class Person:
    """Somebody in a room. ``votes``: by statement, the latest acknowledged seq and choice."""

    __slots__ = ("asked", "busy", "headers", "id", "number", "room", "unsure", "votes", "written")

    def __init__(self, number: int, id_: str, headers: tuple[str, ...], room: Room) -> None:
        self.number = number
        self.id = id_
        self.headers = headers
        """What says who they are; a socket's handshake adds the Origin."""
        self.room = room
        self.votes: dict[str, tuple[int, str]] = {}
        self.written: dict[str, int] = {}
        self.busy = False
        self.asked = 0
        self.unsure = False
        """Whether a command of theirs was never answered: it may have been carried out."""

    @property
    def by_cookie(self) -> bool:
        """Whether they come as a browser does."""
        return self.headers[0].startswith("cookie")


@dataclass
class Count:
    """What became of one kind of command."""

    asked: int = 0
    acknowledged: int = 0
    refused: Counter[int] = field(default_factory=Counter)
    unanswered: int = 0
    retried: int = 0
    dropped: int = 0
    """Not asked for, since everybody who could have was still waiting for an answer."""
    delays: array[float] = field(default_factory=lambda: array("f"))
    """Seconds from when it was meant to be done to its answer, with what was asked before it."""
    alone: array[float] = field(default_factory=lambda: array("f"))
    """Seconds from sending it to its answer."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A command that is in the log, as the log must show it: whose, and about what."""

    person: str
    about: str


class Refused(Exception):
    """The servers said no, or nothing; it is counted."""


class Clerk:
    """Sends what people ask for, to any of the servers, until there is an answer."""

    def __init__(self, servers: Sequence[Lines], rng: random.Random, run: str) -> None:
        """``run`` makes this run's idempotency keys its own."""
        self.servers = servers
        self.counts: dict[str, Count] = {}
        self.log: dict[tuple[str, int], Acknowledged] = {}
        """What was acknowledged, by room and seq."""
        self.doubles = 0
        self._rng = rng
        self._run = run

    def count(self, kind: str) -> Count:
        """Return the counter of one kind."""
        return self.counts.setdefault(kind, Count())

    async def get(self, person: Person, path: str) -> bytes:
        """Fetch something as a person.

        Raises:
            Refused: the answer is no 200.
        """
        answer = await self._asked(lambda lines: request("GET", path, lines, person.headers))
        if answer.status != 200:
            raise Refused(f"{path}: {answer.status}")
        return answer.body

    async def command(
        self, kind: str, person: Person, path: str, body: dict[str, object], due: float
    ) -> dict[str, object]:
        """Write something under a key of its own and return the answer.

        Raises:
            Refused: it was, or there is no answer.
        """
        count = self.count(kind)
        count.asked += 1
        person.asked += 1
        key = f"idempotency-key: {self._run}-{person.number}-{person.asked}"
        encoded = msgspec.json.encode(body)
        sent = perf_counter()
        headers = (*person.headers, key)
        try:
            answer = await self._asked(
                lambda lines: request("POST", path, lines, headers, encoded), count
            )
        except Refused:
            count.unanswered += 1
            person.unsure = True
            raise
        now = perf_counter()
        count.delays.append(now - due)
        count.alone.append(now - sent)
        if answer.status not in (200, 201, 202):
            count.refused[answer.status] += 1
            raise Refused(f"{path}: {answer.status}")
        count.acknowledged += 1
        found: dict[str, object] = msgspec.json.decode(answer.body)
        return found

    def enter(self, room: Room, seq: int, entry: Acknowledged) -> None:
        """Take down what the log must hold."""
        if self.log.setdefault((room.log, seq), entry) is not entry:
            self.doubles += 1

    async def _asked(self, made: Callable[[Lines], bytes], count: Count | None = None) -> Answer:
        until = perf_counter() + _TRY_FOR
        while True:
            lines = self._rng.choice(self.servers)
            try:
                answer = await lines.ask(made(lines))
                if answer.status not in _GONE:
                    return answer
            except (OSError, EOFError):
                pass
            if perf_counter() > until:
                raise Refused("no answer")
            if count is not None:
                count.retried += 1
            await asyncio.sleep(self._rng.uniform(0.05, 0.5))


def request(
    method: str, path: str, lines: Lines, headers: Sequence[str], body: bytes = b""
) -> bytes:
    """Return the bytes of a request; an unsafe one of a browser's has its Origin."""
    found = [f"{method} {path} HTTP/1.1", f"host: {lines.address.site}", *headers]
    if method == "POST":
        found += ["content-type: application/json", f"content-length: {len(body)}"]
        if headers and headers[0].startswith("cookie"):
            found.append(f"origin: {lines.address.origin}")
    return "\r\n".join(found).encode() + b"\r\n\r\n" + body

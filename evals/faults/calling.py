"""A person's connections for commands: one to each server, given up where no answer comes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import msgspec

from evals.performance.line import Line, request
from evals.performance.process import HOST

LOST = (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError, ValueError)
"""What ends a connection: it broke, or nothing came."""
PATIENCE = 5.0


@dataclass(frozen=True)
class Door:
    """Where a server is reached."""

    server: str
    port: int


@dataclass(frozen=True)
class Answer:
    """A status and a body."""

    status: int
    body: bytes

    def json(self) -> dict[str, object]:
        """Return the body's fields."""
        decoded = msgspec.json.decode(self.body)
        return decoded if isinstance(decoded, dict) else {}

    @property
    def code(self) -> str:
        """The problem's code, or the status."""
        try:
            kind = str(self.json().get("type", ""))
        except msgspec.DecodeError:
            kind = ""
        return kind.rpartition("/")[2] or str(self.status)

    @property
    def retry_after(self) -> float | None:
        """Seconds after which the server asks to be asked again."""
        try:
            seconds = self.json().get("retry_after")
        except msgspec.DecodeError:
            return None
        return float(seconds) if isinstance(seconds, int | float) else None


class Caller:
    """Asks servers in one person's name, one request at a time to each."""

    def __init__(self, doors: tuple[Door, ...]) -> None:
        self.doors = doors
        self.token = ""
        self._lines: dict[Door, Line] = {}
        self._busy = {door: asyncio.Lock() for door in doors}

    async def ask(
        self,
        door: Door,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        key: str = "",
        patience: float = PATIENCE,
    ) -> Answer:
        """Return the answer.

        Raises:
            OSError, EOFError, TimeoutError: there is none; whether anything was done isn't known.
        """
        sent = request(method, path, f"{HOST}:{door.port}", self.token, key, body)
        async with self._busy[door]:
            try:
                async with asyncio.timeout(patience):
                    line = self._lines.get(door)
                    if line is None:
                        line = self._lines[door] = await Line.open(HOST, door.port)
                    return Answer(*await line.ask(sent))
            except BaseException:
                self._hang_up(door)
                raise

    def _hang_up(self, door: Door) -> None:
        line = self._lines.pop(door, None)
        if line is not None:
            line.close()

    def close(self) -> None:
        """Hang up everywhere."""
        for door in self.doors:
            self._hang_up(door)

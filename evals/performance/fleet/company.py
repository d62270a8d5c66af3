"""Members who act at once, for whoever kills the server under them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

from .ledger import Owed
from .member import Gate, Member


class Fleet:
    """Many participants who act at once."""

    def __init__(self, port: int, size: int, *, seed: int = 0, pace: float = 0.5) -> None:
        self.gate = Gate()
        self.members = [
            Member(port, self.gate, random.Random(f"{seed}/{number}"), pace=pace)
            for number in range(size)
        ]
        self._tasks: list[asyncio.Task[None]] = []

    async def join(self, invite: str) -> None:
        """Let everybody in with a reusable invite."""
        for some in _in_parts(self.members, 50):
            await asyncio.gather(*(member.join(invite) for member in some))

    async def start(self) -> None:
        """Begin to act and to listen, and wait until everybody is connected."""
        for member in self.members:
            self._tasks.append(asyncio.create_task(member.listen()))
        await self.connected()
        for member in self.members:
            self._tasks.append(asyncio.create_task(member.act()))

    async def connected(self, patience: float = 20.0) -> None:
        """Wait until every socket stands.

        Raises:
            Owed: one does not in ``patience`` seconds.
        """
        try:
            async with asyncio.timeout(patience):
                for member in self.members:
                    await member.connected.wait()
                    self.look()
        except TimeoutError:
            missing = sum(not member.connected.is_set() for member in self.members)
            self.look()
            raise Owed(f"{missing} sockets did not come back") from None

    def look(self) -> None:
        """Raise what a member met that they should not have."""
        for task in self._tasks:
            if task.done():
                task.result()

    async def rest(self) -> None:
        """Let nobody begin anything, and wait until every command has its answer."""
        self.gate.acting.clear()
        await asyncio.gather(*(member.settle() for member in self.members))
        self.look()

    def go_on(self) -> None:
        """Let them act again."""
        self.gate.acting.set()

    async def check(self, *, ledgers: bool = True) -> None:
        """Compare everybody's picture with the server, and their ledgers too; while they rest.

        Raises:
            Owed: something differs for somebody.
        """
        await self.connected()
        for some in _in_parts(self.members, 20):
            await asyncio.gather(*(member.caught_up() for member in some))
            if ledgers:
                await asyncio.gather(*(member.check() for member in some))
        self.look()

    @property
    def acknowledged(self) -> int:
        """How many commands were acknowledged, each counted once."""
        return sum(len(member.ledger.acknowledged) for member in self.members)

    async def stop(self) -> None:
        """End everybody."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for member in self.members:
            member.hang_up()


def _in_parts(members: Sequence[Member], size: int) -> list[Sequence[Member]]:
    return [members[start : start + size] for start in range(0, len(members), size)]

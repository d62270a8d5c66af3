"""Everybody who acts in a run, from the first who comes in to the last who is answered."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from time import monotonic

from server.deliberation.vocabulary import Role

from .asking import Asker
from .calling import Door
from .people import Gate, Person
from .town import Town
from .witness import Witness


class Crowd:
    """People in the hall, one of them a moderator and one a facilitator, and those who ask."""

    def __init__(
        self,
        town: Town,
        doors: tuple[Door, ...],
        witness: Witness,
        *,
        people: int,
        pace: float,
        seed: int,
    ) -> None:
        self.gate = Gate()
        self._witness = witness
        self._tasks: list[asyncio.Task[None]] = []
        roles = [Role.MODERATOR, Role.FACILITATOR, *[Role.PARTICIPANT] * people][:people]
        self.members: list[Person] = [
            Person(
                doors,
                witness,
                self.gate,
                town.hall,
                role,
                random.Random(f"person/{seed}/{number}"),
                pace=pace,
            )
            for number, role in enumerate(roles)
        ]
        self.askers = [
            Asker(
                doors,
                witness,
                self.gate,
                place,
                Role.FACILITATOR,
                random.Random(f"asker/{seed}/{number}"),
                pace=pace,
            )
            for number, place in enumerate(town.studies)
        ]

    @property
    def everybody(self) -> Sequence[Person]:
        """All of them."""
        return [*self.members, *self.askers]

    async def come_in(self, patience: float = 60.0) -> None:
        """Join, and open every socket.

        Raises:
            TimeoutError: not in time.
        """
        everybody = self.everybody
        self._witness.expect(len(everybody))
        async with asyncio.timeout(patience):
            for start in range(0, len(everybody), 20):
                await asyncio.gather(*(each.join() for each in everybody[start : start + 20]))
            self._tasks = [asyncio.create_task(each.listen()) for each in everybody]
            await asyncio.gather(*(each.listener.connected.wait() for each in everybody))

    def begin(self) -> None:
        """Let everybody act."""
        self.gate.acting.set()
        self._tasks += [asyncio.create_task(each.act()) for each in self.everybody]

    async def calm(self, patience: float) -> dict[str, float | None]:
        """Let nobody begin anything new, and wait until all is answered and every socket stands.

        Returns after how many seconds each was; None where it was not within ``patience``.
        """
        self.gate.acting.clear()
        begun = monotonic()
        after: dict[str, float | None] = {"answered": None, "sockets": None, "drafts": None}
        while None in after.values() and monotonic() - begun < patience:
            for what in [name for name, at in after.items() if at is None]:
                if await self._is(what):
                    after[what] = round(monotonic() - begun, 1)
            self.look()
            await asyncio.sleep(0.1)
        return after

    async def _is(self, what: str) -> bool:
        match what:
            case "answered":
                return not any(each.ledger.waiting for each in self.everybody)
            case "sockets":
                return all(each.listener.connected.is_set() for each in self.everybody)
            case _:
                if any(each.ledger.waiting for each in self.askers):
                    return False
                return not any(await asyncio.gather(*(each.waiting() for each in self.askers)))

    def look(self) -> None:
        """Raise what somebody met that is a mistake of this test."""
        for task in self._tasks:
            if task.done() and not task.cancelled():
                task.result()

    async def go(self) -> None:
        """End everybody."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for each in self.everybody:
            each.close()

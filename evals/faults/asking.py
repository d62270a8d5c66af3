"""A facilitator who asks the workers for drafts, again and again, and waits for each outcome."""

from __future__ import annotations

import asyncio

from .calling import LOST
from .people import Person

DRAFTS_ASKED = 2
"""So many drafts each request asks for."""
_LOOK = 0.5


class Asker(Person):
    """Asks for drafts in a small room, and takes it through a ranking now and then."""

    outcomes = 0

    async def one_thing(self) -> None:
        """Ask, and wait until the room has the outcome."""
        receipt = await self.command(
            "drafts.requested", "drafts", count=DRAFTS_ASKED, seed=self._rng.getrandbits(31)
        )
        if receipt is None:
            return
        while await self.waiting():  # noqa: ASYNC110 - the other side is another process
            await asyncio.sleep(_LOOK)
        self.outcomes += 1
        if self.outcomes % 3 == 0:
            await self._rank()

    async def waiting(self) -> bool:
        """Tell whether a request is without an outcome; so is one of which no server tells."""
        try:
            answer = await self.caller.ask(self._here(), "GET", f"/api/rooms/{self.room}/drafts")
        except LOST:
            await self._elsewhere()
            return True
        if answer.status != 200:
            await self._not_yet(answer)
            return True
        return bool(answer.json()["waiting"])

    async def _rank(self) -> None:
        for phase in ("ranking", "drafting"):
            if await self.command("phase.changed", "phase", subject=phase, phase=phase) is None:
                return

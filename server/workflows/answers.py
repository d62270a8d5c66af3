"""What a drafter answered, kept before anything else is done with it: it may have cost money.

A step that was under way when its process died is done again, and so would the call be that it
made. The answer to the same question is read instead, if it got as far as being kept.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from hashlib import sha256

import msgspec

from ..errors import StorageFault, StorageFull
from ..ids import LogId
from ..runtime.house import House
from ..store import spending
from ..store.spending import Answer
from ..synthesis.ports import Drafter, DraftingBrief, ProposedDraft
from .kinds import DRAFTS

_PATIENCE = 600.0
_PAUSE = 0.5
"""Seconds for which an answer is tried to be kept, and between two tries."""


class KeptAnswers:
    """A :class:`~..synthesis.ports.Drafter` that asks another one only what has no answer yet.

    It may be asked on any thread's event loop but the house's; ``loop`` is the house's, on which
    the database is. Answers are people's words, and go when words of the room are taken back.
    """

    def __init__(
        self,
        asked: Drafter,
        house: House,
        room: LogId,
        loop: asyncio.AbstractEventLoop,
        closed: threading.Event,
    ) -> None:
        """``closed`` is set when nobody waits for the answer any more."""
        self._asked = asked
        self._house = house
        self._room = room
        self._loop = loop
        self._closed = closed

    @property
    def name(self) -> str:
        """The name of the drafter that is asked."""
        return self._asked.name

    async def propose(
        self, brief: DraftingBrief, *, count: int, seed: int
    ) -> Sequence[ProposedDraft]:
        """Return the drafts, from the answer that is kept or from one that is kept from now on.

        A database that is away while the answer comes is waited for, up to ten minutes.

        Raises:
            StorageFault, StorageFull: the answer could not be read, or not be kept.
        """
        question = _question(self._asked.name, brief, count, seed)
        kept = await self._find(question)
        if kept is not None:
            return msgspec.json.decode(kept, type=tuple[ProposedDraft, ...])
        drafts = tuple(await self._asked.propose(brief, count=count, seed=seed))
        await self._keep(question, drafts)
        return drafts

    async def _find(self, question: str) -> bytes | None:
        return await asyncio.wrap_future(
            asyncio.run_coroutine_threadsafe(
                self._house.database.reading(spending.answer, self._room, question), self._loop
            )
        )

    async def _keep(self, question: str, drafts: tuple[ProposedDraft, ...]) -> None:
        made = [draft.provenance for draft in drafts]
        answer = Answer(
            room=self._room,
            kind=DRAFTS,
            model=next((one.model_answered for one in made if one.model_answered), self.name),
            question=question,
            body=msgspec.json.encode(drafts),
            calls=max(sum(one.attempts for one in made), 1),
            tokens=sum(one.tokens or 0 for one in made),
        )
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                await asyncio.wrap_future(
                    asyncio.run_coroutine_threadsafe(
                        self._house.database.writing(spending.keep, answer), self._loop
                    )
                )
            except (StorageFault, StorageFull):
                # It is held on to, since asking again would cost again.
                if self._closed.is_set() or time.monotonic() > until:
                    raise
                await asyncio.sleep(_PAUSE)
            else:
                return


def _question(name: str, brief: DraftingBrief, count: int, seed: int) -> str:
    """Return the SHA-256 of all that a drafter is told; nothing of it can be read from that."""
    corpus = brief.corpus
    told = (
        name,
        count,
        seed,
        corpus.statements,
        corpus.participants,
        sha256(corpus.votes.tobytes()).hexdigest(),
        corpus.labels.tolist(),
        brief.themes,
        brief.embedder,  # says with the statements what the rows are, up to their last bits
    )
    return sha256(msgspec.json.encode(told)).hexdigest()

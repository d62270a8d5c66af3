"""One worker among several: its name, the lead, and what the dead left half done."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Protocol

from ..errors import Fault, FolkmootError
from ..runtime.house import House
from ..store import works
from ..store.lease import SILENCE, Lease, NameTaken, key_of
from ..store.works import UnderWay
from .kinds import ANALYSIS, DRAFTS, EXPORT, KINDS, THEMES
from .system import VERSION

BEAT_SECONDS = 1.0
GRACE_SECONDS = 3.0
"""So long nobody must have seen a worker before it is taken for dead: time to connect again."""
NAME_PATIENCE = SILENCE + 2.0
"""Seconds for which a worker waits for one of its name that may be dead without a word."""
_ORPHANED_SECONDS = 600.0
_SWEEP_EVERY = 60.0
_KEPT_SECONDS = {ANALYSIS: 600.0, THEMES: 600.0, EXPORT: 600.0, DRAFTS: 7 * 86_400.0}
_log = logging.getLogger(__name__)


class Hands(Protocol):
    """What the leader needs of a worker's workflows."""

    def notice(self, standing: Iterable[UnderWay]) -> None:
        """Take note of all that is under way."""
        ...

    async def take_up(self, executors: Iterable[str]) -> None:
        """Put what dead workers left half done back into its queues."""
        ...

    async def forget(self, ids: Iterable[str], *, cancel: bool = False) -> None:
        """Delete records of workflows that ended, or end workflows."""
        ...


class Crew:
    """This worker's place among the others, kept as long as it runs.

    The lease is asked after every second. When it is lost (PostgreSQL was restarted, or this
    process was stopped for longer than it may be silent) it is taken again; meanwhile somebody
    else may have taken up this worker's work, which is harmless: DBOS lets one execution of a
    workflow record steps, and the core refuses a second outcome.
    """

    def __init__(self, house: House, url: str, name: str) -> None:
        self.name = name
        self.life = f"{name}/{secrets.token_hex(4)}"
        """Names this process in the workflows' tables: work is tied to a life, not to a name."""
        self.lost = asyncio.Event()
        """Set when this worker must end: somebody else has its name; see :attr:`refusal`."""
        self.refusal: NameTaken | None = None
        self._house = house
        self._url = url
        self._lease: Lease | None = None
        self._leading = False
        self._stepping_down = False
        self._living: frozenset[int] = frozenset()
        self._beaten = asyncio.Event()
        self._unseen: dict[str, float] = {}
        self._swept = 0.0
        self._troubles: dict[str, str | None] = {}
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="lease")
        self._ending = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def leading(self) -> bool:
        """Tell whether this worker looks after all that is to be done."""
        return self._leading

    async def join(self) -> None:
        """Take the name.

        Raises:
            NameTaken: another worker has it, and let go of it in no time.
            Invalid, StorageFault: the database cannot be reached.
        """
        self._lease = await self._apart(NAME_PATIENCE)

    def start(self, hands: Hands) -> None:
        """Begin to keep the lease and, when leading, to look after the others' work."""
        self._task = asyncio.create_task(self._run(hands), name="folkmoot-crew")

    async def step_down(self) -> None:
        """Let another worker lead; this one is about to leave, and ends what it has begun."""
        self._stepping_down, self._leading = True, False
        if self._lease is not None:
            with suppress(Fault):
                loop = asyncio.get_running_loop()
                await loop.run_in_executor(self._threads, self._lease.step_down)

    async def leave(self) -> None:
        """Give up the name and the lead; what is half done is then for the others."""
        self._ending.set()
        if self._task is not None:
            await self._task
        self._leading = False
        if self._lease is not None:
            await asyncio.get_running_loop().run_in_executor(self._threads, self._lease.close)
        self._threads.shutdown(wait=False)

    async def _apart(self, wait: float) -> Lease:
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: Lease.take(self._url, self.name, self.life, wait=wait)
        )

    async def _run(self, hands: Hands) -> None:
        looking = asyncio.create_task(self._look(hands), name="folkmoot-crew-looking")
        try:
            while not self._ending.is_set():
                try:
                    await self._beat()
                except NameTaken as taken:
                    self.refusal = taken
                    self.lost.set()
                    return
                except Exception as error:  # noqa: BLE001 - the next look may succeed
                    self._say("keep its place", error)
                else:
                    self._say("keep its place", None)
                with suppress(TimeoutError):
                    async with asyncio.timeout(BEAT_SECONDS):
                        await self._ending.wait()
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    async def _look(self, hands: Hands) -> None:
        """Look after the others' work after each beat, if this worker leads.

        It may wait long for the database. The lease, which has to be heard of every second, does
        not wait for it.
        """
        while True:
            await self._beaten.wait()
            self._beaten.clear()
            try:
                if self._leading:
                    await self._look_after(hands, self._living)
                else:
                    self._unseen.clear()
            except Exception as error:  # noqa: BLE001 - the next look may succeed
                self._say("look after the others", error)
            else:
                self._say("look after the others", None)

    def _say(self, what: str, error: Exception | None) -> None:
        """Log what this worker can't do, once, and that it is over."""
        trouble = None
        if error is not None:
            trouble = error.code if isinstance(error, FolkmootError) else type(error).__name__
        if trouble == self._troubles.get(what):
            return
        self._troubles[what] = trouble
        if trouble is None:
            _log.warning("the worker %s could %s again", self.name, what)
        else:
            _log.warning("the worker %s could not %s: %s", self.name, what, trouble)

    async def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        if self._lease is None:
            self._lease = await self._apart(NAME_PATIENCE)
        try:
            self._living = await loop.run_in_executor(self._threads, self._lease.living)
            if not self._stepping_down:
                self._leading = await loop.run_in_executor(self._threads, self._lease.lead)
        except Fault:
            self._leading = False
            lease, self._lease = self._lease, None
            await loop.run_in_executor(self._threads, lease.close)
            raise
        self._beaten.set()

    async def _look_after(self, hands: Hands, living: frozenset[int]) -> None:
        standing = await self._house.database.reading(works.under_way)
        hands.notice(standing)
        dead = self._dead(standing, living)
        if dead:
            await hands.take_up(sorted(dead))
        await hands.forget(_orphans(standing, dead), cancel=True)
        if time.monotonic() - self._swept > _SWEEP_EVERY:
            self._swept = time.monotonic()
            for kind in KINDS:
                kept = _KEPT_SECONDS[kind]
                await hands.forget(await self._house.database.reading(works.ended, (kind,), kept))

    def _dead(self, standing: Iterable[UnderWay], living: frozenset[int]) -> set[str]:
        """Return who has work and has not been seen for the grace."""
        now = time.monotonic()
        executors = {each.executor for each in standing if each.executor is not None}
        absent = {each for each in executors if key_of(each) not in living}
        for back in self._unseen.keys() - absent:
            del self._unseen[back]
        for each in absent:
            self._unseen.setdefault(each, now)
        return {each for each, since in self._unseen.items() if now - since >= GRACE_SECONDS}


def _orphans(standing: Iterable[UnderWay], dead: set[str]) -> list[str]:
    """Return what was left by workers of another version, and can't be gone on with by these."""
    return [
        each.id
        for each in standing
        if each.version != VERSION
        and (each.executor in dead if each.executor else each.seconds > _ORPHANED_SECONDS)
    ]

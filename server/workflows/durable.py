"""Long work as durable workflows (DBOS): killed at any moment, it goes on where it was.

A workflow is named by its room and what it is about, so that asking twice costs once. Steps take
and return ids and digests; texts stay in our store, where they can be erased. The workflows' own
database is a second SQLite file, or a schema in the PostgreSQL database; see :mod:`.system`. DBOS
keeps one registry a process, and so there is one :class:`Durable` at a time.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Protocol, TypeAlias, TypeVar

from dbos import DBOS, SetEnqueueOptions, SetWorkflowID, error

from ..errors import Fault
from ..ids import LogId
from ..store.works import UnderWay
from .bench import Bench
from .bundles import Bundles
from .kinds import kind_and_room
from .system import System

T = TypeVar("T")
Flow: TypeAlias = Callable[..., str]
"""A workflow; its first argument is its name."""

_STOP_SECONDS = 8.0
_MOST_ATTEMPTS = 100
_RECOVERY_SECONDS = 10.0
_UNDER_WAY = ("PENDING", "ENQUEUED")


class Interrupted(BaseException):
    """The process is stopping: a workflow that gets this stays pending till the next start.

    Not an ``Exception``, because DBOS records those as the workflow's outcome.
    """


class _Cancellable(Protocol):
    def cancel(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Finished:
    """When some work last ended (monotonic seconds), and how long it took."""

    at: float
    took: float


class Durable:
    """The workflows of this process; started after the house and stopped before it."""

    def __init__(self, bench: Bench, bundles: Bundles, system: System) -> None:
        self._bench = bench
        self.bundles = bundles
        self._system = system
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending = threading.Event()
        self._stopping = threading.Event()
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="durable")
        self._guard = threading.Lock()
        self._begun: set[str] = set()
        self._active: dict[int, str] = {}
        self._elsewhere: dict[tuple[str, str], float] = {}
        self._last: dict[tuple[str, str], Finished] = {}
        self._idle = threading.Event()
        self._idle.set()
        self._spent: list[str] = []
        self._waited_for: set[_Cancellable] = set()
        self._started = 0.0

    async def start(self) -> None:
        """Launch DBOS; what a killed process left half done goes on.

        Raises:
            Fault: another one is running in this process.
            StorageFault: the workflows' tables are not there or cannot be reached.
        """
        if _running.now is not None:
            raise Fault("The workflows are running in this process already.")
        self._loop = asyncio.get_running_loop()
        _running.now = self
        self._started = time.monotonic()
        try:
            await self._loop.run_in_executor(self._threads, self._system.launch)
        except BaseException:
            _running.now = None
            raise

    async def stop(self, grace: float = 0.0) -> None:
        """Begin no step any more, let those under way end within ``grace`` seconds, close DBOS.

        What is interrupted then goes on at the next start, or in another worker.
        """
        if _running.now is not self:
            return
        loop = asyncio.get_running_loop()
        self._ending.set()
        if grace:
            await loop.run_in_executor(self._threads, self._idle.wait, grace)
        self._stopping.set()
        self._bench.close()
        with self._guard:
            waiting = bool(self._active or self._begun)
            for each in self._waited_for:
                each.cancel()
        if waiting:
            await loop.run_in_executor(self._threads, self._idle.wait, _STOP_SECONDS)
        # A thread of its own: DBOS replaces the loop's default executor by one that it now closes.
        done = asyncio.Event()

        def destroy() -> None:
            DBOS.destroy(workflow_completion_timeout_sec=1 if waiting else 0)
            with suppress(RuntimeError):  # nobody waits any more
                loop.call_soon_threadsafe(done.set)

        threading.Thread(target=destroy, name="dbos-destroy", daemon=True).start()
        with suppress(TimeoutError):  # its database is gone; what it keeps waits for the next start
            async with asyncio.timeout(_STOP_SECONDS):
                await done.wait()
        self._threads.shutdown(wait=False)
        _running.now = None

    def busy(self, kind: str, room: LogId) -> bool:
        """Tell whether work of a kind is under way for a room, as far as is known here."""
        with self._guard:
            if (kind, room) in self._elsewhere:
                return True
            here = (*self._begun, *self._active.values())
            return any(kind_and_room(name) == (kind, room) for name in here)

    def last(self, kind: str, room: LogId) -> Finished | None:
        """Return when work of a kind last ended for a room, as far as is known here."""
        with self._guard:
            return self._last.get((kind, room))

    def notice(self, standing: Iterable[UnderWay]) -> None:
        """Take note of all that is under way in a shared system, and of what is not any more."""
        now = time.monotonic()
        seen = {kind_and_room(each.id) for each in standing}
        with self._guard:
            for ended in self._elsewhere.keys() - seen:
                began = self._elsewhere.pop(ended)
                self._last[ended] = Finished(now, now - began)
            for each in seen:
                self._elsewhere.setdefault(each, now)

    async def take_up(self, executors: Iterable[str]) -> None:
        """Put what dead workers left half done back into its queues."""
        await self._apart(lambda: DBOS._recover_pending_workflows(list(executors)))  # noqa: SLF001 - offered otherwise to DBOS' paid service alone

    async def forget(self, ids: Iterable[str], *, cancel: bool = False) -> None:
        """Delete the records of workflows that ended; with ``cancel`` end them instead."""
        gone = list(ids)
        if gone:
            await self._apart(
                lambda: DBOS.cancel_workflows(gone) if cancel else DBOS.delete_workflows(gone)
            )

    async def _apart(self, work: Callable[[], object]) -> None:
        if self._loop is not None and not self._ending.is_set():
            await self._loop.run_in_executor(self._threads, work)

    async def begin(
        self, name: str, flow: Flow, *about: object, attempts: int = _MOST_ATTEMPTS
    ) -> bool:
        """Start ``flow`` under the first name that is free; False if all are used up.

        Nothing starts where one of that name is under way. In a shared system it is put into the
        queue of its kind, unless something of that kind is under way for the room.
        """
        if self._loop is None or self._ending.is_set():
            return True
        return await self._loop.run_in_executor(
            self._threads, self._begin_here, name, flow, about, attempts
        )

    def _begin_here(self, name: str, flow: Flow, about: tuple[object, ...], attempts: int) -> bool:
        for attempt in range(attempts):
            numbered = f"{name}:{attempt}"
            status = DBOS.get_workflow_status(numbered)
            if status is None:
                with SetWorkflowID(numbered):
                    if self._system.shared:
                        self._enqueue(name, flow, about)
                    else:
                        self._start(name, flow, about)
                return True
            if status.status in _UNDER_WAY and self._may_come(name):
                return True
        return False

    def _enqueue(self, name: str, flow: Flow, about: tuple[object, ...]) -> None:
        kind, room = kind_and_room(name)
        with self._guard:
            self._elsewhere.setdefault((kind, room), time.monotonic())
        # The database refuses a second one of the kind and room, whoever has looked at what.
        with (
            suppress(error.DBOSQueueDeduplicatedError),
            SetEnqueueOptions(deduplication_id=room),
        ):
            DBOS.enqueue_workflow(kind, flow, name, *about)

    def _start(self, name: str, flow: Flow, about: tuple[object, ...]) -> None:
        self._forget_spent()
        with self._guard:
            self._begun.add(name)
        try:
            DBOS.start_workflow(flow, name, *about)
        except BaseException:
            with self._guard:
                self._begun.discard(name)
            raise

    def _forget_spent(self) -> None:
        """Delete what ended well and is not asked after again; a busy room has many a minute."""
        with self._guard:
            spent, self._spent = self._spent, []
        for each in spent:
            status = DBOS.get_workflow_status(each)
            if status is not None and status.status in _UNDER_WAY:
                with self._guard:
                    self._spent.append(each)
            elif status is not None and status.status == "SUCCESS":
                DBOS.delete_workflow(each)

    def _may_come(self, name: str) -> bool:
        """What is pending is running here, or was found at the start and is about to be.

        In a shared system somebody has it, or whoever leads takes it from the dead.
        """
        if self._system.shared:
            return True
        with self._guard:
            if name in self._begun or name in self._active.values():
                return True
            return time.monotonic() - self._started < _RECOVERY_SECONDS

    def on_loop(self, work: Coroutine[object, object, T]) -> T:
        """Do ``work`` on the event loop of the house and wait for it on this thread.

        Raises:
            Interrupted: the process is stopping.
        """
        if self._loop is None or self._stopping.is_set():
            work.close()
            raise Interrupted
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        with self._guard:
            self._waited_for.add(future)
        try:
            return future.result()
        except BaseException:
            if self._stopping.is_set():
                raise Interrupted from None
            raise
        finally:
            with self._guard:
                self._waited_for.discard(future)

    @contextmanager
    def counted(self, name: str, *, kept: bool = False) -> Iterator[None]:
        """Hold a workflow as under way, so that stopping waits for it to notice.

        Its record is ``kept`` where its name may be asked after later.
        """
        began = time.monotonic()
        here = threading.get_ident()
        with self._guard:
            self._begun.discard(name)
            self._active[here] = name
            self._idle.clear()
        try:
            yield
        finally:
            ended = time.monotonic()
            with self._guard:
                self._active.pop(here, None)
                spent = None if kept or self._system.shared else DBOS.workflow_id
                if spent is not None:
                    self._spent.append(spent)
                if not self._active:
                    self._idle.set()
                self._last[kind_and_room(name)] = Finished(ended, ended - began)

    def may_begin(self) -> None:
        """Let a step begin.

        Raises:
            Interrupted: the process is stopping; the step begins elsewhere, or at the next start.
        """
        if self._ending.is_set():
            raise Interrupted

    @property
    def ending(self) -> threading.Event:
        """Set once the process is stopping."""
        return self._ending

    @property
    def bench(self) -> Bench:
        """Where the steps are done."""
        return self._bench


class _Running:
    """Whose workflows DBOS runs now; its registry is the process's, and so is this."""

    now: Durable | None = None


_running = _Running()


def current() -> Durable:
    """Return whose workflows run in this process.

    Raises:
        Interrupted: nobody's; a workflow that is recovered then waits for the next start.
    """
    if _running.now is None:
        raise Interrupted
    return _running.now


def read_status(name: str) -> str | None:
    """Return how a workflow stands (``PENDING``, ``SUCCESS``, ``ERROR``), None if unknown."""
    status = DBOS.get_workflow_status(name)
    return None if status is None else status.status


def steps_of(name: str) -> tuple[str, ...]:
    """Return the steps of a workflow that are done, in order: for operators and tests."""
    return tuple(str(step["function_name"]) for step in DBOS.list_workflow_steps(name))

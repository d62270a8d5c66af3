"""Long work as durable workflows (DBOS): killed at any moment, it goes on where it was.

A workflow is named by its room and what it is about, so that asking twice costs once. Steps take
and return ids and digests; texts stay in our store, where they can be erased. The workflows' own
database is a second SQLite file. DBOS keeps one registry a process, and so there is one
:class:`Durable` at a time.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, ParamSpec, Protocol, TypeVar

from dbos import DBOS, DBOSConfig, SetWorkflowID

from ..errors import Fault
from ..ids import LogId
from ..store.held import for_its_owner
from .bench import Bench
from .bundles import Bundles

P = ParamSpec("P")
T = TypeVar("T")

DATABASE: Final = "workflows.db"
_EXECUTOR = "folkmoot"
"""One process holds the database, so there is one executor: it takes up what a dead one left."""
_VERSION = "1"
"""Raised when a workflow's steps change in a way that a half-done one could not go on with."""
_STOP_SECONDS = 8.0
_POLLING_SECONDS = 0.5
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

    def __init__(self, bench: Bench, bundles: Bundles, data_dir: Path) -> None:
        self._bench = bench
        self.bundles = bundles
        self._path = data_dir / DATABASE
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = threading.Event()
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="durable")
        self._guard = threading.Lock()
        self._active: dict[str, float] = {}
        self._last: dict[str, Finished] = {}
        self._idle = threading.Event()
        self._spent: list[str] = []
        self._waited_for: set[_Cancellable] = set()
        self._started = 0.0

    async def start(self) -> None:
        """Launch DBOS; what a killed process left half done goes on at once.

        Raises:
            Fault: another one is running in this process.
        """
        if _running.now is not None:
            raise Fault("The workflows are running in this process already.")
        self._loop = asyncio.get_running_loop()
        _running.now = self
        try:
            await self._loop.run_in_executor(self._threads, self._launch)
        except BaseException:
            _running.now = None
            raise

    def _launch(self) -> None:
        for_its_owner(self._path)
        _quieten()
        DBOS(
            config=DBOSConfig(
                name="folkmoot",
                system_database_url=f"sqlite:///{self._path}",
                executor_id=_EXECUTOR,
                application_version=_VERSION,
                enable_otlp=False,
                log_level="ERROR",
                notification_listener_polling_interval_sec=_POLLING_SECONDS,
            )
        )
        _quieten()
        self._started = time.monotonic()
        DBOS.launch()

    async def stop(self) -> None:
        """Interrupt what is under way, to go on at the next start, and close DBOS."""
        if _running.now is not self:
            return
        self._stopping.set()
        self._bench.close()
        with self._guard:
            waiting = bool(self._active)
            for each in self._waited_for:
                each.cancel()
        if waiting:
            await asyncio.get_running_loop().run_in_executor(
                self._threads, self._idle.wait, _STOP_SECONDS
            )
        # A thread of its own: DBOS replaces the loop's default executor by one that it now closes.
        done = asyncio.Event()
        loop = asyncio.get_running_loop()

        def destroy() -> None:
            DBOS.destroy(workflow_completion_timeout_sec=1 if self._active else 0)
            loop.call_soon_threadsafe(done.set)

        threading.Thread(target=destroy, name="dbos-destroy", daemon=True).start()
        async with asyncio.timeout(_STOP_SECONDS):
            await done.wait()
        self._threads.shutdown(wait=False)
        _running.now = None

    def busy(self, kind: str, room: LogId) -> bool:
        """Tell whether work of a kind is under way for a room in this process."""
        prefix = f"{kind}:{room}:"
        with self._guard:
            return any(name.startswith(prefix) for name in self._active)

    def last(self, kind: str, room: LogId) -> Finished | None:
        """Return when work of a kind last ended for a room here, and how long it took."""
        with self._guard:
            return self._last.get(f"{kind}:{room}")

    async def begin(
        self, name: str, start: Callable[[], object], attempts: int = _MOST_ATTEMPTS
    ) -> bool:
        """Start a workflow under the first name that is free; False if all are used up.

        Nothing starts where one of that name is under way.
        """
        if self._loop is None or self._stopping.is_set():
            return True
        return await self._loop.run_in_executor(
            self._threads, self._begin_here, name, start, attempts
        )

    def _begin_here(self, name: str, start: Callable[[], object], attempts: int) -> bool:
        for attempt in range(attempts):
            numbered = f"{name}:{attempt}"
            status = DBOS.get_workflow_status(numbered)
            if status is None:
                self._start(name, numbered, start)
                return True
            if status.status in _UNDER_WAY and self._may_come(name):
                return True
        return False

    def _start(self, name: str, numbered: str, start: Callable[[], object]) -> None:
        self._forget_spent()
        with self._guard:
            self._active[name] = time.monotonic()
        try:
            with SetWorkflowID(numbered):
                start()
        except BaseException:
            with self._guard:
                self._active.pop(name, None)
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
        """What is pending is running here, or was found at the start and is about to be."""
        with self._guard:
            return name in self._active or time.monotonic() - self._started < _RECOVERY_SECONDS

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
        with self._guard:
            self._active[name] = began
            self._idle.clear()
        try:
            yield
        finally:
            ended = time.monotonic()
            with self._guard:
                self._active.pop(name, None)
                if not kept and (spent := DBOS.workflow_id) is not None:
                    self._spent.append(spent)
                if not self._active:
                    self._idle.set()
                self._last[name.rpartition(":")[0]] = Finished(ended, ended - began)

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


def _quieten() -> None:
    logger = logging.getLogger("dbos")
    logger.setLevel(logging.ERROR)
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
    logger.addHandler(logging.NullHandler())
    logger.propagate = False


def read_status(name: str) -> str | None:
    """Return how a workflow stands (``PENDING``, ``SUCCESS``, ``ERROR``), None if unknown."""
    status = DBOS.get_workflow_status(name)
    return None if status is None else status.status


def steps_of(name: str) -> tuple[str, ...]:
    """Return the steps of a workflow that are done, in order: for operators and tests."""
    return tuple(str(step["function_name"]) for step in DBOS.list_workflow_steps(name))

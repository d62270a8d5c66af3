"""Long arithmetic in a process of its own, so that the event loop never waits for it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import Protocol, TypeVar

import numpy as np

from ..deliberation.published import Moment, PublishedAnalysis, Smoothing, compute
from ..deliberation.votes import EMPTY
from ..errors import Fault
from ..runtime.compute import spread

T = TypeVar("T")
_NICENESS = 10


class CrunchFailed(Fault):
    """The process that computes ended before it answered, or could not do its work."""

    code = "computation-failed"


class Cruncher(Protocol):
    """Computes an analysis; blocks the calling thread, never an event loop."""

    def analysis(self, moment: Moment, previous: Smoothing | None) -> PublishedAnalysis:
        """Return the published analysis of a moment; raises :class:`CrunchFailed`."""
        ...

    def close(self) -> None:
        """Let go of what is held; a computation under way fails."""
        ...


class HereCruncher:
    """A :class:`Cruncher` in the calling thread, and in ``processes`` of their own for many votes.

    For the command line and for tests; ``processes`` None: as many as there are cores. ``shuffles``
    as in ``published.compute``.
    """

    def __init__(self, processes: int | None = None, shuffles: int | None = None) -> None:
        self._processes = processes
        self._shuffles = shuffles

    def analysis(self, moment: Moment, previous: Smoothing | None) -> PublishedAnalysis:
        """Return the published analysis of a moment."""
        votes = int(np.count_nonzero(moment.votes != EMPTY))
        with spread(votes, processes=self._processes) as mapper:
            return compute(moment, previous=previous, shuffles=self._shuffles, mapper=mapper)

    def close(self) -> None:
        """Nothing is held."""


class ProcessCruncher:
    """A :class:`Cruncher` with one worker process, begun when first needed and asked in turn.

    The worker yields to everybody else on the machine (niceness 10), uses one thread, and ends by
    itself when this process is gone.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._guard = threading.Lock()
        self._closed = False
        self._process: multiprocessing.process.BaseProcess | None = None
        self._line: Connection | None = None

    @property
    def pid(self) -> int | None:
        """The worker's process id while there is one."""
        process = self._process
        return process.pid if process is not None and process.is_alive() else None

    def analysis(self, moment: Moment, previous: Smoothing | None) -> PublishedAnalysis:
        """Return the published analysis of a moment; see :class:`Cruncher`."""
        with self._turn:
            line = self._ready()
            try:
                line.send((moment, previous))
                found = line.recv()
            except (OSError, EOFError) as broken:
                self._end()
                raise CrunchFailed("The process that computes ended early.") from broken
        if not isinstance(found, PublishedAnalysis):
            raise CrunchFailed(f"The computation failed ({found}).")
        return found

    def close(self) -> None:
        """End the worker; whoever waits for it gets :class:`CrunchFailed`."""
        self._closed = True
        with self._guard:
            if self._process is not None:
                self._process.kill()
        with self._turn:
            self._end()

    def _ready(self) -> Connection:
        with self._guard:
            if self._closed:
                raise CrunchFailed("The server is going down.")
            if self._line is not None and self._process is not None and self._process.is_alive():
                return self._line
            context = multiprocessing.get_context("spawn")
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(theirs,), name="cruncher", daemon=True)
            # Ctrl+C reaches the whole group; when this one is done is for its parent to say. The
            # tracker must be there before: starting it unblocks the signal again.
            resource_tracker.ensure_running()
            kept = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                process.start()
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, kept)
            theirs.close()
            self._process, self._line = process, ours
            return ours

    def _end(self) -> None:
        with self._guard:
            process, self._process = self._process, None
            line, self._line = self._line, None
        if line is not None:
            line.close()
        if process is not None:
            process.kill()
            process.join()
            process.close()


def _work(line: Connection) -> None:
    os.nice(_NICENESS)
    here = HereCruncher(processes=1)
    while True:
        try:
            moment, previous = line.recv()
        except (EOFError, OSError):
            return
        line.send(_answer(lambda: here.analysis(moment, previous)))  # noqa: B023 - called at once


def _answer(work: Callable[[], T]) -> T | str:
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - the other side raises it, without anybody's words
        return type(error).__name__

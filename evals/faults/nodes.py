"""Servers and workers as processes that are killed, paused and started again.

A node is looked after as a service manager would: where it ends, it is started again after a
moment, until it is no longer wanted. How each of its lives ended is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from evals.performance.process import HOST, ROOT, CommandFailed, environment

_RESTART_AFTER = 0.3
_READY_WITHIN = 60.0


@dataclass(frozen=True)
class Ending:
    """How one life of a node ended."""

    at: float
    code: int
    was_ready: bool
    asked: bool
    """Whether the test itself ended it."""


class Node:
    """One process of the installation, with a log of its own."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        folder: Path,
        settings: Mapping[str, str],
        *,
        port: int = 0,
        says: str = "",
        program: Sequence[str] = ("-m", "server"),
    ) -> None:
        """``port``: where ``/readyz`` is asked. ``says``: what one without a port prints then.

        ``program``: what stands between the interpreter and ``arguments``.
        """
        self.name = name
        self.port = port
        self.folder = folder
        self.endings: list[Ending] = []
        self.starts: list[float] = []
        """Seconds from each start to being ready."""
        self._says = says
        self._born = 0
        self._arguments = (*program, *arguments)
        self._settings = dict(settings)
        self._process: asyncio.subprocess.Process | None = None
        self._wanted = False
        self._asked = False
        self._ready = asyncio.Event()
        self._hold = asyncio.Event()
        self._hold.set()
        self._keeper: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        """The process's number; 0 where there is none."""
        return self._process.pid if self._process is not None and self.running else 0

    @property
    def log(self) -> Path:
        """The file with everything that it printed, in all its lives."""
        return self.folder / f"{self.name}.log"

    def said(self) -> str:
        """Return what it printed, in all its lives."""
        try:
            return self.log.read_text("utf-8", "replace")
        except FileNotFoundError:
            return ""

    async def start(self, patience: float = _READY_WITHIN) -> float:
        """Start it, look after it, and return after how many seconds it was ready.

        Raises:
            CommandFailed: it is not ready in time; what it said last is in the message.
        """
        begun = monotonic()
        self._wanted = True
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep(), name=f"keeper of {self.name}")
        await self.ready(patience)
        return monotonic() - begun

    async def ready(self, patience: float = _READY_WITHIN) -> None:
        """Wait until it is ready, in this life or the next.

        Raises:
            CommandFailed: it is not in time.
        """
        try:
            async with asyncio.timeout(patience):
                await self._ready.wait()
        except TimeoutError:
            raise CommandFailed(
                f"{self.name} is not ready after {patience:.0f} s: {self.said()[-1500:]}"
            ) from None

    async def kill(self, down: float = 0.0) -> None:
        """End it at once with all its children; it is started again after ``down`` seconds."""
        self._hold.clear()
        try:
            await self._end(signal.SIGKILL)
            await asyncio.sleep(down)
        finally:
            self._hold.set()

    async def restart(self, patience: float = _READY_WITHIN) -> tuple[int, float]:
        """End it with SIGTERM and wait until it is back.

        Returns its exit code, and the seconds that it took to end.
        """
        begun = monotonic()
        code = await self._end(signal.SIGTERM)
        took = monotonic() - begun
        await asyncio.sleep(0)
        await self.ready(patience)
        return code, took

    async def stop(self, grace: float = 20.0) -> int:
        """Let it end with SIGTERM, for good; after ``grace`` seconds it is killed. Its exit code.

        A process that had to be killed has -9.
        """
        self._wanted = False
        self.signal(signal.SIGCONT)
        try:
            async with asyncio.timeout(grace):
                code = await self._end(signal.SIGTERM)
        except TimeoutError:
            code = await self._end(signal.SIGKILL)
        await self._rest()
        return code

    async def destroy(self) -> None:
        """End it at once, for good."""
        self._wanted = False
        await self._end(signal.SIGKILL)
        await self._rest()

    def signal(self, what: signal.Signals) -> None:
        """Send a signal to it and its children, if it is there."""
        if self.running and self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, what)

    async def _rest(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
            self._keeper = None

    async def _end(self, how: signal.Signals) -> int:
        process = self._process
        if process is None or process.returncode is not None:
            return 0
        self._asked = True
        self._ready.clear()
        if how is signal.SIGKILL:
            self.signal(how)
        else:
            process.send_signal(how)
        code = await process.wait()
        self._leave_nothing(process.pid)
        return code

    async def _keep(self) -> None:
        while self._wanted:
            await self._hold.wait()
            self._asked = False
            begun = monotonic()
            process = await self._spawn()
            watching = asyncio.create_task(self._watch(process, begun))
            try:
                code = await process.wait()
            finally:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
            was_ready = self._ready.is_set()
            self._ready.clear()
            self._leave_nothing(process.pid)
            self.endings.append(Ending(monotonic(), code, was_ready, self._asked))
            await asyncio.sleep(_RESTART_AFTER)

    @staticmethod
    def _leave_nothing(leader: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(leader, signal.SIGKILL)

    async def _spawn(self) -> asyncio.subprocess.Process:
        self._born = len(self.said())
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *self._arguments,
                cwd=ROOT,
                env=environment(self.folder, self._settings),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self._process

    async def _watch(self, process: asyncio.subprocess.Process, begun: float) -> None:
        while process.returncode is None:
            if await self._answers():
                self.starts.append(monotonic() - begun)
                self._ready.set()
                return
            await asyncio.sleep(0.05)

    async def _answers(self) -> bool:
        if not self.port:
            return self._says in self.said()[self._born :]
        try:
            async with asyncio.timeout(3):
                reader, writer = await asyncio.open_connection(HOST, self.port)
                try:
                    writer.write(b"GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
                    return b" 200 " in await reader.readline()
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return False

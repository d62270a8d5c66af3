"""Servers that start in a moment: forked from a process that has imported the program already.

Importing takes seconds of processor time, and a test that starts a server twenty times would spend
most of it there. A child of ``forking`` runs the same command as ``python -m server serve``, in a
session and with files of its own; killed, it is as gone as any process.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from time import monotonic

from .process import ROOT, CommandFailed, ServerProcess, environment, kill_session

_NAME = "evals.performance.forking"


class Nursery:
    """The process that has imported the program; use it as an asynchronous context."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Nursery:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            _NAME,
            cwd=ROOT,
            env=environment(self._data_dir),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            await self._process.wait()

    async def fork(self, port: int, log: Path) -> int:
        """Start a server and return its process number.

        Raises:
            CommandFailed: the nursery has ended.
        """
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise CommandFailed("the nursery is not open")
        process.stdin.write(json.dumps({"port": port, "log": str(log)}).encode() + b"\n")
        answer = await process.stdout.readline()
        if not answer.strip().isdigit():
            raise CommandFailed("the nursery has ended")
        return int(answer)


class ForkedServer(ServerProcess):
    """A server that a nursery starts; it is there to be killed."""

    def __init__(self, nursery: Nursery, like: ServerProcess) -> None:
        """Take the data directory and the port of ``like``, which must not run meanwhile."""
        super().__init__(like.data_dir)
        self.port = like.port
        self._nursery = nursery
        self._forked = 0

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return bool(self._forked) and Path(f"/proc/{self._forked}").exists()

    @property
    def pid(self) -> int:
        """The process's number; 0 where there is none."""
        return self._forked

    async def start(self, *options: str, patience: float = 30.0) -> float:
        """Start it, wait until it is ready, and return after how many seconds it was.

        Raises:
            CommandFailed: it ended instead, or was not ready in time.
        """
        if options:
            raise CommandFailed("a forked server takes no options")
        begun = monotonic()
        self._forked = await self._nursery.fork(self.port, self.data_dir / "server.log")
        await self._until_ready(begun, patience)
        return monotonic() - begun

    async def kill(self) -> None:
        """End it at once, and wait until nothing of it is left."""
        if self._forked:
            kill_session(self._forked)
            while self.running:  # noqa: ASYNC110 - the kernel tells nobody but its parent
                await asyncio.sleep(0.005)
            self._forked = 0

    async def stop(self) -> int:
        """It can only be killed.

        Raises:
            CommandFailed: always.
        """
        raise CommandFailed("a forked server can only be killed")

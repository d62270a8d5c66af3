"""A server in a process of its own, with its own data, that can be killed and started again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import monotonic

ROOT = Path(__file__).resolve().parent.parent.parent
HOST = "127.0.0.1"
NO_LIMITS = {
    "FOLKMOOT_STATEMENTS_PER_HOUR": "0",
    "FOLKMOOT_VOTES_PER_HOUR": "0",
    "FOLKMOOT_JOINS_PER_HOUR": "0",
}


def free_port() -> int:
    """Return a port on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def environment(data_dir: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a process that keeps its data in ``data_dir``, without limits."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FOLKMOOT_")}
    return {
        **kept,
        **NO_LIMITS,
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "FOLKMOOT_EMBEDDER": "lexical",
        "FOLKMOOT_DATA_DIR": str(data_dir),
        **(extra or {}),
    }


class CommandFailed(Exception):
    """A command of the program did not do what it says; what it said is in the message."""


async def command(data_dir: Path, *arguments: str, extra: Mapping[str, str] | None = None) -> str:
    """Run ``python -m server …`` to its end and return what it printed; ``extra``: settings.

    Raises:
        CommandFailed: its exit code is not 0.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "server",
        *arguments,
        cwd=ROOT,
        env=environment(data_dir, extra),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    if process.returncode != 0:
        raise CommandFailed(f"{' '.join(arguments)}: {process.returncode}: {err.decode().strip()}")
    return out.decode()


def kill_session(leader: int) -> None:
    """Kill a process that was started in a session of its own, and its workers with it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


class ServerProcess:
    """``python -m server serve`` on a port of its own; killed, it can be started again."""

    def __init__(
        self,
        data_dir: Path,
        *,
        prefix: Sequence[str] = (),
        extra: Mapping[str, str] | None = None,
    ) -> None:
        """``prefix`` stands before the interpreter, for a tracer."""
        self.data_dir = data_dir
        self.port = free_port()
        self._prefix = tuple(prefix)
        self._extra = extra
        self._process: asyncio.subprocess.Process | None = None

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        """The process's number; 0 where there is none."""
        return self._process.pid if self._process is not None else 0

    async def start(self, *options: str, patience: float = 30.0) -> float:
        """Start it, wait until it is ready, and return after how many seconds it was.

        Raises:
            CommandFailed: it ended instead, or was not ready in time.
        """
        begun = monotonic()
        with (self.data_dir / "server.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._prefix,
                sys.executable,
                "-m",
                "server",
                "serve",
                "--host",
                HOST,
                "--port",
                str(self.port),
                *options,
                cwd=ROOT,
                env=environment(self.data_dir, self._extra),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        await self._until_ready(begun, patience)
        return monotonic() - begun

    async def _until_ready(self, begun: float, patience: float) -> None:
        while monotonic() - begun < patience:
            if not self.running:
                raise CommandFailed(f"the server ended: {self.said()}")
            if await self._ready():
                return
            await asyncio.sleep(0.02)
        await self.kill()
        raise CommandFailed(f"the server was not ready in {patience} s: {self.said()}")

    async def _ready(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection(HOST, self.port)
        except OSError:
            return False
        try:
            writer.write(b"GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            async with asyncio.timeout(5):
                return b" 200 " in (await reader.readline())
        except (OSError, TimeoutError):
            return False
        finally:
            writer.close()

    def said(self) -> str:
        """Return the end of what it printed."""
        with contextlib.suppress(FileNotFoundError):
            return (self.data_dir / "server.log").read_text("utf-8", "replace")[-2000:]
        return ""

    async def kill(self) -> None:
        """End it at once, as a power cut would: nothing of it runs any more."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """Ask it to end, and return its exit code."""
        return await self._end(signal.SIGTERM)

    async def _end(self, how: signal.Signals) -> int:
        process = self._process
        if process is None:
            return 0
        if process.returncode is None:
            if how is signal.SIGKILL:
                kill_session(process.pid)
            else:
                process.send_signal(how)
        return await process.wait()


class WorkerProcess:
    """``python -m server worker`` beside servers on PostgreSQL."""

    def __init__(self, data_dir: Path, *, extra: Mapping[str, str]) -> None:
        self._data_dir = data_dir
        self._extra = extra
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it; it takes up work when it is ready."""
        with (self._data_dir / "worker.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "server", "worker"),
                cwd=ROOT,
                env=environment(self._data_dir, self._extra),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def stop(self, patience: float = 10.0) -> None:
        """Ask it to end, and end it after so many seconds."""
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await process.wait()
            kill_session(process.pid)
        await process.wait()

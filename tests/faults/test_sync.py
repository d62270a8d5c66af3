"""A trace of the server's system calls: no answer leaves before the log is on disk."""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from evals.faults.killing import found
from evals.performance.process import ServerProcess

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed"),
]

VOTES = 20
TRACED = (
    "fdatasync",
    "fsync",
    "write",
    "writev",
    "sendto",
    "sendmsg",
    "read",
    "recvfrom",
    "recvmsg",
)
_CALL = re.compile(r"^(?P<thread>\d+)\s+(?P<at>[\d.]+) (?P<name>\w+)\((?P<rest>.*)$")
_RESUMED = re.compile(
    r"^(?P<thread>\d+)\s+(?P<at>[\d.]+) <\.\.\. (?P<name>\w+) resumed>(?P<rest>.*)$"
)


@dataclass(frozen=True)
class Call:
    """A system call that has ended, in the order of the trace."""

    name: str
    what: str


def _calls(trace: str) -> list[Call]:
    """Return the calls in the order in which they took effect.

    A sync counts when it has returned, an answer when it begins to be sent.
    """
    begun: dict[tuple[str, str], str] = {}
    calls: list[Call] = []
    for line in trace.splitlines():
        if (found := _CALL.match(line)) is not None:
            unfinished = line.endswith("<unfinished ...>")
            if unfinished and "sync" in found["name"]:
                begun[found["thread"], found["name"]] = found["rest"]
            else:
                calls.append(Call(found["name"], found["rest"]))
        elif (found := _RESUMED.match(line)) is not None:
            what = begun.pop((found["thread"], found["name"]), "") + found["rest"]
            calls.append(Call(found["name"], what))
    return calls


@asynccontextmanager
async def traced(server: ServerProcess, trace: Path) -> AsyncIterator[None]:
    """Write the server's system calls to ``trace`` meanwhile."""
    tracer = await asyncio.create_subprocess_exec(
        *("strace", "-f", "-ttt", "-y", "-s", "300", "-e", f"trace={','.join(TRACED)}"),
        *("-o", str(trace), "-p", str(server.pid)),
        stderr=asyncio.subprocess.PIPE,
    )
    assert tracer.stderr is not None
    said = (await tracer.stderr.readline()).decode()
    if "attached" not in said:
        pytest.skip(f"strace may not look at a process here: {said.strip()}")
    draining = asyncio.create_task(tracer.stderr.read())
    yield
    tracer.send_signal(signal.SIGINT)
    await tracer.wait()
    await draining


async def test_every_receipt_follows_a_sync_of_the_log_that_follows_its_request(
    tmp_path: Path,
) -> None:
    invite = await found(tmp_path)
    trace = tmp_path / "trace"
    server = ServerProcess(tmp_path)
    await server.start()
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
            joined = (
                await client.post("/api/join", json={"invite": invite, "client": "script"})
            ).json()
            me = {"authorization": f"Bearer {joined['token']}"}
            room = f"/api/rooms/{joined['rooms'][0]['id']}"
            written = await client.post(f"{room}/statements", json={"text": "Label it"}, headers=me)
            async with traced(server, trace):
                for number in range(VOTES):
                    choice = ("agree", "disagree")[number % 2]
                    vote = {"statement_id": written.json()["statement_id"], "choice": choice}
                    answer = await client.post(f"{room}/votes", json=vote, headers=me)
                    assert answer.status_code == 201
    finally:
        await server.stop()
    asked = answered = 0
    synced_since_request = False
    for call in _calls(trace.read_text("utf-8", "replace")):
        if f"POST {room}/votes" in call.what:
            asked += 1
            synced_since_request = False
        elif call.name in ("fdatasync", "fsync") and "folkmoot.db-wal" in call.what:
            synced_since_request = True
        elif "HTTP/1.1 201" in call.what:
            answered += 1
            assert synced_since_request, f"answer {answered} left before the log was on disk"
            synced_since_request = False
    assert asked == answered == VOTES, "the trace does not show every request and answer"

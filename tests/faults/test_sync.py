"""A trace of the server's system calls: no answer leaves before the log is on disk."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from evals.faults import found
from evals.performance.process import ServerProcess

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed"),
]

VOTES = 20
_CALL = re.compile(r"^(?P<thread>\d+)\s+(?P<at>[\d.]+) (?P<name>\w+)\((?P<rest>.*)$")
_RESUMED = re.compile(r"^(?P<thread>\d+)\s+(?P<at>[\d.]+) <\.\.\. (?P<name>\w+) resumed>")


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
        elif (found := _RESUMED.match(line)) is not None and "sync" in found["name"]:
            calls.append(Call(found["name"], begun.pop((found["thread"], found["name"]))))
    return calls


async def test_every_receipt_follows_a_sync_of_the_log_that_follows_its_request(
    tmp_path: Path,
) -> None:
    invite = await found(tmp_path)
    trace = tmp_path / "trace"
    traced = "trace=fdatasync,fsync,write,writev,sendto,sendmsg,pwrite64,read,recvfrom,recvmsg"
    server = ServerProcess(
        tmp_path, prefix=("strace", "-f", "-ttt", "-y", "-s", "400", "-e", traced, "-o", str(trace))
    )
    await server.start(patience=60)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
            joined = (
                await client.post("/api/join", json={"invite": invite, "client": "script"})
            ).json()
            me = {"authorization": f"Bearer {joined['token']}"}
            room = f"/api/rooms/{joined['rooms'][0]['id']}"
            written = await client.post(f"{room}/statements", json={"text": "Label it"}, headers=me)
            statement = written.json()["statement_id"]
            for number in range(VOTES):
                choice = ("agree", "disagree")[number % 2]
                vote = {"statement_id": statement, "choice": choice}
                answer = await client.post(f"{room}/votes", json=vote, headers=me)
                assert answer.status_code == 201
    finally:
        await server.stop()
    calls = _calls(trace.read_text("utf-8", "replace"))
    answered = 0
    synced_since_request = False
    for call in calls:
        if f"POST {room}/votes" in call.what and "HTTP/1.1" in call.what:
            synced_since_request = False
        elif call.name in ("fdatasync", "fsync") and "-wal" in call.what:
            synced_since_request = True
        elif "HTTP/1.1 201" in call.what:
            answered += 1
            assert synced_since_request, f"answer {answered} left before the log was on disk"
            synced_since_request = False
    assert answered == VOTES + 2, "the trace does not show every answer"

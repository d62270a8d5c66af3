"""Where the database cannot grow, a command is refused, says so, and what was acknowledged stays.

The limit is the kernel's on the size of this process's files. SQLite calls that an error of writing
and not a full disk; tests/store has that one, by ``PRAGMA max_page_count``.
"""

from __future__ import annotations

import resource
from pathlib import Path

import httpx
import pytest

from evals.faults.killing import SLUG, found
from evals.performance.process import ServerProcess, command

pytestmark = pytest.mark.faults


async def test_where_files_cannot_grow_writes_are_refused_and_reads_go_on(tmp_path: Path) -> None:
    invite = await found(tmp_path)
    server = ServerProcess(tmp_path)
    await server.start()
    kept: list[int] = []
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
            joined = await client.post("/api/join", json={"invite": invite, "client": "script"})
            me = {"authorization": f"Bearer {joined.json()['token']}"}
            room = f"/api/rooms/{joined.json()['rooms'][0]['id']}"
            full = await _write_until_full(client, f"{room}/statements", me, kept, server)
            assert full.status_code == 503
            assert full.headers["content-type"].startswith("application/problem+json")
            assert full.json()["type"] == "/problems/storage-fault"
            answer = await client.get(room, headers=me)
            assert answer.status_code == 200
            assert [s["seq"] for s in answer.json()["statements"]] == kept
            _limit(server, resource.RLIM_INFINITY)
            again = await client.post(f"{room}/statements", json={"text": "More"}, headers=me)
            assert again.status_code == 201
            assert again.json()["seq"] == kept[-1] + 1
    finally:
        assert await server.stop() == 0
    await command(tmp_path, "replay", SLUG)


async def _write_until_full(
    client: httpx.AsyncClient,
    path: str,
    me: dict[str, str],
    kept: list[int],
    server: ServerProcess,
) -> httpx.Response:
    for number in range(2_000):
        if number == 3:
            # The kernel refuses to let files of this process grow, as a full disk would.
            _limit(server, _largest(server.data_dir) + 16 * 1024)
        text = f"Statement {number} " + "x" * 200
        answer = await client.post(path, json={"text": text}, headers=me)
        if answer.status_code != 201:
            return answer
        kept.append(answer.json()["seq"])
    raise AssertionError("the disk never became full")


def _largest(data_dir: Path) -> int:
    return max(file.stat().st_size for file in data_dir.iterdir())


def _limit(server: ServerProcess, size: int) -> None:
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

"""Two servers as processes of their own, and a third that founds: sockets and votes on both."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from server.deliberation import commands as c
from server.deliberation.vocabulary import Phase, Role
from server.runtime.founding import Plan, founding
from server.runtime.house import open_house
from server.runtime.invites import digest_of, new_code
from server.runtime.ports import SystemChance
from server.settings import Secret
from tests.cli.test_serve import ROOT, command
from tests.serving import bearer, settings_in

pytestmark = [pytest.mark.timeout(120), pytest.mark.slow]
SECRET = "the same secret on both servers, of course"
EVENTS = {"statement", "notice", "phase"}


@contextlib.contextmanager
def serving(folders: list[Path], environment: dict[str, str]) -> Iterator[list[str]]:
    """Run ``serve`` in each folder until the block ends, and give the addresses."""
    with contextlib.ExitStack() as stack:
        processes: list[subprocess.Popen[str]] = []
        for folder in folders:
            line, given = command(folder, "serve", "--port", "0", **environment)
            log = stack.enter_context((folder.parent / f"{folder.name}.log").open("w"))
            process = subprocess.Popen(
                line, cwd=ROOT, env=given, stdout=subprocess.PIPE, stderr=log, text=True
            )
            stack.enter_context(process)
            stack.callback(_end, process)
            processes.append(process)
        yield [_address(process) for process in processes]
        for process in processes:
            process.terminate()
        assert [process.wait(20) for process in processes] == [0] * len(folders)


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    said = process.stdout.readline()
    found = re.search(r"http://\S+", said)
    assert found, said
    return found[0]


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.kill()


async def test_two_processes_hold_one_room(
    postgres_url: str, redis_at: tuple[str, str], tmp_path: Path
) -> None:
    environment = {
        "FOLKMOOT_DATABASE_URL": postgres_url,
        "FOLKMOOT_REDIS_URL": redis_at[0],
        "FOLKMOOT_REDIS_PREFIX": redis_at[1],
        "FOLKMOOT_SECRET_KEY": SECRET,
    }
    settings = settings_in(
        tmp_path / "founder",
        database_url=postgres_url,
        redis_url=redis_at[0],
        redis_prefix=redis_at[1],
        secret_key=Secret(SECRET),
    )
    plan = Plan("town", "A town decides", "What do we want?", phase=Phase.OPEN)
    begun = founding(plan, new_code(), SystemChance())
    invite = new_code()
    async with open_house(settings) as house:
        await house.submit_together(begun.units)
        reusable = c.IssueInvite(digest=digest_of(invite), role=Role.PARTICIPANT, reusable=True)
        await house.submit(begun.assembly, reusable, None)
    path = f"/api/rooms/{begun.room}"
    with serving([tmp_path / "one", tmp_path / "two"], environment) as (one, two):
        async with contextlib.AsyncExitStack() as stack:
            servers = [
                await stack.enter_async_context(httpx.AsyncClient(base_url=url, timeout=20))
                for url in (one, two)
            ]
            people = []
            for n in range(10):
                body = {"invite": invite, "client": "script"}
                people.append(
                    bearer((await servers[n % 2].post("/api/join", json=body)).json()["token"])
                )
            sockets = [
                await stack.enter_async_context(
                    websockets.connect(
                        url.replace("http", "ws") + f"/live/rooms/{begun.room}",
                        additional_headers=people[n],
                        ping_interval=None,
                    )
                )
                for n, url in enumerate((one, two))
            ]

            async def say(n: int) -> int:
                answer = await servers[n % 2].post(
                    f"{path}/statements", json={"text": f"Said {n}"}, headers=people[n % 10]
                )
                assert answer.status_code == 201
                return int(answer.json()["seq"])

            said = sorted(await asyncio.gather(*(say(n) for n in range(60))))
            assert len(set(said)) == 60
            for socket in sockets:
                first, got, here = await _read(socket, said[-1])
                assert [frame["seq"] for frame in got] == said
                assert [frame["prev"] for frame in got] == [first, *said[:-1]]
                assert here == 2
            rooms = [(await s.get(path, headers=people[0])).json() for s in servers]
            assert rooms[0] == rooms[1]


async def _read(
    socket: websockets.ClientConnection, until: int
) -> tuple[int, list[dict[str, Any]], int]:
    """Read up to the event ``until``, and until both are seen to be here."""
    got: list[dict[str, Any]] = []
    first = here = 0
    async with asyncio.timeout(20):
        while here < 2 or not got or got[-1]["seq"] < until:
            frame = json.loads(await socket.recv())
            if frame["type"] == "hello":
                first = frame["seq"]
            elif frame["type"] == "presence":
                here = frame["here"]
            elif frame["type"] in EVENTS:
                got.append(frame)
    return first, got, here

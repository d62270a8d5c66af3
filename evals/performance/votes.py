"""Acknowledged durable votes a second through HTTP, beside a bare Litestar POST on the same server.

Both are asked by the same raw HTTP/1.1 client (``client.py``: an asyncio protocol on uvloop,
keep-alive, 64 connections with one request in flight each) in a process of its own, in interleaved
rounds. The bare POST does nothing and answers 201; a vote is read, checked, decided, evolved,
synced (``synchronous=FULL``) and answered with its seq.
"""

# ruff: noqa: PLC0415 - the client's process does without what only the server's needs

from __future__ import annotations

import asyncio
import json
import multiprocessing
import sys
import tempfile
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median

import uvloop

from evals.performance.client import Load, post, press

CONNECTIONS = 64
STATEMENTS = 40
ROUNDS = 9
SECONDS = 1.0
BOUND = 0.5
Row = tuple[str, float, str, float | None, bool | None]


def run() -> list[Row]:
    """Measure, and return rows of (name, value, unit, bound, whether it holds)."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    with tempfile.TemporaryDirectory() as folder:
        server = context.Process(target=_serve, args=(folder, theirs), daemon=True)
        server.start()
        try:
            port, room, tokens, statements = ours.recv()
            makers = _votes(room, tokens, statements)
            nothing = post("/bare", b"")
            bare: list[Callable[[int], bytes]] = [lambda _: nothing] * CONNECTIONS
            loads = uvloop.run(_rounds(port, bare, makers))
        finally:
            ours.send("stop")
            server.join(15)
    return _rows(*loads)


async def _rounds(
    port: int, bare: list[Callable[[int], bytes]], votes: list[Callable[[int], bytes]]
) -> tuple[list[Load], list[Load]]:
    found: tuple[list[Load], list[Load]] = ([], [])
    for makers in (bare, votes):
        await press("127.0.0.1", port, makers, 0.5, 201)
    for _ in range(ROUNDS):
        for kept, makers in zip(found, (bare, votes), strict=True):
            kept.append(await press("127.0.0.1", port, makers, SECONDS, 201))
    return found


def _rows(bare: list[Load], votes: list[Load]) -> list[Row]:
    refused = sum(sum(load.failed.values()) for load in (*bare, *votes))
    ratio = median(v.rate / b.rate for b, v in zip(bare, votes, strict=True))
    p50, p99 = (median(v.quantile(q) for v in votes) * 1e3 for q in (0.5, 0.99))
    return [
        ("bare Litestar POST, 64 clients", median(b.rate for b in bare), "/s", None, None),
        ("acknowledged durable votes, 64 clients", median(v.rate for v in votes), "/s", None, None),
        ("votes ÷ bare POST", ratio, "×", BOUND, ratio >= BOUND),
        ("a vote's latency, median", p50, "ms", None, None),
        ("a vote's latency, 99th percentile", p99, "ms", None, None),
        ("requests not answered with 201", float(refused), "", 0.0, refused == 0),
    ]


def _votes(room: str, tokens: list[str], statements: list[str]) -> list[Callable[[int], bytes]]:
    bodies = [
        json.dumps({"statement_id": statement, "choice": choice}).encode()
        for statement in statements
        for choice in ("agree", "disagree", "pass")
    ]

    def maker(token: str) -> Callable[[int], bytes]:
        headers = [("authorization", f"Bearer {token}")]
        ready = [post(f"/api/rooms/{room}/votes", body, headers) for body in bodies]
        return lambda n: ready[n % len(ready)]

    return [maker(token) for token in tokens]


def _serve(folder: str, pipe: Connection) -> None:
    """Serve in a process of its own: the application, and a bare POST beside it."""
    from litestar import Litestar
    from litestar import post as handle

    from server.app import Parts, create_app
    from server.cli.serve import listen, server_of
    from server.settings import Settings

    settings = Settings(data_dir=Path(folder), embedder="lexical", votes_per_hour=0)
    app = create_app(settings, Parts(workflows=False))

    @handle("/bare")
    async def bare() -> None:
        return None

    plain = Litestar([bare], openapi_config=None, logging_config=None)

    async def both(scope, receive, send):  # type: ignore[no-untyped-def]  # plain ASGI
        if scope["type"] == "http" and scope["path"] == "/bare":
            await plain(scope, receive, send)
        else:
            await app(scope, receive, send)

    async def main() -> None:
        with listen("127.0.0.1", 0) as listening:
            server = server_of(both)  # type: ignore[arg-type]  # an ASGI application
            task = asyncio.create_task(server.serve(sockets=[listening]))
            while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
                await asyncio.sleep(0.01)
            pipe.send((listening.getsockname()[1], *await _people(app)))
            await asyncio.to_thread(pipe.recv)
            server.should_exit = True
            await task

    uvloop.run(main())


async def _people(app) -> tuple[str, list[str], list[str]]:  # type: ignore[no-untyped-def]  # a Litestar
    from server.deliberation import commands as c
    from server.deliberation.events import ParticipantJoined, StatementSubmitted
    from server.deliberation.vocabulary import Channel, Phase, Role
    from server.runtime.founding import Plan, founding
    from server.runtime.ports import SystemChance

    desk = app.state["desk"]
    house = desk.house
    begun = founding(Plan("bench", "B", "Q", phase=Phase.OPEN), "code", SystemChance())
    await house.submit_together(begun.units)
    sources = tuple(str(n) for n in range(CONNECTIONS))
    admit = c.AdmitPeople(sources=sources, channel=Channel.SIMULATED)
    joined = (await house.submit(begun.assembly, admit, None)).recorded
    people = [r.event.participant for r in joined if isinstance(r.event, ParticipantJoined)]
    statements = []
    for n in range(STATEMENTS):
        actor = c.Actor(people[n], Role.PARTICIPANT)
        done = await house.submit(begun.room, c.SubmitStatement(text=f"Statement {n}"), actor)
        event = done.recorded[0].event
        assert isinstance(event, StatementSubmitted)
        statements.append(str(event.statement))
    now = desk.clock.now()
    tokens = [desk.sessions.issue(begun.assembly, person, now) for person in people]
    return str(begun.room), tokens, statements


if __name__ == "__main__":
    from evals.performance.__main__ import main

    sys.exit(main(["votes"]))

"""A real server for a test: uvicorn in this process, on a free port, with a data folder of its own.

``async with server(settings) as base_url`` for whoever needs nothing but the address;
``async with serving(settings) as served`` also gives the application's desk, and a world to act in.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import uvicorn
from litestar import Litestar

from server.api.services.desk import Desk
from server.app import Parts, create_app
from server.cli.serve import listen, server_of
from server.deliberation import commands as c
from server.deliberation.vocabulary import Moderation, Phase, Role
from server.ids import LogId
from server.runtime.founding import Plan, founding
from server.runtime.invites import digest_of, new_code
from server.runtime.ports import SystemChance
from server.settings import Settings

QUIET = Parts(workflows=False)


def settings_in(folder: Path, **more: object) -> Settings:
    """Return settings for a server of a test: a folder of its own, the embedder that is quick."""
    return Settings(data_dir=folder, **({"embedder": "lexical"} | more))  # type: ignore[arg-type]


@dataclass
class Served:
    """A running server: its address, its desk, and what to stop it by."""

    base_url: str
    app: Litestar
    uvicorn: uvicorn.Server
    beside: Served | None = None
    """Another server of the same house, if there is one."""

    @property
    def elsewhere(self) -> Served:
        """Where things happen that this server is to hear of: at the other one, if there is one."""
        return self.beside or self

    @property
    def desk(self) -> Desk:
        found = self.app.state["desk"]
        assert isinstance(found, Desk)
        return found

    @property
    def live_url(self) -> str:
        return self.base_url.replace("http://", "ws://")


@asynccontextmanager
async def serving(settings: Settings, parts: Parts = QUIET) -> AsyncIterator[Served]:
    """Serve until the block ends, then drain as on a signal."""
    app = create_app(settings, parts)
    with listen("127.0.0.1", 0) as listening:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        one = server_of(app, signals=False)
        task = asyncio.create_task(one.serve(sockets=[listening]))
        try:
            while not one.started:
                assert not task.done(), "the server did not start"
                await asyncio.sleep(0.01)
            yield Served(address, app, one)
        finally:
            one.should_exit = True
            await task


@asynccontextmanager
async def server(settings: Settings, parts: Parts = QUIET) -> AsyncIterator[str]:
    """Serve until the block ends, and give the address."""
    async with serving(settings, parts) as served:
        yield served.base_url


@dataclass
class World:
    """An assembly with its plenary, and invites for every role."""

    desk: Desk
    assembly: LogId
    room: LogId
    slug: str

    async def invite(
        self, role: Role, *, reusable: bool = False, expires: int | None = None
    ) -> str:
        """Return the code of a fresh invite."""
        code = new_code()
        await self.desk.house.submit(
            self.assembly,
            c.IssueInvite(digest=digest_of(code), role=role, reusable=reusable, expires=expires),
            None,
        )
        return code

    async def token(self, role: Role = Role.PARTICIPANT) -> str:
        """Return the bearer token of somebody new in a role."""
        code = await self.invite(role)
        done = await self.desk.house.submit(self.assembly, c.Join(digest=digest_of(code)), None)
        recorded = done.recorded[0]
        return self.desk.sessions.issue(
            self.assembly,
            recorded.event.participant,  # type: ignore[union-attr]  # it is a join
            recorded.at,
        )

    async def phase(self, *phases: Phase) -> None:
        """Take the room through phases."""
        for phase in phases:
            await self.desk.house.submit(self.room, c.ChangePhase(phase=phase), None)


async def found(
    desk: Desk,
    slug: str = "town",
    *,
    phase: Phase = Phase.OPEN,
    moderation: Moderation = Moderation.AFTER,
) -> World:
    """Found an assembly."""
    plan = Plan(slug, "A town decides", "What do we want?", phase=phase, moderation=moderation)
    begun = founding(plan, new_code(), SystemChance())
    await desk.house.submit_together(begun.units)
    return World(desk, begun.assembly, begun.room, slug)


def bearer(token: str) -> dict[str, str]:
    """Return the header of a script's session."""
    return {"authorization": f"Bearer {token}"}


@asynccontextmanager
async def client_of(
    settings: Settings, parts: Parts = QUIET
) -> AsyncIterator[tuple[httpx.AsyncClient, Desk]]:
    """Give a client that speaks to an application without a network, on this loop."""
    app = create_app(settings, parts)
    async with _open(app):
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
            desk = app.state["desk"]
            assert isinstance(desk, Desk)
            yield client, desk


@asynccontextmanager
async def _open(app: Litestar) -> AsyncIterator[None]:
    """Hold a lifespan open in a task of its own: a fixture may end in another than it began in."""
    ready, done = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with app.lifespan():
            ready.set()
            await done.wait()

    holding = asyncio.create_task(hold())
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait({holding, waiting}, return_when=asyncio.FIRST_COMPLETED)
    try:
        if ready.is_set():
            yield
    finally:
        done.set()
        waiting.cancel()
        await holding

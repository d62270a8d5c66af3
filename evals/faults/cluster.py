"""An installation of one's own: PostgreSQL, Redis, servers, workers, and a proxy on every way.

Ways are called ``server-1/clients``, ``server-1/database``, ``server-1/redis`` and so on; whoever
breaks one breaks it for that process alone. Without PostgreSQL it is one server on SQLite.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from evals.performance.process import HOST, free_port
from server.settings import Secret, Settings

from .calling import Door
from .nodes import Node
from .proxy import Proxy
from .schedule import Shape
from .services import Postgres, Redis, postgres_in, redis_in
from .subprocesses import run

CLUSTER = Shape(servers=("server-1", "server-2"), workers=("worker-1", "worker-2"))
ALONE = Shape(servers=("server-1",), postgres=False, redis=False)


@dataclass(frozen=True)
class Services:
    """The services that several runs share, each with a database of its own."""

    postgres: Postgres | None
    redis: Redis | None


@asynccontextmanager
async def services_for(shape: Shape, folder: Path) -> AsyncIterator[Services]:
    """Start what ``shape`` needs, and end it."""
    async with AsyncExitStack() as stack:
        postgres = await stack.enter_async_context(postgres_in(folder)) if shape.postgres else None
        redis = await stack.enter_async_context(redis_in(folder)) if shape.redis else None
        yield Services(postgres, redis)


class Cluster:
    """One installation; :func:`raised` gives one that is ready."""

    def __init__(
        self,
        shape: Shape,
        folder: Path,
        services: Services,
        name: str,
        *,
        user: str = "postgres",
        clocks: Mapping[str, float] | None = None,
    ) -> None:
        """``name``: of the database, and what keys in Redis begin with.

        ``user``: as whom servers and workers come to PostgreSQL, perhaps with a password after a
        colon. ``clocks``: by how many seconds the clock of which node is ahead.
        """
        self.shape = shape
        self.folder = folder
        self.services = services
        self.nodes: dict[str, Node] = {}
        self.ways: dict[str, Proxy] = {}
        self.database_url = ""
        self._name = name
        self._user = user
        self._clocks = dict(clocks or {})
        self._secret = secrets.token_hex(32)

    @property
    def doors(self) -> tuple[Door, ...]:
        """Where clients reach the servers."""
        return tuple(
            Door(server, self.ways[f"{server}/clients"].port) for server in self.shape.servers
        )

    @property
    def direct(self) -> tuple[Door, ...]:
        """The same past the proxies."""
        return tuple(Door(server, self.nodes[server].port) for server in self.shape.servers)

    @property
    def settings(self) -> Settings:
        """The settings for who looks into the database past the proxies."""
        return Settings(
            data_dir=self.folder,
            database_url=self.database_url,
            secret_key=Secret(self._secret),
            embedder="lexical",
        )

    async def make_database(self) -> None:
        """Make an empty database and bring it to this version."""
        if self.services.postgres is not None:
            self.database_url = await self.services.postgres.create(self._name)
            await self.command("migrate")

    async def start(self, stack: AsyncExitStack) -> None:
        """Start every server and worker; ``stack`` ends them."""
        for name in self.shape.nodes:
            await self._add(name, stack)
        for node in self.nodes.values():
            await node.start()

    async def _add(self, name: str, stack: AsyncExitStack) -> None:
        settings = {"FOLKMOOT_SECRET_KEY": self._secret}
        postgres, redis = self.services.postgres, self.services.redis
        if postgres is not None:
            way = await self._way(f"{name}/database", postgres.port, stack)
            settings["FOLKMOOT_DATABASE_URL"] = postgres.url(
                self._name, port=way.port, user=self._user
            )
        if redis is not None:
            way = await self._way(f"{name}/redis", redis.port, stack)
            settings["FOLKMOOT_REDIS_URL"] = f"redis://{HOST}:{way.port}/0"
            settings["FOLKMOOT_REDIS_PREFIX"] = self._name
        if name in self.shape.servers:
            port = free_port()
            arguments = ("serve", "--host", HOST, "--port", str(port))
            await self._way(f"{name}/clients", port, stack)
        else:
            port, arguments = 0, ("worker", "--name", name)
        node = self.nodes[name] = Node(
            name,
            arguments,
            self.folder,
            settings,
            port=port,
            says="is at work",
            program=self._program(name),
        )
        stack.push_async_callback(node.destroy)

    def _program(self, name: str) -> tuple[str, ...]:
        ahead = self._clocks.get(name)
        if ahead is None:
            return ("-m", "server")
        return ("-m", "evals.faults.skewed", str(ahead))

    async def _way(self, name: str, upstream: int, stack: AsyncExitStack) -> Proxy:
        proxy = self.ways[name] = Proxy(name, upstream)
        await proxy.open()
        stack.push_async_callback(proxy.close)
        return proxy

    async def command(self, *arguments: str, **settings: str) -> str:
        """Run a command of the program to its end, past the proxies; return what it printed.

        Raises:
            CommandFailed: its exit code is not 0.
        """
        return await run(self.folder, arguments, self._settings_of(settings))

    def _settings_of(self, more: Mapping[str, str]) -> dict[str, str]:
        settings = {"FOLKMOOT_SECRET_KEY": self._secret, **more}
        if self.database_url:
            settings["FOLKMOOT_DATABASE_URL"] = self.database_url
        return settings

    def ended_by_themselves(self) -> list[str]:
        """Return which processes ended though nobody had asked them to, after they were ready."""
        return [
            f"{node.name} ended with {ending.code}"
            for node in self.nodes.values()
            for ending in node.endings
            if ending.was_ready and not ending.asked
        ]

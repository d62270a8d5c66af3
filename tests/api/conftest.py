"""An assembly behind a client that speaks to the application directly."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.deliberation.vocabulary import Role
from tests.serving import World, bearer, client_of, found, settings_in


@dataclass
class Town:
    """A client, a world, and a session for each role that was asked for."""

    client: httpx.AsyncClient
    world: World

    async def as_(self, role: Role = Role.PARTICIPANT) -> dict[str, str]:
        return bearer(await self.world.token(role))

    def url(self, tail: str = "") -> str:
        return f"/api/rooms/{self.world.room}{tail}"

    async def ask(
        self, method: str, path: str, headers: dict[str, str], body: Any = None
    ) -> httpx.Response:
        return await self.client.request(method, path, headers=headers, json=body)

    async def write(self, headers: dict[str, str], text: str = "Tests are published.") -> str:
        answer = await self.ask("POST", self.url("/statements"), headers, {"text": text})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["statement_id"])

    async def vote(
        self, headers: dict[str, str], statement: str, choice: str = "agree"
    ) -> httpx.Response:
        body = {"statement_id": statement, "choice": choice}
        return await self.ask("POST", self.url("/votes"), headers, body)


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with client_of(settings_in(tmp_path, max_body=65536)) as (client, desk):
        yield Town(client, await found(desk))


def problem(answer: httpx.Response, status: int, code: str, field: str | None = None) -> None:
    """Assert that an answer is this problem, about this field."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["type"] == f"/problems/{code}"
    assert told["status"] == status
    assert told["detail"]
    assert told.get("field") == field

"""Two servers, as people meet them: who came in at one is at home at the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest

from server.api.services.desk import Desk
from server.api.shared_limits import SharedLimits
from server.deliberation.vocabulary import Role
from server.errors import Fault
from server.runtime.house import open_house
from server.runtime.vectors import StoredVectors
from server.settings import Secret
from server.synthesis.text import digest
from tests.serving import World, bearer, client_of, found, settings_in

from .houses import until

pytestmark = pytest.mark.timeout(90)
SECRET = "the same secret on both servers, of course"


@asynccontextmanager
async def two_servers(
    folder: Path, url: str, redis: tuple[str, str] | None = None, **more: object
) -> AsyncIterator[tuple[list[httpx.AsyncClient], list[Desk]]]:
    given: dict[str, object] = {"database_url": url, "secret_key": Secret(SECRET), **more}
    if redis is not None:
        given |= {"redis_url": redis[0], "redis_prefix": redis[1]}
    async with AsyncExitStack() as stack:
        both = [
            await stack.enter_async_context(client_of(settings_in(folder / f"s{n}", **given)))
            for n in range(2)
        ]
        yield [client for client, _ in both], [desk for _, desk in both]


@pytest.mark.parametrize("rings", [True, False], ids=["redis", "alone"])
async def test_who_joined_at_one_reads_and_votes_at_the_other_at_once(
    postgres_url: str, redis_at: tuple[str, str], tmp_path: Path, rings: bool
) -> None:
    async with two_servers(tmp_path, postgres_url, redis_at if rings else None) as (servers, desks):
        first, second = servers
        world = await found(desks[0])
        invite = await world.invite(Role.PARTICIPANT, reusable=True)
        author = bearer(await world.token())
        path = f"/api/rooms/{world.room}"
        said = await first.post(f"{path}/statements", json={"text": "Yes?"}, headers=author)
        assert said.status_code == 201
        (statement,) = (await first.get(path, headers=author)).json()["statements"]
        # So that the other server holds the assembly as it was before they came.
        assert (await second.get(path, headers=author)).status_code == 200

        async def come(n: int) -> None:
            one, other = (first, second) if n % 2 else (second, first)
            body = {"invite": invite, "client": "script"}
            joined = await one.post("/api/join", json=body)
            assert joined.status_code == 201
            who = bearer(joined.json()["token"])
            assert (await other.get(path, headers=who)).status_code == 200
            vote = {"statement_id": statement["id"], "choice": "agree"}
            assert (await other.post(f"{path}/votes", json=vote, headers=who)).status_code == 201

        for start in range(0, 200, 20):
            await asyncio.gather(*(come(n) for n in range(start, start + 20)))
        await desks[1].house.look(world.room)
        assert (await desks[1].house.room(world.room)).votes.votes == 200


async def test_an_invite_and_a_return_code_made_at_one_work_at_the_other(
    postgres_url: str, redis_at: tuple[str, str], tmp_path: Path
) -> None:
    async with two_servers(tmp_path, postgres_url, redis_at) as ((first, second), desks):
        world = await found(desks[0])
        for _ in range(10):
            invite = await world.invite(Role.PARTICIPANT)
            joined = await second.post("/api/join", json={"invite": invite, "client": "script"})
            assert joined.status_code == 201
            code = {"code": joined.json()["return_code"], "client": "script"}
            assert (await first.post("/api/return", json=code)).status_code == 201
        unknown = await first.post("/api/join", json={"invite": "none", "client": "script"})
        assert unknown.json()["type"].endswith("/invite-unusable")


async def test_the_same_key_at_both_at_once_gives_the_same_answer(
    postgres_url: str, redis_at: tuple[str, str], tmp_path: Path
) -> None:
    async with two_servers(tmp_path, postgres_url, redis_at, statements_per_hour=0) as (
        servers,
        desks,
    ):
        world = await found(desks[0])
        who = bearer(await world.token())
        path = f"/api/rooms/{world.room}/statements"
        for n in range(20):
            headers = {**who, "idempotency-key": f"key {n}"}
            answers = await asyncio.gather(
                *(s.post(path, json={"text": f"Once {n}"}, headers=headers) for s in servers)
            )
            assert {answer.status_code for answer in answers} <= {200, 201}
            assert len({answer.json()["seq"] for answer in answers}) == 1
        state = await desks[0].house.room(world.room)
        assert len(state.statements) == 20


async def test_limits_count_over_both(
    postgres_url: str, redis_at: tuple[str, str], tmp_path: Path
) -> None:
    async with two_servers(tmp_path, postgres_url, redis_at, joins_per_hour=6) as (servers, desks):
        world: World = await found(desks[0])
        limits = [desk.limits for desk in desks if isinstance(desk.limits, SharedLimits)]
        await until(lambda: [each.connected for each in limits] == [True, True])
        invite = await world.invite(Role.PARTICIPANT, reusable=True)
        body = {"invite": invite, "client": "script"}
        codes = [(await servers[n % 2].post("/api/join", json=body)).status_code for n in range(10)]
        assert sorted(codes) == [201] * 6 + [429] * 4


async def test_servers_with_other_secrets_do_not_open(postgres_url: str, tmp_path: Path) -> None:
    async with two_servers(tmp_path, postgres_url):
        other = settings_in(
            tmp_path / "other", database_url=postgres_url, secret_key=Secret("x" * 40)
        )
        with pytest.raises(Fault, match="secret key"):
            async with open_house(other):
                pass


async def test_words_written_at_one_a_moment_ago_are_erased_through_the_other(
    postgres_url: str, redis_at: tuple[str, str], tmp_path: Path
) -> None:
    """Even where the one has no way to Redis, and the other does not know that it wrote."""
    given: dict[str, object] = {"database_url": postgres_url, "secret_key": Secret(SECRET)}
    rung = given | {"redis_url": redis_at[0], "redis_prefix": redis_at[1]}
    async with (
        client_of(settings_in(tmp_path / "deaf", **given)) as (first, desk),
        client_of(settings_in(tmp_path / "rung", **rung)) as (second, other),
    ):
        await until(lambda: other.house.doorbell.healthy)
        world = await found(desk)
        who = bearer(await world.token())
        path = f"/api/rooms/{world.room}"
        assert (await second.get(path, headers=who)).status_code == 200
        for n in range(3):
            said = {"text": f"Private words {n}"}
            answer = await first.post(f"{path}/statements", json=said, headers=who)
            assert answer.status_code == 201
            asked = f"Never said {n}"
            near = await first.get(f"{path}/similar", params={"text": asked}, headers=who)
            assert near.status_code == 200
            vectors = StoredVectors(desk.house.database)
            kept = await vectors.get(desk.similar.name, [digest(asked)])
            assert not kept
            erased = await second.post("/api/me/erase", headers=who)
            assert erased.status_code == 200
            records = await desk.house.records(world.room, range(1, 99))
            assert "Private words" not in str(records)

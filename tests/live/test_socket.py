"""The socket over a real server: who gets in, what comes first, and how it ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from websockets.exceptions import ConnectionClosed, InvalidStatus

from server.api.live import CLOSE_CODES
from server.deliberation import commands as c
from server.deliberation.room import RoomState
from server.deliberation.vocabulary import Moderation, Phase, Role
from server.errors import StorageFault
from server.ids import LogId
from server.settings import Secret
from tests.serving import Served, World, bearer, found, serving, settings_in

EVENTS = {"statement", "statement.moderated", "statement.erased", "phase", "drafts", "result"}


@pytest.fixture(params=["one server on SQLite", "two on PostgreSQL and Redis"])
async def served(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Served]:
    """The server whose sockets are tried; what they are told of happens at the other, if any."""
    if request.param == "one server on SQLite":
        async with serving(settings_in(tmp_path)) as one:
            yield one
        return
    redis, prefix = request.getfixturevalue("redis_at")
    shared = settings_in(
        tmp_path,
        database_url=request.getfixturevalue("postgres_url"),
        redis_url=redis,
        redis_prefix=prefix,
        secret_key=Secret("k" * 40),
    )
    async with serving(shared) as other, serving(shared) as one:
        one.beside = other
        yield one


@pytest.fixture
async def world(served: Served) -> World:
    return await found(served.elsewhere.desk)


def connect(
    served: Served, room: str, headers: dict[str, str] | None = None, query: str = ""
) -> websockets.connect:
    return websockets.connect(
        f"{served.live_url}/live/rooms/{room}{query}",
        additional_headers=headers or {},
        compression=None,
        max_size=None,
        ping_interval=None,
    )


async def receive(socket: websockets.ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(10):
        frame = json.loads(await socket.recv())
    assert isinstance(frame, dict)
    return frame


async def event(socket: websockets.ClientConnection) -> dict[str, Any]:
    """Return the next frame that is no view."""
    while True:
        frame = await receive(socket)
        if frame["type"] not in ("tally", "presence", "queue", "analysis"):
            return frame


async def closed_with(socket: websockets.ClientConnection) -> int:
    async with asyncio.timeout(10):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed as end:
            return end.rcvd.code if end.rcvd else 1006


async def speak(served: Served, world: World, headers: dict[str, str], text: str) -> int:
    async with httpx.AsyncClient(base_url=served.elsewhere.base_url, headers=headers) as client:
        path = f"/api/rooms/{world.room}/statements"
        return int((await client.post(path, json={"text": text})).json()["seq"])


async def test_hello_snapshot_then_each_event_with_the_one_before_it(
    served: Served, world: World
) -> None:
    headers = bearer(await world.token())
    first = await speak(served, world, headers, "Before.")
    async with connect(served, world.room, headers) as socket:
        hello = await receive(socket)
        assert hello["type"] == "hello"
        assert hello["head"] == hello["seq"] == first
        assert hello["retry_ms"] > 0
        snapshot = await event(socket)
        assert snapshot["type"] == "snapshot"
        assert snapshot["room"]["seq"] == first
        assert [s["text"] for s in snapshot["room"]["statements"]] == ["Before."]
        prev = first
        for text in ("One.", "Two."):
            seq = await speak(served, world, headers, text)
            frame = await event(socket)
            assert (frame["type"], frame["seq"], frame["prev"]) == ("statement", seq, prev)
            assert frame["statement"]["own"] is True
            prev = seq


async def test_a_client_that_comes_back_gets_what_it_missed_and_no_snapshot(
    served: Served, world: World
) -> None:
    headers = bearer(await world.token())
    first = await speak(served, world, headers, "One.")
    second = await speak(served, world, headers, "Two.")
    async with connect(served, world.room, headers, f"?after={first}") as socket:
        assert (await receive(socket))["seq"] == first
        frame = await event(socket)
        assert (frame["type"], frame["seq"], frame["prev"]) == ("statement", second, first)


@pytest.mark.parametrize("after", ["", "99999", "-1", "x", "1e3", "٣", "9" * 40])
async def test_an_unknown_place_gives_a_snapshot(served: Served, world: World, after: str) -> None:
    headers = bearer(await world.token())
    async with connect(served, world.room, headers, f"?after={after}") as socket:
        assert (await receive(socket))["type"] == "hello"
        assert (await event(socket))["type"] == "snapshot"


async def test_ping_is_answered_and_presence_is_counted(served: Served, world: World) -> None:
    headers, other = bearer(await world.token()), bearer(await world.token())
    async with (
        connect(served, world.room, headers) as socket,
        connect(served, world.room, other) as second,
    ):
        await socket.send('{"type":"ping"}')
        while (await receive(socket))["type"] != "pong":
            pass
        await second.send('{"type":"presence","active":false}')
        while True:
            frame = await receive(socket)
            if frame["type"] == "presence" and frame["here"] == 1:
                break


@pytest.mark.parametrize(
    "message",
    [
        "x",
        "{}",
        '{"type":"vote"}',
        '{"type":"presence","active":3}',
        "[" * 5000,
        '{"type":"\\ud800"}',
    ],
)
async def test_anything_else_ends_it_with_4400(served: Served, world: World, message: str) -> None:
    async with connect(served, world.room, bearer(await world.token())) as socket:
        await socket.send(message)
        assert await closed_with(socket) == 4400


async def test_binary_ends_it_with_1003_and_a_large_frame_with_1009(
    served: Served, world: World
) -> None:
    headers = bearer(await world.token())
    async with connect(served, world.room, headers) as socket:
        await socket.send(b"\x00")
        assert await closed_with(socket) == 1003
    async with connect(served, world.room, headers) as socket:
        await socket.send("x" * (64 * 1024 + 1))
        assert await closed_with(socket) == 1009


async def test_too_many_messages_end_it_with_4429(served: Served, world: World) -> None:
    async with connect(served, world.room, bearer(await world.token())) as socket:
        try:
            for _ in range(200):
                await socket.send('{"type":"ping"}')
        except ConnectionClosed:
            pass
        assert await closed_with(socket) == 4429


async def test_without_or_with_a_broken_session_4401(served: Served, world: World) -> None:
    for headers in ({}, bearer("x"), {"cookie": "folkmoot=x", "origin": served.base_url}):
        async with connect(served, world.room, headers) as socket:
            assert await closed_with(socket) == 4401


async def test_a_handshake_that_cannot_be_read_is_refused_at_once(served: Served) -> None:
    async with asyncio.timeout(5):
        with pytest.raises(InvalidStatus) as refused:
            async with connect(served, "x" * 9000):
                pass
    assert refused.value.response.status_code == 400


async def test_signing_out_while_the_room_loads_ends_it_with_4401(
    served: Served, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = bearer(await world.token())
    rooms = served.desk.house.room

    async def slowly(log: LogId) -> RoomState:
        state = await rooms(log)
        async with httpx.AsyncClient(base_url=served.base_url, headers=headers) as client:
            await client.post("/api/me/sign-out")
        return state

    monkeypatch.setattr(served.desk.house, "room", slowly)
    async with connect(served, world.room, headers) as socket:
        assert await closed_with(socket) == 4401


async def test_no_such_room_and_one_of_another_assembly_4404(served: Served, world: World) -> None:
    other = await found(served.elsewhere.desk, "other")
    headers = bearer(await world.token())
    for room in ("r0000000000000000", other.room, world.assembly):
        async with connect(served, room, headers) as socket:
            assert await closed_with(socket) == 4404


@pytest.mark.parametrize("where", ["the room", "the person"])
async def test_where_the_database_does_not_answer_1012_so_that_clients_come_back(
    served: Served, world: World, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    headers = bearer(await world.token())

    async def gone(*_: object) -> None:
        raise StorageFault("The database can't be reached.")

    with monkeypatch.context() as patched:
        if where == "the room":
            patched.setattr(served.desk.house, "room", gone)
        else:
            patched.setattr(served.desk.identities, "found", gone)
        async with connect(served, world.room, headers) as socket:
            assert await closed_with(socket) == 1012
    async with connect(served, world.room, headers) as socket:
        assert (await receive(socket))["type"] == "hello"


async def test_a_ninth_socket_of_one_person_4409(served: Served, world: World) -> None:
    headers = bearer(await world.token())
    held = [await connect(served, world.room, headers) for _ in range(8)]
    for socket in held:
        assert (await receive(socket))["type"] == "hello"
    async with connect(served, world.room, headers) as ninth:
        assert await closed_with(ninth) == 4409
    for socket in held:
        await socket.close()


async def test_a_withdrawn_role_4403_and_signing_out_4401(served: Served, world: World) -> None:
    token = await world.token()
    participant = served.desk.sessions.read(token).participant
    async with connect(served, world.room, bearer(token)) as socket:
        assert (await receive(socket))["type"] == "hello"
        command = c.ChangeRole(participant=participant, role=None)
        await served.elsewhere.desk.house.submit(world.assembly, command, None)
        assert await closed_with(socket) == 4403
    token = await world.token()
    async with connect(served, world.room, bearer(token)) as socket:
        assert (await receive(socket))["type"] == "hello"
        async with httpx.AsyncClient(base_url=served.elsewhere.base_url) as client:
            await client.post("/api/me/sign-out", headers=bearer(token))
        assert await closed_with(socket) == 4401


def _origins(served: Served) -> list[tuple[str | None, bool]]:
    port = served.base_url.rpartition(":")[2]
    return [
        (served.base_url, True),
        (None, False),
        ("null", False),
        (f"http://sub.127.0.0.1:{port}", False),
        ("http://127.0.0.1:1", False),
        ("http://127.0.0.1", False),
        (f"https://127.0.0.1:{port}", False),
        (f"http://localhost:{port}", False),
        ("http://evil.example", False),
    ]


async def test_with_a_cookie_a_foreign_origin_is_refused_before_the_upgrade(
    served: Served, world: World
) -> None:
    cookie = {"cookie": f"folkmoot={await world.token()}"}
    for origin, ours in _origins(served):
        headers = cookie | ({"origin": origin} if origin is not None else {})
        if ours:
            async with connect(served, world.room, headers) as socket:
                assert (await receive(socket))["type"] == "hello"
        else:
            with pytest.raises(InvalidStatus) as refused:
                async with connect(served, world.room, headers):
                    pass
            assert refused.value.response.status_code == 403


async def test_a_script_needs_no_origin_and_may_have_any(served: Served, world: World) -> None:
    headers = bearer(await world.token()) | {"origin": "http://evil.example"}
    async with connect(served, world.room, headers) as socket:
        assert (await receive(socket))["type"] == "hello"


async def test_stopping_closes_with_1012_and_answers_what_is_queued(tmp_path: Path) -> None:
    async with serving(settings_in(tmp_path)) as served:
        world = await found(served.desk)
        headers = bearer(await world.token())
        async with connect(served, world.room, headers) as socket:
            assert (await receive(socket))["type"] == "hello"
            started = asyncio.get_running_loop().time()
            served.uvicorn.should_exit = True
            assert await closed_with(socket) == 1012
            assert asyncio.get_running_loop().time() - started < 3


async def test_what_waits_for_moderation_is_for_author_and_moderators_alone(
    served: Served,
) -> None:
    world = await found(served.elsewhere.desk, "strict", moderation=Moderation.BEFORE)
    author, other = bearer(await world.token()), bearer(await world.token())
    moderator = bearer(await world.token(Role.MODERATOR))
    async with (
        connect(served, world.room, other) as them,
        connect(served, world.room, moderator) as desk,
    ):
        for socket in (them, desk):
            assert (await event(socket))["type"] == "hello"
            assert (await event(socket))["type"] == "snapshot"
        await speak(served, world, author, "It waits.")
        assert (await event(desk))["type"] == "statement"
        await world.phase(Phase.DRAFTING)
        assert (await event(them))["type"] == "phase"


def test_every_close_code_is_described() -> None:
    docs = Path(__file__).resolve().parents[2] / "docs" / "protocol.md"
    headings = {
        int(line.removeprefix("### "))
        for line in docs.read_text("utf-8").splitlines()
        if line.startswith("### ") and line[4:].isdigit()
    }
    assert headings == set(CLOSE_CODES)

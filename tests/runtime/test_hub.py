"""The hub over real sockets: each frame once and in order, whoever stalls, leaves or comes back."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
import websockets

from server.deliberation import commands as c
from server.deliberation import frames as f
from server.deliberation.commands import Actor
from server.deliberation.folding import fold
from server.deliberation.views import Viewer, room_view
from server.deliberation.vocabulary import Decision, Kind, Reason, Role
from server.ids import LogId
from server.runtime import channel
from server.runtime.hub import Hub
from server.runtime.states import RING
from server.runtime.writer import House

from .house import ALOG, RLOG, Home, admit, at_home, found, vote, write
from .live import Live, serving

pytestmark = pytest.mark.timeout(60)
EVENTS = {
    "statement",
    "statement.moderated",
    "statement.erased",
    "phase",
    "drafts",
    "result",
    "notice",
}


class LateHouse:
    """What the hub asks for rooms, before there is a house."""

    house: House

    async def room(self, log: LogId) -> Any:
        return await self.house.room(log)

    async def look(self, *logs: LogId) -> None:
        await self.house.look(*logs)


@asynccontextmanager
async def running(
    path: Path, *, patience: float = 10.0, send_buffer: int = 0
) -> AsyncIterator[tuple[Home, Live]]:
    late = LateHouse()
    hub = Hub(late, patience=patience)
    async with at_home(path, announcer=hub) as home:
        late.house = home.house
        async with serving(hub, send_buffer=send_buffer) as live:
            yield home, live
        hub.stop()


async def read(ws: websockets.ClientConnection, until: int) -> list[dict[str, Any]]:
    """Read event frames until one has a seq of at least ``until``."""
    got: list[dict[str, Any]] = []
    async with asyncio.timeout(20):
        while not got or got[-1]["seq"] < until:
            frame = json.loads(await ws.recv())
            if frame["type"] in EVENTS:
                got.append(frame)
    return got


async def hello(ws: websockets.ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(10):
        frame = json.loads(await ws.recv())
    assert frame["type"] == "hello"
    return frame


async def notice(house: House, text: str = "N") -> int:
    done = await house.submit(RLOG, c.PostNotice(text=text), None)
    return done.recorded[-1].seq


async def test_every_frame_once_in_order(tmp_path: Path) -> None:
    async with running(tmp_path / "x.db") as (home, live):
        await found(home.house)
        (actor,) = await admit(home.house, 1)
        async with AsyncExitStack() as stack:
            sockets = [
                await stack.enter_async_context(live.connect(f"w{n}", RLOG)) for n in range(20)
            ]
            firsts = [await hello(ws) for ws in sockets]
            statements = await asyncio.gather(
                *(write(home.house, actor, f"Statement {n}") for n in range(25))
            )
            await asyncio.gather(
                *(home.house.submit(RLOG, vote(each), actor) for each in statements)
            )
            last = await notice(home.house)
            for first, ws in zip(firsts, sockets, strict=True):
                got = await read(ws, last)
                seqs = [frame["seq"] for frame in got]
                assert seqs == sorted(set(seqs))
                assert len(got) == 26
                assert [frame["prev"] for frame in got] == [first["seq"], *seqs[:-1]]


async def test_hello_snapshot_views_then_pong(tmp_path: Path) -> None:
    async with running(tmp_path / "x.db") as (home, live):
        await found(home.house)
        async with live.connect("w", RLOG) as ws:
            head = (await home.house.room(RLOG)).seq
            first = await hello(ws)
            assert (first["seq"], first["head"]) == (head, head)
            assert first["retry_ms"] > 0
            got = [json.loads(await ws.recv()) for _ in range(4)]
            assert got[0]["type"] == "snapshot"
            assert got[0]["room"]["seq"] == head
            assert {frame["type"] for frame in got[1:]} == {"tally", "queue", "presence"}
            assert all("seq" not in frame for frame in got[1:])
            await ws.send('{"type":"ping"}')
            assert json.loads(await ws.recv()) == {"type": "pong"}


@pytest.mark.parametrize("from_log", [False, True], ids=["ring", "log"])
async def test_resume(tmp_path: Path, from_log: bool) -> None:
    path = tmp_path / "x.db"
    async with running(path) as (home, live):
        await found(home.house)
        async with live.connect("w", RLOG) as ws:
            await hello(ws)
            known = await notice(home.house)
            await read(ws, known)
        missed = [await notice(home.house, f"missed {n}") for n in range(5)]
        if not from_log:
            await resumes(live, known, missed)
    if from_log:
        async with running(path) as (_, live):
            await resumes(live, known, missed)


async def resumes(live: Live, known: int, missed: list[int]) -> None:
    async with live.connect("w", RLOG, after=known) as ws:
        first = await hello(ws)
        assert (first["seq"], first["head"]) == (known, missed[-1])
        second = json.loads(await ws.recv())
        assert second["type"] == "notice"
        got = [second, *await read(ws, missed[-1])]
        assert [frame["seq"] for frame in got] == missed
        assert [frame["prev"] for frame in got] == [known, *missed[:-1]]


@pytest.mark.parametrize("after", [None, 99_999, -1, 1])
async def test_who_is_too_far_back_gets_a_snapshot(tmp_path: Path, after: int | None) -> None:
    async with running(tmp_path / "x.db") as (home, live):
        await found(home.house)
        await asyncio.gather(*(notice(home.house, str(n)) for n in range(RING + 1)))
        async with live.connect("w", RLOG, after=after) as ws:
            first = await hello(ws)
            head = (await home.house.room(RLOG)).seq
            assert first["seq"] == head
            assert json.loads(await ws.recv())["type"] == "snapshot"


async def test_the_ring_is_the_same_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    frames: list[list[dict[str, Any]]] = []
    async with running(path) as (home, live):
        await found(home.house)
        author, other, moderator = await admit(home.house, 3)
        start = (await home.house.room(RLOG)).seq
        kept = await write(home.house, author, "Kept words")
        gone = await write(home.house, author, "Rejected words")
        erased = await write(home.house, other, "Erased words")
        await reject(home.house, gone, moderator)
        records = await home.house.records(RLOG, range(1, 99))
        await home.house.submit(RLOG, c.EraseContent(records=records), other)
        last = await notice(home.house)
        assert len({kept, gone, erased}) == 3
        for who, role in (
            (author, Role.PARTICIPANT),
            (other, Role.PARTICIPANT),
            (moderator, Role.MODERATOR),
        ):
            async with live.connect(who.participant, RLOG, after=start, role=role) as ws:
                frames.append(await read(ws, last))
    for mine in frames:
        assert "Erased words" not in json.dumps(mine)
    assert "Rejected words" in json.dumps(frames[0])
    assert "Rejected words" not in json.dumps(frames[1])
    assert "Rejected words" in json.dumps(frames[2])
    async with running(path) as (home, live):
        for (who, role), before in zip(
            ((author, Role.PARTICIPANT), (other, Role.PARTICIPANT), (moderator, Role.MODERATOR)),
            frames,
            strict=True,
        ):
            async with live.connect(who.participant, RLOG, after=start, role=role) as ws:
                assert await read(ws, last) == before


async def reject(house: House, statement: Any, actor: Actor) -> None:
    await house.submit(
        RLOG,
        c.ModerateStatement(
            statement_id=statement, decision=Decision.REJECT, reason=Reason.OFF_TOPIC
        ),
        Actor(actor.participant, Role.MODERATOR),
    )


async def test_a_snapshot_with_frames_folded_in_is_a_fresh_one(tmp_path: Path) -> None:
    async with running(tmp_path / "x.db") as (home, live):
        await found(home.house)
        author, reader, moderator = await admit(home.house, 3)
        viewer = Viewer(reader.participant, reader.role)
        async with live.connect(reader.participant, RLOG) as ws:
            await hello(ws)
            frame = msgspec.json.decode(await ws.recv(), type=f.Snapshot)
            one = await write(home.house, author, "One")
            await write(home.house, reader, "Two")
            await reject(home.house, one, moderator)
            last = await notice(home.house, "end")
            view = frame.room
            for event in await read(ws, last):
                fold(view, msgspec.convert(event, f.EventFrame))
            fresh = room_view(await home.house.room(RLOG), viewer)
            view.tally = fresh.tally
            assert view == fresh


async def test_a_stalled_reader_is_dropped_and_nobody_waits(tmp_path: Path) -> None:
    async with running(tmp_path / "x.db", patience=1.0, send_buffer=16_384) as (home, live):
        await found(home.house)
        (actor,) = await admit(home.house, 1)
        async with AsyncExitStack() as stack:
            others = [
                await stack.enter_async_context(live.connect(f"w{n}", RLOG)) for n in range(50)
            ]
            stalled = stack.enter_context(await stalled_reader(live))
            readers = [asyncio.create_task(read_for_ever(ws)) for ws in others]
            began = time.perf_counter()
            last, blocked_since = 0, None
            while live.hub.listeners() > 50:
                last = await tell_at_length(home.house, actor)
                if live.hub.blocked and blocked_since is None:
                    blocked_since = time.perf_counter()
                assert time.perf_counter() - began < 20
            assert blocked_since is not None
            assert 0.9 < time.perf_counter() - blocked_since < 3
            # All the time it was blocked, the others were sent everything as it came.
            await until(lambda: all(got[-1] == last for got in seen.values()))
            for reader in readers:
                reader.cancel()
            expected = list(range(next(iter(seen.values()))[0], last + 1))
            assert all(got == expected for got in seen.values())
            assert len(seen) == 50
            seen.clear()
            assert await asyncio.to_thread(closes_with, stalled) == 4408


seen: dict[int, list[int]] = {}


async def read_for_ever(ws: websockets.ClientConnection) -> None:
    async for text in ws:
        frame = json.loads(text)
        if frame["type"] in EVENTS:
            seen.setdefault(id(ws), []).append(frame["seq"])


async def tell_at_length(house: House, actor: Actor) -> int:
    head = (await house.room(RLOG)).seq
    text = "語" * 1_900 + str(head)
    done = await house.submit(RLOG, c.SubmitStatement(text=text, kind=Kind.TESTIMONY), actor)
    return done.recorded[-1].seq


async def stalled_reader(live: Live) -> socket.socket:
    """Shake hands as a websocket client with a small buffer, and then read nothing."""
    host, port = live.address.removeprefix("ws://").split(":")
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(raw, (host, int(port)))
    before = live.hub.listeners()
    await loop.sock_sendall(
        raw,
        (
            f"GET /{RLOG}?person=stalled&role=participant HTTP/1.1\r\nHost: {host}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        ).encode(),
    )
    await until(lambda: live.hub.listeners() == before + 1)
    return raw


def closes_with(raw: socket.socket) -> int:
    """Wake up, read all that was sent, and return the code of the close frame at its end."""
    raw.setblocking(True)
    raw.settimeout(5)
    data = b""
    while data[-4:-2] != b"\x88\x02" and (chunk := raw.recv(1 << 20)):
        data += chunk
    assert data[-4:-2] == b"\x88\x02"
    return int.from_bytes(data[-2:], "big")


async def test_a_peer_that_has_gone_does_not_end_the_broadcast(tmp_path: Path) -> None:
    async with running(tmp_path / "x.db") as (home, live):
        await found(home.house)
        async with AsyncExitStack() as stack:
            sockets = [
                await stack.enter_async_context(live.connect(f"w{n}", RLOG)) for n in range(30)
            ]
            for ws in sockets:
                await hello(ws)
            for ws in sockets[::2]:
                ws.transport.abort()
            last = 0
            for n in range(40):
                last = await notice(home.house, str(n))
            for ws in sockets[1::2]:
                assert len(await read(ws, last)) == 40
            await until(lambda: live.hub.listeners() == 15)


async def until(true: Any, seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


async def test_the_ninth_socket_of_a_person_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path / "x.db") as (home, live):
        await found(home.house)
        async with AsyncExitStack() as stack:
            for _ in range(8):
                ws = await stack.enter_async_context(live.connect("same", RLOG))
                await hello(ws)
            async with live.connect("same", RLOG) as ninth:
                with pytest.raises(websockets.ConnectionClosed) as closed:
                    await ninth.recv()
                assert closed.value.rcvd is not None
                assert closed.value.rcvd.code == 4409
        await until(lambda: live.hub.listeners() == 0)
        async with live.connect("same", RLOG) as again:
            await hello(again)


@pytest.mark.parametrize(
    ("role", "code"), [(None, 4403), (Role.MODERATOR, 1012)], ids=["withdrawn", "changed"]
)
async def test_a_role_that_ends_or_changes_ends_the_sockets(
    tmp_path: Path, role: Role | None, code: int
) -> None:
    async with running(tmp_path / "x.db") as (home, live):
        await found(home.house)
        who, other = await admit(home.house, 2)
        async with (
            live.connect(who.participant, RLOG) as ws,
            live.connect(other.participant, RLOG) as stays,
        ):
            await hello(ws)
            await hello(stays)
            await home.house.submit(
                ALOG, c.ChangeRole(participant=who.participant, role=role), None
            )
            assert await code_at_the_end(ws) == code
            last = await notice(home.house)
            assert len(await read(stays, last)) == 1


async def test_stopping_says_restart_at_once_even_to_a_stalled_peer(tmp_path: Path) -> None:
    async with running(tmp_path / "x.db", send_buffer=16_384) as (home, live):
        await found(home.house)
        (actor,) = await admit(home.house, 1)
        async with AsyncExitStack() as stack:
            sockets = [
                await stack.enter_async_context(live.connect(f"w{n}", RLOG)) for n in range(50)
            ]
            stack.enter_context(await stalled_reader(live))
            readers = [asyncio.create_task(code_at_the_end(ws)) for ws in sockets]
            while not live.hub.blocked:
                await tell_at_length(home.house, actor)
            began = time.perf_counter()
            live.server.should_exit = True
            assert set(await asyncio.gather(*readers)) == {1012}
            await until(lambda: not live.server.server_state.connections)
            assert time.perf_counter() - began < 3


async def code_at_the_end(ws: websockets.ClientConnection) -> int | None:
    with suppress(websockets.ConnectionClosedError):
        async for _ in ws:
            pass
    return ws.close_code


async def test_views_are_throttled_and_the_latest_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "VIEWS_EVERY", 0.3)
    async with running(tmp_path / "x.db") as (home, live):
        await found(home.house)
        people = await admit(home.house, 40)
        statement = await write(home.house, people[0], "One")
        async with live.connect("w", RLOG) as ws:
            await hello(ws)
            for actor in people:
                await home.house.submit(RLOG, vote(statement), actor)
            tallies = []
            async with asyncio.timeout(10):
                while not tallies or tallies[-1]["voters"] < 40:
                    frame = json.loads(await ws.recv())
                    if frame["type"] == "tally":
                        tallies.append(frame)
            assert tallies[-1] == {"type": "tally", "voters": 40, "votes": 40, "statements": 1}
            assert len(tallies) <= 4


async def test_presence_counts_people_who_look(tmp_path: Path) -> None:
    async with running(tmp_path / "x.db") as (home, live):
        await found(home.house)
        async with (
            live.connect("a", RLOG) as one,
            live.connect("a", RLOG),
            live.connect("b", RLOG) as other,
        ):
            assert await here(one, 2) == 2
            await other.send('{"type":"presence","active":false}')
            assert await here(one, 1) == 1


async def here(ws: websockets.ClientConnection, wanted: int) -> int:
    async with asyncio.timeout(5):
        while True:
            frame = json.loads(await ws.recv())
            if frame["type"] == "presence" and frame["here"] == wanted:
                return int(frame["here"])

"""The hub: deliveries a CPU second, what one stalled reader costs the others, an idle socket.

Server and hub are in this process, all listeners in another. What is compared takes turns on the
same sockets, or happens at the same time in two rooms, so that what else the machine does hits both
alike. ``python -m evals.performance.hub`` runs it alone.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from socket import SO_SNDBUF, SOL_SOCKET
from statistics import median
from typing import Any

import uvicorn
import uvloop
from litestar import Litestar, WebSocket, websocket
from litestar.exceptions import WebSocketDisconnect
from litestar.params import FromPath

from server.deliberation import events as e
from server.deliberation import room
from server.deliberation.charter import Charter
from server.deliberation.frames import NoticeFrame
from server.deliberation.views import NoticeView, Viewer
from server.deliberation.vocabulary import Moderation, Phase, Role
from server.ids import AssemblyId, LogId, ParticipantId
from server.runtime.hub import Hub, Line, Seat
from server.runtime.protocol import DROP, DroppingProtocol
from server.runtime.ring import message_of

Row = tuple[str, float | str | None, str, float | str | None, bool | None]

ROOT = Path(__file__).resolve().parent.parent.parent
ROOM = LogId("r0000000000000000")
OTHER = LogId("r0000000000000001")
SOCKETS = 2_000
ROUNDS = 9
BURST = 15
TEXT = 200

READERS = 50
LONG = 2_000
EVERY = 0.02
STALL_ROUNDS = 6
STALL_SECONDS = 7.0
PATIENCE = 10.0


class OneRoom:
    """A room without a store: what the hub tells is made here."""

    def __init__(self, log: LogId) -> None:
        self.state = room.RoomState(log)
        self._tell(
            e.RoomCreated(
                assembly=AssemblyId("a"),
                title="T",
                question="Q",
                language="en",
                moderation=Moderation.AFTER,
                charter=Charter(),
            )
        )
        self._tell(e.PhaseChanged(phase=Phase.OPEN))

    def _tell(self, event: e.RoomEvent) -> e.Recorded:
        log, seq = self.state.log, self.state.seq + 1
        recorded = e.Recorded(log=log, seq=seq, at=1_795_000_000_000, by=None, event=event)
        room.evolve(self.state, recorded)
        return recorded

    def notice(self, hub: Hub, size: int) -> None:
        """Let those who run the room say something of so many bytes, with the time in it."""
        text = f"sent {time.monotonic_ns()}.".ljust(size, "x")
        recorded = self._tell(e.NoticePosted(text=text))
        self.state.notices.clear()
        told = hub.prepare(recorded, self.state)
        hub.publish(self.state, (recorded,), (told,) if told is not None else ())


class TwoRooms:
    """Where the hub finds the rooms."""

    def __init__(self) -> None:
        self.by_log = {log: OneRoom(log) for log in (ROOM, OTHER)}

    async def room(self, log: LogId) -> room.RoomState:
        """Return a room."""
        return self.by_log[log].state


class Rig:
    """The server, the hub, and the process that listens."""

    def __init__(self, hub: Hub, rooms: TwoRooms, server: uvicorn.Server, process: Any) -> None:
        self.hub = hub
        self.one = rooms.by_log[ROOM]
        self.other = rooms.by_log[OTHER]
        self.server = server
        self._process = process
        self.seats: list[Seat] = []

    @property
    def port(self) -> int:
        """Where the server listens."""
        return int(self.server.servers[0].sockets[0].getsockname()[1])

    async def ask(self, **told: Any) -> Any:
        """Tell the listening process to do something and return its answer."""
        self._process.stdin.write(json.dumps(told).encode() + b"\n")
        return json.loads(await self._process.stdout.readline())

    async def connect(self, count: int, room: LogId = ROOM) -> None:
        """Seat so many people in a room, one socket each."""
        there = self.hub.listeners()
        for start in range(0, count, 50):
            paths = [f"/live/{room}/p{n}" for n in range(start, min(start + 50, count))]
            await self.ask(do="connect", port=self.port, paths=paths, group=room)
            await self.listened(there + start + len(paths))
        await asyncio.sleep(1.5)

    async def listened(self, wanted: int) -> None:
        """Wait until so many sockets have a seat."""
        await until(lambda: self.hub.listeners() >= wanted)

    async def delivered(self, wanted: int) -> None:
        """Wait until so many frames have arrived in all."""
        async with asyncio.timeout(60):
            while await self.ask(do="count") < wanted:  # noqa: ASYNC110 - it is in another process
                await asyncio.sleep(0.005)


async def until(true: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)


@asynccontextmanager
async def rig(*, patience: float = PATIENCE, send_buffer: int = 0) -> AsyncIterator[Rig]:
    """Start server and listeners."""
    rooms = TwoRooms()
    hub = Hub(rooms, patience=patience)
    seats: list[Seat] = []

    @websocket("/live/{log:str}/{person:str}")
    async def live(
        socket: WebSocket[Any, Any, Any], log: FromPath[str], person: FromPath[str]
    ) -> None:
        await socket.accept()
        viewer = Viewer(ParticipantId(person), Role.PARTICIPANT)
        line = Line(socket.send, socket.scope["extensions"][DROP])  # type: ignore[index]
        seq = rooms.by_log[LogId(log)].state.seq
        seat = await hub.join(LogId(log), viewer, seq, line)
        seats.append(seat)
        try:
            while True:
                await socket.receive_data("text")
        except WebSocketDisconnect:
            pass
        finally:
            hub.leave(seat)

    config = uvicorn.Config(
        Litestar([live], openapi_config=None),
        port=0,
        ws=DroppingProtocol,
        log_level="error",
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=5,
        access_log=False,
        loop="none",
        ws_ping_interval=None,
        backlog=4096,
    )
    server = uvicorn.Server(config)
    server.capture_signals = _NoSignals  # type: ignore[method-assign, assignment]
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    if send_buffer:
        server.servers[0].sockets[0].setsockopt(SOL_SOCKET, SO_SNDBUF, send_buffer)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "evals.performance.listeners",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 26,
        cwd=ROOT,
    )
    made = Rig(hub, rooms, server, process)
    made.seats = seats
    try:
        yield made
    finally:
        hub.stop()
        server.should_exit = True
        await serving
        if process.stdin is not None:
            process.stdin.close()
        await process.wait()


class _NoSignals:
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


async def fan_out() -> list[Row]:
    """Compare deliveries a CPU second of the hub with those of a bare loop of ``send``."""
    async with rig() as made:
        gc.collect()
        before = resident()
        await made.connect(SOCKETS)
        gc.collect()
        socket_kib = (resident() - before) / 1024 / SOCKETS
        seats = made.seats
        frame = NoticeFrame(seq=1, prev=1, notice=NoticeView(seq=1, text="x" * TEXT))
        message = message_of(frame)

        async def by_hub() -> None:
            for _ in range(BURST):
                made.one.notice(made.hub, TEXT)
                position = seats[0]._channel.ring.end
                await until_sent(seats, position)

        async def by_loop() -> None:
            for _ in range(BURST):
                for seat in seats:
                    await seat.send(message)
                await asyncio.sleep(0)

        rates: dict[str, list[float]] = {"hub": [], "loop": []}
        expected = await made.ask(do="count")
        await measured(made, by_hub, expected)
        expected += BURST * SOCKETS
        for number in range(ROUNDS):
            order = [("hub", by_hub), ("loop", by_loop)]
            for name, work in order if number % 2 else order[::-1]:
                rates[name].append(await measured(made, work, expected))
                expected += BURST * SOCKETS
        hub, loop = median(rates["hub"]), median(rates["loop"])
        ratio = median([a / b for a, b in zip(rates["hub"], rates["loop"], strict=True)])
        return [
            ("deliveries a CPU second, hub", hub, "1/s", None, None),
            ("deliveries a CPU second, bare loop of send", loop, "1/s", None, None),
            ("hub against bare loop", ratio, "×", "≥ 0.8", ratio >= 0.8),
            ("an idle socket", socket_kib, "KiB", "≤ 40", socket_kib <= 40),
        ]


async def until_sent(seats: list[Seat], position: int) -> None:
    """Wait until every seat has been sent all there is."""
    while any(seat._position < position for seat in reversed(seats)):  # noqa: ASYNC110
        await asyncio.sleep(0)


async def measured(made: Rig, work: Callable[[], Awaitable[None]], expected: int) -> float:
    """Return the deliveries a CPU second of one round, all of them having arrived."""
    began = time.process_time()
    await work()
    spent = time.process_time() - began
    await made.delivered(expected + BURST * SOCKETS)
    return BURST * SOCKETS / spent


def resident() -> int:
    """Return the bytes of memory this process holds."""
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


async def stalled() -> list[Row]:
    """Compare, at the same time, a room with a reader that has stalled and one without."""
    async with rig(send_buffer=16_384) as made:
        await made.connect(READERS, ROOM)
        await made.connect(READERS, OTHER)
        with_one: list[float] = []
        without: list[float] = []
        gone_after: list[float] = []
        await told_for(made, 2.0)
        for number in range(STALL_ROUNDS):
            hit, spared = (ROOM, OTHER) if number % 2 else (OTHER, ROOM)
            await made.ask(do="stall", port=made.port, path=f"/live/{hit}/stalled")
            await made.listened(2 * READERS + 1)
            began = time.monotonic()
            # The kernel's buffers fill first.
            while not made.hub.blocked:
                await told_for(made, 0.1)
            for log in (hit, spared):
                await made.ask(do="latencies", group=log)
            await told_for(made, STALL_SECONDS)
            assert made.hub.blocked
            with_one.append(p99(await made.ask(do="latencies", group=hit)))
            without.append(p99(await made.ask(do="latencies", group=spared)))
            while made.hub.listeners() > 2 * READERS and time.monotonic() - began < 20:
                await told_for(made, 0.1)
            gone_after.append(time.monotonic() - began)
            await made.ask(do="close")
        change = median([a / b for a, b in zip(with_one, without, strict=True)]) - 1
        gone = max(gone_after)
        return [
            ("p99 in a room without a stalled reader", median(without), "ms", None, None),
            ("p99 of the others in a room with one", median(with_one), "ms", None, None),
            ("change of their p99", change * 100, "%", "< 10", change < 0.1),
            ("the stalled reader is gone after", gone, "s", "≤ 15", gone <= 15),
        ]


async def told_for(made: Rig, seconds: float) -> None:
    """Tell both rooms something at an even pace, now the one first, now the other."""
    began = time.monotonic()
    for number in range(int(seconds / EVERY)):
        pair = (made.one, made.other)
        for each in pair if number % 2 else pair[::-1]:
            each.notice(made.hub, LONG)
        await asyncio.sleep(max(0.0, began + (number + 1) * EVERY - time.monotonic()))


def p99(latencies: list[int]) -> float:
    """Return the 99th percentile in ms."""
    return latencies[int(0.99 * (len(latencies) - 1))] / 1e6


def run() -> list[Row]:
    """Measure everything; about two minutes."""
    return [*_on_loop(fan_out), *_on_loop(stalled)]


def _on_loop(work: Callable[[], Any]) -> list[Row]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        rows: list[Row] = runner.run(work())
        return rows


if __name__ == "__main__":
    from evals.performance.__main__ import main

    sys.exit(main(["hub"]))

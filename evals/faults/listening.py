"""A client's socket as docs/protocol.md has it: it comes back with what it saw last, and folds."""

from __future__ import annotations

import asyncio
import random

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

from evals.performance.process import HOST
from server.deliberation import frames as f
from server.deliberation.folding import fold
from server.deliberation.views import RoomView

from .calling import Door
from .witness import Witness

_decode = msgspec.json.Decoder(f.Frame).decode
_LOST = (OSError, EOFError, ConnectionClosed, InvalidHandshake, InvalidMessage, TimeoutError)
_PING = '{"type":"ping"}'
PING_AFTER = 2.0
"""Seconds of silence after which a client asks whether the line still holds."""
DEAD_AFTER = 5.0
"""Seconds of silence after which it takes the line for dead."""
FIRST_RETRY = 1.0
LONGEST_RETRY = 2.0
_FINAL = (4401, 4403, 4404, 4409)


class Listener:
    """One socket that is always wanted: where it ends, it is opened again, at the next server."""

    def __init__(
        self, doors: tuple[Door, ...], witness: Witness, rng: random.Random, *, first: int = 0
    ) -> None:
        self.view: RoomView | None = None
        self.position: int | None = None
        self.connected = asyncio.Event()
        self.server = ""
        self._doors = doors
        self._next = first
        self._witness = witness
        self._rng = rng
        self._retry = FIRST_RETRY
        self._failures = 0
        self._left: float | None = None
        self._hint = FIRST_RETRY
        self._moved = asyncio.Event()

    async def listen(self, room: str, token: str) -> None:
        """Hold a socket to ``room`` for ever."""
        while True:
            door = self._doors[self._next % len(self._doors)]
            after = "" if self.position is None else f"?after={self.position}"
            try:
                async with asyncio.timeout(6):
                    socket = await connect(
                        f"ws://{HOST}:{door.port}/live/rooms/{room}{after}",
                        additional_headers={"Authorization": f"Bearer {token}"},
                        compression=None,
                        max_size=None,
                        ping_interval=None,
                        open_timeout=None,
                        close_timeout=0.1,
                    )
                try:
                    await self._read(socket, door)
                finally:
                    socket.transport.abort()
            except ConnectionClosed as closed:
                self._closed(closed.rcvd.code if closed.rcvd else 1006)
            except _LOST:
                self._closed(0)
            finally:
                self._down()
            self._next += 1
            await asyncio.sleep(self._wait())

    def _wait(self) -> float:
        """Return how long to wait: what was hinted at, jittered, and longer after each failure."""
        self._failures += 1
        longest = min(max(LONGEST_RETRY, self._retry), self._retry * 2 ** (self._failures - 1))
        return longest * self._rng.uniform(0.5, 1.5)

    def _down(self) -> None:
        if self.connected.is_set():
            self.connected.clear()
            self._left, self._hint = self._witness.now, self._retry
            self._witness.socket(up=False)

    def _up(self, door: Door) -> None:
        self.connected.set()
        self.server = door.server
        self._failures = 0
        self._witness.socket(up=True)
        if self._left is not None:
            self._witness.delays.append((self._witness.now - self._left, self._hint))

    def _closed(self, code: int) -> None:
        self._witness.counts[f"socket closed with {code}" if code else "socket lost"] += 1
        if code in _FINAL:
            self._witness.wrong(f"a socket was closed with {code}")

    async def _read(self, socket: ClientConnection, door: Door) -> None:
        hello = await self._hear(socket)
        if not isinstance(hello, f.Hello):
            self._witness.wrong(f"the first frame is {type(hello).__name__}")
            return
        self._retry = hello.retry_ms / 1000
        if self.position is not None and hello.seq == self.position:
            self._witness.counts["sockets resumed"] += 1
            self._up(door)
        elif self.position is not None:
            self._witness.counts["sockets given a snapshot again"] += 1
        while True:
            frame = await self._hear(socket)
            match frame:
                case f.Snapshot(room=room):
                    if self.position is not None and room.seq < self.position:
                        self._witness.counts["snapshots from before what was seen"] += 1
                    self.view, self.position = room, room.seq
                    if not self.connected.is_set():
                        self._up(door)
                case f.Hello():
                    self._witness.wrong("a second hello")
                case f.TallyFrame() | f.PresenceFrame() | f.AnalysisFrame() | f.QueueFrame():
                    pass
                case f.Pong():
                    pass
                case _:
                    self._fold(frame)
            self._moved.set()

    async def _hear(self, socket: ClientConnection) -> f.Frame:
        """Return the next frame; ask after a silence, and give up after a long one."""
        try:
            async with asyncio.timeout(PING_AFTER):
                data = await socket.recv()
        except TimeoutError:
            await socket.send(_PING)
            try:
                async with asyncio.timeout(DEAD_AFTER - PING_AFTER):
                    data = await socket.recv()
            except TimeoutError:
                self._witness.counts["sockets given up as dead"] += 1
                raise
        self._witness.counts["frames"] += 1
        return _decode(data)

    def _fold(self, frame: f.EventFrame) -> None:
        if self.view is None or self.position is None:
            self._witness.wrong("an event before a snapshot")
            return
        if frame.prev != self.position or frame.seq <= self.position:
            self._witness.wrong(
                f"{self.server}: after {self.position} came {frame.seq}, which follows {frame.prev}"
            )
        self.view = fold(self.view, frame)
        self.position = frame.seq

    async def until(self, wanted: dict[str, object], patience: float) -> bool:
        """Wait until the picture is ``wanted``, as :func:`seen` gives it; tell whether it is."""
        try:
            async with asyncio.timeout(patience):
                while self.view is None or seen(self.view) != wanted:
                    self._moved.clear()
                    await self._moved.wait()
        except TimeoutError:
            return False
        return True


def seen(view: RoomView) -> dict[str, object]:
    """Return what event frames keep up to date: all but the tally and the seq."""
    plain: dict[str, object] = msgspec.to_builtins(view)
    return {name: value for name, value in plain.items() if name not in ("seq", "tally")}

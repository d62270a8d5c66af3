"""A participant who folds every frame into a picture of the room, and can compare it."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

from evals.performance.line import Line, request
from server.deliberation import frames as f
from server.deliberation.folding import fold
from server.deliberation.views import RoomView

from .ledger import Acknowledged, Command, Ledger, Owed, Unexpected

HOST = "127.0.0.1"
_decode_frame = msgspec.json.Decoder(f.Frame).decode
_decode_room = msgspec.json.Decoder(RoomView).decode
_LOST = (OSError, EOFError, ConnectionClosed, InvalidHandshake, InvalidMessage, TimeoutError)


class Gate:
    """Whether the server is there; everybody waits here while it is not."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()
        self.acting = asyncio.Event()
        self.acting.set()

    def shut(self) -> None:
        """Say that the server is gone."""
        self._open.clear()

    def open(self) -> None:
        """Say that it is back."""
        self._open.set()

    async def passed(self) -> None:
        """Wait until it is there."""
        await self._open.wait()


class Member:
    """One participant with a connection for commands and a socket."""

    def __init__(self, port: int, gate: Gate, rng: random.Random, *, pace: float) -> None:
        """``pace``: seconds between two actions on the average."""
        self.ledger = Ledger()
        self.view: RoomView | None = None
        self.position: int | None = None
        self.frames = 0
        self.snapshots = 0
        self.resumed = 0
        self.closed: Counter[int] = Counter()
        self.participant = ""
        self.room = ""
        self._token = ""
        self._port = port
        self._gate = gate
        self._rng = rng
        self._pace = pace
        self._line: Line | None = None
        self._busy = asyncio.Lock()
        self._asked = 0
        self.connected = asyncio.Event()
        self._moved = asyncio.Event()

    async def join(self, invite: str) -> None:
        """Use an invite."""
        status, answer = await self._ask(
            "POST", "/api/join", encoded(invite=invite, client="script")
        )
        if status != 201:
            raise Unexpected(f"join: {status}")
        joined = msgspec.json.decode(answer)
        self._token, self.participant = joined["token"], joined["participant"]
        self.room = joined["rooms"][0]["id"]

    async def act(self) -> None:
        """Do what participants do, for ever, as long as :attr:`Gate.acting` is set."""
        while True:
            await self._gate.acting.wait()
            await asyncio.sleep(self._rng.expovariate(1 / self._pace))
            if not self._gate.acting.is_set():
                continue
            try:
                async with self._busy:
                    await self._settle()
                    await self._one_thing()
            except _LOST:
                self.hang_up()
                await self._gate.passed()

    async def settle(self) -> None:
        """Send what has no answer again, until it has one."""
        while self.ledger.waiting:
            await self._gate.passed()
            try:
                async with self._busy:
                    await self._settle()
            except _LOST:
                self.hang_up()
                await asyncio.sleep(0.05)

    async def _settle(self) -> None:
        for command in list(self.ledger.waiting.values()):
            await self._send(command)

    async def _one_thing(self) -> None:
        what = self._rng.random()
        path = f"/api/rooms/{self.room}"
        if what < 0.01:
            await self._write()
        elif what < 0.15 and self.ledger.votes():
            again = self._rng.choice(sorted(self.ledger.votes()))
            await self._vote(again)
        else:
            status, answer = await self._ask("GET", f"{path}/next")
            if status != 200:
                raise Unexpected(f"next: {status} {answer[:200]!r}")
            found = msgspec.json.decode(answer)["statement"]
            if found is not None:
                await self._vote(found["id"])
            elif what > 0.9:
                await self._write()

    async def _write(self) -> None:
        text = f"{self.participant} says {self._asked}"
        await self._command(f"/api/rooms/{self.room}/statements", text=text)

    async def _vote(self, statement: str) -> None:
        choice = self._rng.choice(("agree", "agree", "disagree", "pass"))
        path = f"/api/rooms/{self.room}/votes"
        await self._command(path, statement=statement, statement_id=statement, choice=choice)

    async def _command(self, path: str, *, statement: str = "", **body: str) -> None:
        self._asked += 1
        key = f"{self.participant}-{self._asked}"
        command = Command(key, path, encoded(**body), statement)
        self.ledger.waiting[key] = command
        await self._send(command)

    async def _send(self, command: Command) -> None:
        status, answer = await self._ask("POST", command.path, command.body, command.key)
        if status == 503:
            raise ConnectionResetError  # it is going down: nothing was carried out
        if status != 201:
            raise Unexpected(f"{command.path}: {status} {answer[:200]!r}")
        receipt = msgspec.json.decode(answer)
        statement = receipt.get("statement_id", command.statement)
        del self.ledger.waiting[command.key]
        earlier = self.ledger.acknowledged.get(command.key)
        if earlier is not None:
            raise Owed(f"{command.key} was acknowledged twice")
        self.ledger.acknowledged[command.key] = Acknowledged(command, receipt["seq"], statement)

    async def listen(self) -> None:
        """Hold a socket for ever: come back where it ends, with what was seen last."""
        while True:
            await self._gate.passed()
            after = "" if self.position is None else f"?after={self.position}"
            address = f"ws://{HOST}:{self._port}/live/rooms/{self.room}{after}"
            headers = {"Authorization": f"Bearer {self._token}"}
            try:
                async with connect(
                    address,
                    additional_headers=headers,
                    compression=None,
                    max_size=None,
                    ping_interval=None,
                    open_timeout=10,
                    close_timeout=1,
                ) as socket:
                    await self._read(socket)
            except ConnectionClosed as closed:
                self.closed[closed.rcvd.code if closed.rcvd else 1006] += 1
            except _LOST:
                self.closed[0] += 1
            finally:
                self.connected.clear()
            await asyncio.sleep(self._rng.uniform(0.02, 0.2))

    async def _read(self, socket: ClientConnection) -> None:
        hello = _decode_frame(await socket.recv())
        if not isinstance(hello, f.Hello):
            raise Owed(f"the first frame is {type(hello).__name__}")
        if self.position is not None and hello.seq == self.position:
            self.resumed += 1
            self.connected.set()
        while True:
            frame = _decode_frame(await socket.recv())
            self.frames += 1
            match frame:
                case f.Snapshot(room=room):
                    if self.position is not None and room.seq < self.position:
                        raise Owed("a snapshot from before what was seen already")
                    self.view, self.position = room, room.seq
                    self.snapshots += 1
                    self.connected.set()
                case f.Hello():
                    raise Owed("a second hello")
                case f.TallyFrame() | f.PresenceFrame() | f.AnalysisFrame() | f.QueueFrame():
                    pass
                case f.Pong():
                    raise Owed("a pong without a ping")
                case _:
                    self._fold(frame)
            self._moved.set()

    def _fold(self, frame: f.EventFrame) -> None:
        if self.view is None or self.position is None:
            raise Owed("an event before a snapshot")
        if frame.prev != self.position or frame.seq <= self.position:
            raise Owed(f"after {self.position} came {frame.seq}, which follows {frame.prev}")
        self.view = fold(self.view, frame)
        self.position = frame.seq

    async def check(self) -> None:
        """Compare with the server: every acknowledged command once, and the room as it is.

        Raises:
            Owed: something differs.
        """
        me = msgspec.json.decode(await self._get("/api/me"))
        kept = {vote["statement_id"]: vote["seq"] for vote in me["votes"]}
        if kept != self.ledger.votes():
            raise Owed(f"votes differ: {_difference(kept, self.ledger.votes())}")
        written = [statement["statement_id"] for statement in me["statements"]]
        if sorted(written) != sorted(self.ledger.statements()):
            raise Owed("statements differ")

    async def caught_up(self, patience: float = 10.0) -> None:
        """Wait until the folded picture equals the room fetched afresh; nobody acts meanwhile.

        Raises:
            Owed: it does not in ``patience`` seconds.
        """
        fresh = _decode_room(await self._get(f"/api/rooms/{self.room}"))
        wanted = seen(fresh)
        try:
            async with asyncio.timeout(patience):
                while self.view is None or seen(self.view) != wanted:
                    self._moved.clear()
                    await self._moved.wait()
        except TimeoutError:
            position = self.position
            raise Owed(f"the picture at {position} is not the room's at {fresh.seq}") from None

    async def _get(self, path: str) -> bytes:
        async with self._busy:
            try:
                status, answer = await self._ask("GET", path)
            except _LOST:
                # The connection was to a server that is no more.
                self.hang_up()
                status, answer = await self._ask("GET", path)
        if status != 200:
            raise Unexpected(f"{path}: {status}")
        return answer

    async def _ask(
        self, method: str, path: str, body: bytes = b"", key: str = ""
    ) -> tuple[int, bytes]:
        if self._line is None:
            self._line = await Line.open(HOST, self._port)
        host = f"{HOST}:{self._port}"
        return await self._line.ask(request(method, path, host, self._token, key, body))

    def hang_up(self) -> None:
        """Close the connection for commands; the next command opens another."""
        if self._line is not None:
            self._line.close()
            self._line = None


def seen(view: RoomView) -> dict[str, object]:
    """Return what event frames keep up to date: all but the tally and the seq."""
    plain: dict[str, object] = msgspec.to_builtins(view)
    return {name: value for name, value in plain.items() if name not in ("seq", "tally")}


def encoded(**fields: str) -> bytes:
    """Return a JSON object of strings."""
    return msgspec.json.encode(fields)


def _difference(kept: dict[str, int], owed: dict[str, int]) -> str:
    missing = len(owed.keys() - kept.keys())
    extra = len(kept.keys() - owed.keys())
    other = sum(kept[each] != owed[each] for each in kept.keys() & owed.keys())
    return f"{missing} missing, {extra} that nobody sent, {other} at another seq"

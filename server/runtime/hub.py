"""The hub: who listens to which room, and what each of them is sent next."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..deliberation import audience
from ..deliberation import events as e
from ..deliberation import frames as f
from ..deliberation.audience import Announcement
from ..deliberation.room import RoomState
from ..deliberation.views import Viewer, room_view
from ..errors import FolkmootError
from ..ids import LogId, ParticipantId
from .channel import Channel
from .pump import Overrun, Pump, Send
from .ring import Message, message_of

RESTART = 1012
NOT_SIGNED_IN = 4401
WITHDRAWN = 4403
TOO_SLOW = 4408
TOO_MANY_SOCKETS = 4409

SOCKETS_OF_ONE_PERSON = 8
PATIENCE = 10.0
RETRY_MS = 2_000
_AT_ONCE = 128
_logger = logging.getLogger(__name__)
_PONG = message_of(f.Pong())


class SocketRefused(FolkmootError):
    """A socket that gets no seat; ``close_code`` is what it is to be closed with."""

    code = "socket-refused"

    def __init__(self, close_code: int, message: str) -> None:
        super().__init__(message)
        self.close_code = close_code


@dataclass(frozen=True, slots=True)
class Line:
    """An accepted socket: its ``send``, and ``drop(code)``, which closes it without waiting."""

    send: Send
    drop: Callable[[int], None]


class Rooms(Protocol):
    """Where the state of a room is found, at rest."""

    async def room(self, log: LogId) -> RoomState:
        """Return a room; NotFound where there is none."""
        ...

    async def look(self, *logs: LogId) -> None:
        """Bring rooms to where they stand, if other processes write to them too."""
        ...


class Seat:
    """A socket's place in a room; what it is sent, in order, each once."""

    __slots__ = (
        "_backlog", "_channel", "_end", "_line", "_position", "_viewed", "active", "closed", "prev",
        "send", "viewer",
    )  # fmt: skip

    def __init__(
        self, channel: Channel, viewer: Viewer, line: Line, end: Callable[[Seat, int | None], None]
    ) -> None:
        self._channel = channel
        self._line = line
        self._end = end
        self._backlog: deque[Message] | None = None
        self._position = channel.ring.end
        self._viewed = 0
        self.viewer = viewer
        self.send = line.send
        self.prev = 0
        self.active = True
        self.closed = False
        """Nothing is sent any more; the one who reads from the socket may leave it."""

    @property
    def room(self) -> LogId:
        """The room it is in."""
        return self._channel.log

    def start(self, position: int, prev: int, first: Sequence[Message]) -> None:
        """Begin with ``first``, then go on from a position of the ring."""
        self._position = position
        self.prev = prev
        self._backlog = deque(first)

    def say(self, message: Message) -> None:
        """Put a message before what is next; the pump sends it."""
        if self._backlog is None:
            self._backlog = deque()
        self._backlog.append(message)

    def next(self) -> Message | None:
        """Return what is to be sent next: what was said, then events in order, then views."""
        if self.closed:
            return None
        if self._backlog is not None:
            message = self._backlog.popleft()
            if not self._backlog:
                self._backlog = None
            return message
        ring = self._channel.ring
        position = self._position
        while position < ring.end:
            if position < ring.first:
                raise Overrun
            told = ring.at(position)
            position += 1
            form = told.form_for(self.viewer)
            if form is not None:
                self._position = position
                prev, self.prev = self.prev, told.seq
                return form.message(prev)
        self._position = position
        if self._channel.version > self._viewed:
            self._viewed, message = self._channel.view_after(self._viewed)
            return message
        return None

    def stalled(self) -> None:
        """End it: its peer reads too slowly."""
        self._end(self, TOO_SLOW)

    def lost(self) -> None:
        """End it: its peer has gone."""
        self._end(self, None)

    def drop(self, code: int) -> None:
        """Close the socket, waiting for nobody."""
        self._line.drop(code)


class Hub:
    """Tells people in rooms what happened there; the :class:`~.states.Announcer` of a server.

    Everything here happens on the event loop; nothing waits for a peer.
    """

    def __init__(
        self, rooms: Rooms, *, patience: float = PATIENCE, retry_ms: int = RETRY_MS
    ) -> None:
        """A peer that keeps a frame waiting for ``patience`` seconds is dropped with 4408."""
        self._rooms = rooms
        self.retry_ms = retry_ms
        self._pump = Pump(patience=patience)
        self._channels: dict[LogId, Channel] = {}
        self._seats: dict[LogId, dict[Seat, None]] = {}
        self._people: dict[ParticipantId, set[Seat]] = {}
        self._sweeping: set[LogId] = set()
        self._again: set[LogId] = set()
        self._stopped = False

    async def join(self, room: LogId, viewer: Viewer, after: int | None, line: Line) -> Seat:
        """Give an accepted socket a seat: ``hello``, then a snapshot or what it missed, then on.

        ``after`` is the last seq that it knows. From now on nobody but the hub sends on it; whoever
        reads from it calls :meth:`leave` in the end.

        Raises:
            NotFound: there is no such room.
            SocketRefused: this person has eight sockets already, or the server is stopping.
        """
        state = await self._rooms.room(room)
        if after is not None and after > state.seq:
            # They come from another server, which was a moment ahead.
            await self._rooms.look(room)
            state = await self._rooms.room(room)
        if self._stopped:
            raise SocketRefused(RESTART, "The server is going down.")
        own = self._people.setdefault(viewer.participant, set())
        if len(own) >= SOCKETS_OF_ONE_PERSON:
            raise SocketRefused(TOO_MANY_SOCKETS, "Too many windows are open for one person.")
        channel = self._channel(state, state.seq)
        seat = Seat(channel, viewer, line, self._end)
        position = channel.ring.position_after(after) if after is not None else None
        if after is None or position is None or after > state.seq:
            shown = message_of(f.Snapshot(room=room_view(state, viewer)))
            seat.start(channel.ring.end, state.seq, (self._hello(state.seq, state), shown))
        else:
            seat.start(position, after, (self._hello(after, state),))
        own.add(seat)
        self._seats.setdefault(room, {})[seat] = None
        channel.arrive(viewer.participant)
        self._pump.run(seat)
        return seat

    def leave(self, seat: Seat) -> None:
        """Give up a seat, whoever ended it; a second call does nothing."""
        self._end(seat, None)

    def pong(self, seat: Seat) -> None:
        """Answer a ping."""
        if not seat.closed:
            seat.say(_PONG)
            self._pump.run(seat)

    def presence(self, seat: Seat, *, active: bool) -> None:
        """Take note that a person is looking, or is not."""
        if seat.active == active or seat.closed:
            return
        seat.active = active
        channel = self._channels[seat.room]
        if active:
            channel.arrive(seat.viewer.participant)
        else:
            channel.depart(seat.viewer.participant)

    def close(self, seat: Seat, code: int) -> None:
        """Close a socket with ``code``, waiting for nobody."""
        self._end(seat, code)

    def expel(self, participant: ParticipantId, code: int = WITHDRAWN) -> None:
        """Close all sockets of a person."""
        for seat in tuple(self._people.get(participant, ())):
            self._end(seat, code)

    def refuse(self) -> None:
        """Take no more sockets: who comes is told to come back later."""
        self._stopped = True

    def listening(self) -> tuple[tuple[Seat, ...], ...]:
        """Return the seats that are taken, by room."""
        return tuple(tuple(seats) for seats in self._seats.values() if seats)

    def stop(self) -> None:
        """Close all sockets with 1012 and take no more."""
        self._stopped = True
        for seats in tuple(self._seats.values()):
            for seat in tuple(seats):
                self._end(seat, RESTART)
        for channel in self._channels.values():
            channel.stop()

    def listeners(self, room: LogId | None = None) -> int:
        """Return how many sockets listen, to one room or to all."""
        if room is not None:
            return len(self._seats.get(room, ()))
        return sum(len(seats) for seats in self._seats.values())

    def here(self) -> dict[LogId, Collection[ParticipantId]]:
        """Return who is looking, by room, through the sockets of this process."""
        return {log: self._channels[log].here for log, seats in self._seats.items() if seats}

    def elsewhere(self, room: LogId, people: int) -> None:
        """Take note of how many more are in a room, through other servers."""
        channel = self._channels.get(room)
        if channel is not None:
            channel.elsewhere(people)

    def rings(self) -> tuple[int, float]:
        """Return how many frames the fullest ring holds, and how far back the shortest reaches.

        The latter in seconds, among rings that are full; infinite where none is.
        """
        rings = [channel.ring for channel in self._channels.values()]
        return (
            max((ring.end - ring.first for ring in rings), default=0),
            min((ring.age for ring in rings if ring.full), default=float("inf")),
        )

    @property
    def sent(self) -> int:
        """How many frames were sent so far."""
        return self._pump.sent

    @property
    def blocked(self) -> int:
        """How many sockets keep a frame waiting now."""
        return self._pump.blocked

    def prepare(self, recorded: e.Recorded, state: RoomState) -> Announcement | None:
        """Return what may be told of an event; ``state`` is the room right after it."""
        return audience.announcement(recorded, state)

    def restored(self, state: RoomState, since: int, told: Sequence[Announcement]) -> None:
        """Take note of a room that was loaded, and of all that was told after seq ``since``.

        Its ring goes on where it was when the state was dropped. Where more was told meanwhile
        than was kept, the sockets come back and begin anew.
        """
        channel = self._channel(state, since)
        if since > channel.upto:
            for seat in tuple(self._seats.get(state.log, ())):
                self._end(seat, RESTART)
            channel.begin_again(since)
        self._told(channel, state, told)

    def publish(
        self, state: RoomState, happened: Sequence[e.Recorded], told: Sequence[Announcement]
    ) -> None:
        """Tell a room what happened; it is durable."""
        self._told(self._channel(state, happened[0].seq - 1), state, told)

    def _told(self, channel: Channel, state: RoomState, told: Sequence[Announcement]) -> None:
        new = channel.tell(state.seq, told)
        channel.look(state)
        if new:
            self._sweep_soon(state.log)

    def forget(self, log: LogId) -> bool:
        """Forget a room that nobody uses; False, and nothing happens, where somebody listens."""
        if self._seats.get(log):
            return False
        self._seats.pop(log, None)
        channel = self._channels.pop(log, None)
        if channel is not None:
            channel.stop()
        return True

    def noticed(self, happened: Sequence[e.Recorded]) -> None:
        """Close the sockets of people whose role or sessions ended, or whose role is another."""
        for recorded in happened:
            match recorded.event:
                case e.RoleChanged(participant=participant, role=None):
                    self.expel(participant)
                case e.RoleChanged(participant=participant):
                    # They come back at once, in their new role.
                    self.expel(participant, RESTART)
                case e.SessionsEnded() if recorded.by is not None:
                    self.expel(recorded.by, NOT_SIGNED_IN)

    def _hello(self, seq: int, state: RoomState) -> Message:
        return message_of(f.Hello(seq=seq, head=state.seq, retry_ms=self.retry_ms))

    def _channel(self, state: RoomState, since: int) -> Channel:
        channel = self._channels.get(state.log)
        if channel is None:
            channel = Channel(state, since, self._sweep_soon)
            self._channels[state.log] = channel
        return channel

    def _sweep_soon(self, room: LogId) -> None:
        if room in self._sweeping:
            self._again.add(room)
            return
        seats = self._seats.get(room)
        if seats:
            self._sweeping.add(room)
            asyncio.get_running_loop().call_soon(self._sweep, room, list(seats), 0)

    def _sweep(self, room: LogId, seats: list[Seat], start: int) -> None:
        run = self._pump.run
        end = start + _AT_ONCE
        for seat in seats[start:end]:
            run(seat)
        if end < len(seats):
            asyncio.get_running_loop().call_soon(self._sweep, room, seats, end)
            return
        self._sweeping.discard(room)
        if room in self._again:
            self._again.discard(room)
            self._sweep_soon(room)

    def _end(self, seat: Seat, code: int | None) -> None:
        if seat.closed:
            return
        seat.closed = True
        self._pump.forget(seat)
        self._seats.get(seat.room, {}).pop(seat, None)
        person = seat.viewer.participant
        own = self._people.get(person)
        if own is not None:
            own.discard(seat)
            if not own:
                del self._people[person]
        if seat.active and not self._stopped:
            self._channels[seat.room].depart(person)
        if code is not None:
            try:
                seat.drop(code)
            except Exception as error:  # noqa: BLE001 - one peer's end is not the others'
                _logger.debug("dropping a socket failed: %s", type(error).__name__)

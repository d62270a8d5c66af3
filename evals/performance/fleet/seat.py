"""A place in a room, whoever's socket is in it now: where it stands in the stream, what it is owed.

A seat outlives its sockets: when one ends it comes back with ``after``, as the protocol says.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING

import msgspec

from server.deliberation import frames as f
from server.deliberation.views import RoomView

from .books import EVENT, HELLO, PRESENCE, SNAPSHOT, TALLY, Heard, Room
from .wire import Wire

if TYPE_CHECKING:
    from .people import Person

NOWHERE = -1


class Seat:
    """One seat. ``ended`` is told when its socket has gone: the close code, the HTTP status."""

    __slots__ = (
        "_ended",
        "_fresh",
        "_got",
        "_head",
        "_skipped",
        "_start",
        "leaving",
        "person",
        "position",
        "retry",
        "room",
        "since",
        "spans",
        "standing",
        "votes",
        "wire",
    )

    def __init__(self, person: Person, room: Room, ended: Callable[[Seat, int, int], None]) -> None:
        self.person = person
        self.room = room
        self.position = NOWHERE
        self.spans: list[tuple[int, int, int, int]] | None = None
        """Earlier stretches that a snapshot ended: after, until, got, left out."""
        self.wire: Wire | None = None
        self.standing = False
        """Whether it has all that was there when it sat down."""
        self.leaving = False
        self.retry = 0.0
        self.since = 0.0
        self.votes = 0
        """Votes by the last tally that it was shown."""
        self._ended = ended
        self._start = NOWHERE
        self._got = 0
        self._skipped = 0
        self._head = 0
        self._fresh = True

    @property
    def query(self) -> str:
        """What the address of its next socket ends with."""
        return "" if self.position == NOWHERE else f"?after={self.position}"

    def sit(self, wire: Wire) -> None:
        """Take a new socket."""
        self.wire = wire
        self._fresh = True
        # Another server may not have been told of the last votes yet.
        self.votes = 0
        self.leaving = False

    def leave(self, *, rudely: bool) -> None:
        """End the socket; ``ended`` is told when it has gone."""
        self.leaving = True
        if self.wire is not None:
            if rudely:
                self.wire.cut()
            else:
                self.wire.close()

    def opened(self) -> None:
        """The handshake is done."""
        self.room.books.connects += 1

    def ended(self, code: int, status: int) -> None:
        """The socket has gone."""
        self.wire = None
        if self.standing or not self.since:
            self.since = perf_counter()
        self.standing = False
        self._ended(self, code, status)

    def nonsense(self) -> None:
        """The server sent what is no frame."""
        self.room.books.fault("no frame of a websocket", self.room.log)

    def heard(self, payload: bytes, now: float) -> None:
        """Check one frame."""
        room = self.room
        if self.leaving:
            return
        try:
            heard = room.read(payload)
        except msgspec.DecodeError:
            room.books.fault("a text that is no frame", f"{room.log} after {self.position}")
            return
        kind = heard.kind
        if self._fresh or kind == SNAPSHOT:
            self._greeted(heard)
        elif kind == EVENT:
            if heard.prev != self.position or heard.seq <= heard.prev:
                self._broken(heard)
                return
            self._step(heard, now)
        elif kind in (TALLY, PRESENCE):
            room.books.views += 1
            if kind == TALLY:
                if heard.number < self.votes:
                    what = f"{room.log}: {heard.number} votes after {self.votes}"
                    room.books.fault("a tally that went back", what)
                self.votes = heard.number
        elif kind == HELLO:
            room.books.fault("a second hello", room.log)
        else:
            room.books.views += 1

    def _step(self, heard: Heard, now: float) -> None:
        room = self.room
        self.position = heard.seq
        if heard.number:
            return  # it is for this person alone
        self._skipped += room.left_out(heard.prev, heard.seq)
        self._got += 1
        room.books.frames += 1
        if heard.seq > self._head:
            room.arrived(heard.seq, now)

    def _broken(self, heard: Heard) -> None:
        room = self.room
        example = f"{room.log}: at {self.position} came {heard.seq}, which follows {heard.prev}"
        if heard.seq <= self.position:
            again = heard.seq == self.position or heard.seq > self._start
            room.books.fault(
                "a frame doubled or out of order" if again else "a frame from before", example
            )
            return
        # As a client does: what is missing comes when it sits down again.
        room.books.fault("a frame was left out", example)
        self.leave(rudely=True)

    def _greeted(self, heard: Heard) -> None:
        frame = heard.frame
        if isinstance(frame, f.Hello) and self._fresh:
            self._fresh = False
            self.retry = frame.retry_ms / 1000
            self._head = frame.head
            if self.position not in (NOWHERE, frame.seq):
                return
            if self.position == frame.seq:
                self.room.books.resumed += 1
                self.standing = True
        elif isinstance(frame, f.Snapshot) and not self._fresh:
            self._pictured(frame.room)
        else:
            self._fresh = False
            self.room.books.fault("a first frame that is no hello", self.room.log)

    def _pictured(self, view: RoomView) -> None:
        room, seq = self.room, view.seq
        books = room.books
        books.snapshots += 1
        if seq < self.position:
            books.fault("a snapshot from before", f"{room.log}: {seq} after {self.position}")
        if self.position != NOWHERE:
            self.spans = [*(self.spans or ()), self._span()]
        check_picture(room, view)
        self.position = self._start = seq
        self._got = self._skipped = 0
        self._head = max(self._head, seq)
        self.votes = view.tally.votes
        self.standing = True

    def _span(self) -> tuple[int, int, int, int]:
        return self._start, self.position, self._got, self._skipped

    def account(self) -> tuple[int, int]:
        """Return how many frames it was owed and how many it got, now that the room has settled."""
        owed = got = 0
        last = max(self.room.last, self.position)
        for after, until, had, skipped in (
            *(self.spans or ()),
            (self._start, last, self._got, self._skipped),
        ):
            if after != NOWHERE:
                owed += self.room.owed(after, until) - skipped
                got += had
        return owed, got


def check_picture(room: Room, view: RoomView) -> None:
    """Check that a room shows each acknowledged statement once, but those that were taken away."""
    room.tallies.add((view.tally.voters, view.tally.votes))
    ids = {each.id for each in view.statements}
    if len(ids) != len(view.statements):
        room.books.fault("a statement twice in a room", f"{room.log} at {view.seq}")
    gone = [
        each
        for each, written in room.written.items()
        if written <= view.seq and written not in room.withdrawn and each not in ids
    ]
    if gone:
        example = f"{room.log} at {view.seq}: {gone[0]}"
        room.books.fault("a statement not in its room", example, times=len(gone))

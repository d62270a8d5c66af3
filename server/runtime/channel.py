"""A room as its listeners are told of it: the ring of events, and the views with their latest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable

from ..deliberation import frames as f
from ..deliberation.audience import Announcement
from ..deliberation.room import RoomState
from ..deliberation.views import tally_view
from ..ids import LogId, ParticipantId
from .ring import Message, Ring, message_of
from .states import RING

VIEWS_EVERY = 1.0
"""Seconds between two rounds of views in a room: thousands of votes a second are one tally."""


class Channel:
    """What goes out of one room, for all its sockets.

    Views have versions that count on: a socket that has been shown version n is owed the views
    with a later one, and of each only the latest.
    """

    def __init__(self, state: RoomState, since: int, changed: Callable[[LogId], None]) -> None:
        """``changed`` is called when there is a view to send; ``since`` as for the ring."""
        self.log = state.log
        self.ring = Ring(RING, since)
        self.upto = since
        """Everything up to this seq was told, as far as it is told at all."""
        self.version = 0
        self._changed = changed
        self._shown: dict[type, f.ViewFrame] = {}
        self._views: dict[type, tuple[int, Message]] = {}
        self._waiting: dict[type, f.ViewFrame] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._here: dict[ParticipantId, int] = {}
        self._elsewhere = 0
        self.look(state)

    def tell(self, upto: int, told: Iterable[Announcement]) -> bool:
        """Put into the ring what was told up to a seq; what is there already is left out.

        Returns whether anything is new.
        """
        new = False
        for announcement in told:
            if announcement.seq > self.upto:
                self.ring.push(announcement)
                new = True
        self.upto = max(self.upto, upto)
        return new

    def begin_again(self, since: int) -> None:
        """Empty the ring: something before what follows ``since`` was never put into it."""
        self.ring = Ring(RING, since)
        self.upto = since

    def look(self, state: RoomState) -> None:
        """Show what of ``state`` is a view and has changed."""
        tally = tally_view(state)
        self.show(f.TallyFrame(voters=tally.voters, votes=tally.votes, statements=tally.statements))
        self.show(f.QueueFrame(drafts=len(state.requests)))
        if state.analysis is not None:
            self.show(f.AnalysisFrame(as_of_seq=state.analysis.as_of_seq))

    def arrive(self, participant: ParticipantId) -> None:
        """Count a socket of somebody who is looking."""
        self._here[participant] = self._here.get(participant, 0) + 1
        self._count()

    def depart(self, participant: ParticipantId) -> None:
        """Count it no more."""
        left = self._here.get(participant, 0) - 1
        if left > 0:
            self._here[participant] = left
        else:
            self._here.pop(participant, None)
        self._count()

    @property
    def here(self) -> Collection[ParticipantId]:
        """Who is looking, through a socket of this process."""
        return self._here.keys()

    def elsewhere(self, people: int) -> None:
        """Take note of how many more are looking through other servers."""
        self._elsewhere = people
        self._count()

    def show(self, frame: f.ViewFrame) -> None:
        """Show a view, now or with the next round; one that is the same again is not sent."""
        kind = type(frame)
        if self._shown.get(kind) == frame:
            return
        self._shown[kind] = frame
        self._waiting[kind] = frame
        if self._timer is None:
            self._round()

    def view_after(self, version: int) -> tuple[int, Message]:
        """Return the earliest view later than ``version``, with its version; there must be one."""
        return min(
            (view for view in self._views.values() if view[0] > version), key=lambda view: view[0]
        )

    def stop(self) -> None:
        """Send no more views."""
        if self._timer is not None:
            self._timer.cancel()

    def _count(self) -> None:
        self.show(f.PresenceFrame(here=len(self._here) + self._elsewhere))

    def _round(self) -> None:
        self._timer = None
        if not self._waiting:
            return
        for kind, frame in self._waiting.items():
            self.version += 1
            self._views[kind] = (self.version, message_of(frame))
        self._waiting.clear()
        self._timer = asyncio.get_running_loop().call_later(VIEWS_EVERY, self._round)
        self._changed(self.log)

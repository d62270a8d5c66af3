"""Tallies counted anew from the log: each that was shown must have been so at some moment."""

from __future__ import annotations

from collections.abc import Iterable

from server.deliberation import events as e
from server.deliberation.state import TALLY_BATCH, TALLY_FROM
from server.deliberation.views import TallyView

from .books import Room


def check_tallies(room: Room, events: Iterable[e.Recorded], last: TallyView | None) -> None:
    """Compare what was shown with the votes in a room's log.

    ``last`` is what the room shows now: it may be behind by the votes of fewer people than a
    tally waits for.
    """
    cast: set[tuple[str, str]] = set()
    people: set[str] = set()
    moments = {(0, 0)}
    since: set[str] = set()
    now = (last.voters, last.votes) if last is not None else None
    for recorded in events:
        if not isinstance(recorded.event, e.VoteCast):
            continue
        voter = str(recorded.by)
        people.add(voter)
        cast.add((voter, str(recorded.event.statement)))
        moment = (len(people), len(cast))
        moments.add(moment)
        since.add(voter)
        if moment == now:
            since.clear()
    wrong = sorted(room.tallies - moments)
    if wrong:
        voters, votes = wrong[0]
        example = f"{room.log}: {votes} votes of {voters} people"
        room.books.fault("a tally that was never so", example, times=len(wrong))
    if now in moments and len(since) >= TALLY_BATCH and len(people) >= TALLY_FROM:
        what = f"{room.log}: {len(since)} people have voted since"
        room.books.fault("a tally that is behind", what)

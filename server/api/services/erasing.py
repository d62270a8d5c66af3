"""Taking one's words back, wherever they stand."""

from __future__ import annotations

from ...deliberation import commands as c
from ...ids import LogId
from ...runtime.writer import House
from ..identity import Identity


async def erase_words(house: House, who: Identity) -> int:
    """Delete everything a person wrote, in all rooms and in the assembly's log, for good.

    Returns how many records lost their words; votes and ballots stay.
    """
    erased = 0
    for log in (*(LogId(room.id) for room in who.state.rooms), who.assembly):
        erased += await _erase(house, log, who)
    return erased


async def _erase(house: House, log: LogId, who: Identity) -> int:
    state = await (house.assembly(log) if log == who.assembly else house.room(log))
    seqs = tuple(state.words.get(who.participant, ()))
    if not seqs:
        return 0
    records = await house.records(log, seqs)
    await house.submit(log, c.EraseContent(records=records), who.actor)
    return len(records)

"""Taking one's words back, wherever they stand."""

from __future__ import annotations

from dataclasses import replace

from ...deliberation import commands as c
from ...deliberation import events as e
from ...ids import LogId
from ...runtime.writer import House, Key
from ..identity import Identity


async def erase_words(house: House, who: Identity, key: Key | None = None) -> int:
    """Delete everything a person wrote, in all rooms and in the assembly's log, for good.

    Returns how many records lost their words; votes and ballots stay. With a ``key`` that came
    before it returns what it returned then.

    Raises:
        KeyReused: the key came with something else before; nothing was erased.
    """
    # What they wrote through another server a moment ago goes too.
    await house.look(who.assembly)
    assembly = await house.assembly(who.assembly)
    rooms = tuple(LogId(room.id) for room in assembly.rooms)
    await house.look(*rooms)
    erased = await _erase(house, who.assembly, who, key)
    for log in rooms:
        inner = replace(key, key=f"{key.key}#{log}") if key is not None else None
        erased += await _erase(house, log, who, inner)
    return erased


async def _erase(house: House, log: LogId, who: Identity, key: Key | None) -> int:
    state = await (house.assembly(log) if log == who.assembly else house.room(log))
    seqs = tuple(state.words.get(who.participant, ()))
    if not seqs and key is None:
        return 0
    records = await house.records(log, seqs)
    done = await house.submit(log, c.EraseContent(records=records), who.actor, key=key)
    return sum(
        len(each.event.remains) for each in done.recorded if isinstance(each.event, e.ContentErased)
    )

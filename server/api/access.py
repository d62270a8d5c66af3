"""One gate a kind of object: what is absent and what is not for this person answer alike.

What somebody may *do* to a thing they may see is decided in the core, by their role.
"""

from __future__ import annotations

from ..deliberation.assembly import AssemblyState, RoomEntry
from ..errors import Forbidden, NotFound
from ..ids import LogId
from .identity import Identity


def access_room(who: Identity, room_id: str) -> LogId:
    """Return the room's log, if the room belongs to this person's assembly.

    Raises:
        NotFound: there is no such room for this person.
    """
    for room in who.state.rooms:
        if room.id == room_id:
            return LogId(room.id)
    raise NotFound("There is no such room.")


def access_rooms(who: Identity) -> tuple[RoomEntry, ...]:
    """Return the rooms that this person may enter: all of their assembly."""
    return tuple(who.state.rooms)


def access_assembly(who: Identity, slug: str) -> AssemblyState:
    """Return the assembly of that slug, if it is this person's.

    Raises:
        NotFound: there is no such assembly for this person.
    """
    if who.state.slug != slug:
        raise NotFound("There is no such assembly.")
    return who.state


def access_export(who: Identity, slug: str) -> AssemblyState:
    """Return the assembly whose bundle this person may take away.

    Raises:
        NotFound: there is no such assembly for this person.
        Forbidden: they are in it, and their role takes no exports.
    """
    state = access_assembly(who, slug)
    if not who.role.exports:
        raise Forbidden("Only those who run the assembly and analysts take exports.")
    return state


def access_moderation(who: Identity, room_id: str) -> LogId:
    """Return the log of a room whose moderation desk this person may use.

    Raises:
        NotFound: there is no such room for this person.
        Forbidden: they are in it, and don't moderate.
    """
    log = access_room(who, room_id)
    if not who.role.moderates:
        raise Forbidden("Only moderators see what waits for a decision.")
    return log


def access_running(who: Identity, room_id: str) -> LogId:
    """Return the log of a room that this person may run.

    Raises:
        NotFound: there is no such room for this person.
        Forbidden: they are in it, and don't run it.
    """
    log = access_room(who, room_id)
    if not who.role.runs:
        raise Forbidden("Only those who run the assembly can do this.")
    return log

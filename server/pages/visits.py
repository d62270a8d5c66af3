"""Who looks at a page, at which room, and what they are to be told."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..api.access import access_room
from ..api.identity import Identity
from ..api.services.desk import AnyRequest, Desk
from ..deliberation.assembly import AssemblyState
from ..deliberation.room import RoomState
from ..deliberation.vocabulary import Channel, Role, Status
from ..errors import NotFound
from ..ids import LogId
from .receipts import COOKIE, Said, said_in


@dataclass(frozen=True, slots=True)
class Visit:
    """A request for a page; ``identity`` is None for somebody who is not signed in.

    ``room`` is the room that the page or its assembly is about, empty where there is none;
    ``waiting`` counts the statements that wait there, for those who moderate.
    """

    identity: Identity | None
    csrf: str = ""
    room: str = ""
    waiting: int = 0
    said: Said | None = None

    @property
    def role(self) -> Role:
        """The person's role; an observer's for somebody who is not signed in."""
        return self.identity.role if self.identity else Role.OBSERVER

    @property
    def name(self) -> str:
        """The person's own name, shown to themselves."""
        if self.identity is None:
            return ""
        return self.identity.state.members[self.identity.participant].name

    @property
    def simulated(self) -> bool:
        """Whether the person is a simulated one."""
        return self.identity is not None and self.identity.channel is Channel.SIMULATED


@dataclass(frozen=True, slots=True)
class Inside:
    """Somebody signed in who may enter a room: the visit, who they are, and the room's log."""

    visit: Visit
    who: Identity
    log: LogId


@dataclass(frozen=True, slots=True)
class Counts:
    """Who was admitted as a participant, by how they came."""

    people: int
    simulated: int
    imported: int


async def visit_of(desk: Desk, request: AnyRequest, *, slug: str | None = None) -> Visit:
    """Return the visit behind a request; with ``slug``, signed in only if it is their assembly."""
    said = said_in(request.cookies.get(COOKIE))
    who = await desk.identities.found(request.scope)
    if who is None or (slug is not None and who.state.slug != slug):
        return Visit(None, said=said)
    try:
        room = str(who.state.plenary.id)
    except NotFound:
        room = ""
    return Visit(who, csrf=desk.sessions.csrf(who.token), room=room, said=said)


async def enter(desk: Desk, request: AnyRequest, room_id: str) -> Inside:
    """Return who enters a room.

    Raises:
        NotSignedIn: nobody is signed in.
        NotFound: there is no such room for them.
    """
    who = await desk.who(request)
    log = access_room(who, room_id)
    visit = Visit(
        who,
        csrf=desk.sessions.csrf(who.token),
        room=room_id,
        said=said_in(request.cookies.get(COOKIE)),
    )
    if who.role.moderates:
        visit = replace(visit, waiting=_waiting(await desk.house.room(log)))
    return Inside(visit, who, log)


def counts_of(state: AssemblyState) -> Counts:
    """Return how many participants an assembly has, by how they came."""
    channels = [m.channel for m in state.members.values() if m.role is Role.PARTICIPANT]
    return Counts(
        people=len(channels),
        simulated=channels.count(Channel.SIMULATED),
        imported=channels.count(Channel.IMPORTED),
    )


def _waiting(state: RoomState) -> int:
    return sum(1 for s in state.statements.values() if s.status is Status.PENDING and not s.erased)

"""What an assembly is, and what may happen in it: who is in, in which role, and its rooms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import singledispatch

from ..errors import Conflict, Forbidden, Invalid, InviteUnusable, NotFound
from ..ids import AssemblyId, InviteId, LogId, ParticipantId, RoomId
from . import commands as c
from . import events as e
from .charter import Charter
from .redaction import remains_of, strike
from .text import clean, clean_name
from .vocabulary import Channel, Role

SLUG_LENGTH = 64
TITLE_LENGTH = 200
QUESTION_LENGTH = 2000
LATEST = 2**53
"""No time in ms is later than this: the largest whole number that every reader of JSON keeps."""


@dataclass(slots=True)
class Invite:
    """An invite as its assembly knows it."""

    id: InviteId
    role: Role
    reusable: bool
    expires: int | None
    used: int = 0
    withdrawn: bool = False


@dataclass(slots=True)
class Member:
    """A person who was admitted; ``role`` is None once it was withdrawn."""

    id: ParticipantId
    role: Role | None
    channel: Channel
    consent: e.Consent
    joined: int
    name: str = ""
    source: str = ""
    sessions_from: int = 0


@dataclass(slots=True)
class RoomEntry:
    """A room of the assembly."""

    id: RoomId
    title: str
    plenary: bool


@dataclass(slots=True)
class AssemblyState:
    """All that the assembly's log says, folded; changed in place by :func:`evolve` alone."""

    log: LogId
    seq: int = 0
    at: int = 0
    slug: str = ""
    title: str = ""
    question: str = ""
    language: str = "en"
    charter: Charter = field(default_factory=Charter)
    rooms: list[RoomEntry] = field(default_factory=list)
    invites: dict[str, Invite] = field(default_factory=dict)
    members: dict[ParticipantId, Member] = field(default_factory=dict)
    returns: dict[str, ParticipantId] = field(default_factory=dict)
    words: dict[ParticipantId, list[int]] = field(default_factory=dict)

    @property
    def id(self) -> AssemblyId:
        """The assembly's id, which is its log's."""
        return AssemblyId(self.log)

    @property
    def plenary(self) -> RoomEntry:
        """The room to which everybody belongs.

        Raises:
            NotFound: no room was opened yet.
        """
        for room in self.rooms:
            if room.plenary:
                return room
        raise NotFound("This assembly has no plenary yet.")

    def member(self, participant: ParticipantId) -> Member:
        """Return a person who is in.

        Raises:
            NotFound: nobody of that id is in, or their role was withdrawn.
        """
        member = self.members.get(participant)
        if member is None or member.role is None:
            raise NotFound("There is no such person here.")
        return member


@singledispatch
def decide_one(command: object, state: AssemblyState, context: c.Context) -> tuple[e.Event, ...]:
    """Answer one kind of command; use :func:`decide`."""
    raise TypeError(f"an assembly takes no {type(command).__name__}")


def decide(
    state: AssemblyState, command: c.AssemblyCommand, context: c.Context
) -> tuple[e.Event, ...]:
    """Return what ``command`` makes happen; nothing is changed here.

    Raises:
        Refusal: one of its kinds, with a sentence for the person who asked.
    """
    if state.seq == 0 and not isinstance(command, c.CreateAssembly):
        raise NotFound("There is no such assembly.")
    return decide_one(command, state, context)


@decide_one.register
def _(command: c.CreateAssembly, state: AssemblyState, context: c.Context) -> tuple[e.Event, ...]:
    if state.seq:
        raise Conflict("This assembly exists already.")
    slug = command.slug
    if not _is_slug(slug):
        raise Invalid(
            "A slug has 1 to 64 small letters, digits, dots and hyphens, "
            "a letter or digit first and last.",
            field="slug",
        )
    return (
        e.AssemblyCreated(
            slug=slug,
            title=clean(command.title, limit=TITLE_LENGTH, field="title"),
            question=clean(command.question, limit=QUESTION_LENGTH, field="question", lines=True),
            language=command.language,
            charter=command.charter,
        ),
    )


def _is_slug(slug: str) -> bool:
    """Say whether ``slug`` can name an assembly: in an address, and as the name of a folder."""
    letters = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
    return (
        0 < len(slug) <= SLUG_LENGTH
        and letters.union("-.").issuperset(slug)
        and slug[0] in letters
        and slug[-1] in letters
    )


@decide_one.register
def _(command: c.OpenRoom, state: AssemblyState, context: c.Context) -> tuple[e.Event, ...]:
    _requires_runs(context)
    if any(room.id == command.room for room in state.rooms):
        raise Conflict("This room is open already.")
    if command.plenary and any(room.plenary for room in state.rooms):
        raise Conflict("There is a plenary already.")
    title = clean(command.title, limit=TITLE_LENGTH, field="title")
    return (e.RoomOpened(room=command.room, title=title, plenary=command.plenary),)


@decide_one.register
def _(command: c.IssueInvite, state: AssemblyState, context: c.Context) -> tuple[e.Event, ...]:
    _requires_runs(context)
    if command.role is Role.OWNER and context.actor and context.actor.role is not Role.OWNER:
        raise Forbidden("Only an owner can invite owners.", field="role")
    if command.reusable and command.role in (Role.OWNER, Role.FACILITATOR, Role.MODERATOR):
        raise Invalid(
            "Only invites for participants, analysts and observers are reusable.", field="reusable"
        )
    if command.expires is not None and not 0 <= command.expires <= LATEST:
        raise Invalid("An invite expires at a time in ms since 1970.", field="expires")
    earlier = state.invites.get(command.digest)
    if earlier is not None and not earlier.withdrawn:
        raise Conflict("An invite with this code exists already.")
    return (
        e.InviteIssued(
            invite=InviteId(context.new_id("invite")),
            digest=command.digest,
            role=command.role,
            reusable=command.reusable,
            expires=command.expires,
        ),
    )


@decide_one.register
def _(command: c.WithdrawInvite, state: AssemblyState, context: c.Context) -> tuple[e.Event, ...]:
    _requires_runs(context)
    if not any(invite.id == command.invite for invite in state.invites.values()):
        raise NotFound("There is no such invite.")
    return (e.InviteWithdrawn(invite=command.invite),)


@decide_one.register
def _(command: c.Join, state: AssemblyState, context: c.Context) -> tuple[e.Event, ...]:
    invite = state.invites.get(command.digest)
    if invite is None or invite.withdrawn:
        raise InviteUnusable("This invite does not exist or was withdrawn.", field="invite")
    if invite.expires is not None and context.at >= invite.expires:
        raise InviteUnusable("This invite has expired; ask for a new one.", field="invite")
    if invite.used and not invite.reusable:
        raise InviteUnusable("This invite was used already; ask for a new one.", field="invite")
    return (
        e.ParticipantJoined(
            participant=ParticipantId(context.new_id("participant")),
            role=invite.role,
            channel=Channel.INVITE,
            consent=command.consent,
            invite=invite.id,
            name=clean_name(command.name),
            return_digest=command.return_digest,
        ),
    )


@decide_one.register
def _(command: c.AdmitPeople, state: AssemblyState, context: c.Context) -> tuple[e.Event, ...]:
    if context.actor is not None:
        raise Forbidden("People are admitted without an invite by the operator alone.")
    ids = command.ids or tuple(
        ParticipantId(context.new_id("participant")) for _ in command.sources
    )
    if len(ids) != len(command.sources) or len(set(ids)) != len(ids):
        raise Invalid("As many ids as people, each of its own.", field="ids")
    if any(each in state.members for each in ids):
        raise Conflict("One of these ids is somebody's already.", field="ids")
    return tuple(
        e.ParticipantJoined(
            participant=participant,
            role=command.role,
            channel=command.channel,
            consent=command.consent,
            name=clean_name(command.name),
            source=source,
        )
        for participant, source in zip(ids, command.sources, strict=True)
    )


@decide_one.register
def _(command: c.GiveConsent, state: AssemblyState, context: c.Context) -> tuple[e.Event, ...]:
    member = _acting(state, context)
    if member.consent == command.consent:
        return ()
    return (e.ConsentGiven(consent=command.consent),)


@decide_one.register
def _(command: c.ChangeRole, state: AssemblyState, context: c.Context) -> tuple[e.Event, ...]:
    _requires_runs(context)
    member = state.members.get(command.participant)
    if member is None:
        raise NotFound("There is no such person here.")
    by_owner = context.actor is None or context.actor.role is Role.OWNER
    if (member.role is Role.OWNER or command.role is Role.OWNER) and not by_owner:
        raise Forbidden("Only an owner can make or unmake owners.", field="role")
    if member.role is command.role:
        return ()
    owners = [m for m in state.members.values() if m.role is Role.OWNER]
    if owners == [member]:
        raise Conflict("An assembly keeps at least one owner.", field="role")
    return (e.RoleChanged(participant=command.participant, role=command.role),)


@decide_one.register
def _(command: c.EndSessions, state: AssemblyState, context: c.Context) -> tuple[e.Event, ...]:
    _acting(state, context)
    return (e.SessionsEnded(),)


@decide_one.register
def _(command: c.EraseContent, state: AssemblyState, context: c.Context) -> tuple[e.Event, ...]:
    member = _acting(state, context)
    own = set(state.words.get(member.id, ()))
    remains = remains_of(record for record in command.records if record.seq in own)
    return (e.ContentErased(remains=remains),) if remains else ()


def _requires_runs(context: c.Context) -> None:
    if context.actor is not None and not context.actor.role.runs:
        raise Forbidden("Only those who run the assembly can do this.")


def _acting(state: AssemblyState, context: c.Context) -> Member:
    if context.actor is None:
        raise Forbidden("This is for a person, not for the program.")
    return state.member(context.actor.participant)


def evolve(state: AssemblyState, recorded: e.Recorded) -> AssemblyState:
    """Fold one event into ``state`` (changed in place) and return it."""
    apply = _APPLY.get(type(recorded.event))
    if apply is None:
        raise TypeError(f"an assembly's log holds no {type(recorded.event).__name__}")
    apply(state, recorded, recorded.event)
    state.seq = recorded.seq
    state.at = recorded.at
    return state


def _created(state: AssemblyState, _: e.Recorded, event: e.AssemblyCreated) -> None:
    state.slug = event.slug
    state.title = event.title
    state.question = event.question
    state.language = event.language
    state.charter = event.charter


def _opened(state: AssemblyState, _: e.Recorded, event: e.RoomOpened) -> None:
    state.rooms.append(RoomEntry(event.room, event.title, event.plenary))


def _issued(state: AssemblyState, _: e.Recorded, event: e.InviteIssued) -> None:
    state.invites[event.digest] = Invite(event.invite, event.role, event.reusable, event.expires)


def _withdrawn(state: AssemblyState, _: e.Recorded, event: e.InviteWithdrawn) -> None:
    for invite in state.invites.values():
        if invite.id == event.invite:
            invite.withdrawn = True


def _joined(state: AssemblyState, recorded: e.Recorded, event: e.ParticipantJoined) -> None:
    state.members[event.participant] = Member(
        id=event.participant,
        role=event.role,
        channel=event.channel,
        consent=event.consent,
        joined=recorded.at,
        name=event.name,
        source=event.source,
    )
    if event.name:
        state.words.setdefault(event.participant, []).append(recorded.seq)
    if event.return_digest:
        state.returns[event.return_digest] = event.participant
    for invite in state.invites.values() if event.invite else ():
        if invite.id == event.invite:
            invite.used += 1


def _consented(state: AssemblyState, recorded: e.Recorded, event: e.ConsentGiven) -> None:
    if recorded.by is not None:
        state.members[recorded.by].consent = event.consent


def _role(state: AssemblyState, _: e.Recorded, event: e.RoleChanged) -> None:
    state.members[event.participant].role = event.role


def _sessions(state: AssemblyState, recorded: e.Recorded, _: e.SessionsEnded) -> None:
    if recorded.by is not None:
        state.members[recorded.by].sessions_from = recorded.at


def _erased(state: AssemblyState, _: e.Recorded, event: e.ContentErased) -> None:
    for seq, remains in event.remains.items():
        if isinstance(remains.event, e.ParticipantJoined):
            state.members[remains.event.participant].name = ""
        strike(state.words, seq)


_APPLY: dict[type, Callable[..., None]] = {
    e.AssemblyCreated: _created,
    e.RoomOpened: _opened,
    e.InviteIssued: _issued,
    e.InviteWithdrawn: _withdrawn,
    e.ParticipantJoined: _joined,
    e.ConsentGiven: _consented,
    e.RoleChanged: _role,
    e.SessionsEnded: _sessions,
    e.ContentErased: _erased,
}

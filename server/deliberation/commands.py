"""Everything that can be asked of an assembly or a room, and who asks when with what chance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..ids import AssemblyId, InviteId, ParticipantId, RoomId, StatementId
from .charter import Charter
from .drafts import Draft, DraftFailure
from .events import Consent, Recorded
from .vocabulary import (
    Assent,
    Channel,
    Choice,
    Decision,
    Kind,
    Moderation,
    Origin,
    Phase,
    Reason,
    Role,
)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: a person in their role. The program itself asks as ``None``."""

    participant: ParticipantId
    role: Role


@dataclass(frozen=True, slots=True)
class Context:
    """What the core must not fetch for itself: the time in ms, who asks, fresh ids, chance.

    ``new_id(kind)`` gives an unused id (kinds: :data:`server.ids.PREFIXES`); ``draw()`` a float
    in [0, 1).
    """

    at: int
    actor: Actor | None
    new_id: Callable[[str], str]
    draw: Callable[[], float]


class _Command(msgspec.Struct, frozen=True, kw_only=True):
    """What all commands have in common."""


class CreateAssembly(_Command, frozen=True, kw_only=True):
    """Found an assembly; its log must be empty."""

    slug: str
    title: str
    question: str
    language: str = "en"
    charter: Charter = Charter()


class OpenRoom(_Command, frozen=True, kw_only=True):
    """Say that a room belongs to the assembly."""

    room: RoomId
    title: str
    plenary: bool = False


class IssueInvite(_Command, frozen=True, kw_only=True):
    """Make an invite of which only the digest is known here; ``expires`` in ms."""

    digest: str
    role: Role
    reusable: bool = False
    expires: int | None = None


class WithdrawInvite(_Command, frozen=True, kw_only=True):
    """Make an invite useless."""

    invite: InviteId


class Join(_Command, frozen=True, kw_only=True):
    """Use an invite; one that is not reusable is used up by it."""

    digest: str
    name: str = ""
    consent: Consent = Consent()
    return_digest: str = ""


class AdmitPeople(_Command, frozen=True, kw_only=True):
    """Admit people without invites: imported or simulated ones, or the founder.

    ``sources`` are their ids where they come from; their number is the number of people. ``ids``
    are fresh ids for them, as many, where what they did is brought in the same transaction.
    """

    sources: tuple[str, ...]
    channel: Channel
    role: Role = Role.PARTICIPANT
    consent: Consent = Consent()
    name: str = ""
    ids: tuple[ParticipantId, ...] = ()


class GiveConsent(_Command, frozen=True, kw_only=True):
    """Change what may be done with one's words and votes."""

    consent: Consent


class ChangeRole(_Command, frozen=True, kw_only=True):
    """Give a person another role, or none."""

    participant: ParticipantId
    role: Role | None


class EndSessions(_Command, frozen=True, kw_only=True):
    """Sign out everywhere."""


class CreateRoom(_Command, frozen=True, kw_only=True):
    """Found a room; its log must be empty."""

    assembly: AssemblyId
    title: str
    question: str
    language: str = "en"
    moderation: Moderation = Moderation.AFTER
    charter: Charter = Charter()
    phase: Phase = Phase.DRAFT


class ChangePhase(_Command, frozen=True, kw_only=True):
    """Take the room to another phase; closes the ranking or the ratification that it leaves."""

    phase: Phase


class PostNotice(_Command, frozen=True, kw_only=True):
    """Say something to everybody in the room."""

    text: str


class SubmitStatement(_Command, frozen=True, kw_only=True):
    """Write a statement, or a testimony."""

    text: str
    language: str | None = None
    kind: Kind = Kind.STATEMENT


class ModerateStatement(_Command, frozen=True, kw_only=True):
    """Accept or reject a statement, with a reason."""

    statement_id: StatementId
    decision: Decision
    reason: Reason
    note: str = ""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the last analysis says of each column: its extremity, and its appeal to some group.

    Both are (columns as of then,); later columns have neither. ``appeal`` is None without groups.
    """

    extremity: NDArray[np.float64]
    appeal: NDArray[np.float64] | None


class ShowNext(_Command, frozen=True, kw_only=True):
    """Put a statement to the person who asks; the pending one again where there is one."""

    outlook: Outlook | None = None


class SkipStatement(_Command, frozen=True, kw_only=True):
    """Put a statement off."""

    statement_id: StatementId


class CastVote(_Command, frozen=True, kw_only=True):
    """Vote on a statement; a second vote replaces the first."""

    statement_id: StatementId
    choice: Choice
    because: str = ""


class ImportedStatement(msgspec.Struct, frozen=True, kw_only=True):
    """A statement from elsewhere; it may be empty or longer than ours."""

    source: str
    text: str
    author: ParticipantId | None
    language: str | None
    moderated: int
    origin: Origin = Origin.IMPORTED
    kind: Kind = Kind.STATEMENT


class ImportStatements(_Command, frozen=True, kw_only=True):
    """Bring statements from elsewhere, with their moderation (1 in, 0 not looked at, −1 out)."""

    statements: tuple[ImportedStatement, ...]
    strict: bool = False


class ImportVotes(_Command, frozen=True, kw_only=True):
    """Bring votes from elsewhere: per person, statement sources and matrix values."""

    votes: tuple[tuple[ParticipantId, tuple[str, ...], tuple[int, ...]], ...]


class PublishAnalysis(_Command, frozen=True, kw_only=True):
    """Say that an analysis is ready; refused while too few people have voted since the last."""

    as_of_seq: int
    digest: str
    groups: int


class PublishThemes(_Command, frozen=True, kw_only=True):
    """Say that themes are ready."""

    as_of_seq: int
    digest: str
    themes: int


class RequestDrafts(_Command, frozen=True, kw_only=True):
    """Ask for drafts."""

    count: int = 3
    seed: int = 0


class ProposeDrafts(_Command, frozen=True, kw_only=True):
    """Put verified drafts before the room, with the opinion groups of now frozen for the round."""

    request: int
    drafts: tuple[Draft, ...]
    groups: dict[str, int]
    group_count: int
    failed: tuple[DraftFailure, ...] = ()


class FailDrafts(_Command, frozen=True, kw_only=True):
    """Say that no draft of a request could be shown, and why."""

    request: int
    failures: tuple[DraftFailure, ...]


class PlaceSimulated(_Command, frozen=True, kw_only=True):
    """Say which opinion group's members simulated people imitate, for those without votes."""

    groups: dict[str, int]


class CastRanking(_Command, frozen=True, kw_only=True):
    """Order the drafts one has seen; a later ballot replaces it."""

    order: tuple[tuple[str, ...], ...]
    seen: tuple[str, ...]
    none_of_these: bool = False
    criticism: dict[str, str] = {}


class CastRatification(_Command, frozen=True, kw_only=True):
    """Say yes, no or blank to a clause; a later ballot replaces it."""

    clause: str
    choice: Assent


class EraseContent(_Command, frozen=True, kw_only=True):
    """Delete one's own words for good.

    ``records`` are the events in this log that hold them, as ``words`` of the state lists them.
    """

    records: tuple[Recorded, ...]


AssemblyCommand = (
    CreateAssembly
    | OpenRoom
    | IssueInvite
    | WithdrawInvite
    | Join
    | AdmitPeople
    | GiveConsent
    | ChangeRole
    | EndSessions
    | EraseContent
)
RoomCommand = (
    CreateRoom
    | ChangePhase
    | PostNotice
    | SubmitStatement
    | ModerateStatement
    | ShowNext
    | SkipStatement
    | CastVote
    | ImportStatements
    | ImportVotes
    | PublishAnalysis
    | PublishThemes
    | RequestDrafts
    | ProposeDrafts
    | FailDrafts
    | PlaceSimulated
    | CastRanking
    | CastRatification
    | EraseContent
)
Command = AssemblyCommand | RoomCommand

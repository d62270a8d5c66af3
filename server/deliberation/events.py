"""Everything that can have happened in an assembly or a room: tagged, frozen, kept for ever.

An event's tag is its type in the log and never changes its meaning; fields may be added with a
default. Who did it and when stand in :class:`Recorded`, around the event: ``by`` is the subject of
a vote, a ballot or a statement wherever the event names no other person.
"""

from __future__ import annotations

import msgspec

from ..ids import AssemblyId, InviteId, LogId, ParticipantId, RoomId, StatementId
from .adoption import ClauseOutcome
from .charter import Charter
from .drafts import Draft, DraftFailure
from .ranking import Ranking
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
    Status,
)


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """What a person allows for their words and votes, one purpose each; nothing is preset."""

    publish: bool = False
    research: bool = False
    training: bool = False


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """What all events have in common: a tag."""


class AssemblyCreated(_Event, frozen=True, kw_only=True, tag="assembly.created"):
    """An assembly was founded with its charter."""

    slug: str
    title: str
    question: str
    language: str
    charter: Charter


class RoomOpened(_Event, frozen=True, kw_only=True, tag="room.opened"):
    """A room belongs to the assembly; the first one is the plenary."""

    room: RoomId
    title: str
    plenary: bool


class InviteIssued(_Event, frozen=True, kw_only=True, tag="invite.issued"):
    """An invite exists; of its code only the digest is kept."""

    invite: InviteId
    digest: str
    role: Role
    reusable: bool
    expires: int | None = None


class InviteWithdrawn(_Event, frozen=True, kw_only=True, tag="invite.withdrawn"):
    """An invite can no longer be used."""

    invite: InviteId


class ParticipantJoined(_Event, frozen=True, kw_only=True, tag="participant.joined"):
    """Somebody was admitted: by which channel, in which role, with which consent."""

    participant: ParticipantId
    role: Role
    channel: Channel
    consent: Consent
    invite: InviteId | None = None
    name: str = ""
    return_digest: str = ""
    source: str = ""


class ConsentGiven(_Event, frozen=True, kw_only=True, tag="participant.consented"):
    """The person behind ``by`` changed what may be done with their words and votes."""

    consent: Consent


class RoleChanged(_Event, frozen=True, kw_only=True, tag="participant.role"):
    """A person has another role, or none: then they are out, and their sessions with them."""

    participant: ParticipantId
    role: Role | None


class SessionsEnded(_Event, frozen=True, kw_only=True, tag="participant.sessions-ended"):
    """All sessions that the person behind ``by`` had before this no longer hold."""


class RoomCreated(_Event, frozen=True, kw_only=True, tag="room.created"):
    """A room's first event: what it is about and by which rules."""

    assembly: AssemblyId
    title: str
    question: str
    language: str
    moderation: Moderation
    charter: Charter


class PhaseChanged(_Event, frozen=True, kw_only=True, tag="phase.changed"):
    """The room is in another phase."""

    phase: Phase


class NoticePosted(_Event, frozen=True, kw_only=True, tag="notice.posted"):
    """Those who run the room say something to all who are in it."""

    text: str


class StatementSubmitted(_Event, frozen=True, kw_only=True, tag="statement.submitted"):
    """Somebody wrote a statement or a testimony."""

    statement: StatementId
    author: ParticipantId | None
    text: str
    language: str | None
    origin: Origin
    kind: Kind
    status: Status
    source: str = ""
    erased: bool = False


class StatementModerated(_Event, frozen=True, kw_only=True, tag="statement.moderated"):
    """A moderator decided; nothing is ever hidden without this event."""

    statement: StatementId
    decision: Decision
    reason: Reason
    note: str = ""


class StatementShown(_Event, frozen=True, kw_only=True, tag="statement.shown"):
    """A statement was put to the person behind ``by``: which, how, and how probable that was."""

    statement: StatementId
    position: int
    probability: float
    stream: str


class StatementSkipped(_Event, frozen=True, kw_only=True, tag="statement.skipped"):
    """The person behind ``by`` put a statement off; it may come again later."""

    statement: StatementId


class VoteCast(_Event, frozen=True, kw_only=True, tag="vote.cast"):
    """The person behind ``by`` voted, for the first time or anew; ``because`` is their reason."""

    statement: StatementId
    choice: Choice
    because: str = ""


class VotesImported(_Event, frozen=True, kw_only=True, tag="votes.imported"):
    """All votes that one imported person had in their source: statement ids and matrix values."""

    participant: ParticipantId
    statements: tuple[StatementId, ...]
    choices: tuple[int, ...]


class AnalysisPublished(_Event, frozen=True, kw_only=True, tag="analysis.published"):
    """The analysis of the votes as of ``as_of_seq`` may now be seen as far as the phase allows."""

    as_of_seq: int
    digest: str
    groups: int


class ThemesPublished(_Event, frozen=True, kw_only=True, tag="themes.published"):
    """The themes of the statements as of ``as_of_seq``."""

    as_of_seq: int
    digest: str
    themes: int


class DraftsRequested(_Event, frozen=True, kw_only=True, tag="drafts.requested"):
    """Drafts were asked for; this event's room and seq name the work."""

    count: int
    seed: int


class DraftsProposed(_Event, frozen=True, kw_only=True, tag="drafts.proposed"):
    """Verified drafts open a round, with the opinion groups frozen for it."""

    request: int
    round: int
    drafts: tuple[Draft, ...]
    groups: dict[str, int]
    group_count: int
    failed: tuple[DraftFailure, ...] = ()


class DraftFailed(_Event, frozen=True, kw_only=True, tag="drafts.failed"):
    """The request brought no draft that could be shown, and why."""

    request: int
    failures: tuple[DraftFailure, ...]


class SimulatedPlaced(_Event, frozen=True, kw_only=True, tag="simulated.placed"):
    """Simulated people stand in the opinion group whose members they imitate."""

    groups: dict[str, int]


class RankingCast(_Event, frozen=True, kw_only=True, tag="ranking.cast"):
    """The person behind ``by`` ordered the drafts they saw; a later ballot replaces this one."""

    round: int
    order: tuple[tuple[str, ...], ...]
    seen: tuple[str, ...]
    none_of_these: bool
    criticism: dict[str, str]


class RankingClosed(_Event, frozen=True, kw_only=True, tag="ranking.closed"):
    """The ballots of a round were counted."""

    round: int
    ranking: Ranking
    ballots: int


class RatificationCast(_Event, frozen=True, kw_only=True, tag="ratification.cast"):
    """The person behind ``by`` said yes, no or blank to one clause."""

    clause: str
    choice: Assent


class RatificationClosed(_Event, frozen=True, kw_only=True, tag="ratification.closed"):
    """The ratification was counted: each clause's outcome with its endorsement and dissent."""

    outcomes: tuple[ClauseOutcome, ...]


class Remains(msgspec.Struct, frozen=True, kw_only=True):
    """An erased event without its words, and the header that stood in the same payload."""

    at: int
    by: ParticipantId | None
    event: Event


class ContentErased(_Event, frozen=True, kw_only=True, tag="content.erased"):
    """Payloads were deleted; ``remains`` says by seq what is left of each event without words.

    Replay puts the remains where the erased events stood, so that a log with an erasure gives the
    state that the room had after it.
    """

    remains: dict[int, Remains]


AssemblyEvent = (
    AssemblyCreated
    | RoomOpened
    | InviteIssued
    | InviteWithdrawn
    | ParticipantJoined
    | ConsentGiven
    | RoleChanged
    | SessionsEnded
    | ContentErased
)
RoomEvent = (
    RoomCreated
    | PhaseChanged
    | NoticePosted
    | StatementSubmitted
    | StatementModerated
    | StatementShown
    | StatementSkipped
    | VoteCast
    | VotesImported
    | AnalysisPublished
    | ThemesPublished
    | DraftsRequested
    | DraftsProposed
    | DraftFailed
    | SimulatedPlaced
    | RankingCast
    | RankingClosed
    | RatificationCast
    | RatificationClosed
    | ContentErased
)
Event = AssemblyEvent | RoomEvent


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """An event in its place: which log, its gapless ``seq`` from 1, when (ms since 1970), by whom.

    ``by`` is None where the program itself acted (a workflow, the command line).
    """

    log: LogId
    seq: int
    at: int
    by: ParticipantId | None
    event: Event


def type_of(event: Event) -> str:
    """Return the event's type as the log names it, such as ``vote.cast``."""
    return str(event.__struct_config__.tag)

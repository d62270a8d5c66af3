"""Bodies and answers of the HTTP interface: the fields of the contract, and some more."""

from __future__ import annotations

import msgspec

from ..deliberation.adoption import ClauseOutcome
from ..deliberation.charter import Charter
from ..deliberation.drafts import Clause, DraftFailure
from ..deliberation.events import Consent
from ..deliberation.ranking import DraftSupport
from ..deliberation.views import DraftView, FailureView, StatementView
from ..deliberation.vocabulary import (
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


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    """What a client sends; unknown fields are left aside."""


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a client gets."""


class JoinBody(_Body, frozen=True, kw_only=True):
    """An invite's code or link. ``client`` "script" asks for a bearer token instead of a cookie."""

    invite: str
    name: str = ""
    consent: Consent = Consent()
    client: str = "browser"


class RoomInList(_Answer, frozen=True, kw_only=True):
    """A room that one may enter."""

    id: str
    title: str
    plenary: bool = False
    phase: Phase | None = None


class Joined(_Answer, frozen=True, kw_only=True, omit_defaults=True):
    """One is in. A browser has its cookie and gets ``csrf``; a script gets ``token``.

    ``return_code`` brings the same person back on another device; it is shown this once.
    """

    participant: str
    assembly: str
    rooms: tuple[RoomInList, ...]
    role: Role
    slug: str
    csrf: str | None = None
    token: str | None = None
    return_code: str | None = None


class ReturnBody(_Body, frozen=True, kw_only=True):
    """A return code, to go on as who one was."""

    code: str
    client: str = "browser"


class OwnVote(_Answer, frozen=True, kw_only=True):
    """One's latest vote on a statement, and the seq at which it stands in the room's log."""

    room: str
    statement_id: str
    choice: Choice
    seq: int
    because: str = ""


class OwnStatement(_Answer, frozen=True, kw_only=True):
    """What one wrote, and what became of it."""

    statement_id: str
    room: str
    text: str
    status: str
    reason: str | None
    note: str = ""
    kind: Kind = Kind.STATEMENT
    erased: bool = False
    seq: int = 0


class Me(_Answer, frozen=True, kw_only=True):
    """Oneself: role, rooms, every vote, every statement."""

    participant: str
    role: Role
    assembly: str
    rooms: tuple[RoomInList, ...]
    votes: tuple[OwnVote, ...]
    statements: tuple[OwnStatement, ...]
    slug: str
    name: str
    channel: Channel
    consent: Consent
    csrf: str | None = None


class Counts(_Answer, frozen=True, kw_only=True):
    """How many; votes and voters in batches while a room is open."""

    participants: int
    voters: int
    votes: int
    statements: int


class AssemblyAnswer(_Answer, frozen=True, kw_only=True):
    """An assembly; ``phase`` and ``counts`` are its plenary's."""

    id: str
    slug: str
    title: str
    question: str
    language: str
    charter: Charter
    phase: Phase
    counts: Counts
    rooms: tuple[RoomInList, ...]


class StatementBody(_Body, frozen=True, kw_only=True):
    """A statement of 1 to 280 characters, or a testimony of up to 2,000."""

    text: str
    language: str | None = None
    kind: Kind = Kind.STATEMENT


class StatementAnswer(_Answer, frozen=True, kw_only=True):
    """The receipt of a statement; ``status`` is pending where moderation comes first."""

    statement_id: str
    seq: int
    status: str


class SimilarStatement(_Answer, frozen=True, kw_only=True):
    """A statement near in meaning; ``opposite`` where it says the contrary."""

    id: str
    text: str
    language: str | None
    origin: Origin
    score: float
    opposite: bool


class Similar(_Answer, frozen=True, kw_only=True):
    """The nearest statements, the nearest first; ``embedder`` names what compared them."""

    statements: tuple[SimilarStatement, ...]
    embedder: str


class NextStatement(_Answer, frozen=True, kw_only=True):
    """A statement to vote on."""

    id: str
    text: str
    language: str | None
    origin: Origin


class Next(_Answer, frozen=True, kw_only=True):
    """What to vote on next; ``remaining`` counts all that one has not voted on, this one too."""

    statement: NextStatement | None
    remaining: int


class SkipBody(_Body, frozen=True, kw_only=True):
    """A statement to put off."""

    statement_id: str


class VoteBody(_Body, frozen=True, kw_only=True):
    """A vote; a second one replaces the first. ``because`` is a reason in one's own words."""

    statement_id: str
    choice: Choice
    because: str = ""


class Receipt(_Answer, frozen=True, kw_only=True):
    """The seq in the room's log under which it is kept."""

    seq: int


class PhaseBody(_Body, frozen=True, kw_only=True):
    """Where to take the room."""

    phase: Phase


class PhaseAnswer(_Answer, frozen=True, kw_only=True):
    """Where the room stands."""

    phase: Phase
    seq: int


class DraftsBody(_Body, frozen=True, kw_only=True):
    """How many drafts, and the seed of what is random in making them."""

    count: int = 3
    seed: int = 0


class DraftsAsked(_Answer, frozen=True, kw_only=True):
    """Drafts are being made; ``seq`` names the request."""

    seq: int


class InvitesBody(_Body, frozen=True, kw_only=True):
    """Invites to make: each can be used once, unless it is reusable."""

    role: Role = Role.PARTICIPANT
    count: int = 1
    reusable: bool = False
    expires: int | None = None


class Links(_Answer, frozen=True, kw_only=True):
    """Invite links; they are shown this once."""

    links: tuple[str, ...]


class ModerationBody(_Body, frozen=True, kw_only=True):
    """A decision on a statement, with a reason from the list."""

    statement_id: str
    decision: Decision
    reason: Reason
    note: str = ""


class NoticeBody(_Body, frozen=True, kw_only=True):
    """What those who run the room say to all."""

    text: str


class DraftsAnswer(_Answer, frozen=True, kw_only=True):
    """The current round's drafts, with the statements they rest on.

    ``round`` is 0 before the first. ``waiting`` counts requests under way; ``failures`` are those
    that brought none. A draft's provenance comes when the ranking has closed.
    """

    round: int
    drafts: tuple[DraftView, ...]
    sources: dict[str, StatementView]
    failed: tuple[DraftFailure, ...]
    with_model: bool
    ranked: bool
    waiting: int
    failures: tuple[FailureView, ...]


class RankingBody(_Body, frozen=True, kw_only=True):
    """A weak order over the drafts one has seen; ``none_of_these`` puts "none" above all."""

    order: tuple[tuple[str, ...], ...]
    seen: tuple[str, ...]
    none_of_these: bool = False
    criticism: dict[str, str] = {}


class Pairwise(_Answer, frozen=True, kw_only=True):
    """``counts[i][j]`` ballots put ``candidates[i]`` above ``candidates[j]``; "none" is last."""

    candidates: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


class ResultAnswer(_Answer, frozen=True, kw_only=True):
    """How a round was ranked: ``order`` in levels, ``ties`` those of several, "none" among them."""

    round: int
    ballots: int
    order: tuple[tuple[str, ...], ...]
    ties: tuple[tuple[str, ...], ...]
    winners: tuple[str, ...]
    pairwise: Pairwise
    groups: tuple[DraftSupport, ...]
    clauses: tuple[Clause, ...]
    outcomes: tuple[ClauseOutcome, ...]


class RatificationBody(_Body, frozen=True, kw_only=True):
    """A ballot on one clause."""

    clause: str
    choice: Assent


class ConsentBody(_Body, frozen=True, kw_only=True):
    """What may be done with one's words and votes."""

    publish: bool = False
    research: bool = False
    training: bool = False


class Erased(_Answer, frozen=True, kw_only=True):
    """How many of one's records lost their words."""

    records: int


class RoomSettings(_Answer, frozen=True, kw_only=True):
    """How a room is moderated."""

    moderation: Moderation

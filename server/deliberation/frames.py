"""What the socket carries to a client; the protocol is described in docs/protocol.md.

*Event frames* have ``seq`` and ``prev``, come in order and each once. ``prev`` is the seq of the
last event on this person's stream, and is put in as a frame is sent. *View frames* have no seq: the
latest wins.
"""

from __future__ import annotations

import msgspec

from .adoption import ClauseOutcome
from .drafts import Clause
from .ranking import Ranking
from .views import DraftView, FailureView, NoticeView, RoomView, RoundView, StatementView
from .vocabulary import Phase, Reason, Status


class _EventFrame(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    seq: int
    prev: int = 0


class StatementFrame(_EventFrame, frozen=True, kw_only=True, tag="statement"):
    """A statement appeared for this person: written, or accepted after waiting."""

    statement: StatementView


class StatementModeratedFrame(_EventFrame, frozen=True, kw_only=True, tag="statement.moderated"):
    """A statement changed its standing; ``hidden`` says that this person loses sight of it.

    ``note`` is for its author and moderators.
    """

    statement_id: str
    status: Status
    hidden: bool
    reason: Reason | None = None
    note: str = ""


class ErasedFrame(_EventFrame, frozen=True, kw_only=True, tag="statement.erased"):
    """Statements whose author took their words back."""

    statement_ids: tuple[str, ...]
    hidden: bool


class PhaseFrame(_EventFrame, frozen=True, kw_only=True, tag="phase"):
    """The room is in another phase."""

    phase: Phase


class DraftsFrame(_EventFrame, frozen=True, kw_only=True, tag="drafts"):
    """A round of drafts, or why there is none."""

    drafts: RoundView | None
    failure: FailureView | None = None


class ResultFrame(_EventFrame, frozen=True, kw_only=True, tag="result"):
    """The ranking was counted (``ranking``), or the ratification (``outcomes``)."""

    round: int = 0
    ranking: Ranking | None = None
    ballots: int = 0
    clauses: tuple[Clause, ...] = ()
    drafts: tuple[DraftView, ...] = ()
    outcomes: tuple[ClauseOutcome, ...] | None = None


class NoticeFrame(_EventFrame, frozen=True, kw_only=True, tag="notice"):
    """Those who run the room say something."""

    notice: NoticeView


EventFrame = (
    StatementFrame
    | StatementModeratedFrame
    | ErasedFrame
    | PhaseFrame
    | DraftsFrame
    | ResultFrame
    | NoticeFrame
)


class Hello(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="hello"):
    """The first frame: where this socket stands, where the room does, when to come back."""

    seq: int
    head: int
    retry_ms: int


class Snapshot(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="snapshot"):
    """The whole room as this person may see it."""

    room: RoomView


class TallyFrame(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="tally"):
    """Counts of the whole room, in batches."""

    voters: int
    votes: int
    statements: int


class PresenceFrame(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="presence"):
    """How many people are here."""

    here: int


class AnalysisFrame(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="analysis"):
    """There is a new analysis to fetch."""

    as_of_seq: int


class QueueFrame(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="queue"):
    """Work under way for this room: how many requests for drafts wait."""

    drafts: int


class Pong(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="pong"):
    """The answer to a ping."""


ViewFrame = TallyFrame | PresenceFrame | AnalysisFrame | QueueFrame
Frame = (
    StatementFrame
    | StatementModeratedFrame
    | ErasedFrame
    | PhaseFrame
    | DraftsFrame
    | ResultFrame
    | NoticeFrame
    | Hello
    | Snapshot
    | TallyFrame
    | PresenceFrame
    | AnalysisFrame
    | QueueFrame
    | Pong
)


class Ping(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="ping"):
    """The client asks whether the line still holds."""


class Presence(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="presence"):
    """The client says whether its person is looking."""

    active: bool = True


ClientFrame = Ping | Presence

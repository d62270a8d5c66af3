"""A room as one person may see it: what ``GET /api/rooms/{id}`` gives and frames change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TypeVar

import msgspec

from ..ids import ParticipantId, StatementId
from .adoption import ClauseOutcome
from .drafts import Clause, Coverage, Draft, DraftFailure, Provenance
from .ranking import Ranking
from .room import RoomState, Round, Statement
from .vocabulary import Kind, Moderation, Origin, Phase, Reason, Role, Status


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks: a person in their role."""

    participant: ParticipantId
    role: Role


class StatementView(msgspec.Struct, kw_only=True):
    """A statement as somebody may see it, in the order of ``seq``.

    ``reason`` and ``note`` are for its author and moderators.
    """

    id: StatementId
    text: str
    language: str | None
    origin: Origin
    kind: Kind
    status: Status
    seq: int
    own: bool = False
    reason: Reason | None = None
    note: str = ""


class DraftView(msgspec.Struct, kw_only=True):
    """A draft with its sources; its provenance is shown when the ranking has closed."""

    id: str
    clauses: tuple[Clause, ...]
    coverage: Coverage | None
    provenance: Provenance | None


_Named = TypeVar("_Named", Draft, DraftView)


class RoundView(msgspec.Struct, kw_only=True):
    """A round of drafts in the order in which they were proposed, which is the same for everybody.

    Whoever shows them to a person puts them in the order of :func:`order_for`. ``with_model`` says
    that some of them are a model's.
    """

    round: int
    drafts: tuple[DraftView, ...]
    failed: tuple[DraftFailure, ...]
    with_model: bool
    ranked: bool


class ResultView(msgspec.Struct, kw_only=True):
    """How the drafts were ranked and what was ratified of them."""

    round: int
    ranking: Ranking
    ballots: int
    clauses: tuple[Clause, ...]
    outcomes: tuple[ClauseOutcome, ...] = ()


class NoticeView(msgspec.Struct, kw_only=True):
    """What those who run the room said to all."""

    seq: int
    text: str


class FailureView(msgspec.Struct, kw_only=True):
    """A request for drafts that brought none, and why."""

    seq: int
    failures: tuple[DraftFailure, ...]


class TallyView(msgspec.Struct, kw_only=True):
    """Counts of the whole room, in batches while it is open; nothing finer."""

    voters: int
    votes: int
    statements: int


class RoomView(msgspec.Struct, kw_only=True):
    """The room for one person, as of ``seq``."""

    id: str
    assembly: str
    title: str
    question: str
    language: str
    moderation: Moderation
    phase: Phase
    seq: int
    statements: list[StatementView]
    drafts: RoundView | None
    failures: list[FailureView]
    result: ResultView | None
    notices: list[NoticeView]
    tally: TallyView


def room_view(state: RoomState, viewer: Viewer) -> RoomView:
    """Return the room as ``viewer`` may see it; never a vote, a name or a hidden text of others."""
    statements = [
        statement_view(statement, viewer)
        for statement in state.statements.values()
        if may_see(statement, viewer)
    ]
    return RoomView(
        id=state.id,
        assembly=state.assembly,
        title=state.title,
        question=state.question,
        language=state.language,
        moderation=state.moderation,
        phase=state.phase,
        seq=state.seq,
        statements=statements,
        drafts=round_view(state.round) if state.round else None,
        failures=[FailureView(seq=seq, failures=found) for seq, found in state.failures],
        result=result_view(state),
        notices=[NoticeView(seq=seq, text=text) for seq, text in state.notices],
        tally=tally_view(state),
    )


def may_see(statement: Statement, viewer: Viewer) -> bool:
    """Everybody sees what stands; its author and moderators also what waits or was rejected."""
    return (
        statement.visible
        or viewer.role.moderates
        or (statement.author is not None and statement.author == viewer.participant)
    )


def statement_view(statement: Statement, viewer: Viewer) -> StatementView:
    """Return a statement that ``viewer`` may see."""
    own = statement.author is not None and statement.author == viewer.participant
    return statement_as(statement, own=own, inside=own or viewer.role.moderates)


def statement_as(statement: Statement, *, own: bool, inside: bool) -> StatementView:
    """Return a statement for its author (``own``), or with why it was moderated (``inside``)."""
    return StatementView(
        id=statement.id,
        text=statement.text,
        language=statement.language,
        origin=statement.origin,
        kind=statement.kind,
        status=statement.status,
        seq=statement.seq,
        own=own,
        reason=statement.reason if inside else None,
        note=statement.note if inside else "",
    )


def draft_view(draft: Draft, *, ranked: bool) -> DraftView:
    """Return a draft; who or what made it is left out until it was ranked."""
    return DraftView(
        id=draft.id,
        clauses=draft.clauses,
        coverage=draft.coverage,
        provenance=draft.provenance if ranked else None,
    )


def round_view(current: Round) -> RoundView:
    """Return a round of drafts as everybody may see it."""
    ranked = current.result is not None
    return RoundView(
        round=current.number,
        drafts=tuple(draft_view(draft, ranked=ranked) for draft in current.drafts),
        failed=current.failed,
        with_model=any(draft.provenance.model_asked for draft in current.drafts),
        ranked=ranked,
    )


def order_for(drafts: Sequence[_Named], participant: ParticipantId) -> tuple[_Named, ...]:
    """Return drafts in the order in which one person is shown them.

    It is by a hash of the person and the draft: the same for that person each time, another for
    another, so that over many people no draft gains from standing first. It is no secret.
    """
    return tuple(
        sorted(drafts, key=lambda each: sha256(f"{participant}\n{each.id}".encode()).digest())
    )


def result_view(state: RoomState) -> ResultView | None:
    """Return how the last counted round went, and what was ratified of it."""
    current = state.counted
    if current is None or current.result is None:
        return None
    return ResultView(
        round=current.number,
        ranking=current.result,
        ballots=len(current.ballots),
        clauses=current.clauses,
        outcomes=current.outcomes,
    )


def tally_view(state: RoomState) -> TallyView:
    """Return the published counts."""
    return TallyView(
        voters=state.tally.voters, votes=state.tally.votes, statements=state.tally.statements
    )

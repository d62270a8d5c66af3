"""Who may see which part of an event: a privacy decision, made here and nowhere else.

Votes, ballots, showings and what was computed from them never become event frames: others see
counts in batches (``views.TallyView``) and the published analysis as far as the phase allows.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from ..ids import ParticipantId
from . import events as e
from . import frames as f
from .drafts import filled, with_clauses
from .room import RoomState, Statement
from .views import (
    FailureView,
    NoticeView,
    RoundView,
    Viewer,
    draft_view,
    statement_as,
)
from .vocabulary import Decision, Role, Status


@dataclass(frozen=True, slots=True)
class Everyone:
    """All who are in the room."""

    def admits(self, viewer: Viewer) -> bool:  # noqa: ARG002
        """Tell whether ``viewer`` belongs to it."""
        return True


@dataclass(frozen=True, slots=True)
class Moderators:
    """Those who see what waits for moderation."""

    def admits(self, viewer: Viewer) -> bool:
        """Tell whether ``viewer`` belongs to it."""
        return viewer.role.moderates


@dataclass(frozen=True, slots=True)
class Only:
    """One person."""

    participant: ParticipantId

    def admits(self, viewer: Viewer) -> bool:
        """Tell whether ``viewer`` belongs to it."""
        return viewer.participant == self.participant


Who = Everyone | Moderators | Only


@dataclass(frozen=True, slots=True)
class Variant:
    """One form of an event's frame, and for whom."""

    who: Who
    frame: f.EventFrame


@dataclass(frozen=True, slots=True)
class Announcement:
    """All forms of an event's frame; a viewer gets the first that admits them, or none."""

    seq: int
    variants: tuple[Variant, ...]

    def frame_for(self, viewer: Viewer) -> f.EventFrame | None:
        """Return the frame that ``viewer`` is owed, if any."""
        for variant in self.variants:
            if variant.who.admits(viewer):
                return variant.frame
        return None


_TOLD = frozenset(
    (
        e.StatementSubmitted,
        e.StatementModerated,
        e.PhaseChanged,
        e.NoticePosted,
        e.DraftsProposed,
        e.DraftFailed,
        e.RankingClosed,
        e.RatificationClosed,
    )
)


def announces(event: e.Event) -> bool:
    """Tell whether :func:`announcement` says something of ``event``, whatever the room's state."""
    if isinstance(event, e.ContentErased):
        return any(type(left.event) is e.StatementSubmitted for left in event.remains.values())
    return type(event) in _TOLD


def announcement(recorded: e.Recorded, state: RoomState) -> Announcement | None:
    """Return what others may learn of ``recorded``; ``state`` is the room right after it, or later.

    None where nobody may learn anything at once. With a later state, as for a socket that resumes,
    what was hidden or erased since is not shown again, and all frames since folded into an earlier
    view give the view of that later state.
    """
    if not announces(recorded.event):
        return None
    return Announcement(recorded.seq, _variants(recorded, state))


def _variants(recorded: e.Recorded, state: RoomState) -> tuple[Variant, ...]:
    seq = recorded.seq
    match recorded.event:
        case e.StatementSubmitted(statement=statement, status=status):
            return _statement(seq, state.statements[statement], status)
        case e.StatementModerated() as event:
            return _moderated(seq, state.statements[event.statement], event)
        case e.ContentErased() as event:
            return _erased(seq, event)
        case e.PhaseChanged(phase=phase):
            return (Variant(Everyone(), f.PhaseFrame(seq=seq, phase=phase)),)
        case e.NoticePosted(text=text):
            notice = f.NoticeFrame(seq=seq, notice=NoticeView(seq=seq, text=text))
            return (Variant(Everyone(), notice),)
        case e.DraftsProposed() as event:
            return (Variant(Everyone(), f.DraftsFrame(seq=seq, drafts=_proposed(event, state))),)
        case e.DraftFailed(failures=failures):
            failure = FailureView(seq=seq, failures=failures)
            return (Variant(Everyone(), f.DraftsFrame(seq=seq, drafts=None, failure=failure)),)
        case e.RankingClosed() as event:
            return (Variant(Everyone(), _ranking_closed(seq, event, state)),)
        case e.RatificationClosed(outcomes=outcomes):
            return (Variant(Everyone(), f.ResultFrame(seq=seq, outcomes=outcomes)),)
        case event:
            raise TypeError(f"nothing is told of a {type(event).__name__}")


def _statement(seq: int, statement: Statement, fresh: Status) -> tuple[Variant, ...]:
    # A statement comes with the standing it was written with; what moderation did follows.
    variants: list[Variant] = []
    own, everybody = (
        msgspec.structs.replace(statement_as(statement, own=own, inside=False), status=fresh)
        for own in (True, False)
    )
    if statement.author is not None:
        variants.append(Variant(Only(statement.author), f.StatementFrame(seq=seq, statement=own)))
    who: Who = Everyone() if fresh is Status.ACCEPTED and statement.visible else Moderators()
    variants.append(Variant(who, f.StatementFrame(seq=seq, statement=everybody)))
    return tuple(variants)


def _moderated(seq: int, statement: Statement, event: e.StatementModerated) -> tuple[Variant, ...]:
    accepted = event.decision is Decision.ACCEPT
    status = Status.ACCEPTED if accepted else Status.REJECTED
    inside = f.StatementModeratedFrame(
        seq=seq,
        statement_id=statement.id,
        status=status,
        hidden=False,
        reason=event.reason,
        note=event.note,
    )
    variants = [Variant(Moderators(), inside)]
    if statement.author is not None:
        variants.insert(0, Variant(Only(statement.author), inside))
    if not accepted:
        gone = f.StatementModeratedFrame(
            seq=seq, statement_id=statement.id, status=status, hidden=True, reason=event.reason
        )
        variants.append(Variant(Everyone(), gone))
    elif statement.visible:
        shown = statement_as(statement, own=False, inside=False)
        variants.append(Variant(Everyone(), f.StatementFrame(seq=seq, statement=shown)))
    return tuple(variants)


def _erased(seq: int, event: e.ContentErased) -> tuple[Variant, ...]:
    statements = [
        remains.event
        for remains in event.remains.values()
        if isinstance(remains.event, e.StatementSubmitted)
    ]
    ids = tuple(statement.statement for statement in statements)
    kept = f.ErasedFrame(seq=seq, statement_ids=ids, hidden=False)
    gone = f.ErasedFrame(seq=seq, statement_ids=ids, hidden=True)
    authors = {s.author for s in statements if s.author is not None}
    return (
        *(Variant(Only(author), kept) for author in sorted(authors)),
        Variant(Moderators(), kept),
        Variant(Everyone(), gone),
    )


def _proposed(event: e.DraftsProposed, state: RoomState) -> RoundView:
    # The log keeps a quote as a place in its statement: here are its words, if they still stand.
    drafts = (with_clauses(draft, lambda c: filled(c, state.text_of)) for draft in event.drafts)
    return RoundView(
        round=event.round,
        drafts=tuple(draft_view(draft, ranked=False) for draft in drafts),
        failed=event.failed,
        with_model=any(draft.provenance.model_asked for draft in event.drafts),
        ranked=False,
    )


def _ranking_closed(seq: int, event: e.RankingClosed, state: RoomState) -> f.ResultFrame:
    # By now there may be a newer round, and who made its drafts is not known until it was ranked.
    round_ = next(each for each in state.rounds if each.number == event.round)
    return f.ResultFrame(
        seq=seq,
        round=event.round,
        ranking=event.ranking,
        ballots=event.ballots,
        clauses=round_.clauses,
        drafts=tuple(draft_view(draft, ranked=True) for draft in round_.drafts),
    )


def sees_full_analysis(role: Role) -> bool:
    """Tell whether a role sees all tallies while the room is open: analysts alone do."""
    return role is Role.ANALYST

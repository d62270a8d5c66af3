"""How a client keeps its picture of a room: a snapshot, and event frames folded into it.

``room_view(state, viewer)`` fetched afresh equals an earlier one with every frame since folded in;
the tally and ``seq`` apart, which views carry. Written in Python for tests, scripts and the fleet;
a client in another language does the same.
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from . import frames as f
from .drafts import without_words
from .views import DraftView, ResultView, RoomView, RoundView


def fold(view: RoomView, frame: f.EventFrame) -> RoomView:
    """Return ``view`` with ``frame`` folded in; ``view`` itself is changed in place."""
    match frame:
        case f.StatementFrame(statement=statement):
            others = [s for s in view.statements if s.id != statement.id]
            fresh = msgspec.structs.replace(statement)
            view.statements = sorted([*others, fresh], key=lambda each: each.seq)
        case f.StatementModeratedFrame():
            _moderated(view, frame)
        case f.ErasedFrame():
            _erased(view, frame)
        case f.PhaseFrame(phase=phase):
            view.phase = phase
        case f.NoticeFrame(notice=notice):
            view.notices.append(notice)
        case f.DraftsFrame():
            _drafts(view, frame)
        case f.ResultFrame():
            _result(view, frame)
    view.seq = max(view.seq, frame.seq)
    return view


def _moderated(view: RoomView, frame: f.StatementModeratedFrame) -> None:
    if frame.hidden:
        view.statements = [s for s in view.statements if s.id != frame.statement_id]
    for each in view.statements:
        if each.id == frame.statement_id:
            each.status, each.reason, each.note = frame.status, frame.reason, frame.note


def _erased(view: RoomView, frame: f.ErasedFrame) -> None:
    if frame.hidden:
        view.statements = [s for s in view.statements if s.id not in frame.statement_ids]
    for each in view.statements:
        if each.id in frame.statement_ids:
            each.text, each.language = "", None
    if view.drafts is not None:
        kept = tuple(_unquoted(draft, frame.statement_ids) for draft in view.drafts.drafts)
        view.drafts = msgspec.structs.replace(view.drafts, drafts=kept)
    if view.result is not None:
        view.result.clauses = tuple(
            without_words(clause, frame.statement_ids) for clause in view.result.clauses
        )


def _unquoted(draft: DraftView, statements: Collection[str]) -> DraftView:
    clauses = tuple(without_words(clause, statements) for clause in draft.clauses)
    return msgspec.structs.replace(draft, clauses=clauses)


def unquoted(frame: f.EventFrame, statements: Collection[str]) -> f.EventFrame:
    """Return ``frame`` without what its drafts quote from ``statements``; itself where nothing."""
    match frame:
        case f.DraftsFrame(drafts=RoundView() as current):
            drafts = tuple(_unquoted(draft, statements) for draft in current.drafts)
            if drafts == current.drafts:
                return frame
            kept = msgspec.structs.replace(current, drafts=drafts)
            return msgspec.structs.replace(frame, drafts=kept)
        case f.ResultFrame():
            drafts = tuple(_unquoted(draft, statements) for draft in frame.drafts)
            clauses = tuple(without_words(clause, statements) for clause in frame.clauses)
            if drafts == frame.drafts and clauses == frame.clauses:
                return frame
            return msgspec.structs.replace(frame, drafts=drafts, clauses=clauses)
        case _:
            return frame


def _drafts(view: RoomView, frame: f.DraftsFrame) -> None:
    if frame.failure is not None:
        view.failures.append(frame.failure)
    if frame.drafts is not None:
        view.drafts = frame.drafts


def _result(view: RoomView, frame: f.ResultFrame) -> None:
    if frame.ranking is not None:
        view.result = ResultView(
            round=frame.round,
            ranking=frame.ranking,
            ballots=frame.ballots,
            clauses=frame.clauses,
        )
        if view.drafts is not None:
            view.drafts = _revealed(view.drafts, frame)
    elif frame.outcomes is not None and view.result is not None:
        view.result.outcomes = frame.outcomes


def _revealed(drafts: RoundView, frame: f.ResultFrame) -> RoundView:
    return msgspec.structs.replace(drafts, drafts=frame.drafts, ranked=True)

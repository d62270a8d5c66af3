"""The file ``folkmoot.drafts/1``, and the same draft as a room's events carry it."""

from __future__ import annotations

import msgspec

from ...deliberation import drafts as room
from ...deliberation.drafts import Coverage, GroupSupport
from ..ports import Provenance, SourceId

FORMAT = "folkmoot.drafts/1"


class QuoteDocument(msgspec.Struct, frozen=True):
    """``text`` stands at [start, end) of a statement, in code points of its text."""

    statement: SourceId
    start: int
    end: int
    text: str


class ClauseDocument(msgspec.Struct, frozen=True):
    """A verified clause.

    ``support`` (0–1) is the Entailer's; ``groups`` holds for each published group the least of
    the cited statements' Wilson lower bounds, in the direction the clause says.
    """

    text: str
    cites: tuple[SourceId, ...]
    quotes: tuple[QuoteDocument, ...]
    support: float
    groups: tuple[GroupSupport, ...]


class DraftDocument(msgspec.Struct, frozen=True):
    """A verified draft. ``baseline`` is the coverage of as many single statements of the highest
    consensus as it has clauses; both are ``None`` where nothing could be measured."""

    id: str
    clauses: tuple[ClauseDocument, ...]
    coverage: Coverage | None
    provenance: Provenance
    baseline: Coverage | None = None


class FailureDocument(msgspec.Struct, frozen=True):
    """A draft that is not shown: a stable reason, and what was found, without people's words."""

    reason: str
    detail: str


class DraftsDocument(msgspec.Struct, frozen=True):
    """The whole file."""

    drafts: tuple[DraftDocument, ...]
    failed: tuple[FailureDocument, ...]
    format: str = FORMAT


def room_draft(draft: DraftDocument, *, draft_id: str) -> room.Draft:
    """Return the draft as events carry it: ids as text, clauses named after the draft."""
    made = draft.provenance
    return room.Draft(
        id=draft_id,
        clauses=tuple(
            room.Clause(
                id=f"{draft_id}.{number}",
                text=clause.text,
                cites=tuple(str(cited) for cited in clause.cites),
                quotes=tuple(
                    room.Quote(statement=str(q.statement), start=q.start, end=q.end, text=q.text)
                    for q in clause.quotes
                ),
                support=clause.support,
                groups=clause.groups,
            )
            for number, clause in enumerate(draft.clauses, start=1)
        ),
        coverage=draft.coverage,
        provenance=room.Provenance(
            drafter=made.drafter,
            seed=made.seed,
            approach=made.approach,
            prompt_id=made.prompt_id,
            prompt_sha256=made.prompt_sha256,
            rendered_sha256=made.rendered_sha256,
            shown=tuple(str(shown) for shown in made.shown),
            model_asked=made.model_asked,
            model_answered=made.model_answered,
            fingerprint=made.fingerprint,
            parameters=made.parameters,
            attempts=made.attempts,
            tokens=made.tokens or 0,
            answer_sha256=made.answer_sha256,
            entailer=made.entailer,
            embedder=made.embedder,
        ),
    )


def room_failure(failure: FailureDocument) -> room.DraftFailure:
    """Return a failure as events carry it."""
    return room.DraftFailure(reason=failure.reason, detail=failure.detail)

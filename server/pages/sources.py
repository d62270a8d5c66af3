"""Drafts with what they rest on: clause, statements, and how each group voted on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..deliberation.adoption import ClauseOutcome
from ..deliberation.drafts import Clause, Coverage, Draft, Provenance
from ..deliberation.room import RoomState
from ..deliberation.state import Round, Statement
from ..deliberation.views import StatementView, Viewer, may_see, statement_view
from ..deliberation.vocabulary import Assent, Phase
from ..ids import StatementId
from .wording import letter


@dataclass(frozen=True, slots=True)
class Share:
    """How a group voted on a statement; ``group`` is None for all who voted."""

    group: int | None
    agree: int
    disagree: int
    passes: int


@dataclass(frozen=True, slots=True)
class Source:
    """A statement that a clause rests on; ``shares`` are empty for a testimony."""

    statement: StatementView
    shares: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class ClauseLine:
    """A clause with its sources, one's own decision on it, and its outcome."""

    id: str
    text: str
    sources: tuple[Source, ...]
    own: Assent | None = None
    outcome: ClauseOutcome | None = None


@dataclass(frozen=True, slots=True)
class DraftLine:
    """A draft as a card; ``provenance`` is None until its ranking has closed."""

    id: str
    letter: str
    clauses: tuple[ClauseLine, ...]
    coverage: Coverage | None
    provenance: Provenance | None
    won: bool


class Sources:
    """Finds what clauses rest on, for one viewer, as of the state now."""

    def __init__(self, state: RoomState, viewer: Viewer, current: Round) -> None:
        self._state = state
        self._viewer = viewer
        self._told = state.phase not in (Phase.DRAFT, Phase.OPEN)
        rows = {str(p): person.row for p, person in state.people.items()}
        groups = range(current.group_count) if current.group_count > 1 else ()
        self._rows = {
            group: np.array(
                [rows[p] for p, g in current.groups.items() if g == group and p in rows],
                dtype=np.intp,
            )
            for group in groups
        }
        self._known: dict[str, Source | None] = {}

    def clause(
        self, clause: Clause, *, own: Assent | None = None, outcome: ClauseOutcome | None = None
    ) -> ClauseLine:
        """Return a clause with its sources."""
        found = (self._source(cite) for cite in clause.cites)
        return ClauseLine(
            clause.id, clause.text, tuple(each for each in found if each), own, outcome
        )

    def _source(self, cite: str) -> Source | None:
        if cite not in self._known:
            statement = self._state.statements.get(StatementId(cite))
            seen = statement is not None and may_see(statement, self._viewer)
            self._known[cite] = self._found(statement) if statement and seen else None
        return self._known[cite]

    def _found(self, statement: Statement) -> Source:
        view = statement_view(statement, self._viewer)
        if statement.column < 0 or not self._told:
            return Source(view, ())
        column = self._state.votes.view()[:, statement.column]
        shares = [_share(None, column)]
        shares.extend(_share(group, column[rows]) for group, rows in self._rows.items())
        return Source(view, tuple(shares))


def _share(group: int | None, votes: NDArray[np.int8]) -> Share:
    return Share(group, int((votes == 1).sum()), int((votes == -1).sum()), int((votes == 0).sum()))


def letters_of(current: Round) -> dict[str, str]:
    """Return each draft's letter; drafts keep the order in which they were proposed."""
    return {draft.id: letter(i) for i, draft in enumerate(current.drafts)}


def draft_line(draft: Draft, current: Round, sources: Sources, mark: str) -> DraftLine:
    """Return a draft as a card, without who made it until the ranking has closed."""
    ranked = current.result is not None
    return DraftLine(
        id=draft.id,
        letter=mark,
        clauses=tuple(sources.clause(clause) for clause in draft.clauses),
        coverage=draft.coverage,
        provenance=draft.provenance if ranked else None,
        won=ranked and draft in current.winners,
    )

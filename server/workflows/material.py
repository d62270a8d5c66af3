"""A room's state as synthesis takes it. Pure: the state comes in, frozen input goes out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..deliberation.assembly import AssemblyState
from ..deliberation.state import RoomState, Statement
from ..deliberation.vocabulary import Kind, Origin
from ..deliberation.votes import EMPTY
from ..synthesis.ports import Corpus, SourceStatement


def statements_of(state: RoomState) -> tuple[SourceStatement, ...]:
    """Return all statements and testimonies; those that don't stand are marked moderated out."""
    return tuple(_source(each, usable=each.visible) for each in state.statements.values())


def corpus_of(state: RoomState, assembly: AssemblyState, groups: Mapping[str, int]) -> Corpus:
    """Return what drafts may be made of, with everybody's opinion group.

    What its author does not let be published outside the assembly enters no draft, and is marked
    like what was moderated out. ``groups`` maps participants to labels; who is not in it has none.
    """
    listed = list(state.statements.values())
    columns = np.array([each.column for each in listed], dtype=np.intp)
    votes = np.full((len(state.rows), len(listed)), EMPTY, dtype=np.int8)
    voted = columns >= 0
    votes[:, voted] = state.votes.view()[:, columns[voted]]
    return Corpus(
        statements=tuple(
            _source(each, usable=each.visible and _publishable(each, assembly)) for each in listed
        ),
        participants=tuple(state.rows),
        votes=votes,
        labels=np.array([groups.get(each, -1) for each in state.rows], dtype=np.int64),
    )


def names_of(assembly: AssemblyState) -> frozenset[str]:
    """Return the names that people gave, none of which may stand in a draft."""
    return frozenset(each.name for each in assembly.members.values() if each.name)


def _source(statement: Statement, *, usable: bool) -> SourceStatement:
    return SourceStatement(
        id=statement.id,
        text=statement.text,
        language=statement.language,
        kind="testimony" if statement.kind is Kind.TESTIMONY else "statement",
        moderated_out=not usable,
    )


def _publishable(statement: Statement, assembly: AssemblyState) -> bool:
    if statement.author is None or statement.origin is Origin.ORGANISER:
        return True
    member = assembly.members.get(statement.author)
    return member is not None and member.consent.publish

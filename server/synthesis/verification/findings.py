"""What a check can find, and what it needs to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..counts import GroupCounts, count_groups
from ..ports import Corpus, Entailer, SourceId, SourceStatement, Vectors

Problem: TypeAlias = Literal[
    "no-source", "unknown-id", "not-shown", "moderated-out",
    "quote-place", "quote-differs", "quote-uncited", "torn-quote",
    "polarity", "quantifier", "modality", "condition", "number", "unrelated",
    "wrong-group", "overclaim",
    "length", "link", "instruction", "name", "repeated",
]  # fmt: skip


WORDS: Final[dict[Problem, str]] = {
    "no-source": "it names no statement that it rests on",
    "unknown-id": "it names a statement that does not exist",
    "not-shown": "it names a statement that its drafter was not given",
    "moderated-out": "it names a statement that was taken away",
    "quote-place": "a quotation is not where it is said to be",
    "quote-differs": "a quotation differs from what was written",
    "quote-uncited": "it quotes a statement that it does not name",
    "torn-quote": "a quotation is cut so that it says something else",
    "polarity": "it says the contrary of a statement that it names",
    "quantifier": "it speaks of more or of fewer than its statement does",
    "modality": "it is stronger or weaker than its statement",
    "condition": "it leaves out a condition",
    "number": "it has a number that its statement does not have",
    "unrelated": "it is about something else than its statement",
    "wrong-group": "it speaks of a group that does not bear it out",
    "overclaim": "it claims more agreement than the votes show",
    "length": "it is too short or too long, or one clause too many",
    "link": "it contains a link",
    "instruction": "it contains an instruction to a program",
    "name": "it contains somebody's name",
    "repeated": "it repeats another clause",
}
"""What is wrong with a clause, going on from "a clause fails because"."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with a clause: where, which kind, and about which statement.

    It holds no text of anybody's, so that it can be logged and published.
    """

    clause: int
    problem: Problem
    statement: SourceId | None = None


@dataclass(frozen=True)
class VerificationContext:
    """Everything the checks look at.

    ``corpus`` has all votes; ``held_out`` (n × m, int8) those the drafter did not see. ``rows``
    (m, d) and ``themes`` (m,) go with the statements; ``clause_rows`` places clause texts in the
    same space. ``shown`` are the ids that were before the drafter, ``names`` the display names
    of participants, which no clause may contain.
    """

    corpus: Corpus
    shown: frozenset[SourceId]
    entailer: Entailer
    rows: Vectors
    themes: tuple[int, ...]
    held_out: NDArray[np.int8]
    clause_rows: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    names: frozenset[str] = frozenset()

    @cached_property
    def columns(self) -> dict[SourceId, int]:
        """The place of each statement."""
        return {statement.id: place for place, statement in enumerate(self.corpus.statements)}

    @cached_property
    def counts(self) -> GroupCounts:
        """The groups' counts over all votes."""
        return count_groups(self.corpus)

    def statement(self, statement: SourceId) -> SourceStatement | None:
        """The statement with an id, if there is one."""
        place = self.columns.get(statement)
        return None if place is None else self.corpus.statements[place]

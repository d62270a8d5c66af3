"""What the people of a moment allow: whose words may leave the house, and whose rows of votes."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..deliberation.drafts import Clause
from ..deliberation.vocabulary import Channel, Origin, Reason, Status
from ..deliberation.votes import EMPTY
from ..ids import ParticipantId, StatementId
from .material import Material, Statement
from .suppression import rows_may_leave

WITHHELD = {
    "consent": "its author did not agree to publication outside the assembly",
    "moderated": "it was moderated out",
    "waiting": "no moderator has looked at it",
    "erased": "its author took it back",
}
"""Why the words of a statement are not there."""


class Allowed:
    """What may leave the house of one :class:`Material`."""

    def __init__(self, material: Material) -> None:
        self._material = material

    def withheld(self, statement: Statement) -> str | None:
        """Say by which key of :data:`WITHHELD` a statement's words stay, or None if they may leave.

        What was moderated before it was imported is public already, and goes out as it came in.
        """
        if statement.erased:
            return "erased"
        if statement.status is Status.PENDING:
            return "waiting"
        if statement.status is Status.REJECTED and statement.reason is not Reason.IMPORTED:
            return "moderated"
        return None if self._author_agrees(statement) else "consent"

    def words(self, statement: Statement) -> str | None:
        """Return a statement's words, or None where they may not leave."""
        return statement.text if self.withheld(statement) is None else None

    def clause_words(self, clause: Clause) -> str | None:
        """Return a clause's words, or None where they are somebody's who has not agreed to it.

        A clause made without a model is a statement's own words: where its author has withdrawn
        them since, they don't leave by the clause either.
        """
        statements = self._material.by_id
        for quote in clause.quotes:
            statement = statements.get(StatementId(quote.statement))
            if statement is None or not self.words(statement):
                return None
        return clause.text

    def speaks_in_public(self, participant: ParticipantId) -> bool:
        """Say whether a person agreed to publication of their words."""
        person = self._material.people.get(participant)
        return person is not None and person.consent.publish

    @cached_property
    def voted(self) -> NDArray[np.bool_]:
        """Who cast a vote, (n,)."""
        voted: NDArray[np.bool_] = (self._material.votes != EMPTY).any(axis=1)
        return voted

    @cached_property
    def agreeing(self) -> NDArray[np.bool_]:
        """Who voted and agreed to research, (n,)."""
        people = self._material.people
        agree = [
            (person := people.get(row)) is not None and person.consent.research
            for row in self._material.rows
        ]
        return self.voted & np.array(agree, dtype=np.bool_).reshape(self.voted.shape)

    @cached_property
    def rows(self) -> NDArray[np.bool_]:
        """Whose rows of votes may be published, (n,); none if they would give others away.

        While voting is open nobody's.
        """
        withheld = int(np.count_nonzero(self.voted & ~self.agreeing))
        if not self._material.voting_is_over or not rows_may_leave(withheld):
            return np.zeros_like(self.voted)
        return self.agreeing

    @cached_property
    def spoken_of(self) -> NDArray[np.bool_]:
        """Whom a table of counts speaks of: who voted and has no public row, (n,).

        Imported people have one where they come from, whether it is published here or not.
        """
        people = self._material.people
        here = [
            (person := people.get(row)) is None or person.channel is not Channel.IMPORTED
            for row in self._material.rows
        ]
        return self.voted & ~self.rows & np.array(here, dtype=np.bool_).reshape(self.voted.shape)

    def _author_agrees(self, statement: Statement) -> bool:
        if statement.author is None:
            return True
        if statement.origin is Origin.ORGANISER:
            return True
        return self.speaks_in_public(statement.author)

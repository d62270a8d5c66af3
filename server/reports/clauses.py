"""What was put to ratification: each clause with its endorsement, its sources and its dissent."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..deliberation.adoption import ClauseOutcome
from ..deliberation.drafts import Clause
from ..deliberation.vocabulary import Choice
from ..deliberation.votes import AGREE, DISAGREE, EMPTY
from ..ids import StatementId
from . import document as d
from .consent import Allowed
from .figures import hidden_groups, share_of
from .material import Material

FEWEST_AGAINST = 10
MOST_AGAINST = 3
MOST_REASONS = 3


def clause_reports(material: Material, allowed: Allowed) -> tuple[d.ClauseReport, ...]:
    """Return the clauses of the last ratification, adopted ones first, by their share of yes.

    That share is the participants' order of priority; equal ones keep the order of their drafts.
    """
    outcomes = {outcome.clause: outcome for outcome in material.outcomes}
    counted = [
        (clause, outcomes[clause.id]) for clause in material.clauses if clause.id in outcomes
    ]
    counted.sort(key=lambda each: (not each[1].adopted, -_yes(each[1])))
    return tuple(
        _clause(material, allowed, clause, outcome, number)
        for number, (clause, outcome) in enumerate(counted, 1)
    )


def sources(material: Material, allowed: Allowed, clause: Clause) -> tuple[d.Source, ...]:
    """Return the statements a clause rests on, with what it quotes of them if that may leave."""
    statements, numbers = material.by_id, material.numbers
    quoted = {quote.statement: quote.text for quote in clause.quotes}
    found = []
    for cited in dict.fromkeys((*clause.cites, *quoted)):
        statement = statements.get(StatementId(cited))
        if statement is not None:
            words = allowed.words(statement)
            found.append(
                d.Source(
                    statement=cited,
                    number=numbers[statement.id],
                    quoted=quoted.get(cited) if words else None,
                )
            )
    return tuple(found)


def criticisms(material: Material, allowed: Allowed, draft: str) -> tuple[str, ...]:
    """Return what people found missing in a draft, of those who agreed to publication."""
    return tuple(
        each.text
        for round_ in material.rounds
        if round_.result is not None
        for each in round_.criticisms
        if each.draft == draft and allowed.speaks_in_public(each.author)
    )


def reasons(material: Material, allowed: Allowed, clause: Clause) -> tuple[d.Reason, ...]:
    """Return why people voted as they did on what a clause rests on, once voting is over.

    Of those who agreed to publication, at most three a statement and choice. The order is that of
    people's random ids, which says nothing of when anybody voted.
    """
    if not material.voting_is_over:
        return ()
    found: list[d.Reason] = []
    for cited in dict.fromkeys(clause.cites):
        statement = material.by_id.get(StatementId(cited))
        for choice in (Choice.AGREE, Choice.DISAGREE):
            given = [
                each
                for each in (statement.because if statement is not None else ())
                if each.choice is choice and allowed.speaks_in_public(each.author)
            ]
            found.extend(
                d.Reason(statement=cited, choice=choice, text=each.text)
                for each in given[:MOST_REASONS]
            )
    return tuple(found)


def _yes(outcome: ClauseOutcome) -> float:
    return outcome.yes / max(outcome.yes + outcome.no + outcome.blank, 1)


def _clause(
    material: Material, allowed: Allowed, clause: Clause, outcome: ClauseOutcome, number: int
) -> d.ClauseReport:
    cast = outcome.yes + outcome.no + outcome.blank
    draft = _draft_of(material, clause)
    simulated = material.simulated_assents.get(clause.id, 0)
    return d.ClauseReport(
        id=clause.id,
        number=number,
        draft=draft,
        text=allowed.clause_words(clause),
        adopted=outcome.adopted,
        yes=share_of(outcome.yes, cast),
        no=outcome.no,
        blank=outcome.blank,
        quorum=outcome.quorum,
        quorum_met=outcome.quorum_met,
        simulated=simulated,
        groups=_ballots(outcome, cast, simulated),
        dissent=outcome.dissent,
        consensus_across_groups=outcome.consensus_across_groups,
        cites=sources(material, allowed, clause),
        against=_against(material, clause),
        criticisms=criticisms(material, allowed, draft),
        reasons=reasons(material, allowed, clause),
    )


def _ballots(outcome: ClauseOutcome, cast: int, simulated: int) -> tuple[d.GroupBallots, ...]:
    by_group = [each.yes + each.no + each.blank for each in outcome.groups]
    hidden = hidden_groups(by_group, cast, simulated)
    return tuple(
        d.GroupBallots(group=each.group, hidden=True, rejects=each.group in outcome.dissent)
        if at in hidden
        else d.GroupBallots(
            group=each.group,
            hidden=False,
            rejects=each.rejects,
            yes=share_of(each.yes, by_group[at], each.people),
            no=each.no,
            blank=each.blank,
            people=each.people,
        )
        for at, each in enumerate(outcome.groups)
    )


def _draft_of(material: Material, clause: Clause) -> str:
    for round_ in reversed(material.rounds):
        for draft in round_.drafts:
            if any(each.id == clause.id for each in draft.clauses):
                return draft.id
    return ""


def _against(material: Material, clause: Clause) -> tuple[d.Source, ...]:
    places = {statement: column for column, statement in enumerate(material.columns)}
    cited = [places[s] for each in clause.cites if (s := StatementId(each)) in places]
    if not cited or not material.voting_is_over:
        return ()
    votes, statements, numbers = material.votes, material.by_id, material.numbers
    leaning = np.where(votes[:, cited] == EMPTY, 0, votes[:, cited]).sum(axis=1)
    backed, n_backed = _shares(votes[leaning > 0], DISAGREE)
    opposed, n_opposed = _shares(votes[leaning < 0], AGREE)
    enough = (n_backed >= FEWEST_AGAINST) & (n_opposed >= FEWEST_AGAINST)
    strength = np.where(enough & (backed > 0.5) & (opposed > 0.5), backed * opposed, 0.0)
    strength[cited] = 0.0
    order = np.argsort(-strength, kind="stable").tolist()
    found = [material.columns[column] for column in order if strength[column] > 0.0]
    return tuple(
        d.Source(statement=each, number=numbers[each])
        for each in [each for each in found if statements[each].stands][:MOST_AGAINST]
    )


def _shares(votes: NDArray[np.int8], choice: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    seen = np.count_nonzero(votes != EMPTY, axis=0)
    return np.count_nonzero(votes == choice, axis=0) / np.maximum(seen, 1), seen

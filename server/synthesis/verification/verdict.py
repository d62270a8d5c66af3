"""All checks of a draft, and what remains of it."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import structs

from ...deliberation.drafts import GroupSupport
from ..drafting.document import ClauseDocument, DraftDocument, FailureDocument, QuoteDocument
from ..ports import ProposedClause, ProposedDraft
from ..text import clean
from .claims import check_claims, check_support, lower_bounds
from .coverage import baseline, coverage
from .findings import WORDS, Finding, VerificationContext
from .form import check_form
from .sources import check_ids, check_quotes

FEWEST, MOST = 3, 6
"""Clauses of a draft."""


@dataclass(frozen=True)
class Verdict:
    """Either the draft as far as it holds, or why it cannot be shown; and all that was found."""

    draft: DraftDocument | None
    failure: FailureDocument | None
    findings: tuple[Finding, ...]


def verify(draft: ProposedDraft, context: VerificationContext) -> Verdict:
    """Check every clause, drop those that fail, and fail the draft below three.

    Clauses after the sixth that holds are dropped too, with the finding ``length``.
    """
    findings: list[Finding] = []
    kept: list[tuple[ProposedClause, ClauseDocument]] = []
    seen: set[str] = set()
    for number, clause in enumerate(draft.clauses):
        support, found = check_clause(number, clause, context)
        if clean(clause.text).casefold() in seen:
            found.append(Finding(number, "repeated"))
        if not found and len(kept) == MOST:
            found.append(Finding(number, "length"))
        findings += found
        if not found:
            seen.add(clean(clause.text).casefold())
            kept.append((clause, _document(clause, support, context)))
    if len(kept) < FEWEST:
        return Verdict(None, _failure(len(kept), len(draft.clauses), findings), tuple(findings))
    return Verdict(_verified(draft, kept, context), None, tuple(findings))


def check_clause(
    number: int, clause: ProposedClause, context: VerificationContext
) -> tuple[float, list[Finding]]:
    """Return the support of one clause and everything that is wrong with it."""
    found = check_form(number, clause, context) + check_ids(number, clause, context)
    found += check_quotes(number, clause, context)
    support, unsupported = check_support(number, clause, context)
    return support, found + unsupported + check_claims(number, clause, context)


def _document(
    clause: ProposedClause, support: float, context: VerificationContext
) -> ClauseDocument:
    groups = context.counts.groups
    bounds = [
        lower_bounds(clause, statement, context)
        for statement in (context.statement(cited) for cited in clause.cites)
        if statement is not None and statement.kind == "statement"
    ]
    return ClauseDocument(
        text=clause.text,
        cites=clause.cites,
        quotes=tuple(QuoteDocument(q.statement, q.start, q.end, q.text) for q in clause.quotes),
        support=support,
        groups=tuple(
            GroupSupport(group=group, wilson_low=float(min(low[row] for low in bounds)))
            for row, group in enumerate(groups)
            if bounds
        ),
    )


def _verified(
    draft: ProposedDraft,
    kept: list[tuple[ProposedClause, ClauseDocument]],
    context: VerificationContext,
) -> DraftDocument:
    clauses = [clause for clause, _ in kept]
    measured = None
    if all(clause.text in context.clause_rows for clause in clauses):
        measured = coverage(
            [clause.text for clause in clauses],
            [clause.language for clause in clauses],
            [clause.cites for clause in clauses],
            context,
        )
    return DraftDocument(
        id=draft.id,
        clauses=tuple(document for _, document in kept),
        coverage=measured,
        provenance=structs.replace(draft.provenance, entailer=context.entailer.name),
        baseline=baseline(len(clauses), context) if measured is not None else None,
    )


def _failure(kept: int, proposed: int, findings: list[Finding]) -> FailureDocument:
    if not proposed:
        return FailureDocument("no-clauses", "The drafter proposed no clause.")
    problems = sorted({finding.problem for finding in findings})
    reasons = "; ".join(f"{WORDS[each]} ({each})" for each in problems)
    return FailureDocument(
        "too-few-clauses",
        f"{kept} of {proposed} proposed clauses hold; a draft needs {FEWEST}."
        + (f" What was wrong with a clause: {reasons}." if reasons else ""),
    )

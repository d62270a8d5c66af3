"""Checks 3 and 4: a clause follows from what it cites, and claims no more people than it has."""

from __future__ import annotations

import re

import numpy as np

from ..cues import Reading, read
from ..polarity import opposite
from ..ports import Judgement, ProposedClause, SourceStatement
from .findings import Finding, Problem, VerificationContext

NEAR = 0.6
"""The centred cosine from which a cited statement counts as saying the same in other words."""
_NAMED = re.compile(r"(?<!\w)(?:([a-f])|(\d{1,2}))(?!\w)")


def check_support(
    number: int, clause: ProposedClause, context: VerificationContext
) -> tuple[float, list[Finding]]:
    """The clause follows from its best source, and every other source says the same way.

    Returns the support (0–1) by that source. A source is beside the point if the Entailer finds
    too little in common and its meaning is not near the clause's (``NEAR``).
    """
    judged = [
        (statement, context.entailer.judge(clause.text, statement.text, statement.language))
        for statement in _cited(clause, context)
    ]
    if not judged:
        return 0.0, []
    best = max(judged, key=lambda pair: (pair[1].support, -len(pair[1].faults)))
    found = []
    for statement, judgement in judged:
        faults = judgement.faults if statement is best[0] else _of_others(judgement)
        for fault in faults:
            if fault == "unrelated" and _near(clause, statement, context):
                continue
            found.append(Finding(number, fault, statement.id))
    return best[1].support, found


def check_claims(
    number: int, clause: ProposedClause, context: VerificationContext
) -> list[Finding]:
    """ "We all" needs every published group's lower bound above ½; a named group needs its own.

    In the direction the clause says: a clause contrary to a statement needs the bound of those
    who disagreed with it. Groups are named as in the files (group 0, group 1) or by letter (A is
    0). Where there is nobody in any group, nothing may be claimed.
    """
    reading = read(clause.text, clause.language)
    found = []
    for statement in _cited(clause, context):
        lows = lower_bounds(clause, statement, context)
        if reading.count("overclaim") and not (lows.size and bool((lows > 0.5).all())):
            found.append(Finding(number, "overclaim", statement.id))
        for group in _named_groups(reading):
            groups = context.counts.groups
            if group not in groups or lows[groups.index(group)] <= 0.5:
                found.append(Finding(number, "wrong-group", statement.id))
    return found


def lower_bounds(
    clause: ProposedClause, statement: SourceStatement, context: VerificationContext
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Wilson's lower bound (groups,) of those who say to the statement what the clause says."""
    place = context.columns[statement.id]
    contrary = opposite(clause.text, statement.text, clause.language, statement.language)
    bounds = context.counts.disagree_low if contrary else context.counts.agree_low
    return np.asarray(bounds[:, place])


def _cited(clause: ProposedClause, context: VerificationContext) -> list[SourceStatement]:
    found = (context.statement(cited) for cited in clause.cites)
    return [statement for statement in found if statement is not None]


def _of_others(judgement: Judgement) -> tuple[Problem, ...]:
    """Of a source that is not the best one only the direction and the subject count."""
    return tuple(fault for fault in judgement.faults if fault in ("polarity", "unrelated"))


def _near(clause: ProposedClause, statement: SourceStatement, context: VerificationContext) -> bool:
    row = context.clause_rows.get(clause.text)
    if row is None:
        return False
    return float(context.rows[context.columns[statement.id]] @ row) >= NEAR


def _named_groups(reading: Reading) -> list[int]:
    named = []
    for cue in set(reading.found("group")):
        for match in re.finditer(re.escape(cue), reading.text):
            around = reading.text[max(0, match.start() - 4) : match.start()]
            after = reading.text[match.end() : match.end() + 4]
            name = _NAMED.match(after.lstrip()) or _NAMED.search(around.strip()[-2:])
            if name is not None:
                letter, digits = name.groups()
                named.append(ord(letter) - ord("a") if letter else int(digits))
    return named

"""What the votes say: opinion groups, agreement, division, and each statement's counts."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np

from ..deliberation.opinion import Verdict, analyze
from ..deliberation.opinion.claims import RATE, claims
from ..deliberation.opinion.representative import representative
from ..deliberation.opinion.summary import divisive, majority
from . import document as d
from .consent import Allowed
from .figures import Figures
from .material import Material, Statement

MOST_DIVISIVE = 10
Label = Literal["consensus across groups", "agreement"]
_WHY_ONE = {
    Verdict.TOO_FEW_PEOPLE: "fewer than 50 people voted enough to be grouped",
    Verdict.NO_SPLIT: "the votes do not fall apart into groups at all",
    Verdict.CHANCE: "the groups that could be drawn are no clearer than in shuffled votes",
    Verdict.UNSTABLE: "the groups that could be drawn change when people are drawn anew",
    Verdict.SMALL_GROUPS: "the groups that could be drawn are too small to speak of",
    Verdict.PROVISIONAL: "the groups were not held against chance",
}


def opinion_report(material: Material, figures: Figures | None) -> d.OpinionReport:
    """Say whether opinion groups can be told, and what follows from it."""
    found = material.opinion.document.groups if material.opinion else None
    if figures is None or found is None or figures.k is None or material.opinion is None:
        said = "Opinion groups are computed from the votes; there is no published analysis yet."
        agreement: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
        if figures is None:
            said = "Opinion groups are told when voting has closed."
        else:
            agreement = _majority(figures)
        return d.OpinionReport(
            k=None, verdict="", sentence=said, silhouette=None, chance_p95=None, stability=None,
            seed=None, groups=(), consensus=(), agreement=agreement[0], rejection=agreement[1],
            divisive=(),
            claims=None,
        )  # fmt: skip
    agree, disagree = _majority(figures)
    return d.OpinionReport(
        k=figures.k,
        verdict=found.verdict,
        sentence=_sentence(figures.k, Verdict(found.verdict)),
        silhouette=found.silhouette,
        chance_p95=found.chance_p95,
        stability=found.stability,
        seed=material.opinion.document.seed,
        groups=_groups(material, figures),
        consensus=_consensus(material, figures),
        agreement=agree,
        rejection=disagree,
        divisive=_divisive(material, figures),
        claims=_claims(material, figures),
    )


def _sentence(k: int, verdict: Verdict) -> str:
    if k > 1:
        return (
            f"The votes show {k} opinion groups: people who voted alike across the statements. "
            "They are clearer than in shuffled votes and come again when people are drawn anew."
            if verdict is Verdict.PUBLISHED
            else f"The votes are told by {k} groups that were given beforehand."
        )
    return (
        "No separate opinion groups can be told: "
        + _WHY_ONE.get(verdict, "the votes do not show any")
        + ". All shares are of everybody who took part."
    )


def _majority(figures: Figures) -> tuple[tuple[str, ...], tuple[str, ...]]:
    total, _ = figures.counts
    agree, disagree = majority(total, figures.out)
    columns = figures.material.columns
    return tuple(columns[j] for j in agree), tuple(columns[j] for j in disagree)


def _groups(material: Material, figures: Figures) -> tuple[d.OpinionGroup, ...]:
    if not figures.names:
        return ()
    _, groups = figures.counts
    listed = representative(groups, figures.out | figures.touched)
    return tuple(
        d.OpinionGroup(
            group=name,
            people=figures.sizes[g],
            agrees=tuple(
                material.columns[each.statement]
                for each in listed[g]
                if each.qualifies and each.direction == "agree"
            ),
            disagrees=tuple(
                material.columns[each.statement]
                for each in listed[g]
                if each.qualifies and each.direction == "disagree"
            ),
        )
        for g, name in enumerate(figures.names)
    )


def _consensus(material: Material, figures: Figures) -> tuple[str, ...]:
    if not figures.names:
        return ()
    found = []
    for column, statement in enumerate(material.columns):
        if _label(figures, column) == "consensus across groups":
            lows = [c.agree.low for c in figures.cells[column] if c.agree]
            found.append((-min(1.0 if low is None else low for low in lows), column, statement))
    return tuple(statement for _, _, statement in sorted(found))


def _label(figures: Figures, column: int) -> Label | None:
    if figures.out[column]:
        return None
    if figures.names:
        cells = [cell.agree for cell in figures.cells[column]]
        if all(cell is not None and _more_than_half(cell) for cell in cells):
            return "consensus across groups"
    elif _more_than_half(figures.overall(column)[0]):
        return "agreement"
    return None


def _more_than_half(share: d.Share) -> bool:
    if share.low is not None:
        return share.low > 0.5
    return share.everybody and 2 * share.count > share.n


def _divisive(material: Material, figures: Figures) -> tuple[d.Division, ...]:
    if not figures.names:
        return ()
    _, groups = figures.counts
    found = [
        each
        for each in divisive(groups, figures.out)
        if not figures.touched[each.statement] and each.interval.low > 0.0
    ]
    return tuple(
        d.Division(
            statement=material.columns[each.statement],
            one=figures.names[each.one],
            two=figures.names[each.two],
            difference=each.difference,
            low=each.interval.low,
            high=each.interval.high,
        )
        for each in found[:MOST_DIVISIVE]
    )


def _claims(material: Material, figures: Figures) -> d.ClaimsReport | None:
    if not figures.names or material.opinion is None:
        return None
    labels = np.array([figures.names[at] if at >= 0 else -1 for at in figures.labels.tolist()])
    found = claims(
        material.votes,
        analyze(
            material.votes,
            moderated_out=figures.out,
            seed=material.opinion.document.seed,
            labels=labels,
        ),
    )
    hidden = figures.touched
    return d.ClaimsReport(
        rate=RATE,
        tested=found.tested,
        divides=tuple(
            material.columns[each.statement] for each in found.divides if not hidden[each.statement]
        ),
        represents=tuple(
            d.Represents(
                statement=material.columns[each.statement],
                group=each.group,
                direction=each.direction,
            )
            for each in found.represents
            if not hidden[each.statement]
        ),
    )


def statement_reports(
    material: Material, allowed: Allowed, figures: Figures | None
) -> tuple[d.StatementReport, ...]:
    """Return every statement in the order it was written, with its counts once voting is over."""
    numbers = material.numbers
    holds_for = _holds_for(material)
    found = []
    for each in material.statements:
        bare = _bare(allowed, each, numbers[each.id], over=figures is not None)
        if figures is not None and each.column >= 0:
            bare = _counted(bare, figures, each.column, holds_for)
        found.append(bare)
    return tuple(found)


def _holds_for(material: Material) -> dict[str, tuple[int, ...]]:
    if material.opinion is None:
        return {}
    return {
        str(each.id): tuple(each.label_holds_for)
        for each in material.opinion.document.statements_detail
    }


def _bare(allowed: Allowed, statement: Statement, number: int, *, over: bool) -> d.StatementReport:
    return d.StatementReport(
        id=statement.id,
        number=number,
        seq=statement.seq,
        text=allowed.words(statement),
        withheld=allowed.withheld(statement),
        language=statement.language,
        kind=statement.kind.value,
        origin=statement.origin.value,
        status="erased" if statement.erased else statement.status.value,
        reason=statement.reason.value if statement.reason else None,
        shown=statement.shown if over else None,
    )


def _counted(
    bare: d.StatementReport,
    figures: Figures,
    column: int,
    holds_for: dict[str, tuple[int, ...]],
) -> d.StatementReport:
    agree, disagree, passes = figures.overall(column)
    label = _label(figures, column)
    return msgspec.structs.replace(
        bare,
        agree=agree,
        disagree=disagree,
        passes=passes,
        anytime=figures.anytime[column],
        weighted=figures.weighted(column),
        label=label,
        label_holds_for=holds_for.get(bare.id, ()) if label else (),
        groups=figures.cells[column],
    )

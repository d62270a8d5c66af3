"""The file ``folkmoot.analysis/1`` (CONTRACT): an analysis with the source's own ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from .analysis import Analysis

Id = int | str


class GroupsDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The groups, the evidence for them, and who is in which; who is in none is not in labels.

    ``silhouette``, ``chance_p95`` and ``stability`` are null where they were not measured; with
    k = 1 they are those of the best k that failed, and ``verdict`` says by what.
    """

    k: int
    silhouette: float | None
    chance_p95: float | None
    stability: float | None
    verdict: str
    sizes: dict[str, int]
    labels: dict[str, int]


class GroupShare(msgspec.Struct, frozen=True, kw_only=True):
    """What one group said of one statement; Wilson's 95 % interval of the agree share."""

    group: int
    agree: int
    disagree: int
    seen: int
    wilson_low: float
    wilson_high: float


class StatementDetail(msgspec.Struct, frozen=True, kw_only=True):
    """One statement. ``label`` is null unless every group's lower bound is above ½.

    ``label_holds_for`` lists each number of groups looked at with which it would hold too.
    """

    id: Id
    agree: int
    disagree: int
    passes: int = msgspec.field(name="pass")
    seen: int
    shown: int | None
    moderated_out: bool
    extremity: float
    priority: float
    consensus: float
    consensus_root: float
    least_share: float
    label: Literal["consensus across groups", "agreement"] | None
    label_holds_for: list[int]
    groups: list[GroupShare]


class RepresentativeDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A statement that sets a group apart; a page shows only those that qualify."""

    id: Id
    direction: Literal["agree", "disagree"]
    p: float
    p_z: float
    ratio: float
    ratio_z: float
    qualifies: bool


class MajorityDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What most of all voters agree and disagree with."""

    agree: list[Id]
    disagree: list[Id]


class DivisiveDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Agree share of group ``one`` minus that of ``two``, with Newcombe's 95 % interval."""

    id: Id
    one: int
    two: int
    difference: float
    low: float
    high: float


class AnalysisDocument(msgspec.Struct, frozen=True, kw_only=True):
    """``folkmoot.analysis/1``."""

    format: Literal["folkmoot.analysis/1"] = "folkmoot.analysis/1"
    participants: int
    statements: int
    votes: int
    seed: int
    groups: GroupsDocument
    statements_detail: list[StatementDetail]
    representative: dict[str, list[RepresentativeDocument]]
    majority: MajorityDocument
    divisive: list[DivisiveDocument]


def analysis_json(
    analysis: Analysis,
    participant_ids: Sequence[Id],
    statement_ids: Sequence[Id],
    shown: Mapping[int, int] | None = None,
) -> AnalysisDocument:
    """Give an analysis the ids of its rows and columns, in their order.

    ``shown`` says by column to how many people a statement was put; without it nothing is known
    of that and the field is null. ValueError if the ids don't fit the matrix.
    """
    groups = analysis.groups
    if len(participant_ids) != groups.labels.size or len(statement_ids) != analysis.statements:
        raise ValueError("an id for each row and each column, no more and no fewer")
    labels = groups.labels.tolist()
    return AnalysisDocument(
        participants=analysis.participants,
        statements=analysis.statements,
        votes=analysis.votes,
        seed=analysis.seed,
        groups=GroupsDocument(
            k=groups.k,
            silhouette=groups.silhouette,
            chance_p95=groups.chance_p95,
            stability=groups.stability,
            verdict=groups.verdict.value,
            sizes={str(n): size for n, size in zip(groups.names, groups.sizes, strict=True)},
            labels={
                str(participant): label
                for participant, label in zip(participant_ids, labels, strict=True)
                if label >= 0
            },
        ),
        statements_detail=_details(analysis, statement_ids, shown),
        representative={
            str(name): [
                RepresentativeDocument(
                    id=statement_ids[each.statement],
                    direction=each.direction,
                    p=each.p,
                    p_z=each.p_z,
                    ratio=each.ratio,
                    ratio_z=each.ratio_z,
                    qualifies=each.qualifies,
                )
                for each in listed
            ]
            for name, listed in zip(groups.names, analysis.representative, strict=True)
        },
        majority=MajorityDocument(
            agree=[statement_ids[j] for j in analysis.majority_agree],
            disagree=[statement_ids[j] for j in analysis.majority_disagree],
        ),
        divisive=[
            DivisiveDocument(
                id=statement_ids[each.statement],
                one=groups.names[each.one],
                two=groups.names[each.two],
                difference=each.difference,
                low=each.interval.low,
                high=each.interval.high,
            )
            for each in analysis.divisive
        ],
    )


def _details(
    analysis: Analysis, ids: Sequence[Id], shown: Mapping[int, int] | None
) -> list[StatementDetail]:
    total, by_group, names = analysis.total, analysis.by_group, analysis.groups.names
    agree, disagree, seen = (
        each.T.tolist() for each in (by_group.agree, by_group.disagree, by_group.seen)
    )
    low, high = analysis.wilson_low.T.tolist(), analysis.wilson_high.T.tolist()
    label: Literal["consensus across groups", "agreement"] = (
        "consensus across groups" if analysis.groups.k > 1 else "agreement"
    )
    own = analysis.backed[analysis.groups.k]
    ks = sorted(analysis.backed)
    return [
        StatementDetail(
            id=ids[j],
            agree=int(total.agree[j]),
            disagree=int(total.disagree[j]),
            passes=int(total.passes[j]),
            seen=int(total.seen[j]),
            shown=None if shown is None else shown.get(j, 0),
            moderated_out=bool(analysis.moderated_out[j]),
            extremity=float(analysis.extremity[j]),
            priority=float(analysis.priority[j]),
            consensus=float(analysis.consensus[j]),
            consensus_root=float(analysis.consensus_root[j]),
            least_share=float(analysis.least_share[j]),
            label=label if own[j] else None,
            label_holds_for=[k for k in ks if analysis.backed[k][j]],
            groups=[
                GroupShare(
                    group=name,
                    agree=agree[j][g],
                    disagree=disagree[j][g],
                    seen=seen[j][g],
                    wilson_low=low[j][g],
                    wilson_high=high[j][g],
                )
                for g, name in enumerate(names)
            ],
        )
        for j in range(analysis.statements)
    ]

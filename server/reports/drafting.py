"""The rounds of drafts: what was put before people, how it was made, how they ranked it."""

from __future__ import annotations

from ..deliberation import ranking
from ..deliberation.drafts import Draft
from . import document as d
from .clauses import criticisms, sources
from .consent import Allowed
from .figures import hidden_groups, share_of
from .material import Material, Round


def round_reports(material: Material, allowed: Allowed) -> tuple[d.RoundReport, ...]:
    """Return every round; who or what made a draft only of those whose ballots were counted."""
    return tuple(_round(material, allowed, each) for each in material.rounds)


def _round(material: Material, allowed: Allowed, round_: Round) -> d.RoundReport:
    result = round_.result
    return d.RoundReport(
        round=round_.number,
        seq=round_.seq,
        drafts=tuple(
            _draft(material, allowed, draft, ranked=result is not None) for draft in round_.drafts
        ),
        failed=tuple(f"{each.reason}: {each.detail}".rstrip(": ") for each in round_.failed),
        group_count=round_.group_count,
        ballots=result.ballots if result else None,
        simulated=round_.simulated if result else 0,
        levels=result.levels if result else (),
        winners=result.winners if result else (),
        candidates=result.candidates if result else (),
        pairwise=result.pairwise if result else (),
        support=tuple(
            _support(result, each, round_.simulated == round_.ballots) for each in result.groups
        )
        if result
        else (),
    )


def _draft(material: Material, allowed: Allowed, draft: Draft, *, ranked: bool) -> d.DraftReport:
    made, coverage = draft.provenance, draft.coverage
    said = criticisms(material, allowed, draft.id)
    written = sum(1 for r in material.rounds for each in r.criticisms if each.draft == draft.id)
    return d.DraftReport(
        id=draft.id,
        clauses=tuple(
            d.DraftClause(
                id=clause.id,
                text=allowed.clause_words(clause),
                cites=sources(material, allowed, clause),
            )
            for clause in draft.clauses
        ),
        maker=made.drafter if ranked else None,
        model=(made.model_answered or made.model_asked) if ranked else None,
        approach=made.approach if ranked else "",
        prompt_sha256=made.prompt_sha256 if ranked else None,
        entailer=made.entailer if ranked else "",
        seed=made.seed if ranked else None,
        coverage_mean=coverage.mean if coverage else None,
        coverage_lowest_decile=coverage.lowest_decile if coverage else None,
        coverage_gap=coverage.gap if coverage else None,
        uncovered=coverage.uncovered if coverage else None,
        criticisms=said,
        criticisms_withheld=written - len(said) if ranked else 0,
    )


def _support(
    result: ranking.Ranking,
    support: ranking.DraftSupport,
    simulated: bool,  # noqa: FBT001 - whether all ballots are of simulated people
) -> d.DraftSupport:
    none = result.candidates.index(ranking.NONE)
    draft = result.candidates.index(support.draft)
    compared = result.pairwise[draft][none] + result.pairwise[none][draft]
    seen = [each.seen for each in support.groups]
    total = max(sum(seen), compared)
    hidden = hidden_groups(seen, total, total if simulated else 0)
    return d.DraftSupport(
        draft=support.draft,
        groups=tuple(
            d.GroupPreference(group=each.group, hidden=True)
            if at in hidden
            else d.GroupPreference(
                group=each.group,
                hidden=False,
                prefer=share_of(each.prefer, each.seen),
                reject=each.reject,
            )
            for at, each in enumerate(support.groups)
        ),
        rejected_by=support.rejected_by,
    )

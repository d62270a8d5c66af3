"""Build the report: from one moment's :class:`Material` to ``folkmoot.report/1``."""

from __future__ import annotations

from collections import Counter

import numpy as np

from ..deliberation.vocabulary import Channel, Kind, Origin, Phase, Reason, Status
from ..ids import StatementId
from ..moderation.policy import RULES
from ..synthesis.naming import theme_name
from ..synthesis.words import terms
from . import document as d
from .clauses import clause_reports
from .consent import Allowed
from .drafting import round_reports
from .figures import Figures
from .findings import opinion_report, statement_reports
from .material import Material
from .suppression import hidden_cells


def build(material: Material) -> d.ValueReport:
    """Return the report of a moment. While voting is open it holds no counts but the public tally.

    Deterministic: the same material gives the same report, byte for byte.
    """
    allowed = Allowed(material)
    figures = Figures(material, allowed) if material.voting_is_over else None
    clauses = clause_reports(material, allowed)
    missing = _missing(material, figures)
    return d.ValueReport(
        assembly=d.AssemblyHead(
            id=material.assembly,
            slug=material.slug,
            title=material.title,
            question=material.question,
            language=material.language,
            charter=material.charter,
        ),
        room=material.room,
        phase=material.phase.value,
        made_on=material.made_on,
        version=material.version,
        final=material.phase is Phase.CLOSED and not missing,
        missing=missing,
        clauses=clauses,
        participation=_participation(material, allowed),
        opinion=opinion_report(material, figures),
        statements=statement_reports(material, allowed, figures),
        themes=_themes(material, allowed),
        rounds=round_reports(material, allowed),
        moderation=_moderation(material),
        capture=_capture(material, figures),
        steps=tuple(
            d.Step(phase=each.phase.value, day=each.day, seq=each.seq) for each in material.steps
        ),
        heads=tuple(
            d.Head(log=each.log, kind=each.kind, seq=each.seq, hash=each.hash)
            for each in material.logs
        ),
    )


def _missing(material: Material, figures: Figures | None) -> tuple[str, ...]:
    said = []
    phase = material.phase
    if phase is Phase.DRAFT:
        said.append("The assembly is being prepared; nobody has spoken or voted yet.")
    elif phase is Phase.OPEN:
        said.append(
            "People are still speaking and voting. Votes are secret until voting closes: "
            "until then this report holds no counts but the public tally."
        )
    if figures is not None and figures.voters == 0:
        said.append("Nobody voted.")
    elif figures is not None:
        if material.opinion is None:
            said.append("No analysis of the votes was published, so nothing is said of groups.")
        elif material.opinion.document.votes != int((material.votes != -128).sum()):
            said.append("The opinion groups were computed before the last votes were cast.")
    if not material.rounds:
        said.append("No drafts were put before the participants.")
    elif material.rounds[-1].result is None:
        said.append("The drafts of the last round have not been ranked.")
    if phase is Phase.RATIFYING:
        said.append("The ratification is going on; its ballots are counted when it closes.")
    elif not material.outcomes:
        said.append("No clause has been put to ratification, so nothing is adopted.")
    return tuple(said)


def _participation(material: Material, allowed: Allowed) -> d.Participation:
    people = material.people
    over = material.voting_is_over
    voters = [row for row, voted in zip(material.rows, allowed.voted, strict=True) if voted]
    by_channel = Counter(people[row].channel for row in voters if row in people)
    return d.Participation(
        admitted=sum(1 for each in people.values() if each.role and each.role.decides),
        voters=len(voters) if over else material.tally.voters,
        votes=int((material.votes != -128).sum()) if over else material.tally.votes,
        statements=sum(1 for each in material.statements if each.kind is Kind.STATEMENT),
        testimonies=sum(1 for each in material.statements if each.kind is Kind.TESTIMONY),
        simulated=sum(1 for each in people.values() if each.simulated),
        imported=sum(1 for each in people.values() if each.channel is Channel.IMPORTED),
        rows_published=int(np.count_nonzero(allowed.rows)),
        rows_withheld=int(np.count_nonzero(allowed.voted & ~allowed.rows)) if over else 0,
        running=dict(
            sorted(
                Counter(
                    each.role.value
                    for each in people.values()
                    if each.role is not None and not each.role.decides
                ).items()
            )
        ),
        channels=_channels(material, allowed, by_channel) if over else (),
    )


def _channels(
    material: Material, allowed: Allowed, by_channel: Counter[Channel]
) -> tuple[d.ChannelCount, ...]:
    channels = sorted(by_channel, key=lambda each: each.value)
    spoken_of = Counter(
        material.people[row].channel
        for row, speaks in zip(material.rows, allowed.spoken_of, strict=True)
        if speaks and row in material.people and not material.people[row].simulated
    )
    hidden = hidden_cells([spoken_of[each] for each in channels])
    return tuple(
        d.ChannelCount(channel=each.value, people=None, hidden=True)
        if at in hidden and len(channels) > 1
        else d.ChannelCount(channel=each.value, people=by_channel[each])
        for at, each in enumerate(channels)
    )


def _themes(material: Material, allowed: Allowed) -> d.ThemesReport | None:
    found = material.themes
    if found is None:
        return None
    statements = material.by_id
    public = {term for each in material.statements for term in terms(allowed.words(each) or "")}
    told = [tuple(word for word in each.words if word in public) for each in found.themes]
    return d.ThemesReport(
        themes=tuple(
            d.ThemeReport(
                # A theme is named by people's words: only by such as are published anyway.
                name=theme_name(words) if each.name == theme_name(each.words) else each.name,
                words=words,
                statements=tuple(
                    member
                    for member in each.members
                    if member in statements and statements[member].stands
                ),
            )
            for each, words in zip(found.themes, told, strict=True)
        ),
        unthemed=found.unthemed,
        embedder=found.embedder,
        stability=found.stability,
    )


def _moderation(material: Material) -> d.ModerationReport:
    rejected = [each for each in material.statements if each.status is Status.REJECTED]
    by_reason: dict[Reason, list[StatementId]] = {}
    for each in rejected:
        by_reason.setdefault(each.reason or Reason.IMPORTED, []).append(each.id)
    return d.ModerationReport(
        policy=material.moderation.value,
        rejected=len(rejected),
        waiting=sum(1 for each in material.statements if each.status is Status.PENDING),
        decisions=len(material.moderated),
        erased_words=material.erasures,
        rules=tuple(
            d.ModerationRule(
                reason=reason.value,
                title=RULES[reason].title,
                meaning=RULES[reason].meaning,
                statements=len(ids),
                share=len(ids) / max(len(material.statements), 1),
                ids=tuple(ids),
            )
            for reason, ids in sorted(by_reason.items(), key=lambda each: (-len(each[1]), each[0]))
        ),
    )


def _capture(material: Material, figures: Figures | None) -> tuple[d.OriginShare, ...]:
    statements = [each for each in material.statements if each.kind is Kind.STATEMENT]
    total = figures.counts[0].seen if figures else None
    votes = int(total.sum()) if total is not None else 0
    found = []
    for origin in Origin:
        own = [each for each in statements if each.origin is origin]
        cast = int(total[[each.column for each in own]].sum()) if total is not None and own else 0
        found.append(
            d.OriginShare(
                origin=origin.value,
                statements=len(own),
                statements_share=len(own) / max(len(statements), 1),
                votes=cast if total is not None else None,
                votes_share=cast / max(votes, 1) if total is not None else None,
            )
        )
    return tuple(found)

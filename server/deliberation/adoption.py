"""When a clause is adopted, what each group says of it, and who dissents (METHODS "Deciding")."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from .intervals import wilson
from .ranking import SUBSTANTIAL
from .vocabulary import Assent


class Rule(StrEnum):
    """Which majority is asked for."""

    CLAUSE = "clause"
    """More than half of the ballots cast, and the quorum."""
    CHARTER = "charter"
    """Two thirds of them, the quorum, and more than half in each group of at least a tenth."""


class GroupEndorsement(msgspec.Struct, frozen=True, kw_only=True):
    """The ballots of one opinion group, and Wilson's 95 % interval of its share of yes."""

    group: int
    people: int
    yes: int
    no: int
    blank: int
    wilson_low: float
    wilson_high: float
    rejects: bool


class ClauseOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What the ratification said of one clause.

    A blank is a ballot that was cast: it counts for the quorum and in what a majority is a majority
    of. ``groups`` is each group's endorsement; a group rejects if it says no more often than yes.
    ``dissent`` names those that reject and hold at least a tenth of the people in groups: they get
    one reconsideration, and their words beside the clause. ``consensus_across_groups`` is a label,
    never a gate: there are two groups at least, and in each the lower bound of yes is above ½.
    """

    clause: str
    adopted: bool
    yes: int
    no: int
    blank: int
    quorum: int
    quorum_met: bool
    wilson_low: float
    wilson_high: float
    groups: tuple[GroupEndorsement, ...]
    dissent: tuple[int, ...]
    consensus_across_groups: bool
    rule: Rule = Rule.CLAUSE


def decide_clause(
    clause: str,
    ballots: Mapping[str, Assent],
    groups: Mapping[str, int],
    quorum: int,
    rule: Rule = Rule.CLAUSE,
) -> ClauseOutcome:
    """Count one clause: ``ballots`` by participant, ``groups`` the round's frozen opinion groups.

    ``quorum`` is a number of ballots. People in no group (absent, or negative) count in the whole
    only. With no ballots at all nothing is adopted, whatever the quorum.
    """
    yes, no, blank = _tally(list(ballots.values()))
    cast = yes + no + blank
    members: dict[int, list[str]] = {}
    for participant, group in groups.items():
        if group >= 0:
            members.setdefault(group, []).append(participant)
    endorsements = tuple(_endorsement(group, members[group], ballots) for group in sorted(members))
    substantial = SUBSTANTIAL * sum(len(people) for people in members.values())
    large = [each for each in endorsements if each.people >= substantial]
    interval = wilson(yes, cast)
    quorum_met = cast >= quorum
    if rule is Rule.CLAUSE:
        majority = 2 * yes > cast
    else:
        majority = cast > 0 and 3 * yes >= 2 * cast and all(_more_than_half(e) for e in large)
    return ClauseOutcome(
        clause=clause,
        adopted=majority and quorum_met,
        yes=yes,
        no=no,
        blank=blank,
        quorum=quorum,
        quorum_met=quorum_met,
        wilson_low=interval.low,
        wilson_high=interval.high,
        groups=endorsements,
        dissent=tuple(each.group for each in large if each.rejects),
        consensus_across_groups=len(endorsements) > 1
        and all(each.wilson_low > 0.5 for each in endorsements),
        rule=rule,
    )


def _tally(ballots: list[Assent]) -> tuple[int, int, int]:
    return ballots.count(Assent.YES), ballots.count(Assent.NO), ballots.count(Assent.BLANK)


def _endorsement(group: int, members: list[str], ballots: Mapping[str, Assent]) -> GroupEndorsement:
    yes, no, blank = _tally([ballots[member] for member in members if member in ballots])
    interval = wilson(yes, yes + no + blank)
    return GroupEndorsement(
        group=group,
        people=len(members),
        yes=yes,
        no=no,
        blank=blank,
        wilson_low=interval.low,
        wilson_high=interval.high,
        rejects=no > yes,
    )


def _more_than_half(group: GroupEndorsement) -> bool:
    return 2 * group.yes > group.yes + group.no + group.blank

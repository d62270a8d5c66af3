"""When a clause is adopted: majorities, blanks, quorum, groups, dissent."""

from __future__ import annotations

import msgspec
import pytest

from server.deliberation.adoption import ClauseOutcome, Rule, decide_clause
from server.deliberation.vocabulary import Assent


def cast(yes: int = 0, no: int = 0, blank: int = 0, prefix: str = "p") -> dict[str, Assent]:
    choices = [Assent.YES] * yes + [Assent.NO] * no + [Assent.BLANK] * blank
    return {f"{prefix}{i}": choice for i, choice in enumerate(choices)}


@pytest.mark.parametrize(
    ("yes", "no", "blank", "quorum", "adopted"),
    [
        (6, 5, 0, 11, True),
        (5, 5, 0, 0, False),
        (6, 5, 1, 0, False),  # a blank is a ballot: six of twelve are no majority
        (7, 5, 1, 0, True),
        (6, 5, 0, 12, False),
        (6, 4, 1, 11, True),  # and it counts for the quorum
        (0, 0, 0, 0, False),
        (1, 0, 0, 1, True),
    ],
)
def test_a_majority_of_ballots_cast_and_the_quorum(
    yes: int, no: int, blank: int, quorum: int, adopted: bool
) -> None:
    found = decide_clause("c", cast(yes, no, blank), {}, quorum)
    assert found.adopted is adopted
    assert (found.yes, found.no, found.blank) == (yes, no, blank)
    assert found.quorum_met is (yes + no + blank >= quorum)


def test_a_small_group_that_rejects_dissents_without_a_veto() -> None:
    ballots = cast(yes=80, prefix="a") | cast(yes=2, no=8, prefix="b") | cast(no=3, prefix="c")
    groups = {p: "abc".index(p[0]) for p in ballots} | {"b-absent": 1, "x": -1}
    found = decide_clause("c", ballots, groups, 10)
    assert found.adopted
    assert [g.rejects for g in found.groups] == [False, True, True]
    assert [g.people for g in found.groups] == [80, 11, 3]
    # The third group has less than a tenth of the people in groups.
    assert found.dissent == (1,)
    assert not found.consensus_across_groups
    assert found.groups[0].wilson_low > 0.9
    assert found.groups[1].wilson_high < 0.6


def test_consensus_across_groups_is_a_label_of_two_groups_at_least() -> None:
    ballots = cast(yes=30, prefix="a") | cast(yes=20, no=2, prefix="b")
    both = {p: "ab".index(p[0]) for p in ballots}
    assert decide_clause("c", ballots, both, 1).consensus_across_groups
    assert not decide_clause("c", ballots, dict.fromkeys(ballots, 0), 1).consensus_across_groups
    assert not decide_clause("c", ballots, {}, 1).consensus_across_groups
    narrow = cast(yes=30, prefix="a") | cast(yes=12, no=9, prefix="b")
    found = decide_clause("c", narrow, {p: "ab".index(p[0]) for p in narrow}, 1)
    assert found.adopted
    assert not found.consensus_across_groups


def test_the_charter_needs_two_thirds_and_every_large_group() -> None:
    ballots = cast(yes=60, no=20, prefix="a") | cast(yes=8, no=12, prefix="b")
    groups = {p: "ab".index(p[0]) for p in ballots}
    assert decide_clause("c", ballots, groups, 1).adopted
    assert not decide_clause("c", ballots, groups, 1, Rule.CHARTER).adopted
    assert decide_clause("c", ballots, {}, 1, Rule.CHARTER).adopted
    assert decide_clause("c", cast(2, 1), {}, 1, Rule.CHARTER).adopted
    assert not decide_clause("c", cast(65, 35), {}, 1, Rule.CHARTER).adopted
    assert not decide_clause("c", {}, {}, 0, Rule.CHARTER).adopted


def test_an_outcome_survives_json() -> None:
    found = decide_clause("c", cast(3, 1, 1), {"p0": 0, "p3": 1}, 2)
    assert msgspec.json.decode(msgspec.json.encode(found), type=ClauseOutcome) == found

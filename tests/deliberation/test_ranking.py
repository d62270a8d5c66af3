"""Ranking drafts: hand-worked cases, Schulze's own example, and properties of any election."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.deliberation.ranking import NONE, BallotView, Ranking, check_ballot, rank
from server.errors import Invalid

DRAFTS = ("d1", "d2", "d3")


def ballot(person: str, order: str, seen: str | None = None, *, none: bool = False) -> BallotView:
    """``order`` as "d2 > d1=d3"; seen is what is listed unless said."""
    levels = tuple(tuple(level.strip().split("=")) for level in order.split(">")) if order else ()
    listed = tuple(draft for level in levels for draft in level)
    return BallotView(
        participant=person,
        order=levels,
        seen=tuple(seen.split()) if seen is not None else listed,
        none_of_these=none,
    )


def many(*rows: tuple[int, str]) -> list[BallotView]:
    return [
        ballot(f"p{i}-{j}", order) for i, (times, order) in enumerate(rows) for j in range(times)
    ]


def pair(found: Ranking, one: str, two: str) -> int:
    return found.pairwise[found.candidates.index(one)][found.candidates.index(two)]


def test_schulzes_example_of_forty_five_voters() -> None:
    # Schulze (2011), example 1: order E > A > C > B > D.
    found = rank(
        many(
            (5, "a>c>b>e>d"),
            (5, "a>d>e>c>b"),
            (8, "b>e>d>a>c"),
            (3, "c>a>b>e>d"),
            (7, "c>a>e>b>d"),
            (2, "c>b>a>d>e"),
            (7, "d>c>e>b>a"),
            (8, "e>b>a>d>c"),
        ),
        "abcde",
        {},
    )
    assert found.levels == (("e",), ("a",), ("c",), ("b",), ("d",), (NONE,))
    assert found.winners == ("e",)
    assert (pair(found, "a", "b"), pair(found, "b", "a")) == (20, 25)
    assert pair(found, "a", NONE) == 45


def test_a_cycle_is_cut_at_its_weakest_link() -> None:
    found = rank(many((7, "d1>d2>d3"), (6, "d2>d3>d1"), (4, "d3>d1>d2")), DRAFTS, {})
    # d1 beats d2 by 5, d2 beats d3 by 9, d3 beats d1 by 3: the last falls.
    assert found.levels == (("d1",), ("d2",), ("d3",), (NONE,))


def test_a_full_tie_stays_a_tie() -> None:
    found = rank(many((2, "d1>d2>d3"), (2, "d2>d3>d1"), (2, "d3>d1>d2")), DRAFTS, {})
    assert found.levels == (DRAFTS, (NONE,))
    assert found.winners == DRAFTS


def test_unseen_is_not_compared_and_unlisted_ties_last() -> None:
    found = rank([ballot("p", "d1", "d1 d2"), ballot("q", "d3", "d3")], DRAFTS, {})
    assert (pair(found, "d1", "d2"), pair(found, "d2", "d1")) == (1, 0)
    assert (pair(found, "d1", "d3"), pair(found, "d3", "d1")) == (0, 0)
    # Not listing d2 does not put it below "none".
    assert (pair(found, "d2", NONE), pair(found, NONE, "d2")) == (0, 0)
    assert pair(found, "d1", NONE) == 1


def test_a_blank_ballot_says_nothing() -> None:
    found = rank([ballot("p", "", "d1 d2 d3")], DRAFTS, {})
    assert all(count == 0 for row in found.pairwise for count in row)
    assert found.levels == ((*DRAFTS, NONE),)
    assert found.ballots == 1


def test_none_stands_above_all_if_said_and_bars_what_it_beats() -> None:
    ballots = [ballot(f"p{i}", "d1>d2", none=True) for i in range(3)]
    ballots += [ballot(f"q{i}", "d1>d2") for i in range(2)]
    found = rank(ballots, ("d1", "d2"), {})
    assert found.levels == ((NONE,), ("d1",), ("d2",))
    assert found.winners == ()
    assert pair(found, NONE, "d2") == 3


def test_a_draft_that_none_beats_does_not_keep_another_from_winning() -> None:
    # d1 beats d2, which beats d3; most of those who saw d1 prefer "none" to it.
    ballots = [ballot(f"a{i}", "", "d1", none=True) for i in range(9)]
    ballots += many((3, "d1>d2"), (4, "d2>d3"))
    found = rank(ballots, DRAFTS, {})
    assert "d1" not in found.winners
    assert found.winners == ("d2",)


def test_support_is_counted_by_group_among_those_who_saw_the_draft() -> None:
    ballots = [
        ballot("a1", "d1>d2"),
        ballot("a2", "d1", "d1 d2"),
        ballot("a3", "d2", "d1 d2", none=True),
        ballot("b1", "d2", "d2"),
        ballot("x1", "d1>d2"),
    ]
    groups = {"a1": 0, "a2": 0, "a3": 0, "b1": 1, "b2": 1, "x1": -1}
    first, second = rank(ballots, ("d1", "d2"), groups).groups
    assert [(g.group, g.prefer, g.reject, g.seen) for g in first.groups] == [
        (0, 2, 1, 3),
        (1, 0, 0, 0),
    ]
    assert first.groups[1].share is None
    assert first.minimum == pytest.approx(2 / 3)
    assert second.minimum == pytest.approx(1 / 3)
    assert second.groups[1].share == 1.0
    assert first.rejected_by == second.rejected_by == ()


def test_only_a_substantial_group_asks_for_a_revision() -> None:
    groups = {f"a{i}": 0 for i in range(19)} | {"b0": 1, "b1": 1} | {"c0": 2}
    ballots = [ballot(person, "d1", none=group > 0) for person, group in groups.items()]
    found = rank(ballots, ("d1",), groups)
    # Two of 22 are less than a tenth, as is one.
    assert found.groups[0].rejected_by == ()
    groups.pop("a0")
    groups.pop("a1")
    found = rank([b for b in ballots if b.participant in groups], ("d1",), groups)
    assert found.groups[0].rejected_by == (1,)
    assert found.groups[0].minimum == 0.0
    assert found.winners == ("d1",)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (ballot("p", "d1>d1"), "seen"),
        (BallotView(participant="p", order=(("d1",), ("d1",)), seen=("d1",)), "order"),
        (ballot("p", "d9", "d1"), "order"),
        (ballot("p", "d1", "d9 d1"), "seen"),
        (ballot("p", "d1", "d2"), "order"),
        (ballot("p", "none", "d1"), "order"),
    ],
)
def test_a_ballot_that_cannot_be_counted_is_refused_by_field(wrong: BallotView, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_ballot(wrong, DRAFTS)
    assert refused.value.field == field
    with pytest.raises(Invalid):
        rank([wrong], DRAFTS, {})


def test_no_draft_is_called_none() -> None:
    with pytest.raises(ValueError, match="none"):
        rank([], ("none",), {})


def test_a_ranking_survives_json() -> None:
    found = rank(many((2, "d1>d2=d3"), (1, "d3")), DRAFTS, {"p0-0": 0, "p1-0": 1})
    assert msgspec.json.decode(msgspec.json.encode(found), type=Ranking) == found


@st.composite
def ballots(draw: st.DrawFn) -> list[BallotView]:
    found = []
    for i in range(draw(st.integers(0, 9))):
        seen = draw(st.lists(st.sampled_from("abcd"), unique=True))
        listed = [d for d in draw(st.permutations(seen)) if draw(st.booleans())]
        levels: list[list[str]] = []
        for each in listed:
            if levels and draw(st.booleans()):
                levels[-1].append(each)
            else:
                levels.append([each])
        found.append(
            BallotView(
                participant=f"p{i}",
                order=tuple(map(tuple, levels)),
                seen=tuple(seen),
                none_of_these=draw(st.booleans()),
            )
        )
    return found


@settings(max_examples=150, deadline=None)
@given(ballots(), st.randoms(use_true_random=False))
def test_properties_of_any_election(given_ballots: list[BallotView], rng: object) -> None:
    found = rank(given_ballots, "abcd", {})
    size = len(found.candidates)
    # Every candidate stands in one level, in the order given.
    assert sorted(c for level in found.levels for c in level) == sorted(found.candidates)
    # The order of the ballots does not matter, nor do the names of the drafts.
    shuffled = list(given_ballots)
    rng.shuffle(shuffled)
    assert rank(shuffled, "abcd", {}) == found
    turned = rank(given_ballots, "dcba", {})
    assert [set(level) for level in turned.levels] == [set(level) for level in found.levels]
    assert set(turned.winners) == set(found.winners)
    # No pair is counted more often than there are ballots.
    for i in range(size):
        for j in range(size):
            assert found.pairwise[i][j] + found.pairwise[j][i] <= len(given_ballots)
    # A candidate that beats every other one leads alone; one that no other beats leads.
    for i in range(size):
        margins = [found.pairwise[i][j] - found.pairwise[j][i] for j in range(size) if j != i]
        if all(margin > 0 for margin in margins):
            assert found.levels[0] == (found.candidates[i],)
        if all(margin >= 0 for margin in margins):
            assert found.candidates[i] in found.levels[0]
    # Who is ahead by the widest of all simple paths stands in a higher level.
    level_of = {c: x for x, level in enumerate(found.levels) for c in level}
    for one, other in ahead_by_hand(found):
        assert level_of[one] < level_of[other]


def ahead_by_hand(found: Ranking) -> set[tuple[str, str]]:
    size = len(found.candidates)

    def widest(at: int, goal: int, through: frozenset[int]) -> int:
        best = 0
        for step in range(size):
            margin = found.pairwise[at][step] - found.pairwise[step][at]
            if step not in through and margin > 0:
                onward = margin if step == goal else widest(step, goal, through | {step})
                best = max(best, min(margin, onward))
        return best

    names = found.candidates
    return {
        (names[i], names[j])
        for i in range(size)
        for j in range(size)
        if i != j and widest(i, j, frozenset({i})) > widest(j, i, frozenset({j}))
    }

"""What is drawn next: its distribution, its recorded probability, its edges, its pace."""

from __future__ import annotations

import random
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from server.deliberation.routing import Showing, Stream, choose, group_appeal, priority

draw = st.floats(0, 1, exclude_max=True)


def weights() -> np.ndarray:
    return np.array([0.0, 4.0, 1.0, 2.5, 0.2, 8.0, 1.0, 0.7])


CANDIDATES = [1, 2, 3, 4, 5, 7]


def test_ten_thousand_draws_follow_the_recorded_probabilities() -> None:
    rng = random.Random(20)
    drawn = [choose(weights(), CANDIDATES, (rng.random(), rng.random()), 0) for _ in range(10_000)]
    share = weights()[CANDIDATES] / weights()[CANDIDATES].sum()
    expected = 10_000 * (0.8 * share + 0.2 / len(CANDIDATES))
    seen = np.array([sum(each.statement == c for each in drawn) for c in CANDIDATES])
    assert seen.sum() == 10_000
    statistic = ((seen - expected) ** 2 / expected).sum()
    assert statistic < chi2.ppf(0.999, len(CANDIDATES) - 1)
    # The same test must notice a priority that changes nothing: all drawn alike.
    alike = np.full(len(CANDIDATES), 10_000 / len(CANDIDATES))
    assert ((seen - alike) ** 2 / alike).sum() > 10 * chi2.ppf(0.999, len(CANDIDATES) - 1)


def test_each_stream_has_its_own_distribution() -> None:
    rng = random.Random(21)
    drawn = [choose(weights(), CANDIDATES, (rng.random(), rng.random()), 0) for _ in range(10_000)]
    uniform = [each.statement for each in drawn if each.stream is Stream.UNIFORM]
    assert 1_880 < len(uniform) < 2_120
    seen = np.array([uniform.count(c) for c in CANDIDATES])
    alike = len(uniform) / len(CANDIDATES)
    assert ((seen - alike) ** 2 / alike).sum() < chi2.ppf(0.999, len(CANDIDATES) - 1)


@given(
    st.lists(st.floats(0, 1e6), min_size=1, max_size=30),
    st.data(),
    st.tuples(draw, draw),
)
def test_a_showing_is_a_candidate_with_its_whole_probability(
    values: list[float], data: st.DataObject, draws: tuple[float, float]
) -> None:
    every = list(range(len(values)))
    candidates = data.draw(st.lists(st.sampled_from(every), min_size=1, unique=True))
    array = np.array(values)
    found = choose(array, candidates, draws, 7)
    assert isinstance(found, Showing)
    assert found.statement in candidates
    assert found.position == 7
    total = array[candidates].sum()
    count = len(candidates)
    expected = 0.8 * (array[found.statement] / total if total > 0 else 1 / count) + 0.2 / count
    assert found.probability == pytest.approx(expected)
    assert found.stream is (Stream.UNIFORM if draws[0] < 0.2 else Stream.PRIORITY)
    assert choose(array, candidates, draws, 7) == found


def test_nothing_left_to_vote_on_is_no_showing() -> None:
    assert choose(weights(), [], (0.5, 0.5), 0) is None


def test_a_statement_without_priority_comes_from_the_uniform_stream_alone() -> None:
    pair = np.array([0.0, 3.0])
    assert {choose(pair, [0, 1], (0.9, i / 100), 0).statement for i in range(100)} == {1}
    assert {choose(pair, [0, 1], (0.1, i / 100), 0).statement for i in range(100)} == {0, 1}


def test_priority_is_the_formula() -> None:
    agree, passes, seen = np.array([3]), np.array([1]), np.array([6])
    found = priority(agree, passes, seen, np.array([0.5]))
    p, a = 2 / 8, 4 / 8
    assert found[0] == pytest.approx(((1 - p) * 1.5 * a * (1 + 8 * 2 ** (-6 / 5))) ** 2)
    fresh = priority(np.array([0]), np.array([0]), np.array([0]), np.array([0.0]))
    assert fresh[0] == pytest.approx((0.5 * 0.5 * 9) ** 2)


def test_what_only_a_minority_backs_is_shown_more_once_there_are_groups() -> None:
    agree, seen = np.array([[60, 2], [0, 18]]), np.array([[80, 80], [20, 20]])
    total = priority(agree.sum(0), np.zeros(2, int), seen.sum(0), 1.0)
    by_group = priority(agree.sum(0), np.zeros(2, int), seen.sum(0), 1.0, group_appeal(agree, seen))
    assert total[0] / total[1] > 5
    assert by_group[1] > by_group[0]
    assert group_appeal(agree, seen) == pytest.approx([61 / 82, 19 / 22])


def test_a_choice_among_a_thousand_takes_a_fifth_of_a_millisecond() -> None:
    rng = np.random.default_rng(1)
    values, candidates = rng.random(1_000), list(range(1_000))
    best = float("inf")
    for _ in range(20):
        start = time.perf_counter()
        for i in range(50):
            choose(values, candidates, (0.5, i / 50), 0)
        best = min(best, (time.perf_counter() - start) / 50)
    assert best < 200e-6

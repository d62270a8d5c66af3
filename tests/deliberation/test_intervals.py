"""Intervals: known values, edges, and how often they miss what they promise to hold."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.deliberation import intervals
from server.deliberation.intervals import Interval

counts = st.integers(0, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def assert_about(found: Interval, low: float, high: float) -> None:
    assert found.low == pytest.approx(low, abs=5e-5)
    assert found.high == pytest.approx(high, abs=5e-5)


def test_wilson_gives_the_published_example() -> None:
    # Newcombe (1998), table I: 81 of 263 and 15 of 148.
    assert_about(intervals.wilson(81, 263), 0.2553, 0.3662)
    assert_about(intervals.wilson(15, 148), 0.0624, 0.1605)


def test_newcombe_gives_the_published_example() -> None:
    # Newcombe (1998), table II, method 10: 56/70 − 48/80 and 9/10 − 3/10.
    assert_about(intervals.difference(56, 70, 48, 80), 0.0524, 0.3339)
    assert_about(intervals.difference(9, 10, 3, 10), 0.1705, 0.8090)
    assert intervals.difference(0, 0, 3, 10) == Interval(-1.0, 1.0)


@given(counts)
def test_intervals_hold_the_share_and_stay_between_0_and_1(count: tuple[int, int]) -> None:
    s, n = count
    fixed, always = intervals.wilson(s, n), intervals.share_sequence(s, n)
    share = s / n if n else 0.5
    for each in (fixed, always):
        assert 0.0 <= each.low <= share <= each.high <= 1.0
    assert always.low <= fixed.low + 1e-12
    assert always.high >= fixed.high - 1e-12


@given(st.lists(counts, min_size=1, max_size=20))
def test_arrays_say_what_single_ones_say(many: list[tuple[int, int]]) -> None:
    s, n = (np.array(each, dtype=np.int64) for each in zip(*many, strict=True))
    for of_arrays, of_one in (
        (intervals.wilson_arrays, intervals.wilson),
        (intervals.share_sequence_arrays, intervals.share_sequence),
    ):
        low, high = of_arrays(s, n)
        for i, count in enumerate(many):
            one = of_one(*count)
            assert low[i] == pytest.approx(one.low, abs=1e-12)
            assert high[i] == pytest.approx(one.high, abs=1e-12)


def test_a_sequence_bound_solves_its_equation() -> None:
    s, n, alpha = 40, 100, 0.05
    found = intervals.share_sequence(s, n, alpha)
    for p in (found.low, found.high):
        log_ratio = (
            math.lgamma(0.5 + s)
            + math.lgamma(0.5 + n - s)
            - math.lgamma(1 + n)
            - 2 * math.lgamma(0.5)
            - s * math.log(p)
            - (n - s) * math.log1p(-p)
        )
        assert log_ratio == pytest.approx(math.log(1 / alpha), abs=1e-9)


@pytest.mark.slow
def test_looking_all_the_time_breaks_wilson_and_not_the_sequence() -> None:
    rng = np.random.default_rng(5)
    runs, most = 2000, 500
    every_fourth = slice(3, None, 4)
    s = np.cumsum(rng.random((runs, most)) < 0.5, axis=1)[:, every_fourth]
    n = np.broadcast_to(np.arange(1, most + 1)[every_fourth], s.shape)
    low, high = intervals.wilson_arrays(s, n)
    wilson_misses = ((low > 0.5) | (high < 0.5)).any(axis=1).mean()
    low, high = intervals.share_sequence_arrays(s, n)
    sequence_misses = ((low > 0.5) | (high < 0.5)).any(axis=1).mean()
    assert wilson_misses > 0.2
    assert sequence_misses <= 0.05


def test_a_difference_sequence_is_wider_than_a_fixed_difference() -> None:
    always = intervals.difference_sequence(50, 100, 30, 200)
    fixed = intervals.difference(50, 100, 30, 200)
    assert always.low < fixed.low < 0.35 < fixed.high < always.high


def test_hajek_undoes_how_often_a_vote_was_asked_for() -> None:
    # Those who agree were asked four times as often: 80 of 100 votes, half of the people.
    agrees = [True] * 80 + [False] * 20
    chances = [0.4] * 80 + [0.1] * 20
    found = intervals.hajek_share(agrees, chances)
    assert found.raw == pytest.approx(0.8)
    assert found.share == pytest.approx(0.5)
    assert found.effective == pytest.approx(400**2 / (80 * 2.5**2 + 20 * 100))
    assert found.interval.low < 0.5 < found.interval.high
    even = intervals.hajek_share(agrees, [0.3] * 100)
    assert even.share == pytest.approx(even.raw)
    assert even.effective == pytest.approx(100)


@pytest.mark.parametrize(
    ("agrees", "chances"), [([], []), ([True], []), ([True], [0.0]), ([True], [1.1])]
)
def test_hajek_refuses_what_is_no_sample(agrees: list[bool], chances: list[float]) -> None:
    with pytest.raises(ValueError, match="chance"):
        intervals.hajek_share(agrees, chances)


@pytest.mark.parametrize("count", [(-1, 3), (4, 3), (0, -1)])
def test_what_is_no_count_is_refused(count: tuple[int, int]) -> None:
    for interval in (intervals.wilson, intervals.share_sequence):
        with pytest.raises(ValueError, match="not a count"):
            interval(*count)
    with pytest.raises(ValueError, match="alpha"):
        intervals.share_sequence(1, 2, alpha=1.0)

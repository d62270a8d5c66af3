"""Plane, places and groups: against the formulas written out, and for any order of rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from sklearn.metrics import silhouette_score

from server.deliberation.opinion import Effort, analyze, place
from server.deliberation.opinion.cells import canonical_order, cells_of
from server.deliberation.opinion.chance import adjusted_rand
from server.deliberation.opinion.geometry import extremity, fit_plane, places
from server.deliberation.opinion.grouping import base_clusters, nearest, splits
from server.deliberation.votes import EMPTY

from .opinions import nobody_out, with_outlooks

matrices = arrays(
    np.int8,
    array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=25),
    elements=st.sampled_from([-1, 0, 1, EMPTY]),
)
LIGHT = Effort(shuffles=19, redraws=3)


def written_out(
    votes: np.ndarray, out: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Means, squared components' shares, places and extremity by dense, plain numpy."""
    m = votes.shape[1]
    filled = (votes != EMPTY) & ~out
    means = np.array([votes[filled[:, j], j].mean() if filled[:, j].any() else 0 for j in range(m)])
    centred = np.where(filled, votes - means, 0.0)
    _, singular, rows = np.linalg.svd(centred, full_matrices=False)
    components = rows[:2]
    cast = (votes != EMPTY).sum(axis=1)
    spots = np.sqrt(m / np.maximum(cast, 1))[:, None] * (centred @ components.T)
    reach = np.sqrt(m) * np.sqrt((((1 - means) * components) ** 2).sum(axis=0))
    return means, singular[:2] ** 2 / (singular**2).sum(), spots, reach


@pytest.mark.parametrize("shape", [(60, 12), (12, 60), (40, 40)])
def test_it_is_the_principal_components_of_the_filled_matrix(shape: tuple[int, int]) -> None:
    votes, _ = with_outlooks((shape[0] // 2, shape[0] - shape[0] // 2), shape[1])
    out = np.zeros(shape[1], dtype=np.bool_)
    out[::5] = True
    every = cells_of(votes)
    cells = every.without_columns(out)
    plane = fit_plane(cells)
    means, variance, spots, reach = written_out(votes, out)
    assert plane.means == pytest.approx(means, abs=1e-14)
    assert plane.variance == pytest.approx(variance, rel=1e-9)
    assert extremity(plane) == pytest.approx(reach, rel=1e-9, abs=1e-12)
    found = places(cells, every.cast, plane)
    signs = np.sign((found * spots).sum(axis=0))
    assert found == pytest.approx(spots * signs, abs=1e-10)
    assert (plane.components[:, out] == 0).all()
    assert (plane.means[out] == 0).all()


def test_people_who_vote_little_are_not_drawn_to_the_middle() -> None:
    votes, outlook = with_outlooks((300, 300), 40, turnout=1.0)
    rng = np.random.default_rng(2)
    few = rng.permutation(600)[:200]
    votes[np.ix_(few, np.arange(40)[8:])] = EMPTY
    found = analyze(votes, moderated_out=nobody_out(votes), seed=0, live=True).points
    reach = np.abs(found[:, 0])
    assert reach[few].mean() > 0.6 * np.delete(reach, few).mean()
    assert outlook.size == 600


@settings(max_examples=80, deadline=None)
@given(matrices, st.integers(0, 3), st.randoms(use_true_random=False))
def test_any_matrix_is_analyzed_and_the_order_of_rows_changes_nothing(
    votes: np.ndarray, seed: int, rng: object
) -> None:
    n, m = votes.shape
    out = np.array([rng.random() < 0.2 for _ in range(m)], dtype=np.bool_)
    one = analyze(votes, moderated_out=out, seed=seed, effort=LIGHT)
    order = np.array(rng.sample(range(n), n), dtype=np.intp)
    two = analyze(votes[order], moderated_out=out, seed=seed, effort=LIGHT)
    assert np.array_equal(two.groups.labels, one.groups.labels[order])
    assert np.array_equal(two.points, one.points[order])
    for name in ("consensus", "extremity", "priority", "wilson_low", "least_share"):
        assert np.array_equal(getattr(one, name), getattr(two, name))
        assert np.isfinite(getattr(one, name)).all()
    assert one.representative == two.representative
    assert one.divisive == two.divisive
    assert one.votes == (votes != EMPTY).sum()
    assert one.participants == (votes != EMPTY).any(axis=1).sum()
    assert np.array_equal(one.total.agree, (votes == 1).sum(axis=0))
    assert np.array_equal(one.total.passes, (votes == 0).sum(axis=0))
    assert sum(one.groups.sizes) == (one.groups.labels >= 0).sum()


@pytest.mark.parametrize("sizes", [(120, 60), (90, 60, 45), (400, 300, 200, 80)])
def test_outlooks_that_are_there_are_found(sizes: tuple[int, ...]) -> None:
    votes, outlook = with_outlooks(sizes, 30)
    found = analyze(votes, moderated_out=nobody_out(votes), seed=0, live=True).groups
    assert found.k == min(len(sizes), 3) or found.k == len(sizes)
    by_k = {each.k: each for each in found.candidates}
    assert adjusted_rand(by_k[2].labels, outlook) > 0.3
    if len(sizes) <= 3:
        assert adjusted_rand(by_k[len(sizes)].labels, outlook) > 0.9


def test_the_order_of_rows_changes_nothing_in_a_large_matrix() -> None:
    votes, _ = with_outlooks((700, 500, 300), 60, turnout=0.3)
    order = np.random.default_rng(3).permutation(1500)
    for seed in (0, 1):
        one, two = (
            analyze(each, moderated_out=nobody_out(votes), seed=seed, effort=LIGHT)
            for each in (votes, votes[order])
        )
        again = analyze(votes, moderated_out=nobody_out(votes), seed=seed, effort=LIGHT)
        assert np.array_equal(two.groups.labels, one.groups.labels[order])
        assert np.array_equal(again.groups.labels, one.groups.labels)
        for name in ("silhouette", "chance_p95", "stability", "sizes"):
            assert getattr(one.groups, name) == getattr(two.groups, name)
            assert getattr(one.groups, name) == getattr(again.groups, name)


def test_the_canonical_order_sorts_equal_matrices_alike() -> None:
    votes, _ = with_outlooks((50, 30), 9)
    order = np.random.default_rng(1).permutation(80)
    assert np.array_equal(
        votes[canonical_order(votes)], votes[order][canonical_order(votes[order])]
    )


def test_at_most_a_hundred_places_are_their_own_base_clusters() -> None:
    points = np.repeat(np.arange(60.0).reshape(30, 2), 3, axis=0)
    base = base_clusters(points, np.random.default_rng(0))
    assert base.centres.tolist() == np.arange(60.0).reshape(30, 2).tolist()
    assert base.weights.tolist() == [3.0] * 30
    many = np.random.default_rng(1).normal(size=(5_000, 2))
    base = base_clusters(many, np.random.default_rng(0))
    assert 90 <= base.weights.size <= 100
    assert base.weights.sum() == 5_000


def test_how_many_groups_are_tried_depends_on_the_base_clusters() -> None:
    rng = np.random.default_rng(0)
    for size, most in ((1, 0), (2, 2), (11, 2), (12, 3), (24, 4), (36, 5), (90, 5)):
        base = base_clusters(rng.normal(size=(size, 2)), np.random.default_rng(0))
        tried = [split.k for split in splits(base, np.random.default_rng(0))]
        assert tried == list(range(2, most + 1))


def test_the_silhouette_is_that_of_people_at_their_base_clusters() -> None:
    rng = np.random.default_rng(4)
    spots = np.concatenate([rng.normal(c, 1.0, (20, 2)) for c in (0, 6)])
    points = np.repeat(spots, rng.integers(1, 6, 40), axis=0)
    base = base_clusters(points, np.random.default_rng(0))
    for split in splits(base, np.random.default_rng(0)):
        expected = silhouette_score(points, nearest(points, split.centres))
        assert split.silhouette == pytest.approx(expected, abs=1e-8)


def test_one_person_is_placed_by_their_own_votes_where_the_map_has_them() -> None:
    votes, _ = with_outlooks((200, 120), 40, turnout=0.4)
    votes[0] = EMPTY
    votes[1, 3:] = EMPTY
    found = analyze(votes, moderated_out=nobody_out(votes), seed=0, live=True)
    assert found.groups.k == 2
    for i in range(320):
        spot = place(votes[i], found.map)
        assert (spot.x, spot.y) == pytest.approx(tuple(found.points[i]), abs=1e-12)
        assert spot.group == (None if found.groups.labels[i] < 0 else found.groups.labels[i])
    assert place(votes[0], found.map).group is None
    newer = np.append(votes[5], np.array([1, -1], dtype=np.int8))
    assert place(newer, found.map) == place(votes[5], found.map)

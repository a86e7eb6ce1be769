"""Searching in blocks finds what the full matrix holds; ranks, ties and chance are counted right."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import rankdata

from consona.stats.class_patterns import class_patterns, left_out_similarities
from consona.stats.permutation import random_orders
from consona.stats.retrieval import nearest, retrieval

METRICS = {"pearson": "correlation", "cosine": "cosine"}


def vectors(n_queries=30, n_candidates=500, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    candidates = (rng.standard_normal((n_candidates, 12)) + 2).astype(dtype)
    correct = rng.choice(n_candidates, n_queries, replace=False)
    return (candidates[correct] + rng.standard_normal((n_queries, 12))).astype(dtype), candidates, correct


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("block", [7, 64, 10_000])
def test_ranks_are_those_of_the_full_matrix(metric, block, frozen):
    queries, candidates, correct = frozen(*vectors())
    full = 1 - cdist(queries, candidates, METRICS[metric])
    ranks = rankdata(-full, axis=1)[np.arange(30), correct]
    ours = retrieval(queries, candidates, correct, metric=metric, block=block)
    np.testing.assert_array_equal(ours.rank, ranks)
    for i, row in enumerate(full):
        pairs = row[correct[i]] > np.delete(row, correct[i])
        assert ours.two_way[i] == pytest.approx(pairs.mean())
    np.testing.assert_array_equal(ours.top(5), ranks <= 5)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("block", [3, 64, 10_000])
def test_the_nearest_are_those_of_the_full_matrix(metric, block):
    queries, candidates, _ = vectors()
    full = 1 - cdist(queries, candidates, METRICS[metric])
    found = nearest(queries, candidates, 9, metric=metric, block=block)
    expected = np.argsort(-full, axis=1)[:, :9]
    np.testing.assert_array_equal(found.rows, expected)
    np.testing.assert_allclose(found.similarity, np.take_along_axis(full, expected, 1), atol=1e-12)


def test_a_memory_map_is_searched_block_by_block(tmp_path):
    queries, candidates, correct = vectors(20, 3000, dtype=np.float32)
    stored = np.lib.format.open_memmap(tmp_path / "c.npy", mode="w+", dtype=np.float32, shape=candidates.shape)
    stored[:] = candidates
    stored.flush()
    disk = np.load(tmp_path / "c.npy", mmap_mode="r")
    ours = nearest(queries, disk, 5, block=256)
    assert ours.similarity.dtype == np.float32
    np.testing.assert_array_equal(ours.rows, nearest(queries, candidates.astype(np.float64), 5).rows)
    np.testing.assert_array_equal(retrieval(queries, disk, correct, block=256).rank, retrieval(*vectors(20, 3000)).rank)


def test_ties_count_half_and_a_vector_without_direction_is_at_chance():
    candidates = np.array([[1.0, 2, 3], [1, 2, 3], [3, 1, 2], [2, 4, 6]])
    ours = retrieval(np.array([[1.0, 2, 3], [5, 5, 5]]), candidates, np.array([0, 2]))
    np.testing.assert_allclose(ours.rank, [2, 2.5])  # rows 0, 1 and 3 point the same way; the second has no direction
    np.testing.assert_allclose(ours.two_way, [2 / 3, 0.5])
    np.testing.assert_allclose(ours.top(1), [1 / 3, 1 / 4])
    np.testing.assert_allclose(ours.top(4), 1)
    assert np.isnan(retrieval(candidates[:1], candidates[:1], np.array([0])).two_way).all()


def test_chance_without_information():
    """200 queries among 100: two-way .5 with SE .29 / sqrt(200) = .02."""
    rng = np.random.default_rng(1)
    candidates = rng.standard_normal((100, 20))
    ours = retrieval(rng.standard_normal((200, 20)), candidates, rng.integers(0, 100, 200))
    assert ours.two_way.mean() == pytest.approx(0.5, abs=0.06)
    assert ours.top(10).mean() == pytest.approx(0.1, abs=0.065)


def test_refuses_what_cannot_be_searched():
    queries, candidates, correct = vectors()
    with pytest.raises((ValueError, TypeError), match="same space|Type-check error"):
        nearest(queries[:, :5], candidates, 3)
    with pytest.raises(ValueError, match="1 to all"):
        nearest(queries, candidates, 501)
    with pytest.raises(ValueError, match="needs one that exists"):
        retrieval(queries, candidates, correct + 400)
    constant = candidates.copy()
    constant[70] = 0.1
    with pytest.raises(ValueError, match="candidate 70 has no direction"):
        nearest(queries, constant, 3, block=16)
    constant[70] = np.nan
    with pytest.raises(ValueError, match="candidate 70 holds NaN"):
        nearest(queries, constant, 3, block=16)


def test_class_similarities_are_plain_correlations(frozen):
    rng = np.random.default_rng(2)
    runs, labels = np.repeat(range(4), 12), np.tile(list("cab"), 16)
    Y = frozen(rng.standard_normal((48, 25)) + 3)
    patterns = class_patterns(Y, labels, runs)
    orders = np.stack([np.tile(np.arange(3), (4, 1)), random_orders(3, 4, seed=0)])
    found = left_out_similarities(patterns, orders)
    for o, order in enumerate(orders):
        M = np.stack([patterns[r][order[r]] for r in range(4)])
        for r in range(4):
            others = M[np.arange(4) != r].mean(axis=0)
            expected = np.corrcoef(M[r], others)[:3, 3:]
            np.testing.assert_allclose(found[o, r], expected, atol=1e-12)
    np.testing.assert_allclose(patterns[1, 0], Y[(runs == 1) & (labels == "a")].mean(axis=0))


def test_a_class_missing_in_a_run_is_named():
    with pytest.raises(ValueError, match="'b' in run '2'"):
        class_patterns(np.ones((3, 2)), np.array(["a", "b", "a"]), np.array([1, 1, 2]))

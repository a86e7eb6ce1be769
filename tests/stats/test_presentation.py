"""The scale of what was seen before never knows what came after; orders stay within blocks; AUC is scikit-learn's."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from consona.stats.pairwise import block_auc, orders_within
from consona.stats.presentation import PRIOR_STIMULI, causal_scale, overall_scale


def test_the_causal_scale_by_hand(frozen):
    rng = np.random.default_rng(0)
    means, order = frozen(rng.standard_normal((6, 3, 2)) + 5, np.array([30, 10, 20, 60, 50, 40]))
    mean, spread = causal_scale(means, order)
    assert np.array_equal(mean[1], means[1])  # the first: its own mean
    assert np.array_equal(mean[2], means[1])  # the second: minus the first
    assert np.array_equal(spread[[1, 2]], np.ones((2, 3, 2)))
    before = means[[1, 2, 0]]
    own = before.var(axis=0, ddof=1)
    expected = (2 * own + PRIOR_STIMULI * own.mean(axis=0)) / (2 + PRIOR_STIMULI)
    np.testing.assert_allclose(mean[5], before.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(spread[5] ** 2, expected, rtol=1e-12)


def test_nothing_that_comes_later_changes_a_scale():
    rng = np.random.default_rng(1)
    means, order = rng.standard_normal((9, 4, 2)), rng.permutation(9)
    changed = np.where((order >= 5)[:, None, None], means + 100 * rng.standard_normal(means.shape), means)
    for ours, others in zip(causal_scale(means, order), causal_scale(changed, order), strict=True):
        assert np.array_equal(ours[order < 5], others[order < 5])
        assert not np.array_equal(ours[order > 5], others[order > 5])


def test_with_many_stimuli_the_causal_scale_becomes_the_overall_one():
    means = np.random.default_rng(2).standard_normal((2000, 2, 1)) * np.array([[[1.0], [3.0]]])
    last = [each[-1] for each in causal_scale(means, np.arange(2000))]
    for ours, overall in zip(last, overall_scale(means), strict=True):
        np.testing.assert_allclose(ours, overall[0], rtol=0.02, atol=0.01)  # the prior weighs 4 in 2000


def test_a_constant_cell_becomes_nothing_and_a_place_is_held_once():
    means = np.ones((5, 2, 1))
    assert np.isinf(overall_scale(means)[1]).all()
    assert np.isinf(causal_scale(means, np.arange(5))[1][2:]).all()
    with pytest.raises(ValueError, match="5 stimuli hold 4 places"):
        causal_scale(means, np.array([1, 2, 3, 4, 4]))


def test_orders_stay_within_their_blocks():
    blocks = np.array(["a", "b", "a", "b", "c", "a"])
    orders = orders_within(blocks, 300, seed=0)
    assert np.array_equal(np.sort(orders, axis=1), np.tile(np.arange(6), (300, 1)))
    assert (blocks[orders] == blocks).all()
    assert len(np.unique(orders, axis=0)) == 12  # 3! x 2! x 1!


def test_auc_of_a_block_is_that_of_scikit_learn(frozen):
    rng = np.random.default_rng(3)
    scores = np.round(rng.standard_normal((5, 16)), 1)  # with ties
    scores[2, :3] = np.nan
    levels = np.tile([-1, 1, 0, 1, -1, -1, 1, 0], 2)
    blocks = np.repeat([0, 1], 8)
    scores, draws, blocks = frozen(scores, np.stack([levels, -levels]), blocks)
    ours = block_auc(scores, draws, blocks)
    for s, row in enumerate(scores):
        used = [np.isfinite(row) & (levels != 0) & (blocks == b) for b in (0, 1)]
        expected = np.mean([roc_auc_score(levels[rows], row[rows]) for rows in used])
        assert ours[0, s] == pytest.approx(expected, abs=1e-12)
        assert ours[1, s] == pytest.approx(1 - expected, abs=1e-12)
    assert np.isnan(block_auc(scores, np.ones((1, 16)), blocks)).all()

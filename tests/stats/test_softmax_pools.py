"""Pools of classifiers: gains where members differ, none where they do not, members chosen without the test rows."""

from itertools import combinations

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from consona.stats.balanced_accuracy import balanced_accuracy, most_probable
from consona.stats.softmax_pools import (
    contribution_test,
    left_out_contributions,
    pool_gain,
    selected_pool,
    softmax_pool,
    subset_pools,
)

LABELS = np.repeat(np.arange(5), [3, 3, 4, 3, 3])


def members(rng, n=8, *, shared=0.0, signal=1.2, n_subjects=24):
    """Softmax of logits with the true class raised and noise that is partly the same in all members."""
    common = rng.standard_normal((1, n_subjects, 16, 5))
    own = rng.standard_normal((n, n_subjects, 16, 5))
    logits = signal * np.eye(5)[LABELS] + np.sqrt(shared) * common + np.sqrt(1 - shared) * own
    p = np.exp(logits)
    return p / p.sum(axis=-1, keepdims=True)


def test_balanced_accuracy_is_that_of_sklearn_subject_by_subject(frozen):
    rng = np.random.default_rng(0)
    predicted, labels = frozen(rng.integers(0, 5, (2, 6, 16)), LABELS)
    found = balanced_accuracy(predicted, labels)
    expected = [[balanced_accuracy_score(LABELS, row) for row in table] for table in predicted]
    np.testing.assert_allclose(found, expected)
    gap = np.where(np.arange(16) < 3, -1, predicted)
    gap[0, 0] = -1
    part = balanced_accuracy(gap, labels)
    assert np.isnan(part[0, 0])
    assert part[1, 2] == pytest.approx(np.mean([(predicted[1, 2, k == LABELS] == k).mean() for k in range(1, 5)]))
    with pytest.raises(ValueError, match="negative class"):
        balanced_accuracy(predicted, labels - 1)


def test_untested_rows_have_no_class():
    p = members(np.random.default_rng(1), 2)
    p[:, 0, 3] = np.nan
    chosen = most_probable(p)
    assert (chosen[:, 0, 3] == -1).all()
    assert (np.delete(chosen.reshape(2, -1), 3, axis=1) >= 0).all()
    assert np.isfinite(softmax_pool(p, LABELS).accuracy).all()


def test_members_that_err_differently_gain_and_copies_do_not():
    rng = np.random.default_rng(2)
    pool = softmax_pool(members(rng), LABELS)
    gain = pool_gain(pool.accuracy, pool.singles.mean(axis=0), seed=0)
    assert gain.low[0] > 0.1
    assert gain.p_above[0] < 0.001
    copies = softmax_pool(np.repeat(members(rng, 1), 8, axis=0), LABELS)
    np.testing.assert_allclose(copies.accuracy, copies.singles.mean(axis=0))
    diverse, alike = (softmax_pool(members(rng, shared=s), LABELS).accuracy.mean() for s in (0.2, 0.9))
    assert diverse > alike


def test_two_pools_of_one_kind_do_not_differ():
    rng = np.random.default_rng(3)
    p = [
        pool_gain(*(softmax_pool(members(rng, 3, n_subjects=12), LABELS).accuracy for _ in range(2)), seed=0).p[0]
        for _ in range(100)
    ]
    assert (np.array(p) <= 0.1).mean() == pytest.approx(0.1, abs=4 * np.sqrt(0.09 / 100))


def test_contributions_are_those_of_pools_without_a_member(frozen):
    p = frozen(members(np.random.default_rng(4), 5).astype(np.float32))
    found = left_out_contributions(p, LABELS)
    whole = softmax_pool(p, LABELS).accuracy
    without = [softmax_pool(np.delete(p, k, axis=0), LABELS).accuracy for k in range(5)]
    np.testing.assert_allclose(found, whole - np.array(without))
    with pytest.raises(ValueError, match="at least 2"):
        left_out_contributions(p[:1], LABELS)


def test_contributions_follow_strength_where_they_were_made_to():
    rng, strength = np.random.default_rng(5), np.linspace(0.7, 0.8, 10)
    noise = rng.normal(0.0, 0.005, (10, 100))
    found = contribution_test(0.2 * (strength - 0.75)[:, None] + noise, strength, n_draws=999, seed=0)
    # SD over members .0064, noise of a mean .0005: r is 1 less half of the square of their ratio
    assert found.r == pytest.approx(1.0, abs=0.02)
    assert found.low > 0.8
    assert found.p == pytest.approx(1 / 1000)
    assert found.r_without.min() > 0.9
    none = contribution_test(noise, strength, n_draws=999, seed=0)
    assert none.low < 0 < none.high
    assert none.p > 0.05
    assert none.n == 10
    constant = contribution_test(np.zeros((5, 3)), strength[:5], seed=0)
    assert np.isnan([constant.r, constant.p, constant.low]).all()
    with pytest.raises(ValueError, match="at least 4"):
        contribution_test(noise[:3], strength[:3], seed=0)


def test_noise_of_subjects_widens_the_interval():
    """Ten fixed contributions seem to correlate; measured on five subjects they hardly do."""
    rng, strength = np.random.default_rng(6), np.linspace(0, 1, 10)
    sure = contribution_test(np.repeat(strength[:, None] * 0.01, 5, axis=1), strength, n_draws=500, seed=0)
    noisy = contribution_test(strength[:, None] * 0.01 + rng.normal(0, 0.05, (10, 5)), strength, n_draws=500, seed=0)
    assert sure.low == pytest.approx(1.0)
    assert noisy.high - noisy.low > 0.5


def test_every_subset_is_a_pool():
    p = members(np.random.default_rng(7), 10, n_subjects=3)
    found = subset_pools(p, LABELS, size=7)
    assert found.members.shape == (120, 7)
    assert [tuple(row) for row in found.members] == list(combinations(range(10), 7))
    np.testing.assert_allclose(found.accuracy[57], softmax_pool(p[found.members[57]], LABELS).accuracy)
    with pytest.raises(ValueError, match="between 1 and 10"):
        subset_pools(p, LABELS, size=11)


def test_members_are_chosen_on_validation_of_their_own_fold():
    rng = np.random.default_rng(8)
    p = members(rng, 6, n_subjects=8)
    fold = np.repeat([0, 0, 0, 0, 1, 1, 1, -1], 16).reshape(8, 16)
    validation = rng.uniform(0.4, 0.6, (6, 2))
    pooled = selected_pool(p, fold, validation, size=2)
    best = np.argsort(-validation, axis=0)[:2]
    np.testing.assert_allclose(pooled[:4], p[best[:, 0], :4].mean(axis=0))
    np.testing.assert_allclose(pooled[4:7], p[best[:, 1], 4:7].mean(axis=0))
    assert np.isnan(pooled[7]).all()
    spoilt = p.copy()
    spoilt[best[0, 0]] = spoilt[best[0, 0]][:, :, ::-1]  # however badly a chosen member does at test, it stays chosen
    again = selected_pool(spoilt, fold, validation, size=2)
    np.testing.assert_allclose(again[:4], spoilt[best[:, 0], :4].mean(axis=0))
    validation[3, 1] = np.nan
    with pytest.raises(ValueError, match="test rows are no substitute"):
        selected_pool(p, fold, validation, size=2)

"""Variance goes to the bands that planted it; a band that only repeats another has a uniform p."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import kstest
from sklearn.metrics import r2_score

from consona.stats.banded import dirichlet_gammas
from consona.stats.folds import Folds, grouped_folds, inner_folds
from consona.stats.held_out import held_out_pearson, held_out_r2, product_measure, training_means
from consona.stats.partition import JointModel, partition, unique_null
from consona.stats.permutation import p_value, random_orders


def joint(bands, *, n_draws=8, alphas=None, seed=0, pooled=False):
    outer = grouped_folds(np.arange(len(bands[0])), 4, seed=seed)
    inner = [inner_folds(outer, k) for k in range(4)]
    gammas = dirichlet_gammas(len(bands), n_draws, seed=0)
    return JointModel(bands, outer, inner, gammas, np.logspace(-2, 3, 6) if alphas is None else alphas, pooled)


def test_r2_is_that_of_scikit_learn_where_the_means_agree():
    rng = np.random.default_rng(0)
    Y = rng.standard_normal((40, 3))
    folds = grouped_folds(np.arange(40), 4, seed=0)
    for rows in folds.test:
        Y[rows] -= Y[rows].mean(axis=0)  # training and test means are then both 0
    predicted = Y + rng.standard_normal(Y.shape)
    means = training_means(Y, folds)
    np.testing.assert_allclose(means, 0, atol=1e-12)
    expected = np.mean([r2_score(Y[t], predicted[t], multioutput="raw_values") for t in folds.test], axis=0)
    np.testing.assert_allclose(held_out_r2(predicted, Y, means, folds.test, pooled=False), expected)
    whole = r2_score(Y, predicted, multioutput="raw_values")
    np.testing.assert_allclose(held_out_r2(predicted, Y, means, folds.test, pooled=True), whole)
    np.testing.assert_allclose(held_out_r2(means, Y, means, folds.test, pooled=True), 0)


def test_product_measures_add_up_and_agree_with_himalaya():
    from himalaya.backend import set_backend
    from himalaya.scoring import r2_score_split

    set_backend("numpy")
    rng = np.random.default_rng(1)
    Y, parts = rng.standard_normal((50, 4)), rng.standard_normal((3, 50, 4))
    Y -= Y.mean(axis=0)
    test, zero = np.ones((1, 50), bool), np.zeros_like(Y)
    ours = product_measure(parts, Y, zero, test, pooled=True)
    np.testing.assert_allclose(ours, r2_score_split(Y, parts), rtol=1e-10)
    np.testing.assert_allclose(ours.sum(axis=0), held_out_r2(parts.sum(axis=0), Y, zero, test, pooled=True))


def test_what_was_planted_is_found():
    """Var 1 from A alone, 2 from B alone, 1 from what both hold, 2 of noise: R2 .67 joint, .17 and .33 unique.

    400 rows and 4 + 4 + 4 features cost the joint model about 12 / 300 of the noise share, .01, and the smaller
    models as much; targets have an SE of .03, their mean of 30 one of .006.
    """
    rng = np.random.default_rng(2)
    a, b, both = (rng.standard_normal((400, 4)) for _ in range(3))
    Y = sum(
        scale * X @ (w := rng.standard_normal((4, 30))) / np.linalg.norm(w, axis=0)
        for X, scale in ((a, 1.0), (b, np.sqrt(2)), (both, 1.0))
    )
    Y = Y + np.sqrt(2) * rng.standard_normal(Y.shape)
    model = joint([np.hstack([a, both]), np.hstack([b, both])], alphas=np.logspace(-3, 2, 6))
    found = partition(model, Y)
    assert found.full.mean() == pytest.approx(4 / 6, abs=0.03)
    assert found.unique.mean(axis=1) == pytest.approx([1 / 6, 2 / 6], abs=0.03)
    assert found.shared.mean() == pytest.approx(1 / 6, abs=0.03)
    assert found.alone.mean(axis=1) == pytest.approx([2 / 6, 3 / 6], abs=0.03)
    np.testing.assert_allclose(found.without, found.alone[::-1], atol=1e-12)  # of two bands, one is left
    np.testing.assert_allclose(found.product.sum(axis=0), found.full, atol=1e-10)
    p = p_value(found.unique[0], unique_null(model, Y[:, :30], 0, random_orders(400, 19, seed=0)))
    assert (p == 1 / 20).all()


def repeats(seed, *, n=80, n_signals=20, n_targets=25):
    """A drives the targets; B repeats what A says about them, with noise of its own, and drives nothing."""
    rng = np.random.default_rng((7, seed))
    A = rng.standard_normal((n, n_signals))
    signal = A @ rng.standard_normal((n_signals, n_targets))
    signal /= signal.std(axis=0)
    B = signal[:, :4] + 0.5 * rng.standard_normal((n, 4))
    return [A, B], signal + rng.standard_normal((n, n_targets))


def test_a_band_that_repeats_another_has_a_uniform_p():
    """100 targets: 5 % are 5, the 99.9th percentile of that binomial is 13; the 50 % point has an SE of 5 points."""
    p = []
    for seed in range(4):
        bands, Y = repeats(seed)
        model = joint(bands, n_draws=4, alphas=np.logspace(-1, 3, 5), seed=seed)
        unique = model.r2(Y) - model.without(1).r2(Y)
        p.append(p_value(unique, unique_null(model, Y, 1, random_orders(len(Y), 39, seed=seed))))
    p = np.concatenate(p)
    assert (p <= 0.05).sum() <= 13
    assert 0.3 < (p <= 0.5).mean() < 0.7
    assert kstest(p, "uniform").pvalue > 0.001


def test_a_model_without_a_band_tries_the_same_weights():
    model = joint([np.zeros((20, 2))] * 3)
    model = replace(model, gammas=np.array([[0.2, 0.3, 0.5], [0, 0, 1], [0.4, 0.6, 0.0]]))
    assert len(model.without(0).bands) == 2
    np.testing.assert_allclose(model.without(2).gammas, [[0.4, 0.6], [0.5, 0.5]])
    np.testing.assert_allclose(model.alone(1).gammas, [[1.0]])


def test_scores_are_undefined_where_nothing_varies():
    Y = np.column_stack([np.arange(20.0), np.ones(20)])
    folds = grouped_folds(np.arange(20), 2, seed=0)
    r2 = held_out_r2(Y + 0.1, Y, training_means(Y, folds), folds.test, pooled=False)
    assert np.isfinite(r2[0])
    assert np.isnan(r2[1])
    assert np.isnan(held_out_pearson(Y, Y, folds.test, pooled=True)[1])
    untested = Folds(folds.train[:1], folds.test[:1])
    assert np.isfinite(held_out_pearson(Y, Y, untested.test, pooled=True)[0])


def test_a_single_band_cannot_be_partitioned():
    model = joint([np.random.default_rng(0).standard_normal((20, 2))])
    with pytest.raises(ValueError, match="two or more"):
        partition(model, np.zeros((20, 1)))

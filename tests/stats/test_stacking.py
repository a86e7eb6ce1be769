"""Mixtures of layers solve their quadratic programme; nested choice is not biased where the best at test is."""

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.linear_model import Ridge

from consona.stats.correlation import pearson_columns
from consona.stats.folds import grouped_folds, inner_folds
from consona.stats.held_out import held_out_pearson, held_out_r2, training_means
from consona.stats.stacking import nested_layer_choice, nested_stacking, simplex_weights

ALPHAS = np.logspace(-2, 4, 7)


def nested(n, seed=0, n_folds=5):
    outer = grouped_folds(np.arange(n), n_folds, seed=seed)
    return outer, [inner_folds(outer, k) for k in range(n_folds)]


def each_its_own(Y):
    return np.arange(Y.shape[1])


def test_weights_are_those_of_a_quadratic_programme():
    rng = np.random.default_rng(0)
    shared = rng.standard_normal((12, 60, 1))
    errors = shared + rng.standard_normal((12, 60, 6)) * np.array([0.3, 0.5, 0.5, 0.7, 1.0, 2.0])
    products = np.einsum("jil,jim->jlm", errors, errors)
    ours = simplex_weights(products)
    np.testing.assert_allclose(ours.sum(axis=0), 1, rtol=1e-12)
    assert (ours >= 0).all()
    assert (ours == 0).any()
    for j, P in enumerate(products):
        solved = minimize(
            lambda w, P=P: w @ P @ w, np.full(6, 1 / 6), jac=lambda w, P=P: 2 * P @ w, bounds=[(0, 1)] * 6,
            constraints={"type": "eq", "fun": lambda w: w.sum() - 1}, method="SLSQP", options={"ftol": 1e-14},
        )  # fmt: skip
        assert ours[:, j] @ P @ ours[:, j] <= solved.fun * (1 + 1e-9)
        np.testing.assert_allclose(ours[:, j], solved.x, atol=1e-4)


def test_weights_of_equal_perfect_and_undefined_layers():
    equal, perfect, undefined = np.ones((3, 3)), np.diag([1.0, 0.0, 2.0]), np.full((3, 3), np.nan)
    found = simplex_weights(np.stack([equal, perfect, undefined, np.zeros((3, 3))]))
    np.testing.assert_allclose(found[:, 0].sum(), 1)
    np.testing.assert_allclose(found[:, 1], [0, 1, 0], atol=1e-12)
    assert np.isnan(found[:, 2]).all()
    np.testing.assert_allclose(found[:, 3].sum(), 1)


def layers_and_targets(n=200, seed=1):
    """Layers 0 and 2 each drive half of every target; layer 1 is noise."""
    rng = np.random.default_rng(seed)
    layers = [rng.standard_normal((n, 8)) for _ in range(3)]
    Y = layers[0] @ rng.standard_normal((8, 10)) + layers[2] @ rng.standard_normal((8, 10))
    return layers, Y + rng.standard_normal(Y.shape)


def test_a_mixture_beats_every_layer_where_two_drive_the_targets(frozen):
    layers, Y = layers_and_targets()
    layers, Y = frozen(*layers), frozen(Y)
    outer, inner = nested(200)
    mixed = nested_stacking(layers, Y, outer, inner, ALPHAS)
    assert mixed.weights[:, 1].mean() < 0.1
    assert mixed.weights[:, [0, 2]].mean() > 0.4
    single = nested_layer_choice(layers, Y, outer, inner, ALPHAS, together=each_its_own(Y))
    means = training_means(Y, outer)
    best = held_out_r2(single.predictions, Y, means, outer.test, pooled=False)
    assert held_out_r2(mixed.predictions, Y, means, outer.test, pooled=False).mean() > best.mean() + 0.1
    np.testing.assert_allclose(mixed.weights.sum(axis=1), 1)


def test_neither_mixture_nor_choice_sees_the_test_fold():
    layers, Y = layers_and_targets(60)
    outer, inner = nested(60, n_folds=3)
    other = Y.copy()
    other[outer.test[1]] = 1e3 * np.random.default_rng(0).standard_normal(other[outer.test[1]].shape)
    one, two = (nested_stacking(layers, each, outer, inner, ALPHAS) for each in (Y, other))
    np.testing.assert_array_equal(one.weights[1], two.weights[1])
    np.testing.assert_array_equal(one.predictions[outer.test[1]], two.predictions[outer.test[1]])
    chosen = [nested_layer_choice(layers, e, outer, inner, ALPHAS, together=each_its_own(Y)).chosen for e in (Y, other)]
    np.testing.assert_array_equal(chosen[0][1], chosen[1][1])


def test_the_chosen_layer_predicts_as_scikit_learn_does():
    layers, Y = layers_and_targets(60)
    outer, inner = nested(60, n_folds=3)
    found = nested_layer_choice(layers, Y, outer, inner, np.array([0.3]), together=each_its_own(Y))
    train, test = outer.train[0], outer.test[0]
    for j in range(Y.shape[1]):
        X = layers[found.chosen[0, j]]
        Z = (X - X[train].mean(axis=0)) / X[train].std(axis=0) / np.sqrt(8)
        expected = Ridge(alpha=0.3).fit(Z[train], Y[train, j]).predict(Z[test])
        np.testing.assert_allclose(found.predictions[test, j], expected, atol=1e-9)


def test_one_layer_for_targets_that_choose_together():
    layers, Y = layers_and_targets(80)
    Y = np.column_stack([Y, 1e6 * layers[1][:, :1]])  # a large unit alone must not outvote ten targets
    outer, inner = nested(80, n_folds=4)
    found = nested_layer_choice(layers, Y, outer, inner, ALPHAS, together=np.zeros(11))
    assert all(len(np.unique(row)) == 1 for row in found.chosen)
    assert (found.chosen != 1).all()
    two = nested_layer_choice(layers, Y, outer, inner, ALPHAS, together=np.array([0] * 10 + [1]))
    assert (two.chosen[:, 10] == 1).all()
    np.testing.assert_array_equal(two.chosen[:, 0], two.chosen[:, 9])


def test_on_noise_the_best_layer_at_test_is_biased_and_the_nested_choice_is_not():
    """24 layers of noise, 60 targets of noise: expected r is 0, up to an SE of .014 (60 targets x 100 stimuli)."""
    rng = np.random.default_rng(3)
    layers, Y = [rng.standard_normal((100, 10)) for _ in range(24)], rng.standard_normal((100, 60))
    outer, inner = nested(100)
    found = nested_layer_choice(layers, Y, outer, inner, np.array([1.0, 10.0]), together=each_its_own(Y))
    at_test = np.stack([held_out_pearson(each, Y, outer.test, pooled=False) for each in found.every])
    assert at_test.max(axis=0).mean() > 0.1
    assert abs(held_out_pearson(found.predictions, Y, outer.test, pooled=False).mean()) < 3 * 0.014


def test_a_broken_target_touches_no_other():
    layers, Y = layers_and_targets(60)
    outer, inner = nested(60, n_folds=3)
    damaged = Y.copy()
    damaged[3, 4] = np.nan
    whole, ours = (nested_stacking(layers, each, outer, inner, ALPHAS).predictions for each in (Y, damaged))
    assert np.isnan(ours[:, 4]).all()
    np.testing.assert_allclose(np.delete(ours, 4, axis=1), np.delete(whole, 4, axis=1), rtol=1e-9)
    assert np.isfinite(pearson_columns(ours[:, :4], Y[:, :4])).all()


def test_refuses_no_layer():
    _, Y = layers_and_targets(30)
    outer, inner = nested(30, n_folds=3)
    with pytest.raises(ValueError, match="no layer"):
        nested_stacking([], Y, outer, inner, ALPHAS)

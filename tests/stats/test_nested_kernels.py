"""Nested ridge on kernels: equal to refitting everything by hand, and blind to rotations of the targets."""

import numpy as np
import pytest
from scipy.stats import ortho_group
from sklearn.linear_model import LinearRegression, Ridge

from consona.stats.folds import Folds, grouped_folds
from consona.stats.nested_kernels import NestedKernels, linear_kernel, training_fit

ALPHAS = np.logspace(-2, 2, 3)


def _case(n: int = 24, n_targets: int = 6) -> tuple[list[np.ndarray], np.ndarray, np.ndarray, Folds, list[Folds]]:
    rng = np.random.default_rng(0)
    given = np.column_stack([rng.standard_normal(n), np.arange(n) % 2, np.ones(n)])  # the last one is constant
    layers = [rng.standard_normal((n, d)) + given[:, :1] for d in (5, 40)]
    Y = layers[0] @ rng.standard_normal((5, n_targets)) + given[:, :1] + rng.standard_normal((n, n_targets))
    outer = grouped_folds(np.arange(n) // 2, 3, seed=0)
    inner = []
    for train in outer.train:
        masks = np.zeros((2, 3, n), dtype=bool)
        masks[:, :, train] = grouped_folds((np.arange(n) // 2)[train], 3, seed=1)
        inner.append(Folds(masks[0], masks[1]))
    return layers, Y, given, outer, inner


def _by_hand(X: np.ndarray, Y: np.ndarray, Z: np.ndarray, alpha: float, train: np.ndarray, test: np.ndarray):
    """Prediction and residuals of test rows, with scikit-learn."""
    F = (X - X.mean(axis=0)) / X.std(axis=0) / np.sqrt(X.shape[1])
    F, rest = (A - LinearRegression().fit(Z[train], A[train]).predict(Z) for A in (F, Y))
    penalty = alpha * np.square(F[train]).sum() / train.sum()
    fit = Ridge(penalty, fit_intercept=False).fit(F[train], rest[train])
    return fit.predict(F[test]), rest[test]


def test_choice_and_predictions_are_those_of_fitting_everything_again():
    layers, Y, given, outer, inner = _case()
    nested = NestedKernels.of(np.stack([linear_kernel(X) for X in layers]), outer, inner, ALPHAS, given)
    chosen = nested.chosen((Y @ Y.T)[None])
    predicted, measured = nested.predicted(chosen, Y[None])[0], nested.measured(Y[None])[0]
    models = [(X, alpha) for X in layers for alpha in ALPHAS]
    for fold, (train, test) in enumerate(zip(*outer, strict=True)):
        errors = [
            sum(
                np.square(np.subtract(*_by_hand(X, Y, given, alpha, *rows))).sum()
                for rows in zip(*inner[fold], strict=True)
            )
            for X, alpha in models
        ]
        best = int(np.argmin(errors))
        assert chosen[0, fold] == best
        expected, rest = _by_hand(models[best][0], Y, given, models[best][1], train, test)
        np.testing.assert_allclose(predicted[test], expected, atol=1e-10)
        np.testing.assert_allclose(measured[test], rest, atol=1e-10)


def test_with_the_confounds_it_is_the_ridge_that_does_not_penalise_them():
    layers, Y, given, outer, inner = _case()
    X, alpha, train, test = layers[1], 1.0, outer.train[0], outer.test[0]
    nested = NestedKernels.of(linear_kernel(X)[None], outer, inner, np.array([alpha]), given)
    joint = nested.deviations(Y[None]) - nested.measured(Y[None]) + nested.predicted(np.zeros((1, 3), int), Y[None])
    F = (X - X.mean(axis=0)) / X.std(axis=0) / np.sqrt(X.shape[1])
    rest = F[train] - LinearRegression().fit(given[train], F[train]).predict(given[train])
    D = np.column_stack([np.ones(len(Y)), given[:, :2], F])
    penalty = np.diag([0.0] * 3 + [alpha * np.square(rest).sum() / train.sum()] * F.shape[1])
    weights = np.linalg.solve(D[train].T @ D[train] + penalty, D[train].T @ Y[train])
    np.testing.assert_allclose(joint[0][test], (D @ weights)[test] - Y[train].mean(axis=0), atol=1e-9)


def test_a_rotation_of_the_targets_changes_no_choice_and_rotates_the_prediction():
    layers, Y, given, outer, inner = _case()
    nested = NestedKernels.of(np.stack([linear_kernel(X) for X in layers]), outer, inner, ALPHAS, given)
    Q = ortho_group.rvs(Y.shape[1], random_state=0)
    turned = Y @ Q
    chosen = nested.chosen(np.stack([Y @ Y.T, turned @ turned.T]))
    np.testing.assert_array_equal(chosen[0], chosen[1])
    predicted = nested.predicted(chosen, np.stack([Y, turned]))
    np.testing.assert_allclose(predicted[0] @ Q, predicted[1], atol=1e-12)


def test_what_confounds_explain_entirely_predicts_nothing():
    _, Y, given, outer, inner = _case()
    nested = NestedKernels.of(linear_kernel(given)[None], outer, inner, ALPHAS, given)
    chosen = nested.chosen((Y @ Y.T)[None])
    assert np.abs(nested.predicted(chosen, Y[None])).max() == 0.0


def test_confounds_are_fitted_on_training_rows_alone():
    _, Y, given, outer, _ = _case()
    rows = np.flatnonzero(outer.train[0])
    C = training_fit(given, rows)
    assert not C[:, outer.test[0]].any()
    np.testing.assert_allclose(C @ Y, LinearRegression().fit(given[rows], Y[rows]).predict(given), atol=1e-10)


def test_missing_confounds_bad_penalties_and_inner_folds_outside_are_refused():
    layers, _, given, outer, inner = _case()
    kernels = linear_kernel(layers[0])[None]
    with pytest.raises(ValueError, match="NaN"):
        NestedKernels.of(kernels, outer, inner, ALPHAS, given * np.nan)
    with pytest.raises(ValueError, match="alpha > 0"):
        NestedKernels.of(kernels, outer, inner, np.zeros(1), given)
    with pytest.raises(ValueError, match="does not train on"):
        NestedKernels.of(kernels, outer, inner[::-1], ALPHAS, given)

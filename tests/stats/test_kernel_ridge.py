"""Is ridge from products of rows the ridge of scikit-learn, and do kernels of two sources add up?"""

import numpy as np
import pytest
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import StratifiedKFold

from consona.stats.exponential_growth import exponential_growth
from consona.stats.kernel_ridge import KernelRidge, fold_kernel, fold_targets, joined_kernels, kernel_of

ALPHAS = 10.0 ** np.arange(-3, 4)
N = 30


def folds():
    return StratifiedKFold(5, shuffle=True, random_state=1).split(np.zeros(N), np.arange(N) % 2)


@pytest.mark.parametrize("n_features", [1, 4, 60])
def test_it_is_the_ridge_of_scikit_learn(n_features):
    rng = np.random.default_rng(n_features)
    X = rng.standard_normal((N, n_features)) + 3
    Y = X[:, :1] + rng.standard_normal((N, 12))
    for train, test in folds():
        oracle = RidgeCV(alphas=ALPHAS).fit(X[train], Y[train])
        ridge, own = KernelRidge(fold_kernel(kernel_of(X), train, test)), fold_targets(Y, train, test)
        (alpha,) = ridge.shared_penalties([own], ALPHAS)
        assert alpha == oracle.alpha_
        expected = oracle.predict(X[test])
        np.testing.assert_allclose(ridge.predicted(own, alpha) + Y[train].mean(axis=0), expected, rtol=0, atol=1e-12)
        r = [np.corrcoef(expected[:, v], Y[test, v])[0, 1] for v in range(12)]
        np.testing.assert_allclose(ridge.correlations([own], ALPHAS)[0], r, rtol=0, atol=1e-11)


def test_sources_are_added_targets_rotated_and_gaps_kept_to_themselves():
    rng = np.random.default_rng(0)
    A, B, Y = (rng.standard_normal((N, k)) for k in (5, 40, 8))
    train, test = next(iter(folds()))
    whole = fold_kernel(kernel_of(np.column_stack([A, B])), train, test)
    added = joined_kernels([fold_kernel(kernel_of(each), train, test) for each in (A, B)])
    for one, other in zip(whole, added, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)
    ridge = KernelRidge(added)
    turned = Y @ np.linalg.qr(rng.standard_normal((8, 8)))[0]
    penalties = ridge.shared_penalties([fold_targets(each, train, test) for each in (Y, turned)], ALPHAS)
    assert penalties[0] == penalties[1]
    gap = np.column_stack([Y, np.where(np.arange(N) == 3, np.nan, 0.0)])
    r = ridge.correlations([fold_targets(Y, train, test), fold_targets(gap, train, test)], ALPHAS)
    np.testing.assert_allclose(r[1][:8], r[0])
    assert np.isnan(r[1][8])
    same = KernelRidge(fold_kernel(np.zeros((N, N)), train, test))
    assert np.all(same.correlations([fold_targets(Y, train, test)], ALPHAS)[0] == 0)  # nothing predicted counts as 0


def test_the_limit_of_a_curve_is_found_and_bounds_are_flagged():
    x = np.arange(2, 11)
    planted = 0.4 * (1 - np.exp(-x / 3.0))
    fit = exponential_growth(x, np.stack([planted, 0.02 * x, -0.1 * np.ones(9), np.full(9, np.nan)], axis=1))
    np.testing.assert_allclose([fit.limit[0], fit.tau[0]], [0.4, 3.0], rtol=0.012)  # the step of the grid
    assert fit.at_bound.tolist() == [False, True, False, False]
    assert fit.at_zero.tolist() == [False, False, True, False]
    assert np.isnan(fit.limit[3])
    with pytest.raises(ValueError, match="two unknowns need three sizes"):
        exponential_growth(x[:2], np.ones((2, 3)))

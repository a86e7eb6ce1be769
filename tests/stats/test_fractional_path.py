"""Every fraction from one decomposition: as a loop over folds, fractions and targets would have it."""

import warnings

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold

from consona.stats.folds import Folds
from consona.stats.fractional_path import fractional_fit, fractional_scores
from consona.stats.fractional_settings import FractionalSettings, fractional_folds, mode_settings

FRACTIONS = np.array([0.05, 0.3, 0.6, 0.9, 1.0, 1.05])
SHAPES = pytest.mark.parametrize(("n", "p"), [(150, 20), (60, 140), (100, 90)], ids=["narrow", "wide", "between"])


def planted(n, p, n_targets=6, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) * np.logspace(0, 1, p) + 3
    return X, X[:, :5] @ rng.standard_normal((5, n_targets)) + 8 * rng.standard_normal((n, n_targets)) + 7


def share_of(X, Y, coef):
    return np.linalg.norm(coef, axis=0) / np.linalg.norm(
        np.linalg.pinv(X - X.mean(axis=0), rcond=1e-10) @ (Y - Y.mean(axis=0)), axis=0
    )


@SHAPES
def test_scores_are_those_of_scikit_learn_at_the_same_penalties(n, p):
    X, Y = planted(n, p)
    folds = fractional_folds(n, mode_settings("released"))
    scores = fractional_scores(X, Y, FRACTIONS, folds)
    expected = np.zeros_like(scores)
    for train, test in KFold(5).split(X):
        for row, fraction in enumerate(FRACTIONS):
            fit = fractional_fit(X[train], Y[train], np.array([fraction]), folds)
            np.testing.assert_allclose(
                share_of(X[train], Y[train], fit.ridge.coef), min(fraction, 1), rtol=5e-4 if fraction < 1 else 1e-6
            )
            for target in range(Y.shape[1]):
                model = Ridge(max(fit.alphas[target], 1e-12), solver="svd").fit(X[train], Y[train, target])
                np.testing.assert_allclose(model.coef_, fit.ridge.coef[:, target], rtol=1e-5, atol=1e-7)
                expected[row, target] += r2_score(Y[test, target], model.predict(X[test])) / 5
    np.testing.assert_allclose(scores, expected, rtol=1e-6, atol=1e-6)
    assert np.array_equal(scores[-1], scores[-2])  # a fraction above 1 is no penalty either


@SHAPES
def test_fracridge_agrees_as_far_as_its_grid_of_penalties_goes(n, p):
    fracridge = pytest.importorskip("fracridge").fracridge
    X, Y = planted(n, p)
    wanted = np.asarray(mode_settings("released").fractions)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a centred wide X has an axis of nothing, about which it warns
        coef, alphas = fracridge(X - X.mean(axis=0), Y - Y.mean(axis=0), wanted, jit=False)
    for number, fraction in enumerate(wanted):
        fit = fractional_fit(X, Y, np.array([fraction]), Folds(np.empty((0, n), bool), np.empty((0, n), bool)))
        # Its penalties stand a fifth of a decade apart and lengths between them are taken to be straight: wrong by an
        # eighth of the step squared times the second derivative, which is at most the length itself.
        np.testing.assert_allclose(
            np.linalg.norm(coef[:, number], axis=0),
            np.linalg.norm(fit.ridge.coef, axis=0),
            rtol=(0.2 * np.log(10)) ** 2 / 8,
        )
        if 0.1 < fraction < 0.95:
            np.testing.assert_allclose(fit.alphas, alphas[number], rtol=0.1)
    assert alphas[-1].tolist() == [0.0] * 6 == fit.alphas.tolist()


@SHAPES
def test_single_precision_and_memory_maps_give_the_same(n, p, tmp_path):
    X, Y = planted(n, p)
    folds = fractional_folds(n, mode_settings("corrected"), seed=1)
    whole = fractional_fit(X, Y, FRACTIONS, folds)
    np.save(tmp_path / "Y.npy", Y.astype(np.float32))
    single = fractional_fit(X, np.load(tmp_path / "Y.npy", mmap_mode="r"), FRACTIONS, folds)
    assert single.ridge.coef.dtype == np.float32
    np.testing.assert_allclose(single.scores, whole.scores, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(single.fraction, whole.fraction)
    np.testing.assert_allclose(single.ridge.coef, whole.ridge.coef, atol=1e-4 * np.abs(whole.ridge.coef).max())
    np.testing.assert_allclose(single.predict(X), whole.predict(X), atol=1e-3)


def test_small_axes_survive_single_precision():
    rng = np.random.default_rng(0)
    turned = np.linalg.qr(rng.standard_normal((40, 40)))[0]
    X = rng.standard_normal((400, 40)) * np.logspace(0, -4, 40) @ turned
    Y = X @ rng.standard_normal((40, 3)) + rng.standard_normal((400, 3))
    folds = fractional_folds(400, mode_settings("paper"))
    single = fractional_fit(X, Y.astype(np.float32), np.array([1.0]), folds)
    exact = fractional_fit(X, Y, np.array([1.0]), folds)
    assert np.abs(single.ridge.coef - exact.ridge.coef).max() / np.abs(exact.ridge.coef).max() < 1e-4


def test_one_fraction_for_all_is_the_best_on_the_average_and_one_per_target_the_best_for_each():
    rng = np.random.default_rng(3)
    X = rng.standard_normal((300, 30))
    Y = X @ rng.standard_normal((30, 40)) * np.repeat([2.0, 0.05], 20) + rng.standard_normal((300, 40))
    Y[:, 7], Y[4, 9] = 1.5, np.nan
    folds = fractional_folds(300, mode_settings("paper"))
    own, shared = (fractional_fit(X, Y, FRACTIONS, folds, shared=shared) for shared in (False, True))
    known = np.isfinite(Y).all(axis=0) & (np.ptp(Y, axis=0) > 0)
    assert np.isnan(own.ridge.coef[:, ~known]).all()
    assert np.isnan(own.fraction[~known]).all()
    assert np.isfinite(own.ridge.coef[:, known]).all()
    np.testing.assert_allclose(own.fraction[known], FRACTIONS[own.scores[:, known].argmax(axis=0)])
    np.testing.assert_allclose(shared.fraction[known], FRACTIONS[own.scores[:, known].mean(axis=1).argmax()])
    strong, weak = own.fraction[:20][known[:20]], own.fraction[20:]
    assert strong.min() > weak.max()  # a signal of four times the noise, against one of a thirteenth


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_fold_without_variation_does_not_decide(dtype):
    rng = np.random.default_rng(6)
    X = rng.standard_normal((100, 4))
    rare = np.where(np.arange(100) < 60, X[:, 0] > 0.5, 0.1).astype(dtype)  # constant in two of the five folds
    Y = np.stack([X[:, 0], rare], axis=1).astype(dtype) + dtype(0.3)
    folds = fractional_folds(100, mode_settings("paper"))
    scores = fractional_scores(X, Y, FRACTIONS, folds)
    some = fractional_scores(X, Y, FRACTIONS, Folds(folds.train[:3], folds.test[:3]))
    np.testing.assert_allclose(scores[:, 1], some[:, 1], rtol=1e-5)
    assert fractional_fit(X, Y, FRACTIONS, folds, shared=True).fraction.tolist() == [1.0, 1.0]


def test_the_intercept_is_the_mean_and_can_be_dropped():
    X, Y = planted(150, 20)
    fit = fractional_fit(X, Y, np.array([0.5]), fractional_folds(150, mode_settings("paper")))
    np.testing.assert_allclose(fit.predict(X).mean(axis=0), Y.mean(axis=0), rtol=1e-10)
    np.testing.assert_allclose(fit.predict(X, intercept=False), X @ fit.ridge.coef, atol=1e-8)


def test_modes_are_what_was_published():
    paper, released = mode_settings("paper"), mode_settings("released")
    assert paper.fractions == tuple(np.round(np.arange(1, 21) * 0.05, 2).tolist())
    assert not paper.shared
    assert len(released.fractions) == 20
    assert released.shared
    assert not released.intercept
    np.testing.assert_allclose([released.fractions[0], released.fractions[-1]], [0.05, 1.05])
    np.testing.assert_allclose(np.diff(released.fractions), 0.05263, atol=5e-6)
    folds = fractional_folds(9485, released)
    expected = [test for _, test in KFold(5).split(np.empty((9485, 1)))]
    assert all(np.array_equal(np.flatnonzero(own), test) for own, test in zip(folds.test, expected, strict=True))
    dealt = fractional_folds(53, mode_settings("corrected"), seed=4)
    assert sorted(dealt.test.sum(axis=1)) == [10, 10, 11, 11, 11]
    assert dealt.test.sum(axis=0).tolist() == [1] * 53


def test_what_cannot_be_fitted_is_refused():
    X, Y = planted(40, 5)
    folds = fractional_folds(40, mode_settings("paper"))
    with pytest.raises(ValueError, match="ascending"):
        fractional_fit(X, Y, np.array([0.5, 0.2]), folds)
    with pytest.raises(ValueError, match="constant"):
        fractional_fit(np.ones((40, 5)), Y, np.array([0.5]), folds)
    with pytest.raises(ValueError, match="folds"):
        fractional_folds(3, FractionalSettings((0.5, 1.0), shared=False))

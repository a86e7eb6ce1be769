"""Banded ridge agrees with himalaya draw by draw, and gives its weight to the band that drives the targets."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold

from consona.stats.band_kernels import BandKernels
from consona.stats.banded import (
    banded_parts,
    banded_predictions,
    banded_search,
    banded_weights,
    dirichlet_gammas,
    nested_banded,
)
from consona.stats.correlation import pearson_columns
from consona.stats.folds import Folds, grouped_folds

WRONG_SHAPE = (ValueError, TypeError)  # with the shapes verified the signature refuses before the function does
ALPHAS = np.logspace(-1, 4, 8)


def contiguous(n, n_folds=5):
    test = np.zeros((n_folds, n), dtype=bool)
    for fold, (_, rows) in enumerate(KFold(n_folds).split(np.empty(n))):
        test[fold, rows] = True
    return Folds(~test, test)


def planted(widths, *, n=120, n_targets=30, dtype=np.float64, seed=0):
    """Two correlated bands with offsets; the first one alone drives the targets."""
    rng = np.random.default_rng(seed)
    shared = rng.standard_normal((n, 5))
    bands = [rng.standard_normal((n, p)) + shared @ rng.standard_normal((5, p)) * 0.3 + 3 for p in widths]
    Y = bands[0] @ rng.standard_normal((widths[0], n_targets)) + rng.standard_normal((n, n_targets)) * 4 + 5
    return [X.astype(dtype) for X in bands], Y.astype(dtype)


@pytest.mark.parametrize("widths", [(30, 40), (100, 120)], ids=["primal", "dual"])
def test_draw_by_draw_as_himalaya(widths, frozen):
    from himalaya.backend import set_backend
    from himalaya.kernel_ridge import solve_multiple_kernel_ridge_random_search

    set_backend("numpy")
    bands, Y = planted(widths)
    bands, Y = frozen(*bands), frozen(Y)
    gammas = dirichlet_gammas(2, 8, seed=0)
    kernels = np.stack([X @ X.T for X in bands])
    _, _, scores, alphas, *_ = solve_multiple_kernel_ridge_random_search(
        kernels, Y, n_iter=gammas, alphas=ALPHAS, cv=KFold(5), fit_intercept=True, return_weights="dual",
        return_alphas=True, progress_bar=False,
    )  # fmt: skip
    ours = banded_search(bands, Y, contiguous(120), gammas, ALPHAS, scaled=False)
    assert BandKernels.of(bands, np.ones(120, bool), np.zeros(120, bool)).by_rows == (sum(widths) > 120)
    np.testing.assert_allclose(-ours.loss, scores.max(axis=0), rtol=1e-8)
    np.testing.assert_array_equal(ours.draw, scores.argmax(axis=0))
    np.testing.assert_array_equal(ours.alphas, alphas)
    assert len(np.unique(ours.draw)) > 1


@pytest.mark.parametrize("widths", [(12, 8), (70, 60)], ids=["primal", "dual"])
def test_predictions_are_those_of_a_refit_on_weighted_features(widths, frozen):
    bands, Y = planted(widths, n=80, n_targets=6)
    bands, Y = frozen(*bands), frozen(Y)
    folds = contiguous(80, 4)
    choice = banded_search(bands, Y, folds, dirichlet_gammas(2, 4, seed=1), ALPHAS)
    predicted = banded_predictions(bands, Y, folds, choice)
    expected = np.empty_like(Y)
    for train, test in zip(*folds, strict=True):
        scaled = [(X - X[train].mean(axis=0)) / X[train].std(axis=0) / np.sqrt(X.shape[1]) for X in bands]
        for j in range(Y.shape[1]):
            Z = np.hstack([np.sqrt(g) * X for g, X in zip(choice.gammas[:, j], scaled, strict=True)])
            expected[test, j] = Ridge(alpha=choice.alphas[j]).fit(Z[train], Y[train, j]).predict(Z[test])
    np.testing.assert_allclose(predicted, expected, atol=1e-8)
    means = np.select(list(folds.test[:, :, None]), [np.broadcast_to(Y[t].mean(axis=0), Y.shape) for t in folds.train])
    parts = banded_parts(bands, Y, folds, choice)
    np.testing.assert_allclose(parts.sum(axis=0) + means, predicted, atol=1e-9)


@pytest.mark.parametrize("widths", [(12, 8), (70, 60)], ids=["primal", "dual"])
@pytest.mark.parametrize("scaled", [True, False])
def test_weights_predict_what_the_fit_predicts(widths, scaled):
    bands, Y = planted(widths, n=80, n_targets=6)
    choice = banded_search(bands, Y, contiguous(80, 4), dirichlet_gammas(2, 4, seed=1), ALPHAS, scaled=scaled)
    weights, intercept = banded_weights(bands, Y, choice, scaled=scaled)
    every = np.ones((1, 80), dtype=bool)
    expected = banded_predictions(bands, Y, Folds(every, every), choice, scaled=scaled)
    np.testing.assert_allclose(np.hstack(bands) @ weights + intercept, expected, atol=1e-8)


def test_the_weight_goes_to_the_band_that_drives_the_targets():
    bands, Y = planted((40, 60), n=300, seed=3)
    gammas = np.array([[0.5, 0.5], [1, 0], [0, 1], [0.9, 0.1], [0.1, 0.9]])
    folds = grouped_folds(np.arange(300), 5, seed=0)
    found = nested_banded(bands, Y, folds, gammas, np.logspace(-3, 3, 7))
    first = np.mean([choice.gammas[0] for choice in found.choices])
    assert first > 0.85
    noise = np.random.default_rng(4).standard_normal(Y.shape)
    undecided = nested_banded(bands, noise, folds, gammas, np.logspace(-3, 3, 7))
    assert 0.2 < np.mean([choice.gammas[0] for choice in undecided.choices]) < 0.8
    assert abs(np.nanmean(pearson_columns(undecided.predictions, noise))) < 0.1


def test_a_band_with_weight_zero_is_dropped_and_nothing_is_changed(frozen):
    """A weight of 0 raises elsewhere, where features are scaled in place and back by dividing through its root."""
    bands, Y = planted((70, 60), n=80, n_targets=4)
    bands, Y = frozen(*bands), frozen(Y)
    before = [X.copy() for X in bands]
    folds = contiguous(80, 4)
    both = banded_search(bands, Y, folds, np.array([[1.0, 0.0]]), ALPHAS)
    alone = banded_search(bands[:1], Y, folds, np.array([[1.0]]), ALPHAS)
    np.testing.assert_allclose(both.loss, alone.loss, rtol=1e-12)
    parts = banded_parts(bands, Y, folds, both)
    assert np.abs(parts[1]).max() == 0
    assert all(np.array_equal(a, b) for a, b in zip(bands, before, strict=True))


def test_the_test_fold_is_never_seen():
    bands, Y = planted((20, 30), n=90, n_targets=5)
    folds = contiguous(90, 3)
    other = np.where(folds.test[1][:, None], 1e3 * np.random.default_rng(0).standard_normal(Y.shape), Y)
    gammas = dirichlet_gammas(2, 4, seed=0)
    one, two = (nested_banded(bands, each, folds, gammas, ALPHAS) for each in (Y, other))
    np.testing.assert_array_equal(one.choices[1].alphas, two.choices[1].alphas)
    np.testing.assert_array_equal(one.predictions[folds.test[1]], two.predictions[folds.test[1]])


def test_single_precision_stays_single_and_agrees_with_double():
    bands, Y = planted((90, 80), n=100, n_targets=10)
    folds, gammas = contiguous(100), dirichlet_gammas(2, 5, seed=2)
    double = nested_banded(bands, Y, folds, gammas, ALPHAS).predictions
    single = nested_banded([X.astype(np.float32) for X in bands], Y.astype(np.float32), folds, gammas, ALPHAS)
    assert single.predictions.dtype == np.float32
    np.testing.assert_allclose(single.predictions, double, atol=2e-3 * Y.std())


def test_torch_gives_what_numpy_gives():
    torch = pytest.importorskip("torch")
    for widths in ((20, 15), (50, 40)):
        bands, Y = planted(widths, n=60, n_targets=5)
        folds, gammas = contiguous(60, 3), dirichlet_gammas(2, 3, seed=2)
        ours = nested_banded(bands, Y, folds, gammas, ALPHAS)
        theirs = nested_banded([torch.tensor(X) for X in bands], torch.tensor(Y), folds, gammas, ALPHAS)
        np.testing.assert_allclose(theirs.predictions.numpy(), ours.predictions, atol=1e-9)


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_a_broken_or_constant_target_touches_no_other(broken):
    bands, Y = planted((20, 15), n=60, n_targets=5)
    folds, gammas = contiguous(60, 3), dirichlet_gammas(2, 3, seed=2)
    whole = nested_banded(bands, Y, folds, gammas, ALPHAS).predictions
    damaged = Y.copy()
    damaged[7, 1], damaged[:, 3] = broken, 0.7
    ours = nested_banded(bands, damaged, folds, gammas, ALPHAS).predictions
    assert np.isnan(ours[:, 1]).all()
    np.testing.assert_allclose(ours[:, 3], 0.7)
    assert np.isnan(pearson_columns(ours, damaged)[1])
    np.testing.assert_allclose(ours[:, [0, 2, 4]], whole[:, [0, 2, 4]], rtol=1e-12)


def test_draws_are_mixtures_and_do_not_depend_on_how_many_follow():
    gammas = dirichlet_gammas(3, 40, seed=5)
    np.testing.assert_allclose(gammas.sum(axis=1), 1)
    np.testing.assert_allclose(gammas[0], 1 / 3)
    np.testing.assert_array_equal(gammas[:7], dirichlet_gammas(3, 7, seed=5))


def test_refuses_what_cannot_be_fitted():
    bands, Y = planted((20, 15), n=60, n_targets=2)
    folds, equal = contiguous(60, 3), np.array([[0.5, 0.5]])
    with pytest.raises(ValueError, match="not all 0"):
        banded_search(bands, Y, folds, np.zeros((1, 2)), ALPHAS)
    with pytest.raises(ValueError, match="weight per band"):
        banded_search(bands, Y, folds, np.ones((1, 3)), ALPHAS)
    with pytest.raises(ValueError, match="alpha > 0"):
        banded_search(bands, Y, folds, equal, np.array([0.0, 1.0]))
    with pytest.raises(WRONG_SHAPE, match=r"rows and the targets 59|Type-check error"):
        banded_search(bands, Y[1:], folds, equal, ALPHAS)
    with pytest.raises(ValueError, match="one for each"):
        nested_banded(bands, Y, folds, equal, ALPHAS, inner=[folds])
    bands[1][3, 2] = np.nan
    with pytest.raises(ValueError, match="band 1 holds NaN"):
        banded_search(bands, Y, folds, equal, ALPHAS)

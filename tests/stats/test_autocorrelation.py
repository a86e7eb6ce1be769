"""Autocorrelation against planted processes; content-free features leak exactly where a split lets them."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from consona.stats.autocorrelation import (
    autocorrelation,
    autocorrelation_lengths,
    content_free_features,
    effective_size,
    suggested_gap,
)
from consona.stats.correlation import pearson_columns
from consona.stats.folds import blocked_folds, grouped_folds
from consona.stats.ridge import ridge_path


def autoregressive(n, n_targets, phi, seed):
    noise = np.random.default_rng(seed).standard_normal((n + 200, n_targets))
    for i in range(1, n + 200):
        noise[i] += phi * noise[i - 1]
    return noise[200:]


def smooth(n, n_targets, width, seed):
    noise = np.random.default_rng(seed).standard_normal((n, n_targets))
    return gaussian_filter1d(noise, width, axis=0, mode="nearest")


def test_autocorrelation_is_that_of_the_process():
    runs = np.repeat([0, 1, 2], 400)
    Y = np.concatenate([autoregressive(400, 60, 0.7, seed) + 100 * seed for seed in range(3)])  # runs differ in level
    found = autocorrelation(Y, runs, n_lags=5)
    # standard error of a mean over 60 independent series, by Bartlett: sqrt((1 + p^2) / (1 - p^2) / 1200 / 60) = 0.006
    np.testing.assert_allclose(found.mean(axis=1), 0.7 ** np.arange(6), atol=0.025)
    one = Y[:400, 0] - Y[:400, 0].mean()
    whole = np.correlate(one, one, "full")[399:405] / (one @ one)
    np.testing.assert_allclose(autocorrelation(Y[:400], runs[:400], n_lags=5)[:, 0], whole, atol=1e-12)


def test_lengths_of_white_smooth_and_drifting_series():
    white = np.random.default_rng(0).standard_normal((600, 100))
    runs = np.zeros(600)
    assert np.median(autocorrelation_lengths(white, runs)) == 1
    # Gaussian smoothing leaves exp(-l^2 / 4 w^2), which meets 1.96 / sqrt(600) = .08 at l = 2 w sqrt(-ln .08) = 3.18 w
    for width in (2, 4):
        lengths = autocorrelation_lengths(smooth(600, 100, width, 1), runs)
        assert np.median(lengths) == pytest.approx(3.18 * width, rel=0.15)
    drift = np.arange(600.0)[:, None] ** [1]
    assert autocorrelation_lengths(drift, runs)[0] > 100
    assert np.isnan(autocorrelation_lengths(np.ones((600, 1)), runs)[0])


def test_the_gap_covers_most_targets_and_ignores_undefined_ones(frozen):
    Y = np.column_stack([smooth(400, 30, 3, 0), np.full(400, np.nan), np.zeros(400)])
    runs = np.zeros(400)
    gap = suggested_gap(frozen(Y), runs)
    lengths = autocorrelation_lengths(Y[:, :30], runs)
    assert np.mean(lengths <= gap) >= 0.95
    assert suggested_gap(Y, runs, share=0.5) < gap
    with pytest.raises(ValueError, match="none of 2 targets"):
        suggested_gap(Y[:, 30:], runs)


@pytest.mark.parametrize("phi", [0.0, 0.6, 0.9])
def test_effective_size_is_the_spread_of_unrelated_correlations(phi):
    A, B = autoregressive(300, 1500, phi, 1), autoregressive(300, 1500, phi, 2)
    r = pearson_columns(A, B)
    n_eff = np.median(effective_size(A, B, np.zeros(300)))
    # the estimate of a long memory from 300 rows is itself short: 20 % are allowed
    assert n_eff == pytest.approx(1 / r.var(), rel=0.2)


def mean_r(X, Y, folds):
    """Ridge with alpha 0.1 on features of unit length per row; r per fold and target, averaged."""
    scores = []
    for train, test in zip(folds.train, folds.test):
        mu, nu = X[train].mean(0), Y[train].mean(0)
        B = ridge_path(X[train] - mu, Y[train] - nu, np.array([0.1]))[0]
        scores.append(pearson_columns((X[test] - mu) @ B, Y[test] - nu))
    return np.mean(scores)


def test_shuffled_folds_leak_contiguous_ones_less_and_a_purge_ends_it():
    runs, Y = np.zeros(300), smooth(300, 100, 6, 3)
    X = content_free_features(runs, np.arange(300), widths=[4.0], n_cosines=0)
    X = X / np.linalg.norm(X, axis=1, keepdims=True)
    assert mean_r(X, Y, grouped_folds(np.arange(300), 10, seed=0)) > 0.98
    assert mean_r(X, Y, blocked_folds(runs, 10)) == pytest.approx(0.5, abs=0.1)
    # a thousand correlations of thirty smooth rows: n_eff near 2, so a mean of them has a standard error near .03
    assert mean_r(X, Y, blocked_folds(runs, 10, purge=30)) == pytest.approx(0.0, abs=0.08)


def test_content_free_features_are_a_smoothed_identity_within_runs():
    runs = np.repeat(["a", "b"], (120, 80))
    times = np.concatenate([2.0 * np.arange(120), 1000 + 2.0 * np.arange(80)])
    X = content_free_features(runs, times, widths=[6.0], n_cosines=0)
    kernel = X @ X.T
    distance = np.subtract.outer(times, times)
    expected = np.where(np.equal.outer(runs, runs), np.exp(-(distance**2) / (4 * 6.0**2)), 0)
    scale = np.sqrt(np.outer(np.diag(kernel), np.diag(kernel)))
    np.testing.assert_allclose(kernel / scale, expected, atol=0.1)
    with_cosines = content_free_features(runs, times, widths=[6.0], n_cosines=2)
    assert with_cosines.shape == (200, X.shape[1] + 2)
    for widths in ([], [0.0]):
        with pytest.raises(ValueError, match="widths"):
            content_free_features(runs, times, widths=widths, n_cosines=0)

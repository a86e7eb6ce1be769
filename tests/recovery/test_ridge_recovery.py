"""A planted read-out is found at its analytic size, an absent one is not; p is uniform when nothing is there."""

import numpy as np
import pytest
from scipy.stats import kstest

from consona.stats.correlation import pearson_columns
from consona.stats.permutation import (
    all_orders,
    fwer_p_values,
    max_statistic,
    p_value,
    permuted_groups,
    random_orders,
)
from consona.stats.ridge import leave_group_out_ridge


@pytest.mark.parametrize("snr", [4.0, 0.5])
def test_held_out_correlation_reaches_its_expectation(snr):
    """With ample training data the prediction is the signal: r = sqrt(snr / (snr + 1))."""
    rng = np.random.default_rng(0)
    n, p, q = 4000, 10, 25
    X, B = rng.standard_normal((n, p)), rng.standard_normal((p, q)) / np.sqrt(p)
    signal = X @ (B / np.linalg.norm(B, axis=0))
    Y = np.sqrt(snr) * signal + rng.standard_normal((n, q))
    predicted = leave_group_out_ridge(X, Y, np.arange(n) % 5, np.array([1.0]))[0]
    r = pearson_columns(predicted, Y)
    # Estimating p weights from m rows adds noise variance p / m to the prediction: below 0.005 in r here.
    assert np.median(r) == pytest.approx(np.sqrt(snr / (snr + 1)), abs=0.01 + 3 / np.sqrt(n * q) + 0.005)


def test_noise_is_not_predicted():
    """Pooled over left-out groups the null lies a little below zero: the training mean moves away from them."""
    rng = np.random.default_rng(1)
    X, Y = rng.standard_normal((1000, 20)), rng.standard_normal((1000, 60))
    r = pearson_columns(leave_group_out_ridge(X, Y, np.arange(1000) % 10, np.array([10.0]))[0], Y)
    assert abs(np.median(r)) < 5 * 1.25 / np.sqrt(1000 * 60) + 0.02


def test_refitted_group_permutation_is_uniform_under_the_null():
    """Twelve clips in four classes, features that carry clip identity and no value: exact p over all 24 orders."""
    rng = np.random.default_rng(2)
    classes = np.repeat(np.arange(4), 3)
    orders = all_orders(4)
    p = []
    for _ in range(150):
        X = rng.standard_normal((12, 5))
        values = rng.standard_normal(4)[classes]
        targets = permuted_groups(values, classes, orders).T
        predicted = leave_group_out_ridge(X, targets, np.arange(12), np.array([1.0]))[0]
        null = pearson_columns(predicted, targets)
        p.append(p_value(null[0], null, exact=True))
    # p takes 24 values; a uniform draw within each step makes it continuous.
    smooth = np.array(p) - rng.random(150) / 24
    assert kstest(smooth, "uniform").pvalue > 0.001


def test_maximum_statistic_holds_the_family_wise_rate():
    """200 null studies of 30 correlated targets: 5 % have any corrected p <= .05, although single targets are many."""
    rng = np.random.default_rng(3)
    false = 0
    for study in range(200):
        x = rng.standard_normal(25)
        Y = rng.standard_normal((25, 30)) + rng.standard_normal((25, 1))
        null = max_statistic(x[random_orders(25, 199, seed=study)], Y)
        observed = max_statistic(x[None], Y)
        false += fwer_p_values(observed, null)[0] <= 0.05
    assert false / 200 == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / 200))


def test_a_planted_cell_survives_the_correction_and_its_neighbours_do_not():
    rng = np.random.default_rng(4)
    x = rng.standard_normal(60)
    Y = rng.standard_normal((60, 100))
    Y[:, 17] += 1.2 * x  # r = 1.2 / sqrt(1 + 1.44) = .77
    observed = np.abs(pearson_columns(np.tile(x[:, None], 100), Y))
    p = fwer_p_values(observed, max_statistic(x[random_orders(60, 999, seed=0)], Y))
    assert p[17] == 1 / 1000
    assert np.delete(p, 17).min() > 0.05

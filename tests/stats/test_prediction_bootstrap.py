"""Weights instead of new rows: the same correlations as with repeated rows, and an interval that covers."""

import numpy as np

from consona.stats.correlation import pearson_columns
from consona.stats.prediction_bootstrap import drawn_groups, prediction_draws


def test_weighted_correlations_are_those_of_repeated_rows():
    rng = np.random.default_rng(0)
    P, Y = rng.standard_normal((2, 60, 7))
    Y[:, 2], P[:, 4] = 1.0, np.nan
    tests = np.arange(60)[None] % 3 == np.arange(3)[:, None]
    groups = np.repeat(np.arange(20), 3)
    counts = drawn_groups(groups, 5, seed=1)
    regions = np.eye(2)[[0, 0, 0, 1, 1, 1, 1]]
    found = prediction_draws(P, Y, tests, counts, regions)
    for draw, weights in zip(found, counts, strict=True):
        rows = [np.repeat(np.flatnonzero(test), weights[test]) for test in tests]
        r = np.mean([pearson_columns(P[each], Y[each]) for each in rows], axis=0)
        np.testing.assert_allclose(draw, [np.nanmean(r[:3]), np.nanmean(r[3:])], atol=1e-12)
    assert (counts.reshape(5, 20, 3) == counts.reshape(5, 20, 3)[:, :, :1]).all()


def test_the_interval_covers_the_truth():
    rng = np.random.default_rng(2)
    everything, one = np.ones((1, 150), bool), np.ones((1, 1))
    covered = []
    for run in range(200):
        p = rng.standard_normal((150, 1))
        y = 0.5 * p + np.sqrt(0.75) * rng.standard_normal((150, 1))
        draws = prediction_draws(p, y, everything, drawn_groups(np.arange(150), 200, seed=run), one)[:, 0]
        covered.append(abs(draws.mean() - 0.5) <= 1.96 * draws.std())
    # 95 % of 200, less three standard errors and what a percentile of 150 skewed values gives away
    assert np.mean(covered) >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 200) - 0.01


def test_a_draw_in_which_predictions_do_not_vary_is_undefined():
    """Whatever the predictions of one group are, rounding does not make a correlation of them."""
    rng = np.random.default_rng(3)
    P, Y = np.repeat(rng.standard_normal((6, 40)), 10, axis=0), rng.standard_normal((60, 40))
    counts = np.zeros((2, 60), dtype=np.int64)
    counts[0, 10:20], counts[1, 10:30] = 6, 3
    found = prediction_draws(P, Y, np.ones((1, 60), bool), counts, np.eye(40))
    assert np.isnan(found[0]).all()
    assert np.isfinite(found[1]).all()

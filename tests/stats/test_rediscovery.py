"""Accuracy and axis over classifiers: clusters of architectures are no evidence, relations within them are."""

import numpy as np
import pytest
from scipy import stats

from consona.stats.correlation import pearson
from consona.stats.rediscovery import rediscovery_correlations

KINDS = np.repeat(["cbramod", "emod", "mlp"], 12)
NO_POOL = np.zeros(36, dtype=bool)


def clusters(rng, slope):
    """Three clusters far apart on a line; within them accuracy follows the score by ``slope``."""
    centre = np.repeat([0.0, 3.0, 6.0], 12)
    within = rng.standard_normal(36)
    return centre + within, centre + slope * within + rng.standard_normal(36)


def by_name(found, name):
    place = found.names.index(name)
    return {field: getattr(found, field)[place] for field in found._fields}


def test_clusters_alone_are_not_found_within_architectures():
    found = rediscovery_correlations(*clusters(np.random.default_rng(0), 0.0), KINDS, NO_POOL, seed=0)
    pooled, partial = by_name(found, "all"), by_name(found, "all, architecture taken out")
    assert pooled["r"] > 0.8
    assert pooled["p"] < 1e-6
    assert partial["low"] < 0 < partial["high"]
    assert min(partial["p"], partial["p_order"]) > 0.05
    assert set(found.names[4:]) == {"cbramod", "emod", "mlp"}
    assert by_name(found, "emod")["n"] == 12


def test_a_relation_within_architectures_is_recovered():
    rng = np.random.default_rng(1)
    score, accuracy = clusters(rng, 2.0)
    partial = by_name(rediscovery_correlations(score, accuracy, KINDS, NO_POOL, seed=0), "all, architecture taken out")
    # planted: slope 2 with unit noise is r = 2 / sqrt(5); the standard error is (1 - r**2) / sqrt(32)
    assert partial["r"] == pytest.approx(2 / np.sqrt(5), abs=3 * 0.2 / np.sqrt(32))
    assert partial["low"] < 2 / np.sqrt(5) < partial["high"]
    assert partial["p_order"] == pytest.approx(1 / 2001)


def test_the_partial_correlation_is_that_of_a_regression_with_architectures():
    score, accuracy = clusters(np.random.default_rng(2), 0.4)
    found = rediscovery_correlations(score, accuracy, KINDS, NO_POOL, n_draws=50, seed=0)
    partial = by_name(found, "all, architecture taken out")
    X = np.column_stack([score, *(name == KINDS for name in np.unique(KINDS))]).astype(float)
    beta, rss, _, _ = np.linalg.lstsq(X, accuracy, rcond=None)
    error = np.sqrt(rss[0] / 32 * np.linalg.inv(X.T @ X)[0, 0])
    assert partial["df"] == 32
    assert partial["p"] == pytest.approx(2 * stats.t.sf(abs(beta[0] / error), 32))
    whole = stats.pearsonr(score, accuracy)
    assert by_name(found, "all")["r"] == pytest.approx(whole.statistic)
    assert by_name(found, "all")["p"] == pytest.approx(whole.pvalue)


def test_pools_count_as_no_further_points_and_gaps_are_left_out():
    score, accuracy = clusters(np.random.default_rng(3), 0.0)
    is_pool = NO_POOL.copy()
    is_pool[[0, 12]] = True
    score[5] = np.nan
    found = rediscovery_correlations(score, accuracy, KINDS, is_pool, n_draws=50, seed=0)
    singles = by_name(found, "singles")
    kept = ~is_pool & np.isfinite(score)
    assert (by_name(found, "all")["n"], singles["n"]) == (35, 33)
    assert singles["r"] == pytest.approx(pearson(score[kept], accuracy[kept]))


def test_p_over_orders_holds_its_level_within_architectures():
    rng = np.random.default_rng(4)
    p = [
        by_name(
            rediscovery_correlations(*clusters(rng, 0.0), KINDS, NO_POOL, n_draws=99, seed=k),
            "all, architecture taken out",
        )["p_order"]
        for k in range(60)
    ]
    assert (np.array(p) <= 0.1).mean() == pytest.approx(0.1, abs=4 * np.sqrt(0.09 / 60))


def test_few_or_constant_classifiers_are_undefined():
    kinds = np.array(["a", "a", "b", "b"])
    found = rediscovery_correlations(
        np.array([1.0, 2, 3, 3]), np.array([1.0, 1, 2, 2]), kinds, np.zeros(4, bool), n_draws=9, seed=0
    )
    assert np.isfinite(by_name(found, "all")["r"])
    assert np.isnan(by_name(found, "all, architecture taken out")["r"])
    assert np.isnan(by_name(found, "b")["r"])
    with pytest.raises(ValueError, match="at least 1"):
        rediscovery_correlations(np.ones(4), np.ones(4), kinds, np.zeros(4, bool), n_draws=0, seed=0)

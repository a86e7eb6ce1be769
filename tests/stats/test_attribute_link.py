"""Fourteen points: values of SciPy, p that hold under heavy tails and with covariates, what equivalence can show."""

import numpy as np
import pytest
from scipy import stats

from consona.stats.attribute_link import attribute_link, link_of_random
from consona.stats.correlation import partial_pearson

N = 14


def test_values_are_those_of_scipy(frozen):
    rng = np.random.default_rng(0)
    d, w, Z = frozen(rng.standard_t(2, N), rng.normal(size=N), rng.normal(size=(N, 2)))
    plain, given = attribute_link(d, w, seed=0), attribute_link(d, w, covariates=Z, seed=0)
    oracle = stats.pearsonr(d, w)
    assert plain.r == pytest.approx(oracle.statistic)
    assert plain.rho == pytest.approx(stats.spearmanr(d, w).statistic)
    np.testing.assert_allclose([plain.low, plain.high], oracle.confidence_interval())
    assert given.r == pytest.approx(partial_pearson(d, w, Z))
    assert given.rho == pytest.approx(partial_pearson(*(stats.rankdata(v) for v in (d, w)), stats.rankdata(Z, axis=0)))
    without = [stats.pearsonr(np.delete(d, i), np.delete(w, i)).statistic for i in range(N)]
    np.testing.assert_allclose(plain.leave_one_out, without)
    assert given.leave_one_out[3] == pytest.approx(partial_pearson(*(np.delete(v, 3, axis=0) for v in (d, w, Z))))
    assert given.high - given.low > plain.high - plain.low - 0.2


def test_a_planted_link_is_found_and_one_through_the_layers_is_explained():
    rng = np.random.default_rng(1)
    w = np.linspace(0, 0.6, N)
    found = attribute_link(0.2 * w + rng.normal(0, 0.02, N), w, seed=0)
    assert found.p < 0.001
    assert found.low > 0.5
    assert found.p_equal > 0.9
    layer = rng.normal(size=N)
    d, w = layer + rng.normal(0, 0.3, N), layer + rng.normal(0, 0.3, N)
    assert attribute_link(d, w, seed=0).p < 0.001
    assert attribute_link(d, w, covariates=layer, seed=0).p > 0.05


@pytest.mark.parametrize("n_covariates", [0, 2])
def test_p_is_uniform_when_few_attributes_have_nearly_all_the_drop(n_covariates):
    """Heavy tails in drops, importances that the covariates predict; at most 5 % below .05, within four errors."""
    n, rng, p = 300, np.random.default_rng(2), []
    for _ in range(n):
        Z = rng.normal(size=(N, n_covariates))
        d, w = (rng.standard_t(2, N) + 2 * Z.sum(axis=1) for _ in range(2))
        found = attribute_link(d, w, covariates=Z if n_covariates else None, n_permutations=99, seed=0)
        p.append([found.p, found.p_above, found.p_rho if n_covariates == 0 else found.p])
    rate = (np.array(p) <= 0.05).mean(axis=0)
    np.testing.assert_allclose(rate, 0.05, atol=4 * np.sqrt(0.0475 / n))


def test_fourteen_attributes_show_wide_margins_only():
    w = np.linspace(-1, 1, N)
    none = attribute_link(w**2, w, seed=0)  # r = 0
    assert none.p_equal == pytest.approx(stats.norm.cdf(-np.arctanh(0.5) * np.sqrt(11)))
    assert none.least_margin == pytest.approx(np.tanh(1.6449 / np.sqrt(11)), abs=1e-4)
    assert 0.45 < none.least_margin < 0.5


def test_missing_attributes_are_left_out():
    rng = np.random.default_rng(3)
    d, w = rng.normal(size=(2, N))
    d[4] = np.nan
    found = attribute_link(d, w, seed=0)
    assert found.n_attributes == N - 1
    assert found.r == pytest.approx(stats.pearsonr(np.delete(d, 4), np.delete(w, 4)).statistic)
    assert np.flatnonzero(np.isnan(found.leave_one_out)).tolist() == [4]
    flat = attribute_link(np.ones(N), w, seed=0)
    assert np.isnan([flat.r, flat.p, flat.low, flat.p_equal]).all()
    with pytest.raises(ValueError, match="more attributes than covariates"):
        attribute_link(d, w, covariates=rng.normal(size=(N, 10)), seed=0)
    with pytest.raises(ValueError, match="margin"):
        attribute_link(d, w, margin=1.0, seed=0)


def test_random_masks_in_the_place_of_the_selected_ones(frozen):
    rng = np.random.default_rng(4)
    d, random, w, Z = frozen(*(rng.normal(size=s) for s in (N, (99, N), N, (N, 2))))
    found = link_of_random(d, random, w, covariates=Z)
    every = np.vstack([d, random])
    by_hand = np.array([partial_pearson(row, w, Z) for row in every - every.mean(axis=0)])
    assert found.r == pytest.approx(by_hand[0], abs=1e-8)
    np.testing.assert_allclose(found.null, by_hand[1:], atol=1e-8)
    assert found.p == pytest.approx(((by_hand[1:] >= by_hand[0]).sum() + 1) / 100)
    # what random masks cost each attribute on average is no link
    assert link_of_random(d + w, random + w, w, covariates=Z).r == pytest.approx(found.r, abs=1e-8)
    strong = link_of_random(d + 5 * w, random, w)
    assert strong.p == strong.p_two == 0.01
    assert strong.r > 0.9


def test_a_draw_that_is_undefined_counts_against_the_link():
    rng = np.random.default_rng(5)
    w, random = rng.normal(size=N), rng.normal(size=(99, N))
    random[7, 2] = np.nan
    d = 5 * w + rng.normal(size=N)
    found = link_of_random(d, random, w)
    assert np.isnan(found.null[7])
    assert found.p == found.p_two == 0.02
    d[2] = np.nan  # then that attribute is out, and the draw is whole again
    again = link_of_random(d, random, w)
    assert np.isfinite(again.null).all()
    assert again.p == 0.01


def test_ranks_against_random_masks_are_spearmans_and_ignore_monotone_change():
    rng = np.random.default_rng(5)
    importance = rng.random(14)
    random = rng.standard_normal((60, 14))
    drop = np.exp(4 * importance)  # the order of importance, far from a line
    found = link_of_random(drop, random, importance)
    whole = np.vstack([drop, random])
    expected = stats.spearmanr(drop - whole.mean(axis=0), importance).statistic
    assert found.rho == pytest.approx(expected, abs=1e-9)
    assert found.p_rho == pytest.approx(1 / 61)
    # each random mask in turn as the selected one: its p is its rank among all, ties as high as they come
    absent = [link_of_random(row, np.delete(random, i, axis=0), importance) for i, row in enumerate(random)]
    rho = np.round([each.rho for each in absent], 9)
    assert [each.p_rho for each in absent] == pytest.approx([np.mean(rho >= own) for own in rho])
    assert min(each.p_rho for each in absent) == pytest.approx(1 / 60)

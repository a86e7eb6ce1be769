"""Specific harm is found; harm that is large, or falls on fragile emotions, is not taken for it."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from consona.stats.mask_specificity import extremity, specificity

N_ATTRIBUTES, N_RANDOM, N_EMOTIONS = 6, 19, 27


def profiles(rng, loading, *, general=1.0, specific=0.0):
    """Every mask costs fragile emotions more; selected masks cost ``general`` times as much, and by their loading."""
    fragile = rng.uniform(0.2, 1.8, N_EMOTIONS)
    size = rng.uniform(0.01, 0.05, (N_ATTRIBUTES, N_RANDOM + 1, 1))
    size[:, 0] *= general
    each = size * fragile + rng.normal(0, 0.01, (N_ATTRIBUTES, N_RANDOM + 1, N_EMOTIONS))
    each[:, 0] += specific * (loading - loading.mean(axis=1, keepdims=True))
    return each[:, 0], each[:, 1:], fragile


def loadings(rng):
    return extremity(rng.uniform(0, 1, (N_ATTRIBUTES, N_EMOTIONS)))


def test_extremity_is_the_distance_from_the_mean_on_either_side():
    np.testing.assert_allclose(extremity(np.array([[0.0, 1.0, 5.0, np.nan]])), [[2, 1, 3, np.nan]])


def test_values_are_those_of_the_formula(frozen):
    rng = np.random.default_rng(0)
    loading = loadings(rng)
    selected, random, _ = profiles(rng, loading)
    found = specificity(*frozen(selected, random, loading))
    every = np.concatenate([selected[:, None], random], axis=1)
    fragile = every.mean(axis=(0, 1))

    def rho(a, j):
        design = np.column_stack([np.ones(N_EMOTIONS), fragile, every[a].mean(axis=0)])
        left = every[a, j] - design @ np.linalg.lstsq(design, every[a, j], rcond=None)[0]
        return spearmanr(left, loading[a]).statistic

    by_hand = np.array([[rho(a, j) for j in range(N_RANDOM + 1)] for a in range(N_ATTRIBUTES)])
    np.testing.assert_allclose(found.rho, by_hand[:, 0], atol=1e-8)
    np.testing.assert_allclose(found.null, by_hand[:, 1:].mean(axis=0), atol=1e-8)
    np.testing.assert_allclose(found.p, ((by_hand[:, 1:] >= by_hand[:, :1]).sum(axis=1) + 1) / (N_RANDOM + 1))
    assert found.mean == pytest.approx(by_hand[:, 0].mean())


def test_planted_specificity_is_found_by_both_nulls():
    rng = np.random.default_rng(1)
    loading = loadings(rng)
    found = specificity(*profiles(rng, loading, specific=0.1)[:2], loading)
    assert (found.p == 1 / (N_RANDOM + 1)).all()
    assert found.p_mean == 1 / (N_RANDOM + 1)
    assert found.p_max.max() <= 0.1
    assert found.p_other == 1 / (N_RANDOM + 1)
    assert found.mean > 0.5 > 0.2 > abs(found.other)


def test_large_harm_to_fragile_emotions_is_not_specific():
    """Loadings follow fragility and selected masks cost three times as much: p stays uniform, at most .05 in 5 %."""
    n, rng, p = 150, np.random.default_rng(2), []
    for _ in range(n):
        selected, random, fragile = profiles(rng, loadings(rng), general=3.0)
        loading = fragile + 0.2 * rng.random((N_ATTRIBUTES, N_EMOTIONS))
        found = specificity(selected, random, loading)
        p.append([found.p_mean, found.p_other, *found.p])
    rate = (np.array(p) <= 0.05).mean(axis=0)
    assert rate[:2].max() <= 0.05 + 4 * np.sqrt(0.0475 / n)
    assert rate[2:].mean() == pytest.approx(0.05, abs=4 * np.sqrt(0.0475 / (n * N_ATTRIBUTES)))


def test_attributes_that_share_neurons_and_loadings_are_not_specific_for_that():
    """Two groups of three; exchanging attributes would reject in a quarter of such studies."""
    n, rng, p = 150, np.random.default_rng(4), []
    for _ in range(n):
        loading = rng.random((2, N_EMOTIONS)).repeat(3, axis=0) + 0.2 * rng.random((N_ATTRIBUTES, N_EMOTIONS))
        selected, random, _ = profiles(rng, loading)
        shared = rng.normal(0, 0.03, (2, N_RANDOM + 1, N_EMOTIONS)).repeat(3, axis=0)
        found = specificity(selected + shared[:, 0], random + shared[:, 1:], loading)
        p.append([found.p_mean, found.p_other])
    assert (np.array(p) <= 0.05).mean(axis=0).max() <= 0.05 + 4 * np.sqrt(0.0475 / n)


def test_undefined_emotions_and_masks():
    rng = np.random.default_rng(3)
    loading = loadings(rng)
    selected, random, _ = profiles(rng, loading, specific=0.1)
    random[0, 2, 5] = np.nan  # an emotion of one mask
    random[1, 3] = np.nan  # a mask that breaks the model
    selected[2] = np.nan  # a selected one
    found = specificity(selected, random, loading)
    assert found.n_emotions.tolist() == [26, 27, 0, 27, 27, 27]
    assert np.isnan([found.rho[2], found.p[2], found.p_max[2]]).all()
    assert found.p[1] == 2 / (N_RANDOM + 1)
    assert np.isnan(found.null[3])
    assert found.mean == pytest.approx(np.delete(found.rho, 2).mean())
    selected[:] = np.nan
    assert np.isnan(specificity(selected, random, loading)[3])

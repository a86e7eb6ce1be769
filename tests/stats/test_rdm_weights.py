"""Planted weights are found, on new stimuli and subjects; without an effect nothing is; test pairs are never seen."""

import numpy as np
import pytest

from consona.stats.folds import grouped_folds
from consona.stats.rdm import band_rdms, condensed, squared_euclidean_rdm
from consona.stats.rdm_comparison import compare_rdms
from consona.stats.rdm_weights import pairs_within, rdm_weights, weighted_rdm_scores

N = 30


@pytest.fixture
def planted(frozen):
    """Three bands of features; brains hold the first with weight 3, the second with weight 1, the third not at all."""
    rng = np.random.default_rng(0)
    features, bands = rng.standard_normal((N, 60)), np.repeat([0, 1, 2], 20)
    components = band_rdms(features, bands)
    rdms = 3 * components[0] + components[1] + rng.standard_normal((6, len(components[0])))
    return frozen(components, rdms, features, bands)


def test_planted_weights_are_found(planted):
    components, rdms, features, bands = planted
    w = rdm_weights(components, rdms)
    assert w[0] / w[1] == pytest.approx(3, rel=0.2)
    assert w[2] / w[0] < 0.05
    exact = rdm_weights(components, (3 * components[0] + components[1])[None])
    np.testing.assert_allclose(exact / exact[1], [3, 1, 0], atol=1e-9)
    scaled = squared_euclidean_rdm(features * np.sqrt(np.array([3.0, 1.0, 0.0]))[bands])
    np.testing.assert_allclose(scaled * 3, 3 * components[0] + components[1], atol=1e-12)


def test_weights_are_the_best_of_all_that_are_not_negative(planted):
    components, rdms, _, _ = planted
    rng = np.random.default_rng(1)
    for centred, comparison in ((True, "pearson"), (False, "cosine")):
        w = rdm_weights(components, rdms[:1], centred=centred)
        best = compare_rdms((w @ components)[None], rdms[:1], comparison=comparison)[0, 0]
        others = rng.random((500, 3)) @ components
        assert best >= compare_rdms(others, rdms[:1], comparison=comparison).max()


def test_held_out_scores_recover_the_planted_one_and_vanish_without_it(planted):
    components, rdms, _, _ = planted
    folds = grouped_folds(np.arange(N), 3, seed=0)
    subjects = grouped_folds(np.arange(6), 6, seed=0)
    found = weighted_rdm_scores(components, rdms, folds, subject_folds=subjects)
    truth = compare_rdms((3 * components[0] + components[1])[None], rdms, comparison="pearson").mean()
    # 45 test pairs per fold and subject, 18 scores: SE of the mean about (1 - r^2) / sqrt(45 * 6) < 0.05.
    assert found.scores.mean() == pytest.approx(truth, abs=0.1)
    noise = np.random.default_rng(2).standard_normal((40, components.shape[1]))
    without = weighted_rdm_scores(components, noise, folds).scores
    assert abs(without.mean()) < 4 / np.sqrt(without.size * 43)


def test_neither_test_stimuli_nor_pairs_between_reach_the_weights(planted):
    components, rdms, _, _ = planted
    folds = grouped_folds(np.arange(N), 3, seed=0)
    before = weighted_rdm_scores(components, rdms, folds)
    within = pairs_within(folds.train[0])
    changed = np.where(within, rdms, 100.0 - rdms)
    np.testing.assert_array_equal(weighted_rdm_scores(components, changed, folds).weights[0], before.weights[0])
    between = ~within & ~pairs_within(folds.test[0])
    changed = np.where(between, np.nan, rdms)
    np.testing.assert_allclose(weighted_rdm_scores(components, changed, folds).scores[0], before.scores[0], atol=1e-12)
    others = rdms.copy()
    others[0] = 100.0 - others[0]
    left_out = [
        weighted_rdm_scores(components, each, folds, subject_folds=grouped_folds(np.arange(6), 6, seed=0))
        for each in (rdms, others)
    ]
    np.testing.assert_array_equal(left_out[0].weights[:, 0], left_out[1].weights[:, 0])


def test_a_penalty_is_chosen_where_many_components_are_noisy_views_of_one_thing():
    """Their mean is then the best model, and a penalty spreads the weights."""
    rng = np.random.default_rng(2)
    truth = rng.standard_normal(N * (N - 1) // 2)
    components = truth + 2 * rng.standard_normal((30, len(truth)))
    rdms = truth + 3 * rng.standard_normal((2, len(truth)))
    folds = grouped_folds(np.arange(N), 3, seed=0)
    found = weighted_rdm_scores(components, rdms, folds, alphas=(0.0, 10.0))
    assert (found.alphas == 10.0).mean() > 0.5
    assert found.scores.mean() > weighted_rdm_scores(components, rdms, folds).scores.mean()


def test_what_is_undefined_and_what_is_refused(planted):
    components, rdms, _, _ = planted
    assert np.isnan(rdm_weights(components, np.full_like(rdms, 2.0))).all()
    opposite = -components[:1] + 10
    assert rdm_weights(components[:1], opposite).tolist() == [0.0]
    assert (weighted_rdm_scores(components[:1], opposite, grouped_folds(np.arange(N), 3, seed=0)).scores == 0).all()
    with pytest.raises(ValueError, match="at least 3 stimuli"):
        weighted_rdm_scores(components, rdms, grouped_folds(np.arange(N), 15, seed=0))
    few = grouped_folds(np.arange(4), 2, seed=0)
    with pytest.raises(ValueError, match="every subject is tested once"):
        weighted_rdm_scores(components, rdms, grouped_folds(np.arange(N), 3, seed=0), subject_folds=few)
    assert (
        pairs_within(np.array([True, False, True])).tolist()
        == condensed(np.outer([1, 0, 1], [1, 0, 1]).astype(bool)).tolist()
    )

"""Enhanced maps equal MNE's and nilearn's; a planted blob is found, and noise at its nominal rate."""

import mne
import numpy as np
import pytest
from nilearn.mass_univariate._utils import calculate_tfce
from scipy.ndimage import gaussian_filter, generate_binary_structure
from scipy.spatial import ConvexHull
from scipy.stats import binom, linregress, ttest_1samp

from consona.brain.searchlight import surface_adjacency, volume_adjacency
from consona.stats.permutation import all_sign_flips, random_orders, sign_flips
from consona.stats.tfce import correlation_t, sign_flipped_t, tfce, tfce_test

# With the shapes verified (--jaxtyping-packages) the signature refuses before the function does.
WRONG_SHAPE = (ValueError, TypeError)
SHAPE = (7, 6, 8)


@pytest.fixture(scope="module")
def touching():
    return volume_adjacency(np.argwhere(np.ones(SHAPE)), shared="face")


def smooth(rng, n):
    noise = np.stack([gaussian_filter(rng.standard_normal(SHAPE), 1.0) for _ in range(n)])
    return noise.reshape(n, -1) / noise.std()


def test_a_map_by_hand():
    """Three in a row at 2, 1 and 3 with steps of 1: clusters of 3, then 1 and 1, then 1."""
    row = volume_adjacency(np.array([[0, 0, 0], [1, 0, 0], [2, 0, 0]]))
    found = tfce(np.array([[2.0, 1.0, 3.0], [-2.0, np.nan, 3.0]]), row, step=1.0, extent_power=1.0, height_power=1.0)
    np.testing.assert_array_equal(found, [[3 + 2, 3, 3 + 2 + 3], [-1 - 2, np.nan, 1 + 2 + 3]])


def test_nilearn_agrees_on_a_volume(touching):
    maps = smooth(np.random.default_rng(0), 3)
    for one in maps:
        theirs = calculate_tfce(one.reshape(*SHAPE, 1), generate_binary_structure(3, 1), dh="auto")
        step = np.abs(one).max() / 100  # nilearn leaves the width of its steps out
        ours = tfce(one[None], touching, step=step * (1 - 1e-12))[0]
        np.testing.assert_allclose(ours, theirs.reshape(-1) * step, rtol=1e-9)


def test_mne_agrees_on_a_surface_down_to_its_exact_p():
    rng = np.random.default_rng(1)
    where = rng.standard_normal((150, 3))
    where /= np.linalg.norm(where, axis=1, keepdims=True)
    adjacency = surface_adjacency(ConvexHull(where).simplices, n_vertices=150)
    maps = rng.standard_normal((7, 150)) + 1.5 * (where[:, 0] > 0.8)
    t, _, p, null = mne.stats.permutation_cluster_1samp_test(
        maps,
        threshold={"start": 0, "step": 0.2},
        adjacency=adjacency.tocsr(),
        n_permutations=2**7,
        out_type="indices",
        verbose="error",
    )
    flips = all_sign_flips(7)[1 : 2**6]  # one of each pair of mirror images, the observed signs left out
    observed = sign_flipped_t(maps, np.ones((1, 7), dtype=np.int8))[0]
    test = tfce_test(observed, [sign_flipped_t(maps, flips)], adjacency, step=0.2)
    np.testing.assert_allclose(test.enhanced, t, rtol=1e-9)
    np.testing.assert_allclose(np.sort(test.maxima), np.sort(null[1:]), rtol=1e-9)
    np.testing.assert_allclose(test.p, p)
    assert p.min() < 0.05


def test_blocks_of_maps_change_nothing(touching, monkeypatch):
    maps = smooth(np.random.default_rng(2), 20)
    whole = tfce(maps, touching, step=0.1)
    np.testing.assert_array_equal(np.concatenate([tfce(each[None], touching, step=0.1) for each in maps]), whole)
    np.testing.assert_allclose(tfce(-maps, touching, step=0.1), -whole, rtol=1e-12)
    np.testing.assert_allclose(tfce(10 * maps, touching, step=1.0), 1000 * whole, rtol=1e-9)


def test_the_t_values_are_those_of_scipy():
    rng = np.random.default_rng(3)
    maps, flips = rng.standard_normal((9, 5)), sign_flips(9, 4, seed=0)
    maps[:, 4] = 2.0
    plain = np.stack([ttest_1samp(maps[:, :4] * signs[:, None], 0).statistic for signs in flips])
    np.testing.assert_allclose(sign_flipped_t(maps, flips)[:, :4], plain, rtol=1e-9)
    assert np.isnan(sign_flipped_t(maps, np.ones((1, 9), dtype=np.int8))[0, 4])
    x = rng.standard_normal((2, 9))
    fits = [[linregress(each, y) for y in maps[:, :4].T] for each in x]
    plain = np.array([[fit.slope / fit.stderr for fit in row] for row in fits])
    np.testing.assert_allclose(correlation_t(x, maps)[:, :4], plain, rtol=1e-9)
    assert np.isnan(correlation_t(x, maps)[:, 4]).all()


def test_a_planted_blob_is_found_with_permuted_predictors(touching):
    rng = np.random.default_rng(4)
    x, blob = rng.standard_normal(24), np.zeros(SHAPE)
    blob[1:4, 1:4, 1:4] = 1
    Y = smooth(rng, 24) + 0.8 * np.outer(x, blob.reshape(-1))
    test = tfce_test(correlation_t(x[None], Y)[0], [correlation_t(x[random_orders(24, 200, seed=0)], Y)], touching)
    found = (test.p < 0.05).reshape(SHAPE)
    assert found[1:4, 1:4, 1:4].mean() > 0.8
    assert not found[5:].any()
    Y = smooth(rng, 24)
    null = [correlation_t(x[random_orders(24, 200, seed=1)], Y)]
    alone = tfce_test(correlation_t(x[None], Y)[0], null, touching)
    assert (alone.p > 0.05).all()


def test_noise_is_found_at_the_nominal_rate(touching):
    """60 experiments without an effect: false positives anywhere in the map in about 5 %, 99.9 % interval."""
    rng = np.random.default_rng(5)
    n, false = 60, 0
    for experiment in range(n):
        maps = smooth(rng, 10)
        observed = sign_flipped_t(maps, np.ones((1, 10), dtype=np.int8))[0]
        null = sign_flipped_t(maps, sign_flips(10, 99, seed=experiment))
        false += bool((tfce_test(observed, [null], touching, step=0.2).p <= 0.05).any())
    low, high = binom.ppf([0.0005, 0.9995], n, 0.05)
    assert low <= false <= high


def test_bad_input_is_said(touching):
    maps = np.ones((2, 336))
    with pytest.raises(ValueError, match=r"adjacency is \(336, 336\) and the maps have 335"):
        tfce(maps[:, 1:], touching, step=0.1)
    with pytest.raises(ValueError, match="the step is 0 "):
        tfce(maps, touching, step=0.0)
    with pytest.raises(ValueError, match="the step is 1e-05"):
        tfce(maps, touching, step=1e-5)
    with pytest.raises(ValueError, match="nothing to enhance"):
        tfce_test(np.full(336, np.nan), [maps], touching)
    with pytest.raises(ValueError, match="holds 0 values"):
        tfce_test(maps[0], [], touching)
    with pytest.raises(WRONG_SHAPE, match="2 rows and signs for 3|Type-check error"):
        sign_flipped_t(maps, sign_flips(3, 2, seed=0))

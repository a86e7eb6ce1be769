"""Harm with heavy tails and masks that overlap: which p holds, and which does not."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from consona.concepts.masks import random_masks
from consona.stats.attribute_link import attribute_link, link_of_random
from consona.stats.mask_effects import mask_test

N_ATTRIBUTES, N_LAYERS, N_NEURONS, N_RANDOM, N_EMOTIONS = 6, 2, 100, 19, 8
N_STUDIES = 400
IMPORTANCE = np.array([0.60, 0.55, 0.50, 0.10, 0.05, 0.0])  # those that share neurons weigh alike
TOO_OFTEN = 0.05 + 4 * np.sqrt(0.0475 / N_STUDIES)


def overlapping_sets(rng):
    """Attributes 0-2 share most of their neurons, and so do 3-5."""
    shared = rng.random((2, N_LAYERS, N_NEURONS)).repeat(3, axis=0)
    key = shared + 0.12 * rng.random((N_ATTRIBUTES, N_LAYERS, N_NEURONS))
    sets = key < np.quantile(key, 0.12, axis=(1, 2), keepdims=True)
    coords = {"attribute": np.arange(N_ATTRIBUTES), "layer": np.arange(N_LAYERS), "neuron": np.arange(N_NEURONS)}
    return xr.DataArray(sets, coords, ("attribute", "layer", "neuron"))


@pytest.fixture(scope="module")
def draws():
    """Studies without an effect ``(attribute, study, mask, neuron)``: the first mask is one more random draw."""
    rng = np.random.default_rng(0)
    size = np.exp(rng.normal(0, 0.3, (N_LAYERS, N_NEURONS)))
    moments = xr.Dataset(dict.fromkeys(("sd", "size"), (("layer", "neuron"), size)))
    n = N_STUDIES * (1 + N_RANDOM)
    masks = random_masks(overlapping_sets(rng), moments, family="layer and activation", n=n, seed=1)
    return masks.values.reshape(N_ATTRIBUTES, N_STUDIES, 1 + N_RANDOM, -1)


def drawn_apart(draws):
    """The same, with random masks of each attribute from another study: as if they had been drawn on their own."""
    apart = np.stack([np.roll(each, 7 * a, axis=0) for a, each in enumerate(draws)])
    apart[:, :, 0] = draws[:, :, 0]
    return apart


def losses_of(masks, rng):
    """Few neurons do most of the harm (t with 1.5 degrees of freedom), until accuracy is at chance."""
    harm = 0.004 * np.abs(rng.standard_t(1.5, masks.shape[-1]))
    mean = np.minimum(masks @ harm, 0.35)
    fragile = rng.uniform(0.3, 1.7, N_EMOTIONS)
    return mean[:, :, None] * fragile + rng.normal(0, 0.01, (*mean.shape, N_EMOTIONS))


def rates(draws, judged):
    """How often each p of ``judged`` is at most .05 over the studies."""
    rng = np.random.default_rng(2)
    p = [judged(losses_of(draws[:, study], rng)) for study in range(N_STUDIES)]
    return dict(zip(p[0], (np.array([list(each.values()) for each in p]) <= 0.05).mean(axis=0), strict=True))


def of_masks(losses):
    found = mask_test(losses[:, 0], losses[:, 1:], n_draws=1, seed=0)
    emotions = stats.ttest_rel(losses[0, 0], losses[0, 1], alternative="greater")
    return {
        "single": found.p[0],
        "any": found.p_max.min(),
        "pooled": found.pooled_p,
        "below": found.pooled_p_below,
        "emotions": emotions.pvalue,
    }


def of_link(losses):
    mean = losses.mean(axis=2)
    masks = link_of_random(mean[:, 0], mean[:, 1:].T, IMPORTANCE)
    return {"above": masks.p, "two": masks.p_two}


def test_joint_draws_keep_every_level(draws):
    found = rates(draws, of_masks)
    held = [found[name] for name in ("single", "any", "pooled", "below")]
    np.testing.assert_allclose(held, 0.05, atol=4 * np.sqrt(0.0475 / N_STUDIES))
    assert found["emotions"] > 0.3  # one random mask, and emotions counted as if each had masks of its own


def test_draws_apart_are_too_narrow_together(draws):
    found = rates(drawn_apart(draws), of_masks)
    assert abs(found["single"] - 0.05) < 4 * np.sqrt(0.0475 / N_STUDIES)
    assert found["pooled"] > TOO_OFTEN


def test_a_link_through_shared_neurons_is_in_the_null_of_joint_draws_only(draws):
    found = rates(draws, of_link)
    np.testing.assert_allclose(list(found.values()), 0.05, atol=4 * np.sqrt(0.0475 / N_STUDIES))
    assert rates(drawn_apart(draws), of_link)["above"] > TOO_OFTEN


def test_exchanging_attributes_that_share_neurons_finds_links_too_often(draws):
    rng, n = np.random.default_rng(3), 200
    means = [losses_of(draws[:, study], rng).mean(axis=2) for study in range(n)]
    p = [
        attribute_link(each[:, 0] - each[:, 1:].mean(axis=1), IMPORTANCE, n_permutations=99, seed=0).p for each in means
    ]
    assert np.mean(np.array(p) <= 0.05) > 0.05 + 4 * np.sqrt(0.0475 / n)

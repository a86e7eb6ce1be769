"""Activations of concepts are class means over disjoint shares of comments, or one text per prompt."""

import numpy as np
import pytest
import xarray as xr

from consona.concepts.concept_activations import concept_activations, prompt_activations
from consona.core.errors import InvalidInput
from consona.core.features import Features

EMOTIONS = ["anger", "joy", "grief"]


def material(n=40, n_grief=4):
    rng = np.random.default_rng(0)
    told = np.stack([rng.random(n) < 0.5, rng.random(n) < 0.3, np.arange(n) < n_grief], axis=1)
    told[-5:] = False  # no emotion at all
    ids = [f"c{i}" for i in range(n)]
    labels = xr.DataArray(told, {"stimulus": ids, "emotion": EMOTIONS}, ("stimulus", "emotion"))
    return Features.of(rng.standard_normal((n, 2, 3)), ids, {"site": "mlp.act"}), labels


def test_one_share_is_the_class_mean_whatever_the_order():
    features, labels = material()
    found = concept_activations(features, labels[::-1], seed=0)
    assert found.dims == ("split", "emotion", "layer", "neuron")
    assert found.attrs["site"] == "mlp.act"
    for k, name in enumerate(EMOTIONS):
        mean = features.data.values[labels.values[:, k]].astype(float).mean(axis=0)
        np.testing.assert_allclose(found.sel(split=0, emotion=name), mean, rtol=0, atol=1e-15)
        assert found["n_comments"].sel(split=0, emotion=name) == labels.values[:, k].sum()


def test_shares_are_disjoint_and_even():
    """Every comment is its own neuron: a mean shows who took part in it."""
    _, labels = material()
    features = Features.of(np.eye(40), labels["stimulus"].values)
    found = concept_activations(features, labels, n_splits=2, seed=1)
    in_split = (found.values[:, :, 0] > 0).any(axis=1)
    assert not (in_split[0] & in_split[1]).any()
    np.testing.assert_array_equal(in_split.any(axis=0), labels.values.any(axis=1))
    counts = found["n_comments"].values
    np.testing.assert_array_equal(counts[:, 2], [2, 2])  # the rarest is halved exactly
    assert np.abs(counts[0] - counts[1]).max() <= 4
    again = concept_activations(features, labels, n_splits=2, seed=1)
    xr.testing.assert_identical(found, again)
    assert (concept_activations(features, labels, n_splits=2, seed=2).values != found.values).any()


def test_labels_that_do_not_match_are_refused():
    features, labels = material()
    with pytest.raises(InvalidInput, match=r"'grief' have too few \(0 in all"):
        concept_activations(features, labels & (labels["emotion"] != "grief"), seed=0)
    with pytest.raises(InvalidInput, match="in each of 5 splits"):
        concept_activations(features, labels, n_splits=5, seed=0)
    with pytest.raises(InvalidInput, match="labels of 39 stimuli, without 'c0'"):
        concept_activations(features, labels[1:], seed=0)
    with pytest.raises(InvalidInput, match="found int64 labels"):
        concept_activations(features, labels.astype(int), seed=0)
    with pytest.raises(InvalidInput, match="0 splits"):
        concept_activations(features, labels, n_splits=0, seed=0)


def test_prompts_are_splits():
    emotions, prompts = np.repeat(EMOTIONS, 2), np.tile(["plain", "story"], 3)
    order = np.random.default_rng(3).permutation(6)
    values = np.arange(12.0).reshape(6, 2)
    features = Features.of(values[order], [f"s{i}" for i in order])
    found = prompt_activations(features, emotions[order], prompts[order])
    for i in range(6):
        np.testing.assert_array_equal(found.sel(split=prompts[i], emotion=emotions[i], layer=0), values[i])
    with pytest.raises(InvalidInput, match="make 5 cells"):
        prompt_activations(features, emotions[[0, 1, 2, 3, 4, 4]], prompts[[0, 1, 2, 3, 4, 4]])

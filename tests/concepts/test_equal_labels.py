"""Concepts are means over comments; noise must not give them a geometry, whatever the sizes of classes."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from consona.concepts.comments import comment_labels, equal_labels
from consona.concepts.concept_activations import concept_activations
from consona.concepts.neurons import neuron_rsa
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.stimuli import Stimuli
from consona.stats.neuron_tau import float_product

NAMES = [f"emotion{i:02d}" for i in range(10)]
SIZES = [6, 7, 8, 9, 10, 200, 220, 240, 260, 280]
RARITY = xr.DataArray(-np.log(SIZES)[:, None], {"emotion": NAMES, "attribute": ["rarity"]}, ("emotion", "attribute"))


def comments(rng):
    """Classes of very different sizes; a fifth of the comments carry a second emotion."""
    labels = [[name] for name, size in zip(NAMES, SIZES, strict=True) for _ in range(size)]
    for row in labels:
        if rng.random() < 0.2:
            row.append(str(rng.choice(NAMES)))
    table = pd.DataFrame(
        {"text": [f"comment {i}" for i in range(len(labels))], "labels": [",".join(sorted(set(r))) for r in labels]},
        index=[f"c{i:03d}" for i in range(len(labels))],
    )
    return Stimuli(table)


def share(labels, rng):
    noise = rng.standard_normal((labels.sizes["stimulus"], 1, 400)).astype(np.float32)
    coords = {"stimulus": labels["stimulus"].values, "layer": [0]}
    features = Features(xr.DataArray(noise, coords, ("stimulus", "layer", "feature")))
    concepts = concept_activations(features, labels, seed=0)
    found = neuron_rsa(concepts, RARITY, n_permutations=199, product=float_product, seed=0)
    return float(found["share"][0])


def test_noise_follows_rarity_unless_classes_are_of_one_size():
    rng = np.random.default_rng(3)
    stimuli = comments(rng)
    labels = comment_labels(stimuli, NAMES)
    equal = equal_labels(labels, seed=0)
    unequal_share = np.mean([share(labels, rng) for _ in range(4)])
    equal_share = np.mean([share(equal, rng) for _ in range(4)])
    # 1,600 neurons, independent under noise: a share of .05 has a standard error of .0054
    assert equal_share == pytest.approx(0.05, abs=4 * 0.0054)
    assert unequal_share > 0.05 + 6 * 0.0054


def test_every_class_keeps_the_same_number_and_no_comment_two():
    labels = equal_labels(comment_labels(comments(np.random.default_rng(0)), NAMES), seed=1)
    counts = labels.values.sum(axis=0)
    assert len(set(counts.tolist())) == 1
    assert counts[0] % 2 == 0
    assert labels.values.sum(axis=1).max() == 1


def test_an_emotion_that_never_stands_alone_is_named():
    table = pd.DataFrame({"text": list("abcd"), "labels": ["x", "x", "x,y", "y"]}, index=list("abcd"))
    with pytest.raises(InvalidInput, match="carry 'y' alone"):
        equal_labels(comment_labels(Stimuli(table), ["x", "y"]), seed=0)

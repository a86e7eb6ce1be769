"""Sentiment, length and part of speech are read where they are planted and nowhere else; other tables are refused."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from consona.concepts.capabilities import (
    CAPABILITIES,
    capability_items,
    capability_readout,
    capability_scores,
    fit_capabilities,
)
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.stimuli import Stimuli

KINDS = ("adjective", "noun", "verb")


def items_of(name, n=300):
    rng = np.random.default_rng(len(name))
    texts = [f"{name} {i}" + " word" * k for i, k in enumerate(rng.integers(0, 30, n))]
    sentences = Stimuli(pd.DataFrame({"text": texts, "label": np.arange(n) % 2}, [f"{name}{i}" for i in range(n)]))
    words = [f"{name}{kind}{i}" for kind in KINDS for i in range(40)]
    single = Stimuli(pd.DataFrame({"text": words, "word_class": np.repeat(KINDS, 40)}, [f"w-{w}" for w in words]))
    return capability_items(sentences, single, n=200, seed=0)


def states(items, planted=True, seed=0):
    """Noise of SD 1 in 12 features; sentiment, length and the classes each move features of their own by 6 SD."""
    x = np.random.default_rng(seed).normal(size=(len(items), 12))
    if planted:
        x[:, 0] += 6 * (items["label"] == 1)
        x[:, 1] += items["n_words"]  # words alone have none
        for i, kind in enumerate(KINDS):
            x[:, 2 + i] += 6 * (items["word_class"] == kind)
    return Features.of(x, items.ids)


def scored(planted):
    train, dev, test = (items_of(name) for name in ("train", "dev", "test"))
    maps = fit_capabilities(states(train, planted, 1), train, states(dev, planted, 2), dev)
    held = states(test, planted, 3)
    readout = capability_readout(maps, test)
    values = np.repeat(readout.cells(held.layer(-1), held.ids)[None], 2, axis=0)
    values[1, 250] = np.nan  # a cell of length
    return capability_scores(xr.DataArray(values, dims=("mask", "cell")), test, maps), maps, test


def test_planted_capabilities_are_read():
    scores, maps, test = scored(planted=True)
    assert scores["capability"].values.tolist() == list(CAPABILITIES)
    # Six SD apart: an error in 740 for two classes. Length of SD 8.7 in noise of SD 1: r = .993.
    assert (scores[0] > [0.97, 0.98, 0.95]).all()
    assert np.isnan(scores[1]).values.tolist() == [False, True, False]
    assert scores.attrs["n_undefined"] == 1
    assert (maps["dev_score"] > 0.95).all()
    assert len(capability_readout(maps, test).stimulus) == 200 + 200 + 3 * 120


def test_absent_capabilities_are_not():
    scores, _, _ = scored(planted=False)
    sd = np.array([np.sqrt(0.25 / 200), 1 / np.sqrt(200), np.sqrt(2 / 9 / 120)])
    assert (abs(scores[0] - [0.5, 0.0, 1 / 3]) < 4 * sd).all()


def test_items_hold_both_labels_alike():
    items = items_of("train")
    assert [(items["label"] == each).sum() for each in (0, 1, -1)] == [100, 100, 120]
    assert (items["n_words"] == [0 if c else len(t.split()) for t, c in zip(items.texts, items["word_class"])]).all()


def test_what_is_refused():
    train, dev = items_of("train"), items_of("dev")
    with pytest.raises(InvalidInput, match="Texts are in both splits"):
        fit_capabilities(states(train), train, states(train), train)
    with pytest.raises(InvalidInput, match="Items hold 320 stimuli and states 320; 0 are shared"):
        fit_capabilities(states(dev), train, states(dev), dev)
    verbless = dev.select(dev["word_class"] != "verb")
    with pytest.raises(InvalidInput, match="Word classes are"):
        fit_capabilities(states(train), train, states(verbless), verbless)
    sentences = train.select(train["label"] >= 0)
    words = train.select(train["label"] < 0)
    with pytest.raises(InvalidInput, match="labels 0 and 1; found '1'"):
        capability_items(sentences.select(sentences["label"] == 1), words, n=10, seed=0)
    with pytest.raises(InvalidInput, match="two classes or more; found 'noun'"):
        capability_items(sentences, words.select(words["word_class"] == "noun"), n=10, seed=0)
    maps = fit_capabilities(states(train), train, states(dev), dev)
    with pytest.raises(InvalidInput, match="cells; found"):
        capability_scores(xr.DataArray(np.zeros((1, 5)), dims=("mask", "cell")), dev, maps)

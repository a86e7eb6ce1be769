"""Cards stand at fixed ranks, with the texts and the image of their own stimulus."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from consona.alignment.caption_cards import cards
from consona.alignment.caption_dictionary import read_captions
from consona.alignment.caption_readout import readout_scores
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.stimuli import Stimuli

N = 41
IDS = [f"scene{i:05d}" for i in range(N)]


def made():
    rng = np.random.default_rng(0)
    truth = Features.of(rng.standard_normal((N, 8)), IDS)
    noise = np.linspace(0.1, 3, N)[rng.permutation(N)][:, None]
    decoded = Features.of(truth.layer(0) + noise * rng.standard_normal((N, 8)), IDS, {"intercept": 1})
    scores = readout_scores(decoded, truth, train=IDS, n_permutations=0)
    found = read_captions(decoded, truth, [f"read {name}" for name in IDS], k=2)
    control = read_captions(decoded, truth.select(IDS[:5]), [f"trained {i}" for i in range(5)], k=1)
    pixels = np.broadcast_to(np.arange(N, dtype=np.uint8)[:, None, None, None], (N, 4, 4, 3))
    images = xr.DataArray(pixels, {"stimulus": IDS}, ("stimulus", "y", "x", "colour"))
    captions = Stimuli(pd.DataFrame({"text": [(f"true {name}", "other") for name in IDS]}, index=IDS))
    return images, captions, scores, found, control


def test_cards_are_the_best_the_quartiles_and_the_worst():
    images, captions, scores, found, control = made()
    shown = cards(images[::-1], captions, scores, found=found, control=control)
    assert shown["rank"].values.tolist() == [0, 10, 20, 30, 40]
    np.testing.assert_array_equal(shown["centred_r"], np.sort(scores["centred_r"].values)[::-1][::10])
    for card in shown["card"].values:
        name = str(shown["stimulus"].values[card])
        assert shown["true"].values[card] == f"true {name}"
        assert (shown["image"].values[card] == IDS.index(name)).all()
        assert shown["read_out"].values[card] == found["caption"].sel(stimulus=name).values[0]
        assert shown["control"].values[card] == control["caption"].sel(stimulus=name).values[0]
    assert shown["read_out"].values[0] == f"read {shown['stimulus'].values[0]}"


def test_a_rank_is_shown_once_and_undefined_scores_never():
    images, captions, scores, found, control = made()
    scores["centred_r"][3:] = np.nan
    shown = cards(images, captions, scores, found=found, control=control)
    assert shown["rank"].values.tolist() == [0, 1, 2]
    assert set(shown["stimulus"].values.tolist()) == set(IDS[:3])


def test_missing_images_are_named():
    images, captions, scores, found, control = made()
    worst = str(scores["stimulus"].values[scores["centred_r"].values.argmin()])
    with pytest.raises(InvalidInput, match=f"'{worst}', which the images lack"):
        cards(images.drop_sel(stimulus=worst), captions, scores, found=found, control=control)
    with pytest.raises(InvalidInput, match="uint8"):
        cards(images.astype(float), captions, scores, found=found, control=control)

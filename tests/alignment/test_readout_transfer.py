"""Features that hold others give them back; the way back loses what was never there."""

import numpy as np
import pytest

from consona.alignment.readout_transfer import cross_readout, cross_readouts
from consona.core.errors import InvalidInput
from consona.core.features import Features

N, N_TRAIN = 300, 240
IDS = [f"s{i}" for i in range(N)]
SPLIT = {"train": IDS[:N_TRAIN], "test": IDS[N_TRAIN:], "n_permutations": 99}


def made(seed=0):
    """Captions of 20 features, of which categories (binary) are the signs of 5; both and something unrelated."""
    rng = np.random.default_rng(seed)
    captions = rng.standard_normal((N, 20)) + 0.5
    categories = (captions[:, :5] > 0).astype(float)
    return Features.of(captions, IDS), Features.of(categories, IDS), Features.of(rng.standard_normal((N, 20)), IDS)


def measures(found):
    return dict(zip(found["measure"].values.tolist(), found["mean"].values.tolist(), strict=True))


def test_the_same_features_are_read_out_perfectly():
    captions, _, _ = made()
    found = cross_readout(captions, captions, **SPLIT)
    assert measures(found)["cosine"] == pytest.approx(1, abs=1e-3)
    # E[x mean] / (|x| |mean|) with mean .5 and SD 1: .5 / sqrt(1.25) = .45; SD over stimuli .2 / sqrt(60) = .026
    assert measures(found)["mean vector"] == pytest.approx(0.45, abs=0.1)
    assert float(found["p"]) == 1 / 100
    assert found["low"].sel(measure="gain") > 0


def test_categories_are_in_captions_and_not_the_other_way_round():
    captions, categories, other = made()
    found = cross_readouts(
        {"captions": captions, "other": other}, {"captions": captions, "categories": categories}, **SPLIT
    )
    gain = found["mean"].sel(measure="gain")
    assert float(gain.sel(source="captions", goal="categories")) > 0.03
    assert float(found["p"].sel(source="captions", goal="categories")) == 1 / 100
    back = measures(cross_readout(categories, captions, **SPLIT))
    # Signs hold 2 / pi of the variance of 5 of 20 features: the rest is read out as its mean.
    assert 0 < back["gain"] < 0.25
    assert abs(float(gain.sel(source="other", goal="captions"))) < 0.05
    assert float(gain.sel(source="other", goal="categories")) < 0.01
    assert float(found["p"].sel(source="other", goal="categories")) > 0.01


def test_a_stimulus_without_categories_is_left_out_and_a_constant_goal_stays():
    captions, categories, _ = made()
    values = categories.layer(0).copy()
    values[-3] = 0
    values[:, 2] = 0
    found = cross_readout(captions, Features.of(values, IDS), **SPLIT)
    n_zero = int((values[N_TRAIN:] == 0).all(axis=1).sum())
    assert found.attrs["n_undefined"] == n_zero >= 1
    assert np.isnan(found["cosine"].values[-3])
    assert np.isfinite(found["mean"].values).all()


def test_stimuli_on_both_sides_are_refused():
    captions, categories, _ = made()
    with pytest.raises(InvalidInput, match="'s5'"):
        cross_readout(captions, categories, train=IDS[:10], test=["s5"])
    with pytest.raises(InvalidInput, match="all are zero"):
        cross_readout(captions, Features.of(np.eye(N)[:, :5], IDS), **SPLIT)
    with pytest.raises(InvalidInput, match="cannot|constant|Nothing"):
        cross_readout(Features.of(np.ones((N, 3)), IDS), captions, **SPLIT)

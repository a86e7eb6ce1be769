"""Embeddings are read out of responses that hold them; the mean embedding alone explains most of a raw correlation."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from consona.alignment.caption_dictionary import read_captions
from consona.alignment.caption_readout import caption_readout, readout_scores
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.recording import Recording

N_TRAIN, N_TEST, N_FEATURES, N_TARGETS = 300, 60, 40, 150
IDS = [f"nsd{i:05d}" for i in range(N_TRAIN + N_TEST)]
TRAIN, TEST = IDS[:N_TRAIN], IDS[N_TRAIN:]
SHARE = 0.84  # of the true vectors: their correlation with the mean embedding


def case(noise=0.3, seed=0, n_targets=N_TARGETS):
    """Embeddings around a mean, and responses that are a linear function of them (less their mean) plus noise."""
    rng = np.random.default_rng(seed)
    deviation = rng.standard_normal((len(IDS), N_FEATURES)) * np.sqrt(1 - SHARE**2)
    mean = rng.standard_normal(N_FEATURES)
    mean = (mean - mean.mean()) / mean.std() * SHARE
    Y = deviation @ rng.standard_normal((N_FEATURES, n_targets)) / np.sqrt(1 - SHARE**2)
    Y += noise * np.sqrt(N_FEATURES) * rng.standard_normal(Y.shape)
    return Recording.of(Y, IDS, "one"), Features.of(mean + deviation, IDS)


def scored(mode, noise=0.3, **kwargs):
    recording, embedding = case(noise)
    decoded = caption_readout(recording, embedding, train=TRAIN, test=TEST, mode=mode)
    return readout_scores(decoded, embedding, train=TRAIN, n_permutations=200, **kwargs)


@pytest.mark.parametrize("mode", ["paper", "released", "corrected"])
def test_without_the_mean_a_good_readout_looks_worse_than_no_readout(mode):
    found = scored(mode)
    mean = dict(zip(found["measure"].values.tolist(), found["mean"].values.tolist(), strict=True))
    # A perfect read-out has r = 1 with the mean and sqrt(1 - .84^2) = .54 without; one that knows the mean alone .84.
    # Noise costs: 150 targets of noise .3 / signal 1 for 40 features leave a share > .97 of the length of a vector.
    expected = np.sqrt(1 - SHARE**2) if mode == "released" else 1.0
    assert mean["raw_r"] == pytest.approx(expected, abs=0.05)
    assert mean["baseline_r"] == pytest.approx(SHARE, abs=0.03)
    assert (mean["gain"] > 0) is (mode != "released")
    assert mean["centred_r"] > 0.9
    assert mean["two_way"] > 0.99
    assert mean["top1"] > 0.9
    p = found["p"].sel(measure=["raw_r", "centred_r", "two_way", "top1"])
    np.testing.assert_allclose(p, 1 / 201)
    assert found.attrs["intercept"] == int(mode != "released")


def test_responses_without_signal_read_out_the_mean_and_nothing_else():
    found = scored("corrected", noise=1e6)
    mean, p = found["mean"], found["p"]
    assert float(mean.sel(measure="raw_r")) == pytest.approx(SHARE, abs=0.06)  # high, and worth nothing
    assert abs(float(mean.sel(measure="centred_r"))) < 4 / np.sqrt(N_TEST * N_FEATURES)
    assert abs(float(mean.sel(measure="two_way")) - 0.5) < 4 * np.sqrt(1 / 12 / N_TEST)
    assert (p.dropna("measure") > 0.01).all()
    assert np.isnan(p.sel(measure=["baseline_r", "gain"])).all()
    assert float(found["chance"].sel(measure="top10")) == 10 / N_TEST
    assert float(found["null"].sel(measure="two_way")) == pytest.approx(0.5, abs=0.02)


def test_scores_are_those_of_a_plain_computation():
    recording, embedding = case(1.0)
    decoded = caption_readout(recording, embedding, train=TRAIN, test=TEST)
    found = readout_scores(decoded, embedding, train=TRAIN, n_permutations=0)
    mean = embedding.select(TRAIN).layer(0).mean(axis=0)
    near = 1 - cdist(decoded.layer(0) - mean, embedding.select(TEST).layer(0) - mean, "correlation")
    np.testing.assert_allclose(found["centred_r"], np.diag(near), atol=1e-5)
    rank = 1 + (near > np.diag(near)[:, None] + 1e-6).sum(axis=1)
    np.testing.assert_array_equal(found["rank"], rank)
    assert float(found["mean"].sel(measure="top5")) == (rank <= 5).mean()
    assert found["low"].sel(measure="centred_r") < found["mean"].sel(measure="centred_r")


def test_more_targets_than_stimuli_and_targets_without_values():
    recording, embedding = case(1.0, n_targets=700)
    values = recording.mean()
    values[:, 0], values[:, 1] = np.nan, 3.0
    decoded = caption_readout(Recording.of(values, IDS, "one"), embedding, train=TRAIN, test=TEST)
    assert decoded.attrs["n_targets_left_out"] == 2
    few = caption_readout(Recording.of(values[:, 2:], IDS, "one"), embedding, train=TRAIN, test=TEST)
    np.testing.assert_allclose(decoded.data, few.data, rtol=1e-6)
    found = readout_scores(decoded, embedding, train=TRAIN, n_permutations=50)
    assert float(found["mean"].sel(measure="two_way")) > 0.95


@pytest.mark.parametrize(("mode", "expected"), [("corrected", 0.7), ("released", 0.0)])
def test_a_constant_feature_is_its_constant_or_missing_with_the_mean(mode, expected):
    recording, embedding = case(1.0)
    values = embedding.layer(0).copy()
    values[:, 3] = 0.7
    decoded = caption_readout(recording, Features.of(values, IDS), train=TRAIN, test=TEST, mode=mode)
    assert decoded.attrs["n_features_constant"] == 1
    np.testing.assert_allclose(decoded.layer(0)[:, 3], expected, rtol=1e-6)
    rest = caption_readout(recording, Features.of(np.delete(values, 3, 1), IDS), train=TRAIN, test=TEST, mode=mode)
    np.testing.assert_allclose(np.delete(decoded.layer(0), 3, 1), rest.layer(0), rtol=1e-5)


@pytest.mark.parametrize("centred", [True, False])
def test_captions_are_looked_up_in_blocks(monkeypatch, centred):
    monkeypatch.setattr("consona.alignment.caption_dictionary.BLOCK", 37)
    recording, embedding = case(1.0)
    decoded = caption_readout(recording, embedding, train=TRAIN, test=TEST)
    rng = np.random.default_rng(3)
    others = embedding.layer(0).mean(axis=0) + 0.5 * rng.standard_normal((200, N_FEATURES)).astype(np.float32)
    mean = embedding.select(TRAIN).layer(0).mean(axis=0) if centred else None
    shift = 0 if mean is None else mean
    found = read_captions(decoded, others, [f"caption {i}" for i in range(200)], k=4, centre=mean, truth=embedding)
    near = 1 - cdist(decoded.layer(0) - shift, others - shift, "correlation")
    rows = np.argsort(-near, axis=1)[:, :4]
    np.testing.assert_array_equal(found["row"], rows)
    assert found["caption"].values[0, 0] == f"caption {rows[0, 0]}"
    np.testing.assert_allclose(found["similarity"], np.take_along_axis(near, rows, 1), atol=1e-5)
    true = 1 - cdist(decoded.layer(0) - shift, embedding.select(TEST).layer(0) - shift, "correlation")
    np.testing.assert_allclose(found["rank"], 1 + (near > np.diag(true)[:, None]).sum(axis=1))


def test_what_does_not_belong_together_is_refused():
    recording, embedding = case()
    with pytest.raises(InvalidInput, match="1 images are in training and test: 'nsd00000'"):
        caption_readout(recording, embedding, train=TRAIN, test=[*TEST, TRAIN[0]])
    with pytest.raises(InvalidInput, match="all 150 targets"):
        caption_readout(Recording.of(np.ones((360, 150)), IDS, "one"), embedding, train=TRAIN, test=TEST)
    layers = Features.of(np.random.default_rng(0).standard_normal((360, 2, 4)), IDS)
    with pytest.raises(InvalidInput, match="2 layers"):
        caption_readout(recording, layers, train=TRAIN, test=TEST)
    decoded = caption_readout(recording, embedding, train=TRAIN, test=TEST)
    with pytest.raises(InvalidInput, match="3 embeddings and 2 texts"):
        read_captions(decoded, np.ones((3, 4)), ["a", "b"], k=1)
    with pytest.raises(InvalidInput, match="no direction"):
        read_captions(decoded, np.zeros((3, N_FEATURES)), ["a", "b", "c"], k=1)

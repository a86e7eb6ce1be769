"""Encoding scores: a planted effect is recovered, an absent one is not found, and nothing leaks."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from consona.alignment.encoding import encoding_score, require_defined
from consona.alignment.encoding_draws import encoding_draws, interval
from consona.alignment.regions import region_means, side_by_side, subject_mean, target_tests
from consona.alignment.split import RISK, Split
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.recording import Recording
from consona.core.stimuli import Stimuli


def stimuli_of(n, **columns):
    return Stimuli(pd.DataFrame(columns, index=[f"s{i:03d}" for i in range(n)]))


def planted(n=240, n_features=12, n_targets=40, snr=1.0, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, n_features))
    signal = X @ rng.standard_normal((n_features, n_targets)) / np.sqrt(n_features)
    signal[:, n_targets // 2 :] = 0.0
    return X, signal + rng.standard_normal(signal.shape) / np.sqrt(snr)


def test_a_planted_effect_reaches_what_its_noise_allows_and_an_absent_one_nothing():
    snr = 1.0
    X, Y = planted(n=800, n_targets=100, snr=snr)
    stimuli = stimuli_of(800)
    split = Split.of_groups(stimuli)
    score = encoding_score(
        Features.of(X, stimuli.ids), Recording.of(Y, stimuli.ids, "one"), split=split, n_permutations=99
    )
    assert score.attrs["cv"] == "fold-wise"
    # The best possible r is sqrt(snr / (snr + 1)); estimating 12 weights from 640 rows costs about p / n of it.
    values = score.data.values[0]
    assert values[:50].mean() == pytest.approx(np.sqrt(snr / (snr + 1)), abs=0.02)
    # 50 mean correlations of 800 held-out rows: standard error 1 / sqrt(800 * 50)
    assert abs(values[50:].mean()) < 4 / np.sqrt(800 * 50)
    tests = target_tests(score)
    assert (tests["p_max"].values[0, :50] <= 0.05).all()
    assert (tests["p_max"].values[0, 50:] > 0.05).mean() > 0.9


def test_undefined_targets_are_nan_and_touch_no_other():
    X, Y = planted(n=120)
    stimuli = stimuli_of(120)
    features, split = Features.of(X, stimuli.ids), Split.of_groups(stimuli)
    whole = encoding_score(features, Recording.of(Y, stimuli.ids, "one"), split=split, n_permutations=9)
    broken = Y.copy()
    broken[:, 3], broken[:, 7] = 5.0, np.nan
    score = encoding_score(features, Recording.of(broken, stimuli.ids, "one"), split=split, n_permutations=9)
    others = np.setdiff1d(np.arange(Y.shape[1]), [3, 7])
    assert np.isnan(score.data.values[0, [3, 7]]).all()
    assert np.isnan(score.null.values[:, 0, [3, 7]]).all()
    np.testing.assert_array_equal(score.data.values[0, others], whole.data.values[0, others])
    np.testing.assert_array_equal(score.null.values[:, 0, others], whole.null.values[:, 0, others])
    assert score.n_undefined == 2
    with pytest.raises(InvalidInput, match="'one': 2 of 40 targets are constant or missing: '3', '7'"):
        require_defined(Recording.of(broken, stimuli.ids, "one"))


def test_a_constant_layer_is_skipped_and_the_others_go_on():
    X, Y = planted(n=100)
    stimuli = stimuli_of(100)
    layers = np.stack([X, np.ones_like(X), X], axis=1)
    score = encoding_score(
        Features.of(layers, stimuli.ids),
        Recording.of(Y, stimuli.ids, "one"),
        split=Split.of_groups(stimuli),
        n_permutations=0,
    )
    assert score.attrs["layers_skipped"] == [1]
    assert np.isnan(score.data.values[1]).all()
    np.testing.assert_array_equal(score.data.values[0], score.data.values[2])


def test_stimuli_are_aligned_by_id_and_others_refused():
    X, Y = planted(n=100)
    stimuli = stimuli_of(100)
    split = Split.of_groups(stimuli)
    features, recording = Features.of(X, stimuli.ids), Recording.of(Y, stimuli.ids, "one")
    order = np.random.default_rng(1).permutation(100)
    mixed = Recording.of(Y[order], stimuli.ids[order], "one")
    once = encoding_score(features, recording, split=split, n_permutations=0)
    again = encoding_score(features.select(stimuli.ids[::-1]), mixed, split=split, n_permutations=0)
    np.testing.assert_array_equal(once.data.values, again.data.values)
    with pytest.raises(InvalidInput, match="hold 100 stimuli and recording 'one' 99"):
        encoding_score(features, recording.select(stimuli.ids[1:]), split=split, n_permutations=0)


def test_few_stimuli_are_pooled_beside_their_null():
    X, Y = planted(n=40, n_features=4)
    stimuli = stimuli_of(40)
    split = Split.of_groups(stimuli, n_folds=8)
    assert not split.fold_wise
    features, recording = Features.of(X, stimuli.ids), Recording.of(Y, stimuli.ids, "one")
    with pytest.raises(InvalidInput, match="mean nothing without their null"):
        encoding_score(features, recording, split=split, n_permutations=0)
    score = encoding_score(features, recording, split=split, n_permutations=50)
    assert score.attrs["cv"] == "pooled"
    assert "pooled over folds" in score.cv
    # Predictions of noise lean against the held-out mean: the null of a pooled score lies below zero.
    assert score.null.values.mean() < -0.1
    assert score.data.values[0, :20].mean() > 0.4


def test_groups_stay_together_and_change_places_whole():
    stimuli = stimuli_of(60, story=np.repeat([f"t{i}" for i in range(12)], 5))
    split = Split.of_groups(stimuli, "story", n_folds=4)
    folds = split.folds()
    for train, test in zip(folds.train, folds.test, strict=True):
        assert not set(split.labels[train]) & set(split.labels[test])
    for order in split.orders(20):
        assert len(np.unique(order)) == 60  # a permutation
        blocks = order.reshape(12, 5)
        np.testing.assert_array_equal(np.diff(blocks, axis=1), 1)
    with pytest.raises(InvalidInput, match="13 folds were asked for and there are 12 groups"):
        Split.of_groups(stimuli, "story", n_folds=13)


def test_a_held_out_text_that_is_also_in_training_is_refused():
    texts = [f"text number {i}" for i in range(30)]
    texts[7] = "Text  number 19 "
    with pytest.raises(InvalidInput, match="s007 and s019|s019 and s007"):
        Split.of_groups(stimuli_of(30, text=texts))


def test_time_series_need_runs_and_a_gap():
    n = 200
    rng = np.random.default_rng(3)
    stimuli = stimuli_of(n, run=np.repeat(["a", "b"], 100), time=np.tile(np.arange(100.0), 2))
    coords = {"stimulus": stimuli.ids, "time": ("stimulus", stimuli["time"])}
    recording = Recording(
        xr.DataArray(rng.standard_normal((1, n, 3)), coords, ("repetition", "stimulus", "target")), "one"
    )
    features = Features.of(rng.standard_normal((n, 5)), stimuli.ids)
    with pytest.raises(InvalidInput, match=r"time series .* Split.of_runs"):
        encoding_score(features, recording, split=Split.of_groups(stimuli, "run", n_folds=2), n_permutations=0)
    with pytest.warns(UserWarning, match="without a gap"):
        encoding_score(features, recording, split=Split.of_runs(stimuli, purge=0), n_permutations=0)
    score = encoding_score(features, recording, split=Split.of_runs(stimuli, purge=4), n_permutations=9)
    assert "4 volumes beside each left out" in score.cv
    marked = encoding_score(features, recording, split=Split.of_shuffled_rows(stimuli), n_permutations=0)
    assert marked.cv.startswith(RISK)
    assert marked.attrs["shares_stimuli"]


def test_blocks_of_targets_joined_are_the_whole():
    X, Y = planted(n=120)
    stimuli = stimuli_of(120)
    features, split = Features.of(X, stimuli.ids), Split.of_groups(stimuli)
    recording = Recording.of(Y, stimuli.ids, "one")
    whole = encoding_score(features, recording, split=split, n_permutations=9)
    parts = [
        encoding_score(features, Recording(recording.data[:, :, block], "one"), split=split, n_permutations=9)
        for block in (slice(0, 13), slice(13, 40))
    ]
    # One product over other columns rounds differently in the last place: a block size is a constant of a run.
    np.testing.assert_allclose(np.concatenate([p.data.values for p in parts], axis=1), whole.data.values, atol=1e-10)


def test_regions_and_subjects_carry_their_null_along():
    X, Y = planted(n=120)
    stimuli = stimuli_of(120)
    features, split = Features.of(X, stimuli.ids), Split.of_groups(stimuli)
    coords = {"stimulus": stimuli.ids, "roi": ("target", ["front"] * 20 + ["back"] * 20)}
    recordings = {
        name: Recording(xr.DataArray(Y[None] * scale, coords, ("repetition", "stimulus", "target")), name)
        for name, scale in (("one", 1.0), ("two", 3.0))
    }
    scores = {name: encoding_score(features, each, split=split, n_permutations=19) for name, each in recordings.items()}
    regions = {name: region_means(score, "roi") for name, score in scores.items()}
    both = subject_mean(side_by_side(regions))
    assert both.data["target"].values.tolist() == ["front", "back"]
    np.testing.assert_allclose(both.data.values[0, 0], scores["one"].data.values[0, :20].mean())
    assert both.null.dims == ("permutation", "layer", "target")
    assert target_tests(both)["p"].values[0, 0] == pytest.approx(1 / 20)


def test_draws_are_centred_on_the_score_and_paired_between_features():
    X, Y = planted(n=200)
    stimuli = stimuli_of(200)
    split = Split.of_groups(stimuli)
    coords = {"stimulus": stimuli.ids, "roi": ("target", ["front"] * 20 + ["back"] * 20)}
    recording = Recording(xr.DataArray(Y[None], coords, ("repetition", "stimulus", "target")), "one")
    features = Features.of(X, stimuli.ids)
    whole = region_means(encoding_score(features, recording, split=split, n_permutations=0), "roi")
    drawn = encoding_draws(features, {"one": recording}, split=split, region="roi", n_draws=200)["one"]
    # The grids of penalties differ, so the values do in the third decimal.
    np.testing.assert_allclose(drawn["score"].values[:2], whole.data.values[0], atol=0.01)
    noise = Features.of(np.random.default_rng(5).standard_normal(X.shape), stimuli.ids)
    other = encoding_draws(noise, {"one": recording}, split=split, region="roi", n_draws=200)["one"]
    low, _ = interval((drawn["draws"] - other["draws"]).values[:, 0])
    assert low > 0
    absent = drawn.sel(target="back")
    assert abs(float(absent["score"])) < 4 * float(absent["draws"].std())

"""A story in the scanner: what is planted in words is found in volumes, what is not is not; series are kept whole."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from consona.alignment.encoding import encoding_score
from consona.alignment.split import Split
from consona.alignment.time_courses import (
    cleaned,
    estimated_gap,
    gap_in_words,
    order_features,
    series_of,
    volume_features,
    word_rate,
)
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.recording import Recording
from consona.core.stimuli import Stimuli
from consona.datasets.alice_twins import alice_twin, alice_twin_words


def bag(words):
    return Features.of(pd.get_dummies(np.array(words.texts)).to_numpy(float), words.ids)


def everybody(twin):
    """All subjects side by side, so that the features are decomposed once."""
    data = xr.concat([each.data.drop_vars("roi") for each in twin.recordings], "target")
    return Recording(data, "all")


def mean_score(plant, features_of, seed=0):
    twin, words = alice_twin(plant, n_subjects=8, seed=seed), alice_twin_words(seed)
    features = volume_features(features_of(words), words, twin.stimuli)
    split = Split.of_runs(twin.stimuli, n_folds=5, purge=15)
    return float(encoding_score(features, everybody(twin), split=split, n_permutations=0).data.mean())


def test_a_planted_rate_is_found_in_full():
    # the best r with one person is sqrt(0.2) = .447; four delays come close to the planted response, not quite to it
    assert mean_score("rate", word_rate) == pytest.approx(np.sqrt(0.2), abs=0.06)


def test_planted_words_are_found_by_words_and_not_by_their_rate():
    assert mean_score("words", bag) > 0.2
    assert abs(mean_score("words", word_rate)) < 0.06


def test_nothing_is_found_where_nothing_is():
    # 48 series, worth about ten rows in each of five folds: standard error 0.02 for a model that was not fitted to them
    assert abs(mean_score("none", bag)) < 0.06


def test_features_of_a_run_come_from_its_own_words():
    volumes = Stimuli(
        pd.DataFrame({"run": ["a"] * 5 + ["b"] * 4, "time": [0, 2, 4, 6, 8, 0, 2, 4, 6]}, list("pqrstuvwx"))
    )
    words = Stimuli(
        pd.DataFrame({"text": ["x"] * 3, "onset": [0.5, 3.0, 2.1], "run": ["a", "a", "b"]}, ["1", "2", "3"])
    )
    features = Features.of(np.array([[[1.0, 10.0]], [[2.0, 20.0]], [[4.0, 40.0]]]), ["1", "2", "3"])
    read = volume_features(features.select(["3", "1", "2"]), words, volumes, n_delays=2, resampling="sum")
    delayed = read.layer(0)
    np.testing.assert_array_equal(delayed[:, 0], [0, 1, 2, 0, 0, 0, 0, 4, 0])
    np.testing.assert_array_equal(delayed[:, 2], [0, 0, 1, 2, 0, 0, 0, 0, 4])
    np.testing.assert_array_equal(delayed[:, 1::2], 10 * delayed[:, ::2])
    now = volume_features(features, words, volumes, n_delays=0, resampling="sum")
    np.testing.assert_array_equal(now.layer(0)[:, 0], [1, 2, 0, 0, 0, 0, 4, 0, 0])
    clock = Stimuli(volumes.table.drop(columns="time"))
    by_step = volume_features(features, words, clock, tr_s=2.0, n_delays=2, resampling="sum")
    np.testing.assert_array_equal(by_step.data.values, read.data.values)
    with pytest.raises(InvalidInput, match=r"volumes have no word to take a mean of \('r'"):
        volume_features(features, words, volumes, n_delays=0, resampling="mean")


def test_layers_stay_apart():
    words, volumes = alice_twin_words(), alice_twin(n_subjects=2).stimuli
    values = np.random.default_rng(0).standard_normal((len(words), 3, 4))
    every = volume_features(Features.of(values, words.ids), words, volumes)
    second = volume_features(Features.of(values[:, 1], words.ids), words, volumes)
    assert every.data.shape == (362, 3, 16)
    np.testing.assert_allclose(every.layer(1), second.layer(0), atol=1e-6)


def test_a_series_without_run_or_time_is_refused():
    words, volumes = alice_twin_words(), alice_twin(n_subjects=2).stimuli
    rate = word_rate(words)
    for column in ("run", "time"):
        with pytest.raises(InvalidInput, match=f"no '{column}'.*neighbours in time"):
            volume_features(rate, words, Stimuli(volumes.table.drop(columns=column)))
    with pytest.raises(InvalidInput, match="no column 'onset'"):
        volume_features(rate, Stimuli(words.table.drop(columns="onset")), volumes)
    with pytest.raises(InvalidInput, match="the same runs in both"):
        volume_features(rate, words.with_columns(run=["other"] * len(words)), volumes)
    with pytest.raises(InvalidInput, match="do not ascend"):
        series_of(volumes.select(volumes.ids[::-1]))


def test_the_gap_is_estimated_and_said():
    twin = alice_twin("none", n_subjects=2)
    runs = twin.stimuli["run"]
    gap = estimated_gap(everybody(twin), runs)
    assert 9 <= gap <= 40  # exp(-l^2 / 36) is below 1.96 / sqrt(362) from lag 9 on
    assert f"leave out {gap} volumes" in gap_in_words(everybody(twin), runs)
    with pytest.raises(InvalidInput, match="362 volumes and 3 runs"):
        estimated_gap(twin.recordings[0], runs[:3])


def test_order_features_leak_without_a_gap_and_not_with_one():
    twin = alice_twin("none", n_subjects=6)
    series, features = everybody(twin), order_features(twin.stimuli)
    shuffled = Split.of_shuffled_rows(twin.stimuli, n_folds=5)
    purged = Split.of_runs(twin.stimuli, n_folds=5, purge=estimated_gap(series, twin.stimuli["run"]))
    leaking, clean = (
        float(encoding_score(features, series, split=split, n_permutations=0).data.mean())
        for split in (shuffled, purged)
    )
    assert leaking > 0.9
    assert clean < 0.06


def test_cleaning_drops_a_target_that_is_constant_in_a_run():
    twin = alice_twin("none", n_subjects=2)
    recording = twin.recordings[0]
    values = recording.data.values.copy()
    values[0, :, 2] = 5.0
    drifting = Recording(recording.data.copy(data=values + np.linspace(0, 30, 362)[None, :, None]), "drifting")
    constant = Recording(recording.data.copy(data=values), "constant")
    runs = twin.stimuli["run"]
    assert np.isnan(cleaned(constant, runs).mean()).all(axis=0).tolist() == [False, False, True, False, False, False]
    again = cleaned(drifting, runs).mean()
    np.testing.assert_allclose(again.mean(axis=0), 0, atol=1e-10)
    assert np.abs(np.corrcoef(again[:, 0], np.arange(362))[0, 1]) < 1e-10
    with pytest.raises(InvalidInput, match="fewer drifts"):
        cleaned(constant, runs, n_cosines=400)

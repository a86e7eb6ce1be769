"""Stimuli are identified where responses hold them, at chance where they do not; Haxby's classes as published."""

import numpy as np
import pandas as pd
import pytest

from consona.alignment.classes import class_score
from consona.alignment.decoding import decoded_features, retrieval_score
from consona.alignment.split import Split
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.recording import Recording
from consona.core.score import Score
from consona.core.stimuli import Stimuli
from consona.stats.retrieval import nearest

FEW = (1.0, 10.0, 100.0)


def case(n=120, noise=1.0, seed=0, offset=0.0):
    """Responses of 60 voxels to stimuli with 10 features; every second stimulus is of the same story as the last."""
    rng = np.random.default_rng(seed)
    stimuli = Stimuli(pd.DataFrame({"story": (np.arange(n) // 2).astype(str)}, [f"s{i}" for i in range(n)]))
    vectors = rng.standard_normal((n, 10)) + offset
    Y = vectors @ rng.standard_normal((10, 60)) + noise * np.sqrt(10) * rng.standard_normal((n, 60))
    return Recording.of(Y, stimuli.ids, "one"), Features.of(vectors, stimuli.ids), Split.of_groups(stimuli, "story")


def attributes(score):
    return dict(zip(score.data["attribute"].values.tolist(), score.data.values[0].tolist(), strict=True))


@pytest.mark.parametrize("metric", ["pearson", "cosine"])
def test_planted_stimuli_are_identified_and_the_null_is_at_chance(metric):
    recording, features, split = case()
    score = retrieval_score(recording, features, split=split, metric=metric, alphas=FEW, n_permutations=19)
    found = attributes(score)
    assert found["two-way"] > 0.95
    assert found["top5"] > found["top1"] > 0.5
    assert found["rank"] >= found["two-way"]
    assert score.attrs["cv"] == "fold-wise"
    assert score.attrs["candidates"] == "the test stimuli of the same fold"
    assert score.attrs["n_candidates"] == [24]
    assert score.attrs["chance"] == pytest.approx({"top1": 1 / 24, "top5": 5 / 24, "rank": 0.5, "two-way": 0.5})
    # 19 permutations of 120 stimuli: SE of two-way .29 / sqrt(19 * 120) = .006, if they were independent
    assert score.attrs["null_mean"]["0"]["two-way"] == pytest.approx(0.5, abs=0.04)
    assert (score.null.values[:, 0] < score.data.values[0]).all()
    # The mean of the training stimuli says nothing about a stimulus: exactly nothing where vectors are centred by it.
    baseline = score.attrs["mean_baseline"]["0"]
    assert baseline["two-way"] == pytest.approx(0.5, abs=1e-12 if metric == "pearson" else 0.06)
    assert Score.from_xarray(score.to_xarray()).attrs["chance"] == score.attrs["chance"]


def test_without_signal_p_is_uniform():
    """20 data sets: the mean p has an SE of .065; 1 of 20 at 5 % is expected, 5 are the 99.9th percentile."""
    p = []
    for seed in range(20):
        recording, features, split = case(80, noise=1e6, seed=seed)
        score = retrieval_score(recording, features, split=split, candidates="all", alphas=FEW[1:2], n_permutations=19)
        null = score.null.sel(layer=0, attribute="two-way").values
        p.append((1 + (null >= float(score.data.sel(layer=0, attribute="two-way"))).sum()) / 20)
    assert 0.3 < np.mean(p) < 0.75
    assert np.sum(np.array(p) <= 0.05) <= 5


def test_among_all_stimuli_and_in_small_folds():
    recording, features, split = case(40)
    score = retrieval_score(recording, features, split=split, candidates="all", alphas=FEW, n_permutations=9)
    assert score.attrs["cv"] == "pooled"
    assert score.attrs["n_candidates"] == [40]
    assert score.attrs["chance"]["top1"] == pytest.approx(1 / 40)
    with pytest.raises(InvalidInput, match="nothing without their null"):
        retrieval_score(recording, features, split=split, n_permutations=0)
    alone = Split(split.ids, split.ids, "groups", "stimulus", 40)
    with pytest.raises(InvalidInput, match="candidates='all' or fewer folds"):
        retrieval_score(recording, features, split=alone, n_permutations=1)


def test_undefined_targets_and_layers_are_left_out_and_named():
    recording, features, split = case()
    vectors = np.stack([features.layer(0), np.full((120, 10), 0.5)], axis=1)
    Y = np.column_stack([recording.mean(), np.full(120, np.nan), np.ones(120)])
    score = retrieval_score(
        Recording.of(Y, recording.ids, "one"), Features.of(vectors, recording.ids), split=split, alphas=FEW,
        n_permutations=2,
    )  # fmt: skip
    whole = retrieval_score(recording, features, split=split, alphas=FEW, n_permutations=2)
    assert (score.attrs["layers_skipped"], score.attrs["n_targets_left_out"]) == ([1], 2)
    assert np.isnan(score.data.values[1]).all()
    np.testing.assert_array_equal(score.data.values[0], whole.data.values[0])
    np.testing.assert_array_equal(score.null.values[:, 0], whole.null.values[:, 0])
    empty = Recording.of(np.ones((120, 3)), recording.ids, "one")
    with pytest.raises(InvalidInput, match="all 3 targets are constant or missing"):
        retrieval_score(empty, features, split=split, n_permutations=1)


def test_decoded_vectors_are_looked_up_in_a_dictionary():
    recording, features, split = case(noise=0.2)
    decoded = decoded_features(recording, features, split=split, alphas=FEW)
    assert decoded.ids.tolist() == recording.ids.tolist()
    rng = np.random.default_rng(9)
    dictionary = np.concatenate([features.layer(0), rng.standard_normal((5000, 10)).astype(np.float32)])
    found = nearest(decoded.layer(0), dictionary, 5, block=512)
    assert (found.rows[:, 0] == np.arange(120)).mean() > 0.8


def class_case(strength, seed=0):
    rng = np.random.default_rng(seed)
    labels, runs = np.tile(list("abcd"), 20), np.repeat(range(10), 8)
    Y = strength * rng.standard_normal((4, 50))[np.tile(range(4), 20)] + rng.standard_normal((80, 50))
    return Recording.of(Y, [f"v{i}" for i in range(80)], "one"), labels, runs


def test_classes_are_told_apart_where_planted_and_nowhere_else():
    score = class_score(*class_case(1.0), n_permutations=199)
    assert float(score.data.sel(attribute="accuracy")) == 1.0
    assert score.attrs["n_correct"] == 40
    assert np.trace(score.attrs["confusion"]) == 40
    assert score.attrs["null_mean"]["accuracy"] == pytest.approx(0.25, abs=0.03)
    p = []
    for seed in range(20):
        absent = class_score(*class_case(0.0, seed), n_permutations=99)
        null = absent.null.sel(attribute="two-way").values
        p.append((1 + (null >= float(absent.data.sel(attribute="two-way"))).sum()) / 100)
    assert 0.3 < np.mean(p) < 0.7  # uniform: SE .29 / sqrt(20) = .065
    assert np.sum(np.array(p) <= 0.05) <= 5


def test_what_is_no_class_design_is_named():
    recording, labels, runs = class_case(1.0)
    with pytest.raises(InvalidInput, match="80 stimuli have 79 labels"):
        class_score(recording, labels[1:], runs)
    missing = np.where((labels == "b") & (runs == 3), "a", labels)
    with pytest.raises(InvalidInput, match="'b' in run '3'"):
        class_score(recording, missing, runs)


@pytest.mark.data
def test_haxby_leave_one_run_out_as_in_its_data_note(data_folder):
    """49 of 96 correct (.510), chance .125."""
    from consona.datasets.haxby import load_haxby

    data = load_haxby(data_folder / "haxby_pymvpa")
    recording = data.recordings[0]
    stimuli = data.stimuli.select(recording.ids)
    score = class_score(recording, stimuli["category"], stimuli["run"], n_permutations=199)
    assert score.attrs["n_correct"] == 49
    assert score.attrs["n_of"] == 96
    assert score.attrs["null_mean"]["accuracy"] == pytest.approx(1 / 8, abs=0.02)
    assert float(score.null.sel(attribute="accuracy").max()) < 49 / 96


@pytest.mark.data
def test_objects81_are_identified_from_their_voxels(data_folder):
    from consona.datasets.objects81 import load_objects81, load_objects81_features

    data = load_objects81(data_folder / "objects81")
    features = load_objects81_features("alexnet", folder=data_folder / "objects81")
    split = Split.of_groups(data.stimuli, n_folds=4)
    score = retrieval_score(data.recordings[0], features, split=split, n_permutations=19)
    assert score.attrs["cv"] == "fold-wise"
    assert attributes(score)["two-way"] > 0.7
    assert (score.null.sel(attribute="two-way") < attributes(score)["two-way"]).all()

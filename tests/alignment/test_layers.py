"""The nested choice of a layer finds the planted one, and is unbiased where the best at test is not."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from consona.alignment.encoding import encoding_score
from consona.alignment.layers import layer_table, nested_layers, stacked_layers
from consona.alignment.split import Split
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.recording import Recording
from consona.core.score import Score
from consona.core.stimuli import Stimuli
from consona.engine.checks.con002 import complaint

FEW = (0.01, 0.1, 1.0)


def stimuli_of(n):
    return Stimuli(pd.DataFrame(index=[f"s{i:03d}" for i in range(n)]))


def made(n=150, n_layers=6, n_targets=12, seed=0):
    """Layer 3 drives the first half of the targets, layer 1 the second."""
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((n, n_layers, 8))
    half = n_targets // 2
    signal = [values[:, layer] @ rng.standard_normal((8, half)) / np.sqrt(8) for layer in (3, 1)]
    return values, np.hstack(signal) + 0.7 * rng.standard_normal((n, 2 * half))


def nouns(values, Y):
    stimuli = stimuli_of(len(Y))
    recording = xr.DataArray(
        Y[None],
        {"stimulus": stimuli.ids, "roi": ("target", ["IT"] * Y.shape[1])},
        ("repetition", "stimulus", "target"),
    )
    return Features.of(values, stimuli.ids), Recording(recording, "one"), Split.of_groups(stimuli)


def test_every_target_gets_its_layer_and_the_table_says_so():
    features, recording, split = nouns(*made())
    score = nested_layers(features, recording, split=split, alphas=FEW, n_permutations=19)
    assert (score.data.values > 0.5).all()
    assert score.attrs["cv"] == "fold-wise"
    assert abs(score.attrs["null_mean"]) < 0.1
    table = layer_table(score)
    assert table.set_index("layer")["times"].to_dict() == {0: 0, 1: 30, 2: 0, 3: 30, 4: 0, 5: 0}
    assert complaint(score.attrs) is None
    assert (score.data["roi"] == "IT").all()
    again = Score.from_xarray(score.to_xarray())
    assert again.attrs["times_chosen"] == score.attrs["times_chosen"]


def test_one_layer_for_all_targets():
    values, Y = made()
    features, recording, split = nouns(values, np.hstack([Y[:, :6], Y[:, :5], Y[:, 6:7]]))
    score = nested_layers(features, recording, split=split, shared=True, alphas=FEW, n_permutations=0)
    assert layer_table(score).set_index("layer")["share"].to_dict()[3] == 1.0
    assert abs(score.data.values[-1]) < 0.3 < score.data.values[0]


def test_a_constant_layer_is_skipped_with_a_reason_and_the_others_go_on():
    values, Y = made()
    whole = nested_layers(*nouns(values, Y)[:2], split=nouns(values, Y)[2], alphas=FEW, n_permutations=0)
    values[:, 4] = 0.25
    features, recording, split = nouns(values, Y)
    for score in (
        nested_layers(features, recording, split=split, alphas=FEW, n_permutations=0),
        stacked_layers(features, recording, split=split, alphas=FEW, n_permutations=0),
    ):
        assert score.attrs["layers_skipped"] == [4]
        assert score.attrs["skipped_because"] == "the same for all stimuli"
        assert score.attrs["layers"] == [0, 1, 2, 3, 5]
        assert np.isfinite(score.data.values).all()
    chosen = nested_layers(features, recording, split=split, alphas=FEW, n_permutations=0)
    np.testing.assert_array_equal(chosen.data.values, whole.data.values)
    values[:] = 0.25
    with pytest.raises(InvalidInput, match="All 6 layers are the same for all 150 stimuli"):
        nested_layers(*nouns(values, Y)[:2], split=split)


def test_on_noise_the_best_of_a_sweep_is_biased_and_the_nested_choice_and_its_p_are_not():
    rng = np.random.default_rng(1)
    features, recording, split = nouns(rng.standard_normal((120, 12, 6)), rng.standard_normal((120, 40)))
    sweep = encoding_score(features, recording, split=split, alphas=FEW, n_permutations=0)
    assert sweep.data.max("layer").mean() > 0.1
    score = nested_layers(features, recording, split=split, alphas=FEW[1:], n_permutations=2)
    assert abs(float(score.data.mean())) < 3 / np.sqrt(40 * 120)
    assert abs(float(score.null.mean())) < 3 / np.sqrt(2 * 40 * 120)


def test_a_mixture_of_layers_beats_each_of_them():
    rng = np.random.default_rng(2)
    values = rng.standard_normal((150, 4, 8))
    Y = sum(values[:, layer] @ rng.standard_normal((8, 10)) for layer in (0, 2)) + rng.standard_normal((150, 10))
    features, recording, split = nouns(values, Y)
    mixed = stacked_layers(features, recording, split=split, alphas=FEW, n_permutations=9)
    single = nested_layers(features, recording, split=split, alphas=FEW, n_permutations=0)
    assert float(mixed.data.mean()) > float(single.data.mean()) + 0.1
    assert np.sum(mixed.attrs["weights"]) == pytest.approx(1)
    assert np.take(mixed.attrs["weights"], [0, 2]).min() > 0.4
    assert abs(mixed.attrs["null_mean"]) < 0.1


def test_small_folds_are_pooled_and_need_their_null():
    features, recording, split = nouns(*(each[:40] for each in made()))
    with pytest.raises(InvalidInput, match="nothing without their null"):
        nested_layers(features, recording, split=split, n_permutations=0)
    score = nested_layers(features, recording, split=split, alphas=FEW, n_permutations=29)
    assert score.attrs["cv"] == "pooled"
    assert score.attrs["null_mean"] < 0


def test_a_broken_target_is_undefined_and_has_no_say():
    values, Y = made()
    damaged = Y.copy()
    damaged[:, 2], damaged[:, 5] = np.nan, 3.0
    features, recording, split = nouns(values, damaged)
    score = nested_layers(features, recording, split=split, alphas=FEW, n_permutations=9)
    assert np.flatnonzero(np.isnan(score.data.values)).tolist() == [2, 5]
    assert np.isnan(score.null.values[:, [2, 5]]).all()
    assert sum(score.attrs["times_chosen"]) == 10 * 5

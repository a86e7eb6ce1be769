"""Ceilings stand beside a score with their formula, bound what a perfect model reaches, and say why there is none."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from consona.alignment.ceilings import others_ceiling, pool_ceiling, repetition_ceiling, split_half_ceiling
from consona.core.dataset import Dataset
from consona.core.recording import Recording
from consona.core.score import Score
from consona.core.stimuli import Stimuli
from consona.stats.correlation import pearson_columns

N_STIMULI, N_TARGETS = 300, 40
IDS = np.array([f"s{i:03d}" for i in range(N_STIMULI)])


def recorded(seed, n_rep=3, noise=1.0, subject="a", signal_seed=0):
    signal = np.random.default_rng(signal_seed).standard_normal((N_STIMULI, N_TARGETS))
    noisy = signal + noise * np.random.default_rng(seed + 100).standard_normal((n_rep, N_STIMULI, N_TARGETS))
    data = xr.DataArray(noisy, {"stimulus": IDS}, ("repetition", "stimulus", "target"))
    return signal, Recording(data.assign_coords(channel=("target", np.arange(N_TARGETS) // 5)), subject)


def people(n, noise=1.0):
    stimuli = Stimuli(pd.DataFrame(index=pd.Index(IDS, name="stimulus")))
    recordings = tuple(recorded(i, 1, noise, f"p{i}")[1] for i in range(n))
    return Dataset(stimuli, recordings, "people", "1", "none", "nobody")


@pytest.mark.parametrize("ceiling_of", [repetition_ceiling, split_half_ceiling])
def test_a_perfect_model_reaches_its_ceiling_and_no_more(ceiling_of):
    signal, recording = recorded(0)
    ceiling = ceiling_of(recording)
    reached = pearson_columns(signal, recording.mean())
    # R = 3/4; SE of one estimate (1 - R) sqrt(3 / 300) = .025, of one correlation .015; 40 targets.
    assert float(ceiling.mean()) == pytest.approx(np.sqrt(0.75), abs=4 * 0.025 / np.sqrt(40) + 0.002)
    assert float(ceiling.mean()) == pytest.approx(reached.mean(), abs=4 * 0.03 / np.sqrt(40))
    assert ceiling.attrs["reason"] == ""
    np.testing.assert_allclose(ceiling.values**2, ceiling["reliability"].values)
    assert "sqrt" in ceiling.attrs["formula"]
    score = Score(xr.DataArray(reached[None], dims=("layer", "target")), "pearson r", "none", ceiling=ceiling)
    again = Score.from_xarray(score.to_xarray())
    assert again.ceiling.attrs == ceiling.attrs
    np.testing.assert_array_equal(again.ceiling["channel"], ceiling["channel"])


@pytest.mark.parametrize("ceiling_of", [repetition_ceiling, split_half_ceiling])
def test_an_offset_of_a_whole_repetition_is_no_noise(ceiling_of):
    """Days with a level of their own: the mean over them loses nothing, so a perfect model does not either."""
    signal, recording = recorded(3)
    offset = 2.0 * np.random.default_rng(4).standard_normal((3, 1, N_TARGETS))
    shifted = Recording(recording.data + offset, "a")
    np.testing.assert_allclose(ceiling_of(shifted), ceiling_of(recording), atol=1e-10)
    reached = pearson_columns(signal, shifted.mean())
    assert float(ceiling_of(shifted).mean()) == pytest.approx(reached.mean(), abs=4 * 0.03 / np.sqrt(40))


def test_missing_repetitions_and_targets_are_counted():
    _, recording = recorded(1)
    data = recording.data.copy()
    data[1:, :100], data[:, :, 3] = np.nan, np.nan
    holes = Recording(data, "a")
    ceiling = repetition_ceiling(holes)
    assert ceiling.attrs["n_undefined"] == 1
    # 100 stimuli once, 200 three times: mean of 1 / n is 5/9
    assert float(ceiling.mean()) == pytest.approx(np.sqrt(1 / (1 + 5 / 9)), abs=0.02)
    whole = split_half_ceiling(Recording(recording.data[:, 100:], "a"))
    np.testing.assert_array_equal(split_half_ceiling(holes)[4:], whole[4:])


def test_subjects_bound_from_below_and_their_pools_reach_the_limit():
    """Shared variance 1, own 1: with n others r = sqrt(1/2) / sqrt(1 + 1/n)."""
    dataset = people(6)
    lower, limit = others_ceiling(dataset), pool_ceiling(dataset)
    assert lower.dims == ("subject", "target")
    assert lower["subject"].values.tolist() == dataset.subjects
    assert float(lower.mean()) == pytest.approx(np.sqrt(0.5 / 1.2), abs=0.02)
    assert float(limit.mean()) == pytest.approx(np.sqrt(0.5), abs=0.03)
    assert limit.dims == ("target",)
    some = Dataset(dataset.stimuli, (*dataset.recordings[:5], dataset.recordings[5].select(IDS[::-2])), *["x"] * 4)
    np.testing.assert_allclose(others_ceiling(some).mean(), lower.mean(), atol=0.03)


def test_where_there_is_no_ceiling_the_reason_is_said():
    _, single = recorded(2, n_rep=1)
    wider = Recording.of(np.zeros((N_STIMULI, 2)), IDS, "z")
    few = Recording.of(np.full((2, 5, 1), np.arange(5.0)[:, None]), IDS[:5], "q")
    gaps = few.data.astype(float).copy()
    gaps[1, :4] = np.nan
    three = people(3)
    mixed = Dataset(three.stimuli, (*three.recordings, wider), "mixed", "1", "none", "nobody")
    for ceiling, words in (
        (repetition_ceiling(single), "one repetition"),
        (split_half_ceiling(single), "one repetition"),
        (split_half_ceiling(Recording(gaps, "q")), "of 5 stimuli of subject 'q', 1 have"),
        (others_ceiling(people(1)), "'people' holds 1 recorded subjects"),
        (pool_ceiling(three), "takes at least 4"),
        (others_ceiling(mixed), "2 to 40 targets"),
    ):
        assert np.isnan(ceiling.values).all()
        assert ceiling.dims == ()
        assert words in ceiling.attrs["reason"]
        Score(xr.DataArray([0.1], dims="target"), "pearson r", "none", ceiling=ceiling)

"""Tensors: windows and shifts as by hand, scales that know only what they may, and bad recordings named."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from consona.brain.tensors import DIMS, epoch_tensor, window_tensor
from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput
from consona.core.recording import Recording
from consona.core.stimuli import Stimuli

CHANNELS, BANDS = np.array(["Fz", "Cz", "Pz"]), np.array(["alpha", "beta"])
N_SUBJECTS, N_CLIPS, N_SECONDS = 3, 4, 12


def dataset_of(stimuli, recordings):
    return Dataset(stimuli, tuple(recordings), "made", "1", "none", "none", synthetic=True)


def windows(values, lengths=None, edit=None):
    """1-s windows from ``(n_subjects, n_clips, n_seconds, n_channels, n_bands)``, rows in a mixed order."""
    n_seconds = values.shape[2]
    rows = [(c, t) for c in range(values.shape[1]) for t in range((lengths or [n_seconds] * values.shape[1])[c])]
    rows = [rows[i] for i in np.random.default_rng(9).permutation(len(rows))]
    clip = [f"clip{c}" for c, _ in rows]
    columns = {"clip": clip, "emotion": [f"e{c % 2}" for c, _ in rows], "start_s": [float(t) for _, t in rows]}
    ids = [f"clip{c}w{t:02d}" for c, t in rows]
    stimuli = Stimuli(pd.DataFrame(columns, index=ids))
    targets = {"channel": np.repeat(CHANNELS, 2), "band": np.tile(BANDS, 3)}
    made = []
    for s, each in enumerate(values):
        table = np.stack([each[c, t].ravel() for c, t in rows])
        recording = Recording.of(table, ids, f"s{s}", {"cohort": 1 + s % 2}, targets=targets)
        made.append(edit(recording) if edit and s == 1 else recording)
    return dataset_of(stimuli, made)


@pytest.fixture(scope="module")
def values():
    return np.random.default_rng(0).standard_normal((N_SUBJECTS, N_CLIPS, N_SECONDS, 3, 2)) * 2 + 7


def in_order(tensor):
    return tensor.sel(stimulus=[f"clip{c}" for c in range(N_CLIPS)])


def test_windows_and_shifts_are_means_over_what_lies_within_the_clip(values):
    tensor = in_order(window_tensor(windows(values), window_s=4, shifts_s=(-1, 0, 3), scaling="none"))
    assert tensor.dims == DIMS
    assert tensor.dtype == np.float32
    assert tensor.shape == (3, 4, 3, 3, 3, 2)
    assert tensor["window"].values.tolist() == [0.0, 4.0, 8.0]
    by_hand = {(-1.0, 0): slice(0, 3), (-1.0, 2): slice(7, 11), (0.0, 1): slice(4, 8), (3.0, 0): slice(3, 7)}
    by_hand[3.0, 2] = slice(11, 12)  # one second is left of the last window
    for (shift, window), seconds in by_hand.items():
        found = tensor.sel(shift=shift).isel(window=window).values
        np.testing.assert_allclose(found, values[:, :, seconds].mean(axis=2), rtol=1e-6)
    assert tensor["emotion"].values.tolist() == ["e0", "e1", "e0", "e1"]
    assert tensor["cohort"].values.tolist() == ["1", "2", "1"]
    assert (tensor.attrs["synthetic"], tensor.attrs["transductive"], tensor.attrs["window_s"]) == (1, 0, 4.0)


def test_within_subject_scaling_makes_clip_means_zero_and_one(values):
    tensor = window_tensor(windows(values), window_s=4, shifts_s=(0,), scaling="subject")
    means = tensor.values.mean(axis=3)
    np.testing.assert_allclose(means.mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(means.std(axis=1), 1, rtol=1e-5)
    assert tensor.attrs["transductive"] == 1
    assert "transductive" in tensor.attrs["note"]
    other = window_tensor(windows(3 * values - 5), window_s=4, shifts_s=(0,), scaling="subject")
    np.testing.assert_allclose(other.values, tensor.values, atol=1e-4)


def test_causal_scaling_follows_the_order_of_presentation(values):
    order = xr.DataArray(
        [[1, 2, 3, 4], [4, 3, 2, 1], [2, 1, 4, 3]],
        {"subject": ["s0", "s1", "s2"], "stimulus": [f"clip{c}" for c in range(4)]},
        ("subject", "stimulus"),
    )
    later = values.copy()
    later[0, 3] += 50
    first, second = (
        in_order(window_tensor(windows(v), window_s=4, shifts_s=(0,), scaling="causal", order=order))
        for v in (values, later)
    )
    assert np.array_equal(first.values[0, :3], second.values[0, :3])
    np.testing.assert_allclose(first.values[0, 0].mean(axis=1), 0, atol=1e-6)
    np.testing.assert_allclose(
        first.values[1, 2, 0], values[1, 2].reshape(3, 4, 3, 2).mean(axis=1) - values[1, 3].mean(axis=0), rtol=1e-4
    )
    assert first.attrs["transductive"] == 0
    with pytest.raises(InvalidInput, match="needs order="):
        window_tensor(windows(values), window_s=4, scaling="causal")
    with pytest.raises(InvalidInput, match="no row for subject 's2'"):
        window_tensor(windows(values), window_s=4, scaling="causal", order=order[:2])
    with pytest.raises(InvalidInput, match="'clip3'"):
        window_tensor(windows(values), window_s=4, scaling="causal", order=order[:, :3])


def test_channels_in_another_order_are_put_in_order_by_their_names(values):
    def turned(recording):
        return Recording(recording.data[:, :, ::-1], recording.subject, recording.attrs)

    tensors = [window_tensor(windows(values, edit=edit), window_s=4, scaling="none") for edit in (None, turned)]
    xr.testing.assert_identical(*tensors)


def without_clip(recording):
    return recording.select(~np.char.startswith(recording.ids, "clip2"))


def with_nan(recording):
    data = recording.data.copy()
    data[:, :, data["channel"].values == "Cz"] = np.nan
    return Recording(data, recording.subject, recording.attrs)


def without_channel(recording):
    return Recording(recording.data[:, :, recording.data["channel"].values != "Pz"], recording.subject)


def with_other_name(recording):
    names = np.where(recording.data["channel"].values == "Fz", "T7", recording.data["channel"].values)
    return Recording(recording.data.assign_coords(channel=("target", names)), recording.subject)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (without_clip, "'s1' has no responses to 12 of 48 stimuli: 'clip2w00'"),
        (with_nan, "'s1': channels 'Cz' hold NaN in 2 targets"),
        (without_channel, "'s1' has 2 channels and the first subject 3: missing are 'Pz'"),
        (with_other_name, "missing are 'Fz', further ones 'T7'"),
        (lambda r: Recording.of(r.mean(), r.ids, "s1"), "'s1' carries no 'channel', 'band'"),
        (lambda r: Recording(r.data[:, :, :-1], "s1"), "'s1' has 5 targets for 3 channels and 2 bands"),
    ],
)
def test_a_bad_recording_is_named(values, edit, words):
    with pytest.raises(InvalidInput, match=words):
        window_tensor(windows(values, edit=edit), window_s=4)


def test_clips_of_different_length_give_their_ends(values):
    data = windows(values, lengths=[12, 8, 12, 10])
    with pytest.raises(InvalidInput, match="8 to 12 windows .* last_s="):
        window_tensor(data, window_s=4)
    tensor = in_order(window_tensor(data, window_s=4, shifts_s=(0,), scaling="none", last_s=8))
    np.testing.assert_allclose(tensor.values[:, 1, 0, 0], values[:, 1, 0:4].mean(axis=1), rtol=1e-6)
    np.testing.assert_allclose(tensor.values[:, 0, 0, 1], values[:, 0, 8:12].mean(axis=1), rtol=1e-6)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"window_s": 5}, "windows fill the clip"),
        ({"window_s": 4, "shifts_s": (1, 2)}, "no shift"),
        ({"window_s": 4, "shifts_s": (0, 0.5)}, "multiples of a step"),
        ({"window_s": 4, "shifts_s": (0, -4)}, "out of its clip"),
        ({"window_s": 4, "scaling": "z"}, "Scaling 'z' is unknown"),
    ],
)
def test_windows_that_do_not_fit_are_said(values, settings, words):
    with pytest.raises(InvalidInput, match=words):
        window_tensor(windows(values), **settings)


def epochs(rates=(200.0, 200.0), n_samples=(50, 50)):
    rng = np.random.default_rng(5)
    stimuli = Stimuli(pd.DataFrame({"emotion": ["joy", "fear"]}, index=["clip1", "clip2"]))
    made = []
    for s, (rate, n) in enumerate(zip(rates, n_samples, strict=True)):
        names = CHANNELS if s == 0 else CHANNELS[::-1]
        targets = {"channel": np.repeat(names, n), "time": np.tile(np.arange(n) / 200.0, 3)}
        attrs = {} if rate is None else {"rate_hz": rate}
        made.append(
            Recording.of(rng.standard_normal((2, 3 * n)) * 20, ["clip1", "clip2"], f"s{s}", attrs, targets=targets)
        )
    return dataset_of(stimuli, made)


def test_raw_epochs_keep_every_sample_under_the_name_of_its_channel():
    data = epochs()
    tensor = epoch_tensor(data)
    assert tensor.dims == DIMS
    assert tensor.shape == (2, 2, 1, 50, 3, 1)
    assert tensor.attrs["rate_hz"] == 200.0
    turned = data.recordings[1].mean().reshape(2, 3, 50)[:, ::-1]
    np.testing.assert_allclose(tensor.values[1, :, 0, :, :, 0], turned.transpose(0, 2, 1), rtol=1e-6)
    scaled = epoch_tensor(data, scaling="subject").values
    np.testing.assert_allclose(scaled.std(axis=(1, 3)), 1, rtol=1e-5)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"rates": (200.0, 250.0)}, "'s1: 250.0 Hz'"),
        ({"rates": (200.0, None)}, "without a stated rate: 's1'"),
        ({"n_samples": (50, 48)}, "'s1' has 48 times and the first subject 50"),
    ],
)
def test_mixed_rates_and_lengths_are_refused(settings, words):
    with pytest.raises(InvalidInput, match=words):
        epoch_tensor(epochs(**settings))

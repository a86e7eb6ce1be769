"""Cleaning: planted blinks go, planted rhythms stay, a loud channel is rebuilt from its neighbours."""

import mne
import numpy as np
import pytest

from consona.brain.cleaning import _filtered, cleaned_clips, loud_channels, resampled_clip
from consona.brain.eeg import band_power
from consona.core.errors import InvalidInput
from consona.datasets.faced_clips import CHANNELS

RATE, N_CLIPS, N_SAMPLES = 250.0, 4, 2000


@pytest.fixture(scope="module")
def planted():
    """Noise that is smooth over the head, 10 Hz of 8 microvolts (RMS) at Oz, and blinks that are strongest at Fp1."""
    rng = np.random.default_rng(0)
    places = mne.channels.make_standard_montage(montage()).get_positions()["ch_pos"]
    where = np.array([places[name] for name in CHANNELS])
    distance = np.linalg.norm(where[:, None] - where[None], axis=-1)
    smooth = np.linalg.cholesky(np.exp(-distance / 0.05))
    signal = 10 * smooth @ rng.standard_normal((N_CLIPS, len(CHANNELS), N_SAMPLES))
    signal[:, CHANNELS.index("Oz")] += 8 * np.sqrt(2) * np.sin(2 * np.pi * 10 * np.arange(N_SAMPLES) / RATE)
    blinks = np.zeros((N_CLIPS, N_SAMPLES))
    for clip in blinks:
        for start in rng.choice(np.arange(100, N_SAMPLES - 200, 100), 3, replace=False):
            clip[start : start + 60] += np.hanning(60)
    front = np.exp(-distance[CHANNELS.index("Fp1")] / 0.05) + np.exp(-distance[CHANNELS.index("Fp2")] / 0.05)
    signal += 150 * front[None, :, None] * blinks[:, None]
    return signal, blinks


def montage():
    return "colin27_1005" if "colin27_1005" in mne.channels.get_builtin_montages() else "standard_1005"


def follows(signal, blinks, channel):
    return abs(np.corrcoef(signal[:, CHANNELS.index(channel)].ravel(), blinks.ravel())[0, 1])


def test_blinks_go_and_a_rhythm_stays(planted):
    signal, blinks = planted
    cleaned = cleaned_clips(signal, rate_hz=RATE, channels=CHANNELS)
    assert cleaned.interpolated == ()
    assert cleaned.n_removed >= 1
    assert follows(signal, blinks, "Fp1") > 0.8
    # Chance level of a correlation over 8,000 samples is .011; what is left must explain less than one per cent.
    assert max(follows(cleaned.signal, blinks, name) for name in ("Fp1", "Fp2", "F3", "Cz")) < 0.1
    np.testing.assert_allclose(cleaned.signal.mean(axis=1), 0, atol=1e-9)
    oz = band_power(cleaned.signal[:, [CHANNELS.index("Oz")]], rate_hz=RATE)[..., 2].mean()
    # The common average takes 1/32 of the sine; white noise of 100 adds at most 6 of 125 Hz. Over 32 windows the noise
    # within the taper's 1.5 Hz (power 1.2) makes a standard error of sqrt(2 * 64 * 1.2 / 32) = 2.2.
    assert 64 * (31 / 32) ** 2 - 7 < oz < 64 * (31 / 32) ** 2 + 100 * 6 / 125 + 7


def test_a_loud_channel_is_found_and_rebuilt_and_others_keep_their_names(planted):
    signal, _ = planted
    broken = signal[:2].copy()
    broken[:, CHANNELS.index("C3")] = 300 * np.random.default_rng(1).standard_normal((2, N_SAMPLES))
    assert loud_channels(broken - broken.mean(axis=-1, keepdims=True), CHANNELS)[-1:] == ("C3",)
    cleaned = cleaned_clips(broken, rate_hz=RATE, channels=CHANNELS, bad=("Pz",))
    assert cleaned.interpolated == ("C3", "Pz")
    assert cleaned.signal[:, CHANNELS.index("C3")].std() < 30
    with pytest.raises(InvalidInput, match=r"9 of 32 channels are bad: 'Fp1'.*a quarter"):
        cleaned_clips(signal[:1], rate_hz=RATE, channels=CHANNELS, bad=CHANNELS[:9])
    with pytest.raises(InvalidInput, match=r"no place in the 10-20 system"):
        cleaned_clips(signal[:1], rate_hz=RATE, channels=["X", *CHANNELS[1:]])


def test_the_filter_of_one_clip_sees_no_other(planted):
    signal, _ = planted
    offset = signal[:2].copy()
    offset[1] += 5000.0  # another level of the amplifier in the second clip
    alike = [_filtered(mne, each, RATE, 0.05, 47.0) for each in (signal[:2], offset, signal[:1])]
    np.testing.assert_array_equal(alike[0][0], alike[1][0])
    np.testing.assert_array_equal(alike[0][:1], alike[2])
    np.testing.assert_allclose(alike[0][1], alike[1][1], atol=1e-6)


def test_a_slower_rate_keeps_slow_waves_and_folds_no_fast_ones():
    time = np.arange(4000) / 1000
    both = np.stack([np.sin(2 * np.pi * 10 * time), np.sin(2 * np.pi * 230 * time)])
    slow = resampled_clip(both, 1000, 250)
    np.testing.assert_allclose(slow[0], both[0, ::4], atol=0.02)
    assert np.abs(slow[1, 50:-50]).max() < 0.02
    with pytest.raises(InvalidInput, match="250 Hz cannot be had at 500 Hz"):
        resampled_clip(both, 250, 500)

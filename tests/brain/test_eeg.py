"""Band features: equal to Welch, blind to offsets, comparable between sampling rates, and frank about bad channels."""

import numpy as np
import pytest
from scipy.signal import welch

from consona.brain.eeg import FACED_BANDS, band_differential_entropy, band_power
from consona.core.errors import InvalidInput


def _welch_entropy(signal, rate_hz, window_s=1.0):
    """The oracle: SciPy's Welch, one window at a time, bands summed and multiplied by the spacing."""
    n = round(rate_hz * window_s)
    windows = np.asarray(signal, dtype=np.float64)[..., : signal.shape[-1] // n * n].reshape(*signal.shape[:-1], -1, n)
    frequency, density = welch(windows, rate_hz, window="hann", nperseg=n, detrend="constant")
    bands = [density[..., (frequency >= low) & (frequency < high)].sum(axis=-1) for low, high in FACED_BANDS.values()]
    return 0.5 * np.log(2 * np.pi * np.e * np.stack(bands, axis=-1) * frequency[1])


@pytest.mark.parametrize(
    ("rate_hz", "window_s"), [(250.0, 1.0), (1000.0, 1.0), (200.0, 2.0), (128.0, 4.0), (251.0, 1.0)]
)
def test_equals_welch(frozen, rate_hz, window_s):
    rng = np.random.default_rng(1)
    signal = frozen(
        rng.standard_normal((2, 3, int(9.3 * rate_hz))).cumsum(axis=-1) + 20 * rng.standard_normal((2, 3, 1))
    )
    ours = band_differential_entropy(signal, rate_hz=rate_hz, window_s=window_s)
    assert ours.shape == (2, 3, int(9.3 // window_s), 5)
    np.testing.assert_allclose(ours, _welch_entropy(signal, rate_hz, window_s), rtol=0, atol=1e-9)


@pytest.mark.parametrize("offset", [0.0, 50.0, 1e4])
def test_float32_stays_within_the_stated_error(frozen, offset):
    signal = frozen((10 * np.random.default_rng(2).standard_normal((4, 32, 7500)) + offset).astype(np.float32))
    ours = band_differential_entropy(signal, rate_hz=250.0)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, _welch_entropy(signal, 250.0), rtol=0, atol=2e-5)


def test_recovers_the_variance_of_a_sine_in_its_band_only():
    t = np.arange(2500) / 250.0
    power = band_power(3.0 * np.sin(2 * np.pi * 20 * t)[None] + 7.0, rate_hz=250.0)
    # Half the squared amplitude; a Hann taper spreads it over 19 to 21 Hz, all within beta.
    np.testing.assert_allclose(power[0, :, 3], 4.5, rtol=1e-12)
    np.testing.assert_allclose(power[0][:, [0, 1, 2, 4]], 0.0, atol=1e-20)


def test_white_noise_has_the_expected_power_in_every_band():
    n, rate_hz = 4000, 250.0
    power = band_power(np.random.default_rng(3).standard_normal((1, int(rate_hz) * n)), rate_hz=rate_hz)[0]
    expected = np.array([high - low for low, high in FACED_BANDS.values()]) * 2 / rate_hz
    # Each bin is exponential (SD = mean); the taper makes neighbours share at most 2/3 of it: 5 SD of the mean of n.
    n_bins = expected * rate_hz / 2
    np.testing.assert_allclose(power.mean(axis=0) / expected, 1.0, atol=5 * np.sqrt(3 / (n * n_bins.min())))


def test_mixed_sampling_rates_compare():
    """The same 30 s, band-limited to 60 Hz, sampled at 250 and at 1000 Hz, give the same features."""
    rng = np.random.default_rng(4)
    spectrum = np.zeros((3, 15001), dtype=complex)
    spectrum[:, 30:1800] = rng.standard_normal((3, 1770)) + 1j * rng.standard_normal((3, 1770))
    fast = np.fft.irfft(spectrum, n=30_000, axis=-1) * 1000
    slow = fast[:, ::4]
    one = band_differential_entropy(fast, rate_hz=1000.0)
    other = band_differential_entropy(slow, rate_hz=250.0)
    # What leaks past the taper folds differently at the two rates: little, as the taper's lobes fall with the cube of
    # the distance. Delta also holds the removed mean, an untapered sum, whose lobes fall with the distance only.
    np.testing.assert_allclose(other[..., 1:], one[..., 1:], rtol=0, atol=1e-3)
    np.testing.assert_allclose(other[..., 0], one[..., 0], rtol=0, atol=0.05)
    # The wrong rate is no small error: bands move by a factor of four.
    wrong = band_differential_entropy(fast, rate_hz=250.0)
    assert abs(wrong.mean() - one.mean()) > 0.1


def test_units_shift_entropy_by_their_logarithm():
    signal = np.random.default_rng(5).standard_normal((2, 1000))
    microvolts, volts = (band_differential_entropy(signal * k, rate_hz=250.0) for k in (1.0, 1e-6))
    np.testing.assert_allclose(microvolts - volts, np.log(1e6), rtol=1e-12)


def test_a_flat_channel_has_no_entropy_and_leaves_the_others_alone():
    signal = np.random.default_rng(6).standard_normal((3, 1000))
    without = band_differential_entropy(signal, rate_hz=250.0)
    signal[1] = 7.0
    flat = band_differential_entropy(signal, rate_hz=250.0)
    assert np.isnan(flat[1]).all()
    np.testing.assert_array_equal(flat[[0, 2]], without[[0, 2]])


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_a_broken_channel_is_named(broken):
    signal = np.random.default_rng(7).standard_normal((2, 3, 1000)).astype(np.float32)
    signal[1, 2, 250] = broken  # the first sample of a window, where the taper is zero
    with pytest.raises(InvalidInput, match=r"1 of 3 channels.*Pz \(1 samples\)"):
        band_differential_entropy(signal, rate_hz=250.0, channels=["Fz", "Cz", "Pz"])
    with pytest.raises(InvalidInput, match=r"infinite samples: 2 \("):
        band_differential_entropy(signal, rate_hz=250.0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rate_hz": 80.0}, "Band 'gamma' is 30 to 47 Hz.*frequencies up to 40 Hz"),
        ({"rate_hz": 250.0, "window_s": 0.2}, "Band 'delta'"),
        ({"rate_hz": 250.0, "window_s": 0.333}, "whole number"),
        ({"rate_hz": 250.0, "window_s": 5.0}, "1000 samples and a window 1250"),
    ],
)
def test_what_cannot_be_resolved_is_refused(settings, message):
    with pytest.raises(InvalidInput, match=message):
        band_power(np.zeros((1, 1000)), **settings)

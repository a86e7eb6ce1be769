"""Band features of one FACED subject from raw EEG, beside SciPy's Welch on all windows at once.

``python benchmarks/bands.py``. 28 clips x 32 channels x 7500 samples at 250 Hz, 1 s windows, five bands. consona in
float32. SciPy twice: in float64, as it runs on the arrays that the release holds, and in float32. The limit is the one
product that makes the spectra (the windows times 92 sines and cosines), at the rate of a square matrix product.
"""

from functools import partial

import numpy as np

from rates import Facts, Row, Side, show, sized, timed

SHAPE, RATE_HZ = sized((28, 32, 7500), (2, 3, 750)), 250.0


def signal() -> np.ndarray:
    """Noise that falls with frequency, 15 microvolts, with a slow drift: the spectrum of a filtered recording."""
    rng = np.random.default_rng(40)
    spectrum = np.fft.rfft(rng.standard_normal(SHAPE), axis=-1)
    spectrum /= np.sqrt(np.maximum(np.arange(spectrum.shape[-1]), 1))
    noise = np.fft.irfft(spectrum, n=SHAPE[-1], axis=-1)
    return (15 * noise / noise.std() + 20 * np.sin(np.linspace(0, 3, SHAPE[-1]))).astype(np.float32)


def by_welch(x: np.ndarray) -> np.ndarray:
    """Differential entropy by SciPy, vectorised over clips, channels and windows."""
    from scipy.signal import welch

    from consona.brain.eeg import FACED_BANDS

    frequency, density = welch(x.reshape(*SHAPE[:2], -1, 250), RATE_HZ, window="hann", nperseg=250, detrend="constant")
    power = [density[..., (frequency >= low) & (frequency < high)].sum(axis=-1) for low, high in FACED_BANDS.values()]
    return 0.5 * np.log(2 * np.pi * np.e * np.stack(power, axis=-1))


def ours() -> Facts:
    """All bands."""
    from consona.brain.eeg import band_differential_entropy

    x = signal()
    return timed(lambda: band_differential_entropy(x, rate_hz=RATE_HZ), flops=2 * x.size * 92, repeats=15)


def welch(dtype: str) -> Facts:
    """The peer, and how far consona is."""
    from consona.brain.eeg import band_differential_entropy

    x = signal()
    given = x.astype(dtype)
    found = timed(lambda: by_welch(given), repeats=5)
    apart = np.abs(band_differential_entropy(x, rate_hz=RATE_HZ) - by_welch(x.astype(np.float64))).max()
    return found | {"difference to Welch in float64": float(apart)}


SIDES = {
    "consona": Side(ours),
    "SciPy welch, float64": Side(partial(welch, "float64"), ("scipy",), "float64", "all windows in one call"),
    "SciPy welch, float32": Side(partial(welch, "float32"), ("scipy",), "float32", "all windows in one call"),
}
ROWS = (
    Row(
        "EEG bands of 28 x 32 x 7,500 samples",
        "consona",
        ("SciPy welch, float64", "SciPy welch, float32"),
        reach={"SciPy welch": 15},
        agreement={"difference to Welch in float64": ("<=", 2e-5)},
    ),
)

if __name__ == "__main__":
    show(__file__)

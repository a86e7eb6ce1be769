"""Band features of one FACED subject from raw EEG, beside SciPy's Welch on all windows at once.

``python benchmarks/bands.py [--repeats 7]``. 28 clips x 32 channels x 7500 samples at 250 Hz, 1 s windows, five bands.
consona in float32. SciPy twice: in float64, as it runs on the arrays that the release holds, and in float32.
"""

import numpy as np

from rates import Facts, copy_gbytes, cpu_seconds, report

SHAPE, RATE_HZ = (28, 32, 7500), 250.0


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

    frequency, density = welch(x.reshape(28, 32, 30, 250), RATE_HZ, window="hann", nperseg=250, detrend="constant")
    power = [density[..., (frequency >= low) & (frequency < high)].sum(axis=-1) for low, high in FACED_BANDS.values()]
    return 0.5 * np.log(2 * np.pi * np.e * np.stack(power, axis=-1))


def ours() -> Facts:
    """All bands, the time of one copy of the data, and how far the entropy is from Welch in float64."""
    from consona.brain.eeg import band_differential_entropy

    x = signal()
    seconds = cpu_seconds(lambda: band_differential_entropy(x, rate_hz=RATE_HZ), repeats=15)
    copies = seconds / (2 * x.nbytes / copy_gbytes() / 1e9)
    apart = np.abs(band_differential_entropy(x, rate_hz=RATE_HZ) - by_welch(x.astype(np.float64))).max()
    return {"seconds": seconds, "copies of the data": copies, "largest difference": float(apart)}


def welch_float64() -> Facts:
    """The peer on float64."""
    x = signal().astype(np.float64)
    return {"seconds": cpu_seconds(lambda: by_welch(x), repeats=5)}


def welch_float32() -> Facts:
    """The peer on float32."""
    x = signal()
    return {"seconds": cpu_seconds(lambda: by_welch(x), repeats=5)}


def main() -> None:
    """Print all figures."""
    peers = {"SciPy welch, float64": welch_float64, "SciPy welch, float32": welch_float32}
    found = report(__file__, {"consona": ours, **peers}, repeats=7)
    for name in peers:
        print(f"consona is {found[name]['seconds'] / found['consona']['seconds']:.1f} times as fast as {name}")


if __name__ == "__main__":
    main()

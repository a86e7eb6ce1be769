"""Band features of EEG: how strong the signal is in each frequency band, window by window."""

from collections.abc import Mapping, Sequence

import numpy as np

from consona.core.errors import InvalidInput
from consona.stats.shapes import Float, Int, Real

__all__ = ["FACED_BANDS", "band_differential_entropy", "band_power"]

# Half-open, lower edge included, as the FACED release names them for its spectral analysis (Hz).
FACED_BANDS: Mapping[str, tuple[float, float]] = {
    "delta": (1.0, 4.0),
    "theta": (4.0, 8.0),
    "alpha": (8.0, 14.0),
    "beta": (14.0, 30.0),
    "gamma": (30.0, 47.0),
}
_BLOCK = 1024  # windows at a time: signal and spectrum of a block stay in the cache of the processor


def band_differential_entropy(
    signal: Real[np.ndarray, "... n_channels n_samples"],
    *,
    rate_hz: float,
    bands: Mapping[str, tuple[float, float]] = FACED_BANDS,
    window_s: float = 1.0,
    channels: Sequence[str] | None = None,
) -> Float[np.ndarray, "... n_channels n_windows n_bands"]:
    r"""Differential entropy of every channel, window and band, in nats.

    .. math:: h = \tfrac12 \ln(2 \pi e P_b)

    with :math:`P_b` the power of :func:`band_power`: the entropy of a Gaussian of that variance (Duan, Zhu and Lu
    2013). It shifts by :math:`\ln k` when the signal's unit is multiplied by *k*; the corpora use microvolts. A band
    without any power (a flat channel) has no entropy: NaN.

    Raises
    ------
    InvalidInput
        As :func:`band_power`.
    """
    power = band_power(signal, rate_hz=rate_hz, bands=bands, window_s=window_s, channels=channels)
    entropy = np.full_like(power, np.nan)
    np.log(power, out=entropy, where=power > 0)
    entropy += np.log(2.0 * np.pi * np.e)
    entropy *= 0.5
    return entropy


def band_power(
    signal: Real[np.ndarray, "... n_channels n_samples"],
    *,
    rate_hz: float,
    bands: Mapping[str, tuple[float, float]] = FACED_BANDS,
    window_s: float = 1.0,
    channels: Sequence[str] | None = None,
) -> Float[np.ndarray, "... n_channels n_windows n_bands"]:
    r"""Variance of every channel in every window and band, in squared units of the signal.

    Welch's spectrum (1967) of one window each: periodic Hann taper *w*, mean removed, one-sided density; the band sums
    the frequencies :math:`lo \le f < hi`, times their spacing. With *N* samples at :math:`f_s`,

    .. math:: P_b = \sum_{k \in b} \frac{2}{N \sum_t w_t^2}
              \left| \sum_t w_t (x_t - \bar x)\, e^{-2 \pi i k t / N} \right|^2 .

    The transform is one matrix product per block of windows. The mean is removed inside the matrix: its columns are
    centred, so a constant added to the signal changes nothing. Frequencies and power do not depend on the sampling
    rate, so recordings at 250 and 1000 Hz compare, each with its own ``rate_hz``.

    Parameters
    ----------
    signal
        float32 stays float32; anything else is computed in float64.
    rate_hz
        Samples per second of this recording.
    bands
        Name to (lowest, highest) frequency in Hz, the highest excluded; the order is that of the last axis.
    window_s
        Length of a window in seconds, a whole number of samples. Windows do not overlap; samples after the last whole
        window are left out.
    channels
        Names for messages; without them channels are counted from 0.

    Raises
    ------
    InvalidInput
        When a channel is not finite (it is named), the recording is shorter than a window, the window is no whole
        number of samples, or the rate or the window cannot resolve a band.
    """
    n_window = _window_samples(signal.shape[-1], rate_hz, window_s)
    D, members = _transform(n_window, rate_hz, bands)
    dtype = np.float32 if signal.dtype == np.float32 else np.float64
    D, members = D.astype(dtype), members.astype(dtype)
    n_windows = signal.shape[-1] // n_window
    used = signal[..., : n_windows * n_window].reshape(-1, n_window)
    power = np.empty((len(used), len(bands)), dtype=dtype)
    with np.errstate(invalid="ignore"):  # samples that are not finite make power that is not, and are named below
        for start in range(0, len(used), _BLOCK):
            block: np.ndarray = used[start : start + _BLOCK].astype(dtype, copy=False)
            spectrum = (block - block[:, :1]) @ D  # without its offset a block loses no digits in float32
            np.square(spectrum, out=spectrum)
            np.matmul(spectrum, members, out=power[start : start + _BLOCK])
    if not np.all(np.isfinite(power)):
        _require_finite(signal, channels)
    return power.reshape(*signal.shape[:-1], n_windows, len(bands))


def _transform(
    n_window: int, rate_hz: float, bands: Mapping[str, tuple[float, float]]
) -> tuple[Float[np.ndarray, "n_window n_columns"], Int[np.ndarray, "n_columns n_bands"]]:
    """The tapered, centred and scaled cosines and sines, and which of them belong to which band."""
    frequency = np.arange(n_window // 2 + 1) * (rate_hz / n_window)
    inside = np.stack([(frequency >= low) & (frequency < high) for low, high in bands.values()], axis=1)
    for (name, (low, high)), members in zip(bands.items(), inside.T, strict=True):
        if high > rate_hz / 2 or not members.any():
            raise InvalidInput(
                f"Band '{name}' is {low:g} to {high:g} Hz; a rate of {rate_hz:g} Hz with windows of {n_window} samples "
                f"has frequencies up to {rate_hz / 2:g} Hz, {rate_hz / n_window:g} Hz apart: the band is not "
                "resolved. Leave it out, lengthen the windows, or use data sampled faster."
            )
    k = np.flatnonzero(inside.any(axis=1))
    taper = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(n_window) / n_window)
    angle = (2.0 * np.pi / n_window) * (np.outer(np.arange(n_window), k) % n_window)
    D = taper[:, None] * np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
    # Half the sampling rate lies in no band (upper edges are excluded), so every frequency stands for two.
    scale = np.sqrt(2.0 / (n_window * np.sum(taper**2)))
    return (D - D.mean(axis=0)) * scale, np.tile(inside[k], (2, 1)).astype(np.int64)


def _window_samples(n_samples: int, rate_hz: float, window_s: float) -> int:
    n_window = round(rate_hz * window_s)
    if n_window < 2 or abs(n_window - rate_hz * window_s) > 1e-6 * n_window:
        raise InvalidInput(
            f"A window of {window_s:g} s at {rate_hz:g} Hz is {rate_hz * window_s:g} samples; it must be a whole "
            "number, at least 2. Choose another window."
        )
    if n_samples < n_window:
        raise InvalidInput(
            f"The recording has {n_samples} samples and a window {n_window} ({window_s:g} s at {rate_hz:g} Hz); "
            "at least one whole window is needed. Check rate_hz, or use shorter windows."
        )
    return n_window


def _require_finite(signal: np.ndarray, channels: Sequence[str] | None) -> None:
    broken = ~np.isfinite(signal)
    if not broken.any():
        return
    at = np.flatnonzero(broken.any(axis=(*range(signal.ndim - 2), signal.ndim - 1))).tolist()
    names = [str(i) if channels is None else str(channels[i]) for i in at]
    shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    raise InvalidInput(
        f"{len(names)} of {signal.shape[-2]} channels hold NaN or infinite samples: {shown} "
        f"({int(broken.sum())} samples). Every sample must be finite: interpolate or drop these channels first."
    )

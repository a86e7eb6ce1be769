"""Raw EEG made fit for use: filtered clip by clip, bad channels interpolated, eye movements removed, common average."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from consona.core.errors import InvalidInput, require_extra
from consona.core.invariants import listed

__all__ = ["Cleaned", "cleaned_clips", "loud_channels", "resampled_clip"]

Clips = npt.NDArray[np.float64]

_ORDER = 4  # of the Butterworth filter, run forwards and backwards
_ICA_HIGHPASS_HZ = 1.0  # slow drifts would take up components
_ICA_SAMPLES = 30_000  # for 32 channels nearly 30 per weight, as many as the method is said to need
_ICA_ITERATIONS = 200  # eye components settle in the first; those of noise never do
_VARIANCE_KEPT = 0.999
_LOUD, _SHARE = 3.0, 0.3


@dataclass(frozen=True)
class Cleaned:
    """Clips ``(n_clips, n_channels, n_samples)`` in microvolts, and what was done to them."""

    signal: Clips
    interpolated: tuple[str, ...]
    n_removed: int


def cleaned_clips(
    signal: Clips,
    *,
    rate_hz: float,
    channels: Sequence[str],
    band_hz: tuple[float, float] = (0.05, 47.0),
    eyes: Sequence[str] = ("Fp1", "Fp2"),
    bad: Sequence[str] = (),
) -> Cleaned:
    """The steps that the FACED release names, in its order, on clips that are cut and at their final rate.

    Band-pass (Butterworth of order 4, zero phase), bad channels interpolated by spherical splines, independent
    components that follow the eye channels removed, mean of all channels subtracted. No notch filter. Every clip is
    filtered by itself, so nothing of one clip reaches another; the components are fitted once over all clips of the
    person, without labels.

    Parameters
    ----------
    signal
        Microvolts, ``(n_clips, n_channels, n_samples)``.
    rate_hz
        Samples per second, more than twice the upper edge of the band.
    channels
        Names of the 10-20 system, for positions on the head.
    band_hz
        Edges of the band-pass.
    eyes
        Channels that stand for an electro-oculogram.
    bad
        Channels to interpolate in any case; :func:`loud_channels` finds others.

    Raises
    ------
    MissingExtra
        When MNE is not installed.
    InvalidInput
        When a channel has no known place, or more than a quarter of the channels are bad.
    """
    mne = require_extra("mne", "eeg")
    low, high = band_hz
    filtered = _filtered(mne, np.asarray(signal, dtype=np.float64), rate_hz, low, high)
    named = {*bad, *loud_channels(filtered, channels)}
    wrong = tuple(name for name in channels if name in named)
    if 4 * len(wrong) > len(channels):
        raise InvalidInput(
            f"{len(wrong)} of {len(channels)} channels are bad: {listed(wrong)}; at most a quarter can be "
            "interpolated. Leave this recording out."
        )
    raw = _joined(mne, filtered, rate_hz, channels)
    if wrong:
        raw.info["bads"] = list(wrong)
        raw.interpolate_bads(reset_bads=True, verbose="ERROR")
    n_removed = _without_eyes(mne, raw, filtered.shape[-1], eyes)
    clean = raw.get_data() * 1e6
    clean -= clean.mean(axis=0)
    n_clips, n_channels, n_samples = filtered.shape
    return Cleaned(clean.reshape(n_channels, n_clips, n_samples).transpose(1, 0, 2), wrong, n_removed)


def loud_channels(signal: Clips, channels: Sequence[str]) -> tuple[str, ...]:
    """Channels of which more than 30 % of the samples exceed three times the median absolute value of all channels.

    Gaussian noise does so where it is about twice as strong as in the median channel.
    """
    limit = _LOUD * np.median(np.abs(signal))
    share = np.mean(np.abs(signal) > limit, axis=(0, 2))
    return tuple(name for name, found in zip(channels, share, strict=True) if found > _SHARE)


def resampled_clip(signal: npt.NDArray[np.float64], rate_hz: float, new_rate_hz: float) -> npt.NDArray[np.float64]:
    """``(n_channels, n_samples)`` at another, lower or equal rate, with a filter against aliases.

    Raises :class:`InvalidInput` when the new rate is the higher one.
    """
    if new_rate_hz > rate_hz:
        raise InvalidInput(
            f"A recording at {rate_hz:g} Hz cannot be had at {new_rate_hz:g} Hz; expected at least that."
        )
    if new_rate_hz == rate_hz:
        return signal
    mne = require_extra("mne", "eeg")
    return mne.filter.resample(signal, up=new_rate_hz, down=rate_hz, pad="reflect_limited", verbose="ERROR")


def _filtered(mne: Any, signal: Clips, rate_hz: float, low: float, high: float | None) -> Clips:
    design = {"order": _ORDER, "ftype": "butter", "output": "sos"}
    centred = signal - signal.mean(axis=-1, keepdims=True)
    return mne.filter.filter_data(centred, rate_hz, low, high, method="iir", iir_params=design, verbose="ERROR")


def _joined(mne: Any, clips: Clips, rate_hz: float, channels: Sequence[str]) -> Any:
    """All clips one after the other, in volts, with places on the head."""
    info = mne.create_info(list(channels), rate_hz, "eeg")
    joined = clips.transpose(1, 0, 2).reshape(len(channels), -1)
    raw = mne.io.RawArray(joined * 1e-6, info, verbose="ERROR")
    # MNE 1.13 gave the positions on the Colin 27 head the name of that head.
    known = mne.channels.get_builtin_montages()
    montage = mne.channels.make_standard_montage("colin27_1005" if "colin27_1005" in known else "standard_1005")
    try:
        return raw.set_montage(montage, match_case=False, verbose="ERROR")
    except ValueError as error:
        raise InvalidInput(f"Some channels have no place in the 10-20 system ({error}); rename them.") from error


def _without_eyes(mne: Any, raw: Any, n_samples: int, eyes: Sequence[str]) -> int:
    """Remove, in place, the independent components that follow the eyes; returns how many."""
    from sklearn.exceptions import ConvergenceWarning

    n_channels = len(raw.ch_names)
    clips = raw.get_data().reshape(n_channels, -1, n_samples).transpose(1, 0, 2)
    steady = raw.copy()
    steady._data = (  # MNE has no public way to filter parts of a recording by themselves
        _filtered(mne, clips, raw.info["sfreq"], _ICA_HIGHPASS_HZ, None).transpose(1, 0, 2).reshape(n_channels, -1)
    )
    ica = mne.preprocessing.ICA(
        n_components=_VARIANCE_KEPT, method="fastica", random_state=0, max_iter=_ICA_ITERATIONS, verbose="ERROR"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        ica.fit(steady, decim=max(1, raw.n_times // _ICA_SAMPLES), verbose="ERROR")
    found, _ = ica.find_bads_eog(steady, ch_name=list(eyes), verbose="ERROR")
    ica.exclude = found
    ica.apply(raw, verbose="ERROR")
    return len(found)

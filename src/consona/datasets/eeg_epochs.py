"""EEG as it was recorded, cut into epochs: one array for all subjects, and checks that name what is broken."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput, require_extra
from consona.core.invariants import listed
from consona.core.recording import Recording
from consona.core.stimuli import Stimuli

Signal = npt.NDArray[np.float64]

_UNREADABLE = (
    ValueError,
    OSError,
    RuntimeError,
    LookupError,
    AttributeError,
    TypeError,
    NotImplementedError,
    OverflowError,
)
"""What MNE raises on files that are damaged or of another kind."""


def epochs_array(
    signals: Iterable[Signal],
    stimuli: Stimuli,
    cohorts: Mapping[str, int],
    channels: Sequence[str],
    *,
    rate_hz: float,
    attrs: Mapping[str, str | int | float],
) -> xr.DataArray:
    """Epochs in microvolts, float32, with the dimensions ``(subject, stimulus, channel, time)``.

    Parameters
    ----------
    signals
        For each subject ``(n_stimuli, n_channels, n_samples)``; taken one after the other, so that a generator never
        holds more than one subject beside the result.
    stimuli
        With the column ``emotion``; where there is none called ``clip``, a stimulus is its own clip.
    cohorts
        Subjects in the order of ``signals``, and the group each was recorded in.
    channels
        Names along ``channel``.
    rate_hz
        Samples per second; ``time`` counts seconds from the beginning of the epoch.
    attrs
        Further facts. ``rate_hz``, ``unit`` and ``synthetic`` are always among them.

    The result carries ``emotion`` and ``clip`` along ``stimulus`` and ``cohort`` along ``subject``.
    """
    values: npt.NDArray[np.float32] | None = None
    for place, signal in enumerate(signals):
        if values is None:
            values = np.empty((len(cohorts), *signal.shape), dtype=np.float32)
        values[place] = signal
    if values is None:
        raise InvalidInput("There is no subject to take epochs from; name at least one.")
    clip = stimuli["clip"] if "clip" in stimuli.table else stimuli.ids
    coords: dict[str, Any] = {
        "subject": list(cohorts),
        "stimulus": stimuli.ids,
        "channel": list(channels),
        "time": np.arange(values.shape[-1]) / rate_hz,
        "emotion": ("stimulus", stimuli["emotion"]),
        "clip": ("stimulus", clip),
        "cohort": ("subject", list(cohorts.values())),
    }
    facts = {"rate_hz": float(rate_hz), "unit": "uV", "synthetic": 0, **attrs}
    return xr.DataArray(values, coords, ("subject", "stimulus", "channel", "time"), "eeg", facts)


def epochs_dataset(epochs: xr.DataArray, stimuli: Stimuli) -> Dataset:
    """Epochs of :func:`epochs_array` as a data set, as :func:`consona.brain.tensors.epoch_tensor` reads it.

    One recording per subject with ``channel`` and ``time`` along ``target``, and in ``attrs`` ``rate_hz`` and
    ``cohort``; the values are not copied. ``stimuli`` are those of the epochs.
    """
    times = epochs["time"].values
    labels = {
        "channel": ("target", np.repeat(epochs["channel"].values, len(times))),
        "time": ("target", np.tile(times, epochs.sizes["channel"])),
    }
    recordings = []
    for subject, cohort, values in zip(
        epochs["subject"].values.tolist(), epochs["cohort"].values.tolist(), epochs.values, strict=True
    ):
        rows = values.reshape(1, len(values), -1)
        data = xr.DataArray(
            rows, {"stimulus": epochs["stimulus"].values, **labels}, ("repetition", "stimulus", "target")
        )
        recordings.append(Recording(data, subject, {"rate_hz": epochs.attrs["rate_hz"], "cohort": cohort}))
    name, licence, citation = (str(epochs.attrs.get(fact, "")) for fact in ("dataset", "licence", "citation"))
    synthetic = bool(epochs.attrs["synthetic"])
    return Dataset(stimuli, tuple(recordings), f"{name}-epochs", "", licence, citation, synthetic=synthetic)


def require_signal(signal: Signal, channels: Sequence[str], subject: str, *, known: Sequence[str] = ()) -> None:
    """Every channel is finite and varies in every clip ``(n_clips, n_channels, n_samples)``; others are named.

    ``known`` are channels that the user has named as bad: they may be flat, but not NaN.
    """
    names: npt.NDArray[np.str_] = np.array(channels)
    finite = np.isfinite(signal)
    broken = np.any(~finite, axis=2)
    flat = (np.ptp(np.where(finite, signal, 0.0), axis=2) == 0) & ~broken & ~np.isin(names, known)[None]
    for what, where in (("hold NaN or infinite samples", broken), ("are flat", flat)):
        if where.any():
            n_clips = np.unique(np.nonzero(where)[0]).size
            raise InvalidInput(
                f"Subject '{subject}': channels {listed(names[np.unique(np.nonzero(where)[1])])} {what} in "
                f"{n_clips} of {len(signal)} clips. Get the file again, name the channels in bad= "
                "where the loader has it, or leave the subject out with subjects=; nothing is imputed unasked."
            )


def channel_places(found: Sequence[str], expected: Sequence[str], other: Mapping[str, str], subject: str) -> list[int]:
    """Where each expected channel stands among those of a file, whatever their order and the case of their letters.

    ``other`` are further names, in capitals, and what they stand for. Raises :class:`InvalidInput` naming channels that
    are missing or there twice.
    """
    names = [other.get(name.strip().upper(), name.strip()).upper() for name in found]
    lacking = [name for name in expected if names.count(name.upper()) != 1]
    if lacking:
        raise InvalidInput(
            f"Subject '{subject}': the file holds {len(found)} channels, and not once each {listed(lacking)}; it has "
            f"{listed(found, 8)}. Expected the channels of the release: get the file again, or leave the subject out."
        )
    return [names.index(name.upper()) for name in expected]


def open_recording(path: Path, subject: str) -> Any:
    """An MNE raw object of any format that MNE knows by its suffix, samples not yet read.

    Raises :class:`MissingExtra` without MNE, :class:`InvalidInput` where the file cannot be read.
    """
    mne = require_extra("mne", "eeg")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # remarks on dates and headers that nothing here depends on
            read = mne.io.read_raw_cnt if path.suffix.lower() == ".cnt" else mne.io.read_raw
            return read(path, preload=False, verbose="ERROR")
    except _UNREADABLE as error:
        raise InvalidInput(
            f"Subject '{subject}': {path.name} cannot be read as EEG ({type(error).__name__}: {error}). Copy or "
            "download the file again."
        ) from error

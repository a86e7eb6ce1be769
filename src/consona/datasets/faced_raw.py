"""FACED from the cleaned signals: band features computed here instead of taken from the release, and raw epochs."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.brain.eeg import FACED_BANDS, band_differential_entropy
from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput, MissingData
from consona.core.invariants import listed
from consona.datasets.eeg_epochs import epochs_array, require_signal
from consona.datasets.faced import averaged, faced_recording
from consona.datasets.faced_clips import (
    BANDS,
    CHANNELS,
    CITATION,
    LICENCE,
    N_CHANNELS,
    N_CLIPS,
    N_SECONDS,
    clip_stimuli,
    recording_notes,
)
from consona.datasets.faced_layouts import Layout, numbered, require_clips
from consona.datasets.locate import checksums, corpus_folder
from consona.datasets.unpickle import load_array_pickle


def load_faced_processed(
    folder: Path | str | None = None,
    *,
    subjects: Sequence[str] | None = None,
    bands: Mapping[str, tuple[float, float]] = FACED_BANDS,
    window_s: float = 1.0,
    rate_hz: float = 250.0,
) -> Dataset:
    """Differential entropy from ``Processed_data/subNNN.pkl``: the mean over 30 s, 160 targets as in ``load_faced``.

    The files hold (28, 32, 7500): clips, channels, 30 s at 250 Hz in microvolts, cleaned by the release (0.05 to 47 Hz,
    ICA, average reference). ``bands`` gives the edges in Hz of the same five bands; ``window_s`` the length of the
    windows. All subjects must share one sampling rate.

    Raises
    ------
    MissingData
        When the folder, the signals or a subject are not there.
    InvalidInput
        When clips are missing, a sampling rate differs, a channel is flat or not finite, or a band is missing.
    """
    if tuple(bands) != BANDS:
        raise InvalidInput(
            f"bands names {listed(bands)}; expected {listed(BANDS)}, in this order. Only edges may change."
        )
    root = corpus_folder("faced", folder)
    layout = _signals(root).select(subjects)
    stimuli, notes = clip_stimuli(), recording_notes(root, list(layout.readers))
    recordings = []
    for subject in layout.readers:
        entropy = _entropy(layout, subject, bands, window_s, rate_hz)
        attrs = notes[subject] | {"layout": "processed", "rate_hz": int(rate_hz)}
        recordings.append(faced_recording(averaged(entropy, 1), stimuli, subject, attrs))
    sums = checksums(root, layout.files.values())
    return Dataset(stimuli, tuple(recordings), "faced-processed", "syn50614194", LICENCE, CITATION, sums)


def load_faced_epochs(
    folder: Path | str | None = None,
    *,
    subjects: Sequence[str] | None = None,
    rate_hz: float = 250.0,
    new_rate_hz: float | None = None,
) -> xr.DataArray:
    """The cleaned signals themselves, for decoders of raw EEG: ``(subject, stimulus, channel, time)``, microvolts.

    From ``Processed_data/subNNN.pkl`` as :func:`load_faced_processed`; 28 clips of 30 s, 32 channels, float32 (27 MB a
    subject at 250 Hz). ``new_rate_hz`` resamples each clip in the frequency domain, as published protocols do (200 Hz:
    6,000 samples); it must give a whole number of samples. Coordinates and ``attrs`` as in
    :func:`consona.datasets.eeg_epochs.epochs_array`. Errors as in :func:`load_faced_processed`.
    """
    rate = new_rate_hz or rate_hz
    if rate <= 0 or rate * N_SECONDS != round(rate * N_SECONDS):
        raise InvalidInput(f"A rate of {rate} Hz gives no whole number of samples in {N_SECONDS} s; choose another.")
    root = corpus_folder("faced", folder)
    layout = _signals(root).select(subjects)
    notes = recording_notes(root, list(layout.readers))
    signals = (_resampled(_signal(layout, subject, rate_hz), round(rate * N_SECONDS)) for subject in layout.readers)
    cohorts = {subject: int(notes[subject]["cohort"]) for subject in layout.readers}
    attrs: dict[str, str | int | float] = {
        "dataset": "faced",
        "layout": "processed",
        "licence": LICENCE,
        "citation": CITATION,
    }
    return epochs_array(signals, clip_stimuli(), cohorts, CHANNELS, rate_hz=rate, attrs=attrs)


def _resampled(signal: npt.NDArray[np.float64], n_samples: int) -> npt.NDArray[np.float64]:
    from scipy.signal import resample  # a third of a second that most loaders need not wait for

    return signal if signal.shape[-1] == n_samples else resample(signal, n_samples, axis=-1)


def _signals(root: Path) -> Layout:
    files = numbered(root, "Processed_data/sub*.pkl", r"Processed_data/(sub\d{3})\.pkl")
    if not files:
        raise MissingData(
            f"{root} holds no Processed_data/subNNN.pkl; expected the cleaned signals of the FACED release. "
            "Complete the folder, or use load_faced, which reads the released features."
        )
    return Layout("processed", files, {s: partial(load_array_pickle, path) for s, path in files.items()}, 1)


def _entropy(
    layout: Layout, subject: str, bands: Mapping[str, tuple[float, float]], window_s: float, rate_hz: float
) -> npt.NDArray[np.float64]:
    signal = _signal(layout, subject, rate_hz)
    return band_differential_entropy(signal, rate_hz=rate_hz, bands=bands, window_s=window_s, channels=CHANNELS)


def _signal(layout: Layout, subject: str, rate_hz: float) -> npt.NDArray[np.float64]:
    signal = np.asarray(layout.readers[subject](), dtype=np.float64)
    _require_rate(signal.shape, subject, rate_hz)
    require_clips(signal.shape, (N_CLIPS, N_CHANNELS, round(rate_hz * N_SECONDS)), subject, layout.files[subject])
    require_signal(signal, CHANNELS, subject)
    return signal


def _require_rate(shape: tuple[int, ...], subject: str, rate_hz: float) -> None:
    found = shape[-1] / N_SECONDS if len(shape) == 3 else rate_hz
    if found != rate_hz:
        raise InvalidInput(
            f"FACED subject '{subject}' holds {shape[-1]} samples per clip, {found:g} Hz over {N_SECONDS} s; expected "
            f"{rate_hz:g} Hz for every subject. Resample this subject, or leave it out with subjects=: band features "
            "of mixed sampling rates are not comparable."
        )

"""FACED from the cleaned signals: band features computed here instead of taken from the release."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from consona.brain.eeg import FACED_BANDS, band_differential_entropy
from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput, MissingData
from consona.core.invariants import listed
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
    signal = np.asarray(layout.readers[subject](), dtype=np.float64)
    _require_rate(signal.shape, subject, rate_hz)
    require_clips(signal.shape, (N_CLIPS, N_CHANNELS, round(rate_hz * N_SECONDS)), subject, layout.files[subject])
    broken = ~np.isfinite(signal).all(axis=2) | (np.ptp(signal, axis=2) == 0)
    if broken.any():
        clips, channels = (np.unique(axis) for axis in np.nonzero(broken))
        raise InvalidInput(
            f"FACED subject '{subject}': channels {listed(np.array(CHANNELS)[channels])} are flat or not finite in "
            f"{len(clips)} clips. Get the file again, or leave the subject out with subjects=; nothing is imputed."
        )
    return band_differential_entropy(signal, rate_hz=rate_hz, bands=bands, window_s=window_s, channels=CHANNELS)


def _require_rate(shape: tuple[int, ...], subject: str, rate_hz: float) -> None:
    found = shape[-1] / N_SECONDS if len(shape) == 3 else rate_hz
    if found != rate_hz:
        raise InvalidInput(
            f"FACED subject '{subject}' holds {shape[-1]} samples per clip, {found:g} Hz over {N_SECONDS} s; expected "
            f"{rate_hz:g} Hz for every subject. Resample this subject, or leave it out with subjects=: band features "
            "of mixed sampling rates are not comparable."
        )

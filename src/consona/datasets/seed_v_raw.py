"""SEED-V as it was recorded: Neuroscan files cut into the clips, as features computed here or as raw epochs."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from consona.brain.cleaning import resampled_clip
from consona.brain.eeg import band_differential_entropy
from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput, MissingData, require_extra
from consona.core.invariants import listed
from consona.datasets.eeg_epochs import channel_places, epochs_array, open_recording, require_signal
from consona.datasets.locate import checksums, corpus_folder
from consona.datasets.seed_v import numbered_subjects
from consona.datasets.seed_v_trials import (
    BANDS,
    CHANNELS,
    CITATION,
    LICENCE,
    N_SESSIONS,
    NAME,
    VERSION,
    WINDOW_S,
    seed_v_recording,
    seed_v_stimuli,
    seed_v_trials,
)

RECORDINGS = "EEG_raw"
RATE_HZ = 200.0
FILTER_HZ = (0.3, 75.0)
SEED_BANDS: Mapping[str, tuple[float, float]] = {
    "delta": (1.0, 4.0),
    "theta": (4.0, 8.0),
    "alpha": (8.0, 14.0),
    "beta": (14.0, 31.0),
    "gamma": (31.0, 50.0),
}
"""The bands that the SEED corpora name, half-open (Hz). Beta and gamma end higher than in FACED."""

_MARGIN_S = 10.0
"""Read around every clip for the filter, which reaches 5.5 s; clips lie 30 s apart."""


def load_seed_v_raw(
    folder: Path | str | None = None,
    *,
    subjects: Sequence[str] | None = None,
    bands: Mapping[str, tuple[float, float]] = SEED_BANDS,
    window_s: int = WINDOW_S,
    times: pd.DataFrame | None = None,
) -> Dataset:
    """Differential entropy computed from ``EEG_raw/{subject}_{session}_{date}.cnt``, in the form of ``load_seed_v``.

    The channels beside the scalp (M1, M2, VEO, HEO) are left out, the others put in the order of the release; 200 Hz,
    band-pass 0.3 to 75 Hz, cut at the published seconds. Nothing is smoothed over windows and no artefact is removed.

    Parameters
    ----------
    folder
        The corpus; without it, ``$CONSONA_DATA/seed_v``, then what lies in the folder of ``consona fetch``.
    subjects
        ``["sub01", …]``; all that are there without it.
    bands
        Edges in Hz of the same five bands; those of FACED make the two corpora alike.
    window_s
        Length of a window in whole seconds: 4 as released, or 1.
    times
        Another table of clips, with the columns and ids of :func:`seed_v_trials`.

    Raises
    ------
    MissingExtra
        When MNE is not installed.
    MissingData
        When the folder, a session or a subject is not there.
    InvalidInput
        When a file is damaged, ends before its clips do, lacks channels, or a channel is flat or not finite.
    """
    if tuple(bands) != BANDS or window_s < 1:
        raise InvalidInput(
            f"Bands {listed(bands)} and windows of {window_s} s; expected {listed(BANDS)}, in this order, and whole "
            "seconds. Only the edges of the bands may change."
        )
    root = corpus_folder(NAME, folder)
    table = seed_v_trials() if times is None else times
    files = session_files(root, subjects)
    stimuli = seed_v_stimuli(_counts(table, window_s), window_s)
    recordings = []
    for subject in files:
        entropy = [
            band_differential_entropy(clip, rate_hz=RATE_HZ, bands=bands, window_s=window_s, channels=CHANNELS)
            for clip in _clips(files[subject], table, subject)
        ]
        rows = np.concatenate([each.transpose(1, 0, 2).reshape(each.shape[1], -1) for each in entropy])
        attrs = {"layout": "raw", "cohort": 1, "rate_hz": round(RATE_HZ)}
        recordings.append(seed_v_recording(rows, stimuli.ids.tolist(), subject, attrs))
    sums = checksums(root, [path for each in files.values() for path in each.values()])
    return Dataset(stimuli, tuple(recordings), "seed_v-raw", VERSION, LICENCE, CITATION, sums)


def load_seed_v_epochs(
    folder: Path | str | None = None,
    *,
    subjects: Sequence[str] | None = None,
    window_s: int = 1,
    times: pd.DataFrame | None = None,
) -> xr.DataArray:
    """The signals in windows, for decoders of raw EEG: ``(subject, stimulus, channel, time)``, microvolts at 200 Hz.

    Windows of 1 s are the samples of published protocols, 7,359 a subject (365 MB). Steps, parameters and errors as in
    :func:`load_seed_v_raw`; the form is that of :func:`consona.datasets.eeg_epochs.epochs_array`.
    """
    if window_s < 1:
        raise InvalidInput(f"Windows of {window_s} s; expected whole seconds, at least 1.")
    root = corpus_folder(NAME, folder)
    table = seed_v_trials() if times is None else times
    files = session_files(root, subjects)
    stimuli = seed_v_stimuli(_counts(table, window_s), window_s)
    length = round(window_s * RATE_HZ)
    signals = (
        np.concatenate([_windows(clip, length) for clip in _clips(files[subject], table, subject)]) for subject in files
    )
    cohorts = dict.fromkeys(files, 1)
    attrs: dict[str, str | int | float] = {
        "dataset": NAME,
        "layout": "raw",
        "window_s": window_s,
        "licence": LICENCE,
        "citation": CITATION,
    }
    return epochs_array(signals, stimuli, cohorts, CHANNELS, rate_hz=RATE_HZ, attrs=attrs)


def session_files(root: Path, subjects: Sequence[str] | None) -> dict[str, dict[int, Path]]:
    """The recording of every session, 1 to 3, of every subject; :class:`MissingData` names those that are not there."""
    names = (rf"(\d+)_{session}_\d+\.cnt" for session in range(1, N_SESSIONS + 1))
    found = [numbered_subjects(root, f"{RECORDINGS}/*.cnt", name, None) for name in names]
    known = list(dict.fromkeys(subject for each in found for subject in sorted(each)))
    wanted = sorted(known) if subjects is None else list(subjects)
    lacking = [
        f"{subject}, session {s}" for subject in wanted for s, each in enumerate(found, 1) if subject not in each
    ]
    if lacking:
        raise MissingData(
            f"{root / RECORDINGS} has no recording of {listed(lacking)}; expected SUBJECT_SESSION_DATE.cnt for three "
            "sessions. Complete the folder, or leave these subjects out with subjects=."
        )
    return {subject: {s: each[subject] for s, each in enumerate(found, 1)} for subject in wanted}


def _counts(table: pd.DataFrame, window_s: int) -> dict[str, int]:
    return {str(clip): int(n) for clip, n in ((table["end_s"] - table["start_s"]) // window_s).items()}


def _windows(clip: npt.NDArray[np.float64], length: int) -> npt.NDArray[np.float64]:
    n_windows = clip.shape[1] // length
    return clip[:, : n_windows * length].reshape(len(clip), n_windows, length).transpose(1, 0, 2)


def _clips(files: Mapping[int, Path], table: pd.DataFrame, subject: str) -> Iterator[npt.NDArray[np.float64]]:
    """Every clip in the order of the table, ``(62, n_samples)`` in microvolts at 200 Hz."""
    opened: dict[int, Any] = {}
    for clip, row in table.iterrows():
        session = int(row["session"])
        if session not in opened:
            opened = {session: open_recording(files[session], subject)}
        yield _clip(opened[session], str(clip), float(row["start_s"]), float(row["end_s"]), subject)


def _clip(raw: Any, clip: str, start_s: float, end_s: float, subject: str) -> npt.NDArray[np.float64]:
    mne = require_extra("mne", "eeg")
    rate = float(raw.info["sfreq"])
    places = channel_places(raw.ch_names, CHANNELS, {}, subject)
    if end_s > raw.n_times / rate or rate < RATE_HZ:
        raise InvalidInput(
            f"SEED-V subject '{subject}': clip '{clip}' ends at {end_s:g} s and the recording lasts "
            f"{raw.n_times / rate:g} s at {rate:g} Hz; expected the whole session at {RATE_HZ:g} Hz or more. Get the "
            "file again, or leave the subject out with subjects=."
        )
    before = min(_MARGIN_S, start_s)
    stop = min(raw.n_times, round((end_s + _MARGIN_S) * rate))
    wide = raw.get_data(start=round((start_s - before) * rate), stop=stop)[places] * 1e6
    require_signal(wide[None], CHANNELS, f"{subject}, clip {clip}")
    passed = mne.filter.filter_data(resampled_clip(wide, rate, RATE_HZ), RATE_HZ, *FILTER_HZ, verbose="ERROR")
    first = round(before * RATE_HZ)
    return passed[:, first : first + round((end_s - start_s) * RATE_HZ)]

"""FACED as it was recorded, in BIDS (NEMAR nm000112): cut, cleaned as the release describes, and turned into features.

The recordings differ: 68 people were recorded at 1000 Hz and 55 at 250 Hz, 33 of these files give microvolts without
saying so, and the two devices call four electrodes differently. All that is evened out here, or refused by name.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from consona.brain.cleaning import Cleaned, cleaned_clips, resampled_clip
from consona.brain.eeg import FACED_BANDS, band_differential_entropy
from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput, MissingData
from consona.core.invariants import listed
from consona.core.recording import Recording
from consona.core.stimuli import Stimuli
from consona.datasets.eeg_epochs import channel_places, epochs_array, open_recording, require_signal
from consona.datasets.faced import averaged, faced_recording
from consona.datasets.faced_clips import (
    BANDS,
    CHANNELS,
    CITATION,
    N_CLIPS,
    N_SECONDS,
    clip_id,
    clip_stimuli,
    recording_notes,
)
from consona.datasets.locate import checksums, corpus_folder, wanted_subjects
from consona.datasets.textcorpus import read_columns

NAME = "faced_bids"
VERSION = "nm000112"
LICENCE = (
    "listed as CC BY 4.0 by NEMAR, with other authors; conditions of use of Synapse syn50614194: not to be passed on"
)
RATE_HZ = 250.0
OTHER_NAMES = {"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8", "M1": "A1", "M2": "A2", "TP9": "A1", "TP10": "A2"}
"""What the devices call electrodes at the places of the release: older names, and names for the ears."""

_TASK = "task-watchingVideoClips"
_PLAUSIBLE_UV = (0.5, 500.0)
Bad = Mapping[str, Sequence[str]]


def load_faced_bids(
    folder: Path | str | None = None,
    *,
    subjects: Sequence[str] | None = None,
    bands: Mapping[str, tuple[float, float]] = FACED_BANDS,
    window_s: float = 1.0,
    bad: Bad | None = None,
) -> Dataset:
    """Differential entropy of 28 clips from the recordings: the mean over 30 s, 160 targets as in ``load_faced``.

    Steps in the order of the release: microvolts, the last 30 s of every clip, 250 Hz, 0.05 to 47 Hz, bad channels
    interpolated, eye components removed (Fp1 and Fp2 stand for the eyes), common average, order of channels; no notch
    filter. :func:`consona.brain.cleaning.cleaned_clips` says how. ``attrs`` of a recording hold the ``cohort``,
    ``recorded_hz``, the ``unit`` of the file, channels ``interpolated`` and ``n_removed``, the components taken out.

    Parameters
    ----------
    folder
        The corpus; without it, ``$CONSONA_DATA/faced_bids``, then what lies in the folder of ``consona fetch``.
    subjects
        ``["sub000", …]`` for the folders ``sub-000`` …; all that are there without it.
    bands, window_s
        As in :func:`consona.datasets.faced_raw.load_faced_processed`.
    bad
        Channels to interpolate, by subject: ``{"sub007": ["Cz"]}``.

    Raises
    ------
    MissingExtra
        When MNE is not installed.
    MissingData
        When the folder, a recording or its events are not there.
    InvalidInput
        When a clip is missing or there twice, channels are missing, flat or not finite, the rate is below 250 Hz or not
        the one in ``Recording_info.csv``, or the unit cannot be told; subject and channels are named.
    """
    if tuple(bands) != BANDS:
        raise InvalidInput(
            f"bands names {listed(bands)}; expected {listed(BANDS)}, in this order. Only edges may change."
        )
    root = corpus_folder(NAME, folder)
    files, stimuli = _recordings(root, subjects), clip_stimuli()
    recordings = tuple(
        _features(cleaned, facts, subject, stimuli, bands, window_s)
        for subject, cleaned, facts in _cleaned(root, files, bad or {})
    )
    sums = checksums(root, files.values())
    return Dataset(stimuli, recordings, "faced-bids", VERSION, LICENCE, CITATION, sums)


def load_faced_bids_epochs(
    folder: Path | str | None = None, *, subjects: Sequence[str] | None = None, bad: Bad | None = None
) -> xr.DataArray:
    """The cleaned clips themselves, 28 x 32 x 7,500 for each subject, in the form of ``load_faced_epochs``.

    Steps, parameters and errors as in :func:`load_faced_bids`.
    """
    root = corpus_folder(NAME, folder)
    files = _recordings(root, subjects)
    notes = recording_notes(root, list(files))
    cohorts = {subject: int(notes[subject]["cohort"]) for subject in files}
    signals = (cleaned.signal for _, cleaned, _ in _cleaned(root, files, bad or {}))
    attrs: dict[str, str | int | float] = {
        "dataset": NAME,
        "layout": "bids",
        "licence": LICENCE,
        "citation": CITATION,
    }
    return epochs_array(signals, clip_stimuli(), cohorts, CHANNELS, rate_hz=RATE_HZ, attrs=attrs)


def read_clips(root: Path, subject: str) -> tuple[npt.NDArray[np.float64], dict[str, Any]]:
    """The last 30 s of every clip, not yet cleaned: ``(28, 32, 7500)`` in microvolts at 250 Hz, and facts of the file.

    Errors as in :func:`load_faced_bids`.
    """
    path = _recordings(root, [subject])[subject]
    raw = open_recording(path, subject)
    rate, unit = float(raw.info["sfreq"]), _unit(root, path, subject)
    _require_rate(root, subject, rate)
    ends = _clip_ends(path, subject)
    places = channel_places(raw.ch_names, CHANNELS, OTHER_NAMES, subject)
    clips = np.empty((N_CLIPS, len(CHANNELS), round(RATE_HZ * N_SECONDS)))
    for row, end_s in enumerate(ends):
        stop = round(end_s * rate)
        start = stop - round(N_SECONDS * rate)
        if start < 0 or stop > raw.n_times:
            raise InvalidInput(
                f"FACED subject '{subject}': clip '{clip_id(row + 1)}' ends at {end_s:g} s and the recording lasts "
                f"{raw.n_times / rate:g} s; the last {N_SECONDS} s of the clip are not in it. Get the file again."
            )
        clips[row] = resampled_clip(raw.get_data(start=start, stop=stop)[places], rate, RATE_HZ)
    clips *= 1e6 if unit == "V" else 1.0
    return clips, {"recorded_hz": round(rate), "unit": unit}


def _recordings(root: Path, subjects: Sequence[str] | None) -> dict[str, Path]:
    found = {
        path.name.split("_")[0].replace("-", ""): path for path in sorted(root.glob(f"sub-*/eeg/sub-*_{_TASK}_eeg.bdf"))
    }
    if not found:
        raise MissingData(
            f"{root} holds no sub-NNN/eeg/sub-NNN_{_TASK}_eeg.bdf; expected FACED in BIDS. "
            f"'consona fetch {NAME}' says where to get it."
        )
    return wanted_subjects(found, subjects, f"FACED in BIDS has {len(found)} subjects here")


def _cleaned(root: Path, files: Mapping[str, Path], bad: Bad) -> Iterator[tuple[str, Cleaned, dict[str, Any]]]:
    notes = recording_notes(root, list(files))
    for subject in files:
        signal, facts = read_clips(root, subject)
        named = bad.get(subject, ())
        require_signal(signal, CHANNELS, subject, known=named)
        _require_microvolts(signal, subject, facts["unit"])
        cleaned = cleaned_clips(signal, rate_hz=RATE_HZ, channels=CHANNELS, bad=named)
        yield subject, cleaned, notes[subject] | facts


def _features(
    cleaned: Cleaned,
    facts: dict[str, Any],
    subject: str,
    stimuli: Stimuli,
    bands: Mapping[str, tuple[float, float]],
    window_s: float,
) -> Recording:
    entropy = band_differential_entropy(
        cleaned.signal, rate_hz=RATE_HZ, bands=bands, window_s=window_s, channels=CHANNELS
    )
    done: dict[str, Any] = {"interpolated": " ".join(cleaned.interpolated), "n_removed": cleaned.n_removed}
    return faced_recording(averaged(entropy, 1), stimuli, subject, facts | done | {"layout": "bids"})


def _clip_ends(path: Path, subject: str) -> list[float]:
    """Where each of the 28 clips ends, in seconds, by the column ``video_index`` of the events."""
    events = path.with_name(path.name.replace("_eeg.bdf", "_events.tsv"))
    if not events.is_file():
        raise MissingData(f"FACED subject '{subject}' lacks {events.name}; expected it beside the recording.")
    table = read_columns(events, ("onset", "duration", "video_index")).replace("n/a", np.nan)
    numbers = table[["onset", "duration", "video_index"]].apply(pd.to_numeric, errors="coerce").dropna()
    shown = numbers["video_index"].astype(int).tolist()
    wrong = [clip_id(vid) for vid in range(1, N_CLIPS + 1) if shown.count(vid) != 1]
    if wrong:
        raise InvalidInput(
            f"FACED subject '{subject}' ({events.name}): clips {listed(wrong)} are missing or there more than once; "
            f"expected each of {N_CLIPS} once. Get the file again, or leave the subject out with subjects=."
        )
    ends = numbers.set_index("video_index").sort_index()
    return (ends["onset"] + ends["duration"]).tolist()


def _info(root: Path, subject: str) -> dict[str, str]:
    path = root / "Recording_info.csv"
    if not path.is_file():
        return {}
    table = read_columns(path, ("sub",)).rename(columns=str.strip).set_index("sub")
    return table.loc[subject].to_dict() if subject in table.index else {}


def _unit(root: Path, path: Path, subject: str) -> str:
    """``V`` where MNE's volts are volts, ``uV`` where the file holds microvolts and does not say so."""
    told = _info(root, subject).get("Unit", "").strip()
    if told in ("V", "uV"):
        return told
    sidecar = path.with_name(path.name.replace("_eeg.bdf", "_channels.tsv"))
    if not sidecar.is_file():
        raise MissingData(
            f"FACED subject '{subject}': neither Recording_info.csv nor {sidecar.name} gives the unit of the "
            "recording. Put Recording_info.csv of the release into the folder."
        )
    return "uV" if set(read_columns(sidecar, ("name", "units"))["units"]) == {"n/a"} else "V"


def _require_rate(root: Path, subject: str, rate: float) -> None:
    told = _info(root, subject).get("Sample_rate", "").strip()
    if (told and float(told) != rate) or rate < RATE_HZ:
        raise InvalidInput(
            f"FACED subject '{subject}' was recorded at {rate:g} Hz; expected {told or RATE_HZ} Hz, as "
            "Recording_info.csv says, and at least 250 Hz. Get the file again, or leave the subject out with subjects=."
        )


def _require_microvolts(signal: npt.NDArray[np.float64], subject: str, unit: str) -> None:
    jumps = np.median(np.abs(np.diff(signal, axis=2)))
    low, high = _PLAUSIBLE_UV
    spread = float(np.median(signal.std(axis=2)))
    if jumps > high or spread < low:
        raise InvalidInput(
            f"FACED subject '{subject}': read as {unit}, a channel varies by {spread:.3g} microvolts (median) and "
            f"steps by {jumps:.3g}; that is no EEG. Give the unit, V or uV, in Recording_info.csv."
        )

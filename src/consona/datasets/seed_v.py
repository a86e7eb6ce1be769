"""SEED-V: EEG of people who watched 45 film clips of five emotions, as released band features (Liu et al. 2022).

Every person came three times; a session has fifteen clips of its own, three per emotion. The release files are pickles
inside an archive: they are opened by consona's reader, which knows arrays of numbers and runs nothing.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput, MissingData
from consona.core.invariants import listed
from consona.datasets.locate import checksums, corpus_folder, wanted_subjects
from consona.datasets.plainarrays import load_plain_archive
from consona.datasets.seed_v_trials import (
    BANDS,
    CHANNELS,
    CITATION,
    LICENCE,
    N_BANDS,
    N_CHANNELS,
    NAME,
    VERSION,
    seed_v_recording,
    seed_v_stimuli,
    seed_v_trials,
    window_id,
)
from consona.datasets.unpickle import parse_table_pickle

FEATURES = "EEG_DE_features"
Clips = dict[str, npt.NDArray[np.float64]]


def load_seed_v(folder: Path | str | None = None, *, subjects: Sequence[str] | None = None) -> Dataset:
    """Differential entropy as released, in windows of 4 s: 310 targets (62 channels by 5 bands).

    Reads ``EEG_DE_features/{1..16}_123.npz``. One recording per subject (``sub01`` …) with ``channel`` and ``band``
    along ``target``; stimuli ``s1t01w001`` … with the group columns ``clip`` and ``session``, ``emotion``, ``label``,
    ``valence_code``, ``window`` and ``start_s``. Clips last 52 to 297 s and hold as many whole windows: 1,823 in all.
    Where a subject's file has fewer windows of a clip than others', that recording has fewer stimuli.

    Parameters
    ----------
    folder
        The corpus; without it, ``$CONSONA_DATA/seed_v``, then what lies in the folder of ``consona fetch``.
    subjects
        ``["sub01", …]``; all that are there without it.

    Raises
    ------
    MissingData
        When the folder, its files or a subject are not there.
    InvalidInput
        When a file is damaged or asks to run something, lacks a clip, is of another shape, holds values that are not
        finite, or labels that are not those of the release. The message names subject, clip and place.
    """
    root = corpus_folder(NAME, folder)
    files = numbered_subjects(root, f"{FEATURES}/*_123.npz", r"(\d+)_123\.npz", subjects)
    clips = {subject: read_features(path, subject) for subject, path in files.items()}
    longest = {clip: max(len(each[clip]) for each in clips.values()) for clip in seed_v_trials().index}
    recordings = [
        seed_v_recording(
            np.concatenate(list(each.values())),
            [window_id(clip, w + 1) for clip, values in each.items() for w in range(len(values))],
            subject,
            {"layout": "released", "cohort": 1},
        )
        for subject, each in clips.items()
    ]
    sums = checksums(root, files.values())
    return Dataset(seed_v_stimuli(longest), tuple(recordings), NAME, VERSION, LICENCE, CITATION, sums)


def numbered_subjects(root: Path, pattern: str, name: str, subjects: Sequence[str] | None) -> dict[str, Path]:
    """The file of each subject, ``sub01`` …, in the order of their numbers; ``name`` finds the number in a file name.

    Raises :class:`MissingData` when there is none, or one of ``subjects`` has none.
    """
    found = {}
    for path in root.glob(pattern):
        match = re.fullmatch(name, path.name)
        if match:
            found[f"sub{int(match.group(1)):02d}"] = path
    if not found:
        raise MissingData(
            f"{root} holds no {pattern}; expected the files of SEED-V under their released names. Complete the folder; "
            f"'consona fetch {NAME}' says where to apply for the data."
        )
    return wanted_subjects(dict(sorted(found.items())), subjects, f"SEED-V has {len(found)} subjects here")


def read_features(path: Path, subject: str) -> Clips:
    """One ``N_123.npz`` by clip, each ``(n_windows, 310)``, channels slowest; errors as in :func:`load_seed_v`."""
    archive = load_plain_archive(path, ("data", "label"))
    values, labels = (_unpacked(archive[part], f"{path.name} ({part})") for part in ("data", "label"))
    trials = seed_v_trials()
    expected = [str(k) for k in range(len(trials))]
    for part, found in (("data", values), ("label", labels)):
        lacking = [clip for key, clip in zip(expected, trials.index, strict=True) if key not in found]
        if lacking:
            raise InvalidInput(
                f"SEED-V subject '{subject}' ({path.name}): '{part}' has {len(found)} of {len(expected)} clips; "
                f"missing: {listed(lacking)}. Get the file again, or leave the subject out with subjects=."
            )
    return {
        str(clip): _checked(values[key], labels[key], str(clip), int(label), f"'{subject}' ({path.name})")
        for key, clip, label in zip(expected, trials.index, trials["label"], strict=True)
    }


def _unpacked(packed: npt.NDArray[np.generic], name: str) -> dict[str, np.ndarray]:
    if packed.dtype.kind not in "SV" or packed.size != 1:
        raise InvalidInput(
            f"{name} is an array {packed.shape} of type {packed.dtype}; expected the bytes of one pickled dictionary. "
            "Get the file again."
        )
    return parse_table_pickle(packed.tobytes(), name)


def _checked(values: np.ndarray, labels: np.ndarray, clip: str, label: int, whose: str) -> npt.NDArray[np.float64]:
    if values.ndim != 2 or values.shape[1] != N_CHANNELS * N_BANDS or len(values) != labels.size or len(values) == 0:
        raise InvalidInput(
            f"SEED-V subject {whose}, clip '{clip}': features of shape {values.shape} and {labels.size} labels; "
            f"expected (n_windows, {N_CHANNELS * N_BANDS}) and as many labels as windows. Get the file again."
        )
    if not np.all(labels == label):
        raise InvalidInput(
            f"SEED-V subject {whose}, clip '{clip}': labels {listed(np.unique(labels))}; expected {label} "
            "throughout. The order of the clips is not that of the release: get the file again."
        )
    wrong = ~np.isfinite(values)
    if wrong.any():
        channel, band = np.divmod(np.flatnonzero(wrong.any(axis=0)), N_BANDS)
        raise InvalidInput(
            f"SEED-V subject {whose}, clip '{clip}' holds {int(wrong.sum())} values that are not finite: channels "
            f"{listed(np.array(CHANNELS)[np.unique(channel)])}, bands {listed(np.array(BANDS)[np.unique(band)])}. "
            "Get the file again, or leave the subject out with subjects=; nothing is imputed."
        )
    return values.astype(np.float64, copy=False)

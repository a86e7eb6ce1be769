"""Ratings of the FACED clips: each person's twelve answers to each clip, put in the order of the clips."""

import zlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput, MissingData
from consona.core.invariants import listed
from consona.core.recording import Recording
from consona.core.stimuli import Stimuli
from consona.datasets.faced_clips import CITATION, ITEMS, LICENCE, N_CLIPS, clip_stimuli, recording_notes
from consona.datasets.faced_layouts import Layout, numbered
from consona.datasets.locate import checksums, corpus_folder
from consona.datasets.plainarrays import load_plain_archive

UNREADABLE_MAT = (ValueError, TypeError, LookupError, OSError, zlib.error, NotImplementedError)
"""What SciPy's reader raises, besides its own error, on files that are damaged or no MATLAB 5 files."""


def load_faced_ratings(folder: Path | str | None = None, *, subjects: Sequence[str] | None = None) -> Dataset:
    """Twelve ratings per clip, 0 to 7: targets with the coordinate ``item``, stimuli ``clip01`` to ``clip28``.

    ``After_remarks.mat`` keeps the order of presentation; rows are sorted here by the video index. Without those files
    the compact ``derived_ratings.npz`` is read. Items are joy, tenderness, inspiration, amusement, anger, disgust,
    fear, sadness, arousal, valence, familiarity and liking; ``attrs`` hold the cohort.

    Raises
    ------
    MissingData
        When the folder, the ratings or a subject are not there.
    InvalidInput
        When a file is damaged or does not hold every clip exactly once.
    """
    root = corpus_folder("faced", folder)
    layout = _ratings_layout(root).select(subjects)
    stimuli = clip_stimuli()
    notes = recording_notes(root, list(layout.readers))
    recordings = tuple(
        ratings_recording(_checked(layout.readers[s](), s, layout.files[s]), stimuli, s, {"cohort": notes[s]["cohort"]})
        for s in layout.readers
    )
    sums = checksums(root, layout.files.values())
    return Dataset(stimuli, recordings, "faced-ratings", "syn50614194", LICENCE, CITATION, sums)


def ratings_recording(
    values: npt.NDArray[np.float64], stimuli: Stimuli, subject: str, attrs: dict[str, int | str]
) -> Recording:
    """A recording of the twelve items from ``(28, 12)``."""
    coords = {"stimulus": stimuli.ids, "item": ("target", np.array(ITEMS))}
    return Recording(xr.DataArray(values[None], coords, ("repetition", "stimulus", "target")), subject, attrs)


def read_remarks(path: Path) -> npt.NDArray[np.float64]:
    """One ``After_remarks.mat`` as ``(28, 12)``, sorted by video index.

    Raises :class:`InvalidInput` when the file cannot be read or a clip is missing or listed twice.
    """
    from scipy.io.matlab import MatReadError, loadmat  # a fifth of a second, needed here only

    try:
        rows = loadmat(path, variable_names=["After_remark"])["After_remark"].ravel()
        vid = np.array([int(row["vid"].item()) for row in rows])
        score = np.array([np.asarray(row["score"], dtype=np.float64).ravel() for row in rows])
    except (MatReadError, *UNREADABLE_MAT) as error:
        raise InvalidInput(
            f"{path.parent.name}/{path.name} cannot be read ({type(error).__name__}); expected the variable "
            "After_remark with vid and score for 28 clips. Copy or download the file again."
        ) from error
    order = np.argsort(vid, kind="stable")
    if vid[order].tolist() != list(range(1, N_CLIPS + 1)):
        raise InvalidInput(
            f"{path.parent.name}/{path.name} rates the clips {listed(vid[order])}; expected each of "
            f"1 to {N_CLIPS} once. Get the file again, or leave the subject out with subjects=."
        )
    return score[order]


def _ratings_layout(root: Path) -> Layout:
    files = numbered(root, "Data/sub*/After_remarks.mat", r"Data/(sub\d{3})/After_remarks\.mat")
    original = Layout("released", files, {s: partial(read_remarks, path) for s, path in files.items()}, 1)
    path = root / "derived_ratings.npz"
    if path.is_file():
        tables = load_plain_archive(path, ("ratings", "subject", "item"))
        _require_items(tables["item"], path)
        rows = {
            str(s): np.asarray(r, dtype=np.float64) for s, r in zip(tables["subject"], tables["ratings"], strict=True)
        }
        readers: dict[str, Callable[[], npt.NDArray[np.generic]]] = {s: partial(np.asarray, r) for s, r in rows.items()}
        compact = Layout("compact", dict.fromkeys(rows, path), readers, 1)
        return max(original, compact, key=lambda each: len(each.readers))
    if not files:
        raise MissingData(
            f"{root} holds no FACED ratings; expected Data/subNNN/After_remarks.mat or derived_ratings.npz. "
            "Complete the folder; 'consona fetch faced' says where to apply for the data."
        )
    return original


def _require_items(items: npt.NDArray[np.generic], path: Path) -> None:
    found = tuple(str(item).lower() for item in items)
    if found != ITEMS:
        raise InvalidInput(
            f"{path.name} lists the items {listed(found, 12)}; expected {listed(ITEMS, 12)}, in this order."
        )


def _checked(values: npt.NDArray[np.generic], subject: str, path: Path) -> npt.NDArray[np.float64]:
    scores = np.asarray(values, dtype=np.float64)
    if scores.shape != (N_CLIPS, len(ITEMS)):
        raise InvalidInput(
            f"FACED subject '{subject}' ({path.name}) holds ratings of shape {scores.shape}; expected "
            f"{(N_CLIPS, len(ITEMS))}. Get the file again, or leave the subject out with subjects=."
        )
    if not ((scores >= 0) & (scores <= 7)).all():
        raise InvalidInput(
            f"FACED subject '{subject}' ({path.name}) holds ratings outside 0 to 7 or undefined ones. "
            "Get the file again, or leave the subject out with subjects=."
        )
    return scores

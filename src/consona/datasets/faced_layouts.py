"""How FACED lies on disk: the release's pickles, or compact files without pickle; every subject is checked."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from consona.core.errors import InvalidInput, MissingData
from consona.core.invariants import listed
from consona.datasets.faced_clips import BANDS, CHANNELS, N_BANDS, N_CHANNELS, N_CLIPS, N_SECONDS, clip_id
from consona.datasets.locate import wanted_subjects
from consona.datasets.plainarrays import load_plain_archive, load_plain_array
from consona.datasets.unpickle import load_array_pickle

Read = Callable[[], npt.NDArray[np.generic]]


@dataclass(frozen=True)
class Layout:
    """Files of one layout: for each subject the file and how to read it, and how many windows make up a clip."""

    name: str
    files: dict[str, Path]
    readers: dict[str, Read]
    n_windows: int

    def select(self, subjects: Sequence[str] | None) -> "Layout":
        """These subjects only, in this order; :class:`MissingData` names those without a file."""
        if subjects is None:
            return self
        said = f"FACED, layout '{self.name}', has {len(self.readers)} subjects"
        readers = wanted_subjects(self.readers, subjects, said)
        return Layout(self.name, {s: self.files[s] for s in readers}, readers, self.n_windows)


LAYOUTS = ("auto", "released", "compact")


def faced_layout(root: Path, layout: str) -> Layout:
    """The layout by name; ``auto`` takes the one with most subjects, and at a tie the finest."""
    if layout not in LAYOUTS:
        raise InvalidInput(f"There is no FACED layout '{layout}'; expected one of {listed(LAYOUTS)}.")
    every = [_released(root), _compact(root), _windows(root)]
    wanted = [each for each in every if layout in ("auto", each.name) and each.readers]
    if not wanted:
        raise MissingData(
            f"{root} holds no FACED features in the layout '{layout}'; expected "
            "EEG_Features/DE/subNNN.pkl.pkl (released), or de_full/subNNN.npy or derived_DE_5s_windows.npz (compact). "
            "Complete the folder; 'consona fetch faced' says where to apply for the data."
        )
    return max(wanted, key=lambda each: len(each.readers))


def numbered(root: Path, pattern: str, name: str) -> dict[str, Path]:
    """Files by subject: those that match ``pattern`` below ``root`` and whose ``name`` pattern holds the subject."""
    found: dict[str, Path] = {}
    for path in sorted(root.glob(pattern)):
        match = re.fullmatch(name, path.relative_to(root).as_posix())
        if match:
            found.setdefault(match.group(1), path)
    return found


def _released(root: Path) -> Layout:
    files = numbered(root, "EEG_Features/DE/sub*.pkl", r"EEG_Features/DE/(sub\d{3})\.pkl(?:\.pkl)?")
    return Layout("released", files, {s: partial(load_array_pickle, path) for s, path in files.items()}, N_SECONDS)


def _compact(root: Path) -> Layout:
    files = numbered(root, "de_full/sub*.npy", r"de_full/(sub\d{3})\.npy")
    return Layout("compact", files, {s: partial(load_plain_array, path) for s, path in files.items()}, N_SECONDS)


def _windows(root: Path) -> Layout:
    path = root / "derived_DE_5s_windows.npz"
    if not path.is_file():
        return Layout("compact", {}, {}, 6)
    tables = load_plain_archive(path, ("de", "subject"))
    rows = {str(subject): row for subject, row in zip(tables["subject"], tables["de"], strict=True)}
    readers: dict[str, Read] = {subject: partial(np.asarray, row) for subject, row in rows.items()}
    return Layout("compact", dict.fromkeys(rows, path), readers, 6)


def read_subject(layout: Layout, subject: str) -> npt.NDArray[np.float64]:
    """Differential entropy of one subject, ``(n_clips, n_channels, n_windows, n_bands)``: (28, 32, 30 or 6, 5).

    Raises
    ------
    InvalidInput
        When clips are missing, the shape is another, or values are not finite; the message names subject and place.
    """
    values = np.asarray(layout.readers[subject](), dtype=np.float64)
    expected = (N_CLIPS, N_CHANNELS, layout.n_windows, N_BANDS)
    require_clips(values.shape, expected, subject, layout.files[subject])
    wrong = ~np.isfinite(values)
    if wrong.any():
        clip, channel, _, band = (np.unique(axis) for axis in np.nonzero(wrong))
        raise InvalidInput(
            f"FACED subject '{subject}' holds {int(wrong.sum())} values that are not finite: channels "
            f"{listed(np.array(CHANNELS)[channel])}, bands {listed(np.array(BANDS)[band])}, clips "
            f"{listed(clip_id(c + 1) for c in clip)}. Get {layout.files[subject].name} again, or leave the subject out "
            "with subjects=; nothing is imputed."
        )
    return values


def require_clips(found: tuple[int, ...], expected: tuple[int, ...], subject: str, path: Path) -> None:
    """The array of one subject has the expected shape; clips that are missing are said to be so."""
    if found == expected:
        return
    few = len(found) == len(expected) and found[1:] == expected[1:]
    what = f"{found[0]} of {expected[0]} clips" if few else f"an array of shape {found}"
    raise InvalidInput(
        f"FACED subject '{subject}' ({path.name}) holds {what}; expected {expected}. Clips are stored by position, so "
        "nothing can be guessed: get the file again, or leave the subject out with subjects=."
    )

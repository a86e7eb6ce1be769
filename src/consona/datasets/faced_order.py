"""When each person saw each FACED clip: clips were shown in blocks of one valence, in another order for everybody."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.core.errors import InvalidInput, MissingData
from consona.core.invariants import listed
from consona.datasets.faced_clips import N_CLIPS, clip_stimuli
from consona.datasets.faced_layouts import Layout, numbered
from consona.datasets.faced_ratings import UNREADABLE_MAT
from consona.datasets.locate import corpus_folder
from consona.datasets.plainarrays import load_plain_archive

__all__ = ["load_faced_order"]


def load_faced_order(folder: Path | str | None = None, *, subjects: Sequence[str] | None = None) -> xr.DataArray:
    """The place of each clip in the order of presentation, 1 to 28, ``(subject, stimulus)``; clips ``clip01`` ….

    From the ``trial`` numbers of ``Data/subNNN/After_remarks.mat`` or, where those are not there, of the compact
    ``derived_ratings.npz``.

    Raises
    ------
    MissingData
        When the folder, the order or a subject is not there.
    InvalidInput
        When a file cannot be read, or does not hold each place from 1 to 28 once.
    """
    root = corpus_folder("faced", folder)
    layout = _layout(root).select(subjects)
    rows = [_checked(np.asarray(layout.readers[s]()), s, layout.files[s]) for s in layout.readers]
    coords = {"subject": list(layout.readers), "stimulus": clip_stimuli().ids}
    return xr.DataArray(np.stack(rows), coords, ("subject", "stimulus"))


def _layout(root: Path) -> Layout:
    files = numbered(root, "Data/sub*/After_remarks.mat", r"Data/(sub\d{3})/After_remarks\.mat")
    if files:
        return Layout("released", files, {s: partial(_remarks, path) for s, path in files.items()}, 1)
    path = root / "derived_ratings.npz"
    if not path.is_file():
        raise MissingData(
            f"{root} holds no order of presentation; expected Data/subNNN/After_remarks.mat or derived_ratings.npz. "
            "Complete the folder; 'consona fetch faced' says where to apply for the data."
        )
    tables = load_plain_archive(path, ("trial", "subject"))
    rows = {str(s): row for s, row in zip(tables["subject"], tables["trial"], strict=True)}
    return Layout("compact", dict.fromkeys(rows, path), {s: partial(np.asarray, row) for s, row in rows.items()}, 1)


def _remarks(path: Path) -> npt.NDArray[np.int64]:
    from scipy.io.matlab import MatReadError, loadmat  # a fifth of a second, needed here only

    try:
        rows = loadmat(path, variable_names=["After_remark"])["After_remark"].ravel()
        vid, place = (np.array([int(row[name].item()) for row in rows]) for name in ("vid", "trial"))
    except (MatReadError, *UNREADABLE_MAT) as error:
        raise InvalidInput(
            f"{path.parent.name}/{path.name} cannot be read ({type(error).__name__}); expected the variable "
            "After_remark with vid and trial for 28 clips. Copy or download the file again."
        ) from error
    return place[np.argsort(vid, kind="stable")]


def _checked(places: npt.NDArray[np.generic], subject: str, path: Path) -> npt.NDArray[np.int64]:
    found = np.asarray(places, dtype=np.int64)
    if np.sort(found).tolist() != list(range(1, N_CLIPS + 1)):
        raise InvalidInput(
            f"FACED subject '{subject}' ({path.name}) has the places {listed(found)} in the order of presentation; "
            f"expected each of 1 to {N_CLIPS} once. Get the file again, or leave the subject out with subjects=."
        )
    return found

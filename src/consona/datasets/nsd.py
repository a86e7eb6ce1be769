"""The Natural Scenes Dataset: which image was shown when, and the images with their captions. Not shipped."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from consona.core.errors import InvalidInput, MissingData
from consona.core.invariants import listed
from consona.core.stimuli import Stimuli
from consona.datasets.locate import corpus_file
from consona.datasets.nsd_captions import coco_captions, coco_categories
from consona.datasets.nsd_ids import (
    N_IMAGES,
    from_73k,
    nsd_ids,
    require_nsd_ids,
    require_order,
    require_shared_names,
    stimulus_ids,
)
from consona.datasets.nsd_layout import EXPERIMENT, NAME, STIMULI, nsd_root
from consona.datasets.textcorpus import numbers, read_columns

__all__ = ["NSD_COUNTS", "Counts", "design", "load_nsd_images", "load_nsd_stimuli", "shared_stimuli"]

LICENCE = "NSD data use terms; COCO captions CC BY 4.0; may not be shipped"
CITATION = (
    "Allen EJ, St-Yves G, Wu Y and others (2022). A massive 7T fMRI dataset to bridge cognitive neuroscience and "
    "artificial intelligence. Nature Neuroscience 25:116-126. doi:10.1038/s41593-021-00962-x"
)


class Counts(NamedTuple):
    """Of one subject: sessions, trials, images shown at least once, images shown three times."""

    sessions: int
    trials: int
    images: int
    images_thrice: int


_FULL, _FEWER, _FEWEST = Counts(40, 30000, 10000, 10000), Counts(32, 24000, 9411, 6234), Counts(30, 22500, 9209, 5445)
NSD_COUNTS = {
    f"subj{number:02d}": counts
    for number, counts in enumerate((_FULL, _FULL, _FEWER, _FEWEST, _FULL, _FEWER, _FULL, _FEWEST), start=1)
}
"""What the real data set holds; asserted where there are 73,000 images."""

N_SHARED_THRICE = 515
"""Images that all eight subjects saw three times."""

_SUBJECT = re.compile(r"subj(\d{2})")
_INFORMATION = f"{EXPERIMENT}/nsd_stim_info_merged.csv"
_DESIGN = f"{EXPERIMENT}/nsd_expdesign.mat"


def design(folder: Path | str | None, subject: str) -> pd.DataFrame:
    """Which image a subject saw in every trial, in order.

    Columns ``session``, ``run``, ``trial`` (all from 1, as the files have them), ``nsd_id`` (from 0) and
    ``repetition`` (0 where the image is new). From ``responses.tsv``; where ``nsd_expdesign.mat`` is there, it must
    say the same.

    Raises
    ------
    MissingData
        When the table of the subject is not there.
    InvalidInput
        When sessions are missing or out of order, an image number does not exist or counts from another base, the two
        files differ (the first row is named), or the real data set has other counts than it should.
    """
    root = nsd_root(folder)
    number = _number(subject)
    path = corpus_file(root, f"nsddata/ppdata/{subject}/behav/responses.tsv", NAME)
    table = read_columns(path, ("SESSION", "RUN", "TRIAL", "73KID"))
    n_images = _n_images(root)
    images = from_73k(numbers(table, "73KID", path).to_numpy(), n_images=n_images, source=f"{path.name}, 73KID")
    columns = {new: numbers(table, old, path).astype(int) for new, old in _PLACES.items()}
    found = pd.DataFrame({**columns, "nsd_id": images})
    found["repetition"] = found.groupby("nsd_id").cumcount()
    _require_sessions(found["session"].to_numpy(), path)
    planned = root / _DESIGN
    if planned.is_file():
        expected = _planned(planned, number, n_images)[: len(found)]
        require_order(images, expected, (f"{subject}/behav/{path.name}", planned.name))
    if n_images == N_IMAGES:
        _require_counts(found, subject)
    return found


_PLACES = {"session": "SESSION", "run": "RUN", "trial": "TRIAL"}


def shared_stimuli(
    folder: Path | str | None = None, *, subjects: Sequence[str] | None = None, repetitions: int = 3
) -> tuple[str, ...]:
    """Ids of the images that all these subjects saw at least so often, in the order of their numbers.

    All eight subjects of the real data set share 515 images with three repetitions, which is asserted.

    Parameters
    ----------
    folder
        As for :func:`design`, with the same errors.
    subjects
        Whose; all that the folder holds if not given.
    repetitions
        How often each of them must have seen an image.

    Raises
    ------
    InvalidInput
        When no image is shared, or the names of the shared pictures differ from the plan of the experiment.
    """
    root = nsd_root(folder)
    _require_names(root)
    people = list(subjects or nsd_subjects(root))
    shown = [design(root, subject)["nsd_id"].value_counts() for subject in people]
    common = set.intersection(*(set(each.index[each >= repetitions].tolist()) for each in shown))
    if not common:
        raise InvalidInput(f"{listed(people)} share no image that each saw {repetitions} times. Ask for fewer.")
    if _n_images(root) == N_IMAGES and sorted(people) == sorted(NSD_COUNTS) and repetitions == 3:
        _require_count(len(common), N_SHARED_THRICE, "images that all eight subjects saw three times", root)
    return stimulus_ids(sorted(common))


def nsd_subjects(folder: Path | str | None = None) -> tuple[str, ...]:
    """The subjects that a folder holds, in order; :class:`MissingData` where there is none."""
    root = nsd_root(folder)
    found = tuple(sorted(path.parent.parent.name for path in root.glob("nsddata/ppdata/subj*/behav/responses.tsv")))
    if found:
        return found
    raise MissingData(f"{root} holds no nsddata/ppdata/subjNN/behav/responses.tsv. Get the tables: consona fetch nsd.")


def load_nsd_stimuli(folder: Path | str | None = None) -> Stimuli:
    """All images of NSD, ids ``nsd00000`` …, with their captions.

    ``text`` holds the captions (five as a rule), further columns are ``coco_id``, ``coco_split``, ``shared``,
    ``flagged``, and ``categories`` (names of the objects, each once; missing where COCO's instances are not there).

    Raises
    ------
    MissingData
        When the table of images or the captions are not there.
    InvalidInput
        When the images do not stand in the order of their numbers, or an image has no caption; files and rows are
        named.
    """
    root = nsd_root(folder)
    path = corpus_file(root, _INFORMATION, NAME)
    table = _information(path)
    split, coco = table["cocoSplit"].to_numpy(dtype=str), numbers(table, "cocoId", path).to_numpy(dtype=np.int64)
    splits = sorted(set(split.tolist()))
    annotations = root / STIMULI / "annotations"
    columns: dict[str, Any] = {"text": coco_captions(annotations, splits, coco, path)}
    columns |= {"coco_id": coco, "coco_split": split}
    columns |= {name: table[column].eq("True").to_numpy() for name, column in _FLAGS.items()}
    kinds = coco_categories(annotations, splits, coco)
    if kinds is not None:
        columns["categories"] = kinds
    return Stimuli(pd.DataFrame(columns, index=list(stimulus_ids(np.arange(len(table))))))


_FLAGS = {"shared": "shared1000", "flagged": "flagged"}


def load_nsd_images(ids: Sequence[str], folder: Path | str | None = None) -> xr.DataArray:
    """These images, uint8 ``(stimulus, y, x, colour)``; read one by one, so that the file is never in memory.

    Raises
    ------
    MissingData
        When the file of the images is not there.
    InvalidInput
        When an id is none of an image in the file, or the file is damaged or has another shape.
    """
    import h5py  # only for files of this kind

    path = corpus_file(nsd_root(folder), f"{STIMULI}/nsd_stimuli.hdf5", NAME)
    try:
        with h5py.File(path, "r") as file:
            data = file.get("imgBrick")
            if not isinstance(data, h5py.Dataset) or data.ndim != 4 or data.shape[3] != 3 or data.dtype != np.uint8:
                shape = getattr(data, "shape", "no array")
                raise InvalidInput(
                    f"{path}: 'imgBrick' is {shape}; expected uint8 (images, y, x, 3). Get it again, or transpose it."
                )
            rows = nsd_ids(ids, n_images=len(data))
            values = np.empty((len(rows), *data.shape[1:]), dtype=np.uint8)
            for place, row in enumerate(rows.tolist()):
                data.read_direct(values, np.s_[row], np.s_[place])
    except OSError as error:
        raise InvalidInput(f"{path} is no HDF5 file that can be read ({error}). Get it again.") from error
    coords = {"stimulus": list(ids), "colour": ["red", "green", "blue"]}
    return xr.DataArray(values, coords, ("stimulus", "y", "x", "colour"))


def _number(subject: str) -> int:
    match = _SUBJECT.fullmatch(subject)
    if match is None or int(match[1]) == 0:
        raise InvalidInput(f"'{subject}' is no subject of NSD; they are called subj01, subj02 …")
    return int(match[1])


def _information(path: Path) -> pd.DataFrame:
    """The table of all images, in the order of their numbers."""
    table = read_columns(path, ("cocoId", "cocoSplit", "nsdId", "flagged", "shared1000"))
    found = numbers(table, "nsdId", path).to_numpy()
    images = require_nsd_ids(found, n_images=len(table), source=f"{path.name}, nsdId")
    wrong = np.flatnonzero(images != np.arange(len(table)))
    if len(wrong):
        raise InvalidInput(
            f"{path}: row {wrong[0] + 1} is image {images[wrong[0]]}; expected {wrong[0]}, the images in the order of "
            "their numbers, from 0. Get the file again."
        )
    return table


def _n_images(root: Path) -> int:
    path = root / _INFORMATION
    if not path.is_file():
        return N_IMAGES
    with open(path, "rb") as stream:
        return sum(line.strip() != b"" for line in stream) - 1


def _planned(path: Path, number: int, n_images: int) -> npt.NDArray[np.int64]:
    """Images of every trial as the experiment was planned, from 0."""
    order, images = _plan(path, "masterordering").ravel(), _plan(path, "subjectim")
    if number > len(images) or order.min(initial=1) < 1 or order.max(initial=1) > images.shape[1]:
        raise InvalidInput(
            f"{path}: subjectim has the shape {images.shape} and masterordering goes from {order.min()} to "
            f"{order.max()}; subject {number} needs a row, and the order counts from 1. Get the file again."
        )
    return from_73k(images[number - 1][order - 1], n_images=n_images, source=f"{path.name}, subjectim")


def _plan(path: Path, name: str) -> npt.NDArray[np.int64]:
    """A table of the plan of the experiment, as it is in the file."""
    from scipy.io.matlab import MatReadError, loadmat  # a fifth of a second, needed here only

    try:
        return np.atleast_2d(loadmat(path, variable_names=[name])[name]).astype(np.int64)
    except (MatReadError, ValueError, TypeError, OSError, NotImplementedError, KeyError, EOFError) as error:
        raise InvalidInput(f"{path} is no design that can be read ({type(error).__name__}). Get it again.") from error


def _require_names(root: Path) -> None:
    """The names of the shared pictures, where they are there, are those of the plan."""
    names = sorted(path.name for path in (root / "nsddata/stimuli/nsd/shared1000").glob("shared*_nsd*.png"))
    if names and (root / _DESIGN).is_file():
        shared = from_73k(_plan(root / _DESIGN, "sharedix").ravel(), n_images=_n_images(root), source="sharedix")
        require_shared_names(names, shared)


def _require_sessions(session: npt.NDArray[np.int64], path: Path) -> None:
    expected = np.arange(1, session.max(initial=0) + 1)
    if not np.array_equal(np.unique(session), expected) or (np.diff(session) < 0).any():
        steps = np.diff(session, prepend=0)
        row = int(np.flatnonzero((steps < 0) | (steps > 1))[0]) + 1
        raise InvalidInput(
            f"{path}: sessions are {listed(np.unique(session), 3)}; expected 1 to {len(expected)} in order, and row "
            f"{row} is not. Get the file again."
        )


def _require_counts(found: pd.DataFrame, subject: str) -> None:
    shown = found["nsd_id"].value_counts()
    counts = Counts(found["session"].nunique(), len(found), len(shown), int((shown == 3).sum()))
    expected = NSD_COUNTS.get(subject)
    if expected is not None and counts != expected:
        raise InvalidInput(
            f"Subject '{subject}' has {counts}; the real data set has {expected}. Get responses.tsv again."
        )


def _require_count(found: int, expected: int, what: str, root: Path) -> None:
    if found != expected:
        raise InvalidInput(f"{root}: {found} {what}; the real data set has {expected}. Get responses.tsv again.")

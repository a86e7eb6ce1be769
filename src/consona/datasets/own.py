"""A user's own data: a table of stimuli and recordings as arrays, images, epochs or a BIDS folder, as one data set."""

import glob
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput, MissingData
from consona.core.invariants import listed
from consona.core.stimuli import Stimuli
from consona.datasets.locate import sha256
from consona.datasets.own_arrays import ARRAYS, Rows, array_rows, own_recording
from consona.datasets.own_epochs import EPOCHS, epochs_rows
from consona.datasets.own_images import IMAGES, bids_images, bids_rows, bids_subjects, image_file, image_rows
from consona.datasets.own_tables import (
    STIMULUS,
    TABLES,
    load_own_stimuli,
    plain,
    read_cells,
    require_file,
    require_ids,
    stem,
)

KINDS = (*ARRAYS, *IMAGES, *EPOCHS)
PICKLES = (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".dill")


def load_own(
    stimuli: Path | str,
    recordings: Sequence[Path | str],
    *,
    mask: Path | str | None = None,
    order: Path | str | None = None,
    targets: Path | str | None = None,
    column: str = STIMULUS,
) -> Dataset:
    """A data set from a user's own files.

    Parameters
    ----------
    stimuli
        Table of what was shown, see :func:`~consona.datasets.own_tables.load_own_stimuli`.
    recordings
        Files, folders or patterns such as ``"betas/sub-*.nii.gz"``. A file is an array (``.npy .npz .csv .tsv``), a 4D
        image (``.nii .nii.gz``) or MNE epochs (``.fif``); a folder with ``sub-*`` folders is a BIDS derivative, any
        other gives the files in it. Files of one subject (``sub-…`` in the name, else the whole name) are joined: rows
        of the same stimulus are repetitions.
    mask
        An image whose voxels above zero are the targets: of images, and of arrays with a column per voxel, in the
        order of ``mask[mask > 0]``. ``{subject}`` in it stands for the subject.
    order
        Table with the column ``stimulus`` and a row per row (volume) of every ``.npy`` file and image. Without it, the
        table of the same name beside each file.
    targets
        Table with a row per target; its columns (roi …) become labels of the targets.
    column
        In BIDS tables and in the metadata of epochs: the column that names the stimulus.

    Stimuli that a subject did not see are missing from that subject's recording; nothing is imputed.

    Raises
    ------
    MissingData
        When a file, a folder or a mask is not there.
    MissingExtra
        When reading needs nibabel or MNE and it is not installed.
    InvalidInput
        When a file is of another kind, has another shape, or names other stimuli; pickles are refused.
    """
    shown = load_own_stimuli(stimuli)
    reading = _Reading(mask, order, column)
    found: dict[str, list[Rows]] = {}
    sources = _sources(recordings, leave=[stimuli, *(each for each in (mask, order, targets) if each is not None)])
    for source in sources:
        found.setdefault(source.subject, []).append(reading.rows(source))
    made = tuple(own_recording(parts, shown.ids, subject, targets) for subject, parts in found.items())
    given = [Path(each) for each in (stimuli, mask, order, targets) if each is not None and Path(each).is_file()]
    sums = _checksums([*given, *(source.path for source in sources)])
    name = f"own-{stem(Path(stimuli))}"
    return Dataset(shown, made, name, "as given", "the user's own", f"own data, {Path(stimuli).name}", sums)


def load_own_words(path: Path | str) -> Stimuli:
    """The words of stories in the order in which they were heard or read: a table with ``text`` and ``onset`` (s).

    Further columns: ``offset`` (s), ``run`` and whatever else is known of a word; ``stimulus`` where words have ids of
    their own, otherwise they are called ``word00000``, ``word00001`` ….

    Raises :class:`MissingData` where there is no file; :class:`InvalidInput` when a column is missing, an onset is no
    number or earlier than the one before it in its run, or a text is missing.
    """
    file = require_file(path, "a table of words (CSV or TSV, with the columns text and onset)")
    table = read_cells(file, ("text", "onset"))
    empty = np.flatnonzero(table["text"] == "") + 1
    if len(empty):
        raise InvalidInput(f"{file.name}: rows {listed(empty)} have no text (empty or n/a). Drop these rows.")
    columns = {str(name): table[name].to_numpy() if name == "text" else plain(table[name]) for name in table}
    for name in ("onset", "offset"):
        if name in columns and not np.issubdtype(columns[name].dtype, np.number):
            raise InvalidInput(f"{file.name}: the column '{name}' does not hold numbers alone. Give seconds.")
    runs = table["run"] if "run" in table else pd.Series("", table.index)
    steps = pd.Series(columns["onset"]).groupby(runs).diff()
    if (steps < 0).any():
        rows = np.flatnonzero(steps < 0) + 1
        raise InvalidInput(f"{file.name}: rows {listed(rows)} begin before the row above. Sort each run by onset.")
    ids = require_ids(table[STIMULUS], file) if STIMULUS in table else [f"word{i:05d}" for i in range(len(table))]
    return Stimuli(pd.DataFrame({name: each for name, each in columns.items() if name != STIMULUS}, index=ids))


@dataclass(frozen=True)
class _Source:
    """One file, whose it is, and whether its ids are found as BIDS has it."""

    path: Path
    subject: str
    bids: bool = False


@dataclass(frozen=True)
class _Reading:
    """How rows are found in a file."""

    mask: Path | str | None
    order: Path | str | None
    column: str

    def rows(self, source: _Source) -> Rows:
        """The rows of one file, by its kind."""
        if source.path.name.endswith(EPOCHS):
            return epochs_rows(source.path, self.column)
        mask = Path(str(self.mask).replace("{subject}", source.subject)) if self.mask is not None else None
        if not source.path.name.endswith(IMAGES):
            rows = array_rows(source.path, self.order)
            return rows if mask is None else replace(rows, mask=image_file(mask))
        if source.bids:
            return bids_rows(source.path, self.column, mask)
        if mask is None:
            raise InvalidInput(
                f"{source.path.name} is an image, and no mask was given. Give mask=, an image whose voxels above zero "
                "are the targets."
            )
        return image_rows(source.path, mask, self.order)


def _sources(recordings: Sequence[Path | str], leave: Sequence[Path | str]) -> list[_Source]:
    """Every file that holds responses, subject by subject; tables that only name rows are none."""
    if isinstance(recordings, (str, Path)):
        recordings = [recordings]
    found = [source for each in recordings for source in _expanded(each)]
    left = {os.path.realpath(path) for path in leave}
    found = [each for each in found if os.path.realpath(each.path) not in left]
    others = {
        os.path.realpath(each.path.with_name(stem(each.path))) for each in found if each.path.suffix not in TABLES
    }
    kept = [
        each
        for each in found
        if each.path.suffix not in TABLES or os.path.realpath(each.path.with_name(stem(each.path))) not in others
    ]
    if not kept:
        raise MissingData(f"There are no recordings in {listed(recordings)}. Name files, a folder or a pattern.")
    return kept


def _expanded(path: Path | str) -> list[_Source]:
    if Path(path).is_dir():
        if subjects := bids_subjects(Path(path)):
            return [_Source(image, name, True) for name in subjects for image in bids_images(Path(path), name)]
        files = [each for each in sorted(Path(path).iterdir()) if each.name.endswith(KINDS)]
    elif Path(path).is_file():
        files = [Path(path)]
    else:
        files = [Path(each) for each in sorted(glob.glob(str(path), recursive=True))]
    if not files:
        raise MissingData(
            f"{path} is neither a file nor a folder with files that end in {', '.join(KINDS)}, and as a pattern it "
            "matches nothing. Check the path."
        )
    return [_Source(_known(file), _subject(file)) for file in files]


def _without_suffix(path: Path) -> str:
    return os.path.realpath(path.with_name(stem(path)))


def _known(path: Path) -> Path:
    if path.name.endswith(KINDS):
        return path
    pickled = "a pickle, which can run commands when it is opened and is never read"
    raise InvalidInput(
        f"{path.name} is {pickled if path.suffix in PICKLES else 'no kind of file that is read'}. Recordings end in "
        f"{', '.join(KINDS)}, or are a BIDS folder. Save the array with numpy.savez(path, responses=…, stimulus=…)."
    )


def _subject(path: Path) -> str:
    found = re.match(r"sub-[A-Za-z0-9]+", path.name)
    return found.group() if found else stem(path)


def _checksums(files: Sequence[Path]) -> dict[str, str]:
    folder = os.path.commonpath([os.path.realpath(path.parent) for path in files])
    return {os.path.relpath(os.path.realpath(path), folder).replace(os.sep, "/"): sha256(path) for path in files}

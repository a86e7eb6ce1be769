"""A user's own images: volumes within a mask, and a BIDS folder of single-trial responses."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from consona.brain.fmri import masked_values
from consona.core.errors import InvalidInput, MissingData, require_extra
from consona.core.invariants import listed
from consona.datasets.own_arrays import Rows, shown_rows
from consona.datasets.own_tables import STIMULUS, read_cells, require_file, require_ids, row_ids

IMAGES = (".nii", ".nii.gz")
RESPONSES = ("betas", "beta", "betaseries", "statmap")
"""BIDS suffixes of images with one volume per trial."""


def image_rows(path: Path, mask: Path, order: Path | str | None = None) -> Rows:
    """One volume per row, voxels of the mask as targets; ids from ``order`` or from the table beside the image.

    Raises
    ------
    MissingData
        When the image or the mask is not there.
    InvalidInput
        When they do not lie on one grid (shapes are named), or volumes and ids differ in number.
    """
    values, inside = masked_file(path, mask)
    ids = row_ids(path, order)
    if len(values) != len(ids):
        raise InvalidInput(
            f"{path.name} has {len(values)} volumes, and there are {len(ids)} ids (first {listed(ids, 1)}). Give one "
            "id per volume."
        )
    return shown_rows(values, ids, inside)


def masked_file(path: Path, mask: Path) -> tuple[npt.NDArray[np.float32], Any]:
    """Values ``(n_volumes, n_voxels)`` of an image file within a mask file, and the mask as an image.

    Errors as in :func:`image_rows`; the files are named.
    """
    image, inside = image_file(path), image_file(mask)
    try:
        return masked_values(image, inside), inside
    except InvalidInput as error:
        raise InvalidInput(f"{path.name} within {mask.name}: {error}") from None


def image_file(path: Path) -> Any:
    """A NIfTI file as an image of nibabel, its values still on disk; errors as in :func:`image_rows`."""
    nibabel = require_extra("nibabel", "fmri")
    file = require_file(path, "a NIfTI image (.nii or .nii.gz)")
    try:
        return nibabel.load(file, keep_file_open=True)  # a compressed file is unpacked once, not for every volume
    except (nibabel.filebasedimages.ImageFileError, OSError, EOFError, ValueError) as error:
        raise InvalidInput(f"{file.name} is no NIfTI image ({error}). Get the file again.") from error


def bids_rows(path: Path, column: str = STIMULUS, mask: Path | None = None) -> Rows:
    """Single-trial responses of one run of a BIDS derivative: a 4D image with one volume per event.

    The table ``…_events.tsv`` lies beside the image, named as the image without its suffix, with or without the
    entities ``space``, ``res``, ``desc`` and ``stat``; its ``column`` names the stimulus of every volume. Rows with
    ``n/a`` are left out together with their volumes, and counted. The mask is the one given, or the one image beside
    the responses that ends in ``_mask`` (of the same ``space``, and of the same ``run`` where runs have their own).

    Raises
    ------
    MissingData
        When there is no table or no mask.
    InvalidInput
        When the table has another number of rows than the image has volumes, or lacks the column.
    """
    table = _events(path)
    cells = read_cells(table, (column,))[column]
    values, inside = masked_file(path, mask or _mask_beside(path))
    if len(cells) != len(values):
        raise InvalidInput(
            f"{path.name} has {len(values)} volumes and {table.name} {len(cells)} rows; expected one row per volume. "
            "Fit one response per event, or drop the rows without one."
        )
    named = (cells != "").to_numpy()
    ids = require_ids(cells[named], table)
    return Rows(values[named], ids, facts={"n_rows_without_stimulus": int((~named).sum())}, mask=inside)


def bids_images(folder: Path, subject: str) -> list[Path]:
    """The single-trial images of one subject, below ``<folder>/<subject>``, with or without sessions.

    Their names end in ``_betas``, ``_beta``, ``_betaseries`` or ``_statmap``. Raises :class:`MissingData` where there
    is none.
    """
    images = [path for path in sorted((folder / subject).rglob("*.nii*")) if _suffix(path) in RESPONSES]
    if not images:
        raise MissingData(
            f"{folder / subject} holds no single-trial responses; expected 4D images whose names end in "
            f"{listed(f'_{name}.nii.gz' for name in RESPONSES)}. Check the folder of the derivative."
        )
    return images


def bids_subjects(folder: Path) -> list[str]:
    """The subjects of a BIDS folder, ``sub-…``, in order."""
    return sorted(path.name for path in folder.glob("sub-*") if path.is_dir())


def _suffix(path: Path) -> str:
    name = path.name.split(".nii")[0]
    return name.rsplit("_", 1)[-1] if path.name.endswith(IMAGES) else ""


def _events(path: Path) -> Path:
    """The table of a run: beside the image, with or without the entities that only derivatives have."""
    whole = path.name.split(".nii")[0].rsplit("_", 1)[0]
    names = [whole, re.sub(r"_(space|res|desc|stat)-[^_]+", "", whole)]
    tables = [path.with_name(f"{name}_events.tsv") for name in dict.fromkeys(names)]
    for table in tables:
        if table.is_file():
            return table
    raise MissingData(
        f"Beside {path.name} there is no {' nor '.join(table.name for table in tables)}; expected the table that names "
        "the stimulus of every volume. Put it there."
    )


def _mask_beside(path: Path) -> Path:
    space = re.search(r"_space-[^_]+", path.name)
    masks = [
        each
        for each in sorted(path.parent.glob("*.nii*"))
        if _suffix(each) == "mask" and (space is None or space.group() + "_" in each.name)
    ]
    run = re.search(r"_run-[^_]+", path.name)
    own = [each for each in masks if run and run.group() + "_" in each.name]
    found = own or masks
    if len(found) == 1:
        return found[0]
    raise MissingData(
        f"Beside {path.name} there are {len(found)} masks ({listed(each.name for each in found) or 'none'}); expected "
        "one that ends in _mask.nii.gz. Name the mask to use."
    )

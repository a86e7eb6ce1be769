"""A user's own images: volumes within a mask, and a BIDS folder of single-trial responses."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from consona.core.errors import InvalidInput, MissingData, require_extra
from consona.core.invariants import listed
from consona.datasets.own_arrays import Rows
from consona.datasets.own_tables import STIMULUS, read_cells, require_file, require_ids, row_ids

IMAGES = (".nii", ".nii.gz")
RESPONSES = ("betas", "beta", "betaseries", "statmap")
"""BIDS suffixes of images with one volume per trial."""

_CELLS = 30_000_000  # of an image held at once
_SAME_AFFINE = 1e-3  # mm: headers of one grid differ in the last digits


def image_rows(path: Path, mask: Path, order: Path | str | None = None) -> Rows:
    """One volume per row, voxels of the mask as targets; ids from ``order`` or from the table beside the image.

    Voxels carry their indices ``i``, ``j``, ``k``; ``affine`` and ``shape`` of the image are kept as facts, so that
    maps can be written again.
    """
    values, labels, facts = masked_volumes(path, mask)
    return _paired(path, values, row_ids(path, order), labels, facts)


def masked_volumes(
    path: Path, mask: Path
) -> tuple[npt.NDArray[np.float32], dict[str, npt.NDArray[np.generic]], dict[str, Any]]:
    """Values ``(n_volumes, n_voxels)`` of a 4D image within a mask, indices of the voxels, and the grid.

    Raises
    ------
    InvalidInput
        When the image is not 4D, the mask is empty or not 3D, or they do not lie on the same grid; shapes are named.
    """
    image, inside = _image(path, "a 4D image"), _image(mask, "a mask")
    if len(image.shape) != 4:
        raise InvalidInput(
            f"{path.name} has the shape {image.shape}; expected four dimensions, one volume per stimulus. Join the "
            "volumes, for instance with nibabel.concat_images."
        )
    if len(inside.shape) == 4 and inside.shape[3] == 1:
        inside = inside.slicer[..., 0]
    same = inside.shape == image.shape[:3] and np.allclose(inside.affine, image.affine, atol=_SAME_AFFINE)
    if not same:
        raise InvalidInput(
            f"The mask {mask.name} has the shape {inside.shape}, the volumes of {path.name} {image.shape[:3]}"
            f"{', and another affine' if inside.shape == image.shape[:3] else ''}; expected one grid. Resample the "
            "mask to the image, for instance with nilearn.image.resample_to_img(…, interpolation='nearest')."
        )
    chosen = np.asarray(inside.dataobj) > 0
    if not chosen.any():
        raise InvalidInput(f"The mask {mask.name} holds no voxel above zero. Give another mask.")
    values = np.empty((image.shape[3], int(chosen.sum())), dtype=np.float32)
    step = max(1, _CELLS // chosen.size)  # an image of a session need not fit into memory
    for start in range(0, len(values), step):
        values[start : start + step] = np.asarray(image.dataobj[..., start : start + step])[chosen].T
    places = np.argwhere(chosen)
    facts: dict[str, Any] = {"affine": np.asarray(image.affine, float).ravel().tolist(), "shape": list(image.shape[:3])}
    labels: dict[str, npt.NDArray[np.generic]] = {name: places[:, axis] for axis, name in enumerate("ijk")}
    return values, labels, facts


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
    values, labels, facts = masked_volumes(path, mask or _mask_beside(path))
    if len(cells) != len(values):
        raise InvalidInput(
            f"{path.name} has {len(values)} volumes and {table.name} {len(cells)} rows; expected one row per volume. "
            "Fit one response per event, or drop the rows without one."
        )
    named = (cells != "").to_numpy()
    ids = require_ids(cells[named], table)
    return Rows(values[named], ids, labels, {**facts, "n_rows_without_stimulus": int((~named).sum())})


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


def _paired(
    path: Path,
    values: npt.NDArray[np.float32],
    ids: Sequence[str],
    labels: dict[str, npt.NDArray[np.generic]],
    facts: dict[str, Any],
) -> Rows:
    if len(values) != len(ids):
        raise InvalidInput(
            f"{path.name} has {len(values)} volumes, and there are {len(ids)} ids (first {listed(ids, 1)}). Give one "
            "id per volume."
        )
    return Rows(values, ids, labels, facts)


def _image(path: Path, expected: str) -> Any:
    nibabel = require_extra("nibabel", "fmri")
    file = require_file(path, f"{expected} (NIfTI: .nii or .nii.gz)")
    try:
        return nibabel.load(file, keep_file_open=True)  # a compressed file is unpacked once, not once per block
    except (nibabel.filebasedimages.ImageFileError, OSError, EOFError, ValueError) as error:
        raise InvalidInput(f"{file.name} is no NIfTI image ({error}); expected {expected}. Get it again.") from error


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

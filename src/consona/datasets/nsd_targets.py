"""What is known about every vertex or voxel of NSD: where it lies, its region, and the ceiling that NSD ships."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from consona.core.errors import InvalidInput
from consona.core.invariants import listed
from consona.datasets.nsd_layout import HEMISPHERES, LABELS, betas_folder, surface_values
from consona.datasets.own_images import image_file
from consona.datasets.textcorpus import read_text

__all__ = ["REGIONS", "STREAMS", "Targets", "surface_targets", "volume_targets"]

STREAMS = ("", "early", "midventral", "midlateral", "midparietal", "ventral", "lateral", "parietal")
"""Names of the visual streams by number, as ``streams.mgz.ctab`` has them; 0 is none."""

REGIONS = ("early", "ventral", "lateral", "parietal")
"""The streams that are regions of interest of their own; the three in between belong to none."""


@dataclass(frozen=True)
class Targets:
    """Labels of every target by name, each ``(n_targets,)``, facts about the space, and the files that were read."""

    labels: dict[str, npt.NDArray[Any]]
    facts: dict[str, Any]
    files: tuple[Path, ...]


def surface_targets(root: Path, subject: str) -> Targets:
    """Vertices of the left hemisphere, then of the right, with their regions.

    Raises
    ------
    MissingData
        When the labels of the streams are not there.
    InvalidInput
        When the hemispheres differ in the number of vertices, or a label has no name.
    """
    files = [root / LABELS / f"{side}.streams.mgz" for side in HEMISPHERES]
    sides = [surface_values(path) for path in files]
    n_vertices = len(sides[0])
    if len(sides[1]) != n_vertices:
        raise InvalidInput(
            f"{files[0].name} has {n_vertices} vertices and {files[1].name} {len(sides[1])}; both must be labels of "
            "one fsaverage. Get the files again."
        )
    names = _stream_names(root / LABELS / "streams.mgz.ctab")
    labels = _regions(np.concatenate(sides), names, files[0])
    labels["hemisphere"] = np.repeat(list(HEMISPHERES.values()), n_vertices)
    labels["vertex"] = np.tile(np.arange(n_vertices), 2)
    shipped = [betas_folder(root, subject, "fsaverage") / f"{side}.ncsnr.mgh" for side in HEMISPHERES]
    if all(path.is_file() for path in shipped):
        labels["ncsnr_shipped"] = np.concatenate([_as_long(surface_values(p), n_vertices, p) for p in shipped])
        files += shipped
    return Targets(labels, {"n_vertices": n_vertices}, tuple(files))


def volume_targets(root: Path, subject: str) -> Targets:
    """Voxels of the brain mask, with indices ``i, j, k``, positions ``x, y, z`` in mm and regions.

    Errors as :func:`surface_targets`; an image on another grid than the mask is an :class:`InvalidInput`, and one whose
    axes are turned is said to be.
    """
    home = root / "nsddata" / "ppdata" / subject / "func1pt8mm"
    files = [home / "brainmask.nii.gz", home / "roi" / "streams.nii.gz"]
    mask = image_file(files[0])
    inside = np.asarray(mask.dataobj) > 0
    voxels = np.argwhere(inside)
    affine = np.asarray(mask.affine, dtype=np.float64)
    position = voxels @ affine[:3, :3].T + affine[:3, 3]
    labels: dict[str, npt.NDArray[Any]] = dict(zip("ijk", voxels.T, strict=True))
    labels |= zip("xyz", position.T, strict=True)
    labels |= _regions(_within(files[1], inside), _stream_names(root / LABELS / "streams.mgz.ctab"), files[1])
    shipped = betas_folder(root, subject, "func1pt8mm") / "ncsnr.nii.gz"
    if shipped.is_file():
        labels["ncsnr_shipped"] = _within(shipped, inside).astype(np.float32)
        files.append(shipped)
    facts = {"affine": affine.ravel().tolist(), "shape": [int(size) for size in inside.shape]}
    return Targets(labels, facts, tuple(files))


def _within(path: Path, inside: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
    values = np.asarray(image_file(path).dataobj)
    values = values[..., 0] if values.ndim == 4 and values.shape[3] == 1 else values
    if values.shape == inside.shape:
        return values[inside]
    turned = " Its axes are turned." if values.shape == inside.shape[::-1] else ""
    raise InvalidInput(
        f"{path} has the shape {values.shape} and the brain mask {inside.shape}.{turned} Both must lie on one grid: "
        "get the file again."
    )


def _regions(numbers: npt.NDArray[Any], names: dict[int, str], path: Path) -> dict[str, npt.NDArray[Any]]:
    whole = np.maximum(np.rint(numbers).astype(np.int64), 0)  # -1 is outside the cortex
    unknown = sorted(set(whole.tolist()) - set(names))
    if unknown:
        raise InvalidInput(f"{path} holds the labels {listed(unknown)}, which have no name; known: {listed(names)}.")
    table = np.array([names.get(number, "") for number in range(max(names) + 1)])
    found = table[whole]
    return {"streams": found, "roi": np.where(np.isin(found, REGIONS), found, "")}


def _stream_names(path: Path) -> dict[int, str]:
    """Number and name of every stream: from the table, or as it is known to be where there is no table."""
    if not path.is_file():
        return dict(enumerate(STREAMS))
    rows = [line.split() for line in read_text(path).splitlines() if line.strip()]
    odd = [i for i, row in enumerate(rows, start=1) if len(row) < 2 or not row[0].isdigit()]
    if odd:
        raise InvalidInput(f"{path}: lines {listed(odd)} are no number and name of a label. Get the file again.")
    return {int(row[0]): "" if int(row[0]) == 0 else row[1].lower() for row in rows}


def _as_long(values: npt.NDArray[Any], n_vertices: int, path: Path) -> npt.NDArray[np.float32]:
    if len(values) != n_vertices:
        raise InvalidInput(f"{path} has {len(values)} vertices; the labels have {n_vertices}. Get the file again.")
    return values.astype(np.float32)

"""From fMRI images that are already in memory to Recordings: one target per voxel of a mask, or per vertex."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from consona.core.errors import InvalidInput
from consona.core.invariants import as_names, listed
from consona.core.recording import Recording

__all__ = ["cleaned_per_run", "masked_values", "recording_from_gifti", "recording_from_images", "voxel_recording"]

# Images are nibabel's, maskers nilearn's; neither package is imported, because their objects bring all that is needed.
Image = Any
Values = npt.NDArray[np.float32]
_SAME_AFFINE = 1e-3  # mm: headers of one grid differ in the last digits
_HELD = 2**27  # voxels and volumes of an image in memory at once
_ROUNDING = 4 * float(np.finfo(np.float32).eps)


def recording_from_images(
    images: Image | Sequence[Image],
    mask: Image,
    ids: npt.ArrayLike,
    subject: str,
    *,
    runs: npt.ArrayLike | None = None,
    strict: bool = False,
) -> Recording:
    """Responses in the voxels of a mask, one volume per stimulus or per repetition of it.

    Parameters
    ----------
    images
        A 4D image, or 3D images in a sequence (say, single-trial betas, in the order of their table).
    mask
        An image that is above zero inside, or a fitted nilearn ``NiftiMasker``, which then also prepares the images as
        it was told to.
    ids
        The stimulus of every volume. An id that comes again is a further repetition of that stimulus, in order.
    subject
        Whose images these are.
    runs
        The run of every volume, for messages.
    strict
        Refuse undefined voxels, instead of marking them as missing.

    Returns
    -------
    Recording
        As :func:`voxel_recording`.

    Raises
    ------
    InvalidInput
        When images and mask do not lie on one grid (both shapes are named), ids and volumes differ in number, or, if
        ``strict``, a voxel is constant or not finite (subject, run and voxel are named).
    """
    return voxel_recording(masked_values(images, mask), mask, ids, subject, runs=runs, strict=strict)


def masked_values(images: Image | Sequence[Image], mask: Image) -> Values:
    """Values in the voxels of a mask, ``(n_volumes, n_voxels)``; parameters as in :func:`recording_from_images`.

    Raises
    ------
    InvalidInput
        When images and mask do not lie on one grid, or a masker was not fitted.
    """
    inside = _inside(mask)
    if hasattr(mask, "transform"):
        together = images if hasattr(images, "shape") else list(images)
        return np.asarray(mask.transform(together), dtype=np.float32)
    volumes = [images] if hasattr(images, "shape") else list(images)
    for place, image in enumerate(volumes):
        _require_grid(image, mask, f"Image {place + 1} of {len(volumes)}" if len(volumes) > 1 else "The image")
    return np.concatenate([_read(image, inside) for image in volumes])


def cleaned_per_run(values: npt.ArrayLike, runs: npt.ArrayLike) -> Values:
    """Each run by itself: without its mean and straight trend, and with a standard deviation of 1 (n - 1) per target.

    A target that does not vary in a run has no scale there: its values in that run are NaN.

    Parameters
    ----------
    values
        ``(n_volumes, n_targets)``, volumes of a run in the order of time.
    runs
        The run of every volume.

    Raises
    ------
    InvalidInput
        When the runs are of another number of volumes, or a run has fewer than three.
    """
    X, labels = np.array(values, dtype=np.float32), as_names(runs)
    X[~np.isfinite(X)] = np.nan
    names, counts = np.unique(labels, return_counts=True)
    if len(labels) != len(X) or counts.min(initial=3) < 3:
        raise InvalidInput(
            f"{len(X)} volumes and {len(labels)} run labels, the shortest run with {counts.min(initial=0)} volumes; "
            "each volume needs its run, and a trend needs three volumes. Check the labels of the runs."
        )
    cleaned = np.empty_like(X)
    for name in names:
        rows = np.flatnonzero(labels == name)
        part = X[rows].astype(np.float64)
        time = np.arange(len(rows)) - (len(rows) - 1) / 2
        part -= part.mean(axis=0)
        largest = np.abs(part).max(axis=0)
        part -= np.outer(time, time @ part / (time @ time))
        spread = part.std(axis=0, ddof=1)
        cleaned[rows] = part / np.where(spread > _ROUNDING * largest, spread, np.nan)
    return cleaned


def voxel_recording(
    values: npt.ArrayLike,
    mask: Image,
    ids: npt.ArrayLike,
    subject: str,
    *,
    runs: npt.ArrayLike | None = None,
    strict: bool = False,
) -> Recording:
    """Values ``(n_volumes, n_voxels)`` of a mask as a Recording; parameters as in :func:`recording_from_images`.

    Voxels that are constant or not finite anywhere are missing as wholes (NaN) and counted in ``attrs``. Along
    ``target`` stand the indices ``i, j, k`` and the position ``x, y, z`` in millimetres of every voxel, ``attrs`` hold
    ``affine`` (16 numbers, row by row) and ``shape`` of the volume: all that a map needs to become an image again.

    Raises
    ------
    InvalidInput
        As :func:`recording_from_images`, and when there are more or fewer columns than voxels.
    """
    inside, image = _inside(mask), _mask_image(mask)
    affine = np.asarray(image.affine, dtype=np.float64)
    voxels = np.argwhere(inside)
    position = voxels @ affine[:3, :3].T + affine[:3, 3]
    coords = {**dict(zip("ijk", voxels.T, strict=True)), **dict(zip("xyz", position.T, strict=True))}
    names = [f"({i}, {j}, {k})" for i, j, k in voxels.tolist()]
    attrs = {"affine": affine.ravel().tolist(), "shape": [int(size) for size in inside.shape]}
    X = np.asarray(values, dtype=np.float32)
    _require_columns(X, len(names), f"the mask {len(names)} voxels")
    X, counts = _whole_targets(X, names, subject, runs, strict)
    return _repeated(X, ids, subject, coords, {**attrs, **counts})


def recording_from_gifti(
    image: Image, ids: npt.ArrayLike, subject: str, *, runs: npt.ArrayLike | None = None, strict: bool = False
) -> Recording:
    """Responses on a surface, from a GIFTI image with one data array per stimulus; ``vertex`` stands along ``target``.

    Raises
    ------
    InvalidInput
        When ids and data arrays differ in number, or the arrays in length; if ``strict``, for undefined vertices.
    """
    arrays = [np.asarray(each.data, dtype=np.float32) for each in image.darrays]
    lengths = sorted({each.shape for each in arrays})
    if len(lengths) != 1 or len(lengths[0]) != 1:
        raise InvalidInput(
            f"The GIFTI image holds {len(arrays)} data arrays of the shapes {lengths}; one value per vertex and one "
            "array per stimulus are needed. Use a functional GIFTI file (.func.gii)."
        )
    X = np.stack(arrays)
    vertices = np.arange(X.shape[1])
    X, counts = _whole_targets(X, [str(vertex) for vertex in vertices], subject, runs, strict)
    return _repeated(X, ids, subject, {"vertex": vertices}, {"n_vertices": len(vertices), **counts})


def _mask_image(mask: Image) -> Image:
    if not hasattr(mask, "transform"):
        return mask
    image = getattr(mask, "mask_img_", None)
    if image is None or hasattr(mask, "labels_img"):
        raise InvalidInput(
            f"The masker is a {type(mask).__name__} without a mask of voxels; a fitted NiftiMasker is needed. Call its "
            "fit first, or pass the mask image itself."
        )
    return image


def _inside(mask: Image) -> npt.NDArray[np.bool_]:
    image = _mask_image(mask)
    inside = np.asarray(image.dataobj) > 0
    inside = inside[..., 0] if inside.ndim == 4 and inside.shape[3] == 1 else inside
    if inside.ndim != 3 or not inside.any():
        raise InvalidInput(
            f"The mask has the shape {inside.shape} and {int(inside.sum())} voxels above zero; a mask has three "
            "dimensions and at least one voxel. Give another mask."
        )
    return np.asarray(inside)


def _require_grid(image: Image, mask: Image, name: str) -> None:
    shape, expected = tuple(image.shape[:3]), tuple(mask.shape[:3])
    if len(image.shape) not in (3, 4) or shape != expected:
        raise InvalidInput(
            f"{name} has the shape {tuple(image.shape)} and the mask {tuple(mask.shape)}; the first three must be "
            "equal. Resample the mask to the image, say with nilearn.image.resample_to_img(interpolation='nearest')."
        )
    if not np.allclose(image.affine, mask.affine, atol=_SAME_AFFINE):
        raise InvalidInput(
            f"{name} and the mask have one shape, {shape}, but their affines differ by up to "
            f"{np.abs(image.affine - mask.affine).max():.3g}: they do not lie on one grid. Resample the mask first."
        )


def _read(image: Image, inside: npt.NDArray[np.bool_]) -> Values:
    if len(image.shape) == 3:
        return np.asarray(np.asarray(image.dataobj)[inside][None], dtype=np.float32)
    found = np.empty((image.shape[3], int(inside.sum())), dtype=np.float32)
    step = max(1, _HELD // inside.size)  # blocks: a session need not fit into memory, and each opens its file anew
    for start in range(0, len(found), step):
        found[start : start + step] = np.asarray(image.dataobj[..., start : start + step])[inside].T
    return found


def _require_columns(X: Values, n_targets: int, what: str) -> None:
    if X.ndim != 2 or X.shape[1] != n_targets:
        raise InvalidInput(
            f"The values have the shape {X.shape} and {what}; one row per volume and one column per target are needed. "
            "Use masked_values with the same mask."
        )


def _whole_targets(
    X: Values, names: Sequence[str], subject: str, runs: npt.ArrayLike | None, strict: bool
) -> tuple[Values, dict[str, Any]]:
    """Targets that are constant or not finite anywhere become missing as wholes, or are refused."""
    finite = np.isfinite(X)
    broken = ~finite.all(axis=0)
    with np.errstate(invalid="ignore"):
        constant = ~broken & (X.max(axis=0) == X.min(axis=0))
    if strict and (broken | constant).any():
        at = np.flatnonzero(broken | constant)
        labels = np.full(len(X), "1") if runs is None else as_names(runs)
        where = labels[~finite.all(axis=1)] if broken.any() else labels
        raise InvalidInput(
            f"Subject '{subject}': {int(constant.sum())} targets are constant and {int(broken.sum())} not finite, in "
            f"run {listed(dict.fromkeys(where.tolist()))}: {listed(names[i] for i in at.tolist())}. Take them out of "
            "the mask, or allow undefined targets."
        )
    counts = {"n_constant": int(constant.sum()), "n_not_finite": int(broken.sum())}
    return np.where(broken | constant, np.float32(np.nan), X), counts


def _repeated(
    X: Values, ids: npt.ArrayLike, subject: str, coords: dict[str, npt.NDArray[Any]], attrs: dict[str, Any]
) -> Recording:
    names = as_names(ids)
    if len(names) != len(X):
        raise InvalidInput(
            f"Subject '{subject}' has {len(X)} volumes and {len(names)} ids; every volume needs the id of its "
            "stimulus. Drop volumes without a stimulus first."
        )
    stimulus, unique = pd.factorize(names)  # in the order in which they first came
    turn = pd.Series(stimulus).groupby(stimulus).cumcount().to_numpy()
    values = np.full((int(turn.max(initial=0)) + 1, len(unique), X.shape[1]), np.nan, dtype=np.float32)
    values[turn, stimulus] = X
    labelled = {"stimulus": unique, **{name: ("target", each) for name, each in coords.items()}}
    return Recording(xr.DataArray(values, labelled, ("repetition", "stimulus", "target")), subject, attrs)

"""From scores back to images: NIfTI volumes and GIFTI surfaces, in memory and as bytes."""

import gzip
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.core.errors import InvalidInput, require_extra
from consona.core.invariants import listed
from consona.core.recording import Recording
from consona.core.score import Score

__all__ = ["gifti_bytes", "gifti_image", "map_names", "nifti_bytes", "nifti_image"]

Image = Any


def nifti_image(score: Score | xr.DataArray, recording: Recording) -> Image:
    """A map as a NIfTI image (nibabel): the grid of the recording, NaN outside its mask and where it is undefined.

    Parameters
    ----------
    score
        Values along ``target`` with the coordinates ``i, j, k``; every further dimension makes volumes, in the order
        of :func:`map_names`. An array of labels beside the score, such as its p, does as well.
    recording
        Whose ``attrs`` hold ``affine`` and ``shape``, as :func:`~consona.brain.fmri.voxel_recording` makes them.

    Raises
    ------
    InvalidInput
        When targets are no voxels, the grid is not known, or voxels lie outside it.
    MissingExtra
        When nibabel is not installed.
    """
    nibabel = require_extra("nibabel", "fmri")
    maps, voxels = _maps(score), _coordinates(score, ("i", "j", "k"))
    missing = [name for name in ("affine", "shape") if name not in recording.attrs]
    if missing:
        raise InvalidInput(
            f"Recording '{recording.subject}' does not know its {listed(missing)}; a map needs the grid of the images. "
            "Make the recording with recording_from_images."
        )
    affine = np.asarray(recording.attrs["affine"], dtype=np.float64).reshape(4, 4)
    shape = tuple(int(size) for size in recording.attrs["shape"])
    if len(voxels) and not ((voxels >= 0) & (voxels < shape)).all():
        raise InvalidInput(f"Voxels up to {voxels.max(axis=0).tolist()} lie outside the grid of {shape}. Check both.")
    volume = np.full((*shape, len(maps)), np.nan, dtype=np.float32)
    volume[tuple(voxels.T)] = maps.T
    image = nibabel.Nifti1Image(volume if len(maps) > 1 else volume[..., 0], affine)
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = _words(score).encode("ascii", "replace")[:79]
    return image


def nifti_bytes(score: Score | xr.DataArray, recording: Recording, *, compressed: bool = False) -> bytes:
    """:func:`nifti_image` as the bytes of a ``.nii`` file, or of ``.nii.gz``; equal maps give equal bytes."""
    plain = bytes(nifti_image(score, recording).to_bytes())
    return gzip.compress(plain, mtime=0) if compressed else plain


def gifti_image(score: Score | xr.DataArray, recording: Recording) -> Image:
    """A map as a GIFTI image (nibabel), one data array per map, NaN at vertices without a target.

    Parameters
    ----------
    score
        Values along ``target`` with the coordinate ``vertex``.
    recording
        Whose ``attrs`` hold ``n_vertices``.

    Raises
    ------
    InvalidInput
        When targets are no vertices, or their number on the surface is not known.
    MissingExtra
        When nibabel is not installed.
    """
    gifti = require_extra("nibabel.gifti", "fmri")
    maps, vertices = _maps(score), _coordinates(score, ("vertex",))[:, 0]
    n_vertices = int(recording.attrs.get("n_vertices", 0))
    if len(vertices) and not 0 <= int(vertices.min()) <= int(vertices.max()) < n_vertices:
        raise InvalidInput(
            f"Targets lie at vertices {int(vertices.min())} to {int(vertices.max())}, and recording "
            f"'{recording.subject}' is on a surface of {n_vertices} vertices, counted from 0. Set attrs['n_vertices']."
        )
    image = gifti.GiftiImage()
    for name, values in zip(map_names(score), maps, strict=True):
        full = np.full(n_vertices, np.nan, dtype=np.float32)
        full[vertices] = values
        image.add_gifti_data_array(
            gifti.GiftiDataArray(full, intent="NIFTI_INTENT_NONE", datatype="NIFTI_TYPE_FLOAT32", meta={"Name": name})
        )
    return image


def gifti_bytes(score: Score | xr.DataArray, recording: Recording) -> bytes:
    """:func:`gifti_image` as the bytes of a ``.func.gii`` file."""
    return bytes(gifti_image(score, recording).to_bytes())


def map_names(score: Score | xr.DataArray) -> list[str]:
    """What each map of an image shows, in order, for example ``layer=3, attribute=animacy``."""
    data = _data(score)
    others = [dim for dim in data.dims if dim != "target"]
    labels = [data[dim].values if dim in data.coords else np.arange(data.sizes[dim]) for dim in others]
    places = np.ndindex(*(len(each) for each in labels))
    return [", ".join(f"{dim}={each[i]}" for dim, each, i in zip(others, labels, at)) or _words(score) for at in places]


def _data(score: Score | xr.DataArray) -> xr.DataArray:
    data = score.data if isinstance(score, Score) else score
    if "target" not in data.dims:
        raise InvalidInput(f"A map needs values along 'target'; found the dimensions {data.dims}.")
    return data


def _maps(score: Score | xr.DataArray) -> npt.NDArray[np.float32]:
    data = _data(score)
    last = data.transpose(..., "target")
    return np.asarray(last.values, dtype=np.float32).reshape(-1, data.sizes["target"])


def _coordinates(score: Score | xr.DataArray, names: tuple[str, ...]) -> npt.NDArray[np.int64]:
    data = _data(score)
    missing = [name for name in names if name not in data.coords]
    if missing:
        raise InvalidInput(
            f"The targets carry no coordinate {listed(missing)}; they carry {listed(data.coords) or 'none'}. Only "
            "targets that are voxels or vertices can be shown as a map."
        )
    return np.stack([np.asarray(data[name].values, dtype=np.int64) for name in names], axis=1)


def _words(score: Score | xr.DataArray) -> str:
    return score.metric if isinstance(score, Score) else str(score.name or "values")

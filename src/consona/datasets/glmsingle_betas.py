"""Single-trial betas from files: what GLMsingle writes, 4D images with one volume per trial, and plain matrices."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from consona.core.errors import InvalidInput, MissingData
from consona.core.invariants import listed
from consona.datasets.own_images import IMAGES, image_file, masked_file
from consona.datasets.own_tables import require_file
from consona.datasets.plainarrays import load_plain_archive, load_plain_array
from consona.datasets.unpickle import load_saved_dictionary

GLMSINGLE = ("TYPED_FITHRF_GLMDENOISE_RR", "TYPEC_FITHRF_GLMDENOISE", "TYPEB_FITHRF")
"""Names of the files of GLMsingle with one beta per trial, best first."""

BETAS = (".npy", ".npz", ".mat", ".hdf5", ".h5", *IMAGES)
NAMES = ("betasmd", "modelmd", "all_voxels", "betas", "responses")
"""What the array is called: by GLMsingle in Python and in MATLAB, by the authors of the reasoning data, by others."""

ONE_DURATION = "GLMsingle: one stimulus duration for all trials, so response time is part of what the betas hold"
_HDF5 = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True)
class TrialBetas:
    """Betas as they lie in a file: ``values (n_trials, n_voxels)``.

    ``mask`` is the image (nibabel) whose voxels they are, where they are; ``facts`` say how they were made.
    """

    values: npt.NDArray[np.float32]
    mask: Any = None
    facts: dict[str, Any] = field(default_factory=dict)


def is_glmsingle(path: Path) -> bool:
    """Whether a file is named as GLMsingle names it."""
    return path.name.startswith(GLMSINGLE)


def load_trial_betas(path: Path | str, mask: Path | str | None = None) -> TrialBetas:
    """Betas of the trials of one file, in the order of the file.

    Parameters
    ----------
    path
        An output of GLMsingle (``TYPED_FITHRF_GLMDENOISE_RR`` as ``.npy``, ``.hdf5`` or ``.mat``, with the array
        ``betasmd`` or ``modelmd``: (x, y, z, n_trials) or (n_voxels, n_trials)); a 4D image with one volume per trial;
        or a matrix (n_trials, n_voxels): ``.npy``, or an ``.npz``, ``.mat`` or ``.hdf5`` with one array, or with one
        that has one of the names :data:`NAMES`. No pickle is run, also not the one in GLMsingle's ``.npy``.
    mask
        Image whose voxels above zero are taken; needed for everything that has the shape of a volume.

    Raises
    ------
    MissingData
        When there is no file or no mask.
    MissingExtra
        When an image or a mask is to be read and nibabel is not installed.
    InvalidInput
        When the array is not found, has another shape than the mask, or does not hold real numbers; a pickle that asks
        for more than arrays, or a damaged file.
    """
    file = require_file(path, f"single-trial betas, a file that ends in {', '.join(BETAS)}")
    if file.name.endswith(IMAGES):
        if mask is None:
            raise MissingData(
                f"{file.name} is an image, and no mask was given. Give mask=, an image above zero inside."
            )
        within, inside = masked_file(file, require_file(mask, "a mask (.nii or .nii.gz)"))
        return TrialBetas(within, inside, {"estimator": "images with one volume per trial"})
    if not is_glmsingle(file):
        return TrialBetas(_real(_matrix(file), file), None, {"estimator": "a matrix, its making not known"})
    values, turned = _glmsingle_array(file)
    facts = {"estimator": f"GLMsingle, {file.name.split('.')[0]}", "duration": ONE_DURATION}
    return _within(_real(values.T if turned else values, file), mask, file, facts)


def _glmsingle_array(path: Path) -> tuple[npt.NDArray[np.generic], bool]:
    """The betas, and whether MATLAB has turned the axes (it writes HDF5 with the last axis first)."""
    if path.suffix == ".npy":
        return load_saved_dictionary(path, "betasmd"), False
    if path.suffix == ".mat":
        arrays, turned = _mat(path)
        return _chosen(arrays, path), turned
    return _chosen(_hdf5(path), path), False


def _matrix(path: Path) -> npt.NDArray[np.generic]:
    if path.suffix == ".npy":
        return load_plain_array(path)
    if path.suffix == ".npz":
        return _chosen(load_plain_archive(path), path)
    if path.suffix == ".mat":
        arrays, turned = _mat(path)
        return _chosen(arrays, path).T if turned else _chosen(arrays, path)
    if path.suffix in (".hdf5", ".h5"):
        return _chosen(_hdf5(path), path)
    raise InvalidInput(f"{path.name} is no kind of file that is read for betas; expected one of {', '.join(BETAS)}.")


def _mat(path: Path) -> tuple[dict[str, npt.NDArray[np.generic]], bool]:
    """The arrays of a MATLAB file; those of version 7.3 are HDF5, with the axes turned."""
    with open(path, "rb") as stream:
        begin = stream.read(520)
    if begin.startswith(_HDF5) or begin[512:] == _HDF5:  # MATLAB puts 512 bytes of its own in front
        return _hdf5(path), True
    from scipy.io.matlab import MatReadError, loadmat  # a fifth of a second, needed here only

    try:
        found = loadmat(path)
    except (MatReadError, ValueError, TypeError, OSError, NotImplementedError, KeyError, EOFError) as error:
        raise InvalidInput(
            f"{path.name} is no MATLAB file that can be read ({type(error).__name__}). Get it again."
        ) from error
    return {name: each for name, each in found.items() if not name.startswith("__")}, False


def _hdf5(path: Path) -> dict[str, npt.NDArray[np.generic]]:
    """The numeric arrays of an HDF5 file, those called as betas are, else all."""
    import h5py  # only for files of this kind

    try:
        with h5py.File(path, "r") as file:
            held = {name: each for name, each in file.items() if isinstance(each, h5py.Dataset)}
            wanted = [name for name in NAMES if name in held] or list(held)
            return {name: np.asarray(held[name]) for name in wanted}
    except OSError as error:
        raise InvalidInput(f"{path.name} is no HDF5 file that can be read ({error}). Get it again.") from error


def _chosen(arrays: dict[str, npt.NDArray[np.generic]], path: Path) -> npt.NDArray[np.generic]:
    """The array with a known name, or the only one."""
    known = [name for name in NAMES if name in arrays]
    if known or len(arrays) == 1:
        return arrays[(known or list(arrays))[0]]
    raise InvalidInput(
        f"{path.name} holds the arrays {listed(arrays) or 'none'}; expected one of {listed(NAMES)}, or a single array. "
        "Rename it."
    )


def _real(values: npt.NDArray[np.generic], path: Path) -> npt.NDArray[np.float32]:
    if values.dtype.kind not in "fiub" or values.ndim < 2 or not values.size:
        raise InvalidInput(
            f"{path.name} holds an array of type {values.dtype} and shape {values.shape}; expected real numbers, "
            "trials by voxels or (x, y, z, n_trials)."
        )
    return np.asarray(values, dtype=np.float32)


def _within(values: npt.NDArray[np.float32], mask: Path | str | None, path: Path, facts: dict[str, Any]) -> TrialBetas:
    """GLMsingle's voxels by trials as trials by voxels, within the mask where they have the shape of a volume."""
    if values.ndim > 2 and max(values.shape[1:-1]) == 1:  # voxels given as (n_voxels, 1, 1)
        values = values.reshape(len(values), -1)
    inside = None if mask is None else image_file(require_file(mask, "a mask (.nii or .nii.gz)"))
    if values.ndim == 2:
        n_voxels = None if inside is None else int((np.asarray(inside.dataobj) > 0).sum())
        if n_voxels not in (None, len(values)):
            raise InvalidInput(
                f"{path.name} has betas of {len(values)} voxels and the mask {n_voxels} voxels above zero; they must "
                "be the same. Give the mask with which GLMsingle was run, or none."
            )
        return TrialBetas(values.T.copy(), inside, facts)
    if inside is None:
        raise MissingData(
            f"{path.name} holds betas of the shape {values.shape}, a volume per trial, and no mask was given. Give "
            "mask=, an image above zero in the voxels to be used."
        )
    within = np.asarray(inside.dataobj) > 0
    within = within[..., 0] if within.ndim == 4 and within.shape[3] == 1 else within
    if values.ndim != 4 or values.shape[:3] != within.shape:
        raise InvalidInput(
            f"{path.name} holds betas of the shape {values.shape} and the mask {within.shape}; the first three must be "
            "equal. Resample the mask to the images that GLMsingle was given."
        )
    return TrialBetas(values[within].T.copy(), inside, facts)

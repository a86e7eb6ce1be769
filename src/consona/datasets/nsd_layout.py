"""Where things lie in a folder of the Natural Scenes Dataset, and how responses of a session are read from it."""

import gzip
import math
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from consona.core.errors import InvalidInput, MissingData
from consona.core.invariants import listed
from consona.datasets.locate import corpus_folder
from consona.datasets.own_images import image_file

__all__ = ["BETAS", "Betas", "SurfaceBetas", "VolumeBetas", "nsd_root", "session_files", "surface_values"]

NAME = "nsd"
BETAS = "betas_fithrf_GLMdenoise_RR"
"""The version of the responses that is read: GLMsingle with its own response functions, denoising and ridge."""

SCALE = 300
"""Volumes hold whole numbers, this many to a percent of signal change."""

HEMISPHERES = {"lh": "left", "rh": "right"}
LABELS = "nsddata/freesurfer/fsaverage/label"
EXPERIMENT = "nsddata/experiments/nsd"
STIMULI = "nsddata_stimuli/stimuli/nsd"
_HELD = 2**27  # voxels and volumes of an image in memory at once
_MGH_BEGIN = 284  # bytes before the first value
_MGH_KINDS = {0: ">u1", 1: ">i4", 3: ">f4", 4: ">i2"}

Single = npt.NDArray[np.float32]


def nsd_root(folder: Path | str | None = None) -> Path:
    """The folder that holds ``nsddata``, ``nsddata_betas`` …; else :class:`MissingData` says where it is looked for."""
    return corpus_folder(NAME, folder)


def betas_folder(root: Path, subject: str, space: str) -> Path:
    """Where the responses of a subject lie in one space."""
    return root / "nsddata_betas" / "ppdata" / subject / space / BETAS


def session_files(root: Path, subject: str, space: str, sessions: Sequence[int]) -> list[tuple[Path, ...]]:
    """The files of every session: left and right (``fsaverage``), or one volume (``func1pt8mm``; HDF5 before NIfTI).

    Raises
    ------
    MissingData
        When a file of a session that the subject took part in is not there; the first one is named.
    """
    home = betas_folder(root, subject, space)
    found = [_of_session(home, space, session) for session in sessions]
    missing = [session for session, files in zip(sessions, found, strict=True) if not all(f.is_file() for f in files)]
    if missing:
        lacking = next(path for path in found[list(sessions).index(missing[0])] if not path.is_file())
        raise MissingData(
            f"Subject '{subject}' took part in {len(sessions)} sessions; {len(missing)} of them have no responses in "
            f"{home}: sessions {listed(missing)}, the first lacks {lacking.name}. Get these files (consona fetch nsd "
            "says how); with a session left out images would lose repetitions."
        )
    return found


def _of_session(home: Path, space: str, session: int) -> tuple[Path, ...]:
    if space == "fsaverage":
        return tuple(home / f"{side}.betas_session{session:02d}.mgh" for side in HEMISPHERES)
    volume, image = (home / f"betas_session{session:02d}.{suffix}" for suffix in ("hdf5", "nii.gz"))
    return (image,) if image.is_file() and not volume.is_file() else (volume,)


class Betas(Protocol):
    """Responses of one subject, session by session."""

    @property
    def n_targets(self) -> int:
        """Vertices or voxels."""
        ...

    def block(self, session: int, n_rows: int, start: int, stop: int) -> Single:
        """Responses of a session (place in the list) in the targets from ``start`` to before ``stop``, by trial."""
        ...


@dataclass(frozen=True)
class SurfaceBetas:
    """Responses on a surface: two ``.mgh`` files per session, ``(n_vertices, 1, 1, n_trials)`` float32, in percent.

    Targets are the vertices of the left hemisphere, then those of the right.
    """

    files: tuple[tuple[Path, ...], ...]
    n_vertices: int

    @property
    def n_targets(self) -> int:
        """Vertices of both hemispheres."""
        return 2 * self.n_vertices

    def block(self, session: int, n_rows: int, start: int, stop: int) -> Single:
        """As :class:`Betas`; raises :class:`InvalidInput` where a file is damaged or has another shape."""
        parts = []
        for side, path in enumerate(self.files[session]):
            low, high = (min(max(end - side * self.n_vertices, 0), self.n_vertices) for end in (start, stop))
            if low < high:
                parts.append(_frames(path, self.n_vertices, n_rows, low, high))
        return np.concatenate(parts, axis=1) if len(parts) > 1 else parts[0]


@dataclass(frozen=True)
class VolumeBetas:
    """Responses in the voxels of a brain mask: one HDF5 or NIfTI file per session, whole numbers, 300 to a percent.

    ``voxels`` are ``(n_targets, 3)`` indices x, y, z in the order of the mask; ``shape`` is that of the volume.
    """

    files: tuple[tuple[Path, ...], ...]
    voxels: npt.NDArray[np.intp]
    shape: tuple[int, int, int]

    @property
    def n_targets(self) -> int:
        """Voxels of the mask."""
        return len(self.voxels)

    def block(self, session: int, n_rows: int, start: int, stop: int) -> Single:
        """As :class:`Betas`; raises :class:`InvalidInput` where a file is damaged or has another shape."""
        path = self.files[session][0]
        read = _hdf5_voxels if path.suffix == ".hdf5" else _image_voxels
        return read(path, self.voxels[start:stop], self.shape, n_rows)


def surface_values(path: Path) -> npt.NDArray[Any]:
    """One value per vertex from an ``.mgh`` or ``.mgz`` file.

    Raises
    ------
    MissingData
        When it is not there.
    InvalidInput
        When it is none, is shorter than it says, or holds several values per vertex.
    """
    if not path.is_file():
        raise MissingData(f"There is no {path}; expected a file of NSD. Get it again.")
    data = _read(path, lambda: gzip.decompress(path.read_bytes()) if path.suffix == ".mgz" else path.read_bytes())
    shape, kind = _mgh_shape(path, data[:_MGH_BEGIN], len(data))
    if np.prod(shape) != max(shape):
        raise InvalidInput(f"{path} has the shape {shape}; one value per vertex expected. Get the file again.")
    values = np.frombuffer(data, kind, max(shape), _MGH_BEGIN)
    return values.astype(kind.newbyteorder("="))


def _frames(path: Path, n_vertices: int, n_rows: int, low: int, high: int) -> Single:
    """Some vertices of every frame; only what is asked for is read."""
    with open(path, "rb") as stream:
        shape, kind = _mgh_shape(path, stream.read(_MGH_BEGIN), path.stat().st_size)
    expected = (n_vertices, 1, 1, n_rows)
    if shape != expected:
        turned = " The axes are swapped." if shape[0] == n_rows and shape[-1] == n_vertices else ""
        raise InvalidInput(
            f"{path} has the shape {shape}; expected {expected}: vertices, 1, 1, and the trials that the design lists "
            f"for this session.{turned} Get the file again, of the same release."
        )
    held = np.memmap(path, kind, "r", _MGH_BEGIN, (n_rows, n_vertices))
    return held[:, low:high].astype(np.float32)


def _mgh_shape(path: Path, begin: bytes, n_bytes: int) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and type from the first bytes of an ``.mgh`` file; ``n_bytes`` is how many there are in all."""
    version, *shape, kind = struct.unpack_from(">6i", begin) if len(begin) == _MGH_BEGIN else (0, 0, 0)
    if version != 1 or kind not in _MGH_KINDS or min(shape) < 1:
        raise InvalidInput(f"{path} is no surface file of FreeSurfer (.mgh, .mgz). Get the file again.")
    found = np.dtype(_MGH_KINDS[kind])
    needed = _MGH_BEGIN + math.prod(shape) * found.itemsize
    if n_bytes < needed:
        raise InvalidInput(f"{path} has {n_bytes} bytes of values; its header says {needed}. Get the file again.")
    return tuple(shape), found


def _hdf5_voxels(path: Path, voxels: npt.NDArray[np.intp], shape: tuple[int, int, int], n_rows: int) -> Single:
    import h5py  # only for files of this kind

    i, j, k = voxels.T
    first, end = int(i.min()), int(i.max()) + 1

    def read() -> Any:
        with h5py.File(path, "r") as file:
            data = file.get("betas")
            if not isinstance(data, h5py.Dataset):
                raise InvalidInput(f"{path} has no array 'betas'; it holds {listed(file)}. Get the file again.")
            _require_turned(path, tuple(data.shape), shape, n_rows)
            return data[:, :, :, first:end]

    slab = _read(path, read)
    return _percent(slab[:, k, j, i - first])


def _image_voxels(path: Path, voxels: npt.NDArray[np.intp], shape: tuple[int, int, int], n_rows: int) -> Single:
    image = image_file(path)
    if tuple(image.shape) != (*shape, n_rows):
        raise InvalidInput(
            f"{path} has the shape {tuple(image.shape)}; expected {(*shape, n_rows)}: the volume of the brain mask, "
            "and the trials that the design lists for this session. Get the file again, of the same release."
        )
    i, j, k = voxels.T
    found = np.empty((n_rows, len(voxels)), dtype=np.float32)
    step = max(1, _HELD // int(np.prod(shape)))

    def read() -> None:
        for start in range(0, n_rows, step):
            part = np.asarray(image.dataobj[..., start : start + step])
            found[start : start + step] = _percent(part[i, j, k].T)

    _read(path, read)
    return found


def _require_turned(path: Path, found: tuple[int, ...], shape: tuple[int, int, int], n_rows: int) -> None:
    """MATLAB writes x, y, z, trial; HDF5 shows that from the back."""
    expected = (n_rows, *shape[::-1])
    if found == expected:
        return
    turned = sorted(found) == sorted(expected)
    raise InvalidInput(
        f"{path}: 'betas' has the shape {found}; expected {expected}, which is trials, z, y, x, with the volume "
        f"{shape} of the brain mask. "
        + ("Its axes are in another order: transpose the array, or get the file again." if turned else "Get it again.")
    )


def _percent(values: npt.NDArray[Any]) -> Single:
    single = np.ascontiguousarray(values, dtype=np.float32)
    if values.dtype.kind in "iu":
        single /= np.float32(SCALE)
    return single


def _read(path: Path, read: Callable[[], Any]) -> Any:
    """What a reader returns; whatever a damaged file makes it raise names the file."""
    try:
        return read()
    except InvalidInput:
        raise
    except (OSError, EOFError, ValueError, KeyError, IndexError, zlib.error) as error:
        raise InvalidInput(f"{path} is damaged and cannot be read ({error}). Get the file again.") from error

"""From the sessions of NSD to one mean response per image, in one pass and within a stated memory, with the ceiling."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from consona.core.errors import InvalidInput
from consona.core.invariants import listed
from consona.datasets.nsd import design
from consona.datasets.nsd_averaging import Averaging
from consona.datasets.nsd_ids import stimulus_ids
from consona.datasets.nsd_layout import BETAS, SurfaceBetas, VolumeBetas, nsd_root, session_files
from consona.datasets.nsd_targets import Targets, surface_targets, volume_targets
from consona.datasets.response_files import Labels, ResponseFile, open_responses, prepared_from, write_responses
from consona.stats.ceiling import noise_ceiling
from consona.stats.correlation import pearson_columns

__all__ = ["ceiling_agreement", "prepare_nsd"]

Space = Literal["fsaverage", "func1pt8mm"]

_VERSION = 1
"""Of what is done here: another one prepares anew."""


def prepare_nsd(
    folder: Path | str | None,
    subject: str,
    *,
    out: Path | str,
    space: Space = "fsaverage",
    repetitions: int | Literal["all"] = 3,
    memory_mb: float = 2000,
) -> ResponseFile:
    """Mean responses of one subject to every image, z-scored within sessions, float32 on disk.

    In every session each target is z-scored over all trials (SD with n in the denominator); then the repetitions of an
    image are averaged, those that exist. A target that does not vary in a session, or is not finite there, has no
    values in that session; one that so lacks an image altogether is missing (NaN) for all images, and counted. The
    signal-to-noise ratio of every target comes from the same pass.

    Targets are taken in blocks, each in one pass over the sessions, so that no more than ``memory_mb`` is needed; the
    facts of the result say how many blocks there were. The file appears under its name when it is whole. Called again
    with the same inputs (names, sizes and times of the files) and settings, it is opened and not made.

    Parameters
    ----------
    folder
        With ``nsddata`` and ``nsddata_betas``; else ``$CONSONA_DATA/nsd``.
    subject
        Such as ``subj01``.
    out
        The ``.npy`` file to write.
    space
        Vertices of fsaverage (left, then right) or voxels of the brain mask of the subject.
    repetitions
        Images that were shown exactly so often, or ``all`` images.
    memory_mb
        How much memory may be taken.

    Returns
    -------
    ResponseFile
        Rows in the order of image numbers, ids such as ``nsd00013``; labels ``roi``, ``streams``, ``hemisphere`` and
        ``vertex`` (or ``i, j, k, x, y, z``), ``ncsnr``, ``noise_variance`` (of one repetition, the total being 1), and
        ``ncsnr_shipped`` where NSD's own file is there.

    Raises
    ------
    MissingData
        When a file is not there; that of a missing session is named.
    InvalidInput
        When files do not fit each other, are damaged, or no image was shown so often; when the memory is too small.
    StoreError
        When the disk is full.
    """
    root, file = nsd_root(folder), Path(out)
    trials = design(root, subject)
    targets = (surface_targets if space == "fsaverage" else volume_targets)(root, subject)
    betas = _betas(root, subject, space, trials, targets)
    settings = {"space": space, "repetitions": repetitions, "betas": BETAS, "version": _VERSION}
    key = _key(root, (*targets.files, *(each for files in betas.files for each in files)), settings, trials)
    if prepared_from(file) == key:
        return open_responses(file)
    averaging = Averaging.of(betas, trials, repetitions)
    step = min(averaging.n_at_once(memory_mb), betas.n_targets)
    facts: dict[str, Any] = {
        "n_sessions": len(betas.files),
        "n_passes": -(-betas.n_targets // step),
        "memory_mb": memory_mb,
    }
    facts |= {**settings, **targets.facts, "key": key}

    def fill(mapped: "np.memmap[Any, Any]") -> Labels:
        made, undefined = averaging.fill(mapped, step)
        facts.update(n_undefined=int(undefined.sum()), undefined=listed(_names(targets, undefined)))
        return {**targets.labels, **made}

    ids, counts = stimulus_ids(averaging.images), averaging.counts.sum(axis=1)
    return write_responses(file, ids, betas.n_targets, fill, subject=subject, repetitions=counts, facts=facts)


def ceiling_agreement(file: ResponseFile) -> dict[str, float]:
    """The signal-to-noise ratio made here beside the one that NSD ships, over the targets where both are known.

    Returns
    -------
    dict
        ``n_targets``, ``r`` (correlation of the two), ``median_here`` and ``median_shipped`` (of ncsnr),
        ``largest_difference`` (of ncsnr), ``percent_here`` and ``percent_shipped`` (median over targets of the variance
        that can be explained in the mean over the repetitions at hand, 100 ncsnr² / (ncsnr² + mean(1/n))).

    Raises
    ------
    InvalidInput
        When no ncsnr came with the responses.
    """
    labels = file.labels()
    if "ncsnr_shipped" not in labels:
        raise InvalidInput(
            f"The responses of '{file.subject}' were prepared without NSD's own ncsnr files; put them beside the betas "
            "(lh.ncsnr.mgh and rh.ncsnr.mgh, or ncsnr.nii.gz) and prepare again."
        )
    here, shipped = (labels[name].astype(np.float64) for name in ("ncsnr", "ncsnr_shipped"))
    both = np.isfinite(here) & np.isfinite(shipped)
    found = {"here": here[both], "shipped": shipped[both]}
    percent = {name: 100 * noise_ceiling(x, n_repetitions=file.repetitions()) ** 2 for name, x in found.items()}
    return {
        "n_targets": float(both.sum()),
        "r": float(pearson_columns(found["here"][:, None], found["shipped"][:, None])[0]),
        "largest_difference": float(np.abs(found["here"] - found["shipped"]).max()),
        **{f"median_{name}": float(np.median(each)) for name, each in found.items()},
        **{f"percent_{name}": float(np.median(each)) for name, each in percent.items()},
    }


def _names(targets: Targets, chosen: npt.NDArray[np.bool_]) -> list[str]:
    """What these targets are called: side and vertex, or indices of the voxel."""
    axes = [targets.labels[name] for name in ("hemisphere", "vertex", *"ijk") if name in targets.labels]
    return [" ".join(str(axis[at]) for axis in axes) for at in np.flatnonzero(chosen).tolist()]


def _betas(
    root: Path, subject: str, space: Space, trials: pd.DataFrame, targets: Targets
) -> SurfaceBetas | VolumeBetas:
    sessions = np.unique(trials["session"]).tolist()
    files = tuple(session_files(root, subject, space, sessions))
    if space == "fsaverage":
        return SurfaceBetas(files, int(targets.facts["n_vertices"]))
    voxels = np.stack([targets.labels[axis] for axis in "ijk"], axis=1)
    x, y, z = targets.facts["shape"]
    return VolumeBetas(files, voxels, (x, y, z))


def _key(root: Path, files: Iterable[Path], settings: dict[str, Any], trials: pd.DataFrame) -> str:
    """Names, sizes and times of what is read, the settings, and the order of the images."""
    seen = [(path.relative_to(root).as_posix(), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    digest = hashlib.sha256(json.dumps([seen, settings], sort_keys=True).encode())
    digest.update(trials.to_numpy(dtype=np.int64).tobytes())
    return digest.hexdigest()

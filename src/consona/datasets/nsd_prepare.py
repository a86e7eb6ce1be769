"""From the sessions of NSD to one mean response per image, in one pass and within a stated memory, with the ceiling."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from consona.core.errors import InvalidInput
from consona.datasets.nsd import design
from consona.datasets.nsd_ids import stimulus_ids
from consona.datasets.nsd_layout import BETAS, Betas, SurfaceBetas, VolumeBetas, nsd_root, session_files
from consona.datasets.nsd_targets import Targets, surface_targets, volume_targets
from consona.datasets.response_files import Labels, ResponseFile, open_responses, prepared_from, write_responses
from consona.engine.store import let_go
from consona.stats.ceiling import VarianceParts, ncsnr_of

__all__ = ["prepare_nsd"]

Single = npt.NDArray[np.float32]
Space = Literal["fsaverage", "func1pt8mm"]

_VERSION = 1
"""Of what is done here: another one prepares anew."""
_PER_TRIAL = 32
"""Bytes that a trial takes per target while a session is read: raw values, in percent, z-scored, and their squares."""
_PER_IMAGE = 4
"""Bytes that an image takes per target: its sum."""
_WRITTEN = 2**25
"""Bytes of means that are made and written at once."""
_PAGE = 4096


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
    passes = {"n_sessions": len(betas.files), "n_passes": -(-betas.n_targets // step), "memory_mb": memory_mb}
    return write_responses(
        file,
        stimulus_ids(averaging.images),
        betas.n_targets,
        lambda mapped: {**targets.labels, **averaging.fill(mapped, step)},
        subject=subject,
        repetitions=averaging.counts.sum(axis=1),
        facts={**settings, **targets.facts, **passes, "key": key},
    )


@dataclass(frozen=True)
class Averaging:
    """Which trial of which session shows which image, and how responses become means of images.

    ``images`` ``(n_images,)`` are image numbers from 0 in order; ``rows`` hold, for every session, the row of the image
    that each trial shows (-1 where it is not asked for); ``counts`` ``(n_images, n_sessions)`` how often it is shown.
    """

    betas: Betas
    images: npt.NDArray[np.int64]
    rows: tuple[npt.NDArray[np.intp], ...]
    counts: npt.NDArray[np.int64]

    @classmethod
    def of(cls, betas: Betas, trials: pd.DataFrame, repetitions: int | Literal["all"]) -> Self:
        """From the table of all trials; :class:`InvalidInput` where no image was shown so often."""
        shown = trials["nsd_id"].value_counts().sort_index()
        kept = shown.index.to_numpy() if repetitions == "all" else shown.index[shown == repetitions].to_numpy()
        if not len(kept):
            raise InvalidInput(
                f"No image was shown {repetitions} times (the most is {shown.max()}, {len(shown)} images in "
                f"{len(trials)} trials). Give another repetitions=, or 'all'."
            )
        place = pd.Series(np.arange(len(kept)), kept)
        sessions = [each["nsd_id"] for _, each in trials.groupby("session", sort=True)]
        rows = tuple(place.reindex(each).fillna(-1).to_numpy(dtype=np.intp) for each in sessions)
        counts = [np.bincount(each[each >= 0], minlength=len(kept)) for each in rows]
        return cls(betas, kept.astype(np.int64), rows, np.stack(counts, axis=1))

    def n_at_once(self, memory_mb: float) -> int:
        """How many targets fit into this much memory."""
        most = max(len(each) for each in self.rows)
        found = int(memory_mb * 1e6 - _WRITTEN) // (_PER_IMAGE * len(self.images) + _PER_TRIAL * most)
        if found < 1:
            raise InvalidInput(
                f"memory_mb={memory_mb} holds no target with {len(self.images)} images and {most} trials in a session. "
                "Give more memory."
            )
        return found

    def fill(self, mapped: "np.memmap[Any, Any]", step: int) -> Labels:
        """Write all means ``(n_images, n_targets)``, ``step`` targets at a time; labels of the targets."""
        n_targets = self.betas.n_targets
        blocks = [(start, min(start + step, n_targets)) for start in range(0, n_targets, step)]
        made = [self._block(mapped, start, stop) for start, stop in blocks]
        return {name: np.concatenate([each[name] for each in made]) for name in made[0]}

    def _block(self, mapped: "np.memmap[Any, Any]", start: int, stop: int) -> Labels:
        """Sums over the sessions, then means; the ceiling from the sum of squares and the means."""
        sums = np.zeros((len(self.images), stop - start), dtype=np.float32)
        squares = np.zeros(stop - start)
        without = np.zeros((len(self.rows), stop - start), dtype=bool)
        for session, rows in enumerate(self.rows):
            z = self.betas.block(session, len(rows), start, stop)
            without[session] = z_scored(z)
            _add(sums, z, rows)
            squares += np.square(z[rows >= 0]).sum(axis=0, dtype=np.float64)
        explained, freedom = np.zeros(stop - start), np.zeros(stop - start)
        undefined = self._never(without)
        size = max(1, _WRITTEN // (4 * (stop - start) + 2 * _PAGE))
        for first in range(0, len(sums), size):
            part = slice(first, first + size)
            n = self._counts(part, without)
            mean = np.divide(sums[part], n, out=np.full(sums[part].shape, np.nan, np.float32), where=n > 0)
            mean[:, undefined] = np.nan
            explained += np.einsum("ij,ij,ij->j", n, mean, mean, dtype=np.float64)
            freedom += np.maximum(n - 1, 0).sum(axis=0)
            mapped[part, start:stop] = mean
            let_go(mapped)
        return {**_ceiling(squares - explained, freedom, self.counts), "n_sessions": (~without).sum(axis=0)}

    def _counts(self, part: slice, without: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
        """How many repetitions of these images every target has, ``(n_rows, n_targets)``."""
        total = self.counts[part].sum(axis=1, keepdims=True).astype(np.float32)
        found = np.broadcast_to(total, (len(total), without.shape[1])).copy()
        odd = np.flatnonzero(without.any(axis=0))  # few: targets that some session lacks
        found[:, odd] -= (self.counts[part] @ without[:, odd].astype(np.int64)).astype(np.float32)
        return found

    def _never(self, without: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Targets that lack an image altogether."""
        found = np.zeros(without.shape[1], dtype=bool)
        for target in np.flatnonzero(without.any(axis=0)).tolist():
            found[target] = bool((self.counts[:, ~without[:, target]].sum(axis=1) == 0).any())
        return found


def z_scored(values: Single) -> npt.NDArray[np.bool_]:
    """z-score every column in place, ``(n_trials, n_targets)``, SD with n in the denominator.

    Returns which columns have no values: those that are constant or not finite anywhere. They become 0 in place, so
    that they add nothing to a sum.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        values -= values.mean(axis=0, dtype=np.float64).astype(np.float32)
        sd = np.sqrt(np.square(values).mean(axis=0, dtype=np.float64))
        without = ~(np.isfinite(sd) & (sd > 0))
        values /= np.where(without, np.nan, sd).astype(np.float32)
    values[:, without] = 0
    return without


def _add(sums: Single, z: Single, rows: npt.NDArray[np.intp]) -> None:
    """Add every trial to the sum of its image; an image that comes twice in a session is added twice."""
    turn = pd.Series(rows).groupby(rows).cumcount().to_numpy()
    for each in range(int(turn[rows >= 0].max(initial=-1)) + 1):
        chosen = np.flatnonzero((rows >= 0) & (turn == each))
        sums[rows[chosen]] += z[chosen]


def _ceiling(
    within: npt.NDArray[np.float64], freedom: npt.NDArray[np.float64], counts: npt.NDArray[np.int64]
) -> Labels:
    """Noise variance within images, and the signal-to-noise ratio with the total variance at 1, as NSD has it.

    Where the noise alone is as large as the total, NSD says 0, and so does this label.
    """
    noise = np.divide(within, freedom, out=np.full(within.shape, np.nan), where=freedom > 0)
    share = np.full(noise.shape, (1 / counts.sum(axis=1)).mean())
    ratio = ncsnr_of(VarianceParts(1 - noise, noise, share))
    ratio[noise >= 1] = 0
    return {"ncsnr": ratio.astype(np.float32), "noise_variance": noise.astype(np.float32)}


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

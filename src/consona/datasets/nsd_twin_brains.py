"""The brains of a made-up Natural Scenes Dataset: betas of a surface and of a small volume, session by session."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from consona.datasets import nsd_twin_files as files
from consona.datasets.nsd_targets import STREAMS
from consona.datasets.nsd_twin_design import Counts, Experiment
from consona.datasets.planted_responses import Planted, PlantedResponses, planted_responses
from consona.datasets.twin_regions import surface_positions, twin_regions
from consona.engine.store import write_atomically
from consona.stats.seeds import rng_for

Array = npt.NDArray[np.float64]
Names = npt.NDArray[np.str_]
Single = npt.NDArray[np.float32]
Values = npt.NDArray[np.generic]
Signals = Mapping[str, npt.ArrayLike]

BETAS = "nsddata_betas/ppdata/{subject}/{space}/betas_fithrf_GLMdenoise_RR"
GRID = (22, 12, 16)
"""Voxels to the right, to the front and up: three numbers that no transposed array has."""
AFFINE = np.array([[6.0, 0, 0, -63], [0, 6.0, 0, -105], [0, 0, 6.0, -33], [0, 0, 0, 1]])


@dataclass(frozen=True, eq=False)
class Space:
    """Where the targets of a made-up brain lie: positions ``(n, 3)`` in mm, hemispheres and regions ``(n,)``."""

    name: str
    positions: Array
    hemispheres: Names
    inside: npt.NDArray[np.bool_] | None = None

    @property
    def regions(self) -> Names:
        """Region of every target."""
        return twin_regions(self.positions, self.hemispheres)

    def planted(self, experiment: Experiment, subject: str, signals: Signals, planted: Planted) -> PlantedResponses:
        """The responses of one subject in this space, without noise."""
        where = (self.regions, self.positions)
        return planted_responses(signals, *where, subject=subject, planted=planted, seed=experiment.seed)


def surface(n_vertices: int) -> Space:
    """Both hemispheres of the pial surface."""
    return Space("fsaverage", *surface_positions(n_vertices))


def volume() -> Space:
    """Voxels of 6 mm at the back of the head that lie within 6 mm of the surface, in the order of :data:`GRID`."""
    from scipy.spatial import cKDTree

    places = np.argwhere(np.ones(GRID, bool))
    positions = places @ AFFINE[:3, :3].T + AFFINE[:3, 3]
    near = cKDTree(surface_positions()[0]).query(positions)[0] < AFFINE[0, 0]
    kept = positions[near]
    return Space("func1pt8mm", kept, np.where(kept[:, 0] < 0, "left", "right"), near.reshape(GRID))


def write_subject(
    root: Path, experiment: Experiment, number: int, signals: Signals, planted: Planted
) -> dict[str, Any]:
    """Betas, ncsnr and (where the design has one) the volume of one subject; returns what is planted in the surface."""
    design, subject = experiment.design, f"subj{number + 1:02d}"
    space = surface(design.n_vertices)
    made = space.planted(experiment, subject, signals, planted)
    folder = root / BETAS.format(subject=subject, space=space.name)
    halves = {"lh": slice(None, design.n_vertices), "rh": slice(design.n_vertices, None)}
    trials = experiment.trials(number)
    for session, rows in trials.groupby("session")["image"]:
        paths = {side: folder / f"{side}.betas_session{session:02d}.mgh" for side in halves}
        if not all(path.is_file() for path in paths.values()):
            percent = _session(made, rows.to_numpy() - 1, space.name, subject, (experiment.seed, int(session)))
            for side, path in paths.items():
                write_atomically(path, files.mgh_bytes(percent[:, halves[side]]))
    for side, where in halves.items():
        write_once(folder / f"{side}.ncsnr.mgh", partial(files.mgh_bytes, made.ncsnr[where].astype(np.float32)))
    if number < design.n_volumes:
        _write_volume(root, experiment, number, signals, planted)
    counts = trials["image"].value_counts()
    return {
        "n_sessions": design.sessions[number],
        "n_images": len(counts),
        "n_images_all_repetitions": int((counts == design.n_repetitions).sum()),
        "ncsnr": {name: float(made.ncsnr[where].mean()) for name, where in made.places.items()},
        "best_r": {name: best_r(made.ncsnr[where], design.n_repetitions) for name, where in made.places.items()},
    }


def write_once(path: Path, content: Callable[[], bytes]) -> None:
    """Write a file that is not there yet."""
    if not path.is_file():
        write_atomically(path, content())


def stream_numbers(regions: Names) -> Counts:
    """The label of every region in the map called streams; 0 where there is none."""
    return np.array([STREAMS.index(name) for name in regions.tolist()], dtype=np.int64)


def _write_volume(root: Path, experiment: Experiment, number: int, signals: Signals, planted: Planted) -> None:
    subject, space = f"subj{number + 1:02d}", volume()
    made = space.planted(experiment, subject, signals, planted)
    folder = root / BETAS.format(subject=subject, space=space.name)
    for session, rows in experiment.trials(number).groupby("session")["image"]:
        path = folder / f"betas_session{session:02d}.hdf5"
        if not path.is_file():
            percent = _session(made, rows.to_numpy() - 1, space.name, subject, (experiment.seed, int(session)))
            write_atomically(path, files.betas_hdf5(_filled(space, percent, 0.0).transpose(0, 3, 2, 1)))
    maps = root / f"nsddata/ppdata/{subject}/{space.name}"
    streams = stream_numbers(space.regions).astype(np.float32)
    images = {folder / "ncsnr.nii.gz": _filled(space, made.ncsnr.astype(np.float32), 0.0)}
    images[maps / "brainmask.nii.gz"] = _filled(space, np.ones_like(streams), 0.0)
    for name, values in (("streams", streams), ("nsdgeneral", (streams > 0).astype(np.float32))):
        images[maps / f"roi/{name}.nii.gz"] = _filled(space, values, -1.0)
        for side, hemisphere in (("lh", "left"), ("rh", "right")):
            own = np.where(space.hemispheres == hemisphere, values, np.float32(-1))
            images[maps / f"roi/{side}.{name}.nii.gz"] = _filled(space, own, -1.0)
    for path, values in images.items():
        write_once(path, partial(files.volume_bytes, values, AFFINE))


def _filled(space: Space, values: Single, outside: float) -> Single:
    """Values of the voxels inside, ``(…, n)``, as volumes ``(…, X, Y, Z)``."""
    made = np.full((*values.shape[:-1], *GRID), outside, dtype=np.float32)
    made[..., space.inside] = values
    return made


def _session(made: PlantedResponses, images: Counts, space: str, subject: str, key: tuple[int, int]) -> Single:
    """Trials of one session in percent of signal change; ``key`` is seed and session."""
    seed, session = key
    n_targets = len(made.ncsnr)
    percent = rng_for(seed, "noise", space, subject, session).standard_normal((len(images), n_targets), np.float32)
    distinct, back = np.unique(images, return_inverse=True)
    for where in made.places.values():
        percent[:, where] += made(distinct, where)[back]
    rng = rng_for(seed, "session", space, subject, session)
    percent *= np.float32(1.5 * np.exp(0.15 * rng.standard_normal()))
    level = rng_for(seed, "level", space, subject).standard_normal(n_targets)
    percent += (0.5 + 0.5 * level + 0.3 * rng.standard_normal(n_targets)).astype(np.float32)
    return percent


def best_r(ncsnr: Array, n_repetitions: int) -> float:
    """Mean over targets of the correlation of the planted response with a mean over all repetitions."""
    return float(np.mean(ncsnr / np.sqrt(ncsnr**2 + 1 / n_repetitions)))

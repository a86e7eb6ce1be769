"""A twin of Algonauts 2023 on disk: made-up people and planted responses in the layout of the release."""

from collections.abc import Iterator, Mapping
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.core.errors import InvalidInput
from consona.core.invariants import require_dims
from consona.datasets.algonauts import SPLITS
from consona.datasets.nsd_layout import HEMISPHERES
from consona.datasets.nsd_targets import STREAMS
from consona.datasets.nsd_twin_brains import Signals, best_r, stream_numbers, write_once
from consona.datasets.nsd_twin_design import Experiment, TwinDesign
from consona.datasets.nsd_twin_files import png_bytes
from consona.datasets.planted_responses import Planted, planted_responses
from consona.datasets.twin_regions import surface_positions, twin_regions
from consona.stats.seeds import rng_for

__all__ = ["write_algonauts_twin"]

_BACK_MM = -30.0


def write_algonauts_twin(
    folder: Path | str,
    images: xr.DataArray,
    signals: Mapping[str, npt.ArrayLike],
    design: TwinDesign | None = None,
    *,
    n_test: int = 20,
    planted: Planted | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Write made-up responses to the training images of every subject; return what is planted.

    The vertices are those of the made-up regions and, of the others, every fourth at the back; responses are means over
    repetitions, each vertex with mean 0 and standard deviation 1. Image number *i* (from 0) is the *i*-th given. Files
    that are there are not written again: give a new folder for another twin.

    Parameters
    ----------
    folder
        Where ``subj01`` and so on are made.
    images
        uint8 ``(stimulus, y, x, colour)``.
    signals
        By region: features of all images, ``(n_images, d)``; regions that are not named hold noise alone.
    design
        People, images of each (training and test), vertices of a hemisphere of the mesh, and repetitions.
    n_test
        Images of a person without responses.
    planted
        How strong the signal is and what people share.
    seed
        Of the choice of images, the weights and the noise.

    Raises
    ------
    InvalidInput
        When images and signals differ in number, or there are too few.
    MissingExtra
        Where nilearn or nibabel is not installed (``consona[fmri]``).
    """
    plan, what = design or TwinDesign(), planted or Planted()
    require_dims(images, ("stimulus", "y", "x", "colour"), "images")
    n_all = images.sizes["stimulus"]
    rows = {name: len(np.asarray(each)) for name, each in signals.items()}
    if n_all < plan.n_needed or not 0 < n_test < plan.n_images or set(rows.values()) != {n_all}:
        raise InvalidInput(
            f"{n_all} images, {rows} rows of signals and {n_test} of "
            f"{plan.n_images} images for test; expected {plan.n_needed} images or more, a row for each, and fewer test "
            "images than images."
        )
    experiment, truth = Experiment(plan, n_all, seed), {}
    for number in range(plan.n_subjects):
        subject = f"subj{number + 1:02d}"
        home = Path(folder) / subject
        shown = rng_for(seed, "split", subject).permutation(experiment.images[number]) - 1
        splits = {"training": np.sort(shown[n_test:]), "test": np.sort(shown[:n_test])}
        for path, image in _image_files(splits):
            write_once(home / path, partial(png_bytes, images.values[image]))
        values, where, truth[subject] = _responses(signals, splits["training"], subject, plan, what, seed)
        for path, array in _array_files(values, where, plan.n_vertices):
            write_once(home / path, partial(_npy, array))
    return {"subjects": truth, "seed": seed, "n_test": n_test}


def _image_files(splits: Mapping[str, npt.NDArray[np.int64]]) -> Iterator[tuple[str, int]]:
    for split, numbers in splits.items():
        for k, image in enumerate(numbers.tolist(), start=1):
            yield f"{split}_split/{split}_images/{SPLITS[split]}-{k:04d}_nsd-{image:05d}.png", image


def _responses(
    signals: Signals, train: npt.NDArray[np.int64], subject: str, design: TwinDesign, planted: Planted, seed: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.intp], dict[str, Any]]:
    """Responses ``(n_training, n_targets)``, which vertices of both hemispheres they are of, and what is planted."""
    positions, sides = surface_positions(design.n_vertices)
    regions = twin_regions(positions, sides)
    back = (positions[:, 1] < _BACK_MM) & (np.arange(len(regions)) % 4 == 0)
    where = np.flatnonzero((regions != "") | back)
    kept = (regions[where], positions[where])
    made = planted_responses(signals, *kept, subject=subject, planted=planted, seed=seed)
    noise = rng_for(seed, "noise", "challenge", subject).standard_normal((len(train), len(where)), np.float32)
    values = made(train) + noise / np.float32(np.sqrt(design.n_repetitions))
    values = (values - values.mean(axis=0)) / values.std(axis=0)
    ncsnr = {name: float(made.ncsnr[each].mean()) for name, each in made.places.items()}
    best = {name: best_r(made.ncsnr[each], design.n_repetitions) for name, each in made.places.items()}
    return values, where, {"n_training": len(train), "n_targets": len(where), "ncsnr": ncsnr, "best_r": best}


def _array_files(
    values: npt.NDArray[np.float32], where: npt.NDArray[np.intp], n_vertices: int
) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """Responses, masks and labels of both hemispheres, and the names of the labels."""
    streams = stream_numbers(twin_regions(*surface_positions(n_vertices)))
    inside = np.zeros(2 * n_vertices, dtype=np.int64)
    inside[where] = 1
    for side, first in zip(HEMISPHERES, (0, n_vertices)):
        own = slice(first, first + n_vertices)
        targets = (where >= first) & (where < first + n_vertices)
        yield f"training_split/training_fmri/{side}_training_fmri.npy", values[:, targets]
        yield f"roi_masks/{side}.all-vertices_fsaverage_space.npy", inside[own]
        yield f"roi_masks/{side}.streams_fsaverage_space.npy", streams[own]
        yield f"roi_masks/{side}.streams_challenge_space.npy", streams[where[targets]]
    yield "roi_masks/mapping_streams.npy", np.array(dict(enumerate(("Unknown", *STREAMS[1:]))), dtype=object)


def _npy(array: npt.NDArray[Any]) -> bytes:
    buffer = BytesIO()
    np.save(buffer, np.ascontiguousarray(array) if array.ndim else array)  # the release has the names as an object
    return buffer.getvalue()

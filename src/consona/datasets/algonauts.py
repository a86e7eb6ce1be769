"""Algonauts 2023: responses of visual cortex to photographs, a lighter cut of the Natural Scenes Dataset.

Gifford AT, Lahner B, Saba-Sadiya S, Vilas MG, Lascelles A, Oliva A, Kay K, Roig G, Cichy RM (2023). The Algonauts
Project 2023 Challenge: how the human brain makes sense of natural scenes. arXiv:2301.03198
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from consona.core.errors import InvalidInput, MissingData
from consona.core.invariants import as_names, listed
from consona.core.stimuli import Stimuli
from consona.datasets.locate import corpus_file, corpus_folder
from consona.datasets.nsd_ids import require_nsd_ids, stimulus_ids
from consona.datasets.nsd_layout import HEMISPHERES
from consona.datasets.nsd_targets import REGIONS
from consona.datasets.plainarrays import load_plain_array, map_plain_array
from consona.datasets.response_files import ResponseFile, open_responses, prepared_from, write_responses
from consona.datasets.unpickle import load_saved_names

__all__ = ["load_algonauts", "load_algonauts_images", "load_algonauts_stimuli"]

NAME = "algonauts"
LICENCE = "NSD data access agreement and the terms of the challenge; no redistribution"
CITATION = (
    "Gifford et al. (2023), The Algonauts Project 2023 Challenge. arXiv:2301.03198; Allen et al. (2022), Nat Neurosci"
)
SPLITS = {"training": "train", "test": "test"}

N_FSAVERAGE = 163_842
"""Vertices of a hemisphere of fsaverage; a folder whose masks have as many is the released one."""
RELEASED: Mapping[str, tuple[int, int, int, int]] = {
    "subj01": (9841, 159, 19004, 20544),
    "subj02": (9841, 159, 19004, 20544),
    "subj03": (9082, 293, 19004, 20544),
    "subj04": (8779, 395, 19004, 20544),
    "subj05": (9841, 159, 19004, 20544),
    "subj06": (9082, 293, 18978, 20220),
    "subj07": (9841, 159, 19004, 20544),
    "subj08": (8779, 395, 18981, 20530),
}
"""Training and test images, and vertices of the left and the right hemisphere, of every subject of the release."""

_ROWS = 512  # copied at once


def load_algonauts_stimuli(folder: Path | str | None = None, subject: str = "subj01") -> Stimuli:
    """The images of one subject, training first: ``split`` (training or test) and ``file`` (inside the folder).

    Ids are those of the Natural Scenes Dataset, counted from 0 as in the file names: ``nsd00013``. Captions come with
    that dataset, by the same ids.

    Raises
    ------
    MissingData
        When there is no such folder or subject, or a split has no images.
    InvalidInput
        When a name has another form, the counter of a split has gaps, an image occurs twice, within a split or in
        both, or numbers of images are not those of the release.
    """
    root, tables = corpus_folder(NAME, folder), []
    for split, prefix in SPLITS.items():
        relative = f"{subject}/{split}_split/{split}_images"
        names = sorted(path.name for path in (root / relative).glob("*.png"))
        if not names:
            raise MissingData(f"{root / relative} holds no images (.png). Complete the folder: consona fetch {NAME}")
        ids = stimulus_ids(_image_numbers(names, prefix, relative))
        files = [f"{relative}/{name}" for name in names]
        tables.append(pd.DataFrame({"split": split, "file": files}, index=list(ids)))
    table = pd.concat(tables)
    twice = table.index[table.index.duplicated()]
    if len(twice):
        rows = table.loc[twice[0], "file"].tolist()
        raise InvalidInput(
            f"{len(twice)} images of '{subject}' occur twice, first {listed(rows)}. An image must not be in two rows, "
            "nor in both splits: what is tested would have been learnt. Get the folder again."
        )
    return Stimuli(table)


def load_algonauts_images(
    ids: Sequence[str] | npt.NDArray[np.str_], folder: Path | str | None = None, subject: str = "subj01"
) -> xr.DataArray:
    """Images by their ids, uint8 ``(stimulus, y, x, colour)``, in the order given.

    All of one subject, 425 pixels wide, take 5.4 GB: ask for parts.

    Raises
    ------
    MissingData
        As :func:`load_algonauts_stimuli`.
    InvalidInput
        When an id is not among the subject's images, a file is no image, or sizes differ.
    """
    from PIL import Image, UnidentifiedImageError

    root, shown = corpus_folder(NAME, folder), load_algonauts_stimuli(folder, subject).select(as_names(list(ids)))
    pixels: list[npt.NDArray[np.uint8]] = []
    for file in shown["file"].tolist():
        try:
            with Image.open(root / file) as image:
                pixels.append(np.asarray(image.convert("RGB")))
        except (UnidentifiedImageError, OSError) as error:
            raise InvalidInput(f"{file} is no image that can be read ({error}). Get the file again.") from error
        if pixels[-1].shape != pixels[0].shape:
            raise InvalidInput(
                f"{file} has {pixels[-1].shape[:2]} pixels and the images before it {pixels[0].shape[:2]}; one size is "
                "expected. Get the file again."
            )
    coords = {"stimulus": shown.ids, "colour": ["red", "green", "blue"]}
    return xr.DataArray(np.stack(pixels), coords, ("stimulus", "y", "x", "colour"))


def load_algonauts(folder: Path | str | None = None, subject: str = "subj01", *, out: Path | str) -> ResponseFile:
    """Responses of one subject to the training images, left hemisphere then right, in one file.

    The release holds them z-scored per session and averaged over one to three repetitions. They are copied in parts
    into the file ``out``; where it was made from the same files, it is opened as it is.

    Returns
    -------
    ResponseFile
        Labels ``hemisphere``, ``vertex`` (on fsaverage) and ``roi`` (early, ventral, lateral, parietal or ``""``). The
        number of repetitions is not in the release: it is given as 0. There is no ncsnr.

    Raises
    ------
    MissingData
        When there is no such folder or subject, or a file is missing.
    InvalidInput
        When hemispheres have different numbers of rows, rows and images differ, an array is transposed or no plain
        array of numbers, masks do not fit, or counts are not those of the release.
    StoreError
        When the disk is full.
    """
    root, shown = corpus_folder(NAME, folder), load_algonauts_stimuli(folder, subject)
    ids = shown.ids[shown["split"] == "training"]
    labels, masks = _labels(root, subject)
    n_vertices = [int((labels["hemisphere"] == side).sum()) for side in HEMISPHERES.values()]
    paths = {side: corpus_file(root, _RESPONSES.format(subject, side), NAME) for side in HEMISPHERES}
    arrays = [_rows(path, len(ids), n) for path, n in zip(paths.values(), n_vertices)]
    if len({len(each) for each in arrays}) > 1:
        rows = listed(f"{path.name}: {len(each)} rows" for path, each in zip(paths.values(), arrays))
        raise InvalidInput(f"The hemispheres of '{subject}' differ: {rows}. Both must have a row per training image.")
    _require_images(paths["lh"], len(arrays[0]), len(ids))
    if len(masks["lh"]) == N_FSAVERAGE:
        _require_released(subject, (len(ids), len(shown) - len(ids), *n_vertices))
    key = _key([*paths.values()], subject, ids, labels)
    if prepared_from(out) == key:
        return open_responses(out)

    def fill(mapped: "np.memmap[Any, Any]") -> dict[str, npt.NDArray[Any]]:
        for start in range(0, len(ids), _ROWS):
            parts = [each[start : start + _ROWS] for each in arrays]
            _require_finite(parts, [path.name for path in paths.values()], start)
            mapped[start : start + _ROWS] = np.concatenate(parts, axis=1)
        return labels

    facts = {"key": key, "corpus": NAME, "repetitions": "averaged before the release, 1 to 3; numbers are not in it"}
    n_targets, unknown = sum(n_vertices), np.zeros(len(ids), dtype=np.int64)
    return write_responses(out, ids.tolist(), n_targets, fill, subject=subject, repetitions=unknown, facts=facts)


_RESPONSES = "{}/training_split/training_fmri/{}_training_fmri.npy"
_NAME = re.compile(r"(?P<split>train|test)-(?P<counter>\d{4,})_nsd-(?P<image>\d{5})\.png")


def _image_numbers(names: Sequence[str], prefix: str, where: str) -> npt.NDArray[np.int64]:
    """Image numbers, from 0, of file names such as ``train-0001_nsd-00013.png``, in the order of their counter."""
    found = [_NAME.fullmatch(name) for name in names]
    odd = [name for name, match in zip(names, found) if match is None or match["split"] != prefix]
    if odd:
        raise InvalidInput(
            f"{where}: {len(odd)} of {len(names)} names have another form: {listed(odd)}; expected such as "
            f"{prefix}-0001_nsd-00013.png. Get the folder again."
        )
    counters = [int(match["counter"]) for match in found if match]
    if counters != list(range(1, len(names) + 1)):
        row = next(k for k, counter in enumerate(counters, start=1) if counter != k)
        raise InvalidInput(
            f"{where}: image {row} is {names[row - 1]}; the counter runs from 1 without gaps, because rows of the "
            "responses follow it. Complete the folder."
        )
    return require_nsd_ids([int(match["image"]) for match in found if match], source=where)


def _labels(root: Path, subject: str) -> tuple[dict[str, npt.NDArray[Any]], dict[str, npt.NDArray[np.bool_]]]:
    """Hemisphere, vertex and region of every target, and by side which vertices of fsaverage are targets."""
    home = f"{subject}/roi_masks"
    names = load_saved_names(corpus_file(root, f"{home}/mapping_streams.npy", NAME))
    known = {number: name for number, name in names.items() if name in REGIONS}
    parts: dict[str, list[npt.NDArray[Any]]] = {"hemisphere": [], "vertex": [], "roi": []}
    masks = {}
    for side, hemisphere in HEMISPHERES.items():
        whole = corpus_file(root, f"{home}/{side}.all-vertices_fsaverage_space.npy", NAME)
        masks[side] = load_plain_array(whole).astype(bool)
        vertices = np.flatnonzero(masks[side])
        file = corpus_file(root, f"{home}/{side}.streams_challenge_space.npy", NAME)
        numbers = load_plain_array(file)
        if numbers.shape != vertices.shape:
            raise InvalidInput(
                f"{file.name} has the shape {numbers.shape} and {whole.name} names {len(vertices)} vertices; expected "
                "one label per vertex. Get both again."
            )
        parts["hemisphere"].append(np.repeat(hemisphere, len(vertices)))
        parts["vertex"].append(vertices)
        parts["roi"].append(np.array([known.get(int(number), "") for number in numbers], dtype=np.str_))
    return {name: np.concatenate(each) for name, each in parts.items()}, masks


def _rows(path: Path, n_images: int, n_vertices: int) -> npt.NDArray[Any]:
    """The responses of one hemisphere, mapped: a row per image."""
    found = map_plain_array(path)
    if found.ndim == 2 and found.shape[1] == n_vertices and found.dtype.kind == "f":
        return found
    turned = found.ndim == 2 and found.shape[0] == n_vertices and found.shape[1] == n_images
    raise InvalidInput(
        f"{path.name} has the shape {found.shape} ({found.dtype}); expected real numbers, (images, {n_vertices} "
        f"vertices).{' It is transposed: save its .T.' if turned else ' Get the file again.'}"
    )


def _require_finite(parts: Sequence[npt.NDArray[Any]], names: Sequence[str], start: int) -> None:
    for name, values in zip(names, parts):
        odd = np.argwhere(~np.isfinite(values))
        if len(odd):
            raise InvalidInput(
                f"{name}: row {start + int(odd[0, 0]) + 1} is not finite at column {int(odd[0, 1])} (from 0), and "
                f"so are {len(odd) - 1} other places up to row {start + len(values)}; the release has no gaps. Get "
                "the file again."
            )


def _require_images(path: Path, n_rows: int, n_images: int) -> None:
    if n_rows != n_images:
        raise InvalidInput(
            f"{path.name} has {n_rows} rows and training_images {n_images} files; rows follow the counter in the file "
            "names, so there must be one for each. Complete the folder."
        )


def _require_released(subject: str, found: tuple[int, ...]) -> None:
    if subject in RELEASED and found != RELEASED[subject]:
        raise InvalidInput(
            f"'{subject}' has {found} training images, test images, left and right vertices; the release has "
            f"{RELEASED[subject]}. Complete the folder, or get it again."
        )


def _key(paths: Sequence[Path], subject: str, ids: npt.NDArray[np.str_], labels: Mapping[str, Any]) -> str:
    """What the file is made from, in one hash: sizes and times of the arrays, ids and labels."""
    digest = hashlib.sha256(f"algonauts 1 {subject}".encode())
    for path in paths:
        state = path.stat()
        digest.update(f"{path.name} {state.st_size} {state.st_mtime_ns}".encode())
    for each in (ids, *labels.values()):
        digest.update(np.ascontiguousarray(each).tobytes())
    return digest.hexdigest()

"""A user's own images, captions and responses: a table of captions, one array per subject, a table of regions."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from consona.core.errors import ConfigError, InvalidInput
from consona.core.invariants import listed, require_unique
from consona.core.stimuli import Stimuli
from consona.datasets.locate import sha256
from consona.datasets.own_tables import read_cells, require_file, require_ids, row_ids, target_labels
from consona.datasets.plainarrays import map_plain_array
from consona.datasets.response_files import Labels, ResponseFile, open_responses, prepared_from, write_responses
from consona.engine.fingerprint import fingerprint

__all__ = ["load_own_scenes", "response_shapes"]

CAPTION, IMAGE, CATEGORIES = "caption", "stimulus", "categories"
BLOCK = 4096  # targets that are averaged at once


def load_own_scenes(
    responses: Mapping[str, str], images_table: str, regions_table: str = "", *, out: Path | str
) -> tuple[Stimuli, dict[str, ResponseFile]]:
    """Captions of images, and the mean responses of every subject to them, written to ``out``.

    Parameters
    ----------
    responses
        By subject: an ``.npy`` file ``(n_rows, n_targets)``, with a table of the same name beside it (``.csv`` or
        ``.tsv``) whose column ``stimulus`` names the image of every row (empty: rest, left out). Rows of one image are
        averaged. A target with a missing or infinite value is missing for all images, and counted.
    images_table
        A CSV or TSV file with the columns ``stimulus`` and ``caption1``, ``caption2`` …; empty cells are no captions.
        The optional column ``categories`` names what is to be seen, separated by blanks.
    regions_table
        One row per target with the column ``roi``, and ``hemisphere``, ``vertex`` where known; none: one region.
    out
        Folder for the means; a file that was made from the same inputs is opened.

    Raises
    ------
    ConfigError
        When no file of responses or no table of images is named.
    MissingData
        When a file is not there.
    InvalidInput
        When an image has no caption or responses name an image that the table lacks (rows are named), or rows and
        ids differ in number.
    """
    if not responses or not images_table:
        raise ConfigError(
            f"{len(responses)} files of responses and the table of images '{images_table}' are named; brain = 'own' "
            "needs both. Set science.responses and science.images_table."
        )
    stimuli = _captions(require_file(Path(images_table), "images with the columns stimulus and caption1"))
    files = {who: _averaged(who, Path(path), regions_table, stimuli, Path(out)) for who, path in responses.items()}
    return stimuli, files


def response_shapes(responses: Mapping[str, str]) -> dict[str, tuple[int, int]]:
    """Rows and targets ``(n_rows, n_targets)`` by subject, from the heads of the files.

    A file that is not there, or holds no such array, is left out: :func:`load_own_scenes` says what is wrong with it.
    """
    found = {}
    for who, path in responses.items():
        try:
            shape = map_plain_array(Path(path)).shape
        except InvalidInput:
            continue
        if len(shape) == 2:
            found[who] = (int(shape[0]), int(shape[1]))
    return found


def _captions(path: Path) -> Stimuli:
    cells = read_cells(path, (IMAGE, f"{CAPTION}1"))
    columns = [name for name in cells.columns if name.startswith(CAPTION)]
    ids = require_ids(cells[IMAGE], path)
    texts = [tuple(text for text in row if text) for row in cells[columns].itertuples(index=False, name=None)]
    without = [k + 1 for k, each in enumerate(texts) if not each]
    if without:
        raise InvalidInput(f"{path.name}: rows {listed(without)} have no caption. Write one, or leave the images out.")
    require_unique(np.array(ids), "images", path.name)
    table = cells.drop(columns=[IMAGE, *columns]).assign(text=texts)
    table.index = ids
    return Stimuli(table)


def _averaged(subject: str, path: Path, regions: str, stimuli: Stimuli, out: Path) -> ResponseFile:
    source = require_file(path, f"responses of '{subject}', an array (n_rows, n_targets)")
    values, rows = map_plain_array(source), row_ids(source, None)
    if values.ndim != 2 or values.dtype.kind not in "fiu" or len(values) != len(rows):
        raise InvalidInput(
            f"{source.name} has the shape {values.shape} ({values.dtype}) and its table names {len(rows)} rows; "
            "expected numbers (n_rows, n_targets), one row per line of the table."
        )
    known = set(stimuli.ids.tolist())
    strange = [k + 1 for k, name in enumerate(rows) if name and name not in known]
    if strange:
        raise InvalidInput(
            f"{source.name}: rows {listed(strange)} show images without a caption in the table of images, such as "
            f"'{rows[strange[0] - 1]}'. Add them there, or leave the rows out."
        )
    labels: dict[str, npt.NDArray[Any]] = dict(target_labels(regions, values.shape[1])) if regions else {}
    target, made = out / f"own-{subject}.npy", str(fingerprint([sha256(source), rows, labels]))
    if prepared_from(target) == made:
        return open_responses(target)
    names = sorted({name for name in rows if name})
    which = [np.flatnonzero(np.array(rows) == name) for name in names]
    counts = [len(each) for each in which]

    def fill(mapped: "np.memmap[Any, Any]") -> Labels:
        return {**labels, "n_missing": _fill(mapped, values, which)}

    facts = {"key": made, "source": source.name}
    return write_responses(target, names, values.shape[1], fill, subject=subject, repetitions=counts, facts=facts)


def _fill(
    mapped: "np.memmap[Any, Any]", values: npt.NDArray[Any], which: Sequence[npt.NDArray[np.intp]]
) -> npt.NDArray[np.int64]:
    """Means of the rows of every image, a few targets at a time; how many cells of each target are missing."""
    missing = np.zeros(values.shape[1], dtype=np.int64)
    for start in range(0, values.shape[1], BLOCK):
        block = np.asarray(values[:, start : start + BLOCK], dtype=np.float32)
        gone = ~np.isfinite(block)
        missing[start : start + BLOCK] = gone.sum(axis=0)
        means = np.stack([block[rows].mean(axis=0) for rows in which])
        means[:, gone.any(axis=0)] = np.nan
        mapped[:, start : start + BLOCK] = means
    return missing

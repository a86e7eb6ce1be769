"""A user's own arrays: features, and responses with one row per stimulus or per presentation of one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from consona.brain.fmri import voxel_recording
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.invariants import as_names, listed
from consona.core.recording import Recording
from consona.datasets.own_tables import (
    STIMULUS,
    TABLES,
    plain,
    read_cells,
    require_file,
    require_ids,
    row_ids,
    target_labels,
)
from consona.datasets.plainarrays import load_plain_archive, load_plain_array

ARRAYS = (".npy", ".npz", *TABLES)
_DIMS = ("repetition", "stimulus", "target")


@dataclass(frozen=True)
class Rows:
    """Responses as they lie in a file: ``values (n_rows, n_targets)``, the id of every row, labels of the targets.

    ``mask`` is the image (nibabel) in which the targets are voxels, where they are.
    """

    values: npt.NDArray[np.floating]
    ids: Sequence[str]
    labels: Mapping[str, npt.NDArray[np.generic]] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    mask: Any = None


def load_own_features(path: Path | str, ids: npt.ArrayLike, *, order: Path | str | None = None) -> Features:
    """Features of these stimuli, in the order of ``ids``, from one file.

    Parameters
    ----------
    path
        ``.npz`` with the arrays ``features`` (n_stimuli, n_features) or (n_stimuli, n_layers, n_features) and
        ``stimulus`` (ids); ``.npy`` with the same array; ``.csv`` or ``.tsv`` with the column ``stimulus`` and a column
        per feature.
    ids
        The stimuli wanted. A file may hold more of them, in any order.
    order
        For ``.npy``: a table with the column ``stimulus``, one row per row of the array. Without it, the table of the
        same name beside the file.

    Raises
    ------
    MissingData
        Where there is no such file.
    InvalidInput
        When ids are missing, repeated or not the ones wanted (both counts and the first difference are named), when
        the array has another shape, or when values are not finite (stimuli and layers are named).
    """
    file = require_file(path, "features: an .npy, .npz, .csv or .tsv file")
    if file.suffix not in ARRAYS:
        raise InvalidInput(
            f"{file.name} is no kind of file that is read for features; expected one that ends in {', '.join(ARRAYS)}. "
            "Save the array with numpy.savez(path, features=…, stimulus=…)."
        )
    values, names = _named_array(file, "features", order)
    if values.ndim not in (2, 3):
        raise InvalidInput(
            f"{file.name} holds an array of shape {values.shape}; expected (n_stimuli, n_features) or (n_stimuli, "
            "n_layers, n_features). Reshape it."
        )
    features = Features.of(values, names, {"model": f"features of {file.name}"})
    wanted = as_names(ids)
    lacking = [name for name in wanted.tolist() if name not in set(names)]
    if lacking:
        raise InvalidInput(
            f"{file.name} holds features of {len(names)} stimuli; {len(wanted)} are needed and {len(lacking)} of them "
            f"are not there, first {listed(lacking)} (the file begins with {listed(names, 2)}). Add these rows, or "
            "drop the stimuli."
        )
    return features.select(wanted)


def array_rows(path: Path, order: Path | str | None = None) -> Rows:
    """Responses from an array with ids.

    ``.npz`` with ``responses`` and ``stimulus`` (one id per row; an id that repeats is a repetition), and further
    arrays with one entry per target (``roi``, ``voxel`` …); ``.npy`` with ids in a table beside it, or in ``order``;
    ``.csv`` or ``.tsv`` with the column ``stimulus`` and a column per target. ``responses`` may have the shape
    (n_repetitions, n_stimuli, n_targets); ``stimulus`` then has one id per stimulus.
    """
    values, ids = _named_array(path, "responses", order)
    if values.ndim == 3:
        ids, values = list(ids) * len(values), values.reshape(-1, values.shape[2])
    if values.ndim != 2:
        raise InvalidInput(
            f"{path.name} holds an array of shape {values.shape}; expected (n_rows, n_targets) or (n_repetitions, "
            "n_stimuli, n_targets). Reshape it."
        )
    return shown_rows(values, ids, labels=_labels(path, values.shape[1]))


def shown_rows(
    values: npt.NDArray[np.floating],
    ids: Sequence[str],
    mask: object = None,
    labels: Mapping[str, npt.NDArray[np.generic]] | None = None,
) -> Rows:
    """The rows that show a stimulus; the others (rest) are left out and counted."""
    named = np.array([name != "" for name in ids])
    kept = [name for name in ids if name != ""]
    return Rows(values[named], kept, labels or {}, {"n_rows_without_stimulus": int((~named).sum())}, mask)


def own_recording(
    parts: Sequence[Rows], stimuli: npt.NDArray[np.str_], subject: str, targets: Path | str | None = None
) -> Recording:
    """One subject's recording from the rows of all its files: rows with the same id become repetitions.

    Stimuli stand in the order of the table. A stimulus that was shown less often than another misses whole
    repetitions. ``targets``: a table with one row per target; its columns become coordinates. Voxels that are constant
    or not finite are missing as wholes and counted, see :func:`~consona.brain.fmri.voxel_recording`.

    Raises :class:`InvalidInput` when the files have other targets than each other, or rows name stimuli that the table
    does not list; counts and the first are named.
    """
    _require_same_targets(parts, subject)
    ids = np.concatenate([as_names(part.ids) for part in parts])
    unknown = [name for name in ids.tolist() if name not in set(stimuli.tolist())]
    if unknown:
        raise InvalidInput(
            f"Subject '{subject}' has {len(ids)} rows; {len(unknown)} of them name stimuli that are not in the table "
            f"of {len(stimuli)} stimuli, first {listed(unknown, 1)} (the table begins with {listed(stimuli[:1])}). "
            "Add them to the table, or drop the rows."
        )
    labels = {} if targets is None else target_labels(targets, parts[0].values.shape[1])
    coords = {name: ("target", values) for name, values in {**parts[0].labels, **labels}.items()}
    shown, values = stimuli[np.isin(stimuli, ids)], np.concatenate([part.values for part in parts])
    left_out = sum(int(part.facts.get("n_rows_without_stimulus", 0)) for part in parts)
    facts = {**parts[0].facts, **({"n_rows_without_stimulus": left_out} if left_out else {})}
    if parts[0].mask is None:
        data = xr.DataArray(_by_repetition(values, ids, shown), {"stimulus": shown, **coords}, _DIMS)
        return Recording(data, subject, facts)
    made = voxel_recording(values, parts[0].mask, ids, subject)
    return Recording(made.data.sel(stimulus=shown).assign_coords(coords), subject, {**made.attrs, **facts})


def _require_same_targets(parts: Sequence[Rows], subject: str) -> None:
    first = parts[0]
    for part in parts[1:]:
        n_first, n_part = first.values.shape[1], part.values.shape[1]
        same = set(first.labels) == set(part.labels) and n_first == n_part and _same_mask(first.mask, part.mask)
        if not same or any(not np.array_equal(first.labels[name], part.labels[name]) for name in first.labels):
            raise InvalidInput(
                f"The files of subject '{subject}' have other targets than each other ({n_first} and {n_part}, "
                f"labelled {listed(first.labels) or 'nothing'}); rows of one subject are joined. Use the same mask, "
                "channels and times in all of them."
            )


def _same_mask(first: Any, second: Any) -> bool:
    if first is None or second is None:
        return first is second
    return np.array_equal(np.asarray(first.dataobj) > 0, np.asarray(second.dataobj) > 0)


def _by_repetition(
    values: npt.NDArray[np.floating], ids: npt.NDArray[np.str_], shown: npt.NDArray[np.str_]
) -> npt.NDArray[np.floating]:
    nth = pd.Series(ids).groupby(ids).cumcount().to_numpy()
    place = pd.Series(np.arange(len(shown)), index=shown).loc[ids].to_numpy()
    kind = np.float32 if values.dtype == np.float32 else np.float64
    out = np.full((int(nth.max()) + 1, len(shown), values.shape[1]), np.nan, dtype=kind)
    out[nth, place] = values
    return out


def _named_array(path: Path, name: str, order: Path | str | None) -> tuple[npt.NDArray[np.floating], list[str]]:
    """The array called ``name`` and one id per row (per stimulus, in an array with repetitions)."""
    if path.suffix in TABLES:
        table = read_cells(path, (STIMULUS,))
        columns = [column for column in table if column != STIMULUS]
        return _numbers(table[columns], path), require_ids(table[STIMULUS], path)
    if path.suffix == ".npz":
        archive = load_plain_archive(path)
        if name not in archive or STIMULUS not in archive:
            raise InvalidInput(
                f"{path.name} holds the arrays {listed(archive)}; expected '{name}' and '{STIMULUS}' (ids). Save it "
                f"with np.savez(path, {name}=…, stimulus=…)."
            )
        values, ids = archive[name], as_names(archive[STIMULUS].ravel()).tolist()
    else:
        values, ids = load_plain_array(path), row_ids(path, order)
        if name != "responses" or values.ndim == 3:
            require_ids(pd.Series(ids), path)
    if values.dtype.kind not in "fiub":
        raise InvalidInput(f"{path.name} holds values of type {values.dtype}; expected numbers. Save real numbers.")
    n_rows = values.shape[1] if name == "responses" and values.ndim == 3 else values.shape[0] if values.ndim else 0
    if n_rows != len(ids):
        raise InvalidInput(
            f"{path.name} holds an array of shape {values.shape}, that is {n_rows} rows, and there are {len(ids)} ids "
            f"(first {listed(ids, 1)}). Give one id per row."
        )
    return values.astype(np.float32 if values.dtype == np.float32 else np.float64), ids


def _numbers(table: pd.DataFrame, path: Path) -> npt.NDArray[np.float64]:
    """All cells as numbers, missing ones NaN; other cells are named."""
    for column in table:
        if plain(table[column]).dtype.kind == "O" and (table[column] != "").any():
            raise InvalidInput(
                f"{path.name}: the column '{column}' does not hold numbers alone (it begins with "
                f"{listed(table[column], 2)}). Keep the column stimulus and numbers; labels go into the stimulus table."
            )
    return table.apply(pd.to_numeric).to_numpy(dtype=np.float64)


def _labels(path: Path, n_targets: int) -> dict[str, npt.NDArray[np.generic]]:
    """Labels of the targets that the file itself carries."""
    if path.suffix in TABLES:
        header = read_cells(path, (STIMULUS,)).columns
        return {"name": np.array([str(column) for column in header if column != STIMULUS])}
    if path.suffix != ".npz":
        return {}
    further = {name: each for name, each in load_plain_archive(path).items() if name not in ("responses", STIMULUS)}
    odd = {name: each.shape for name, each in further.items() if each.shape != (n_targets,)}
    if odd:
        name, shape = next(iter(odd.items()))
        raise InvalidInput(
            f"{path.name}: the array '{name}' has the shape {shape}; beside 'responses' and '{STIMULUS}' every array "
            f"labels the {n_targets} targets. Leave it out, or give one entry per target."
        )
    return {name: as_names(each) if each.dtype.kind in "OUST" else each for name, each in further.items()}

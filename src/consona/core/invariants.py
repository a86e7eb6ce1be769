"""The checks that nouns make of themselves, once, when they are made."""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from consona.core.errors import InvalidInput

_SHOWN = 5


def listed(names: Iterable[object], shown: int = _SHOWN) -> str:
    """The first few names, quoted, and how many more there are."""
    every = [str(name) for name in names]
    text = ", ".join(f"'{name}'" for name in every[:shown])
    return text if len(every) <= shown else f"{text} and {len(every) - shown} more"


def require_dims(data: xr.DataArray, dims: Sequence[str], noun: str) -> None:
    """The array has exactly these dimensions, in this order."""
    if not isinstance(data, xr.DataArray):
        raise InvalidInput(f"{noun} holds an xarray.DataArray; found {type(data).__name__}. Wrap the array first.")
    if tuple(data.dims) != tuple(dims):
        raise InvalidInput(
            f"{noun} has the dimensions {tuple(dims)}, in this order; found {data.dims}. "
            f"Rename or transpose the array: data.transpose{tuple(dims)}."
        )


def require_unique(names: npt.NDArray[np.str_], what: str, noun: str) -> None:
    """No name occurs twice."""
    counts = pd.Series(names).value_counts()
    twice = counts.index[counts > 1]
    if len(twice):
        raise InvalidInput(f"{noun}: {what} must be unique; {listed(twice)} occur more than once. Rename or drop them.")


def require_finite(data: xr.DataArray, noun: str, rows: str) -> None:
    """No NaN and no infinity; the message names the rows along ``rows``."""
    values = np.asarray(data.values)
    if np.isfinite(values).all():
        return
    axis = tuple(i for i, dim in enumerate(data.dims) if dim != rows)
    bad = ~np.isfinite(values).all(axis=axis)
    names = data[rows].values[bad] if rows in data.coords else np.flatnonzero(bad)
    where = ""
    if "layer" in data.dims and rows != "layer":
        axis = tuple(i for i, dim in enumerate(data.dims) if dim != "layer")
        layers = data["layer"].values[~np.isfinite(values).all(axis=axis)]
        where = f" (layers {', '.join(str(layer) for layer in layers[:_SHOWN])})"
    raise InvalidInput(
        f"{noun} must be finite; NaN or infinity found in {int(bad.sum())} of {bad.size} {rows} rows: "
        f"{listed(names)}{where}. Drop these rows or mend them; nothing is imputed."
    )


def as_names(values: object) -> npt.NDArray[np.str_]:
    """Labels as an array of text, whatever the disk made of them."""
    return np.asarray([str(value) for value in np.asarray(values).tolist()], dtype=np.str_)


def aligned(first: npt.NDArray[np.str_], second: npt.NDArray[np.str_], names: tuple[str, str]) -> npt.NDArray[np.intp]:
    """Where each of ``first`` stands in ``second``: the same stimuli in another order are put in order by their ids.

    Raises
    ------
    InvalidInput
        When they are not the same stimuli; counts and the first difference are named.
    """
    if len(first) != len(second) or set(first.tolist()) != set(second.tolist()):
        require_same_ids(first, second, names)
    place = {name: i for i, name in enumerate(second.tolist())}
    return np.array([place[name] for name in first.tolist()], dtype=np.intp)


def require_same_ids(first: npt.NDArray[np.str_], second: npt.NDArray[np.str_], names: tuple[str, str]) -> None:
    """Both hold the same stimuli in the same order.

    Raises
    ------
    InvalidInput
        With both counts, how many are shared and the first place where they differ.
    """
    if len(first) == len(second) and bool((first == second).all()):
        return
    shared = len(set(first.tolist()) & set(second.tolist()))
    place = next(
        (i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), min(len(first), len(second))
    )
    raise InvalidInput(
        f"{names[0]} hold {len(first)} stimuli and {names[1]} {len(second)}; {shared} are shared, and they first "
        f"differ at position {place}. Align both with .select(stimuli)."
    )

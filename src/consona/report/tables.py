"""Results as tables: what has no drawing, and the numbers behind what has one."""

import math
from dataclasses import dataclass

import pandas as pd
import xarray as xr

from consona.report.wording import number, p_value

MOST_ROWS = 200


@dataclass(frozen=True)
class Table:
    """Head and cells as text; which columns hold numbers; how many rows were left out."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]
    left_out: int = 0


def tables_of(ds: xr.Dataset) -> list[Table]:
    """All values of a result as text: as a rule one table, more where variables share no dimensions."""
    return [as_table(frame) for frame in frames_of(ds)]


def frames_of(ds: xr.Dataset) -> list[pd.DataFrame]:
    """All values of a result as tidy tables, variables that share all dimensions side by side.

    The first is over the dimensions of most variables; those over some of these dimensions stand in it as well, what
    is left follows in further tables. Columns are the first of words, those of the attribute "columns", other words,
    then numbers by their kind (a file keeps its variables in alphabetical order).
    """
    pictures = [name for name, each in ds.data_vars.items() if "colour" in each.dims]  # to be looked at, not read
    left, frames = _binned(ds.drop_vars(pictures)), []
    while left.data_vars:
        spans = [frozenset(map(str, each.dims)) for each in left.data_vars.values()]
        span = max(spans, key=lambda dims: (spans.count(dims), len(dims)))
        together = [name for name, each in left.data_vars.items() if set(each.dims) <= span]
        widest_first = sorted(together, key=lambda name: -left[name].ndim)
        frames.append(_frame(left[widest_first], span))
        left = left.drop_vars(together)
    return frames


def _binned(ds: xr.Dataset) -> xr.Dataset:
    """A result whose histogram, where it has one, has both edges of each bin beside its count."""
    if not {"null_counts", "null_edges"} <= set(ds.data_vars):
        return ds
    edges, dims = ds["null_edges"].values, ds["null_counts"].dims
    sides = {"null r from": (dims, edges[:-1]), "null r to": (dims, edges[1:])}
    binned = ds.drop_vars("null_edges").assign_coords(sides).rename(null_counts="orders")
    return binned.assign_attrs(columns=[*ds.attrs.get("columns", ()), *sides])


def _frame(ds: xr.Dataset, span: frozenset[str]) -> pd.DataFrame:
    if not span:
        return pd.DataFrame({str(name): [each.item()] for name, each in ds.data_vars.items()})
    order = list(
        dict.fromkeys(str(dim) for each in ds.data_vars.values() if set(each.dims) == span for dim in each.dims)
    )
    frame = ds.to_dataframe(dim_order=order).reset_index()
    frame = frame.drop(columns=[dim for dim in span if dim not in ds.coords or dim == "index"], errors="ignore")
    wanted = [name for name in ds.attrs.get("columns", ()) if name in frame.columns]
    words = [name for name in frame.columns if not pd.api.types.is_numeric_dtype(frame[name])]
    return frame[list(dict.fromkeys([*words[:1], *wanted, *words, *sorted(frame.columns, key=_place)]))]


def _place(name: object) -> tuple[int, int]:
    """Where a column of numbers stands: values, then nulls, differences from them, intervals, at last p and q."""
    said = str(name).replace("_", " ").split()
    kinds = ({"null"}, {"difference"}, {"low"}, {"high"})
    if said[:1] in (["p"], ["q"]):
        return len(kinds) + 1, 0
    place = next((place for place, kind in enumerate(kinds, start=1) if kind & set(said)), 0)
    return place, ("low" in said) + 2 * ("high" in said)


def as_table(frame: pd.DataFrame) -> Table:
    """A data frame as text, numbers with the digits they deserve, undefined ones as a dash."""
    shown = frame.iloc[:MOST_ROWS]
    numeric = tuple(dtype.kind in "iuf" for dtype in frame.dtypes)
    columns = [_cells(shown.iloc[:, i], numeric=is_number) for i, is_number in enumerate(numeric)]
    return Table(
        head=tuple("" if name == "label" else str(name).replace("_", " ") for name in frame.columns),
        rows=tuple(zip(*columns, strict=True)),
        numeric=numeric,
        left_out=max(0, len(frame) - MOST_ROWS),
    )


def _cells(column: pd.Series, *, numeric: bool) -> list[str]:
    """Counts and codes, which a file may keep as floats, without decimals; p values as everywhere in the report."""
    cells, is_p = column.tolist(), str(column.name).replace("_", " ").split()[:1] == ["p"]
    if not numeric:
        return [str(each) for each in cells]
    defined = [each for each in cells if math.isfinite(each)]
    if is_p:
        return [p_value(each).removeprefix("p = ") if math.isfinite(each) else number(each) for each in cells]
    whole = all(float(each).is_integer() for each in defined)
    return [number(int(each) if whole and math.isfinite(each) else each) for each in cells]

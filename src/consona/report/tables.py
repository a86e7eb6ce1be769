"""Results as tables: what has no drawing, and the numbers behind what has one."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from consona.report.wording import number, p_value

MOST_ROWS = 60


@dataclass(frozen=True)
class Table:
    """Head and cells as text; which columns hold numbers; how many rows were left out."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]
    left_out: int = 0


def table_of(ds: xr.Dataset) -> Table:
    """A result as one tidy table: variables that share all dimensions side by side, at most 60 rows.

    Where variables differ in their dimensions, those that share theirs with most others are shown. Columns are the
    first of words, those of the attribute "columns", other words, then numbers by their kind (a file keeps its
    variables in alphabetical order).
    """
    if not ds.data_vars:
        return Table((), (), ())
    spans = [frozenset(map(str, each.dims)) for each in ds.data_vars.values()]
    span = max(spans, key=lambda dims: (spans.count(dims), -int(np.prod([ds.sizes[dim] for dim in dims]))))
    together = ds[[name for name, each in ds.data_vars.items() if set(each.dims) == set(span)]]
    if not span:
        return as_table(pd.DataFrame({str(name): [each.item()] for name, each in together.data_vars.items()}))
    frame = together.to_dataframe().reset_index()
    frame = frame.drop(columns=[dim for dim in span if dim not in ds.coords or dim == "index"], errors="ignore")
    wanted = [name for name in ds.attrs.get("columns", ()) if name in frame.columns]
    words = [name for name in frame.columns if not pd.api.types.is_numeric_dtype(frame[name])]
    return as_table(frame[list(dict.fromkeys([*words[:1], *wanted, *words, *sorted(frame.columns, key=_place)]))])


def _place(name: object) -> int:
    """Where a column of numbers stands: values, then nulls, differences from them, intervals, at last p and q."""
    said = str(name).replace("_", " ").split()
    kinds = ({"null"}, {"difference"}, {"low"}, {"high"})
    if said[:1] in (["p"], ["q"]):
        return len(kinds) + 1
    return next((place for place, kind in enumerate(kinds, start=1) if kind & set(said)), 0)


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

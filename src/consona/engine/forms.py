"""How a value becomes bytes and comes back: NetCDF for nouns and arrays, CSV for tables, JSON for the rest."""

import dataclasses
import io
import json
import math
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from consona.core.claim import Interval, Null, Verdict
from consona.core.direction import Direction
from consona.core.errors import InvalidInput, StoreError
from consona.core.features import Features
from consona.core.rdm import RDM
from consona.core.recording import Recording
from consona.core.score import Score
from consona.core.stimuli import Stimuli

NOUNS: dict[str, Any] = {kind.__name__: kind for kind in (Features, Recording, RDM, Direction, Score, Stimuli)}
PARTS: dict[str, Any] = {kind.__name__: kind for kind in (Verdict, Interval, Null)}
_JSON = "json:"
_NUMBER = "number:"
_MISSING = "n/a"


@runtime_checkable
class Labelled(Protocol):
    """A noun that knows its form on disk."""

    def to_xarray(self) -> xr.Dataset:
        """The form on disk."""
        ...


def to_netcdf(data: xr.Dataset) -> bytes:
    """NetCDF-4 bytes; equal values give equal bytes, in any process.

    Text stays text; booleans, lists, mappings and None among the attributes are written as ``json:…``.
    """
    ordered = xr.Dataset(
        {str(name): _plain(data[name]) for name in sorted(data.data_vars, key=str)},
        {str(name): _plain(data[name]) for name in sorted(data.coords, key=str)},
        _attrs_out(data.attrs),
    )
    try:
        return bytes(ordered.to_netcdf(engine="h5netcdf"))
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            f"A result cannot be written as NetCDF: {error}. Use numbers, text and plain labels."
        ) from error


def from_netcdf(data: bytes) -> xr.Dataset:
    """The inverse of :func:`to_netcdf`, fully loaded."""
    with xr.open_dataset(io.BytesIO(data), engine="h5netcdf", decode_times=False, decode_timedelta=False) as opened:
        loaded = opened.load()
    loaded.attrs = _attrs_in(loaded.attrs)
    for variable in loaded.variables.values():
        variable.attrs = _attrs_in(variable.attrs)
        variable.encoding = {}
    loaded.encoding = {}
    return loaded


def laid_out(value: Any) -> Any:
    """A value with its arrays laid out in memory as the disk gives them back, row by row.

    Products of matrices may differ in the last bit with the layout. So a step does not depend on whether its arguments
    came from the store. Looked at are arrays, nouns, and mappings, lists and tuples of these; the rest stays.
    """
    if isinstance(value, np.ndarray):
        return value if value.flags.c_contiguous else np.ascontiguousarray(value)
    if isinstance(value, xr.DataArray):
        return value if value.values.flags.c_contiguous else value.copy(data=np.ascontiguousarray(value.values))
    if type(value) in (list, tuple):
        several = [laid_out(each) for each in value]
        return value if all(new is old for new, old in zip(several, value)) else type(value)(several)
    if type(value) is dict:
        changed = _changed(value)
        return {**value, **changed} if changed else value
    if (
        dataclasses.is_dataclass(value)
        and not isinstance(value, type)
        and type(value).__module__.startswith("consona.core.")
    ):
        changed = _changed({each.name: getattr(value, each.name) for each in dataclasses.fields(value)})
        return dataclasses.replace(value, **changed) if changed else value
    return value


def _changed(values: Mapping[str, Any]) -> dict[str, Any]:
    laid = {name: laid_out(each) for name, each in values.items()}
    return {name: each for name, each in laid.items() if each is not values[name]}


def noun_of(data: xr.Dataset) -> Any:
    """The noun a dataset was made from (``attrs["noun"]``); the dataset itself where it is none."""
    kind = NOUNS.get(str(data.attrs.get("noun", "")))
    return data if kind is None else kind.from_xarray(data)


def to_csv(frame: pd.DataFrame) -> tuple[bytes, dict[str, Any]]:
    """CSV bytes and the types that CSV forgets (kept in the record).

    Raises
    ------
    InvalidInput
        When a column holds something other than numbers, booleans or text.
    """
    named = frame.index.names != [None] or not isinstance(frame.index, pd.RangeIndex)
    index = (
        [str(name) if name is not None else f"index{i}" for i, name in enumerate(frame.index.names)] if named else []
    )
    flat = frame.reset_index(names=index) if named else frame
    columns = [str(column) for column in flat.columns]
    if len(set(columns)) != len(columns):
        raise InvalidInput(f"A table to be stored has columns of distinct names; found {columns}. Rename them.")
    kinds = [_kind(flat.iloc[:, i], name) for i, name in enumerate(columns)]
    written = pd.DataFrame(
        {n: _cells(flat.iloc[:, i], k) for i, (n, k) in enumerate(zip(columns, kinds))}, columns=columns
    )
    text = written.to_csv(index=False, lineterminator="\n")
    names = [None if name is None else str(name) for name in frame.index.names] if named else []
    return text.encode(), {"columns": columns, "kinds": kinds, "index": names}


def from_csv(data: bytes, types: Mapping[str, Any]) -> pd.DataFrame:
    """The inverse of :func:`to_csv`."""
    columns, kinds = types["columns"], types["kinds"]
    frame = pd.read_csv(io.BytesIO(data), dtype=str, keep_default_na=False, na_filter=False)
    for name, kind in zip(columns, kinds):
        frame[name] = _values(frame[name], kind)
    if types["index"]:
        frame = frame.set_index(columns[: len(types["index"])])
        frame.index.names = types["index"]
    return frame


def to_json(value: Any) -> bytes:
    """JSON bytes; numbers that JSON does not know (NaN, infinities) are written as ``"number:nan"``."""
    return json.dumps(_tagged(value), ensure_ascii=False, indent=1, allow_nan=False).encode()


def from_json(data: bytes) -> Any:
    """The inverse of :func:`to_json`."""
    return _untagged(json.loads(data))


def is_json(value: Any) -> bool:
    """Whether JSON gives a value back as it was: no tuples, only text as keys."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and is_json(each) for key, each in value.items())
    if isinstance(value, list):
        return all(is_json(each) for each in value)
    return value is None or type(value) in (str, bool, int, float)


def is_text(values: npt.NDArray[Any]) -> bool:
    """Whether an array holds text, whatever its dtype says."""
    if values.dtype.kind in "UT":
        return True
    return values.dtype.kind == "O" and all(isinstance(each, str) for each in values.ravel())


def _plain(array: xr.DataArray) -> xr.Variable:
    values = np.asarray(array.values)
    if is_text(values):
        values = values.astype(object)
    elif values.dtype.kind not in "biuf" or values.dtype == np.float16:
        raise InvalidInput(
            f"'{array.name}' holds {values.dtype} values; stored are numbers of 32 or 64 bits, booleans and text."
        )
    encoding = {"_FillValue": None} if values.dtype.kind == "f" else {}
    return xr.Variable(array.dims, values, _attrs_out(array.attrs), encoding)


def _attrs_out(attrs: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(name): _attr_out(attrs[name]) for name in sorted(attrs, key=str)}


def _attr_out(value: Any) -> Any:
    plain = (
        value.item() if isinstance(value, np.generic) else value.tolist() if isinstance(value, np.ndarray) else value
    )
    if type(plain) in (int, float) or (isinstance(plain, str) and not plain.startswith(_JSON)):
        return plain
    return _JSON + to_json(plain).decode()


def _attrs_in(attrs: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(name): _attr_in(value) for name, value in attrs.items()}


def _attr_in(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_JSON):
        return from_json(value.removeprefix(_JSON).encode())
    return value.item() if isinstance(value, np.generic) else value


def _tagged(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _tagged(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_tagged(each) for each in value]
    if isinstance(value, np.generic):
        return _tagged(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return f"{_NUMBER}{value}"
    if isinstance(value, str) and value.startswith(_NUMBER):
        return f"{_NUMBER}{value}"
    if value is not None and not isinstance(value, (str, int, float)):
        raise InvalidInput(
            f"A value of type {type(value).__name__} cannot be stored. Give nouns, tables, numbers or text."
        )
    return value


def _untagged(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _untagged(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_untagged(each) for each in value]
    if isinstance(value, str) and value.startswith(_NUMBER):
        rest = value.removeprefix(_NUMBER)
        return rest if rest.startswith(_NUMBER) else float(rest)
    return value


def _kind(column: "pd.Series[Any]", name: str) -> str:
    if column.dtype.kind in "biuf" and isinstance(column.dtype, np.dtype):
        return str(column.dtype)
    values = column.astype(object)
    missing = values.isna()
    if not all(isinstance(each, str) for each in values[~missing]):
        raise InvalidInput(
            f"Column '{name}' mixes types; a table to be stored holds numbers, booleans or text. Convert it."
        )
    if missing.any() and (values == _MISSING).any():
        raise InvalidInput(
            f"Column '{name}' holds both missing values and the text '{_MISSING}', which stands for them."
        )
    return "text, n/a is missing" if missing.any() else "text"


def _cells(column: "pd.Series[Any]", kind: str) -> "pd.Series[Any]":
    if kind.startswith("text"):
        return column.astype(object).where(column.notna(), _MISSING)
    if kind.startswith("float"):
        return column.astype(float).map(repr)
    return column


def _values(column: "pd.Series[Any]", kind: str) -> "pd.Series[Any]":
    text = column.astype(object)
    if kind.startswith("text"):
        return text if kind == "text" else text.where(text != _MISSING, None)
    if kind == "bool":
        return text == "True"
    try:
        return text.map(float if kind.startswith("float") else int).astype(kind)
    except ValueError as error:
        raise StoreError(f"A stored table cannot be read: {error}. Remove it with: consona store --prune.") from error

"""What a value is, in one hash that survives the disk: text counts as text, labels as labels, NaN as NaN."""

import dataclasses
import functools
import hashlib
import types
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from pydantic import BaseModel

from consona.core.errors import InvalidInput
from consona.engine import forms

if TYPE_CHECKING:
    from typing_extensions import Buffer


class NotCacheable(Exception):
    """Something has no fingerprint; the message says what, for the run to note. Never reaches the user as an error."""


def fingerprint(value: Any) -> str | None:
    """SHA-256 of what a value is; None when that cannot be said (an object that states no identity).

    Equal before and after the disk. The order of mappings and columns counts; that of attributes and coordinates
    does not.

    Raises
    ------
    InvalidInput
        For a path: what a file holds may change, so a step takes the noun that was loaded from it.
    """
    try:
        return identify(value)
    except NotCacheable:
        return None


def identify(value: Any) -> str:
    """Like :func:`fingerprint`, with the reason where there is none.

    Raises
    ------
    NotCacheable
        When the value, or a part of it, cannot be identified.
    InvalidInput
        For a path.
    """
    digest = hashlib.sha256()
    _feed(digest.update, value)
    return digest.hexdigest()


Feed = Callable[["Buffer"], None]


def _feed(feed: Feed, value: Any) -> None:
    for kinds, writer in _WRITERS:
        if isinstance(value, kinds):
            writer(feed, value)
            return
    _feed_object(feed, value)


def _mark(feed: Feed, kind: str, content: bytes = b"") -> None:
    feed(f"{kind}:{len(content)}:".encode())
    feed(content)


def _number(feed: Feed, value: Any) -> None:
    _mark(feed, type(value).__name__, (float.hex(value) if isinstance(value, float) else repr(value)).encode())


def _generic(feed: Feed, value: np.generic) -> None:
    _feed(feed, value.item())


def _text(feed: Feed, value: str) -> None:
    _mark(feed, "text", value.encode("utf-8", "surrogatepass"))


def _several(feed: Feed, value: Any) -> None:
    _mark(feed, "several", str(len(value)).encode())
    for each in value:
        _feed(feed, each)


def _unordered(feed: Feed, value: Any) -> None:
    _mark(feed, "set", "".join(sorted(identify(each) for each in value)).encode())


def _mapping(feed: Feed, value: Mapping[Any, Any]) -> None:
    _mark(feed, "mapping", str(len(value)).encode())
    for key, each in value.items():
        _feed(feed, key)
        _feed(feed, each)


def _array(feed: Feed, value: npt.NDArray[Any]) -> None:
    _mark(feed, "shape", repr(value.shape).encode())
    if forms.is_text(value):
        texts = [str(each).encode("utf-8", "surrogatepass") for each in value.ravel().tolist()]
        _mark(feed, "texts", ",".join(str(len(each)) for each in texts).encode())
        feed(b"".join(texts))
    elif value.dtype.kind == "O":
        _several(feed, value.ravel().tolist())
    else:
        little = np.ascontiguousarray(value).astype(value.dtype.newbyteorder("<"), copy=False)
        _mark(feed, little.dtype.str)
        feed(little.reshape(-1).view(np.uint8).data)


def _variable(feed: Feed, value: xr.DataArray) -> None:
    _several(feed, [str(dim) for dim in value.dims])
    _array(feed, np.asarray(value.values))
    _attributes(feed, value.attrs)


def _attributes(feed: Feed, attrs: Mapping[Any, Any]) -> None:
    _mapping(feed, {str(name): attrs[name] for name in sorted(attrs, key=str)})


def _labelled(feed: Feed, value: xr.Dataset | xr.DataArray) -> None:
    whole = value if isinstance(value, xr.Dataset) else value.to_dataset(name="values")
    _mark(feed, "dataset")
    for group in (whole.data_vars, whole.coords):
        _mark(feed, "variables", str(len(group)).encode())
        for name in sorted(group, key=str):
            _text(feed, str(name))
            _variable(feed, group[name])
    _attributes(feed, whole.attrs)


def _frame(feed: Feed, value: pd.DataFrame) -> None:
    _mark(feed, "frame", str(value.shape[1]).encode())
    _index(feed, value.index)
    for place, name in enumerate(value.columns):
        _feed(feed, name)
        _column(feed, value.iloc[:, place])


def _series(feed: Feed, value: "pd.Series[Any]") -> None:
    _mark(feed, "series")
    _index(feed, value.index)
    _feed(feed, value.name)
    _column(feed, value)


def _index(feed: Feed, value: "pd.Index[Any]") -> None:
    _several(feed, list(value.names))
    _array(feed, value.to_numpy(dtype=object if value.nlevels > 1 else None))


def _column(feed: Feed, values: "pd.Series[Any]") -> None:
    if isinstance(values.dtype, np.dtype) and values.dtype.kind != "O":
        _array(feed, values.to_numpy())
    else:  # text and mixed columns: missing is None, whichever of its four spellings a column uses
        _array(feed, values.astype(object).where(values.notna(), None).to_numpy())


def _model(feed: Feed, value: BaseModel) -> None:
    _named(feed, type(value))
    _mapping(feed, {name: getattr(value, name) for name in type(value).model_fields})


def _function(feed: Feed, value: Callable[..., Any]) -> None:
    from consona.engine.code import function_identity  # code.py identifies the arguments of partials with this module

    _mark(feed, "function", function_identity(value).encode())


def _refuse_path(feed: Feed, value: PurePath) -> None:
    raise InvalidInput(
        f"A step was given the path '{value}'; what a file holds may change under the same name. "
        "Load it first, and give the step the noun or array that was loaded."
    )


def _feed_object(feed: Feed, value: Any) -> None:
    stated = getattr(value, "fingerprint", None)
    if callable(stated) and not isinstance(value, type):
        identity = stated()
        if identity is None:
            raise NotCacheable(f"{type(value).__name__} states no fingerprint (a revision that does not resolve?)")
        _named(feed, type(value))
        _text(feed, str(identity))
    elif isinstance(value, forms.Labelled) and not isinstance(value, type):
        _named(feed, type(value))
        _labelled(feed, value.to_xarray())
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        _named(feed, type(value))
        _mapping(feed, {field.name: getattr(value, field.name) for field in dataclasses.fields(value)})
    else:
        raise NotCacheable(f"a value of type {type(value).__name__} has no fingerprint")


def _named(feed: Feed, kind: type) -> None:
    _mark(feed, "kind", f"{kind.__module__}.{kind.__qualname__}".encode())


_FUNCTIONS = (functools.partial, types.FunctionType, types.MethodType, types.BuiltinFunctionType)
# The first kind that fits decides, so bool stands before int and NumPy's scalars before Python's.
_WRITERS: tuple[tuple[Any, Callable[[Feed, Any], None]], ...] = (
    (type(None), lambda feed, value: _mark(feed, "none")),
    (np.generic, _generic),
    ((bool, int, float, complex), _number),
    (str, _text),
    ((bytes, bytearray), lambda feed, value: _mark(feed, "bytes", bytes(value))),
    (PurePath, _refuse_path),
    ((list, tuple), _several),
    ((set, frozenset), _unordered),
    (Mapping, _mapping),
    (np.ndarray, _array),
    ((xr.Dataset, xr.DataArray), _labelled),
    (pd.DataFrame, _frame),
    (pd.Series, _series),
    (pd.Index, _index),
    (BaseModel, _model),
    (_FUNCTIONS, _function),
)

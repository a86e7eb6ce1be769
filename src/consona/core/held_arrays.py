"""Arrays inside a description: short ones are written out in its JSON, long ones by hash, shape and kind of number."""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from consona.core.errors import InvalidInput

LARGEST_WRITTEN = 64
"""Arrays of more numbers than this are named by their key instead."""


def array_key(array: npt.NDArray[Any]) -> str:
    """SHA-256 of an array's kind of number, shape and values; the order in memory and of bytes does not count."""
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    head = f"{little.dtype.str} {array.shape}".encode()
    return hashlib.sha256(head + little.tobytes()).hexdigest()


def held(value: object) -> npt.NDArray[Any] | None:
    """The array that a field holds, when it is too long to be written out; None for all else."""
    if isinstance(value, (tuple, np.ndarray)):
        array = np.asarray(value)
        return array if array.size > LARGEST_WRITTEN else None
    return None


def written(value: Any) -> Any:
    """A field in JSON: arrays as lists of numbers, long ones as ``{"sha256", "shape", "dtype"}``."""
    array = held(value)
    if array is not None:
        return {"sha256": array_key(array), "shape": list(array.shape), "dtype": array.dtype.name}
    return value.tolist() if isinstance(value, np.ndarray) else value


def read(value: Any, arrays: Mapping[str, npt.NDArray[Any]]) -> Any:
    """The inverse of :func:`written`; lists become tuples.

    Raises
    ------
    InvalidInput
        When an array is not among ``arrays``, or is another one than its key says.
    """
    if isinstance(value, list):
        return tuple(read(each, arrays) for each in value)
    if not isinstance(value, dict):
        return value
    key = str(value["sha256"])
    if key not in arrays:
        raise InvalidInput(f"The array {key} of shape {tuple(value['shape'])} is needed and was not given.")
    if array_key(arrays[key]) != key:
        raise InvalidInput(f"The array given as {key} is another one, of shape {arrays[key].shape}. It was changed.")
    return arrays[key]

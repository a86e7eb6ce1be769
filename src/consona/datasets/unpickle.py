"""Read an array from a pickle file without letting the file run anything.

A pickle is a small program: it names functions and calls them. Some corpora ship nothing else. This reader answers
every name with a stand-in of its own, so that the file reaches neither NumPy nor any other code; only after the last
byte has been read are shape, number format and raw bytes turned into an array.
"""

import pickle
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from math import prod
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np

from consona.core.errors import InvalidInput, MissingData

__all__ = [
    "load_array_pickle",
    "load_saved_dictionary",
    "load_saved_names",
    "load_table_pickle",
    "parse_table_pickle",
]

R = TypeVar("R")

PLAIN_FORMAT = re.compile(r"[<>=|]?(b1|i[1248]|u[1248]|f[248])")
"""Booleans, integers and real numbers: formats that hold nothing but numbers."""

LABEL_FORMAT = re.compile(r"[<>=|]?(U\d{1,4}|O8)")
"""Short text, and lists of it: only where a table of arrays is expected, and only as labels."""

DAMAGE = (
    pickle.UnpicklingError,
    EOFError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    OverflowError,
    MemoryError,
)
"""What the standard unpickler raises on broken or hostile bytes (UnicodeDecodeError is a ValueError)."""


class _Refused(pickle.UnpicklingError):
    """The pickle asked for something that is not a plain array."""


class _Format:
    """Stand-in for ``numpy.dtype``: remembers the number format as text."""

    __slots__ = ("order", "text")

    def __init__(self, text: object) -> None:
        if not isinstance(text, str) or not (PLAIN_FORMAT.fullmatch(text) or LABEL_FORMAT.fullmatch(text)):
            raise _Refused(f"an array of type {text!r}")
        self.text = text.lstrip("<>=|")
        self.order = "="

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) < 2 or state[1] not in ("<", ">", "|", "="):
            raise _Refused("a number format that is not plain")
        self.order = state[1]

    def dtype(self) -> np.dtype[np.generic]:
        """The format as NumPy's own dtype."""
        return np.dtype(self.order.replace("|", "=") + self.text)


@dataclass
class _Array:
    """Stand-in for ``numpy.ndarray``: remembers shape, format and bytes."""

    shape: object = None
    format: object = None
    fortran: bool = False
    raw: object = None

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            raise _Refused("an array in an unknown form")
        _, self.shape, self.format, fortran, self.raw = state
        self.fortran = bool(fortran)

    def array(self) -> np.ndarray:
        """The array itself, read-only, after shape and size have been compared with the bytes at hand."""
        if isinstance(self.format, _Format) and not PLAIN_FORMAT.fullmatch(self.format.text):
            raise _Refused(f"an array of type {self.format.text!r}")
        return self._from_bytes()

    def labels(self) -> np.ndarray:
        """Text, one-dimensional: an array of text, or an array of such arrays with one text each."""
        if isinstance(self.format, _Format) and self.format.text == "O8" and isinstance(self.raw, list):
            if not all(isinstance(each, _Array) and each is not self for each in self.raw):
                raise _Refused("an array of Python objects")
            return np.array([each._one_label() for each in self.raw])
        return self._from_bytes().ravel()

    def _one_label(self) -> str:
        found = self._from_bytes()
        if found.dtype.kind != "U" or found.size != 1:
            raise _Refused("an array of Python objects")
        return str(found.item())

    def _from_bytes(self) -> np.ndarray:
        raw = self.raw.encode("latin-1") if isinstance(self.raw, str) else self.raw
        if not isinstance(raw, bytes | bytearray) or not isinstance(self.format, _Format):
            raise _Refused("an array of Python objects")
        if not isinstance(self.shape, tuple) or not all(isinstance(n, int) and n >= 0 for n in self.shape):
            raise _Refused("an array without a shape")
        dtype = self.format.dtype()
        if dtype.hasobject or prod(self.shape) * dtype.itemsize != len(raw):
            raise _Refused(f"an array of shape {self.shape} with {len(raw)} bytes")
        flat = np.frombuffer(bytes(raw), dtype=dtype)
        return flat.reshape(self.shape, order="F" if self.fortran else "C")


class _ArrayUnpickler(pickle.Unpickler):
    """An unpickler that knows the few names an array pickle needs, and answers each with a stand-in."""

    def find_class(self, module: str, name: str) -> object:
        """The stand-in for a name in the pickle; every other name is refused before anything is imported."""
        core = module.replace("numpy._core", "numpy.core")
        known: dict[tuple[str, str], object] = {
            ("numpy.core.multiarray", "_reconstruct"): self._empty,
            ("numpy.core.numeric", "_frombuffer"): self._filled,
            ("numpy", "dtype"): self._format,
            ("numpy", "ndarray"): "ndarray",
            ("_codecs", "encode"): self._latin,
            ("__builtin__", "bytes"): self._nothing,
            ("numpy.core.multiarray", "scalar"): self._single,
        }
        if (core, name) not in known:
            raise _Refused(f"the name {module}.{name}")
        return known[core, name]

    def _empty(self, *_: object) -> _Array:
        return _Array()

    def _filled(self, raw: object, number_format: object, shape: object, order: object = "C", *more: object) -> _Array:
        if order not in ("C", "F") or any(each is not None for each in more):
            raise _Refused("an array in an unknown memory order")
        return _Array(shape, number_format, order == "F", raw)

    def _format(self, text: object, *_: object) -> _Format:
        return _Format(text)

    def _single(self, *_: object) -> None:
        """Numbers that stand alone are in a dictionary beside the arrays, and nobody asks for them."""

    def _nothing(self) -> bytes:
        return b""

    def _latin(self, text: object, codec: object) -> bytes:
        if not isinstance(text, str) or codec not in ("latin1", "latin-1", "iso-8859-1"):
            raise _Refused("text in an unknown encoding")
        return text.encode("latin-1")


def load_array_pickle(path: Path) -> np.ndarray:
    """The one array in a pickle file (protocols 0 to 5, written by Python 2 or 3), read-only.

    Raises :class:`MissingData` where there is no file, and :class:`InvalidInput` where the file is damaged, holds
    anything but one plain array of numbers, or asks for any name outside NumPy's arrays. Nothing in the file is run.
    """
    return _opened(path, _one_array, "one plain array of numbers")


def load_table_pickle(path: Path, labels: Sequence[str]) -> dict[str, np.ndarray]:
    """The arrays of a pickled dictionary by name; those called ``labels`` are text, ``(n,)``, all others numbers.

    Errors as in :func:`load_array_pickle`; nothing in the file is run.
    """
    return _opened(path, partial(_table, labels=labels), "a dictionary of plain arrays")


def parse_table_pickle(packed: bytes, name: str) -> dict[str, np.ndarray]:
    """The arrays of numbers of a pickled dictionary that lies in memory, by the text of their keys.

    ``name`` is what messages call it. Errors as in :func:`load_array_pickle`; nothing in the bytes is run.
    """
    return _unpickled(BytesIO(packed), partial(_table, labels=()), "a dictionary of plain arrays", name, len(packed))


def load_saved_dictionary(path: Path, name: str) -> np.ndarray:
    """One array of numbers out of a dictionary that was saved with ``numpy.save``, read-only; the others are left.

    Such a file is a pickle behind a header, and NumPy reads it only with ``allow_pickle=True``, which lets the file run
    what it likes. Here nothing in it is run.

    Raises :class:`MissingData` where there is no file; :class:`InvalidInput` where it is damaged, is no dictionary,
    lacks the array, or asks for anything but arrays and numbers.
    """
    expected = f"a saved dictionary with the array '{name}'"
    return _opened(path, partial(_one_of_dictionary, name=name), expected, _behind_header)


def load_saved_names(path: Path) -> dict[int, str]:
    """Names by number out of a dictionary that was saved with ``numpy.save``, such as the labels of a map.

    Errors as in :func:`load_saved_dictionary`, also where it holds anything but whole numbers and text.
    """
    return _opened(path, _names_of_dictionary, "a saved dictionary of names by number", _behind_header)


def _opened(
    path: Path, read: Callable[[object], R], expected: str, begin: Callable[[BinaryIO, str], None] | None = None
) -> R:
    try:
        with open(path, "rb") as stream:
            if begin is not None:
                begin(stream, path.name)
            return _unpickled(stream, read, expected, path.name, path.stat().st_size)
    except FileNotFoundError as error:
        raise MissingData(f"there is no file {path}; expected a pickled array there. Check the folder.") from error


def _unpickled(stream: BinaryIO, read: Callable[[object], R], expected: str, name: str, size: int) -> R:
    try:
        return read(_ArrayUnpickler(stream, encoding="iso-8859-1").load())
    except _Refused as error:
        raise InvalidInput(
            f"{name} asks for {error}; expected {expected}. Nothing was executed. "
            "Get the file again from its official source, and do not open it with pickle or numpy.load."
        ) from error
    except DAMAGE as error:
        raise InvalidInput(
            f"{name} is damaged ({type(error).__name__} after {size} bytes); expected a whole "
            "pickled array. Copy or download the file again."
        ) from error


def _one_array(found: object) -> np.ndarray:
    if not isinstance(found, _Array):
        raise _Refused(f"a {type(found).__name__}")
    return found.array()


def _table(found: object, labels: Sequence[str]) -> dict[str, np.ndarray]:
    if not isinstance(found, dict) or not all(isinstance(each, _Array) for each in found.values()):
        raise _Refused(f"a {type(found).__name__}")
    return {str(name): each.labels() if name in labels else each.array() for name, each in found.items()}


def _behind_header(stream: BinaryIO, name: str) -> None:
    """Go to the pickle behind the header of an ``.npy`` file."""
    try:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(stream)
    except ValueError as error:
        raise InvalidInput(f"{name} is no .npy file ({error}). Copy or download it again.") from error
    if shape != () or not dtype.hasobject:
        raise InvalidInput(
            f"{name} holds an array of type {dtype} and shape {shape}; expected one saved dictionary. Give "
            "plain arrays a name of their own, and they are read as a matrix."
        )


def _held_dictionary(found: object) -> dict[object, object]:
    held = found.raw[0] if isinstance(found, _Array) and isinstance(found.raw, list) and len(found.raw) == 1 else None
    if not isinstance(held, dict):
        raise _Refused(f"a {type(found).__name__} that is no saved dictionary")
    return held


def _names_of_dictionary(found: object) -> dict[int, str]:
    held = _held_dictionary(found)
    names = {number: name for number, name in held.items() if isinstance(number, int) and isinstance(name, str)}
    if len(names) < len(held):
        raise _Refused("a dictionary of anything but names by number")
    return names


def _one_of_dictionary(found: object, name: str) -> np.ndarray:
    held = _held_dictionary(found)
    chosen = held.get(name)
    if not isinstance(chosen, _Array):
        raise _Refused(f"the arrays {sorted(str(key) for key in held)} without '{name}'")
    return chosen.array()

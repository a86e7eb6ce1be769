"""Read NumPy files that hold plain numbers and text; anything that would be a pickle is refused and nothing runs."""

from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from consona.core.errors import InvalidInput
from consona.core.invariants import listed


def load_plain_array(path: Path) -> npt.NDArray[np.generic]:
    """An ``.npy`` file of plain numbers; object arrays (which would be pickles) and damaged files are refused."""
    try:
        found = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, BadZipFile) as error:
        raise _unreadable(path, error) from error
    if not isinstance(found, np.ndarray):
        found.close()
        raise InvalidInput(f"{path.name} holds several arrays; expected one. Name it {path.stem}.npz.")
    return found


def map_plain_array(path: Path) -> npt.NDArray[np.generic]:
    """An ``.npy`` file of plain numbers whose values stay on disk until they are asked for; refused as above."""
    try:
        found: npt.NDArray[np.generic] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise _unreadable(path, error) from error
    return found


def load_plain_archive(path: Path, names: Sequence[str] = ()) -> dict[str, npt.NDArray[np.generic]]:
    """The named arrays of an ``.npz`` file of plain numbers and text; all of them where none is named."""
    try:
        # Opened here: of a damaged archive np.load would leave the file open.
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as archive:
            return {name: archive[name] for name in names or archive.files}
    except KeyError as error:
        raise InvalidInput(
            f"{path.name} lacks the array {error}; expected {listed(names)}. Get the file again."
        ) from error
    except (ValueError, EOFError, BadZipFile, TypeError, AttributeError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> InvalidInput:
    return InvalidInput(
        f"{path.name} is damaged or holds Python objects ({type(error).__name__}); expected a plain array of numbers. "
        "Nothing was executed. Copy or download the file again."
    )

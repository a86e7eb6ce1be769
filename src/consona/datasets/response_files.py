"""Mean responses of one subject on disk: too many for memory, so they are read in parts."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.core.errors import InvalidInput, MissingData
from consona.core.invariants import as_names, listed, require_unique
from consona.core.recording import Recording
from consona.engine import forms
from consona.engine.fingerprint import fingerprint
from consona.engine.store import let_go, sweep, write_array_atomically, write_atomically

__all__ = ["Labels", "ResponseFile", "open_responses", "prepared_from", "write_responses"]

Targets = slice | npt.NDArray[Any] | None
Labels = Mapping[str, npt.NDArray[Any]]
_BLOCK = 2**26  # bytes that are read at once


@dataclass(frozen=True)
class ResponseFile:
    """Responses ``(n_stimuli, n_targets)`` of one subject in a file, float32, mean over repetitions.

    The array lies in an ``.npy`` file that is mapped and never read whole; labels of targets and stimuli lie in the
    ``.nc`` file of the same name beside it. Made by :func:`write_responses`, opened by :func:`open_responses`.

    Parameters
    ----------
    path
        The ``.npy`` file. It does not count in the fingerprint: a file that was moved is the same file.
    subject
        Whose responses these are.
    ids
        Stimulus ids, in the order of the rows.
    n_targets
        Number of columns.
    sha256
        Of the responses, the ids and the labels.
    """

    path: str
    subject: str
    ids: tuple[str, ...]
    n_targets: int
    sha256: str

    def __len__(self) -> int:
        return len(self.ids)

    def fingerprint(self) -> str:
        """What the file holds, in one hash."""
        return self.sha256

    def values(self, stimuli: Sequence[str] | None = None, targets: Targets = None) -> npt.NDArray[np.float32]:
        """Responses of these stimuli and targets in memory, in the order given; all where none is given.

        ``targets`` is a slice, a boolean mask ``(n_targets,)`` or positions. Rows are read in blocks, so that no more
        memory is taken than the answer and 64 MB.

        Raises
        ------
        InvalidInput
            When a stimulus or a target is not there, or the file is not the one that was opened.
        """
        rows, columns = self._rows(stimuli), self._columns(targets)
        found = np.empty((len(rows), len(columns)), dtype=np.float32)
        if not found.size:
            return found
        first, end = int(columns.min()), int(columns.max()) + 1
        whole = len(columns) == end - first and bool((np.diff(columns) == 1).all())
        step = max(1, _BLOCK // (4 * (end - first)))
        for start in range(0, len(rows), step):
            part = self._mapped()[rows[start : start + step], first:end]
            found[start : start + step] = part if whole else part[:, columns - first]
        return found

    def recording(self, stimuli: Sequence[str] | None = None, targets: Targets = None) -> Recording:
        """These responses as a Recording of one repetition; labels of the targets are coordinates.

        Facts of the preparation, and the grid of a volume (``affine``, ``shape``) where targets are voxels, are in
        ``attrs``. Errors as in :meth:`values`.
        """
        rows, columns = self._rows(stimuli), self._columns(targets)
        ids = [self.ids[row] for row in rows]
        labels = {name: each[columns] for name, each in self.labels().items()}
        return Recording.of(self.values(stimuli, targets), ids, self.subject, self.facts(), targets=labels)

    def labels(self) -> dict[str, npt.NDArray[Any]]:
        """Labels of all targets, each ``(n_targets,)``: ``roi``, ``hemisphere``, ``vertex``, ``ncsnr``, as known."""
        return {
            str(name): _text_of(each) for name, each in self._beside().data_vars.items() if each.dims == ("target",)
        }

    def repetitions(self) -> npt.NDArray[np.int64]:
        """How often each stimulus was shown, among what was averaged, ``(n_stimuli,)``."""
        return np.asarray(self._beside()["n_repetitions"].values, dtype=np.int64)

    def facts(self) -> dict[str, Any]:
        """How the file was prepared: settings, counts of undefined targets, grid of the volume."""
        return dict(json.loads(self._beside().attrs["facts"]))

    def _beside(self) -> xr.Dataset:
        return _labels_of(Path(self.path))

    def _mapped(self) -> npt.NDArray[np.float32]:
        return _mapped(Path(self.path), (len(self.ids), self.n_targets))

    def _rows(self, stimuli: Sequence[str] | None) -> npt.NDArray[np.intp]:
        if stimuli is None:
            return np.arange(len(self.ids))
        place = {name: row for row, name in enumerate(self.ids)}
        wanted = as_names(list(stimuli)).tolist()
        missing = [name for name in wanted if name not in place]
        if missing:
            raise InvalidInput(
                f"{Path(self.path).name} of subject '{self.subject}' holds {len(self.ids)} stimuli (first "
                f"{listed(self.ids, 2)}); not among them: {listed(missing)}. Select stimuli that the subject saw."
            )
        return np.array([place[name] for name in wanted], dtype=np.intp)

    def _columns(self, targets: Targets) -> npt.NDArray[np.intp]:
        every = np.arange(self.n_targets)
        try:
            return every if targets is None else every[targets]
        except IndexError as error:
            raise InvalidInput(
                f"{Path(self.path).name} of subject '{self.subject}' has {self.n_targets} targets; {error}. Give a "
                f"slice, a mask of {self.n_targets} or positions from 0 to {self.n_targets - 1}."
            ) from None


def open_responses(path: Path | str) -> ResponseFile:
    """The responses in an ``.npy`` file that :func:`write_responses` has made, with its ``.nc`` file beside it.

    Raises
    ------
    MissingData
        When either file is not there: what was never finished counts as not there.
    InvalidInput
        When array and labels do not fit each other.
    """
    file = Path(path)
    beside = _labels_of(file)
    ids = tuple(as_names(beside["stimulus"].values).tolist())
    n_targets = int(beside.attrs["n_targets"])
    _mapped(file, (len(ids), n_targets))
    return ResponseFile(str(file), str(beside.attrs["subject"]), ids, n_targets, str(beside.attrs["sha256"]))


def prepared_from(path: Path | str) -> str:
    """The ``key`` that a file was written with; empty where there is no file, or one that is not whole."""
    try:
        open_responses(path)
        return str(_labels_of(Path(path)).attrs.get("key", ""))
    except (MissingData, InvalidInput):
        return ""


def write_responses(
    path: Path | str,
    ids: Sequence[str],
    n_targets: int,
    fill: Callable[["np.memmap[Any, Any]"], Labels],
    *,
    subject: str,
    repetitions: npt.ArrayLike,
    facts: Mapping[str, Any],
) -> ResponseFile:
    """Write responses and labels, whole or not at all.

    Parameters
    ----------
    path
        Ends in ``.npy``, in a folder for such files; the labels go to the same name with ``.nc``.
    ids
        Stimulus ids, one per row.
    n_targets
        Number of columns.
    fill
        Writes all rows ``(n_stimuli, n_targets)`` into the mapped array it gets, and returns labels of the targets by
        name, each ``(n_targets,)``. A target that is undefined for any stimulus must be NaN for all.
    subject
        Whose responses these are.
    repetitions
        How often each stimulus was shown, ``(n_stimuli,)``.
    facts
        What can be written as JSON and says how the responses were made; ``key``, where it is given, is what
        :func:`prepared_from` returns.

    Raises
    ------
    InvalidInput
        When ids repeat, or labels have another length.
    StoreError
        When the disk is full or cannot be written.
    """
    file = Path(path)
    names = as_names(list(ids))
    require_unique(names, "stimulus ids", f"Responses of '{subject}'")
    sweep(file.parent)  # what a killed process left of these files is large
    _beside(file).unlink(missing_ok=True)  # from here until the end the file counts as not there
    made: dict[str, npt.NDArray[Any]] = {}

    def filled(mapped: "np.memmap[Any, Any]") -> None:
        made.update(fill(mapped))
        let_go(mapped)

    write_array_atomically(file, (len(names), n_targets), np.float32, filled)
    wrong = [name for name, each in made.items() if np.shape(each) != (n_targets,)]
    counts = np.asarray(repetitions, dtype=np.int64)
    if wrong or counts.shape != names.shape:
        raise InvalidInput(
            f"Responses of '{subject}': {n_targets} targets and {len(names)} stimuli, but labels {listed(wrong)} or "
            f"{len(counts)} numbers of repetitions of another length. Give one label per target."
        )
    plain = {key: value for key, value in facts.items() if key != "key"}
    attrs = {"subject": subject, "n_targets": n_targets, "key": str(facts.get("key", "")), "facts": json.dumps(plain)}
    labels = {name: _coded(each) for name, each in made.items()}
    data = xr.Dataset({**labels, "n_repetitions": ("stimulus", counts)}, {"stimulus": names}, attrs)
    data.attrs["sha256"] = _hash_of(file, data)
    write_atomically(_beside(file), forms.to_netcdf(data))
    return open_responses(file)


def _beside(file: Path) -> Path:
    return file.with_suffix(".nc")


def _labels_of(file: Path) -> xr.Dataset:
    beside = _beside(file)
    if not file.is_file() or not beside.is_file():
        missing = beside if file.is_file() else file
        raise MissingData(
            f"There is no {missing}; expected responses ({file.name}) and their labels ({beside.name}), written to the "
            "end. Prepare them (again)."
        )
    stat = beside.stat()
    return _labels_read(beside, (stat.st_mtime_ns, stat.st_size, stat.st_ino))


@lru_cache(maxsize=16)
def _labels_read(beside: Path, stamp: tuple[int, int, int]) -> xr.Dataset:
    """The labels in a file of this stamp: a study asks for them at every step, and nobody may change them."""
    try:
        found = forms.from_netcdf(beside.read_bytes())
    except (OSError, ValueError, KeyError) as error:
        raise InvalidInput(f"{beside} cannot be read ({error}). Remove it and prepare the responses again.") from error
    for each in found.data_vars.values():
        each.values.flags.writeable = False
    return found


def _mapped(file: Path, shape: tuple[int, int]) -> npt.NDArray[np.float32]:
    try:
        found = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InvalidInput(f"{file} is damaged ({error}). Prepare the responses again.") from error
    if found.shape != shape or found.dtype != np.float32:
        raise InvalidInput(
            f"{file} has the shape {found.shape} ({found.dtype}) and its labels say {shape} (float32). Prepare the "
            "responses again."
        )
    return found


def _coded(values: npt.NDArray[Any]) -> xr.Variable:
    """Text as numbers with a list of names: hundreds of thousands of strings are slow to write."""
    array = np.asarray(values)
    if array.dtype.kind not in "UO":
        return xr.Variable("target", array)
    names, codes = np.unique(as_names(array), return_inverse=True)
    return xr.Variable("target", codes.astype(np.int32), {"names": json.dumps(names.tolist())})


def _text_of(labels: xr.DataArray) -> npt.NDArray[Any]:
    names = labels.attrs.get("names")
    return labels.values if names is None else np.array(json.loads(names), dtype=np.str_)[labels.values]


def _hash_of(file: Path, data: xr.Dataset) -> str:
    """Of subject, ids, labels and values; facts of the preparation do not count."""
    labels = fingerprint(data.drop_attrs(deep=False).assign_attrs(subject=data.attrs["subject"]))
    digest = hashlib.sha256(str(labels).encode())
    with open(file, "rb") as stream:
        for block in iter(lambda: stream.read(2**24), b""):
            digest.update(block)
    return digest.hexdigest()

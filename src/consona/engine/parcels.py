"""A shard on its way to a worker: what is small as it is, what is large as its place in the store."""

import functools
import io
import pickle
import socket
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from consona.core.errors import ConsonaError, InvalidInput, require_extra
from consona.engine import forms, results
from consona.engine.code import Code
from consona.engine.fingerprint import NotCacheable
from consona.engine.keys import StepKey, input_fingerprints
from consona.engine.shards import BlockSizes
from consona.engine.steps import LATE_S, Call, Shard, Worker
from consona.engine.store import Store

SMALL_BYTES = 65_536  # what is smaller travels with the call
_MAIN = "__main__"
_POLL_S = 0.2


class WorkerError(ConsonaError):
    """Workers could not be started, were lost, or have other code or inputs than the run."""

    exit_code = 6


@dataclass
class Parcels:
    """Packs shards: large nouns, datasets and arrays are kept in the store, each once, and named in the parcel.

    Everything else is pickled: functions by name, a language model as its description (its ``__reduce__``).
    """

    store: Store
    _kept: dict[int, tuple[Any, results.Node]] = field(default_factory=dict, repr=False)

    def packed(self, shard: Shard) -> bytes:
        """A shard as bytes, for :func:`carried_out`."""
        buffer = io.BytesIO()
        pickler = require_extra("cloudpickle", "cluster").Pickler(buffer)
        pickler.persistent_id = self._place
        pickler.dump((shard.call, shard.key))
        return buffer.getvalue()

    def _place(self, value: Any) -> results.Node | None:
        """Where a value lies in the store; None where it travels."""
        if id(value) not in self._kept:
            if _n_bytes(value) < SMALL_BYTES:
                return None
            try:
                self._kept[id(value)] = (value, results.keep(self.store, value))  # the value lives on: ids stay its own
            except InvalidInput:  # a dataset with values that NetCDF does not know
                return None
        return self._kept[id(value)][1]


def _n_bytes(value: Any) -> int:
    if isinstance(value, (np.ndarray, xr.DataArray)):
        stored = value.dtype.kind in "biuf" and value.dtype != np.float16
        return int(value.nbytes) if stored else 0
    if isinstance(value, xr.Dataset):
        return int(value.nbytes)
    if type(value) in forms.NOUNS.values():
        data = getattr(value, "data", None)
        return int(data.nbytes) if isinstance(data, xr.DataArray) else 0
    return 0


class _Unpickler(pickle.Unpickler):
    """Reads what :class:`Parcels` wrote in the process that sent it."""

    def __init__(self, data: bytes, store: Store) -> None:
        super().__init__(io.BytesIO(data))
        self._store = store

    def persistent_load(self, place: Any) -> Any:
        return results.load(self._store, place)


def _unpacked(parcel: bytes, store: Store) -> tuple[Call, StepKey]:
    """What was sent; objects that another computer has just written are waited for."""
    deadline = time.monotonic() + LATE_S
    while True:
        try:
            call, key = _Unpickler(parcel, store).load()
            return call, key
        except results.Gone:
            if time.monotonic() > deadline:
                raise
            time.sleep(_POLL_S)


@dataclass(frozen=True)
class Place:
    """Where a worker works: the folder of the store, the folders the run imports from, and with how many threads."""

    folder: str
    threads: int
    imports: tuple[str, ...] = ()


def carried_out(parcel: bytes, place: Place) -> tuple[str, ...]:
    """Carry out a shard in the process of a worker and keep its result; returns objects that were found damaged.

    Raises
    ------
    WorkerError
        When the worker has other code than the run, or its inputs are not those that were sent.
    """
    worker = _worker(place)
    damaged = len(worker.store.quarantined)
    call, key = _unpacked(parcel, worker.store)
    _require_same(call, key, worker.code)
    worker.shard(Shard(call, key, call.name))
    return tuple(worker.store.quarantined[damaged:])


@functools.cache
def _worker(place: Place) -> Worker:
    """The worker of this process; it reads the code once, and imports from where the run does."""
    sys.path += [each for each in place.imports if each not in sys.path]
    return Worker(Store(Path(place.folder)), Code(), BlockSizes(0, 0), place.threads)


def _require_same(call: Call, key: StepKey, code: Code) -> None:
    found = input_fingerprints(call.function, call.args, call.kwargs)
    other = [name for name, value in key.inputs.items() if found.get(name) != value]
    if other:
        raise WorkerError(
            f"'{call.name}' arrived at {socket.gethostname()} with other values than were sent: {', '.join(other)}. "
            "Is the store on a file system that all workers share, and is the software of all of them the same?"
        )
    changed = [name for name, digest in key.code.modules.items() if name != _MAIN and _digest(name, code) != digest]
    if changed:
        raise WorkerError(
            f"The worker at {socket.gethostname()} has other code in {', '.join(changed)} than the run. Install the "
            "same version there, or start the run again when files were edited meanwhile."
        )


def _digest(module: str, code: Code) -> str | None:
    try:
        return code.cone(module).get(module)
    except NotCacheable:
        return None

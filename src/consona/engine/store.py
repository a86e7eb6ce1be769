"""The store: results named by their content, written whole or not at all, and verified when read."""

import errno
import hashlib
import json
import math
import mmap
import os
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pooch

from consona.core.errors import StoreError

_TEMPORARY = re.compile(r"^\.tmp-(?P<host>.+)-(?P<pid>\d+)-[0-9a-f]{8}$")
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def default_folder() -> Path:
    """Where the store is: ``$CONSONA_STORE``, otherwise the cache folder of the user."""
    named = os.environ.get("CONSONA_STORE")
    return Path(named).expanduser().absolute() if named else Path(pooch.os_cache("consona")) / "store"


def write_atomically(path: Path, data: bytes, *, read_only: bool = False) -> None:
    """Write a file whole or not at all; readers see the old content or the new one.

    A temporary file in the same folder is written, flushed to the disk and renamed; then the folder is flushed.

    Raises
    ------
    StoreError
        When the disk is full or the folder cannot be written; what was there before is intact.
    """
    with _replacing(path, len(data)) as temporary:
        _write_flushed(temporary, data, 0o444 if read_only else 0o644)


def write_array_atomically(
    path: Path, shape: tuple[int, ...], dtype: npt.DTypeLike, fill: Callable[["np.memmap[Any, Any]"], None]
) -> None:
    """Write an ``.npy`` file that need not fit into memory, whole or not at all.

    ``fill`` gets the array, mapped from a temporary file and all zero, and writes into it; with :func:`let_go` between
    its blocks, nothing stays in memory. Where ``fill`` raises or the process dies, the file is what it was before.

    Raises
    ------
    StoreError
        When the disk has no room for the whole array (found before anything is filled), or cannot be written.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    with _replacing(path, size) as temporary:
        mapped = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.dtype(dtype), shape=shape)
        if hasattr(os, "posix_fallocate"):  # take the room now: writing to a mapped file on a full disk is fatal
            with temporary.open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, temporary.stat().st_size)
        fill(mapped)
        mapped.flush()


def let_go(mapped: "np.memmap[Any, Any]") -> None:
    """Bring what was written into a mapped array to the disk, and give its memory back to the system."""
    mapped.flush()
    pages: Any = mapped.base
    if hasattr(mmap, "MADV_DONTNEED") and hasattr(pages, "madvise"):  # elsewhere the system decides by itself
        pages.madvise(mmap.MADV_DONTNEED)


def link_or_copy(source: Path, path: Path) -> None:
    """Show an object of the store in another folder: a hard link where the file system allows, a copy elsewhere."""
    try:
        with _replacing(path, 0) as temporary:
            os.link(source, temporary)
    except StoreError:
        write_atomically(path, source.read_bytes())


def sweep(folder: Path) -> int:
    """Remove temporary files that dead processes of this computer left; returns how many."""
    stray = [path for path in folder.rglob(".tmp-*") if _abandoned(path.name)]
    for path in stray:
        path.unlink(missing_ok=True)
    return len(stray)


@contextmanager
def held(path: Path) -> Iterator[bool]:
    """Hold a lock file; yields whether it could be had. The system frees it when the process dies, however it dies."""
    try:
        import fcntl
    except ModuleNotFoundError:  # Windows has no such lock; runs are then not guarded against each other
        yield True
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


@dataclass(frozen=True)
class Object:
    """A file in the store: SHA-256 and number of its bytes, and the ending that says what it is."""

    sha256: str
    size: int
    suffix: str


@dataclass
class Store:
    """A folder of objects (results by content) and records (which key made which objects).

    Reading verifies size and SHA-256, once per process and object. A damaged object moves to ``quarantine/`` with a
    note, and whoever asked gets None, as if it had never been made. Several processes may share a store.
    """

    folder: Path
    quarantined: list[str] = field(default_factory=list)
    _verified: set[str] = field(default_factory=set, repr=False)

    def path(self, item: Object) -> Path:
        """Where an object lies."""
        return self.folder / "objects" / item.sha256[:2] / f"{item.sha256}.{item.suffix}"

    def record_path(self, key: str) -> Path:
        """Where the record of a key lies."""
        return self.folder / "records" / key[:2] / f"{key}.json"

    def put(self, data: bytes, suffix: str) -> Object:
        """Keep bytes; the same bytes are kept once.

        Raises
        ------
        StoreError
            When they cannot be written.
        """
        item = Object(hashlib.sha256(data).hexdigest(), len(data), suffix)
        if not self.intact(item):
            write_atomically(self.path(item), data, read_only=True)
        return item

    def get(self, item: Object) -> bytes | None:
        """The bytes of an object, verified; None where it is missing or was damaged (then it is in quarantine)."""
        path = self.path(item)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(
                f"'{path}' cannot be read ({error.strerror}). Check the permissions of the store."
            ) from error
        if item.sha256 in self._verified and len(data) == item.size:
            return data
        found = hashlib.sha256(data).hexdigest()
        if found != item.sha256 or len(data) != item.size:
            self._quarantine(path, item, found, len(data))
            return None
        self._verified.add(item.sha256)
        return data

    def intact(self, item: Object) -> bool:
        """Whether an object is there and undamaged; a damaged one goes to quarantine."""
        if item.sha256 in self._verified and _has_size(self.path(item), item.size):
            return True
        return self.get(item) is not None

    def write_record(self, key: str, record: dict[str, Any]) -> None:
        """Say what a key made. Its objects were written before, so a record never names what does not exist."""
        sealed = {**record, "seal": _seal(record)}
        write_atomically(self.record_path(key), json.dumps(sealed, indent=1, ensure_ascii=False).encode())

    def record(self, key: str) -> dict[str, Any] | None:
        """What a key made, or None. A record that was damaged is withdrawn."""
        try:
            content = json.loads(self.record_path(key).read_bytes())
        except FileNotFoundError:
            return None
        except ValueError:
            content = None
        if not isinstance(content, dict) or content.pop("seal", None) != _seal(content):
            self.withdraw(key)
            return None
        return content

    def withdraw(self, key: str) -> None:
        """Forget what a key made; the objects stay."""
        self.record_path(key).unlink(missing_ok=True)

    def require_writable(self) -> None:
        """Write, rename and remove a small file, before any work is done.

        Raises
        ------
        StoreError
            When the folder is read-only, full, or no folder.
        """
        path = self.folder / f".probe-{os.getpid()}-{os.urandom(4).hex()}"
        write_atomically(path, b"consona\n")
        path.unlink(missing_ok=True)

    def _quarantine(self, path: Path, item: Object, found: str, size: int) -> None:
        target = self.folder / "quarantine" / path.name
        note = {
            "expected": {"sha256": item.sha256, "size": item.size},
            "found": {"sha256": found, "size": size},
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        write_atomically(target.with_name(f"{path.name}.note.json"), json.dumps(note, indent=1).encode())
        with suppress(FileNotFoundError):  # another process was quicker
            os.replace(path, target)
        self._verified.discard(item.sha256)
        self.quarantined.append(item.sha256)


def _seal(record: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def _write_flushed(path: Path, data: bytes, mode: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(handle, view) :]
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _replacing(path: Path, size: int) -> Iterator[Path]:
    """A temporary name beside ``path``; what is written there takes its place if nothing was raised."""
    temporary = path.parent / f".tmp-{socket.gethostname()}-{os.getpid()}-{os.urandom(4).hex()}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)
        _flush_folder(path.parent)
    except OSError as error:
        raise _explained(error, path, size) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _flush_folder(folder: Path) -> None:
    if os.name == "nt":  # folders cannot be opened there; the rename itself is still whole
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False


def _abandoned(name: str) -> bool:
    match = _TEMPORARY.match(name)
    if match is None or match["host"] != socket.gethostname() or os.name == "nt":  # os.kill ends processes there
        return False
    try:
        os.kill(int(match["pid"]), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _explained(error: OSError, path: Path, size: int) -> StoreError:
    if error.errno in _FULL:
        return StoreError(
            f"The disk is full: {size / 1e6:.1f} MB for '{path}' could not be written. Nothing that was there is "
            "lost. Make room (consona store --prune), or set CONSONA_STORE to another disk, then: consona resume RUN."
        )
    return StoreError(
        f"'{path}' cannot be written ({error.strerror}); a folder with write permission is needed. "
        "Set CONSONA_STORE to one, or change the permissions."
    )

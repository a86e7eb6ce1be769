"""Which runs use a store: every run leaves its folder there, so that pruning finds it wherever it lies."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from consona.core.errors import StoreError
from consona.engine.manifest import FILE
from consona.engine.store import Store, write_atomically


@dataclass(frozen=True)
class Registered:
    """The runs a store knows: folders that hold a run still, and the entries of those that do not."""

    there: tuple[Path, ...]
    gone: dict[Path, Path]


def register(store: Store, folder: Path) -> Path:
    """Write the absolute folder of a run into ``runs/`` of the store, one small file a run; returns that file.

    Raises
    ------
    StoreError
        When the store cannot be written.
    """
    place = os.fsencode(folder.resolve())  # "a/../runs" would be lost with "a"
    path = store.folder / "runs" / f"{hashlib.sha256(place).hexdigest()[:32]}.txt"
    if not path.exists():
        write_atomically(path, place)
    return path


def registered(store: Store) -> Registered:
    """The runs that were registered; ``gone`` maps a folder that holds no run any more to its entry.

    Raises
    ------
    StoreError
        When it cannot be told whether a run is still there, for example for want of permission.
    """
    there, gone = [], {}
    for entry in sorted((store.folder / "runs").glob("*.txt")):
        folder = Path(os.fsdecode(entry.read_bytes()))
        try:
            (folder / FILE).stat()
        except (FileNotFoundError, NotADirectoryError):
            gone[folder] = entry
        except OSError as error:
            raise StoreError(
                f"'{error.filename}' cannot be looked at ({error.strerror}), so what its run needs is not known. "
                f"Give access to it, or remove '{entry}' where its results may go."
            ) from error
        else:
            there.append(folder)
    return Registered(tuple(there), gone)

"""How large the store is, and removing what no run names."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from consona.core.errors import StoreError
from consona.engine.manifest import FILE, Manifest, read_manifest
from consona.engine.results import leaves
from consona.engine.store import Store

_HOUR_S = 3600.0


@dataclass(frozen=True)
class StoreSize:
    """What a store holds."""

    folder: Path
    n_objects: int
    n_bytes: int
    n_records: int
    n_quarantined: int
    quarantined_bytes: int


@dataclass(frozen=True)
class Pruned:
    """What was removed, or would be."""

    n_objects: int
    n_bytes: int
    n_records: int


def store_size(store: Store) -> StoreSize:
    """Count objects, records and what is in quarantine."""
    sizes = [path.stat().st_size for path in _files(store.folder / "objects")]
    damaged = [path.stat().st_size for path in _files(store.folder / "quarantine")]
    n_records = sum(1 for _ in _files(store.folder / "records"))
    return StoreSize(store.folder, len(sizes), sum(sizes), n_records, len(damaged), sum(damaged))


def run_folders(root: Path) -> list[Path]:
    """All runs below a folder (``runs/``), oldest name first."""
    return sorted(path.parent for path in root.rglob(FILE)) if root.is_dir() else []


def prune(store: Store, runs: Iterable[Path], *, keep_seconds: float = _HOUR_S, dry: bool = False) -> Pruned:
    """Remove objects and records that no run names, and all that is in quarantine.

    Parameters
    ----------
    store
        The store to clear.
    runs
        Run folders; what their manifests name stays, also the shards of steps that are not joined yet.
    keep_seconds
        What is younger stays as well: a run that is under way names its objects a moment after it wrote them.
    dry
        Count only.

    Raises
    ------
    StoreError
        When a manifest cannot be read: nothing is removed on an incomplete list.
    """
    keys, named = _named(store, [read_manifest(folder) for folder in runs])
    before = time.time() - keep_seconds
    records = [path for path in _files(store.folder / "records") if path.stem not in keys and _older(path, before)]
    kept = {path.stem for path in _files(store.folder / "records")} - {path.stem for path in records}
    named |= {each for key in kept for each in _objects_of(store.record(key))}
    objects = [path for path in _files(store.folder / "objects") if path.stem not in named and _older(path, before)]
    damaged = [path for path in _files(store.folder / "quarantine") if _older(path, before)]
    pruned = Pruned(len(objects), sum(path.stat().st_size for path in [*objects, *damaged]), len(records))
    if not dry:
        _remove([*records, *objects, *damaged])  # records first: a record never names what does not exist
    return pruned


def _named(store: Store, manifests: Iterable[Manifest]) -> tuple[set[str], set[str]]:
    keys: set[str] = set()
    objects: set[str] = set()
    for manifest in manifests:
        for step in manifest.steps:
            keys |= {key for key in (step.key, *step.shards.keys) if key is not None}
            objects |= {each.sha256 for each in step.objects}
    return keys, objects | {each for key in keys for each in _objects_of(store.record(key))}


def _objects_of(record: dict[str, Any] | None) -> set[str]:
    return {leaf.item.sha256 for leaf in leaves(record["result"])} if record is not None else set()


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))


def _older(path: Path, moment: float) -> bool:
    return path.stat().st_mtime <= moment


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(
                f"'{path}' cannot be removed ({error.strerror}). Check the permissions of the store."
            ) from error

"""How large the store is, and removing what no run names."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from consona.core.errors import ConfigError, StoreError
from consona.engine.manifest import FILE, Manifest, read_manifest
from consona.engine.register import registered
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
    """What was removed, or would be; the runs whose results stayed, and the registered ones that are gone."""

    n_objects: int
    n_bytes: int
    n_records: int
    kept: tuple[Path, ...] = ()
    gone: tuple[Path, ...] = ()

    def said(self, *, dry: bool) -> str:
        """What was done and why, for a user; in the conditional where nothing was removed."""
        done = "would be" if dry else "are"
        lines = [
            f"{self.n_objects} results that none of {len(self.kept)} runs names {done} removed, "
            f"{self.n_bytes / 1e6:,.1f} MB. What is younger than an hour stays."
        ]
        lines += [f"  kept: what {folder} names" for folder in self.kept]
        lines += [f"  not kept: what {folder} named; no run is there any more" for folder in self.gone]
        return "\n".join(lines)


def store_size(store: Store) -> StoreSize:
    """Count objects, records and what is in quarantine."""
    sizes = [path.stat().st_size for path in _files(store.folder / "objects")]
    damaged = [path.stat().st_size for path in _files(store.folder / "quarantine")]
    n_records = sum(1 for _ in _files(store.folder / "records"))
    return StoreSize(store.folder, len(sizes), sum(sizes), n_records, len(damaged), sum(damaged))


def run_folders(root: Path) -> list[Path]:
    """All runs below a folder (``runs/``), oldest name first.

    Raises
    ------
    ConfigError
        When there is no such folder.
    """
    if not root.is_dir():
        raise ConfigError(f"'{root}' is no folder; one with runs below it was expected. Nothing is removed.")
    return sorted(path.parent for path in root.rglob(FILE))


def prune(store: Store, runs: Iterable[Path] = (), *, keep_seconds: float = _HOUR_S, dry: bool = False) -> Pruned:
    """Remove objects and records that no run names, and all that is in quarantine.

    Parameters
    ----------
    store
        The store to clear.
    runs
        Run folders besides those that are registered in the store and still there. What the manifests name stays,
        also the shards of steps that are not joined yet.
    keep_seconds
        What is younger stays as well: a run that is under way names its objects a moment after it wrote them.
    dry
        Count only.

    Raises
    ------
    StoreError
        When a manifest cannot be read: nothing is removed on an incomplete list.
    """
    known = registered(store)
    folders = tuple(sorted({folder.resolve() for folder in (*known.there, *runs)}))
    keys, named = _named(store, [read_manifest(folder) for folder in folders])
    before = time.time() - keep_seconds
    records = [path for path in _files(store.folder / "records") if path.stem not in keys and _older(path, before)]
    kept = {path.stem for path in _files(store.folder / "records")} - {path.stem for path in records}
    named |= {each for key in kept for each in _objects_of(store.record(key))}
    objects = [path for path in _files(store.folder / "objects") if path.stem not in named and _older(path, before)]
    damaged = [path for path in _files(store.folder / "quarantine") if _older(path, before)]
    n_bytes = sum(path.stat().st_size for path in [*objects, *damaged])
    if not dry:
        entries = [entry for entry in known.gone.values() if _older(entry, before)]  # a younger run may be starting
        _remove([*records, *objects, *damaged, *entries])  # records first: a record never names what does not exist
    return Pruned(len(objects), n_bytes, len(records), folders, tuple(known.gone))


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

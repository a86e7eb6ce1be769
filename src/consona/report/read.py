"""What a report is made from: the files of one run folder, read and checked, nothing computed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xarray as xr

from consona.core.errors import InvalidInput, MissingData, StoreError
from consona.engine.forms import from_netcdf

NEEDED = ("manifest.json", "claims.json", "checks.json")


@dataclass(frozen=True)
class Result:
    """A stored result that names its figure (or "table")."""

    name: str
    data: xr.Dataset

    @property
    def kind(self) -> str:
        """The kind of figure."""
        return str(self.data.attrs["figure"])


@dataclass(frozen=True)
class Material:
    """One run as it lies on the disk: manifest, claims, checks, the study's TOML, and the results to be shown."""

    folder: Path
    manifest: Mapping[str, Any]
    claims: tuple[Mapping[str, Any], ...]
    checks: tuple[Mapping[str, Any], ...]
    study: str
    results: tuple[Result, ...]

    @property
    def synthetic(self) -> bool:
        """Whether anything in this run was planted: then no number of it describes a brain."""
        return any(bool(claim.get("synthetic")) for claim in self.claims) or bool(self.manifest.get("synthetic"))


def read_run(folder: Path) -> Material:
    """Read a finished run.

    Raises
    ------
    MissingData
        When the folder or one of its files does not exist.
    InvalidInput
        When a JSON file is no JSON, or has another form.
    StoreError
        When a result cannot be opened.
    """
    if not folder.is_dir():
        raise MissingData(f"'{folder}' is no folder; a run folder was expected. `consona run` prints where it puts its run.")
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if missing:
        raise MissingData(
            f"the run in '{folder}' has no {' and no '.join(missing)}; a finished run has {', '.join(NEEDED)}. "
            f"Finish it with: consona resume {folder}"
        )
    manifest = _json(folder / "manifest.json")
    if not isinstance(manifest, dict):
        raise InvalidInput(f"'{folder / 'manifest.json'}' holds a {type(manifest).__name__}, expected an object.")
    study = folder / "study.toml"
    return Material(
        folder=folder,
        manifest=manifest,
        claims=_entries(folder / "claims.json", "claims"),
        checks=_entries(folder / "checks.json", "checks"),
        study=study.read_text(encoding="utf-8") if study.is_file() else "",
        results=_results(folder / "results", [str(step.get("name")) for step in manifest.get("steps", [])]),
    )


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InvalidInput(
            f"'{path}' is no JSON ({error}); it was written by another program or damaged. "
            f"Write it again with: consona resume {path.parent}"
        ) from error


def _entries(path: Path, key: str) -> tuple[Mapping[str, Any], ...]:
    """The list under ``key``; each entry an object."""
    found = _json(path)
    entries = found.get(key) if isinstance(found, dict) else found
    if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
        raise InvalidInput(f"'{path}' holds no list of objects under '{key}'. Write it again with: consona resume RUN")
    return tuple(entries)


def _results(folder: Path, steps: list[str]) -> tuple[Result, ...]:
    """The results that name a figure, in the order of the steps that made them."""
    found = []
    for path in sorted(folder.rglob("*.nc")) if folder.is_dir() else []:
        try:
            data = from_netcdf(path.read_bytes())
        except (OSError, ValueError, KeyError) as error:
            raise StoreError(
                f"the result '{path}' cannot be opened ({error}); it is damaged. "
                f"Make it again with: consona resume {folder.parent}"
            ) from error
        if "figure" in data.attrs:
            found.append(Result(path.relative_to(folder).with_suffix("").as_posix(), data))
    rank = {name: i for i, name in enumerate(steps)}
    return tuple(sorted(found, key=lambda result: (rank.get(result.name.split("/")[0], len(rank)), result.name)))

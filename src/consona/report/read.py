"""What a report is made from: the files of one run folder, read and checked, nothing computed."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import xarray as xr
from pydantic import ValidationError

from consona.core.errors import InvalidInput, MissingData, StoreError
from consona.engine.claims import CHECKS, CLAIMS, ClaimEntry, FindingEntry, read_checks, read_claims
from consona.engine.forms import from_netcdf
from consona.engine.manifest import FILE, Manifest, StepEntry, read_manifest

T = TypeVar("T")
NEEDED = (FILE, CLAIMS, CHECKS)
RESULTS = "results"


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
    manifest: Manifest
    claims: tuple[ClaimEntry, ...]
    checks: tuple[FindingEntry, ...]
    study: str
    results: tuple[Result, ...]

    @property
    def synthetic(self) -> bool:
        """Whether anything in this run was planted that its claims rest on: then no number of it describes a brain.

        So where a claim says so, and where every data set is made up or, without claims, any.
        """
        made_up = [each.synthetic for each in self.manifest.datasets]
        if self.claims:
            return any(each.synthetic for each in self.claims) or (bool(made_up) and all(made_up))
        return any(made_up)

    @property
    def made_up(self) -> tuple[str, ...]:
        """Data sets that are synthetic in a run whose claims rest on others."""
        if self.synthetic:
            return ()
        return tuple(each.name for each in self.manifest.datasets if each.synthetic)


def read_run(folder: Path) -> Material:
    """Read a finished run.

    Raises
    ------
    MissingData
        When the folder or one of its files does not exist.
    InvalidInput
        When claims.json or checks.json has another form.
    StoreError
        When the manifest or a result cannot be opened.
    """
    if not folder.is_dir():
        raise MissingData(
            f"'{folder}' is no folder; a run folder was expected. `consona run` says where it puts its run."
        )
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if missing:
        raise MissingData(
            f"The run in '{folder}' has no {' and no '.join(missing)}; a finished run has {', '.join(NEEDED)}. "
            f"Finish it with: consona resume {folder}"
        )
    manifest = read_manifest(folder)
    study = folder / "study.toml"
    return Material(
        folder=folder,
        manifest=manifest,
        claims=_valid(read_claims, folder, CLAIMS).claims,
        checks=_valid(read_checks, folder, CHECKS).checks,
        study=study.read_text(encoding="utf-8") if study.is_file() else "",
        results=tuple(result for step in manifest.steps for result in _results(folder, step)),
    )


def _valid(read: Callable[[Path], T], folder: Path, name: str) -> T:
    try:
        return read(folder)
    except (ValidationError, UnicodeDecodeError) as error:
        raise InvalidInput(
            f"'{folder / name}' has not the form of schema version 1: {' '.join(str(error).split())[:200]}. "
            f"Another program wrote it or it was damaged; write it again with: consona resume {folder}"
        ) from error


def _results(folder: Path, step: StepEntry) -> list[Result]:
    """The datasets of one step that name a figure; other nouns are not opened."""
    found = []
    for item in step.objects:
        if item.noun != "Dataset":
            continue
        path = _inside(folder, item.file)
        if not path.is_file():
            raise MissingData(
                f"The result '{path}' of step '{step.name}' is gone; the manifest of this run lists it. "
                f"Make it again with: consona resume {folder}"
            )
        try:
            data = from_netcdf(path.read_bytes())
        except (OSError, ValueError, KeyError) as error:
            raise StoreError(
                f"The result '{path}' cannot be opened ({error}); it is damaged. "
                f"Make it again with: consona resume {folder}"
            ) from error
        if "figure" in data.attrs:
            found.append(Result(Path(item.file).with_suffix("").name, data))
    return found


def _inside(folder: Path, file: str) -> Path:
    """Where an object of the manifest lies: never outside the run's own results."""
    path = Path(file) if Path(file).parts[:1] == (RESULTS,) else Path(RESULTS) / file
    if path.is_absolute() or ".." in path.parts:
        raise InvalidInput(
            f"The manifest lists the result '{file}', which lies outside the run folder; it was not opened."
        )
    return folder / path

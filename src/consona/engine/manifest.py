"""The manifest: everything needed to say where a number came from, as one JSON file per run."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from consona.core.dataset import Dataset
from consona.core.errors import ConfigError, StoreError
from consona.engine.store import write_atomically

FILE = "manifest.json"
Status = Literal["running", "interrupted", "finished", "failed"]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class ObjectEntry(_Entry):
    """One object of a result and the file in ``results/`` that shows it."""

    file: str
    sha256: str
    size: int
    suffix: str
    noun: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]


class ShardsEntry(_Entry):
    """How the parts of a step came about. ``keys`` are listed while the step is not joined."""

    made: int = 0
    found: int = 0
    quarantined: int = 0
    keys: tuple[str, ...] = ()


class StepEntry(_Entry):
    """One step: what was called, on what, what came out, and what it took."""

    name: str
    status: Literal["running", "finished"]
    function: str
    key: str | None = Field(description="None where something could not be identified: the step is never reused.")
    code: str | None = Field(description="Hash of the syntax of all modules the function depends on.")
    inputs: dict[str, str] = Field(description="Fingerprint of every argument; 'self' is the owner of a method.")
    seed: int | None
    device: str
    reused: bool = Field(description="True where the whole result lay in the store.")
    noun: str = ""
    objects: tuple[ObjectEntry, ...] = ()
    shards: ShardsEntry = ShardsEntry()
    seconds: float = Field(default=0.0, description="What making it took, also where it was reused.")
    peak_memory_mb: float = Field(default=0.0, description="Largest memory of the process until then.")
    warnings: tuple[str, ...] = ()


class DatasetEntry(_Entry):
    """A data set as it was used."""

    name: str
    version: str
    licence: str
    citation: str
    checksums: dict[str, str]
    synthetic: bool
    n_subjects: int
    n_stimuli: int


class Commit(_Entry):
    """State of a git working tree."""

    commit: str
    dirty: bool


class Environment(_Entry):
    """On what the run was conducted."""

    python: str
    platform: str
    machine: str
    n_cores: int
    packages: dict[str, str]
    consona: Commit | None = Field(description="The tree this package lies in, where git tracks it.")
    here: Commit | None = Field(description="The tree of the folder the run was started in.")


class Manifest(_Entry):
    """The record of a run, written after every step."""

    schema_version: Literal[1] = 1
    study: str
    question: str
    science: dict[str, Any]
    execution: dict[str, Any]
    status: Status
    error: str | None = None
    version: str = Field(description="Version of consona.")
    created: str
    updated: str
    command: tuple[str, ...]
    environment: Environment
    models: tuple[dict[str, Any], ...] = ()
    datasets: tuple[DatasetEntry, ...] = ()
    code: dict[str, str] = Field(default={}, description="Syntax hash of every module that a step depends on.")
    steps: tuple[StepEntry, ...] = ()
    notes: tuple[str, ...] = ()

    def with_step(self, entry: StepEntry) -> "Manifest":
        """The manifest with a step added, or replaced where it was there."""
        names = [step.name for step in self.steps]
        if entry.name not in names:
            return self.model_copy(update={"steps": (*self.steps, entry)})
        place = names.index(entry.name)
        return self.model_copy(update={"steps": (*self.steps[:place], entry, *self.steps[place + 1 :])})

    def write(self, folder: Path) -> "Manifest":
        """Write ``manifest.json`` whole or not at all; returns what was written."""
        dated = self.model_copy(update={"updated": now()})
        write_atomically(folder / FILE, dated.model_dump_json(indent=1).encode() + b"\n")
        return dated


def now() -> str:
    """The time in UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a run folder.

    Raises
    ------
    ConfigError
        When there is none: the path is no run.
    StoreError
        When it cannot be read.
    """
    path = folder / FILE
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        found = f"it holds no {FILE}" if folder.is_dir() else "it is a file" if folder.exists() else "it does not exist"
        raise ConfigError(f"'{folder}' is no run: {found}. Runs lie in ./runs/STUDY/, or where --out said.") from None
    except (ValidationError, OSError) as error:
        raise StoreError(
            f"'{path}' cannot be read as a manifest: {str(error).splitlines()[0]}. Run the study anew."
        ) from error


def dataset_entry(dataset: Dataset) -> DatasetEntry:
    """What the manifest says of a data set."""
    names = ("name", "version", "licence", "citation", "checksums", "synthetic")
    facts = {name: getattr(dataset, name) for name in names}
    return DatasetEntry(**facts, n_subjects=len(dataset.recordings), n_stimuli=len(dataset.stimuli))

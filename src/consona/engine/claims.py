"""claims.json and checks.json: what a study stands for, in files that other programs can read."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from consona.core.claim import Claim
from consona.engine.checks.check import Finding
from consona.engine.manifest import Manifest
from consona.engine.store import write_atomically

CLAIMS, CHECKS = "claims.json", "checks.json"


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class VerdictEntry(_Entry):
    """Whether a control held."""

    verdict: Literal["held", "did not hold", "not testable here"]
    rule: str = Field(description="Written down before the run.")
    value: str = Field(description="What the rule was applied to, or why it could not be.")


class IntervalEntry(_Entry):
    """An interval around an effect."""

    low: float | None
    high: float | None
    method: str
    level: float


class NullEntry(_Entry):
    """What a p-value is measured against."""

    name: str
    permuted: str
    n: int = Field(description="How many orders were drawn or, where exact, exist.")
    exact: bool


class ClaimEntry(_Entry):
    """One sentence a study stands for. A number that is undefined is null."""

    id: str
    statement: str
    effect: float | None
    unit: str
    interval: IntervalEntry | None
    p: float | None
    null: NullEntry | None
    n: int
    n_of: str = Field(description="What n counts: subjects, stimuli, classes.")
    ceiling: float | str | None = Field(description="A number, or the reason why there is none.")
    controls: dict[str, VerdictEntry]
    synthetic: bool = Field(description="True where the data were made with a planted effect.")


class ClaimsFile(_Entry):
    """claims.json."""

    schema_version: Literal[1] = 1
    study: str
    question: str
    run: str = Field(description="Name of the run folder.")
    claims: tuple[ClaimEntry, ...]


class FindingEntry(_Entry):
    """What one methodological check found."""

    code: str
    title: str
    severity: Literal["serious", "caution", "note"]
    outcome: Literal["fired", "passed", "not applicable", "error"]
    message: str
    where: tuple[str, ...] = Field(description="The steps or places it is about.")
    page: str


class ChecksFile(_Entry):
    """checks.json."""

    schema_version: Literal[1] = 1
    study: str
    run: str = Field(description="Name of the run folder.")
    checks: tuple[FindingEntry, ...]


_SCHEMAS: dict[str, type[BaseModel]] = {"claims": ClaimsFile, "checks": ChecksFile, "manifest": Manifest}


def write_claims(folder: Path, study: str, question: str, claims: Sequence[Claim]) -> ClaimsFile:
    """Write ``claims.json`` into a run folder; undefined numbers become null."""
    entries = tuple(ClaimEntry.model_validate(_plain(claim.to_dict())) for claim in claims)
    content = ClaimsFile(study=study, question=question, run=folder.name, claims=entries)
    write_atomically(folder / CLAIMS, _text(content))
    return content


def write_checks(folder: Path, study: str, findings: Sequence[Finding]) -> ChecksFile:
    """Write ``checks.json`` into a run folder."""
    entries = tuple(FindingEntry.model_validate(vars(finding)) for finding in findings)
    content = ChecksFile(study=study, run=folder.name, checks=entries)
    write_atomically(folder / CHECKS, _text(content))
    return content


def read_claims(folder: Path) -> ClaimsFile:
    """``claims.json`` of a finished run."""
    return ClaimsFile.model_validate_json((folder / CLAIMS).read_bytes())


def read_checks(folder: Path) -> ChecksFile:
    """``checks.json`` of a finished run."""
    return ChecksFile.model_validate_json((folder / CHECKS).read_bytes())


def schemas() -> dict[str, str]:
    """The published JSON schemas, file name to text (``docs/schemas``)."""
    return {f"{name}.schema.json": _schema(kind) for name, kind in _SCHEMAS.items()}


def _schema(kind: type[BaseModel]) -> str:
    made = kind.model_json_schema(mode="serialization")
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **made}, indent=2) + "\n"


def _text(content: BaseModel) -> bytes:
    return content.model_dump_json(indent=1).encode() + b"\n"


def _plain(value: Any) -> Any:
    """Numbers of NumPy as Python's, at any depth."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return value.item() if hasattr(value, "item") else value

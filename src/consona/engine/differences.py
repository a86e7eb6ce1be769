"""In what two runs differ: claims, configuration, code, data, environment or results."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from consona.engine.claims import CLAIMS, read_claims
from consona.engine.manifest import Manifest, read_manifest

_ENVIRONMENT = ("python", "platform", "machine", "n_cores")
_MOST_FILES, _MOST_RESULTS, _DIGITS = 3, 12, 12


@dataclass(frozen=True)
class Differences:
    """One line per difference, what matters most first; an empty tuple where two runs agree."""

    claims: tuple[str, ...]
    configuration: tuple[str, ...]
    code: tuple[str, ...]
    data: tuple[str, ...]
    environment: tuple[str, ...]
    results: tuple[str, ...]

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of what differs."""
        return tuple(name for name, lines in vars(self).items() if lines)


def diff(first: Path, second: Path) -> Differences:
    """Compare two run folders.

    ``results`` names files whose stored bytes differ. Execution is compared under ``environment``: it changes no
    number. Of a data set more than three files of which differ, the files are counted.

    Raises
    ------
    ConfigError
        When a folder is no run.
    StoreError
        When a manifest cannot be read.
    """
    a, b = read_manifest(first), read_manifest(second)
    results = _changed(_objects(a), _objects(b), shown=_DIGITS)
    return Differences(
        claims=_changed(_claims(first), _claims(second)),
        configuration=_changed({"study": a.study, **a.science}, {"study": b.study, **b.science}),
        code=(*_changed({"consona": a.version}, {"consona": b.version}), *_changed(a.code, b.code, shown=_DIGITS)),
        data=(*_changed(_data(a), _data(b)), *_files(a, b)),
        environment=(*_changed(_surroundings(a), _surroundings(b)),),
        results=results if len(results) <= _MOST_RESULTS else (f"{len(results)} files differ",),
    )


def _changed(first: Mapping[str, Any], second: Mapping[str, Any], *, shown: int | None = None) -> tuple[str, ...]:
    names = [*first, *(name for name in second if name not in first)]
    pairs = [(name, _said(first, name, shown), _said(second, name, shown)) for name in names]
    return tuple(
        f"{n}: {a} → {b}" for n, a, b in pairs if first.get(n) != second.get(n) or (n in first) != (n in second)
    )


def _said(values: Mapping[str, Any], name: str, shown: int | None) -> str:
    return str(values[name])[:shown] if name in values else "absent"


def _data(manifest: Manifest) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for each in manifest.datasets:
        facts[each.name] = f"version {each.version}{', synthetic' if each.synthetic else ''}, {each.n_stimuli} stimuli"
    for place, model in enumerate(manifest.models):
        facts |= {f"model {model.get('name', place)}, {key}": value for key, value in model.items()}
    return facts


def _files(first: Manifest, second: Manifest) -> list[str]:
    """Files of the data sets that both runs used: each with the beginnings of its hashes where they are few."""
    lines: list[str] = []
    before, after = ({each.name: each.checksums for each in run.datasets} for run in (first, second))
    for name in (name for name in before if name in after):
        found = _changed(before[name], after[name], shown=_DIGITS)
        few = len(found) <= _MOST_FILES
        lines += [f"{name}/{line}" for line in found] if few else [f"{name}: {len(found)} files differ"]
    return lines


def _surroundings(manifest: Manifest) -> dict[str, Any]:
    own = manifest.environment
    here = {name: getattr(own, name) for name in _ENVIRONMENT}
    return {**here, **manifest.execution, **own.packages}


def _objects(manifest: Manifest) -> dict[str, Any]:
    return {each.file: each.sha256 for step in manifest.steps for each in step.objects}


def _claims(folder: Path) -> dict[str, Any]:
    if not (folder / CLAIMS).exists():
        return {}
    facts: dict[str, Any] = {}
    for claim in read_claims(folder).claims:
        facts |= {f"{claim.id}, {name}": getattr(claim, name) for name in ("statement", "effect", "p", "n")}
        facts |= {f"{claim.id}, control '{name}'": each.verdict for name, each in claim.controls.items()}
    return facts

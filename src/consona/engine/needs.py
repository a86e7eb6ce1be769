"""What a study needs on this computer, and what of it is missing."""

import re
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from consona.engine.config import Execution, PlannedStep, Requirements

_OF_EXTRA = re.compile(r"^(?P<package>[\w.-]+)[^;]*;\s*extra\s*==\s*['\"](?P<extra>[\w-]+)['\"]")


def missing_packages(extra: str) -> tuple[str, ...]:
    """Packages that an extra of consona brings and that are not installed."""
    lines = [_OF_EXTRA.match(line) for line in requires("consona") or ()]
    names = [line["package"] for line in lines if line is not None and line["extra"] == extra]
    return tuple(name for name in names if name != "consona" and not _installed(name))


def missing(needed: Requirements, datasets: Mapping[str, Path | None]) -> list[str]:
    """One sentence for each thing that is not there; ``datasets`` says where each corpus was found, or None."""
    said = []
    for extra in needed.extras:
        packages = missing_packages(extra)
        if packages:
            said.append(f"Not installed: {', '.join(packages)}. Install with: pip install 'consona[{extra}]'")
    for name in needed.datasets:
        if datasets.get(name) is None:
            said.append(f"The corpus '{name}' is not on this computer. Get it, or see how, with: consona fetch {name}")
    said += [f"There is no file or folder '{path}', which the settings name." for path in absent(needed.paths)]
    return said


def absent(paths: Iterable[str]) -> list[str]:
    """Paths at which there is nothing."""
    return [path for path in paths if not Path(path).expanduser().exists()]


def cost(steps: Iterable[PlannedStep], execution: Execution | None = None) -> str:
    """Time and disk of all steps together and memory of the largest, with the workers there are, as a sentence."""
    execution, planned = execution or Execution(), list(steps)
    seconds = sum(step.seconds_with(execution) for step in planned)
    disk = sum(step.disk_mb for step in planned)
    memory = max((step.memory_mb for step in planned), default=0.0)
    said = f"It takes about {_duration(seconds)}, {memory:,.0f} MB of memory and {disk:,.0f} MB of disk"
    n_shards = sum(step.n_shards for step in planned if step.n_shards > 1)
    if execution.cluster == "none":
        return f"{said}." if n_shards < 2 else f"{said}; {n_shards:,} shards could be shared by workers."
    return f"{said}; {n_shards:,} shards, {execution.workers} workers ({execution.cluster}), memory for each of them."


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:,.0f} h"


def _installed(name: str) -> bool:
    try:
        return bool(version(name))
    except PackageNotFoundError:
        return False

"""On what a run is conducted: Python, packages, computer, state of the source."""

import functools
import os
import platform
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

from consona.engine.code import PACKAGE
from consona.engine.manifest import Commit, Environment

_TIMEOUT_S = 10


def environment() -> Environment:
    """Versions, platform and git commits of this moment."""
    return Environment(
        python=platform.python_version(),
        platform=platform.platform(),
        machine=platform.machine(),
        n_cores=n_cores(),
        packages=packages(),
        consona=commit(PACKAGE, tracked="__init__.py"),
        here=commit(Path.cwd()),
    )


def n_cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@functools.cache
def packages() -> dict[str, str]:
    """Installed distributions and their versions, by name, as they were when first asked for."""
    found = {str(each.metadata["Name"]): each.version for each in distributions() if each.metadata["Name"]}
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


def commit(folder: Path, *, tracked: str | None = None) -> Commit | None:
    """The commit of a working tree, or None where there is none (or it does not track the file ``tracked``)."""
    if tracked is not None and _git(folder, "ls-files", "--error-unmatch", tracked) is None:
        return None
    head = _git(folder, "rev-parse", "HEAD")
    if head is None:
        return None
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return Commit(commit=head, dirty=bool(changes))


def peak_memory_mb() -> float:
    """Largest memory of this process so far, in MB; NaN-free: 0 where the system does not say."""
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        return 0.0
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size / 1e6 if sys.platform == "darwin" else size * 1024 / 1e6


def _git(folder: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words], capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None

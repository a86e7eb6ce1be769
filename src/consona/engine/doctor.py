"""Is everything in place? What is looked at before a run, and what to do about what is not right."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from consona.core.errors import StoreError
from consona.engine.store import Store, default_folder

TESTED = (3, 13)
State = Literal["ok", "warning", "problem"]
CORE = ("numpy", "scipy", "scikit-learn", "pandas", "xarray", "h5netcdf", "h5py", "pydantic", "matplotlib")
_EXTRAS = {"lm": ("torch", "transformers"), "eeg": ("mne",), "text": ("textblob",)}
_INTRUDERS = ("torchaudio", "torchvision")
_LOW_MB, _NONE_MB = 5_000, 500
_IMPORT_S = 120.0


@dataclass(frozen=True)
class Row:
    """One thing that was looked at: what was found, and what to do where it is not ok."""

    name: str
    state: State
    found: str
    advice: str = ""


def diagnose(datasets: Mapping[str, Path | None] | None = None, folder: Path | None = None) -> list[Row]:
    """Look at Python, packages, torch, store, disk, data and the Hub.

    Parameters
    ----------
    datasets
        Where each data set was found, or None where it was not; left out where not given.
    folder
        The store; the default one where not given.
    """
    store = Store(folder or default_folder())
    rows = [_python(), *_core(), *_extras(), *_torch(), *_numpy()]
    return [*rows, _store(store), _disk(store.folder), *_data(datasets or {}), _hub()]


def _python() -> Row:
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    if sys.version_info[:2] > TESTED:
        return Row("Python", "warning", found, f"consona is tested up to Python {TESTED[0]}.{TESTED[1]}.")
    return Row("Python", "ok", found)


def _core() -> list[Row]:
    missing = [name for name in CORE if _version(name) is None]
    if missing:
        return [Row("Packages", "problem", f"missing: {', '.join(missing)}", "Install again: pip install consona")]
    return [Row("Packages", "ok", ", ".join(f"{name} {_version(name)}" for name in CORE))]


def _extras() -> list[Row]:
    rows = []
    for extra, names in _EXTRAS.items():
        missing = [name for name in names if _version(name) is None]
        found = f"missing: {', '.join(missing)}" if missing else ", ".join(f"{name} {_version(name)}" for name in names)
        advice = f"Where you need it: pip install 'consona[{extra}]'" if missing else ""
        rows.append(Row(f"Extra [{extra}]", "warning" if missing else "ok", found, advice))
    return rows


def _torch() -> list[Row]:
    if _version("torch") is None:
        return []
    build = _in_child("import torch; print(torch.__version__, 'CUDA' if torch.cuda.is_available() else 'CPU')")
    if not build.worked:
        return [
            Row("torch", "problem", build.last_line, "Install torch again; on a computer without GPU its CPU build.")
        ]
    rows = [Row("torch", "ok", build.last_line)]
    return [*rows, _transformers()] if _version("transformers") is not None else rows


def _transformers() -> Row:
    """A torchaudio or torchvision of another build breaks the import of transformers; which one, a child tells."""
    present = [name for name in _INTRUDERS if _version(name) is not None]
    broken = [name for name in present if not _in_child(f"import {name}").worked]
    whole = _in_child("from transformers import AutoModel, GPT2Model, BertModel; print('models can be imported')")
    if whole.worked and not broken:
        beside = f"; beside it {', '.join(f'{name} {_version(name)}' for name in present)}" if present else ""
        return Row("transformers", "ok", f"{whole.last_line}{beside}")
    advice = f"Remove what does not fit your torch: pip uninstall {' '.join(broken)}" if broken else "Install it again."
    if whole.worked:
        return Row("transformers", "warning", f"{', '.join(broken)} cannot be imported beside this torch", advice)
    named = f"{', '.join(broken)} beside this torch breaks the import: " if broken else ""
    return Row("transformers", "problem", f"{named}{whole.last_line}", advice)


def _numpy() -> list[Row]:
    rows = []
    if _version("repeng") is not None:
        major = int((_version("numpy") or "0").partition(".")[0])
        advice = "repeng needs numpy below 2 and consona 2 or newer: pip uninstall repeng, then pip install 'numpy>=2'"
        rows.append(Row("repeng", "problem" if major < 2 else "warning", f"present, numpy {_version('numpy')}", advice))
    return rows


def _store(store: Store) -> Row:
    try:
        store.require_writable()
    except StoreError as error:
        return Row("Store", "problem", str(error), "Set CONSONA_STORE to a folder with write permission and room.")
    return Row("Store", "ok", f"{store.folder}: files are written and renamed whole")


def _disk(folder: Path) -> Row:
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free / 1e6
    found = f"{free / 1000:.1f} GB free at {there}"
    if free >= _LOW_MB:
        return Row("Disk", "ok", found)
    return Row("Disk", "problem" if free < _NONE_MB else "warning", found, "Make room: consona store --prune.")


def _data(datasets: Mapping[str, Path | None]) -> list[Row]:
    if not datasets:
        return []
    found = [f"{name} ({path})" for name, path in datasets.items() if path is not None]
    missing = [name for name, path in datasets.items() if path is None]
    told = f"{', '.join(found) or 'none'}" + (f"; not here: {', '.join(missing)}" if missing else "")
    advice = "See: consona datasets. Set CONSONA_DATA to the folder that holds them." if missing else ""
    return [Row("Data", "warning" if missing else "ok", told, advice)]


def _hub() -> Row:
    offline = [
        name for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE") if os.environ.get(name, "0") not in ("0", "")
    ]
    if offline:
        return Row("Hugging Face", "ok", f"offline ({', '.join(offline)} is set): only models on this computer")
    token = "a token is set" if os.environ.get("HF_TOKEN") else "no HF_TOKEN: gated models cannot be fetched"
    return Row("Hugging Face", "ok", f"online; {token}")


@dataclass(frozen=True)
class _Child:
    worked: bool
    last_line: str


def _in_child(code: str) -> _Child:
    """Run a line of Python in a process of its own: what breaks there does not break this one."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=_IMPORT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return _Child(False, f"no answer within {_IMPORT_S:.0f} s")
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    return _Child(done.returncode == 0, lines[-1] if lines else f"exit code {done.returncode}")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None

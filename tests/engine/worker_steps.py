"""Steps for the tests of shards and workers, in a file that a worker can import."""

import os
import signal
import time
from pathlib import Path

import numpy as np
import xarray as xr

from consona.core.features import Features
from consona.core.recording import Recording
from consona.core.score import Score
from consona.core.separable import separable
from consona.core.stimuli import Stimuli

FOLDER = "CONSONA_TEST_FOLDER"


def _log(what: str) -> None:
    if FOLDER in os.environ:
        handle = os.open(Path(os.environ[FOLDER], "log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(handle, f"{what} {os.getpid()}\n".encode())
        os.close(handle)


def _die_if_told() -> None:
    order = Path(os.environ.get(FOLDER, ""), "die")
    try:
        order.unlink()  # of several workers that look at once, one dies
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


@separable("stimulus")
def read(stimuli: Stimuli, *, seed: int) -> Features:
    """Random features that depend on the text and the seed only."""
    rows = [np.random.default_rng([seed, *text.encode()]).normal(size=(1, 600)) for text in stimuli.texts]
    return Features.of(np.stack(rows), stimuli.ids, {"n_truncated": len(stimuli)})


@separable("target")
def agreement(features: Features, recording: Recording, *, seed: int = 0, bad: int = -1) -> Score:
    """A product of two matrices per target, with a null whose draws all targets share; raises at target ``bad``."""
    targets = recording.data["target"].values
    _log(f"agreement {recording.subject} {targets[0]}")
    _die_if_told()
    time.sleep(float(os.environ.get("CONSONA_TEST_SECONDS", "0.01")))
    if bad in targets:
        raise ValueError(f"target {bad} is bad")
    X, Y = features.layer(0).astype(np.float64), recording.mean()
    draws = np.random.default_rng(seed).standard_normal((7, len(X)))
    coords = {"target": targets, "roi": ("target", recording.data["roi"].values)}
    values = (X.T @ Y).sum(axis=0)
    null = xr.DataArray(draws @ Y, coords, ("permutation", "target"))
    facts = {"n_at_edge": int((values > 0).sum()), "n_features": X.shape[1], "folds": [1, 2], "share": float("nan")}
    return Score(xr.DataArray(values, coords, ("target",)), "r", "none", null=null, attrs=facts)


def scaled(score: Score, by: float) -> xr.DataArray:
    """One step in a piece."""
    _log(f"scaled {by}")
    return score.data * by


def material(n_stimuli: int = 30, n_targets: int = 50) -> tuple[Stimuli, dict[str, Recording]]:
    """Stimuli and two subjects; the second array is not laid out row by row."""
    stimuli = Stimuli.of([f"text number {i}" for i in range(n_stimuli)])
    rng = np.random.default_rng(5)
    coords = {
        "stimulus": stimuli.ids,
        "target": np.arange(n_targets),
        "roi": ("target", [f"roi{i % 3}" for i in range(n_targets)]),
    }
    dims = ("repetition", "stimulus", "target")
    a = rng.standard_normal((2, n_stimuli, n_targets))
    b = rng.standard_normal((n_targets, n_stimuli, 2)).T
    return stimuli, {name: Recording(xr.DataArray(each, coords, dims), name) for name, each in {"a": a, "b": b}.items()}

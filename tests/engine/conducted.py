"""A small study in a process of its own: conducted once, or killed again and again until it is through.

``python conducted.py once FOLDER`` conducts it; ``python conducted.py killed FOLDER SEED`` forks a child that conducts
it, kills the child at a random moment, and goes on until a child finishes; ``python conducted.py torn FOLDER`` lets
child number n die just before its n-th flush or rename. The last line on stdout is JSON.
"""

import itertools
import json
import os
import random
import signal
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import xarray as xr
from conducted_steps import capture, centred

from consona.core import Claim, Stimuli, Verdict
from consona.engine import forms
from consona.engine.config import Execution, Study
from consona.engine.run import Run

N_STIMULI, BLOCK = 36, 4


class Small(Study):
    """One step in shards and one in a piece."""

    name = "small"
    question = "Does it survive?"
    controls = ("none",)
    seed: int = 3

    def conduct(self, run: Run) -> list[Claim]:
        stimuli = Stimuli.of([f"text number {i}" for i in range(N_STIMULI)])
        features = run.step("features", capture, stimuli, seed=self.seed)
        run.step("centred", centred, features)
        verdict = Verdict("held", "written before", "1 against 0")
        return [Claim("c", "It survives", 1.0, "", None, None, None, 1, "run", "none", {"none": verdict})]


def conduct(folder: Path) -> None:
    """Conduct the study in ``folder``, or go on with it."""
    if (folder / "manifest.json").exists():
        Run.open(folder, {"small": Small}).conduct()
    else:
        Run.create(Small(), Execution(block_size=BLOCK), folder).conduct()


def killed(folder: Path, seed: int, longest_s: float) -> int:
    """Conduct and kill until it is through; returns how many children were killed."""
    rng = random.Random(seed)
    n_killed = 0
    while True:
        child = os.fork()
        if child == 0:
            conduct(folder)
            os._exit(0)
        time.sleep(rng.uniform(0, longest_s))
        os.kill(child, signal.SIGKILL)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
            return n_killed
        n_killed += 1
        longest_s *= 1.08


def torn(folder: Path) -> int:
    """Conduct, dying ever later in the middle of a write, until it is through; returns how many children died."""
    for n_dead in itertools.count():
        child = os.fork()
        if child == 0:
            _die_at_write(n_dead + 1)
            conduct(folder)
            os._exit(0)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
            return n_dead
    raise AssertionError


def _die_at_write(n_writes: int) -> None:
    left = itertools.count(n_writes - 1, -1)

    def deadly(real: Any) -> Any:
        def call(*args: Any) -> Any:
            if next(left) == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args)

        return call

    os.fsync, os.replace = deadly(os.fsync), deadly(os.replace)


def main() -> None:
    """See above."""
    warnings.filterwarnings("ignore", category=DeprecationWarning)  # Python 3.12 warns of every fork beside threads
    mode, folder = sys.argv[1], Path(sys.argv[2])
    n_killed = 0
    if mode == "once":
        conduct(folder)
    else:
        forms.from_netcdf(forms.to_netcdf(xr.Dataset()))  # what xarray imports late is imported before the forks
        n_killed = torn(folder) if mode == "torn" else killed(folder, int(sys.argv[3]), longest_s=0.3)
    sys.stdout.write(json.dumps({"n_killed": n_killed}) + "\n")


if __name__ == "__main__":
    main()

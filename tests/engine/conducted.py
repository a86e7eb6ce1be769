"""A small study in a process of its own: conducted once, or killed again and again until it is through.

``python conducted.py once FOLDER`` conducts it; ``python conducted.py killed FOLDER SEED`` forks a child that conducts
it, kills the child at a random moment, and goes on until a child finishes. The last line on stdout is JSON.
"""

import json
import os
import random
import signal
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from consona.core import Claim, Features, Stimuli, Verdict, separable
from consona.engine.config import Execution, Study
from consona.engine.run import Run

N_STIMULI, BLOCK = 36, 4
LOG = "CONSONA_TEST_LOG"


def _logged(what: str) -> None:
    handle = os.open(os.environ[LOG], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(handle, f"{what}\n".encode())
    os.close(handle)


@separable("stimulus")
def capture(stimuli: Stimuli, *, seed: int) -> Features:
    """Random features that depend on the text and the seed only."""
    rows = [np.random.default_rng([seed, *text.encode()]).normal(size=(2, 500)) for text in stimuli.texts]
    time.sleep(0.004)
    _logged(f"capture {stimuli.ids[0]}")
    return Features.of(np.stack(rows), stimuli.ids, {"n_truncated": len(stimuli), "model": "none"})


def centred(features: Features) -> dict[str, Any]:
    """Two results in one: the centred features and their mean."""
    mean = features.data.mean("stimulus")
    _logged("centred")
    return {"features": Features(features.data - mean), "mean": mean}


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
        longest_s *= 1.02


def main() -> None:
    """See above."""
    warnings.filterwarnings("ignore", category=DeprecationWarning)  # Python 3.12 warns of every fork beside threads
    mode, folder = sys.argv[1], Path(sys.argv[2])
    n_killed = 0
    if mode == "once":
        conduct(folder)
    else:
        n_killed = killed(folder, int(sys.argv[3]), longest_s=0.12)
    sys.stdout.write(json.dumps({"n_killed": n_killed}) + "\n")


if __name__ == "__main__":
    main()

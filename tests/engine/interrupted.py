"""A study whose steps go to workers; started as a script, it is conducted with one worker, to be interrupted."""

import sys
from pathlib import Path

from worker_steps import agreement, material, read, scaled

from consona.core import Claim
from consona.engine.config import Execution, Study
from consona.engine.run import Run

STIMULI, RECORDINGS = material()


class Several(Study):
    """Steps in shards of stimuli and of targets, several at once, and steps in a piece."""

    name = "several"
    question = "Is it the same?"

    def conduct(self, run: Run) -> list[Claim]:
        """Nothing is claimed."""
        features = run.step("features", read, STIMULI, seed=1)
        given = {name: (features, each) for name, each in RECORDINGS.items()}
        scores = run.each("score", agreement, given, seed=1)
        run.each("scaled", scaled, {"two": (scores["a"], 2.0), "three": (scores["b"], 3.0)})
        return []


def new_run(folder: Path, n_workers: int) -> Run:
    """A run with so many workers; none for 0."""
    execution = Execution(
        cluster="local" if n_workers else "none",
        workers=max(n_workers, 1),
        block_size=8,
        target_block=9,
        store=str(folder / "store"),
    )
    return Run.create(Several(), execution, folder / "run")


if __name__ == "__main__":
    new_run(Path(sys.argv[1]), 1).conduct()

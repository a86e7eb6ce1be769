"""Train the small reasoner anew, offline: its lessons, its recipe, and what that takes."""

from collections.abc import Callable

import xarray as xr

from consona.core.errors import require_extra
from consona.engine.config import PlannedStep
from consona.studies.guided_reasoning.lessons import WORDS, lesson

__all__ = ["n_steps", "planned_training", "train_reasoner"]

_SECONDS_PER_STEP = 0.24  # of one core; later lessons are longer and take most
_EVERY = 100  # steps between two states on disk


def train_reasoner(folder: str, *, seed: int = 0, progress: Callable[[int, float], None] | None = None) -> xr.Dataset:
    """Train a small causal model on generated deduction problems; ``load_language_model(folder)`` opens it.

    A training that was stopped goes on from its last hundred steps; one that is complete is not repeated.

    Parameters
    ----------
    folder
        Gets the model, and the state of the training in ``training/``.
    seed
        Of the weights at the beginning and of the exercises.
    progress
        Called with the number of the step and its loss of answers, in nats.

    Returns
    -------
    xr.Dataset
        ``loss`` (step); see :func:`consona.training.small_reasoner.small_reasoner`.

    Raises
    ------
    InvalidInput
        When the folder holds a training of another seed or recipe.
    """
    from consona.training.small_reasoner import SmallReasoner, small_reasoner

    return small_reasoner(folder, lesson, WORDS, SmallReasoner(), seed=seed, every=_EVERY, progress=progress)


def n_steps() -> int:
    """Steps of the training; ``MissingExtra`` where torch is not installed."""
    require_extra("torch", "lm")
    from consona.training.small_reasoner import SmallReasoner

    return SmallReasoner().n_steps


def planned_training() -> PlannedStep:
    """What the training will take: seconds of one core (two take a bit more than half), memory and disk."""
    return PlannedStep("small reasoner", _SECONDS_PER_STEP * n_steps(), 700.0, 4.0, f"{n_steps():,} steps, on one core")

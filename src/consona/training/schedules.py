"""When a strategy acts: the stages of its regime, and how its weight falls while it trains."""

import math
from typing import Literal

from consona.core.errors import InvalidInput
from consona.training.recipe import Stage

__all__ = ["ADAPTED", "REGIMES", "Schedule", "stages_of", "weight_at"]

ADAPTED = ("full_head", "lora", "ia3")
REGIMES = ("together", "frozen", "unfrozen", "unfrozen_both", "transfer", *ADAPTED)
Schedule = Literal["constant", "cosine"]


def stages_of(regime: str, epochs: int) -> tuple[Stage, ...]:
    """The stages of a regime for a recipe of so many epochs.

    ``together`` is one stage. Pre-training on the axis (``frozen``, ``unfrozen``, ``unfrozen_both``) takes the first
    half of the epochs and the classes the second, as in the paper (50 and 50): with the network frozen, with all of it,
    or with all of it and the axis still beside the classes. The first half of a ``transfer`` is spent on another
    corpus. Adapters (``full_head``, ``lora``, ``ia3``) start from the trained network and take half as many epochs
    again.

    Raises
    ------
    InvalidInput
        When the regime is unknown, or two stages are asked for and there is one epoch.
    """
    if regime not in REGIMES:
        raise InvalidInput(f"regime is '{regime}'; known are {', '.join(REGIMES)}. Choose one.")
    if regime == "together":
        return (Stage(epochs),)
    if epochs < 2:
        raise InvalidInput(
            f"the regime '{regime}' has two stages and the recipe {epochs} epoch; give at least 2 epochs."
        )
    half = epochs // 2
    if regime in ADAPTED:
        return (Stage(epochs, "all", "classes"), Stage(half, "adapters", "both"))
    first, rest = Stage(half, "all", "axis"), epochs - half
    if regime == "transfer":
        return (Stage(rest, "all", "classes"),)
    if regime == "frozen":
        return (first, Stage(rest, "head", "classes"))
    return (first, Stage(rest, "all", "both" if regime == "unfrozen_both" else "classes"))


def weight_at(schedule: Schedule, weight: float, progress: float) -> float:
    r"""The weight at a moment of the training, ``progress`` from 0 to 1.

    ``constant``, or ``cosine``: :math:`\lambda\,(1 + \cos \pi t) / 2`, from the full weight to none (a curriculum).
    """
    return weight if schedule == "constant" else weight * 0.5 * (1.0 + math.cos(math.pi * progress))

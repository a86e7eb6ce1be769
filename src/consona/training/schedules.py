"""When a strategy acts: its stages, what moves in each, and how its weight falls while it trains."""

import math
from dataclasses import dataclass
from typing import Literal

from consona.core.errors import InvalidInput

__all__ = ["ADAPTER_MARK", "REGIMES", "Schedule", "Stage", "stages_of", "weight_at"]

ADAPTER_MARK = ".adapter."
"""Stands in the name of every weight that an adapter adds."""

REGIMES = ("together", "frozen", "unfrozen", "unfrozen_both", "full_head", "lora", "ia3", "transfer")
Schedule = Literal["constant", "cosine"]
_HEADS = ("network.head.", "heads.")


@dataclass(frozen=True)
class Stage:
    """A part of a training.

    Parameters
    ----------
    epochs
        Passes over the rows of the stage.
    moves
        Which weights move: ``"all"``; ``"head"``, that is all layers on top of the features; ``"adapters"``, that is
        adapters and heads.
    loss
        ``"axis"``: the auxiliary loss alone; ``"classes"``: the classification loss alone; ``"both"``.
    corpus
        Whose training rows: ``"own"``, or ``"other"`` for those of the corpus that is transferred from.
    chosen
        Whether the epoch that is kept may be one of this stage. Always so for the last stage only: a network that was
        never asked for classes is not kept, and an adapted network is not replaced by what it started from.
    """

    epochs: int
    moves: Literal["all", "head", "adapters"] = "all"
    loss: Literal["axis", "classes", "both"] = "both"
    corpus: Literal["own", "other"] = "own"
    chosen: bool = True

    def moves_weight(self, name: str) -> bool:
        """Whether the weight called ``name`` moves: ``network.<...>`` of the network, ``heads.<...>`` of further heads."""
        if self.moves == "all":
            return True
        return name.startswith(_HEADS) or (self.moves == "adapters" and ADAPTER_MARK in name)


def stages_of(regime: str, epochs: int) -> tuple[Stage, ...]:
    """The stages of a regime for a recipe of so many epochs.

    ``together`` is one stage. Pre-training on the axis (``frozen``, ``unfrozen``, ``unfrozen_both``, ``transfer``) takes
    the first half of the epochs and classes the second, as in the paper (50 and 50). Adapters (``full_head``, ``lora``,
    ``ia3``) start from the fully trained network and take half as many epochs again.

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
    if regime in ("full_head", "lora", "ia3"):
        return (Stage(epochs, "all", "classes", chosen=False), Stage(half, "adapters", "both"))
    first = Stage(half, "all", "axis", "other" if regime == "transfer" else "own", chosen=False)
    moves: Literal["head", "all"] = "head" if regime == "frozen" else "all"
    loss: Literal["both", "classes"] = "both" if regime == "unfrozen_both" else "classes"
    return (first, Stage(epochs - half, moves, loss))


def weight_at(schedule: Schedule, weight: float, progress: float) -> float:
    r"""The weight at a moment of the stage, ``progress`` from 0 to 1.

    ``constant``, or ``cosine``: :math:`\lambda\,(1 + \cos \pi t) / 2`, from the full weight to none (a curriculum).
    """
    return weight if schedule == "constant" else weight * 0.5 * (1.0 + math.cos(math.pi * progress))

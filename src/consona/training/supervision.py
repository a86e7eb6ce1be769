"""What is asked of a decoder besides naming the emotion: the interface between the loop and a strategy."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import nn

from consona.training.batches import Batch, Goal, Outputs
from consona.training.networks import DecoderNetwork
from consona.training.outside import OutsideNetwork
from consona.training.recipe import Recipe, Stage

__all__ = ["ADAPTER", "NetworkCall", "Plan", "Supervised", "Supervision", "class_loss"]

ADAPTER = "adapter"  # the name of the head that stands between the network and its own head
# The model under its weights of the moment, on any rows: a strategy may call it on masked ones.
NetworkCall = Callable[[torch.Tensor], Outputs]


class Supervision(Protocol):
    """What the loop asks of a strategy (``consona.training.strategies``)."""

    def prepared(self, network: DecoderNetwork, goal: Goal, *, generator: torch.Generator) -> DecoderNetwork:
        """A fresh network with what the strategy adds to it or starts it from."""

    def heads(self, n_features: int, n_axes: int) -> nn.ModuleDict:
        """Further heads on the penultimate features; one called ``adapter`` stands before all others."""

    def stages(self, recipe: Recipe) -> Sequence[Stage]:
        """What is trained after what."""

    def loss(self, network: NetworkCall, outputs: Outputs, batch: Batch, progress: float) -> torch.Tensor:
        """The whole loss of one model; ``progress`` goes from 0 to 1 over all epochs of all stages."""

    def axis_loss(self, network: NetworkCall, outputs: Outputs, batch: Batch, progress: float) -> torch.Tensor:
        """The loss of a stage that trains on the axis alone."""

    def to_json(self) -> str:
        """The strategy in one line."""


def class_loss(outputs: Outputs, batch: Batch) -> torch.Tensor:
    """Cross-entropy of the outputs, labels smoothed as the recipe says."""
    return nn.functional.cross_entropy(outputs.logits, batch.output, label_smoothing=batch.goal.smoothing)


class Supervised(nn.Module):
    """A network with the further heads of a strategy.

    Each head reads the penultimate features. The head called ``adapter`` gives new features instead: all other heads,
    the network's own one too, read those.
    """

    def __init__(self, network: DecoderNetwork, heads: nn.ModuleDict) -> None:
        super().__init__()
        self.network, self.heads = network, heads

    def forward(self, x: torch.Tensor) -> Outputs:
        """Logits, features and the values of the heads."""
        features = self.network.features(x)
        if ADAPTER in self.heads:
            features = self.heads[ADAPTER](features)
        extra = {name: head(features) for name, head in self.heads.items() if name != ADAPTER}
        return Outputs(self.network.head(features), features, extra)


@dataclass(frozen=True)
class Plan:
    """Everything about a training but its rows.

    ``snapshots``: epochs from 1, rising, at which test rows are predicted as well. ``device`` changes where it is
    computed, and what comes out by rounding only: batches are drawn on the CPU. ``outside``: a network that takes the
    place of the recipe's own; it may have dropout and statistics of batches, so its folds go one by one.
    """

    recipe: Recipe
    seed: int
    strategy: Supervision | None = None
    snapshots: tuple[int, ...] = ()
    device: str = "cpu"
    outside: OutsideNetwork | None = None

    @property
    def stages(self) -> tuple[Stage, ...]:
        """What is trained after what; without a strategy the classes, all epochs long."""
        if self.strategy is None:
            return (Stage(self.recipe.epochs, "all", "classes"),)
        return tuple(self.strategy.stages(self.recipe))

    @property
    def attrs(self) -> dict[str, str | int]:
        """What is said about it beside a result."""
        strategy = "" if self.strategy is None else self.strategy.to_json()
        outside = "" if self.outside is None else type(self.outside.module).__name__
        return {"recipe": self.recipe.to_json(), "strategy": strategy, "outside": outside, "seed": self.seed}

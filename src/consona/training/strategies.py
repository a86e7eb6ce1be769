"""Ways to align a decoder with an axis while it trains: each is a frozen description that a training loop carries out.

What a loop does with a strategy, in this order (``consona.training.supervision`` is the interface)::

    network = strategy.prepared(network, goal, generator=generator)  # each fresh network; gives what it gave before
    heads = strategy.heads(n_features, n_axes)                       # start at zero, live beside the network
    for stage in strategy.stages(recipe):                            # "axis": axis_loss, "both": loss
        value = strategy.loss(network_call, outputs, batch, progress)

``goal.emotions`` are the names of the emotions in the order of ``batch.labels``. Only the methods that make networks or
losses import torch, so the tables and prices of a study need none.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from consona.core.errors import InvalidInput
from consona.training.recipe import Recipe, Stage
from consona.training.schedules import REGIMES, Schedule, stages_of, weight_at

if TYPE_CHECKING:
    import torch
    from torch import nn

    from consona.training.batches import Batch, Goal, Outputs
    from consona.training.networks import DecoderNetwork

__all__ = ["FAMILIES", "Published", "Strategy"]

FAMILIES: dict[str, tuple[str, ...]] = {
    "regression": ("",),
    "rsa": ("",),
    "procrustes": ("class", "stimulus"),
    "contrast": ("class", "stimulus"),
    "infonce": ("",),
    "distance": ("",),
    "distillation": ("",),
    "prototypes": ("axis", "orthonormal"),
    "uncertainty": ("",),
    "start": ("bias", "weight"),
}
"""Families of losses and their modes."""


@dataclass(frozen=True)
class Published:
    """The paper's difference of balanced accuracy, its p over seeds or None, and whether that is an upper bound."""

    difference: float
    p: float | None = None
    below: bool = False


@dataclass(frozen=True)
class Strategy:
    r"""A way to use an axis while a decoder trains: which loss, how heavy, on which cells, in which stages.

    The axis is taken in SD over stimuli (``consona.stats.axis_twins.standardised``): weights and temperatures mean the
    same for every axis then. Its random-target twin is the same strategy with another axis.

    Parameters
    ----------
    name
        As it is shown.
    family, mode
        The loss, one of ``FAMILIES``, and its variant.
    weight
        :math:`\lambda`, the factor of the auxiliary loss. At 0 the loss is the classification loss, bit for bit.
    number
        Its row in the paper's table, or None.
    target
        The ``"first"`` axis of those given, their ``"mean"``, or ``"several"``: each by itself.
    channels, bands
        Cells that the auxiliary forward pass sees, all others are 0; empty: all. Case does not matter.
    emphasis
        Weights of emotions in the regression; others 1.
    tau
        Temperature in units of the axis, where the family has one.
    schedule, regime
        How the weight falls; the stages (``schedules.stages_of``).
    share
        Share of the training subjects that is used; the caller thins the split.
    published
        The paper's own numbers.

    Raises
    ------
    InvalidInput
        When a value is unknown or outside its range; it is named.
    """

    name: str
    family: str
    weight: float = 1.0
    number: int | None = None
    mode: str = ""
    target: Literal["first", "mean", "several"] = "first"
    channels: tuple[str, ...] = ()
    bands: tuple[str, ...] = ()
    emphasis: tuple[tuple[str, float], ...] = ()
    tau: float = 1.0
    schedule: Schedule = "constant"
    regime: str = "together"
    share: float = 1.0
    published: Published | None = None

    def __post_init__(self) -> None:
        """Names and ranges."""
        known = {
            "family": tuple(FAMILIES),
            "mode": FAMILIES.get(self.family, ()),
            "target": ("first", "mean", "several"),
            "schedule": ("constant", "cosine"),
            "regime": REGIMES,
        }
        for field, allowed in known.items():
            if getattr(self, field) not in allowed:
                options = ", ".join(f"'{each}'" for each in allowed)
                raise InvalidInput(f"{field} of '{self.name}' is '{getattr(self, field)}'; known are {options}.")
        if not 0 <= self.weight < float("inf") or not 0 < self.tau < float("inf") or not 0 < self.share <= 1:
            raise InvalidInput(
                f"'{self.name}' has weight {self.weight}, tau {self.tau}, share {self.share}; a weight is finite and "
                "at least 0, tau finite and above 0, a share above 0 and at most 1."
            )

    def to_json(self) -> str:
        """Its fields as one line of JSON, in their order."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Strategy":
        """Read what ``to_json`` wrote."""
        found: dict[str, Any] = json.loads(text)
        tuples = {key: tuple(found[key]) for key in ("channels", "bands")}
        emphasis = tuple((str(name), float(factor)) for name, factor in found["emphasis"])
        published = Published(**found["published"]) if found["published"] else None
        return cls(**{**found, **tuples, "emphasis": emphasis, "published": published})

    def stages(self, recipe: Recipe) -> tuple[Stage, ...]:
        """The stages of a training by this recipe."""
        return stages_of(self.regime, recipe.epochs)

    def prepared(self, network: "DecoderNetwork", goal: "Goal", *, generator: "torch.Generator") -> "DecoderNetwork":
        """The network with adapters in its linear layers, or with a last layer that starts from the axis.

        Adapters change nothing at the start; networks of all other strategies are returned as they are.

        Raises
        ------
        InvalidInput
            When adapters are asked for and the network has no linear layer but its head, or a transfer without the
            corpus that it comes from.
        """
        if self.regime == "transfer":
            raise InvalidInput(
                f"'{self.name}' is trained on another corpus first, and none is given. Wrap it: "
                "consona.training.strategies_transfer.Transfer(strategy, other, axis, recipe)."
            )
        from consona.training.strategies_adapters import adapted, started

        if self.regime in ("lora", "ia3"):
            network = adapted(network, self.regime, generator=generator)
        return started(network, goal, self) if self.family == "start" else network

    def heads(self, n_features: int, n_axes: int) -> "nn.ModuleDict":
        """Further layers on top of the features; all start at zero, so nothing random enters."""
        from consona.training.losses import heads_of

        return heads_of(self, n_features, n_axes)

    def loss(
        self, network: "Callable[[torch.Tensor], Outputs]", outputs: "Outputs", batch: "Batch", progress: float
    ) -> "torch.Tensor":
        """The whole loss of a batch, classification in it; safe under ``torch.func.vmap`` over models.

        Raises
        ------
        InvalidInput
            When the batch has no axis, or lacks channels, bands or emotions that the strategy names.
        """
        from consona.training.losses import combined

        return combined(self, network, outputs, batch, weight_at(self.schedule, self.weight, progress))

    def axis_loss(
        self, network: "Callable[[torch.Tensor], Outputs]", outputs: "Outputs", batch: "Batch", progress: float
    ) -> "torch.Tensor":
        """The auxiliary loss alone, without its weight: what a stage of pre-training follows. Errors as ``loss``."""
        from consona.training.losses import auxiliary

        return auxiliary(self, network, outputs, batch)

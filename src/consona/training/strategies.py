"""Ways to align a decoder with an axis while it trains: each is a frozen description that a training loop carries out.

What a loop does with a strategy, in this order::

    network = strategy.prepared(network, generator=generator)  # each fresh model: adapters go in, identity at start
    heads = strategy.heads(n_features, n_axes)                 # start at zero; the loop keeps them beside the network
    for stage in strategy.stages(recipe):
        moving = [name for name in weights if stage.moves_weight(name)]
        ...
        loss = strategy.loss(network_call, outputs, batch, progress, part=stage.loss)

``network_call(x) -> Outputs`` is the model with its present weights; masked strategies call it again. Only the methods
that make networks or losses import torch, so tables and prices of a study need none.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from consona.core.errors import InvalidInput
from consona.training.recipe import Recipe
from consona.training.schedules import REGIMES, Schedule, Stage, stages_of, weight_at

if TYPE_CHECKING:
    import torch
    from torch import nn

    from consona.training.batches import Batch, Outputs
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
    """What the paper reports: difference of balanced accuracy, and p over seeds (``below``: it is an upper bound)."""

    difference: float
    p: float
    below: bool = False


@dataclass(frozen=True)
class Strategy:
    r"""A way to use an axis while a decoder trains: which loss, how heavy, on which cells, in which stages.

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
        ``"first"`` axis of those given, their ``"mean"``, or ``"several"``: each by itself.
    channels, bands
        Cells that the auxiliary forward pass sees, all others are 0; empty: all.
    emphasis
        Weights of emotions in the regression; others 1.
    tau
        Temperature in units of the axis (SD over stimuli), where the family has one.
    schedule, regime
        How the weight falls; the stages (``schedules.stages_of``).
    share
        Share of the training subjects that is used; carried out by ``strategies_rows.thinned``.
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
                f"'{self.name}' has weight {self.weight}, tau {self.tau}, share {self.share}; a weight is finite and at "
                "least 0, tau above 0, a share above 0 and at most 1."
            )

    def to_json(self) -> dict[str, Any]:
        """Its fields as plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> "Strategy":
        """Read what ``to_json`` gave, also after a passage through JSON, where tuples are lists."""
        published = found.get("published")
        return cls(
            **{
                **found,
                **{key: tuple(found.get(key, ())) for key in ("channels", "bands")},
                "emphasis": tuple((str(name), float(factor)) for name, factor in found.get("emphasis", ())),
                "published": Published(**published) if published else None,
            }
        )

    def with_weight(self, weight: float) -> "Strategy":
        """The same with another weight, and without number and published values, which belong to the old one."""
        return replace(self, name=f"{self.name}, weight {weight:g}", weight=weight, number=None, published=None)

    def stages(self, recipe: Recipe) -> tuple[Stage, ...]:
        """The stages of a training by this recipe."""
        return stages_of(self.regime, recipe.epochs)

    def prepared(self, network: "DecoderNetwork", *, generator: "torch.Generator") -> "DecoderNetwork":
        """The network with the adapters of the regime in its linear layers; it gives what it gave before.

        Raises
        ------
        InvalidInput
            When adapters are asked for and the network has no linear layer but its head.
        """
        if self.regime not in ("lora", "ia3"):
            return network
        from consona.training.strategies_adapters import adapted

        return adapted(network, self.regime, generator=generator)

    def heads(self, n_features: int, n_axes: int) -> "nn.ModuleDict":
        """Further layers on top of the features; all start at zero, so nothing random enters."""
        from consona.training.losses import heads_of

        return heads_of(self, n_features, n_axes)

    def loss(
        self,
        network_call: "Callable[[torch.Tensor], Outputs]",
        outputs: "Outputs",
        batch: "Batch",
        progress: float,
        part: Literal["axis", "classes", "both"] = "both",
    ) -> "torch.Tensor":
        """The whole loss of a batch, one number: the classification loss is in it unless ``part`` is ``"axis"``.

        Safe under ``torch.func.vmap`` over models.

        Raises
        ------
        InvalidInput
            When the batch has no axis, or lacks channels, bands or emotions that the strategy names.
        """
        from consona.training.losses import classification, combined

        weight = weight_at(self.schedule, self.weight, progress)
        if part == "classes" or (part == "both" and weight == 0):
            return classification(outputs.logits, batch)
        return combined(self, network_call, outputs, batch, weight if part == "both" else None)

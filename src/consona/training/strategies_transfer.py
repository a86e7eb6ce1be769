"""Transfer: a network learns the axis on one corpus before it learns the classes of another."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import xarray as xr
from torch import nn

from consona.core.errors import InvalidInput
from consona.training.batches import Batch, FoldBatches, Goal, Material, Outputs
from consona.training.material import material_of
from consona.training.networks import DecoderNetwork
from consona.training.recipe import Recipe, Stage
from consona.training.strategies import Strategy
from consona.training.supervision import NetworkCall, Supervised

__all__ = ["Transfer", "shared_channels"]


def shared_channels(tensor: xr.DataArray, other: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """Both tensors with the channels that they have in common, under the names and in the order of the first.

    Case does not matter: ``FP1`` is ``Fp1``. Windows and bands must be the same already.

    Raises
    ------
    InvalidInput
        When they have no channel in common, or other windows or bands.
    """
    for dim in ("window", "band"):
        if tensor.sizes[dim] != other.sizes[dim] or not np.array_equal(tensor[dim].values, other[dim].values):
            raise InvalidInput(
                f"the tensors have {tensor.sizes[dim]} and {other.sizes[dim]} {dim}s, or other ones; a network that is "
                f"carried over reads the same {dim}s. Cut both tensors alike."
            )
    places = {str(name).lower(): place for place, name in enumerate(other.channel.values)}
    kept = [name for name in tensor.channel.values if str(name).lower() in places]
    if not kept:
        raise InvalidInput("the two tensors have no channel in common by name; name channels as in the 10-20 system.")
    chosen = other.isel(channel=[places[str(name).lower()] for name in kept])
    return tensor.sel(channel=kept), chosen.assign_coords(channel=kept)


@dataclass(frozen=True, eq=False)
class Transfer:
    """A strategy whose network was first trained to read the axis from another corpus.

    Half of the recipe's epochs go into regression on the axis in ``other`` (all its subjects, stimuli and shifts, no
    choice of an epoch), the rest into the classes of the corpus itself. Its random-target twin is the same with another
    ``axis``.

    Parameters
    ----------
    strategy
        With regime ``transfer``; it says which axes are regressed on, and from which cells.
    other
        Tensor with the same windows, channels and bands (:func:`shared_channels`), finite.
    axis
        ``(n_stimuli,)`` or ``(n_stimuli, n_axes)`` of ``other``, in SD.
    recipe
        Of the training; its epochs, rate and augmentations hold for the other corpus too.

    Raises
    ------
    InvalidInput
        When the strategy has another regime, or ``other`` has values that are not finite.
    """

    strategy: Strategy
    other: xr.DataArray
    axis: np.ndarray
    recipe: Recipe

    def __post_init__(self) -> None:
        """The regime, and that no value is missing."""
        if self.strategy.regime != "transfer":
            raise InvalidInput(
                f"'{self.strategy.name}' has the regime '{self.strategy.regime}'; a transfer has 'transfer'."
            )
        if not np.isfinite(self.other.values).all():
            raise InvalidInput(
                "the tensor that is transferred from has values that are not finite; leave those subjects or stimuli "
                "out."
            )

    def prepared(self, network: DecoderNetwork, goal: Goal, *, generator: torch.Generator) -> DecoderNetwork:
        """The network after regression on the axis of the other corpus; its last layer stays as it is.

        Raises
        ------
        InvalidInput
            When the other corpus has other channels or bands than the batches will have.
        """
        material = material_of(self.other, self.recipe, self.axis)
        if (material.goal.channels, material.goal.bands) != (goal.channels, goal.bands):
            raise InvalidInput(
                f"the corpus that is transferred from has {len(material.goal.channels)} channels and "
                f"{len(material.goal.bands)} bands, the one that is trained on {len(goal.channels)} and "
                f"{len(goal.bands)}, or other ones. Restrict both with shared_channels."
            )
        regression = replace(self.strategy, regime="together")
        model = Supervised(network, regression.heads(network.head.in_features, material.axis.shape[1]))
        _pretrain(model, material, regression, self.recipe, generator)
        return model.network

    def heads(self, n_features: int, n_axes: int) -> nn.ModuleDict:
        """None: the axis is not read while the classes are learnt."""
        return nn.ModuleDict()

    def stages(self, recipe: Recipe) -> Sequence[Stage]:
        """The classes, in the epochs that the other corpus left."""
        return self.strategy.stages(recipe)

    def loss(self, network: NetworkCall, outputs: Outputs, batch: Batch, progress: float) -> torch.Tensor:
        """As the strategy's; a transfer has no stage that asks for it."""
        return self.strategy.loss(network, outputs, batch, progress)

    def axis_loss(self, network: NetworkCall, outputs: Outputs, batch: Batch, progress: float) -> torch.Tensor:
        """As the strategy's; a transfer has no stage that asks for it."""
        return self.strategy.axis_loss(network, outputs, batch, progress)

    def to_json(self) -> str:
        """The strategy, and the content of the other corpus and its axis as hashes."""
        values = (np.ascontiguousarray(self.other.values), np.ascontiguousarray(self.axis))
        hashes = [hashlib.sha256(each.tobytes()).hexdigest() for each in values]
        return json.dumps({"strategy": json.loads(self.strategy.to_json()), "other": hashes[0], "axis": hashes[1]})


def _pretrain(
    model: Supervised, material: Material, strategy: Strategy, recipe: Recipe, generator: torch.Generator
) -> None:
    """Half of the epochs on the axis alone, in place; the rate falls along half a cosine."""
    seed = int(torch.randint(2**62, (1,), generator=generator))
    batches = FoldBatches(material, torch.arange(len(material.labels)), recipe, seed=seed, fold=0)
    n_steps = batches.n_steps * (recipe.epochs // 2)
    optimiser = torch.optim.AdamW(model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(n_steps, 1))
    x = torch.empty((batches.size, *material.shape))
    for _ in range(recipe.epochs // 2):
        for rows in batches.order():
            batches.fill(rows, x)
            labels, stimulus, output = (part[rows] for part in (material.labels, material.stimulus, material.output))
            batch = Batch(x, labels, stimulus, output, material.axis[rows], material.goal)
            optimiser.zero_grad()
            strategy.axis_loss(model, model(x), batch, 0.0).backward()
            optimiser.step()
            falling.step()

"""Small additions to a network that can be trained alone: low-rank updates and factors; and a start from the axis."""

import math
from typing import TYPE_CHECKING

import torch
from torch import nn

from consona.core.errors import InvalidInput
from consona.training.batches import Goal
from consona.training.losses_regression import target_of
from consona.training.networks import DecoderNetwork

if TYPE_CHECKING:
    from consona.training.strategies import Strategy

__all__ = ["LORA_RANK", "FactorLinear", "LowRankLinear", "adapted", "started"]

LORA_RANK = 8


class _LowRank(nn.Module):
    """The two factors of an update; the second one is zero at the start."""

    def __init__(self, layer: nn.Linear, generator: torch.Generator) -> None:
        super().__init__()
        down = torch.randn((LORA_RANK, layer.in_features), generator=generator) / math.sqrt(layer.in_features)
        self.down = nn.Parameter(down.to(layer.weight))
        self.up = nn.Parameter(layer.weight.new_zeros((layer.out_features, LORA_RANK)))


class _Factors(nn.Module):
    """A factor for every feature; all are one at the start."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.change = nn.Parameter(layer.weight.new_zeros(layer.out_features))


class LowRankLinear(nn.Linear):
    r"""A linear layer with an update of rank 8: :math:`Wx + b + UDx`, :math:`U = 0` at the start.

    LoRA: Hu et al. (2022), ICLR.
    """

    def __init__(self, layer: nn.Linear, generator: torch.Generator) -> None:
        super().__init__(layer.in_features, layer.out_features, layer.bias is not None, device="meta")
        self.weight, self.bias = layer.weight, layer.bias
        self.adapter = _LowRank(layer, generator)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(..., n_inputs)`` to ``(..., n_outputs)``."""
        update = nn.functional.linear(nn.functional.linear(x, self.adapter.down), self.adapter.up)
        return super().forward(x) + update


class FactorLinear(nn.Linear):
    r"""A linear layer whose outputs have factors: :math:`(1 + c) \odot (Wx + b)`, :math:`c = 0` at the start.

    IA3: Liu et al. (2022), NeurIPS. The change is learnt, not the factor: weight decay then pulls towards the trained
    network and not towards silence.
    """

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__(layer.in_features, layer.out_features, layer.bias is not None, device="meta")
        self.weight, self.bias = layer.weight, layer.bias
        self.adapter = _Factors(layer)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(..., n_inputs)`` to ``(..., n_outputs)``."""
        return super().forward(x) * (1 + self.adapter.change)


def adapted(network: DecoderNetwork, regime: str, *, generator: torch.Generator) -> DecoderNetwork:
    """Put an adapter into every linear layer but the head; the network itself is changed and returned.

    It gives what it gave before, and its own weights keep their names. Those of adapters have ``.adapter.`` in theirs.

    Raises
    ------
    InvalidInput
        When there is no linear layer but the head.
    """
    places = [
        (parent, name, child)
        for parent in network.modules()
        for name, child in parent.named_children()
        if isinstance(child, nn.Linear) and child is not network.head
    ]
    if not places:
        raise InvalidInput(
            f"{type(network).__name__} has no linear layer but its head, and '{regime}' adapts linear layers. Take "
            "another network (mlp, transformer), or the regime 'full_head'."
        )
    for parent, name, layer in places:
        setattr(parent, name, LowRankLinear(layer, generator) if regime == "lora" else FactorLinear(layer))
    return network


@torch.no_grad()
def started(network: DecoderNetwork, goal: Goal, strategy: "Strategy") -> DecoderNetwork:
    r"""Let the last layer start from the axis, times the weight; the network itself is changed and returned.

    Mode ``bias``: :math:`b_k \leftarrow b_k + \lambda v_k`; mode ``weight``:
    :math:`W_{kf} \leftarrow W_{kf} + \lambda v_k / \sqrt{n_f}`, the same for all features.
    """
    levels = target_of(strategy.target, goal.output_axis).mean(dim=-1).to(network.head.weight)
    if strategy.mode == "bias":
        network.head.bias.add_(strategy.weight * levels)
    else:
        network.head.weight.add_(strategy.weight * levels[:, None] / math.sqrt(network.head.in_features))
    return network

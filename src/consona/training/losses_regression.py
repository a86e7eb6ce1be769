"""Regression on the axis: from all cells or some, with weights of emotions, its factor fixed or learnt."""

from typing import TYPE_CHECKING

import torch
from torch import nn

from consona.core.errors import InvalidInput
from consona.training.batches import Batch, Outputs
from consona.training.supervision import NetworkCall

if TYPE_CHECKING:
    from consona.training.strategies import Strategy

__all__ = ["UncertaintyWeights", "cells_of", "masked_regression", "target_of", "weighed_by_uncertainty", "weighted_mse"]


def masked_regression(strategy: "Strategy", network: NetworkCall, outputs: Outputs, batch: Batch) -> torch.Tensor:
    """Mean squared error of the head ``axis``, which sees only the cells that the strategy names.

    A strategy that names cells reads the batch a second time, all other cells 0; so the classes still see everything.
    """
    if strategy.channels or strategy.bands:
        outputs = network(batch.x * cells_of(strategy, batch))
    weights = _emphasis(strategy, batch)[batch.labels] if strategy.emphasis else None
    return weighted_mse(outputs.extra["axis"], target_of(strategy.target, batch.axis), weights)


def weighted_mse(predicted: torch.Tensor, axis: torch.Tensor, weights: torch.Tensor | None = None) -> torch.Tensor:
    r"""Squared error of ``(batch, n_axes)``: mean over axes, then over rows, :math:`\sum_i w_i e_i^2 / \sum_i w_i`."""
    squared = (predicted - axis).square().mean(dim=-1)
    return squared.mean() if weights is None else (weights * squared).sum() / weights.sum()


def target_of(target: str, axis: torch.Tensor) -> torch.Tensor:
    """What is regressed on, of axes ``(..., n_axes)``: the ``first``, their ``mean``, or each of ``several``."""
    if target == "first":
        return axis[..., :1]
    return axis.mean(dim=-1, keepdim=True) if target == "mean" else axis


def cells_of(strategy: "Strategy", batch: Batch) -> torch.Tensor:
    """1 for the cells that the strategy names, 0 for others, ``(channel, band)``.

    Raises
    ------
    InvalidInput
        When the batch lacks one of them; all that are missing are named.
    """
    kept = []
    for kind, wanted, there in (
        ("channels", strategy.channels, batch.goal.channels),
        ("bands", strategy.bands, batch.goal.bands),
    ):
        names = [name.lower() for name in there]
        missing = [name for name in wanted if name.lower() not in names]
        if missing:
            raise InvalidInput(
                f"'{strategy.name}' reads the {kind} {', '.join(wanted)}; {', '.join(missing)} are not among "
                f"those of the tensor ({', '.join(there)}). Leave the strategy out, or name the "
                f"{kind} as it does."
            )
        chosen = {name.lower() for name in wanted}
        kept.append(batch.x.new_tensor([float(not wanted or name in chosen) for name in names]))
    return kept[0][:, None] * kept[1][None, :]


def _emphasis(strategy: "Strategy", batch: Batch) -> torch.Tensor:
    """Weight of every emotion, in the order of the labels."""
    factors = {name.lower(): factor for name, factor in strategy.emphasis}
    names = [name.lower() for name in batch.goal.emotions]
    missing = [name for name in factors if name not in names]
    if missing:
        raise InvalidInput(
            f"'{strategy.name}' gives weights to {', '.join(factors)}; {', '.join(missing)} are not among the emotions "
            f"{', '.join(batch.goal.emotions)}. Leave the strategy out for this corpus."
        )
    return batch.x.new_tensor([factors.get(name, 1.0) for name in names])


class UncertaintyWeights(nn.Module):
    """Logarithms of the variances of two losses, learnt; they start at 0, where both losses weigh the same as a sum."""

    def __init__(self) -> None:
        super().__init__()
        self.values = nn.Parameter(torch.zeros(2))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """The two logarithms; the features are not looked at."""
        return self.values


def weighed_by_uncertainty(classes: torch.Tensor, axis: torch.Tensor, log_variances: torch.Tensor) -> torch.Tensor:
    r"""Both losses, each over its learnt variance.

    .. math:: L = e^{-s_c} L_c + \tfrac12 s_c + \tfrac12 e^{-s_a} L_a + \tfrac12 s_a

    Kendall, Gal and Cipolla (2018), eq. 10. For given losses it is lowest at :math:`s_c = \ln 2 L_c`,
    :math:`s_a = \ln L_a`.
    """
    s_c, s_a = log_variances[0], log_variances[1]
    return torch.exp(-s_c) * classes + 0.5 * s_c + 0.5 * (torch.exp(-s_a) * axis + s_a)

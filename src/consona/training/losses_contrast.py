"""Contrast between the rows of a batch: rows that lie near each other on the axis are drawn together."""

from typing import TYPE_CHECKING

import torch

from consona.training.batches import Batch, Outputs
from consona.training.losses_geometry import distances, within
from consona.training.losses_regression import target_of
from consona.training.supervision import NetworkCall

if TYPE_CHECKING:
    from consona.training.strategies import Strategy

__all__ = ["infonce", "infonce_loss", "soft_contrast", "soft_contrast_loss", "unit_rows"]

CONTRAST_TEMPERATURE = 0.1
"""Of the cosines between features; as in supervised contrast (Khosla et al. 2020)."""


def soft_contrast(strategy: "Strategy", network: NetworkCall, outputs: Outputs, batch: Batch) -> torch.Tensor:
    """Soft supervised contrast by the distances of class values (mode ``class``) or of stimulus values (``stimulus``).

    For an axis that is constant within classes both modes are the same.
    """
    axis = target_of(strategy.target, batch.axis)
    if strategy.mode == "class":
        axis = within(axis, batch.labels)
    return soft_contrast_loss(outputs.features, axis, strategy.tau)


def soft_contrast_loss(features: torch.Tensor, axis: torch.Tensor, tau: float) -> torch.Tensor:
    r"""Cross-entropy between what the axis and what the features call near, of every row against all others.

    .. math:: L = -\frac1n \sum_i \sum_{j \ne i} w_{ij}
              \ln \frac{e^{z_i^\top z_j / t}}{\sum_{k \ne i} e^{z_i^\top z_k / t}},
              \qquad w_{ij} \propto e^{-|v_i - v_j| / \tau}

    with features :math:`z` of length 1 and :math:`t = 0.1`. Lowest, at the entropy of :math:`w`, where
    :math:`z_i^\top z_j / t = -|v_i - v_j| / \tau` up to a constant. Blind to shift and sign of the axis.
    """
    z = unit_rows(features)
    itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
    near = (z @ z.T / CONTRAST_TEMPERATURE).masked_fill(itself, float("-inf"))
    wanted = (-distances(axis, axis) / tau).masked_fill(itself, float("-inf")).softmax(dim=1)
    return -(wanted * near.log_softmax(dim=1).masked_fill(itself, 0.0)).sum(dim=1).mean()


def unit_rows(features: torch.Tensor) -> torch.Tensor:
    """Rows of length 1; a row of zeros stays, without a slope."""
    squared = features.square().sum(dim=-1, keepdim=True)
    there = squared > 0
    return torch.where(there, features / torch.where(there, squared, 1.0).sqrt(), 0.0)


def infonce(strategy: "Strategy", network: NetworkCall, outputs: Outputs, batch: Batch) -> torch.Tensor:
    """Symmetric InfoNCE between what the head ``axis`` reads and the axis values of the batch."""
    return infonce_loss(outputs.extra["axis"], target_of(strategy.target, batch.axis), strategy.tau)


def infonce_loss(predicted: torch.Tensor, axis: torch.Tensor, tau: float) -> torch.Tensor:
    r"""Which value of the batch belongs to a row, and which row to a value; rows with equal values are all right.

    .. math:: L = -\frac1{2n} \sum_i \left[\ln \frac{\sum_{j: v_j = v_i} s_{ij}}{\sum_j s_{ij}}
              + \ln \frac{\sum_{j: v_j = v_i} s_{ji}}{\sum_j s_{ji}}\right],
              \qquad s_{ij} = e^{-\lVert\hat v_i - v_j\rVert^2 / \tau}

    Never below 0; at :math:`\hat v = v` at most :math:`n e^{-g^2 / \tau}`, with :math:`g` the smallest gap between
    different values. Where classes have one value each, other rows of the class are no negatives: as such, as a plain
    InfoNCE takes them, no network could tell them apart.
    """
    similar = -(predicted[:, None, :] - axis[None, :, :]).square().sum(dim=-1) / tau
    right = (axis[:, None, :] == axis[None, :, :]).all(dim=-1)
    positive = similar.masked_fill(~right, float("-inf"))
    lost = [similar.logsumexp(dim=way) - positive.logsumexp(dim=way) for way in (0, 1)]
    return 0.5 * (lost[0].mean() + lost[1].mean())

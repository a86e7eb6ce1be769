"""From a strategy to its loss: the auxiliary loss of its family, and how it joins the classification loss."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import torch
from torch import nn

from consona.core.errors import InvalidInput
from consona.training.batches import Batch, Outputs
from consona.training.losses_contrast import infonce, soft_contrast
from consona.training.losses_geometry import procrustes, rsa
from consona.training.losses_regression import UncertaintyWeights, masked_regression, weighed_by_uncertainty
from consona.training.losses_soft import PROTOTYPE_WIDTH, distance_targets, distillation, prototypes
from consona.training.supervision import ADAPTER, NetworkCall, class_loss

if TYPE_CHECKING:
    from consona.training.strategies import Strategy

__all__ = ["auxiliary", "combined", "heads_of"]

Auxiliary = Callable[["Strategy", NetworkCall, Outputs, Batch], torch.Tensor]

AUXILIARY: Mapping[str, Auxiliary] = {
    "regression": masked_regression,
    "uncertainty": masked_regression,
    "rsa": rsa,
    "procrustes": procrustes,
    "contrast": soft_contrast,
    "infonce": infonce,
    "distance": distance_targets,
    "distillation": distillation,
    "prototypes": prototypes,
}
_READ_AXIS = ("regression", "uncertainty", "procrustes", "infonce")


def heads_of(strategy: "Strategy", n_features: int, n_axes: int) -> nn.ModuleDict:
    """The further layers that a strategy needs, all zero.

    ``axis``: features to the axis (or axes); ``prototypes``: features to the space of the prototypes;
    ``log_variances``: of the two losses; ``adapter``: a full linear layer that is added to the features.
    """
    heads = nn.ModuleDict()
    if strategy.regime == "full_head":
        heads[ADAPTER] = Residual(n_features)
    if strategy.family in _READ_AXIS:
        heads["axis"] = _zero_linear(n_features, n_axes if strategy.target == "several" else 1)
    if strategy.family == "prototypes":
        heads["prototypes"] = _zero_linear(n_features, PROTOTYPE_WIDTH)
    if strategy.family == "uncertainty":
        heads["log_variances"] = UncertaintyWeights()
    return heads


def auxiliary(strategy: "Strategy", network: NetworkCall, outputs: Outputs, batch: Batch) -> torch.Tensor:
    """The auxiliary loss of a batch without its weight, one number; 0 for a strategy that only sets the start.

    Raises
    ------
    InvalidInput
        When the batch has no axis, or lacks channels, bands or emotions that the strategy names.
    """
    if batch.axis.shape[-1] == 0:
        raise InvalidInput(
            f"'{strategy.name}' supervises with an axis and none was given; pass axis= with one value per stimulus."
        )
    if strategy.family == "start":
        return outputs.features.sum() * 0.0
    return AUXILIARY[strategy.family](strategy, network, outputs, batch)


def combined(strategy: "Strategy", network: NetworkCall, outputs: Outputs, batch: Batch, weight: float) -> torch.Tensor:
    r"""Classification and auxiliary loss of a batch, one number.

    .. math:: L = L_c + \lambda L_a

    but :math:`(1 - \lambda) L_c + \lambda L_a` for ``distance``, whose soft targets take the place of the labels, and
    learnt factors for ``uncertainty``. Without weight it is :math:`L_c`, bit for bit. Errors as :func:`auxiliary`.
    """
    classes = class_loss(outputs, batch)
    if weight == 0 or strategy.family == "start":
        return classes
    axis = auxiliary(strategy, network, outputs, batch)
    if strategy.family == "uncertainty":
        return weighed_by_uncertainty(classes, weight * axis, outputs.extra["log_variances"])
    return ((1 - weight) if strategy.family == "distance" else 1.0) * classes + weight * axis


class Residual(nn.Module):
    """A full linear layer that is added to its input and starts at zero: at the start it changes nothing."""

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.layer = _zero_linear(n_features, n_features)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Features ``(batch, feature)`` plus the layer's."""
        return features + self.layer(features)


def _zero_linear(n_inputs: int, n_outputs: int) -> nn.Linear:
    layer = nn.Linear(n_inputs, n_outputs)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer

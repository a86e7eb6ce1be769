"""Soft targets: the answer is a distribution over classes that lie near the right one on the axis."""

import math
from typing import TYPE_CHECKING

import torch

from consona.core.errors import InvalidInput
from consona.training.batches import Batch, Outputs
from consona.training.losses_geometry import distances
from consona.training.losses_regression import target_of
from consona.training.supervision import NetworkCall

if TYPE_CHECKING:
    from consona.training.strategies import Strategy

__all__ = ["PROTOTYPE_WIDTH", "cross_entropy", "distance_targets", "divergence", "distillation", "prototypes"]

PROTOTYPE_WIDTH = 64
"""Features of a prototype: at least as many as there are outputs, so that all can be orthogonal."""


def distance_targets(strategy: "Strategy", network: NetworkCall, outputs: Outputs, batch: Batch) -> torch.Tensor:
    r"""Cross-entropy with :math:`q_{ij} \propto e^{-|v_i - v_j| / \tau}` in the place of the label, over outputs ``j``.

    :math:`v_i` is the axis at the right output. A small :math:`\tau` gives the labels back, a large one tells nothing.
    """
    levels = target_of(strategy.target, batch.goal.output_axis)
    wanted = (-distances(levels, levels) / strategy.tau).softmax(dim=1)[batch.output]
    return cross_entropy(outputs.logits, wanted)


def distillation(strategy: "Strategy", network: NetworkCall, outputs: Outputs, batch: Batch) -> torch.Tensor:
    r"""Divergence of the answer from :math:`q \propto e^{-|v_{stimulus} - v_j| / \tau}`, added to the labels' loss."""
    levels = target_of(strategy.target, batch.goal.output_axis)
    wanted = -distances(target_of(strategy.target, batch.axis), levels) / strategy.tau
    return divergence(outputs.logits, wanted)


def prototypes(strategy: "Strategy", network: NetworkCall, outputs: Outputs, batch: Batch) -> torch.Tensor:
    r"""Divergence between the likeness of a row to fixed prototypes and the likeness of its class to them.

    .. math:: q_i = \mathrm{softmax}(P p_{y_i} / \tau), \qquad \mathrm{KL}(q_i \,\Vert\, \mathrm{softmax}(P h_i))

    :math:`h` is the head ``prototypes``, :math:`p_k` the prototype of an output: on a quarter of a circle by its place
    on the axis (mode ``axis``), or orthogonal to all others (``orthonormal``), which knows nothing of the axis.
    """
    P = _prototypes(strategy, batch)
    return divergence(outputs.extra["prototypes"] @ P.T, (P @ P.T / strategy.tau)[batch.output])


def _prototypes(strategy: "Strategy", batch: Batch) -> torch.Tensor:
    """Unit vectors of the outputs, ``(n_outputs, PROTOTYPE_WIDTH)``."""
    levels = target_of(strategy.target, batch.goal.output_axis)
    if max(len(levels), 2 * levels.shape[1]) > PROTOTYPE_WIDTH:
        raise InvalidInput(
            f"'{strategy.name}': {len(levels)} outputs and {levels.shape[1]} axes; prototypes have {PROTOTYPE_WIDTH} "
            f"features, enough for {PROTOTYPE_WIDTH} outputs and {PROTOTYPE_WIDTH // 2} axes. Pool over emotions."
        )
    if strategy.mode == "orthonormal":
        return torch.eye(len(levels), PROTOTYPE_WIDTH, dtype=levels.dtype, device=levels.device)
    low, high = levels.amin(dim=0), levels.amax(dim=0)
    angle = 0.5 * math.pi * (levels - low) / torch.where(high > low, high - low, 1.0)
    P = torch.cat([angle.cos(), angle.sin()], dim=1) / math.sqrt(levels.shape[1])
    return torch.nn.functional.pad(P, (0, PROTOTYPE_WIDTH - P.shape[1]))


def cross_entropy(logits: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy of answers ``(batch, output)`` under a distribution over the outputs for every row."""
    return -(wanted * logits.log_softmax(dim=-1)).sum(dim=-1).mean()


def divergence(logits: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    r"""Mean :math:`\mathrm{KL}(q \Vert p)` of the softmax of what is wanted and of the logits; 0 where they agree."""
    q, p = wanted.log_softmax(dim=-1), logits.log_softmax(dim=-1)
    return (q.exp() * (q - p)).sum(dim=-1).mean()

"""Geometry of the features: their distances follow the axis (RSA), or their main direction does (Procrustes)."""

from typing import TYPE_CHECKING

import torch

from consona.training.batches import Batch, Outputs
from consona.training.losses_regression import target_of, weighted_mse
from consona.training.supervision import NetworkCall

if TYPE_CHECKING:
    from consona.training.strategies import Strategy

__all__ = ["distances", "feature_distances", "procrustes", "rsa", "rsa_loss", "top_share", "within"]

PROCRUSTES_MSE = 0.1
_SQUARINGS = 6  # the gram matrix to the power 64: a second component of 0.9 times the variance keeps 0.1 %
_ROUNDING = 8  # machine epsilons of the squared lengths that count as no distance


def rsa(strategy: "Strategy", network: NetworkCall, outputs: Outputs, batch: Batch) -> torch.Tensor:
    """1 minus the correlation of the distances between features and between axis values, over pairs of rows."""
    return rsa_loss(outputs.features, target_of(strategy.target, batch.axis))


def rsa_loss(features: torch.Tensor, axis: torch.Tensor) -> torch.Tensor:
    r"""RSA as a loss, from 0 to 2, over all pairs of the rows of a batch.

    .. math:: L = 1 - \mathrm{corr}_{i<j}\left(\lVert f_i - f_j\rVert,\; \lVert v_i - v_j\rVert\right)

    Blind to shift and scale, of the features as of the axis, and to the axis' sign. 1, and without a slope, where one
    side is constant.
    """
    pairs = torch.triu(features.new_ones(len(features), len(features)), diagonal=1)
    a, b = (_centred(each, pairs) for each in (feature_distances(features), distances(axis, axis)))
    scale = ((a * a).sum() * (b * b).sum()).detach() > 0
    norm = torch.where(scale, (a * a).sum(), 1.0).sqrt() * torch.where(scale, (b * b).sum(), 1.0).sqrt()
    return 1 - (a * b).sum() / norm


def _centred(values: torch.Tensor, pairs: torch.Tensor) -> torch.Tensor:
    return (values - (values * pairs).sum() / pairs.sum()) * pairs


def distances(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Distance of the axis values ``(n_a, n_axes)`` and ``(n_b, n_axes)``: ``(n_a, n_b)``; not to be differentiated."""
    return (a[:, None, :] - b[None, :, :]).square().sum(dim=-1).sqrt()


def feature_distances(features: torch.Tensor) -> torch.Tensor:
    """Distances between the rows ``(batch, feature)``, ``(batch, batch)``; 0, without a slope, where rows coincide."""
    centred = features - features.mean(dim=0)
    lengths = centred.square().sum(dim=-1)
    total = lengths[:, None] + lengths[None, :]
    squared = total - 2 * centred @ centred.T
    apart = squared > _ROUNDING * torch.finfo(features.dtype).eps * total
    return torch.where(apart, torch.where(apart, squared, 1.0).sqrt(), 0.0)


def procrustes(strategy: "Strategy", network: NetworkCall, outputs: Outputs, batch: Batch) -> torch.Tensor:
    r"""The main component of the features is turned towards the axis, plus a tenth of the regression error.

    .. math:: L = 1 - \cos^2\left(u_1, v\right) + 0.1\,\mathrm{MSE}

    with :math:`u_1` the scores of the rows on the first principal component. Mode ``class``: of the class means (what
    the paper calls :math:`\rho`); mode ``stimulus``: of the means of the stimuli within their class, against what the
    axis holds within classes. Where that is nothing, or the features are constant, the first term is 1.
    """
    axis = target_of(strategy.target, batch.axis)
    features = outputs.features
    if strategy.mode == "class":
        parts = [within(each, batch.labels) - each.mean(dim=0) for each in (features, axis)]
    else:
        parts = [within(each, batch.stimulus) - within(each, batch.labels) for each in (features, axis)]
    return 1 - top_share(*parts) + PROCRUSTES_MSE * weighted_mse(outputs.extra["axis"], axis)


def within(values: torch.Tensor, groups: torch.Tensor) -> torch.Tensor:
    """Every row replaced by the mean of the rows of its group, ``(batch, n)``."""
    same = (groups[:, None] == groups[None, :]).to(values.dtype)
    return (same / same.sum(dim=1, keepdim=True)) @ values


def top_share(features: torch.Tensor, axis: torch.Tensor) -> torch.Tensor:
    r"""Squared cosine between the first principal scores of the features and the axis, both centred.

    .. math:: \cos^2 = \frac{v^\top P v}{v^\top v}, \qquad P = \lim_m \frac{(F F^\top)^m}{\mathrm{tr}\,(F F^\top)^m}

    at :math:`m = 64`: no eigenvectors, so no sign, and a slope also where two components are equally strong (then
    :math:`P` is their mean). With several axes, the share of the variance of all of them. 0 where one side is 0.
    """
    gram, power = features @ features.T, axis.square().sum()
    there = (gram.diagonal().sum() > 0) & (power > 1e3 * torch.finfo(axis.dtype).eps ** 2 * len(axis))
    gram = torch.where(there, gram, torch.eye(len(gram), dtype=gram.dtype, device=gram.device))
    for _ in range(_SQUARINGS):
        gram = gram / gram.diagonal().sum()
        gram = gram @ gram
    projected = (axis * (gram @ axis)).sum() / gram.diagonal().sum()
    return torch.where(there, projected / torch.where(there, power, 1.0), 0.0)

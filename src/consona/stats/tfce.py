"""Threshold-free cluster enhancement: a map in which large values and large clusters support each other."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from consona.stats.correlation import pearson_pairs
from consona.stats.permutation import fwer_p_values
from consona.stats.shapes import Float, Int, Real

__all__ = ["TfceTest", "correlation_t", "sign_flipped_t", "tfce", "tfce_test"]

_HELD = 2**22  # edges of several maps at once
_STEPS = 5000  # more steps than this are a step in another unit than the map


class TfceTest(NamedTuple):
    """The enhanced map, its p corrected for all targets, and the largest enhancement of every permutation."""

    enhanced: Float[np.ndarray, " n_targets"]
    p: Float[np.ndarray, " n_targets"]
    maxima: Float[np.ndarray, " n_permutations"]


def tfce(
    maps: Real[np.ndarray, "n_maps n_targets"],
    adjacency: csr_array,
    *,
    step: float,
    extent_power: float = 0.5,
    height_power: float = 2.0,
) -> Float[np.ndarray, "n_maps n_targets"]:
    r"""Enhance maps of a statistic, on a volume or a surface, positive and negative values apart.

    .. math:: \mathrm{TFCE}(v) = \sum_{k=1}^{\lfloor |x_v| / \delta \rfloor} e_v(k\delta)^E \, (k\delta)^H \, \delta

    with :math:`e_v(h)` the number of targets in the cluster that holds *v* among all targets at or above *h*, and
    :math:`\delta` the step; negative values are enhanced as their mirror image and keep their sign (Smith and Nichols
    2009). From the highest threshold down, clusters only grow, so every edge is looked at once.

    Parameters
    ----------
    maps
        A statistic per target, such as t. A target that is not finite belongs to no cluster and stays NaN.
    adjacency
        Which targets touch, ``(n_targets, n_targets)`` and symmetric, as ``consona.brain.searchlight`` makes it.
    step
        Height of a step, in the unit of the maps and the same for all maps that are compared.
    extent_power, height_power
        The exponents *E* and *H*.

    Raises
    ------
    ValueError
        When the adjacency is of another number of targets, or the step is not positive or leads to over 5000 steps.
    """
    n = maps.shape[1]
    if adjacency.shape != (n, n):
        raise ValueError(
            f"the adjacency is {adjacency.shape} and the maps have {n} targets; it needs a row and a column for each. "
            "Make it from the same voxels or vertices."
        )
    finite = np.isfinite(maps)
    values = np.where(finite, maps, 0.0)
    largest = float(np.abs(values).max(initial=0.0))
    if not step > 0 or largest / step > _STEPS:
        raise ValueError(
            f"the step is {step:g} and the largest value {largest:g}; a step is positive and at least one part in "
            f"{_STEPS} of it. A tenth of a t-value is usual."
        )
    upper = coo_array(adjacency)
    once = upper.row < upper.col
    edges = np.stack([upper.row[once], upper.col[once]]).astype(np.intp)
    weight = (step * np.arange(_STEPS + 1)) ** height_power * step
    enhanced = np.zeros(values.shape)
    block = max(1, _HELD // max(1, edges.shape[1], n))
    for start in range(0, len(values), block):
        part = values[start : start + block] / step
        for sign in (1.0, -1.0):
            levels = np.floor(np.maximum(sign * part, 0)).astype(np.int16)
            enhanced[start : start + block] += sign * _grown(levels, edges, weight, extent_power)
    return np.where(finite, enhanced, np.nan)


def tfce_test(
    observed: Real[np.ndarray, " n_targets"],
    null_maps: Iterable[Real[np.ndarray, "n_maps n_targets"]],
    adjacency: csr_array,
    *,
    step: float | None = None,
) -> TfceTest:
    """Family-wise p of an enhanced map: two-sided, against the largest enhancement in each map of a null.

    Parameters
    ----------
    observed
        A statistic per target.
    null_maps
        The same statistic without the effect, some maps at a time: of :func:`sign_flipped_t`, :func:`correlation_t`,
        or any other null. The observed map is not among them.
    adjacency
        As in :func:`tfce`.
    step
        One hundredth of the largest observed value, where not given.

    Raises
    ------
    ValueError
        As :func:`tfce`, and when the observed map has no value other than zero or there is no map in the null.
    """
    largest = float(np.abs(observed[np.isfinite(observed)]).max(initial=0.0))
    if largest == 0:
        raise ValueError(
            f"none of the {len(observed)} observed values is finite and other than zero, so there is nothing to "
            "enhance. Check the statistic."
        )
    step = largest / 100 if step is None else step
    enhanced = tfce(observed[None], adjacency, step=step)[0]
    found = [np.nanmax(np.abs(tfce(maps, adjacency, step=step)), axis=1, initial=0.0) for maps in null_maps]
    maxima = np.concatenate([np.empty(0), *found])
    return TfceTest(enhanced, fwer_p_values(np.abs(enhanced), maxima), maxima)


def sign_flipped_t(
    maps: Real[np.ndarray, "n_rows n_targets"], flips: Int[np.ndarray, "n_flips n_rows"]
) -> Float[np.ndarray, "n_flips n_targets"]:
    r"""One-sample t over rows (say, subjects) for every pattern of signs: one matrix product.

    .. math:: t = \bar x \Big/ \sqrt{\tfrac{1}{n (n - 1)} \left(\textstyle\sum x^2 - n \bar x^2\right)}

    NaN where a target does not vary or is not finite in any row.

    Raises
    ------
    ValueError
        When there are fewer than two rows, or the flips are of another number of rows.
    """
    n = len(maps)
    if n < 2 or flips.shape[1] != n:
        raise ValueError(
            f"there are {n} rows and signs for {flips.shape[1]}; both must be the same two or more. Use sign_flips "
            "with the number of rows."
        )
    X = np.where(np.isfinite(maps).all(axis=0), maps, 0.0)
    total = np.square(X).sum(axis=0)
    mean = flips.astype(X.dtype) @ X / n
    rest = (total - n * mean**2) / (n * (n - 1))
    varies = rest > 4 * np.finfo(X.dtype).eps * total
    return np.divide(mean, np.sqrt(np.where(varies, rest, 1)), out=np.full_like(mean, np.nan), where=varies)


def correlation_t(
    X_permuted: Real[np.ndarray, "n_permutations n_stimuli"], Y: Real[np.ndarray, "n_stimuli n_targets"]
) -> Float[np.ndarray, "n_permutations n_targets"]:
    r"""t of the correlation of each permuted predictor with each target, :math:`t = r \sqrt{(n - 2) / (1 - r^2)}`.

    NaN where either does not vary, or where they agree completely.

    Raises
    ------
    ValueError
        When there are fewer than three stimuli, or not the same number in both.
    """
    if len(Y) < 3:
        raise ValueError(f"a t of a correlation needs three stimuli; there are {len(Y)}. Use more of them.")
    r = pearson_pairs(np.asarray(X_permuted).T, Y)
    rest = 1 - r**2
    varies = rest > 4 * np.finfo(r.dtype).eps
    t: np.ndarray = r * np.sqrt((len(Y) - 2) / np.where(varies, rest, np.nan))
    return t


def _grown(levels: np.ndarray, edges: np.ndarray, weight: np.ndarray, extent_power: float) -> np.ndarray:
    """Sums over thresholds from the highest down; all maps are one graph, in which they do not touch."""
    n_maps, n = levels.shape
    flat = levels.reshape(-1)
    between = np.minimum(levels[:, edges[0]], levels[:, edges[1]])
    which, edge = np.nonzero(between)
    height = between[which, edge]
    order = np.argsort(-height, kind="stable")
    first, second = which[order] * n + edges[0, edge[order]], which[order] * n + edges[1, edge[order]]
    nodes = np.argsort(-flat, kind="stable")
    n_levels = int(flat.max(initial=0)) + 1
    node_ends = np.cumsum(np.bincount(flat, minlength=n_levels)[::-1])[::-1]  # nodes at or above each level
    edge_ends = np.cumsum(np.bincount(height, minlength=n_levels)[::-1])[::-1]
    scores, label = np.zeros(n_maps * n), np.empty(n_maps * n, dtype=np.intp)
    size: np.ndarray = np.empty(0)
    n_nodes = n_edges = 0
    for k in range(n_levels - 1, 0, -1):
        entering = nodes[n_nodes : node_ends[k]]
        label[entering] = len(size) + np.arange(len(entering))
        size = np.concatenate([size, np.ones(len(entering))])
        active, n_nodes = nodes[: node_ends[k]], int(node_ends[k])
        if edge_ends[k] > n_edges:
            a, b = label[first[n_edges : edge_ends[k]]], label[second[n_edges : edge_ends[k]]]
            joined = coo_array((np.ones(len(a), dtype=bool), (a, b)), shape=(len(size), len(size)))
            _, merged = connected_components(joined, directed=False)
            label[active] = merged[label[active]]
            size, n_edges = np.bincount(merged, weights=size), int(edge_ends[k])
        scores[active] += (size**extent_power * weight[k])[label[active]]
    return scores.reshape(n_maps, n)

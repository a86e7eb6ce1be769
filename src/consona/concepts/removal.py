"""What is lost when an axis is projected out of the features, beside directions that carry as much variance."""

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.concepts.zero_shot import binary_labels
from consona.core.direction import Direction
from consona.core.features import Features
from consona.core.stimuli import Stimuli
from consona.stats.bootstrap import auc
from consona.stats.directions import variance_matched_directions
from consona.stats.permutation import p_value
from consona.stats.seeds import rng_for

N_FOLDS = 5
PENALTY = 1e3
Array = npt.NDArray[np.float64]


class _Probe:
    """Cross-validated ridge probe whose features lose one direction: one decomposition per fold, reused for all."""

    def __init__(self, x: Array, labels: npt.NDArray[np.int64], seed: int) -> None:
        self.x, self.y, self.labels = x, labels - labels.mean(), labels
        self.folds = rng_for(seed, "probe folds").permutation(len(x)) % N_FOLDS

    def auc_without(self, v: Array) -> float:
        """AUC of a probe trained again on features without ``v``; a zero vector leaves them whole."""
        x = self.x - np.outer(self.x @ v, v)
        scores = np.empty(len(x))
        for k in range(N_FOLDS):
            train = self.folds != k
            mean = x[train].mean(axis=0)
            z = x[train] - mean
            gram = z.T @ z
            gram[np.diag_indices_from(gram)] += PENALTY * np.trace(gram) / len(gram) / 1e3
            weights = np.linalg.solve(gram, z.T @ self.y[train])
            scores[~train] = (x[~train] - mean) @ weights
        return auc(scores, self.labels)


def removal_cost(axis: Direction, features: Features, stimuli: Stimuli, *, n_directions: int, seed: int) -> xr.Dataset:
    """AUC of a probe trained again after the axis was projected out, against directions matched in variance.

    A direction that carries little variance can be removed without harm, whatever it means; so the comparison is with
    random directions that carry exactly as much variance of these features as the axis.

    Returns
    -------
    xr.Dataset
        ``whole``, ``without_axis``, ``without_matched (direction)``, the loss, and ``p`` that a matched
        direction costs as much; NaN where no direction beside the axis carries as much variance.
    """
    labels = binary_labels(features, stimuli)
    x = features.layer(axis.layer).astype(np.float64)
    x = x - x.mean(axis=0)
    probe = _Probe(x, labels, seed)
    try:
        matched = variance_matched_directions(x, axis.values, n=n_directions, seed=seed)
    except ValueError:  # no direction beside the axis carries as much: there is nothing to compare it with
        matched = np.zeros((0, x.shape[1]))
    whole, without = probe.auc_without(np.zeros(x.shape[1])), probe.auc_without(axis.values)
    others = np.array([probe.auc_without(v) for v in matched])
    loss, null = whole - without, whole - others
    return xr.Dataset(
        {
            "whole": whole,
            "without_axis": without,
            "without_matched": ("direction", others),
            "loss": loss,
            "null_mean": null.mean() if len(null) else np.nan,
            "p": float(p_value(np.asarray(loss), null)) if len(null) else np.nan,
        }
    )

"""How well vectors were read out of responses: correlations with and without the mean, and identification."""

from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata

from consona.stats.correlation import pearson_columns, pearson_pairs
from consona.stats.retrieval import retrieval
from consona.stats.shapes import Float, Int, Real

__all__ = ["MEASURES", "TOPS", "ReadoutScores", "paired_null", "readout_null", "readout_scores", "row_cosines"]

TOPS = (1, 5, 10)
MEASURES = ("raw_r", "centred_r", "baseline_r", "gain", "two_way", *(f"top{k}" for k in TOPS))


class ReadoutScores(NamedTuple):
    """Of every stimulus: correlations of read-out and true vector, and where the true one stands among all.

    ``raw``: as they are. ``centred``: minus the mean of training. ``baseline``: of that mean with the true vector.
    ``rank``: from 1, ``two_way``: share of the others that are less similar, ``top``: whether the true one is among the
    first 1, 5 and 10 (all by the centred correlation, ties by lot).
    """

    raw: Float[np.ndarray, " n_stimuli"]
    centred: Float[np.ndarray, " n_stimuli"]
    baseline: Float[np.ndarray, " n_stimuli"]
    rank: Float[np.ndarray, " n_stimuli"]
    two_way: Float[np.ndarray, " n_stimuli"]
    top: Float[np.ndarray, "n_tops n_stimuli"]

    def measures(self) -> Float[np.ndarray, "n_measures n_stimuli"]:
        """One row per entry of :data:`MEASURES`."""
        return np.vstack([self.raw, self.centred, self.baseline, self.raw - self.baseline, self.two_way, self.top])


def readout_scores(
    decoded: Real[np.ndarray, "n_decoded n_features"],
    truth: Real[np.ndarray, "n_stimuli n_features"],
    mean: Real[np.ndarray, " n_features"],
    *,
    intercept: bool = True,
) -> ReadoutScores:
    r"""Compare every read-out vector with the true one, over features.

    .. math:: r_i = \mathrm{corr}(\hat e_i, e_i), \qquad c_i = \mathrm{corr}(\hat e_i - \mu, e_i - \mu), \qquad
              b_i = \mathrm{corr}(\mu, e_i)

    Where the mean :math:`\mu` has a pattern of its own, as in embeddings, :math:`r_i` is high for any read-out that
    knows it, and low for one that lacks it: only beside :math:`b_i` does it say anything about stimuli.

    Parameters
    ----------
    decoded, truth
        Stimuli in the same order.
    mean
        Of the training stimuli.
    intercept
        Whether ``decoded`` holds the mean; where it does not, only the truth is centred for :math:`c_i` and for ranks.

    Returns
    -------
    NaN where a read-out vector is constant.

    Raises
    ------
    ValueError
        When shapes differ, or a true vector is constant, not finite or equal to the mean.
    """
    queries, known = _centred(decoded, truth, mean, intercept)
    found = retrieval(queries, known, np.arange(len(known)))
    return ReadoutScores(
        pearson_columns(decoded.T, truth.T),
        pearson_columns(queries.T, known.T),
        pearson_columns(np.broadcast_to(mean, truth.shape).T, truth.T),
        found.rank,
        found.two_way,
        np.stack([found.top(k) for k in TOPS]),
    )


def readout_null(
    decoded: Real[np.ndarray, "n_decoded n_features"],
    truth: Real[np.ndarray, "n_stimuli n_features"],
    mean: Real[np.ndarray, " n_features"],
    orders: Int[np.ndarray, "n_permutations n_stimuli"],
    *,
    intercept: bool = True,
) -> Float[np.ndarray, "n_permutations n_measures"]:
    """Means of :data:`MEASURES` when each read-out is held against the vector of another stimulus; nothing is refitted.

    All pairs are compared once, so a permutation only looks up. The baseline does not change.

    Raises
    ------
    ValueError
        As :func:`readout_scores`.
    """
    queries, known = _centred(decoded, truth, mean, intercept)
    raw, centred = pearson_pairs(decoded.T, truth.T), pearson_pairs(queries.T, known.T)
    far = np.where(np.isnan(centred), 0.0, -centred)
    better = rankdata(far, method="min", axis=1) - 1.0
    tied = rankdata(far, method="max", axis=1) - better - 1.0
    n_others = max(len(truth) - 1, 1)
    tops = [np.clip((k - better) / (tied + 1.0), 0.0, 1.0) for k in TOPS]
    baseline = pearson_columns(np.broadcast_to(mean, truth.shape).T, truth.T)
    pairs = [raw, centred, None, raw - baseline, 1.0 - (better + tied / 2.0) / n_others, *tops]
    columns = [
        np.full(len(orders), baseline.mean()) if each is None else paired_null(np.asarray(each), orders)
        for each in pairs
    ]
    return np.stack(columns, axis=1)


def paired_null(
    pairs: Float[np.ndarray, "n_stimuli n_stimuli"], orders: Int[np.ndarray, "n_permutations n_stimuli"]
) -> Float[np.ndarray, " n_permutations"]:
    """Mean over stimuli of the value of each with the one that an order gives it; undefined pairs are left out.

    NaN where none is defined.
    """
    rows = np.arange(len(pairs))
    values = [pairs[rows, order] for order in orders]
    return np.array([each[np.isfinite(each)].mean() if np.isfinite(each).any() else np.nan for each in values])


def row_cosines(
    A: Real[np.ndarray, "n_left n_features"], B: Real[np.ndarray, "n_right ..."]
) -> Float[np.ndarray, "n_left n_right"]:
    """Cosine of every row of ``A`` with every row of ``B``; NaN for a row of zeros.

    Raises
    ------
    ValueError
        When widths differ.
    """
    if A.shape[1] != B.shape[1]:
        raise ValueError(f"rows of {A.shape[1]} and {B.shape[1]} features; a cosine needs the same features.")
    units = []
    for X in (A, B):
        length = np.linalg.norm(X.astype(np.float64), axis=1, keepdims=True)
        units.append(np.divide(X, length, out=np.full(X.shape, np.nan), where=length > 0))
    cosines: np.ndarray = units[0] @ units[1].T
    return cosines


def _centred(
    decoded: np.ndarray, truth: np.ndarray, mean: np.ndarray, intercept: bool
) -> tuple[np.ndarray, np.ndarray]:
    if decoded.shape != truth.shape or mean.shape != truth.shape[1:]:
        raise ValueError(
            f"read-outs are {decoded.shape}, true vectors {truth.shape} and the mean {mean.shape}; the first two are "
            "(n_stimuli, n_features) and the mean (n_features,). Select the same stimuli."
        )
    return (decoded - mean if intercept else decoded), truth - mean

"""How good held-out predictions are: fold by fold and then averaged, or pooled over folds where these are small."""

import numpy as np

from consona.stats.correlation import pearson_columns
from consona.stats.folds import Folds
from consona.stats.shapes import Array, Bool, Float, Real

__all__ = ["held_out_pearson", "held_out_r2", "product_measure", "training_means"]


def training_means(Y: Real[Array, "n_rows n_targets"], folds: Folds) -> Float[np.ndarray, "n_rows n_targets"]:
    """The mean baseline: for every test row the mean over the training rows of its fold; NaN for rows never tested."""
    Y = np.asarray(Y)
    means = np.full(Y.shape, np.nan)
    for train, test in zip(folds.train, folds.test, strict=True):
        means[test] = Y[train].mean(axis=0)
    return means


def held_out_pearson(
    predicted: Float[Array, "n_rows n_targets"],
    Y: Real[Array, "n_rows n_targets"],
    test: Bool[np.ndarray, "n_folds n_rows"],
    *,
    pooled: bool,
) -> Float[np.ndarray, " n_targets"]:
    """Pearson correlation of prediction and truth: the mean over folds, or one correlation over the rows of all folds.

    A pooled correlation is below zero on average where nothing is predicted: where a fold's own mean is high, that of
    its training rows is low. NaN where a prediction or a target does not vary (in any fold).
    """
    return _mean([pearson_columns(*each) for each in _sets((predicted, Y), test, pooled)])


def held_out_r2(
    predicted: Float[Array, "n_rows n_targets"],
    Y: Real[Array, "n_rows n_targets"],
    baseline: Float[np.ndarray, "n_rows n_targets"],
    test: Bool[np.ndarray, "n_folds n_rows"],
    *,
    pooled: bool,
) -> Float[np.ndarray, " n_targets"]:
    r"""How much nearer the prediction is to the test rows than the mean of the training rows, in squared distance.

    .. math:: R^2 = 1 - \frac{\sum_i (y_i - \hat y_i)^2}{\sum_i (y_i - \nu_i)^2}

    with the ``baseline`` :math:`\nu_i` of :func:`training_means`: 0 is what the mean achieves, below it the prediction
    is worse. Averaged over folds, or with both sums over the rows of all folds. NaN where the baseline is exact.
    """
    sets = _sets((predicted, Y, baseline), test, pooled)
    return _mean([1.0 - _ratio((y - given) ** 2, (y - mean) ** 2) for given, y, mean in sets])


def product_measure(
    parts: Float[Array, "n_parts n_rows n_targets"],
    Y: Real[Array, "n_rows n_targets"],
    baseline: Float[np.ndarray, "n_rows n_targets"],
    test: Bool[np.ndarray, "n_folds n_rows"],
    *,
    pooled: bool,
) -> Float[np.ndarray, "n_parts n_targets"]:
    r"""What every part of a prediction contributes: shares that add up to :func:`held_out_r2` exactly.

    .. math:: R^2_b = \frac{\sum_i \hat y_{bi}\,(2 (y_i - \nu_i) - \hat y_i)}{\sum_i (y_i - \nu_i)^2}, \qquad
              \hat y = \sum_b \hat y_b

    Pratt (1987), Dupré la Tour et al. (2022). ``parts`` are deviations from the baseline.
    """
    whole = np.sum(parts, axis=0)
    shares = []
    for b in range(len(parts)):
        sets = _sets((parts[b], whole, np.asarray(Y) - baseline), test, pooled)
        shares.append(_mean([_ratio(own * (2 * y - total), y**2) for own, total, y in sets]))
    return np.stack(shares)


def _sets(arrays: tuple[Array, ...], test: np.ndarray, pooled: bool) -> list[tuple[np.ndarray, ...]]:
    """The rows that are scored together, of every array."""
    rows = [test.any(axis=0)] if pooled else list(test)
    return [tuple(np.asarray(array)[each] for array in arrays) for each in rows]


def _mean(per_fold: list[np.ndarray]) -> np.ndarray:
    return np.asarray(np.mean(per_fold, axis=0, dtype=np.float64))


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    total = below.sum(axis=0, dtype=np.float64)
    share: np.ndarray = np.divide(
        above.sum(axis=0, dtype=np.float64), total, out=np.full(total.shape, np.nan), where=total > 0
    )
    return share

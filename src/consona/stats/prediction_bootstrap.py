"""How far a held-out correlation moves when other stimuli had been drawn: weights instead of new fits."""

import numpy as np

from consona.stats.seeds import rng_for
from consona.stats.shapes import Bool, Float, Int, Real, Shaped

__all__ = ["drawn_groups", "prediction_draws"]

_BLOCK = 256
_ROUNDING = 1e-12


def drawn_groups(
    groups: Shaped[np.ndarray, " n_rows"], n_draws: int, *, seed: int
) -> Int[np.ndarray, "n_draws n_rows"]:
    """How often each row occurs when as many whole groups as there are, are drawn with replacement."""
    labels, codes = np.unique(groups, return_inverse=True)
    even = np.full(len(labels), 1.0 / len(labels))
    counts = rng_for(seed, "groups drawn").multinomial(len(labels), even, size=n_draws)
    drawn: np.ndarray = counts[:, codes]
    return drawn


def prediction_draws(
    predicted: Real[np.ndarray, "n_rows n_targets"],
    Y: Real[np.ndarray, "n_rows n_targets"],
    tests: Bool[np.ndarray, "n_folds n_rows"],
    counts: Real[np.ndarray, "n_draws n_rows"],
    member: Real[np.ndarray, "n_targets n_regions"],
) -> Float[np.ndarray, "n_draws n_regions"]:
    r"""Mean correlation per region, of predictions with what was measured, under weights of the rows.

    .. math:: r_j(w) = \frac{\overline{p y} - \bar p\,\bar y}
              {\sqrt{(\overline{p^2} - \bar p^2)(\overline{y^2} - \bar y^2)}}, \qquad
              \bar a = \frac{\sum_i w_i a_i}{\sum_i w_i}

    per fold, then averaged over folds and over the targets of a region. Fits are kept, so the spread over draws is that
    of the test stimuli, not of the training. Predictions are taken as they are; nothing is refitted.

    Parameters
    ----------
    predicted, Y
        Held-out predictions, and what was measured.
    tests
        Test rows of every fold; one row that is true everywhere pools.
    counts
        From :func:`drawn_groups`; a row of ones gives the observed value.
    member
        1 where a target belongs to a region, else 0; a target with an undefined column counts for none.

    Raises
    ------
    ValueError
        When rows differ in number.
    """
    if not len(predicted) == len(Y) == tests.shape[1] == counts.shape[1]:
        raise ValueError(
            f"predictions hold {len(predicted)} rows, responses {len(Y)}, folds {tests.shape[1]} and draws "
            f"{counts.shape[1]}; all are about the same rows. Align them first."
        )
    drawn = np.stack([counts[:, rows].sum(axis=1) > 0 for rows in tests])  # a draw may leave a fold empty
    total, defined = np.zeros((2, len(counts), member.shape[1]))
    for start in range(0, predicted.shape[1], _BLOCK):
        block = slice(start, start + _BLOCK)
        r = np.stack([_weighted_r(predicted[rows, block], Y[rows, block], counts[:, rows]) for rows in tests])
        r = np.where(drawn[:, :, None], r, 0.0).sum(axis=0) / drawn.sum(axis=0)[:, None]
        known = np.isfinite(r)
        total += np.where(known, r, 0.0) @ member[block]
        defined += known @ member[block]
    mean: np.ndarray = np.divide(total, defined, out=np.full_like(total, np.nan), where=defined > 0)
    return mean


def _weighted_r(P: np.ndarray, Y: np.ndarray, counts: np.ndarray) -> np.ndarray:
    W = counts.astype(np.float64)
    weight = W.sum(axis=1, keepdims=True)
    W = np.divide(W, weight, out=np.zeros_like(W), where=weight > 0)
    # Shifting by the plain mean first keeps the differences of large numbers small; correlations do not notice.
    P, Y = _shifted(P), _shifted(Y)
    p, y = W @ P, W @ Y
    covariance = W @ (P * Y) - p * y
    (of_p, p_varies), (of_y, y_varies) = _variance(W @ (P * P), p), _variance(W @ (Y * Y), y)
    varies = p_varies & y_varies
    r: np.ndarray = np.divide(
        covariance, np.sqrt(np.where(varies, of_p * of_y, 1.0)), where=varies, out=np.full_like(p, np.nan)
    )
    return r


def _variance(square: np.ndarray, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean of squares less square of the mean, and where that is more than the rounding of a difference."""
    variance = square - mean * mean
    return variance, variance > _ROUNDING * square


def _shifted(A: np.ndarray) -> np.ndarray:
    A = np.where(np.isfinite(A).all(axis=0), A, 0.0).astype(np.float64)
    A = A - A.mean(axis=0)
    scale = A.std(axis=0)
    shifted: np.ndarray = np.divide(A, scale, out=np.zeros_like(A), where=scale > 0)
    return shifted

"""Distances between patterns in units of the noise: Mahalanobis, and crossnobis, which noise does not lift."""

import numpy as np
from sklearn.covariance import ledoit_wolf

from consona.stats.rdm import condensed, finite_rows, of_differences, of_gram, without_mean
from consona.stats.shapes import Float, Real

__all__ = ["crossnobis_rdm", "mahalanobis_rdm", "shrunk_precision"]


def mahalanobis_rdm(
    patterns: Real[np.ndarray, "n_stimuli n_targets"], precision: Real[np.ndarray, "n_targets n_targets"]
) -> Float[np.ndarray, " n_pairs"]:
    r"""Squared Mahalanobis distance divided by the number of targets, without unit.

    .. math:: d_{ij} = \frac{1}{v} (x_i - x_j)^\top P (x_i - x_j)

    ``precision`` is the inverse covariance of the noise over targets, for example from :func:`shrunk_precision`. With
    the identity this is :func:`squared_euclidean_rdm`. NaN, order and precision of numbers as there.

    Raises
    ------
    ValueError
        When the precision is not positive definite, or there are fewer than two stimuli.
    """
    X, defined = finite_rows(patterns)
    W = without_mean(X, defined) @ _root(precision, X.dtype)
    return of_gram(W @ W.T, defined, X.shape[1])


def shrunk_precision(residuals: Real[np.ndarray, "n_rows n_targets"]) -> Float[np.ndarray, "n_targets n_targets"]:
    r"""Inverse of the noise covariance over targets, shrunk towards a multiple of the identity (Ledoit and Wolf 2004).

    .. math:: P = \left((1 - s) \hat\Sigma + s\, \tfrac{\mathrm{tr}\,\hat\Sigma}{v} I\right)^{-1}

    Residuals are rows of what a model of the responses leaves over (trials minus the mean of their stimulus, or of a
    GLM), in the units of the patterns. The divisor is their number, not their degrees of freedom: distances keep their
    order and are larger by that ratio.

    Raises
    ------
    ValueError
        When a residual is not finite, or none varies.
    """
    residuals = np.asarray(residuals, dtype=np.float64)
    if not np.isfinite(residuals).all() or not np.ptp(residuals, axis=0).any():
        raise ValueError(
            f"{int((~np.isfinite(residuals)).sum())} of {residuals.size} residuals are not finite, or none varies; a "
            "noise covariance needs finite ones that vary. Drop the targets without data first."
        )
    covariance, _ = ledoit_wolf(residuals)
    return np.asarray(np.linalg.inv(covariance))


def crossnobis_rdm(
    patterns: Real[np.ndarray, "n_runs n_stimuli n_targets"],
    precision: Real[np.ndarray, "n_targets n_targets"] | None = None,
) -> Float[np.ndarray, " n_pairs"]:
    r"""Cross-validated squared Mahalanobis distance divided by the number of targets: 0 on average without one.

    .. math:: d_{ij} = \frac{1}{R (R - 1) v} \sum_{a \ne b} (x_i^a - x_j^a)^\top P (x_i^b - x_j^b)

    Walther et al. (2016). Noise is independent between runs ``a`` and ``b``, so it adds nothing on average, and a
    value may be negative: that is kept. Since :math:`\sum_{a \ne b} \delta_a^\top \delta_b = \|\sum_a \delta_a\|^2 -
    \sum_a \|\delta_a\|^2`, one product per run and one of their sum suffice when every stimulus is in every run.

    Parameters
    ----------
    patterns
        One pattern per run and stimulus. A stimulus that a run lacks is NaN there; each pair then uses the runs in
        which both were, and is NaN with fewer than two of them.
    precision
        Inverse covariance of the noise over targets; none means the identity.

    Raises
    ------
    ValueError
        With fewer than two runs or stimuli, or when the precision is not positive definite.
    """
    n_runs, n_stimuli, n_targets = patterns.shape
    if n_runs < 2:
        raise ValueError(f"{n_runs} run was given; a cross-validated distance needs at least two. Use mahalanobis_rdm.")
    X, defined = finite_rows(patterns.reshape(-1, n_targets))
    X, present = X.reshape(patterns.shape), defined.reshape(n_runs, n_stimuli)
    root = None if precision is None else _root(precision, X.dtype)
    if not present.all():
        return _unbalanced([_whitened(*each, root) for each in zip(X, present, strict=True)], present)
    G, total = np.zeros((n_stimuli, n_stimuli), dtype=X.dtype), np.zeros_like(X[0])
    for run in X:
        W = _whitened(run, present[0], root)
        total += W
        G -= W @ W.T
    G += total @ total.T
    d: np.ndarray = of_differences(G) / X.dtype.type(n_runs * (n_runs - 1) * n_targets)
    return d


def _whitened(X: np.ndarray, defined: np.ndarray, root: np.ndarray | None) -> np.ndarray:
    W = without_mean(X, defined)
    return W if root is None else np.asarray(W @ root)


def _root(precision: np.ndarray, dtype: np.dtype[np.floating]) -> np.ndarray:
    """``L`` with ``L L' = P``, so that distances after ``X L`` are those under ``P``."""
    try:
        return np.asarray(np.linalg.cholesky(np.asarray(precision, dtype=np.float64)).astype(dtype))
    except np.linalg.LinAlgError:
        raise ValueError(
            f"the precision {precision.shape} is not positive definite; it must be an inverse covariance. Make it with "
            "shrunk_precision from more residuals or fewer targets."
        ) from None


def _unbalanced(W: list[np.ndarray], present: np.ndarray) -> np.ndarray:
    """Each pair over the runs that hold both stimuli: one product per pair of runs."""
    total = np.zeros((len(W[0]), len(W[0])), dtype=W[0].dtype)
    both = present[:, :, None] & present[:, None, :]
    for a in range(len(W)):
        for b in range(a):
            K = W[a] @ W[b].T
            own = np.diagonal(K)
            total += np.where(both[a] & both[b], own[:, None] + own - K - K.T, 0)
    d, n_shared = condensed(total), condensed(both.sum(axis=0))
    scale = (n_shared * (n_shared - 1) // 2 * W[0].shape[1]).astype(d.dtype)
    mean: np.ndarray = np.divide(d, scale, out=np.full_like(d, np.nan), where=scale > 0)
    return mean

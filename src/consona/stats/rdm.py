"""Dissimilarities between the patterns that stimuli evoke, as vectors of all pairs of stimuli."""

import numpy as np
from sklearn.covariance import ledoit_wolf

from consona.stats.shapes import Float, Int, Real, Shaped

__all__ = [
    "band_rdms",
    "condensed",
    "correlation_rdm",
    "cosine_rdm",
    "crossnobis_rdm",
    "mahalanobis_rdm",
    "n_stimuli_of",
    "pair_positions",
    "shrunk_precision",
    "square",
    "squared_euclidean_rdm",
]

_BLOCK_CELLS = 2**17  # values of a block of patterns that stay in the cache while they are normalised: 512 KB


def correlation_rdm(patterns: Real[np.ndarray, "n_stimuli n_targets"]) -> Float[np.ndarray, " n_pairs"]:
    r"""One minus the Pearson correlation of two patterns, from 0 to 2.

    .. math:: d_{ij} = 1 - \frac{(x_i - \bar x_i)^\top (x_j - \bar x_j)}{\|x_i - \bar x_i\|\,\|x_j - \bar x_j\|}

    All RDMs here are upper triangles row by row, ``(0, 1), (0, 2), ..., (1, 2), ...``, as in SciPy's ``pdist``. float32
    stays float32, everything else is float64. A pattern that is constant or holds NaN or infinity has no correlation:
    its pairs are NaN, the others are untouched by it. Units do not matter, not even 1e-25.

    Raises
    ------
    ValueError
        With fewer than two stimuli.
    """
    Z = _unit_rows(patterns, centred=True)
    return condensed(_one_minus(Z @ Z.T))


def cosine_rdm(patterns: Real[np.ndarray, "n_stimuli n_targets"]) -> Float[np.ndarray, " n_pairs"]:
    r"""One minus the cosine of the angle between two patterns: the correlation distance without centring.

    .. math:: d_{ij} = 1 - \frac{x_i^\top x_j}{\|x_i\|\,\|x_j\|}

    NaN for the pairs of a pattern that is all zero or not finite. Order, precision and errors as
    :func:`correlation_rdm`.
    """
    Z = _unit_rows(patterns, centred=False)
    return condensed(_one_minus(Z @ Z.T))


def squared_euclidean_rdm(patterns: Real[np.ndarray, "n_stimuli n_targets"]) -> Float[np.ndarray, " n_pairs"]:
    r"""Squared Euclidean distance **divided by the number of targets**, in squared units of the patterns.

    .. math:: d_{ij} = \frac{1}{v} \|x_i - x_j\|^2

    SciPy's ``pdist(patterns, "sqeuclidean")`` divided by ``v``. The mean pattern is taken off first, which changes no
    difference and keeps float32 exact where patterns share a large part. A result below zero by rounding is zero.
    NaN for the pairs of a pattern that is not finite. Order, precision and errors as :func:`correlation_rdm`.
    """
    X, defined = _finite_rows(patterns)
    X = X - X[defined].mean(axis=0) if defined.any() else X
    return _of_gram(X @ X.T, defined, X.shape[1])


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
    X, defined = _finite_rows(patterns)
    X = X - X[defined].mean(axis=0) if defined.any() else X
    W = X @ _root(precision, X.dtype)
    return _of_gram(W @ W.T, defined, X.shape[1])


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
    r"""Cross-validated squared Mahalanobis distance divided by the number of targets: 0 on average without a difference.

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
    X, defined = _finite_rows(patterns.reshape(-1, n_targets))
    X, present = X.reshape(patterns.shape), defined.reshape(n_runs, n_stimuli)
    W = np.stack([_without_mean(run, there) for run, there in zip(X, present, strict=True)])
    W = W if precision is None else W @ _root(precision, W.dtype)
    if present.all():
        total = W.sum(axis=0)
        G = total @ total.T
        for run in W:
            G -= run @ run.T
        return _of_differences(G) / W.dtype.type(n_runs * (n_runs - 1) * n_targets)
    return _unbalanced_crossnobis(W, present)


def band_rdms(
    patterns: Real[np.ndarray, "n_stimuli n_features"], bands: Shaped[np.ndarray, " n_features"]
) -> Float[np.ndarray, "n_bands n_pairs"]:
    r"""One squared Euclidean RDM per band of features, bands in sorted order of their labels.

    Squared distances add up: features of band :math:`k` scaled by :math:`\sqrt{w_k}` have the RDM :math:`\sum_k w_k
    v_k d^{(k)} / v`, so weights of these RDMs (:mod:`consona.stats.rdm_weights`) are weights of the feature spaces.

    Raises
    ------
    ValueError
        When there is not one band per feature.
    """
    if len(bands) != patterns.shape[1]:
        raise ValueError(f"{len(bands)} bands were given for {patterns.shape[1]} features; give one per feature.")
    return np.stack([squared_euclidean_rdm(patterns[:, bands == band]) for band in np.unique(bands)])


def condensed(matrix: Shaped[np.ndarray, "n_stimuli n_stimuli"]) -> Shaped[np.ndarray, " n_pairs"]:
    """The upper triangle without its diagonal, row by row.

    Raises
    ------
    ValueError
        With fewer than two stimuli.
    """
    if len(matrix) < 2:
        raise ValueError(f"{len(matrix)} stimulus was given; a dissimilarity needs two. Add stimuli.")
    return np.concatenate([row[i + 1 :] for i, row in enumerate(matrix)])


def square(vector: Real[np.ndarray, " n_pairs"]) -> Real[np.ndarray, "n_stimuli n_stimuli"]:
    """The symmetric matrix of a condensed vector, with a zero diagonal; errors as :func:`n_stimuli_of`."""
    n = n_stimuli_of(len(vector))
    matrix = np.zeros((n, n), dtype=vector.dtype)
    matrix[np.triu_indices(n, 1)] = vector
    return matrix + matrix.T


def n_stimuli_of(n_pairs: int) -> int:
    """How many stimuli have so many pairs.

    Raises
    ------
    ValueError
        When no number has.
    """
    n = int(np.floor(np.sqrt(2.0 * n_pairs))) + 1
    if n_pairs < 1 or n * (n - 1) // 2 != n_pairs:
        raise ValueError(f"{n_pairs} is not a number of pairs of stimuli (1, 3, 6, 10, ...). Give whole upper triangles.")
    return n


def pair_positions(orders: Int[np.ndarray, "n_orders n_stimuli"]) -> Int[np.ndarray, "n_orders n_pairs"]:
    """Where each pair of stimuli is found in a condensed vector when the stimuli stand in another order, per order."""
    n = orders.shape[1]
    first, second = (orders[:, index].astype(np.int64) for index in np.triu_indices(n, 1))
    low, high = np.minimum(first, second), np.maximum(first, second)
    positions: np.ndarray = low * n - low * (low + 1) // 2 + high - low - 1
    return positions


def _unit_rows(patterns: np.ndarray, *, centred: bool) -> np.ndarray:
    """Rows of length 1, a block at a time so that each is read from memory once; NaN where there is no direction."""
    Z, defined = _finite_rows(patterns)
    Z = Z.copy() if Z is patterns else Z
    step = max(1, _BLOCK_CELLS // max(1, Z.shape[1]))
    for start in range(0, len(Z), step):
        rows = Z[start : start + step]
        if centred:
            rows -= rows[:, :1].copy()  # a constant pattern is now exactly zero, whatever its value
        scale = np.maximum(rows.max(axis=1, initial=0), -rows.min(axis=1, initial=0))[:, None]
        np.divide(rows, scale, out=rows, where=scale > 0)  # before squaring: tesla would vanish in float32
        if centred:
            rows -= rows.mean(axis=1, keepdims=True)
        length = np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
        np.divide(rows, length, out=rows, where=scale > 0)
        defined[start : start + step] &= scale[:, 0] > 0
    Z[~defined] = np.nan
    return Z


def _finite_rows(patterns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Patterns as floats with zeros in rows that are not finite, and which rows are; the input where nothing changes."""
    X = patterns if patterns.dtype in (np.float32, np.float64) else np.asarray(patterns, dtype=np.float64)
    defined = np.isfinite(X.sum(axis=1))  # a sum is finite unless a value is not, or the sum overflows: then look again
    if not defined.all():
        defined[~defined] = np.isfinite(X[~defined]).all(axis=1)
    return (X if defined.all() else np.where(defined[:, None], X, X.dtype.type(0))), defined


def _without_mean(X: np.ndarray, defined: np.ndarray) -> np.ndarray:
    """Minus the mean of the defined patterns, which no difference notices; undefined ones stay zero."""
    return np.where(defined[:, None], X - X[defined].mean(axis=0), X.dtype.type(0)) if defined.any() else X


def _one_minus(R: np.ndarray) -> np.ndarray:
    return np.subtract(R.dtype.type(1), R, out=R)


def _of_differences(G: np.ndarray) -> np.ndarray:
    """``G_ii + G_jj - 2 G_ij`` of all pairs."""
    own = np.diagonal(G).copy()
    return condensed(own[:, None] + own - 2 * G)


def _of_gram(G: np.ndarray, defined: np.ndarray, n_targets: int) -> np.ndarray:
    d = np.maximum(_of_differences(G), 0) / G.dtype.type(n_targets)
    if not defined.all():
        d[~condensed(np.logical_and.outer(defined, defined))] = np.nan
    return d


def _root(precision: np.ndarray, dtype: np.dtype[np.floating]) -> np.ndarray:
    """``L`` with ``L L' = P``, so that distances after ``X L`` are those under ``P``."""
    try:
        return np.asarray(np.linalg.cholesky(np.asarray(precision, dtype=np.float64)).astype(dtype))
    except np.linalg.LinAlgError:
        raise ValueError(
            f"the precision {precision.shape} is not positive definite; it must be an inverse covariance. Make it with "
            "shrunk_precision from more residuals or fewer targets."
        ) from None


def _unbalanced_crossnobis(W: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Each pair over the runs that hold both stimuli: one product per pair of runs."""
    total = np.zeros((W.shape[1], W.shape[1]), dtype=W.dtype)
    both = present[:, :, None] & present[:, None, :]
    for a in range(len(W)):
        for b in range(a):
            K = W[a] @ W[b].T
            own = np.diagonal(K)
            total += np.where(both[a] & both[b], own[:, None] + own - K - K.T, 0)
    d, n_shared = condensed(total), condensed(both.sum(axis=0))
    scale = (n_shared * (n_shared - 1) // 2 * W.shape[2]).astype(W.dtype)
    return np.divide(d, scale, out=np.full_like(d, np.nan), where=scale > 0)

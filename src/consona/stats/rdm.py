"""Dissimilarities between the patterns that stimuli evoke, as vectors of all pairs of stimuli."""

import numpy as np

from consona.stats.shapes import Float, Int, Real, Shaped

__all__ = [
    "band_rdms",
    "condensed",
    "correlation_rdm",
    "cosine_rdm",
    "n_stimuli_of",
    "pair_positions",
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
    X, defined = finite_rows(patterns)
    W = without_mean(X, defined)
    return of_gram(W @ W.T, defined, X.shape[1])


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
        raise ValueError(
            f"{n_pairs} is not a number of pairs of stimuli (1, 3, 6, 10, ...). Give whole upper triangles."
        )
    return n


def pair_positions(orders: Int[np.ndarray, "n_orders n_stimuli"]) -> Int[np.ndarray, "n_orders n_pairs"]:
    """Where each pair of stimuli is found in a condensed vector when the stimuli stand in another order, per order."""
    n = orders.shape[1]
    first, second = (orders[:, index].astype(np.int64) for index in np.triu_indices(n, 1))
    low, high = np.minimum(first, second), np.maximum(first, second)
    positions: np.ndarray = low * n - low * (low + 1) // 2 + high - low - 1
    return positions


def _unit_rows(patterns: np.ndarray, *, centred: bool) -> np.ndarray:
    """Rows of length 1, a block at a time so that memory is read once; NaN where there is no direction."""
    X = _as_float(patterns)
    Z, n_targets, eps = np.empty_like(X), X.shape[1], np.finfo(X.dtype).eps
    ones = np.ones(n_targets, dtype=X.dtype)
    smallest, largest = np.finfo(X.dtype).tiny / eps**2, np.finfo(X.dtype).max * eps
    step = max(1, _BLOCK_CELLS // max(1, n_targets))
    with np.errstate(invalid="ignore", over="ignore"):  # rows with gaps or huge values are done again below
        for start in range(0, len(X), step):
            rows, unit = X[start : start + step], Z[start : start + step]
            mean = np.vecdot(rows, ones) / X.dtype.type(n_targets or 1) * X.dtype.type(centred)
            np.subtract(rows, mean[:, None], out=unit)
            length = np.vecdot(unit, unit)
            plain = (length > smallest) & (length < largest) & (length > n_targets * (1000 * eps * mean) ** 2)
            unit *= (1 / np.sqrt(np.where(plain, length, 1)))[:, None].astype(X.dtype)
            for k in np.flatnonzero(~plain):
                unit[k] = _unit_row(rows[k], centred=centred)
    return Z


def _unit_row(row: np.ndarray, *, centred: bool) -> np.ndarray:
    """The same for one row whose squares or mean would lose what it is about: a constant, tesla, a large offset."""
    if not (np.isfinite(row).all() and len(row)):
        return np.full_like(row, np.nan)
    x = row.astype(np.float64)
    x = x - x[0] if centred else x  # a constant is now exactly zero, whatever its value
    if not (scale := np.abs(x).max()):
        return np.full_like(row, np.nan)
    x = x / scale
    x = x - x.mean() if centred else x
    return np.asarray(x / np.linalg.norm(x), dtype=row.dtype)


def _as_float(patterns: np.ndarray) -> np.ndarray:
    return patterns if patterns.dtype in (np.float32, np.float64) else np.asarray(patterns, dtype=np.float64)


def finite_rows(patterns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Patterns as floats with zeros in rows that are not finite, and which rows are; not copied where all are."""
    X = _as_float(patterns)
    with np.errstate(invalid="ignore", over="ignore"):
        defined = np.isfinite(X.sum(axis=1))
    if defined.all():
        return X, defined
    defined[~defined] = np.isfinite(X[~defined]).all(axis=1)  # a sum may also be infinite because it is large
    return np.where(defined[:, None], X, X.dtype.type(0)), defined


def _one_minus(R: np.ndarray) -> np.ndarray:
    d: np.ndarray = np.subtract(R.dtype.type(1), R, out=R)
    return d


def of_differences(G: np.ndarray) -> np.ndarray:
    """``G_ii + G_jj - 2 G_ij`` of all pairs."""
    own = np.diagonal(G)
    d: np.ndarray = condensed(own[:, None] + own - 2 * G)
    return d


def of_gram(G: np.ndarray, defined: np.ndarray, n_targets: int) -> np.ndarray:
    """Squared lengths of differences per target; NaN for pairs with an undefined pattern."""
    d: np.ndarray = np.maximum(of_differences(G), 0) / G.dtype.type(n_targets)
    if not defined.all():
        d[~condensed(np.logical_and.outer(defined, defined))] = np.nan
    return d


def without_mean(X: np.ndarray, defined: np.ndarray) -> np.ndarray:
    """Minus the mean of the defined patterns, which no difference notices; undefined ones are zero."""
    total = np.ones(len(X), dtype=X.dtype) @ X
    W: np.ndarray = X - total / X.dtype.type(max(1, defined.sum()))
    W[~defined] = 0
    return W

"""Telling classes apart by their mean patterns: correlation with the mean of the other runs."""

import numpy as np

from consona.stats.shapes import Float, Int, Real, Shaped

__all__ = ["class_patterns", "left_out_similarities"]


def class_patterns(
    Y: Real[np.ndarray, "n_rows n_targets"],
    labels: Shaped[np.ndarray, " n_rows"],
    runs: Shaped[np.ndarray, " n_rows"],
) -> Float[np.ndarray, "n_runs n_classes n_targets"]:
    """Mean pattern of every class in every run, both in sorted order.

    Raises
    ------
    ValueError
        When a class is missing in a run; the pairs are named.
    """
    names, code = np.unique(labels, return_inverse=True)
    places, run = np.unique(runs, return_inverse=True)
    cell = run * len(names) + code
    count = np.bincount(cell, minlength=len(places) * len(names))
    if not count.all():
        missing = [f"'{names[c % len(names)]}' in run '{places[c // len(names)]}'" for c in np.flatnonzero(count == 0)]
        raise ValueError(
            f"{len(missing)} classes are missing in a run: {', '.join(missing[:5])}. Every class is needed in every "
            "run: leave out the run or the class."
        )
    sums = np.eye(len(count))[cell].T @ np.asarray(Y, dtype=np.float64)
    means: np.ndarray = sums / count[:, None]
    return means.reshape(len(places), len(names), -1)


def left_out_similarities(
    patterns: Real[np.ndarray, "n_runs n_classes n_targets"],
    orders: Int[np.ndarray, "n_orders n_runs n_classes"],
) -> Float[np.ndarray, "n_orders n_runs n_classes n_classes"]:
    r"""Correlation of every pattern of a run with the mean pattern of every class over the *other* runs.

    .. math:: s_{rcc'} = \mathrm{corr}\Big(m_{rc},\; \sum_{r' \ne r} m_{r'c'}\Big)

    over targets; Haxby et al. (2001). ``orders`` exchange the classes within runs: in order ``o`` run ``r`` takes class
    ``orders[o, r, c]`` for ``c``. All orders come from one table of products, so that none reads a pattern again. NaN
    for patterns that do not vary.

    Raises
    ------
    ValueError
        When there are fewer than two runs, or orders do not fit.
    """
    n_runs, n_classes, _ = patterns.shape
    if n_runs < 2 or orders.shape[1:] != (n_runs, n_classes):
        raise ValueError(
            f"{n_runs} runs of {n_classes} classes with orders of shape {orders.shape}; at least two runs are needed "
            "and an order names a class for each class of each run."
        )
    M = patterns.reshape(n_runs * n_classes, -1).astype(np.float64)
    M = np.where(np.ptp(M, axis=1, keepdims=True) > 0, M - M.mean(axis=1, keepdims=True), 0.0)
    products = M @ M.T
    found = np.empty((len(orders), n_runs, n_classes, n_classes))
    for i, order in enumerate(orders):
        cells = (np.arange(n_runs)[:, None] * n_classes + order).ravel()
        found[i] = _similarities(products[np.ix_(cells, cells)].reshape(n_runs, n_classes, n_runs, n_classes))
    return found


def _similarities(products: np.ndarray) -> np.ndarray:
    """From products of patterns (run, class, run, class): those with sums over other runs, made correlations."""
    own = np.einsum("rcrd->rcd", products)
    with_others = products.sum(axis=2) - own  # of pattern (r, c) and the sum of class d over the other runs
    by_class = np.einsum("rcsc->rcs", products)
    squared = by_class.sum(axis=(0, 2)) - 2 * by_class.sum(axis=2) + np.einsum("rcr->rc", by_class)
    scale = np.sqrt(np.einsum("rcc->rc", own)[:, :, None] * np.maximum(squared, 0.0)[:, None, :])
    return np.asarray(np.divide(with_others, scale, out=np.full(scale.shape, np.nan), where=scale > 0))

"""Do classifiers that carry an axis more strongly decode better? Within architectures, not between clusters of them."""

from typing import NamedTuple

import numpy as np
from scipy import stats

from consona.stats.correlation import pearson_columns
from consona.stats.permutation import p_value
from consona.stats.seeds import rng_for
from consona.stats.shapes import Bool, Float, Int, Real, Shaped

__all__ = ["Rediscovery", "rediscovery_correlations"]


class Rediscovery(NamedTuple):
    """Correlations of a score with accuracy, one row per selection of classifiers.

    ``names``: "all", "all, architecture taken out", "singles", "singles, architecture taken out", and every
    architecture by its name (its singles). ``p`` by Student's t with ``df``; ``p_order`` by orders of the accuracies,
    within architectures where these are taken out. Both are two-sided.
    """

    names: tuple[str, ...]
    r: Float[np.ndarray, " n_rows"]
    low: Float[np.ndarray, " n_rows"]
    high: Float[np.ndarray, " n_rows"]
    p: Float[np.ndarray, " n_rows"]
    p_order: Float[np.ndarray, " n_rows"]
    n: Int[np.ndarray, " n_rows"]
    df: Int[np.ndarray, " n_rows"]


def rediscovery_correlations(
    score: Real[np.ndarray, " n_classifiers"],
    accuracy: Real[np.ndarray, " n_classifiers"],
    architectures: Shaped[np.ndarray, " n_classifiers"],
    is_pool: Bool[np.ndarray, " n_classifiers"],
    *,
    n_draws: int = 2000,
    seed: int,
) -> Rediscovery:
    r"""Correlation of a score with accuracy over classifiers, with and without the differences between architectures.

    .. math:: r_p = \mathrm{corr}(s_i - \bar s_{a(i)},\; y_i - \bar y_{a(i)}), \qquad
              t = r_p \sqrt{\frac{\nu}{1 - r_p^2}}, \quad \nu = n - 1 - A

    Two clusters of architectures make any two quantities correlate over all classifiers; residuals from the means of
    the *A* architectures do not know them, and each mean costs a degree of freedom. Pools are made of other points, so
    "singles" leaves out what ``is_pool`` marks. Intervals draw classifiers again within their architecture. Classifiers
    without a score or accuracy (NaN) are left out; NaN with fewer than one degree of freedom, or where nothing varies.

    Raises
    ------
    ValueError
        When there is no draw.
    """
    if n_draws < 1:
        raise ValueError(f"{n_draws} draws were asked for; an interval needs at least 1. 2000 is a common choice.")
    defined = np.isfinite(score) & np.isfinite(accuracy)
    names, codes = np.unique(architectures, return_inverse=True)
    selections = {"all": (defined, False), "all, architecture taken out": (defined, True)}
    singles = defined & ~is_pool
    selections |= {"singles": (singles, False), "singles, architecture taken out": (singles, True)}
    selections |= {str(name): (singles & (codes == k), False) for k, name in enumerate(names)}
    table = [
        _row(np.stack([score[rows], accuracy[rows]]).astype(np.float64), codes[rows], partial, n_draws, seed)
        for rows, partial in selections.values()
    ]
    r, low, high, p, p_order, n, df = (np.array(column) for column in zip(*table, strict=True))
    return Rediscovery(tuple(selections), r, low, high, p, p_order, n, df)


def _row(
    values: np.ndarray, codes: np.ndarray, partial: bool, n_draws: int, seed: int
) -> tuple[float, float, float, float, float, int, int]:
    n = values.shape[1]
    df = n - 1 - (len(np.unique(codes)) if partial else 1)
    nan = float("nan")
    if df < 1:
        return nan, nan, nan, nan, nan, n, max(df, 0)
    strata = codes if partial else np.zeros(n, dtype=np.int64)
    r = float(_correlations(values[:, None], strata)[0])
    if np.isnan(r):
        return nan, nan, nan, nan, nan, n, df
    rng = rng_for(seed, "rediscovery", n, int(partial))
    drawn = _correlations(values[:, _drawn_within(codes, n_draws, rng)], strata)
    orders = np.argsort(strata + rng.random((n_draws, n)), axis=1)
    sorted_values = values[:, np.argsort(strata, kind="stable")]
    null = _correlations(
        np.stack([np.broadcast_to(sorted_values[0], (n_draws, n)), values[1, orders]]), np.sort(strata)
    )
    t = abs(r) * np.sqrt(df / max(1.0 - r * r, np.finfo(np.float64).tiny))
    known = drawn[np.isfinite(drawn)]
    low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (nan, nan)
    p_order = float(p_value(abs(r), np.abs(null)))
    return r, float(low), float(high), float(2.0 * stats.t.sf(t, df)), p_order, n, df


def _correlations(values: Float[np.ndarray, "two n_draws n"], codes: np.ndarray) -> np.ndarray:
    """Correlation of two tables, row by row, after the means of groups are taken away."""
    names, own = np.unique(codes, return_inverse=True)
    of_group = np.equal.outer(own, np.arange(len(names))).astype(np.float64)
    means = values @ (of_group / of_group.sum(axis=0))
    rest = values - means[..., own]
    # what rounding leaves of a constant is no residual
    rest[np.abs(rest) <= 1e-12 * np.abs(values)] = 0.0
    return np.asarray(pearson_columns(rest[0].T, rest[1].T))


def _drawn_within(codes: np.ndarray, n_draws: int, rng: np.random.Generator) -> np.ndarray:
    """Places drawn again within groups: ``(n_draws, n)``; every place stays in its group."""
    rows = np.empty((n_draws, len(codes)), dtype=np.int64)
    for code in np.unique(codes):
        own = np.flatnonzero(codes == code)
        rows[:, own] = own[rng.integers(0, len(own), size=(n_draws, len(own)))]
    return rows

"""Area under the ROC curve, and intervals by drawing stimuli again."""

import numpy as np
from scipy.stats import rankdata

from consona.stats.correlation import pearson
from consona.stats.seeds import rng_for
from consona.stats.shapes import Bool, Float, Int, Real, Shaped

__all__ = ["auc", "bootstrap_auc_interval", "bootstrap_interval", "bootstrap_pearson_interval", "roc_curve"]

_CELLS = 2**21  # draws x stimuli that are counted at a time: 16 MB


def auc(scores: Real[np.ndarray, " n_stimuli"], labels: Shaped[np.ndarray, " n_stimuli"]) -> float:
    r"""Probability that a positive stimulus scores higher than a negative one, ties counting one half.

    .. math:: \mathrm{AUC} = \frac{R_+ - n_+ (n_+ + 1) / 2}{n_+ n_-}

    with :math:`R_+` the sum of the ranks of the positive stimuli (Mann and Whitney 1947). NaN with one class only, or
    when a score is not finite.

    Parameters
    ----------
    scores
        One per stimulus.
    labels
        True or 1 for positive, False or 0 for negative.

    Raises
    ------
    ValueError
        When the labels are neither 0 nor 1, or the lengths differ.
    """
    positive = _positive(scores, labels)
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    if n_positive == 0 or n_negative == 0 or not np.all(np.isfinite(scores)):
        return float("nan")
    rank_sum = float(rankdata(scores)[positive].sum())
    return (rank_sum - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative)


def roc_curve(
    scores: Real[np.ndarray, " n_stimuli"], labels: Shaped[np.ndarray, " n_stimuli"]
) -> tuple[Float[np.ndarray, " n_points"], Float[np.ndarray, " n_points"]]:
    """False and true positive rates as the threshold falls, from (0, 0) to (1, 1), one point per distinct score.

    The area under the broken line is :func:`auc`. All NaN with one class only, or when a score is not finite.

    Raises
    ------
    ValueError
        As :func:`auc`.
    """
    positive = _positive(scores, labels)
    levels, codes = np.unique(-np.asarray(scores, dtype=np.float64), return_inverse=True)
    counts = np.stack(
        [np.bincount(codes[~positive], minlength=len(levels)), np.bincount(codes[positive], minlength=len(levels))]
    )
    rising = np.concatenate([np.zeros((2, 1)), np.cumsum(counts, axis=1)], axis=1)
    if np.any(rising[:, -1] == 0) or not np.all(np.isfinite(scores)):
        rising = np.full_like(rising, np.nan)
    fpr, tpr = rising / rising[:, -1:]
    return fpr, tpr


def bootstrap_auc_interval(
    scores: Real[np.ndarray, " n_stimuli"],
    labels: Shaped[np.ndarray, " n_stimuli"],
    *,
    n_draws: int = 2000,
    level: float = 0.95,
    seed: int,
) -> tuple[float, float]:
    """Percentile interval of the AUC; positive and negative stimuli are drawn again separately, so both stay there.

    Scores are sorted once. A draw only changes how often each distinct score counts, so all draws are cumulative sums
    of two tables of counts.

    Returns
    -------
    Lower and upper end; both NaN where the AUC is.

    Raises
    ------
    ValueError
        As :func:`auc`, or when there is no draw or the level is not between 0 and 1.
    """
    tails = _tails(n_draws, level)
    positive = _positive(scores, labels)
    if np.isnan(auc(scores, labels)):
        return float("nan"), float("nan")
    _, codes = np.unique(scores, return_inverse=True)
    n_levels, rng = int(codes.max()) + 1, rng_for(seed, "bootstrap auc")
    drawn = np.empty(n_draws)
    for rows in _blocks(n_draws, n_levels):
        above = _drawn_counts(codes[positive], rows, n_levels, rng)
        below = _drawn_counts(codes[~positive], rows, n_levels, rng)
        lower_negatives = np.cumsum(below, axis=1) - 0.5 * below
        drawn[rows] = np.einsum("ij,ij->i", above, lower_negatives)
    low, high = np.quantile(drawn / (positive.sum() * (~positive).sum()), tails)
    return float(low), float(high)


def bootstrap_interval(
    values: Real[np.ndarray, "n_rows ..."], *, n_draws: int = 10_000, level: float = 0.95, seed: int
) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."]]:
    """Percentile interval of the mean over the first axis, rows (subjects, stimuli) drawn again.

    All columns see the same draws, so intervals of differences can be taken column by column. A missing value (NaN)
    is left out of its column only; a column without values is NaN.

    Returns
    -------
    Lower and upper end, of the shape of one row.

    Raises
    ------
    ValueError
        When there are no rows or draws, or the level is not between 0 and 1.
    """
    tails = _tails(n_draws, level)
    values = np.asarray(values, dtype=np.float64)
    if len(values) == 0:
        raise ValueError("no rows were given; an interval of the mean needs at least one. Check the selection.")
    table = values.reshape(len(values), -1)
    known = np.isfinite(table)
    filled, rng = np.where(known, table, 0.0), rng_for(seed, "bootstrap mean")
    means = np.full((n_draws, table.shape[1]), np.nan)
    for rows in _blocks(n_draws, len(values)):
        counts = _drawn_counts(np.arange(len(values)), rows, len(values), rng)
        weight = counts @ known
        means[rows] = np.divide(counts @ filled, weight, out=means[rows], where=weight > 0)
    shape = values.shape[1:]
    low, high = _defined_quantiles(means, tails)
    return low.reshape(shape), high.reshape(shape)


def bootstrap_pearson_interval(
    a: Real[np.ndarray, " n_rows"],
    b: Real[np.ndarray, " n_rows"],
    *,
    n_draws: int = 10_000,
    level: float = 0.95,
    seed: int,
) -> tuple[float, float]:
    """Percentile interval of a Pearson correlation, rows drawn again in pairs.

    Draws in which either vector is constant are undefined and left out; both ends are NaN where the correlation is.

    Raises
    ------
    ValueError
        When the lengths differ, there is no draw, or the level is not between 0 and 1.
    """
    tails = _tails(n_draws, level)
    if np.isnan(pearson(a, b)):
        return float("nan"), float("nan")
    x, y = (np.asarray(v, dtype=np.float64) for v in (a, b))
    x, y = (x - x.mean()) / x.std(), (y - y.mean()) / y.std()
    moments, rng = np.stack([x, y, x * x, y * y, x * y], axis=1), rng_for(seed, "bootstrap pearson")
    drawn = np.empty(n_draws)
    for rows in _blocks(n_draws, len(x)):
        mx, my, xx, yy, xy = (_drawn_counts(np.arange(len(x)), rows, len(x), rng) @ moments / len(x)).T
        vx, vy = xx - mx * mx, yy - my * my
        varies = (vx > 1e-12) & (vy > 1e-12)
        scale = np.sqrt(np.where(varies, vx * vy, 1.0))
        drawn[rows] = np.where(varies, (xy - mx * my) / scale, np.nan)
    low, high = _defined_quantiles(drawn[:, None], tails)
    return float(low[0]), float(high[0])


def _drawn_counts(
    codes: Int[np.ndarray, " n_drawn"], rows: slice, n_levels: int, rng: np.random.Generator
) -> np.ndarray:
    """How often each code occurs when as many are drawn with replacement: ``(n_draws, n_levels)``."""
    n_draws = rows.stop - rows.start
    picked = codes[rng.integers(0, len(codes), size=(n_draws, len(codes)))]
    picked += np.arange(n_draws)[:, None] * n_levels
    return np.bincount(picked.ravel(), minlength=n_draws * n_levels).reshape(n_draws, n_levels).astype(np.float64)


def _blocks(n_draws: int, n_cells: int) -> list[slice]:
    step = max(1, _CELLS // max(1, n_cells))
    return [slice(start, min(start + step, n_draws)) for start in range(0, n_draws, step)]


def _tails(n_draws: int, level: float) -> list[float]:
    if n_draws < 1 or not 0.0 < level < 1.0:
        raise ValueError(
            f"{n_draws} draws at level {level} were asked for; an interval needs at least 1 draw and a level between 0 "
            "and 1. A common choice is 2000 draws at 0.95."
        )
    return [(1.0 - level) / 2.0, (1.0 + level) / 2.0]


def _defined_quantiles(draws: np.ndarray, tails: list[float]) -> np.ndarray:
    """Quantiles over the defined draws of each column; NaN where none is."""
    if not np.isnan(draws).any():
        return np.asarray(np.quantile(draws, tails, axis=0))
    columns = [column[np.isfinite(column)] for column in draws.T]
    ends = [np.quantile(column, tails) if len(column) else np.full(2, np.nan) for column in columns]
    return np.array(ends).T


def _positive(scores: np.ndarray, labels: np.ndarray) -> Bool[np.ndarray, " n_stimuli"]:
    labels = np.asarray(labels)
    if len(scores) != len(labels):
        raise ValueError(f"{len(scores)} scores and {len(labels)} labels were given; one label per score. Align them.")
    positive = labels.astype(bool)
    if not np.array_equal(positive, labels):
        raise ValueError(
            f"the labels hold {np.unique(labels)[:5].tolist()}; they must be 0 and 1, or False and True. Recode them."
        )
    return positive

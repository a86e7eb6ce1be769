"""A curve that levels off, v (1 - exp(-x / tau)), fitted to many targets at once, and where the fit hit its bounds."""

from typing import NamedTuple

import numpy as np

from consona.stats.shapes import Bool, Float, Real

__all__ = ["ExponentialGrowth", "exponential_growth"]

_BLOCK = 512
_NEAR_ONE = 0.99
_TAUS = np.logspace(-2, 6, 1601)  # steps of 1.2 %; beyond the last one the curve is a straight line


class ExponentialGrowth(NamedTuple):
    """The limit, how slowly it is reached, and whether the limit is one of the bounds, 1 or 0."""

    limit: Float[np.ndarray, " n_targets"]
    tau: Float[np.ndarray, " n_targets"]
    at_bound: Bool[np.ndarray, " n_targets"]
    at_zero: Bool[np.ndarray, " n_targets"]


def exponential_growth(
    x: Real[np.ndarray, " n_sizes"], curves: Real[np.ndarray, "n_sizes n_targets"]
) -> ExponentialGrowth:
    r"""Least squares of every target, the limit within 0 and 1, for the best of 1,601 values of tau from .01 to 10^6.

    .. math:: \hat v(\tau) = \min(1, \max(0, \frac{f_\tau^\top c}{f_\tau^\top f_\tau})), \qquad
              f_\tau = 1 - e^{-x / \tau}

    A curve that still rises like a straight line names no limit: its fit ends at 1 (``at_bound``, from .99 on, since a
    line is nearly as well fitted there). One that does not rise above zero ends at 0. Neither is an estimate, and both
    are flagged. NaN where a curve is.

    Raises
    ------
    ValueError
        With fewer than three sizes, or lengths that differ.
    """
    if len(x) != len(curves) or len(x) < 3:
        raise ValueError(
            f"there are {len(x)} sizes and {len(curves)} rows of the curves; two unknowns need three sizes, one row "
            "each. Use pools of more people."
        )
    shape = 1.0 - np.exp(-np.asarray(x, dtype=np.float64) / _TAUS[:, None])
    length = (shape**2).sum(axis=1, keepdims=True)
    limit, tau = np.full(curves.shape[1], np.nan), np.full(curves.shape[1], np.nan)
    for start in range(0, curves.shape[1], _BLOCK):
        some = slice(start, start + _BLOCK)
        known = np.isfinite(curves[:, some]).all(axis=0)
        along = shape @ np.where(known, curves[:, some], 0.0)
        limits = np.clip(along / length, 0.0, 1.0)
        best = np.argmin(limits * (limits * length - 2.0 * along), axis=0)
        limit[some] = np.where(known, np.take_along_axis(limits, best[None], axis=0)[0], np.nan)
        tau[some] = np.where(known, _TAUS[best], np.nan)
    return ExponentialGrowth(limit, tau, limit >= _NEAR_ONE, limit <= 0.0)

"""Corrections for many tests: false discovery rate (Benjamini-Hochberg) and family-wise error (Holm)."""

import numpy as np

from consona.stats.shapes import Float, Real

__all__ = ["benjamini_hochberg", "holm"]


def benjamini_hochberg(p: Real[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    r"""q-values: the smallest false discovery rate at which each test would be kept.

    .. math:: q_{(i)} = \min_{j \ge i} \frac{m}{j}\, p_{(j)}

    Benjamini and Hochberg (1995). Undefined tests (NaN) stay NaN and are not counted in ``m``. Any shape: all tests
    form one family.

    Raises
    ------
    ValueError
        When a p-value lies outside 0 to 1.
    """
    p, ascending = _sorted_family(p)
    m = len(ascending)
    scaled = p.ravel()[ascending] * m / np.arange(1, m + 1)
    return _unsorted(p, ascending, np.minimum.accumulate(scaled[::-1])[::-1])


def holm(p: Real[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    r"""p-values corrected so that any false positive at all is as rare as the level says, whatever the dependence.

    .. math:: \tilde p_{(i)} = \min\!\left(1, \max_{j \le i} (m - j + 1)\, p_{(j)}\right)

    Holm (1979). Undefined tests (NaN) stay NaN and are not counted in ``m``.

    Raises
    ------
    ValueError
        When a p-value lies outside 0 to 1.
    """
    p, ascending = _sorted_family(p)
    m = len(ascending)
    scaled = p.ravel()[ascending] * np.arange(m, 0, -1)
    return _unsorted(p, ascending, np.minimum(np.maximum.accumulate(scaled), 1.0))


def _sorted_family(p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The p-values as float64 and the positions of the defined ones, smallest first."""
    p = np.asarray(p, dtype=np.float64)
    if np.any((p < 0) | (p > 1)):
        wrong = p[(p < 0) | (p > 1)]
        raise ValueError(
            f"{len(wrong)} p-values lie outside 0 to 1, the first is {wrong[0]:g}; a p-value is a probability. "
            "Check that p, not the statistic, was given."
        )
    flat = p.ravel()
    defined = np.flatnonzero(~np.isnan(flat))
    return p, defined[np.argsort(flat[defined], kind="stable")]


def _unsorted(p: np.ndarray, ascending: np.ndarray, corrected: np.ndarray) -> np.ndarray:
    result = np.full(p.size, np.nan)
    result[ascending] = corrected
    return result.reshape(p.shape)

"""Permutation p-values of many targets at once, uncorrected and for the maximum, without keeping the null."""

import numpy as np

from consona.stats.correlation import unit_columns
from consona.stats.shapes import Float, Real

_ROWS = 8192
_TIE = 1e-9


def exceedance_p(
    X_orders: Real[np.ndarray, "n_orders n_stimuli"],
    Y: Real[np.ndarray, "n_stimuli n_targets"],
    observed: Real[np.ndarray, " n_stimuli"],
) -> tuple[Float[np.ndarray, " n_targets"], Float[np.ndarray, " n_targets"], Float[np.ndarray, " n_targets"]]:
    r"""Correlations of ``observed`` with every target, their p, and their p for the largest of all targets.

    Two-sided; all orders are enumerated, the observed one among them, so :math:`p = k / N`. Undefined targets are NaN
    and take no part in the maximum.
    """
    Z = unit_columns(np.asarray(Y, dtype=np.float64))
    r = (unit_columns(np.asarray(observed, dtype=np.float64)[:, None]).T @ Z)[0]
    defined = np.isfinite(r)
    size = np.abs(r[defined]) - _TIE
    single, family = np.zeros(len(size)), np.zeros(len(size))
    for start in range(0, len(X_orders), _ROWS):
        rows = unit_columns(np.asarray(X_orders[start : start + _ROWS], dtype=np.float64).T)
        null = np.abs(rows.T @ Z[:, defined])
        single += (null >= size).sum(axis=0)
        family += len(null) - np.searchsorted(np.sort(null.max(axis=1)), size, side="left")
    p, p_max = np.full(len(r), np.nan), np.full(len(r), np.nan)
    p[defined], p_max[defined] = single / len(X_orders), family / len(X_orders)
    return r, p, p_max

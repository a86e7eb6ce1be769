"""The comparison as it was published: an axis against the EEG read-out of *rated* valence, and against the ratings."""

from collections.abc import Mapping

import numpy as np
import xarray as xr

from consona.stats.correlation import partial_pearson, pearson
from consona.stats.permutation import all_orders, p_value, permuted_groups


def published_comparison(scores: Mapping[str, xr.Dataset], goals: xr.DataArray, *, axis: str) -> xr.Dataset:
    """Correlation of an axis with the EEG read-out of rated valence under every hold-out, and with the ratings.

    The read-out never saw the axis, so the orders of the axis's class values need no refit here; but it saw the
    ratings, and both follow the clip's class. So ``given_rated`` says what is left when the ratings are held constant.

    Returns
    -------
    xr.Dataset
        ``r, p_block, given_rated`` over ``label``.
    """
    y, rated = (goals.sel(goal=name).values for name in (axis, "rated valence"))
    emotions = next(iter(scores.values()))["emotion"].values
    orders = permuted_groups(y, emotions, all_orders(len(np.unique(emotions))))
    rows, names = [], []
    for hold_out, score in scores.items():
        readout = score["predicted"].sel(goal="rated valence").values
        null = _correlations(orders, readout)
        rows.append((null[0], float(p_value(null[0], null, exact=True)), partial_pearson(y, readout, rated)))
        names.append(f"axis and EEG read-out of rated valence, {hold_out}")
    null = _correlations(orders, rated)
    rows.append((pearson(y, rated), float(p_value(null[0], null, exact=True)), np.nan))
    names.append("axis and rated valence (no EEG)")
    table = np.array(rows)
    keys = ("r", "p_block", "given_rated")
    return xr.Dataset({key: ("label", table[:, i]) for i, key in enumerate(keys)}, {"label": names})


def _correlations(orders: np.ndarray, other: np.ndarray) -> np.ndarray:
    x = orders - orders.mean(axis=1, keepdims=True)
    z = other - other.mean()
    return np.asarray(x @ z / (np.linalg.norm(x, axis=1) * np.linalg.norm(z)))

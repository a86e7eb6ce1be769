"""Each channel and band alone: where the mean response follows a value of the stimuli, corrected for all cells."""

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.alignment.responses import responses
from consona.core.dataset import Dataset
from consona.stats.exceedance import exceedance_p
from consona.stats.fdr import benjamini_hochberg
from consona.stats.permutation import all_orders, permuted_groups
from consona.stats.readout import zscore_over


def cell_map(dataset: Dataset, values: npt.ArrayLike) -> xr.Dataset:
    """Correlation over stimuli of each target, z-scored within subject and averaged over subjects, with ``values``.

    Nothing is fitted, so nothing is held out. The null exchanges whole classes (all orders); ``p_max`` is corrected by
    the maximum over all cells, ``q`` by Benjamini and Hochberg.

    Returns
    -------
    xr.Dataset
        ``r, p, p_max, q`` over ``(channel, band)``.
    """
    data = responses(dataset)
    y = np.asarray(values, dtype=float)
    mean = zscore_over(data.values, np.ones(len(y), bool)).mean(axis=0)
    orders = permuted_groups(y, data.emotions, all_orders(len(np.unique(data.emotions))))
    r, p, p_max = exceedance_p(orders, mean, y)
    target = dataset.recordings[0].data["target"]
    kept = np.setdiff1d(np.arange(target.size), data.dropped)
    names = {name: dataset.recordings[0].data[name].values for name in ("channel", "band")}
    facts = {"r": r, "p": p, "p_max": p_max, "q": benjamini_hochberg(p)}
    full = {key: np.full(target.size, np.nan) for key in facts}
    for key, each in facts.items():
        full[key][kept] = each
    table = xr.Dataset({key: ("target", each) for key, each in full.items()})
    table = table.assign_coords({name: ("target", each) for name, each in names.items()})
    shaped = table.set_index(target=["channel", "band"]).unstack("target")
    order = {name: list(dict.fromkeys(each.tolist())) for name, each in names.items()}
    return shaped.reindex(order).assign_attrs(n_orders=len(orders), n_subjects=len(data.subjects))

"""Does supervision stop to help where a decoder already carries the axis? Gains over doses of training."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from consona.core.invariants import as_names
from consona.stats.bootstrap import bootstrap_interval
from consona.stats.dose import saturation_threshold

__all__ = ["saturation"]


def saturation(
    strength: xr.DataArray,
    plain: xr.DataArray,
    supervised: xr.DataArray,
    *,
    kinds: Sequence[str],
    n_draws: int = 2000,
    seed: int,
) -> xr.Dataset:
    """The marginal gain of supervision at every dose, and a threshold in the strength of the axis, or none.

    Parameters
    ----------
    strength
        Of the axis in the unsupervised decoders, ``(dose, model, fold)``, one model per seed.
    plain, supervised
        Accuracies without and with supervision, ``(dose, model, subject)``.
    kinds
        What each dose varies: subjects, epochs, depth.
    n_draws, seed
        Of the bootstrap of the threshold.

    Returns
    -------
    xr.Dataset
        Over ``dose``: ``strength``, ``gain``, ``low``, ``high``, ``p_gain`` (one-sided, Holm), ``accuracy``;
        ``subject_slope (subject)``; attrs
        ``threshold, threshold_low, threshold_high`` (NaN: none is supported), ``failed`` (why), ``slope, p_slope``.
    """
    gains = np.nanmean(supervised.values - plain.values, axis=1)
    networks = strength.values.reshape(len(strength), -1)
    x, error = networks.mean(axis=1), networks.std(axis=1, ddof=1) / np.sqrt(networks.shape[1])
    centred = x - x.mean()
    found = saturation_threshold(x, gains, error=error, n_draws=n_draws, seed=seed)
    low, high = bootstrap_interval(gains.T, seed=seed)
    data = {
        "strength": ("dose", x),
        "gain": ("dose", found.gain),
        "low": ("dose", low),
        "high": ("dose", high),
        "p_gain": ("dose", found.p_gain),
        "accuracy": ("dose", np.nanmean(plain.values, axis=(1, 2))),
        "subject_slope": ("subject", centred @ gains / (centred @ centred)),
    }
    attrs = {
        "threshold": found.threshold,
        "threshold_low": found.low,
        "threshold_high": found.high,
        "failed": "; ".join(found.failed),
        "slope": found.slope,
        "p_slope": found.p_slope,
        "n_subjects": gains.shape[1],
        "n_draws": n_draws,
    }
    return xr.Dataset(data, {"dose": as_names(plain["dose"].values), "kind": ("dose", list(kinds))}, attrs)

"""What training on an axis does to decoders: every strategy against its base and against its random twin."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from consona.core.invariants import as_names
from consona.stats.paired_effects import PairedEffects, paired_effects

__all__ = ["MARGIN", "strategy_effects"]

MARGIN = 0.01
"""Effects smaller than one point of balanced accuracy count as none."""


def strategy_effects(
    base: xr.DataArray,
    supervised: Mapping[str, xr.DataArray],
    twins: Mapping[str, xr.DataArray],
    *,
    folds: Sequence[int],
    n_permutations: int = 9999,
    seed: int,
) -> xr.Dataset:
    """Effects per strategy, subjects as unit, seeds averaged.

    Parameters
    ----------
    base
        Accuracies without supervision, ``(model, subject)``, one model per seed.
    supervised, twins
        The same with the axis and with its classes exchanged, by name of the strategy, seeds in the same order.
    folds
        The fold that tested each subject: its networks' luck is shared.
    n_permutations, seed
        Sign flips of subjects.

    Returns
    -------
    xr.Dataset
        Over ``(reference, strategy)`` with the references ``base`` (supervised minus base), ``twin`` (supervised minus
        twin) and ``twin-base`` (twin minus base): ``effect, low, high, p, p_above, p_below, holm, bh, p_equal, power,
        detectable, p_folds, t_seeds, p_seeds``. Holm and BH are over the strategies of one reference. ``gains``:
        ``(reference, strategy, subject)``.
    """
    names = list(supervised)
    accuracy = np.stack([supervised[name].values for name in names])
    random = np.stack([twins[name].values for name in names])
    plain = np.broadcast_to(base.values, accuracy.shape)
    pairs = {"base": (accuracy, plain), "twin": (accuracy, random), "twin-base": (random, plain)}
    how = {"folds": np.asarray(folds), "margin": MARGIN, "n_permutations": n_permutations, "seed": seed}
    found = {name: paired_effects(*pair, **how) for name, pair in pairs.items()}  # type: ignore[arg-type]  # one type each
    keys = [key for key in PairedEffects._fields if key not in ("n_subjects", "n_seeds")]
    dims = ("reference", "strategy")
    data = {key: (dims, np.stack([getattr(each, key) for each in found.values()])) for key in keys}
    gains = np.stack([np.nanmean(first - second, axis=1) for first, second in pairs.values()])
    coords = {"reference": list(pairs), "strategy": names, "subject": as_names(base["subject"].values)}
    attrs = {"n_subjects": base.sizes["subject"], "n_seeds": base.sizes["model"], "margin": MARGIN}
    return xr.Dataset({**data, "gains": ((*dims, "subject"), gains)}, coords, attrs)

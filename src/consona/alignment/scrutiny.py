"""One hold-out, everything that is asked of it: the read-out is fitted once and put to every question."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.alignment.controls import classes_of, controlled_of, many_correlations, reliability_of
from consona.alignment.projection import in_order, score_of
from consona.alignment.responses import HoldOut, held_out, responses
from consona.core.dataset import Dataset


def scrutiny(
    dataset: Dataset,
    goals: xr.DataArray,
    families: Mapping[str, npt.NDArray[np.float64]],
    *,
    hold_out: HoldOut,
    seed: int = 0,
) -> dict[str, xr.Dataset]:
    """The score under one hold-out with its controls.

    Parameters
    ----------
    dataset, goals, hold_out, seed
        As :func:`~consona.alignment.projection.projection`; the goals hold ``three-level code`` and
        ``rated valence``.
    families
        Names of content-free families to values ``(n, n_stimuli)``: of random directions, of axes from invented words.

    Returns
    -------
    dict
        ``score``, ``controlled``, ``families``, ``reliability`` and ``classes``, as the functions of the same names in
        :mod:`consona.alignment.controls` give them.

    Raises
    ------
    InvalidInput
        When ids differ, a control is missing, or there are too few groups to hold out.
    """
    data = responses(dataset)
    goals = in_order(goals, data.ids, dataset.name)
    readout = held_out(data, hold_out, seed=seed)
    return {
        "score": score_of(readout, data, goals, hold_out=hold_out, rows="subject x clip", seed=seed),
        "controlled": controlled_of(readout, data, goals, seed=seed),
        "families": xr.Dataset({name: ("draw", many_correlations(readout, each)) for name, each in families.items()}),
        "reliability": reliability_of(readout, goals, seed=seed),
        "classes": classes_of(readout, data, hold_out, seed=seed),
    }

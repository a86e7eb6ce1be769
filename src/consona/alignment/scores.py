"""A projection as a Score: the value with its cross-validation, its folds, its null and its ceiling beside it."""

import numpy as np
import xarray as xr

from consona.core.invariants import as_names
from consona.core.score import Score

_GROUPS = {"subject": "subject", "clip": "stimulus", "emotion": "emotion"}


def projection_score(projected: xr.Dataset, reliability: xr.Dataset) -> Score:
    """What :func:`~consona.alignment.projection.projection` found under one hold-out, as a score over its goals.

    The ceiling is the square root of the read-out's split-half reliability over subjects (NaN where halves do not agree
    at all). ``attrs`` hold the mean of the class-block null and p of every goal, and the groups that each fold really
    trained and tested on, read from the fold of every row.
    """
    block = projected.sel(null="class block")
    coords = {"attribute": as_names(projected["goal"].values)}
    data = xr.DataArray(projected["r"].values, coords, ("attribute",))
    known = reliability["reliability"].values
    ceiling = xr.DataArray(np.sqrt(np.where(known > 0, known, np.nan)), coords, ("attribute",))
    held_out = str(projected.attrs["hold_out"])
    attrs = {
        "held_out": held_out,
        "shares_stimuli": held_out == "subject",
        "null": "class block, refitted",
        "null_mean": block["null_mean"].values.tolist(),
        "p": block["p"].values.tolist(),
        "half_width": ((projected["high"] - projected["low"]) / 2).values.tolist(),
    }
    if held_out in _GROUPS:
        attrs["folds"] = _folds(projected, _GROUPS[held_out])
    return Score(data, str(projected.attrs["metric"]), str(projected.attrs["cv"]), ceiling=ceiling, attrs=attrs)


def _folds(projected: xr.Dataset, group: str) -> list[dict[str, list[str]]]:
    """Names of the groups with rows in training and in test, fold by fold."""
    fold = projected["fold"].values
    names = as_names(projected[group].values)
    grid = np.broadcast_to(names[:, None] if group == "subject" else names[None], fold.shape)
    return [
        {"train": np.unique(grid[fold != k]).tolist(), "test": np.unique(grid[fold == k]).tolist()}
        for k in np.unique(fold)
    ]

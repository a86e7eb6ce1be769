"""The windows of a clip one by one, as stimuli of their own that stay together in a split."""

import numpy as np
import xarray as xr

from consona.core.invariants import as_names
from consona.stats.splits import ThreeWay

__all__ = ["by_window", "single_windows", "single_windows_split"]


def single_windows(tensor: xr.DataArray) -> xr.DataArray:
    """Every window as a stimulus with one window: ids ``CLIP@START``, clip by clip; same emotions.

    ``(subject, stimulus, shift, window, channel, band)`` in and out.
    """
    n_windows = tensor.sizes["window"]
    values = tensor.values.transpose(0, 1, 3, 2, 4, 5)
    values = values.reshape(values.shape[0], -1, *values.shape[3:])[:, :, :, None]
    ids = [f"{clip}@{start:g}" for clip in as_names(tensor["stimulus"].values) for start in tensor["window"].values]
    kept = {name: tensor[name].values for name in ("subject", "shift", "channel", "band")}
    coords = {
        **kept,
        "stimulus": ids,
        "window": tensor["window"].values[:1],
        "cohort": ("subject", tensor["cohort"].values),
        "emotion": ("stimulus", np.repeat(tensor["emotion"].values, n_windows)),
        "clip": ("stimulus", np.repeat(as_names(tensor["stimulus"].values), n_windows)),
    }
    return xr.DataArray(np.ascontiguousarray(values), coords, tensor.dims, attrs=tensor.attrs)


def single_windows_split(split: ThreeWay, n_windows: int) -> ThreeWay:
    """The split of clips for their windows: those of a clip are on one side."""
    train, validation, test = (
        np.repeat(part, n_windows, axis=2) for part in (split.train, split.validation, split.test)
    )
    return ThreeWay(train, validation, test, f"{split.name}; single windows")


def by_window(probability: xr.DataArray, tensor: xr.DataArray) -> xr.DataArray:
    """Probabilities of windows ``(subject, window of clip, emotion)`` as ``(subject, stimulus, window, emotion)``.

    ``tensor`` is the one that :func:`single_windows` was made from.
    """
    dims = ("subject", "stimulus", "window", "emotion")
    values = probability.transpose("subject", "stimulus", "emotion").values
    shape = (values.shape[0], tensor.sizes["stimulus"], tensor.sizes["window"], values.shape[2])
    coords = {
        "subject": probability["subject"].values,
        "stimulus": as_names(tensor["stimulus"].values),
        "window": tensor["window"].values,
        "emotion": as_names(probability["emotion"].values),
    }
    return xr.DataArray(values.reshape(shape), coords, dims, attrs=probability.attrs)

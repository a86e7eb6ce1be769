"""From a tensor of subjects and stimuli to rows that can be trained on; what is wrong with it is said before."""

import numpy as np
import torch
import xarray as xr

from consona.brain.tensors import DIMS
from consona.core.errors import InvalidInput
from consona.stats.splits import ThreeWay
from consona.training.batches import Goal, Material
from consona.training.positions import electrode_positions
from consona.training.recipe import Recipe

__all__ = ["classes_of", "material_of", "require_split"]


def classes_of(tensor: xr.DataArray) -> tuple[np.ndarray, np.ndarray]:
    """Names of the emotions in the order in which stimuli bring them, and the number of each stimulus' emotion."""
    emotions = tensor["emotion"].values.astype(str)
    names = np.array(list(dict.fromkeys(emotions)))
    return names, np.array([int(np.flatnonzero(names == each)[0]) for each in emotions])


def require_split(tensor: xr.DataArray, split: ThreeWay) -> None:
    """The split fits the tensor, every fold has rows to train on, to choose on and to test on, all of them finite.

    Raises
    ------
    InvalidInput
        When it does not; the fold, or the subject and stimulus, is named. Rows of the test are never used to choose.
    """
    if tensor.dims != DIMS:
        raise InvalidInput(
            f"The tensor has dims {tensor.dims}; decoders read {DIMS}. Transpose it, or add the missing."
        )
    expected = (tensor.sizes["subject"], tensor.sizes["stimulus"])
    if split.train.shape[1:] != expected:
        raise InvalidInput(
            f"The split is of {split.train.shape[1:]} subjects and stimuli, the tensor of {expected}. "
            "Split the subjects and stimuli of the tensor."
        )
    for part in ("train", "validation", "test"):
        empty = np.flatnonzero(~getattr(split, part).any(axis=(1, 2)))
        if len(empty):
            reason = " The epoch is chosen on validation rows, and never on test rows." if part == "validation" else ""
            raise InvalidInput(
                f"Fold {empty[0]} has no {part} rows.{reason} Make a split that has {part} rows in every fold."
            )
    used = np.any([split.train, split.validation, split.test], axis=(0, 1))
    broken = used & ~np.isfinite(tensor.values).all(axis=(2, 3, 4, 5))
    if broken.any():
        subject, stimulus = (int(i) for i in np.argwhere(broken)[0])
        raise InvalidInput(
            f"{int(broken.sum())} rows that the split uses are not finite, the first is subject "
            f"'{tensor.subject.values[subject]}', stimulus '{tensor.stimulus.values[stimulus]}'. "
            "Leave these rows out of the split, or mend the tensor."
        )


def _unshifted(tensor: xr.DataArray) -> int:
    """Where the shift is 0."""
    at = np.flatnonzero(tensor["shift"].values == 0)
    if len(at) != 1:
        raise InvalidInput(
            f"The tensor has shifts {tensor['shift'].values.tolist()}; exactly one must be 0, for the test."
        )
    return int(at[0])


def _axis_of(tensor: xr.DataArray, axis: np.ndarray | xr.DataArray | None) -> np.ndarray:
    """Values of the stimuli on the axes, ``(n_stimuli, n_axes)``."""
    n_stimuli = tensor.sizes["stimulus"]
    if axis is None:
        return np.zeros((n_stimuli, 0), np.float32)
    values = np.asarray(axis, np.float32).reshape(len(axis), -1)
    if len(values) != n_stimuli or not np.isfinite(values).all():
        raise InvalidInput(
            f"The axis has {len(values)} rows, {int(np.isfinite(values).all(axis=1).sum())} of them finite; the tensor "
            f"has {n_stimuli} stimuli. Give one finite value per stimulus and axis."
        )
    return values


def material_of(
    tensor: xr.DataArray, recipe: Recipe, axis: np.ndarray | xr.DataArray | None, *, device: str = "cpu"
) -> Material:
    """All rows of the tensor, subject by subject, with their labels and their values on the axes.

    Raises
    ------
    InvalidInput
        When no shift is 0, or the axis does not fit the stimuli.
    """
    n_subjects, n_stimuli = tensor.sizes["subject"], tensor.sizes["stimulus"]
    names, emotion = classes_of(tensor)
    values = _axis_of(tensor, axis)
    of_output = emotion if recipe.pool == "stimulus" else np.arange(len(names))
    output_axis = values
    if recipe.pool == "emotion":
        output_axis = np.stack([values[emotion == k].mean(axis=0) for k in of_output])
    stimulus = torch.arange(n_stimuli).repeat(n_subjects)
    labels = torch.as_tensor(emotion)[stimulus]
    goal = Goal(
        torch.as_tensor(output_axis).to(device),
        torch.as_tensor(of_output).to(device),
        recipe.smoothing,
        tuple(tensor.channel.values.astype(str)),
        tuple(tensor.band.values.astype(str)),
        tuple(names.tolist()),
    )
    x = torch.as_tensor(np.ascontiguousarray(tensor.values, np.float32)).flatten(0, 1)
    places = electrode_positions(goal.channels)
    output = stimulus if recipe.pool == "stimulus" else labels
    return Material(x, labels, stimulus, output, torch.as_tensor(values)[stimulus], _unshifted(tensor), goal, places)

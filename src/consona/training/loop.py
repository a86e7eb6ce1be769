"""Training decoders: all folds of a split side by side, the epoch chosen on validation rows, never on test rows."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from consona.stats.splits import ThreeWay
from consona.training.groups import Fold, Group
from consona.training.material import material_of, require_split
from consona.training.recipe import Recipe
from consona.training.results import require_snapshots, result_of
from consona.training.supervision import Plan, Supervision

__all__ = ["ONE_BY_ONE", "train_decoders", "train_planned"]

# Networks whose folds are trained one after the other, because that is faster: benchmarks/decoders.py.
ONE_BY_ONE: frozenset[str] = frozenset()


def train_decoders(
    tensor: xr.DataArray,
    split: ThreeWay,
    recipe: Recipe,
    *,
    seed: int,
    strategy: Supervision | None = None,
    axis: np.ndarray | xr.DataArray | None = None,
    snapshots: Sequence[int] = (),
) -> xr.Dataset:
    """One decoder per fold of a split, from one recipe and one seed, and what it says about the rows it was not shown.

    Steps of AdamW under a cosine; after each epoch the balanced accuracy on the validation rows; the epoch with the
    highest (the first of equals) is the decoder. A fold's weights depend on its training and validation rows, the
    recipe and the seed, not on its test rows, and not on the folds trained beside it beyond rounding.

    Parameters
    ----------
    tensor
        Of ``consona.brain.tensors``: ``(subject, stimulus, shift, window, channel, band)``; shift 0 is tested.
    split, recipe, seed
        Rows of each fold; the network and how it is trained; what all randomness belongs to.
    strategy
        Further supervision, or none: cross-entropy with smoothed labels.
    axis
        ``(n_stimuli,)`` or ``(n_stimuli, n_axes)``: the values that a strategy supervises with.
    snapshots
        Epochs (from 1) at which test rows are predicted as well, in rising order.

    Returns
    -------
    xr.Dataset
        ``probability (snapshot, subject, stimulus, emotion)`` of test rows, NaN elsewhere; snapshot 0 is the chosen
        epoch, then those asked for. ``features (subject, stimulus, feature)`` of test rows at the chosen epoch.
        ``weight (fold, output, feature)``, ``bias (fold, output)`` of the last layer. ``tested_in (subject,
        stimulus)``: the fold, -1 none. ``validation (fold, epoch)``, NaN before the last stage. ``chosen (fold)``:
        the epoch. attrs recipe, strategy (JSON), seed, n_parameters, split.

    Raises
    ------
    InvalidInput
        When a fold has no validation rows (test rows never stand in), or tensor, split and axis do not fit together.
    """
    return train_planned(tensor, split, Plan(recipe, seed, strategy, tuple(snapshots)), axis)


def train_planned(
    tensor: xr.DataArray, split: ThreeWay, plan: Plan, axis: np.ndarray | xr.DataArray | None = None
) -> xr.Dataset:
    """As :func:`train_decoders`, its settings in one plan, which can also name a device."""
    require_split(tensor, split)
    require_snapshots(plan)
    material = material_of(tensor, plan.recipe, axis, device=plan.device)
    folds = [Fold(material, split, number, plan) for number in range(len(split.train))]
    alone = plan.outside is not None or plan.recipe.network in ONE_BY_ONE
    for group in _groups(folds, one_by_one=alone):
        Group(group, material, plan).train()
    found = [fold.result for fold in folds]
    return result_of(tensor, split, found, pool=plan.recipe.pool, snapshots=plan.snapshots, attrs=plan.attrs)


def _groups(folds: list[Fold], *, one_by_one: bool) -> list[list[Fold]]:
    """Folds that take equally many steps of equal size are trained side by side; each fold's steps are its own."""
    if one_by_one:
        return [[fold] for fold in folds]
    groups: dict[tuple[int, int], list[Fold]] = {}
    for fold in folds:
        groups.setdefault((fold.batches.n_steps, fold.batches.size), []).append(fold)
    return list(groups.values())

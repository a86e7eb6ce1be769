"""Ceilings that stand beside a score: what a perfect model would reach, named with its formula, never divided in."""

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.alignment.held_out import target_coords
from consona.core.dataset import Dataset
from consona.core.recording import Recording
from consona.stats.ceiling import levelled_variance_parts, perfect_model_r, reliability_of_mean, split_half_repetitions
from consona.stats.pools import pool_growth
from consona.stats.reliability import leave_one_subject_out

__all__ = ["others_ceiling", "pool_ceiling", "repetition_ceiling", "split_half_ceiling"]

Array = npt.NDArray[np.float64]

_FEWEST_STIMULI = 3
_MEAN = "r of a perfect model with the mean over repetitions"


def repetition_ceiling(recording: Recording) -> xr.DataArray:
    r"""Ceiling of every target from signal and noise variance over repetitions: NSD's, on the scale of r.

    .. math:: \sqrt{\frac{\sigma^2_s}{\sigma^2_s + \sigma^2_e\,\overline{1/n_i}}}

    for a model of the mean over the repetitions at hand (:func:`consona.stats.ceiling.reliability_of_mean`). Offsets of
    whole repetitions are no noise, since no score sees them (:func:`consona.stats.ceiling.levelled_variance_parts`).
    Pass the stimuli that were scored, ``recording.select(ids)``. Targets whose signal variance is estimated below zero
    are NaN.

    Returns
    -------
    xarray.DataArray
        Over ``target``, with the coordinate ``reliability`` of which it is the root: average that one over targets,
        because it keeps the negative estimates. ``attrs`` name the ``formula``, what it is a ceiling ``of``,
        ``n_undefined``, and an empty ``reason``. Where it cannot be computed: a single NaN without dimensions, and the
        reason in words.
    """
    formula = "sqrt(signal variance / (signal variance + noise variance * mean(1 / repetitions)))"
    values = np.asarray(recording.data.values)
    reason = _without_repetitions(recording, int((_repetitions(values) > 1).sum()))
    if reason:
        return _absent(formula, _MEAN, reason)
    return _root(reliability_of_mean(levelled_variance_parts(values)), recording, formula)


def split_half_ceiling(recording: Recording, *, n_splits: int = 100, seed: int = 0) -> xr.DataArray:
    r"""Ceiling of every target from halves of its repetitions, corrected by Spearman and Brown's formula.

    .. math:: \sqrt{\frac{k r}{1 + (k - 1) r}}, \qquad k = \frac{n}{\lfloor n/2 \rfloor}

    Over the stimuli that have all repetitions; see :func:`consona.stats.ceiling.split_half_repetitions`. Returned as by
    :func:`repetition_ceiling`.
    """
    formula = "sqrt(k r / (1 + (k - 1) r)), r between halves of the repetitions, k = n / (n // 2)"
    values = np.asarray(recording.data.values)
    reason = _without_repetitions(recording, int((_repetitions(values) == len(values)).sum()))
    if reason:
        return _absent(formula, _MEAN, reason)
    return _root(split_half_repetitions(values, n_splits=n_splits, seed=seed), recording, formula)


def others_ceiling(dataset: Dataset) -> xr.DataArray:
    """Each subject against the mean of all others, over ``(subject, target)``: a lower bound, for shared responses.

    Over the stimuli that all subjects have. Targets must mean the same in every subject (a region, a channel), which a
    number of voxels cannot say. Returned as by :func:`repetition_ceiling`.
    """
    formula = "corr(subject, mean of the other subjects)"
    of = "lower bound of r of a perfect model of the shared response with one subject"
    reason = _without_subjects(dataset, 2)
    if reason:
        return _absent(formula, of, reason)
    first = dataset.recordings[0]
    ceiling = _named(leave_one_subject_out(_shared(dataset)), first, formula, of)
    return ceiling.assign_coords(subject=[each.subject for each in dataset.recordings])


def pool_ceiling(dataset: Dataset, *, n_draws: int = 20, seed: int = 0) -> xr.DataArray:
    r"""The agreement of subjects extrapolated to infinitely many others, over ``target``.

    .. math:: r_n = c / \sqrt{1 + b / n}

    and the ceiling is c, see :func:`consona.stats.pools.pool_growth`. As :func:`others_ceiling` otherwise.
    """
    formula = "c of r(n) = c / sqrt(1 + b / n), r of one subject with the mean of n others"
    of = "r of a perfect model of the shared response with one subject"
    reason = _without_subjects(dataset, 4)
    if reason:
        return _absent(formula, of, reason)
    return _named(pool_growth(_shared(dataset), n_draws=n_draws, seed=seed).limit, dataset.recordings[0], formula, of)


def _root(reliability: Array, recording: Recording, formula: str) -> xr.DataArray:
    ceiling = _named(perfect_model_r(reliability), recording, formula, _MEAN)
    return ceiling.assign_coords(reliability=("target", reliability))


def _named(values: Array, recording: Recording, formula: str, of: str) -> xr.DataArray:
    attrs = {"formula": formula, "of": of, "reason": "", "n_undefined": int(np.isnan(values).sum())}
    dims = ("subject", "target")[-values.ndim :]
    return xr.DataArray(values, target_coords(recording), dims, name="ceiling", attrs=attrs)


def _absent(formula: str, of: str, reason: str) -> xr.DataArray:
    return xr.DataArray(np.nan, name="ceiling", attrs={"formula": formula, "of": of, "reason": reason})


def _repetitions(values: Array) -> npt.NDArray[np.int64]:
    """How often each stimulus was recorded, ``(n_stimuli,)``."""
    return np.asarray(np.isfinite(values).any(axis=2).sum(axis=0))


def _without_repetitions(recording: Recording, n_useful: int) -> str:
    """Why repetitions of this recording tell nothing about noise; empty when they do."""
    n = recording.data.sizes["repetition"]
    if n < 2:
        return (
            f"subject '{recording.subject}' has one repetition of every stimulus, so noise cannot be told from signal"
        )
    if n_useful < _FEWEST_STIMULI:
        return f"of {len(recording)} stimuli of subject '{recording.subject}', {n_useful} have the repetitions it takes"
    return ""


def _without_subjects(dataset: Dataset, fewest: int) -> str:
    """Why the subjects of this data set cannot be compared; empty when they can."""
    recordings = dataset.recordings
    if len(recordings) < fewest:
        return f"'{dataset.name}' holds {len(recordings)} recorded subjects; comparing them takes at least {fewest}"
    sizes = sorted({each.n_targets for each in recordings})
    if len(sizes) > 1:
        return (
            f"subjects of '{dataset.name}' have {sizes[0]} to {sizes[-1]} targets, so a target is not one thing in all"
        )
    n_shared = len(_shared_ids(dataset))
    if n_shared < _FEWEST_STIMULI:
        return f"{n_shared} stimuli were shown to all {len(recordings)} subjects of '{dataset.name}'"
    return ""


def _shared_ids(dataset: Dataset) -> npt.NDArray[np.str_]:
    """The stimuli that every subject has, in the order of the first."""
    ids = dataset.recordings[0].ids
    for other in dataset.recordings[1:]:
        ids = ids[np.isin(ids, other.ids)]
    return ids


def _shared(dataset: Dataset) -> Array:
    ids = _shared_ids(dataset)
    return np.stack([each.select(ids).mean() for each in dataset.recordings])

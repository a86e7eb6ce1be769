"""Trial-wise encoding of all people of a data set: each fitted alone, then taken together with null and intervals."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.alignment.trial_draws import (
    DRAWN,
    MEASURES,
    Comparison,
    Exchange,
    cosines,
    exchanged,
    intervals,
    measures,
    null_measures,
    stimulus_draws,
    target_correlations,
)
from consona.alignment.trial_split import TrialSplit, strata
from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput
from consona.core.stimuli import Stimuli
from consona.stats.folds import Folds
from consona.stats.nested_kernels import NestedKernels
from consona.stats.permutation import p_value

Array = npt.NDArray[np.float64]
Trivial = Mapping[str, npt.ArrayLike]


def people_scores(
    dataset: Dataset, kernels: Mapping[str, Array], given: Trivial | None, split: TrialSplit, comparison: Comparison
) -> xr.Dataset:
    """What :func:`consona.alignment.trial_encoding.trial_scores` returns, from kernels of every layer by subject.

    Raises
    ------
    InvalidInput
        When folds cannot be made, a subject lacks stimuli, or what is given does not fit.
    """
    stimuli = split.of(dataset.stimuli)
    outer, inner = split.folds(stimuli)
    orders = exchanged(strata(stimuli), split.n_permutations, seed=split.seed)
    trivial = _trivial(dataset, given, split)
    made: dict[int | str, NestedKernels] = {}
    found = []
    for recording in dataset.recordings:
        layers, own = kernels[recording.subject], trivial.get(recording.subject)
        key = id(layers) if own is None else recording.subject  # without confounds, people share their fits
        if key not in made:
            made = {key: _fits(layers, outer, inner, split, own)}
        Y = recording.select(stimuli.ids).mean()
        usable = np.asarray(np.isfinite(Y).all(axis=0))
        if not usable.any():
            raise InvalidInput(f"Recording '{recording.subject}' has no target without missing values. Leave it out.")
        exchange = Exchange.of(Y[:, usable], own, orders)
        found.append(_person(made[key], exchange, usable, split, comparison))
    return _together(found, dataset, stimuli, split)


def _fits(layers: Array, outer: Folds, inner: list[Folds], split: TrialSplit, own: Array | None) -> NestedKernels:
    try:
        return NestedKernels.of(layers, outer, inner, np.asarray(split.alphas), own)
    except ValueError as error:
        raise InvalidInput(f"Held out by '{split.hold_out}': {error}") from None


def _person(
    nested: NestedKernels,
    exchange: Exchange,
    usable: npt.NDArray[np.bool_],
    split: TrialSplit,
    comparison: Comparison,
) -> xr.Dataset:
    Y = exchange.fitted + exchange.rest
    chosen = nested.chosen((Y @ Y.T)[None])
    compared = comparison(nested, chosen, Y[None])
    r = np.full(len(usable), np.nan)
    r[usable] = target_correlations(*compared[0])[0]
    layer, alpha = nested.divided(chosen[0])
    values = {
        "score": ("measure", measures(compared)[0]),
        "null": (("permutation", "measure"), null_measures(nested, exchange, comparison)),
        "draws": (("draw", "measure"), stimulus_draws(compared, split.n_draws, seed=split.seed)),
        "r": ("target", r),
        "cosine": ("stimulus", cosines(*compared[0])[0]),
        "layer": ("fold", layer),
        "alpha": ("fold", np.asarray(split.alphas)[alpha]),
    }
    return xr.Dataset(values, {"measure": list(MEASURES), "target": np.arange(len(r))})


def _together(found: list[xr.Dataset], dataset: Dataset, stimuli: Stimuli, split: TrialSplit) -> xr.Dataset:
    people = xr.concat(found, "subject", join="outer").assign_coords(subject=dataset.subjects, stimulus=stimuli.ids)
    ends = intervals(people["score"].values, people["draws"].values, seed=split.seed)
    total, null = people["score"].values.mean(axis=0), people["null"].mean("subject").values
    over = {
        "total": ("measure", total),
        "null_mean": ("measure", _mean(null)),
        "p": ("measure", _p(total, null)),
        "p_subject": (("subject", "measure"), _p(people["score"].values, people["null"].transpose("permutation", ...))),
        "low": (("measure", "drawn"), ends.low),
        "high": (("measure", "drawn"), ends.high),
        "widest": ("measure", ends.widest),
    }
    facts = {
        "hold_out": split.hold_out,
        "kind": split.kind,
        "n_stimuli": len(stimuli),
        "n_subjects": len(dataset.subjects),
        "n_folds": people.sizes["fold"],
        "n_permutations": split.n_permutations,
        "seed": split.seed,
        "choice": "layer and penalty by total squared error in inner folds, one for all targets of a person and fold",
    }
    return people.drop_vars("draws").assign(over).assign_coords(drawn=list(DRAWN)).assign_attrs(facts)


def _mean(null: Array) -> Array:
    return null.mean(axis=0) if len(null) else np.full(null.shape[1], np.nan)


def _p(observed: Array, null: npt.ArrayLike) -> Array:
    values = np.asarray(null)
    return np.asarray(p_value(observed, values)) if len(values) else np.full(np.shape(observed), np.nan)


def _trivial(dataset: Dataset, given: Trivial | None, split: TrialSplit) -> dict[str, Array]:
    """What is given of every subject, for the stimuli of the split."""
    if given is None:
        return {}
    chosen = np.isin(dataset.stimuli.ids, split.of(dataset.stimuli).ids)
    found = {}
    for subject in dataset.subjects:
        values = np.asarray(given[subject], dtype=np.float64) if subject in given else np.empty(0)
        values = values[:, None] if values.ndim == 1 and len(values) else values
        if values.ndim != 2 or len(values) != len(chosen) or not np.isfinite(values).all():
            raise InvalidInput(
                f"The trivial features of '{subject}' have the shape {values.shape}, {int(np.isnan(values).sum())} "
                f"values missing; expected one row for each of {len(chosen)} stimuli, none missing. Fill in what is "
                "missing, such as the person's mean response time of that kind."
            )
        found[subject] = values[chosen]
    return found

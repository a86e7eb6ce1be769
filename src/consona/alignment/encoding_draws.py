"""How sure an encoding score is: the same held-out predictions under other draws of the stimuli."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.alignment.encoding import ALPHAS, fold_wise
from consona.alignment.regions import EVERYWHERE
from consona.alignment.split import Split
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.invariants import as_names
from consona.core.recording import Recording
from consona.stats.nested_ridge import NestedRidge
from consona.stats.prediction_bootstrap import drawn_groups, prediction_draws
from consona.stats.ridge_cv import ridge_cv
from consona.stats.ridge_sweep import Sweep

N_DRAWS = 1000
_LEAST_BLOCK = 10
_BY_R2 = Sweep(criterion="r2")


def encoding_draws(
    features: Features,
    recording: Recording,
    *,
    split: Split,
    layers: Sequence[int],
    region: str | None = None,
    n_draws: int = N_DRAWS,
) -> xr.Dataset:
    """Mean encoding score per region under ``n_draws`` resamples of the groups; the fits are kept.

    Two sets of features scored on one recording with one split are drawn alike, so the difference of their draws is
    paired. A time series is drawn in blocks of at least the gap (and ten volumes).

    ``layers`` names the layer to predict each fold with: one per fold, chosen without its test rows, or the same for
    all. ``region`` is a coordinate of the targets; all targets are taken together where it is not given.

    Returns
    -------
    xr.Dataset
        ``score (target)`` and ``draws (draw, target)`` with the regions as targets, and last ``all targets``.

    Raises
    ------
    InvalidInput
        When there is not one layer per fold, or stimuli differ.
    """
    folds = split.folds()
    if len(layers) != len(folds.test):
        raise InvalidInput(f"{len(folds.test)} folds and {len(layers)} layers; name one layer per fold.")
    responses = recording.mean()[split.of(recording.ids, f"recording '{recording.subject}'")]
    predicted = _predicted(features.select(split.ids), responses, split, layers)
    labels = _regions(recording, region)
    names = list(dict.fromkeys([*labels.tolist(), EVERYWHERE]))
    member = np.stack([(labels == name) | (name == EVERYWHERE) for name in names], axis=1).astype(np.float64)
    tests = folds.test if fold_wise(split) else np.any(folds.test, axis=0, keepdims=True)
    once = np.ones((1, len(responses)), dtype=np.int64)
    counts = drawn_groups(_drawn_together(split), n_draws, seed=split.seed)
    every = np.concatenate([once, counts])
    values = prediction_draws(predicted, responses, tests, every, member)
    data = {"score": (("target",), values[0]), "draws": (("draw", "target"), values[1:])}
    return xr.Dataset(data, {"target": as_names(names)}, {"n_draws": n_draws})


def chosen_layers(features: Features, recording: Recording, *, split: Split) -> list[int]:
    """The layer for each fold: the one that predicts best, mean over targets, in folds within the training stimuli.

    Raises
    ------
    InvalidInput
        When stimuli differ, or no layer varies.
    """
    chosen, layers = features.select(split.ids), features.layers.tolist()
    if len(layers) == 1:
        return [int(layers[0])] * split.n_folds
    responses = recording.mean()[split.of(recording.ids, f"recording '{recording.subject}'")]
    found = np.full((split.n_folds, len(layers)), -np.inf)
    for place, layer in enumerate(layers):
        values = chosen.layer(int(layer))
        varies = np.ptp(values, axis=0) > 0
        if varies.any():
            for fold, inner in enumerate(split.inner()):
                choice = ridge_cv(
                    values[:, varies].astype(np.float64), responses, np.asarray(ALPHAS), inner, sweep=_BY_R2
                )
                found[fold, place] = np.nanmean(choice.score) if np.isfinite(choice.score).any() else -np.inf
    if not np.isfinite(found).any(axis=1).all():
        raise InvalidInput(
            "No layer of these features varies and predicts any target; there is nothing to choose from."
        )
    return [int(layers[place]) for place in found.argmax(axis=1)]


def interval(draws: npt.NDArray[np.float64], *, level: float = 0.95) -> tuple[float, float]:
    """The middle ``level`` of the draws; NaN where too few are defined."""
    defined = draws[np.isfinite(draws)]
    if len(defined) < 20:
        return float("nan"), float("nan")
    tail = (1 - level) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return float(low), float(high)


def _predicted(
    features: Features, responses: npt.NDArray[np.float64], split: Split, layers: Sequence[int]
) -> npt.NDArray[np.float64]:
    folds, inner = split.folds(), split.inner()
    predicted = np.full(responses.shape, np.nan)
    for layer in dict.fromkeys(layers):
        values = features.layer(int(layer))
        varies = np.ptp(values, axis=0) > 0
        if not varies.any():
            continue
        ridge = NestedRidge.of(values[:, varies].astype(np.float64), folds, inner, np.asarray(ALPHAS))
        whole = np.asarray(ridge.predictions(responses))
        for fold, own in enumerate(layers):
            if own == layer:
                predicted[folds.test[fold]] = whole[folds.test[fold]]
    return predicted


def _regions(recording: Recording, region: str | None) -> npt.NDArray[np.str_]:
    if region is None:
        return np.full(recording.n_targets, EVERYWHERE)
    if region not in recording.data.coords:
        raise InvalidInput(
            f"The targets of '{recording.subject}' have no coordinate '{region}'; they have "
            f"{[str(name) for name in recording.data.coords if name != 'stimulus']}."
        )
    return as_names(recording.data[region].values)


def _drawn_together(split: Split) -> npt.NDArray[np.str_]:
    if split.kind != "time":
        return split.labels if split.kind == "groups" else split.ids
    size = max(_LEAST_BLOCK, split.purge)
    names = split.labels.astype(object)
    for label in np.unique(split.labels):
        rows = np.flatnonzero(split.labels == label)
        names[rows] = [f"{label}/{place // size}" for place in range(len(rows))]
    return as_names(names)

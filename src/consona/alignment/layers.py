"""Many layers without picking the winner: the layer is chosen, or layers are mixed, within the training stimuli."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from consona.alignment.held_out import Array, HeldOut, target_coords, varying_layers
from consona.alignment.split import Split
from consona.core.features import Features
from consona.core.recording import Recording
from consona.core.score import Score
from consona.stats.held_out import held_out_pearson
from consona.stats.stacking import nested_layer_choice, nested_stacking

__all__ = ["ALPHAS", "layer_table", "nested_layers", "stacked_layers"]

# Features of a layer are brought to a total variance of 1 first, so one grid serves every width.
ALPHAS = tuple(float(alpha) for alpha in np.logspace(-3, 5, 17))
SKIPPED = "the same for all stimuli"


def nested_layers(
    features: Features,
    recording: Recording,
    *,
    split: Split,
    shared: bool = False,
    alphas: tuple[float, ...] = ALPHAS,
    n_permutations: int = 200,
) -> Score:
    """Correlation with the held-out responses of what the *chosen* layer predicts, per target.

    In every fold the layer with the smallest error in the inner folds predicts the test stimuli, so the choice never
    sees what it is scored on; the best layer of a sweep is biased upwards. Every permutation of the null chooses again.

    Parameters
    ----------
    features
        One or several layers. A layer that is the same for all stimuli is skipped and named; the others go on.
    recording
        Responses of one subject. A target that is constant or missing has the score NaN.
    split
        What is held out together.
    shared
        Whether all targets share one layer per fold, rather than each its own.
    alphas
        Ridge penalties, for features of total variance 1 per layer; chosen per target and layer in the inner folds.
    n_permutations
        Size of the null; 0 for none.

    Returns
    -------
    Score
        Over ``target``. ``attrs`` say which layers were chosen how often (:func:`layer_table`), which were skipped and
        why, that the choice was made in training folds (check CON002), and the mean of the null.

    Raises
    ------
    InvalidInput
        When no layer varies, stimuli differ, a time series is split by groups, or scores have to be pooled and no null
        was asked for.
    """
    held_out = HeldOut.of(recording, split, n_permutations)
    skipped, layers = varying_layers(features, split)
    names, values = np.array(list(layers)), list(layers.values())

    def predicted(Y: Array, sets: npt.NDArray[np.intp]) -> tuple[Array, Any]:
        together = sets if shared else np.arange(Y.shape[1])
        found = nested_layer_choice(values, Y, held_out.folds, held_out.inner, np.asarray(alphas), together=together)
        return found.predictions, found

    r, null, found = _scored(held_out, predicted, len(values))
    defined = np.isfinite(r)
    attrs = {
        "layers": names.tolist(),
        "times_chosen": [int((found.chosen[:, defined] == i).sum()) for i in range(len(names))],
        "chosen_for": "all targets together" if shared else "each target",
        "n_at_edge": int(found.edge[:, defined].sum()),
        "n_penalties": int(defined.sum()) * len(found.edge),
    }
    return _score(recording, held_out, (r, null), "layer and penalty", {**attrs, **_skipped(skipped)})


def stacked_layers(
    features: Features,
    recording: Recording,
    *,
    split: Split,
    alphas: tuple[float, ...] = ALPHAS,
    n_permutations: int = 200,
) -> Score:
    """Correlation with the held-out responses of the best mixture of all layers, per target: Lin et al. (2022).

    The weights of the layers are not negative, sum to 1, and are found from held-out errors in the inner folds.
    Parameters are those of :func:`nested_layers`.

    Returns
    -------
    Score
        Over ``target``; ``attrs['weights']`` are the mean weights of the layers over folds and targets.

    Raises
    ------
    InvalidInput
        As :func:`nested_layers`.
    """
    held_out = HeldOut.of(recording, split, n_permutations)
    skipped, layers = varying_layers(features, split)
    values = list(layers.values())

    def predicted(Y: Array, _: npt.NDArray[np.intp]) -> tuple[Array, Any]:
        found = nested_stacking(values, Y, held_out.folds, held_out.inner, np.asarray(alphas))
        return found.predictions, found

    r, null, found = _scored(held_out, predicted, len(values))
    weights = found.weights[:, :, np.isfinite(r)]
    attrs = {"layers": list(layers), "weights": weights.mean(axis=(0, 2)).tolist() if weights.size else []}
    return _score(recording, held_out, (r, null), "weights and penalties", {**attrs, **_skipped(skipped)})


def layer_table(score: Score) -> pd.DataFrame:
    """Which layer was chosen how often, over folds and targets: columns ``layer``, ``times``, ``share``."""
    times = np.asarray(score.attrs["times_chosen"])
    share = times / times.sum() if times.sum() else np.full(len(times), np.nan)
    return pd.DataFrame({"layer": score.attrs["layers"], "times": times, "share": share})


Predict = Callable[[Array, npt.NDArray[np.intp]], tuple[Array, Any]]


def _scored(held_out: HeldOut, predicted: Predict, n_layers: int) -> tuple[Array, Array, Any]:
    """Scores of the targets, their null, and what was found for the responses as they are."""
    held_out.require_null()
    Y, test, n = held_out.responses, held_out.folds.test, held_out.responses.shape[1]
    values, found = predicted(Y, np.zeros(n, dtype=np.intp))
    r = held_out_pearson(values, Y, test, pooled=held_out.pooled)
    null = np.full((len(held_out.orders), n), np.nan)
    for block in held_out.blocks(n * n_layers):
        several = Y[held_out.orders[block]].transpose(1, 0, 2).reshape(len(Y), -1)
        sets = np.repeat(np.arange(several.shape[1] // n), n)
        values, _ = predicted(several, sets)
        null[block] = held_out_pearson(values, several, test, pooled=held_out.pooled).reshape(-1, n)
    return r, null, found


def _score(
    recording: Recording, held_out: HeldOut, values: tuple[Array, Array], chosen: str, attrs: dict[str, Any]
) -> Score:
    coords, (r, null) = target_coords(recording), values
    facts = {**held_out.facts(), **attrs, "what": "layer", "chosen_on": "training folds"}
    facts["n_candidates"] = len(attrs["layers"])
    if len(null):
        defined = null[:, np.isfinite(r)]
        facts["null_mean"] = float(defined.mean()) if defined.size else None
        facts["correction"] = "max-statistic"
    return Score(
        xr.DataArray(r, coords, ("target",)),
        "pearson r",
        held_out.words(chosen),
        xr.DataArray(null.astype(np.float32), coords, ("permutation", "target")) if len(null) else None,
        attrs=facts,
    )


def _skipped(layers: Sequence[int]) -> dict[str, Any]:
    return {"layers_skipped": list(layers), "skipped_because": SKIPPED if layers else ""}

"""Encoding: how well features of stimuli predict the responses to stimuli that were not fitted on."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.alignment.held_out import HeldOut, target_coords
from consona.alignment.split import Split
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.invariants import listed
from consona.core.recording import Recording
from consona.core.score import Score
from consona.core.separable import separable
from consona.stats.correlation import pearson_columns
from consona.stats.nested_ridge import NestedRidge, NestedScores

ALPHAS = tuple(float(alpha) for alpha in np.logspace(-1, 7, 17))
N_PERMUTATIONS = 100
NEGLIGIBLE, OVERWHELMING = 1e-4, 1e2  # penalties beside the sum of squares of one feature, and of all, in training

Array = npt.NDArray[np.float64]


@separable("target")
def encoding_score(
    features: Features,
    recording: Recording,
    *,
    split: Split,
    alphas: tuple[float, ...] = ALPHAS,
    n_permutations: int = N_PERMUTATIONS,
) -> Score:
    r"""Correlation of predicted and measured responses, for stimuli that were held out, per layer and target.

    A ridge regression with a penalty per target predicts the mean over repetitions. Penalties are chosen in folds
    within the training stimuli; features are centred and scaled by the training stimuli alone. Scores are computed in
    every fold and averaged where each fold tests at least 20 stimuli; otherwise all held-out predictions of a target
    are pooled into one correlation, whose null mean is then below zero. ``Score.attrs['cv']`` says which.

    Every permutation of the null gives responses to other stimuli (whole groups; runs shifted in a circle) and is
    fitted and tuned again, all from the same decompositions of the features.

    Parameters
    ----------
    features
        One or several layers; more stimuli than the split names are allowed.
    recording
        Responses of one subject to the stimuli of the split. A target that is constant or missing has the score NaN.
    split
        What is held out together, see :class:`~consona.alignment.split.Split`.
    alphas
        Ridge penalties, ascending; extended once, by two decades, for targets that choose the edge.
    n_permutations
        Size of the null; 0 for none.

    Returns
    -------
    Score
        Over ``(layer, target)`` with the coordinates of the targets; ``null`` has ``permutation`` in front. ``attrs``
        count what was undefined and what stayed at the edge of the penalties.

    Raises
    ------
    InvalidInput
        When features, recording and split are not about the same stimuli; when a time series is split by shuffled
        groups; when scores have to be pooled and no null was asked for.

    Warns
    -----
    UserWarning
        When the blocks of a time series touch their training without a gap.
    """
    return encoding_scores(
        features, {recording.subject: recording}, split=split, alphas=alphas, n_permutations=n_permutations
    )[recording.subject]


def encoding_scores(
    features: Features,
    recordings: Mapping[str, Recording],
    *,
    split: Split,
    alphas: tuple[float, ...] = ALPHAS,
    n_permutations: int = N_PERMUTATIONS,
) -> dict[str, Score]:
    """As :func:`encoding_score`, for several subjects who saw the same stimuli: features are decomposed once."""
    held = {name: HeldOut.of(recording, split, n_permutations) for name, recording in recordings.items()}
    for each in held.values():
        each.require_null()
    chosen = features.select(split.ids)
    found: dict[str, list[_Found]] = {name: [] for name in recordings}
    for layer in chosen.layers:
        fit = _layer_fit(chosen.layer(int(layer)), split, np.asarray(alphas))
        for name, each in held.items():
            found[name].append(fit.scored(each))
    return {name: _as_score(recordings[name], chosen, each, held[name]) for name, each in found.items()}


@dataclass(frozen=True)
class _Found:
    observed: Array
    null: Array
    n_at_edge: int
    n_penalties: int
    skipped: bool = False


@dataclass(frozen=True)
class _LayerFit:
    """One layer, decomposed for every training set; None where all its features are constant."""

    ridge: NestedRidge | None
    n_features: int
    alphas: Array

    def scored(self, held: HeldOut) -> _Found:
        responses, orders, n_targets = held.responses, held.orders, held.responses.shape[1]
        if self.ridge is None:
            undefined = np.full(n_targets, np.nan)
            return _Found(undefined, np.full((len(orders), n_targets), np.nan), 0, 0, skipped=True)
        fitted = self.ridge.scores(responses)
        observed = _scored(self.ridge, responses, held) if held.pooled else fitted.scores.mean(axis=0)
        known, at_edge = np.isfinite(observed), self._at_edge(fitted, held)
        null = np.full((len(orders), n_targets), np.nan)
        for rows in held.blocks(n_targets):
            several = responses[orders[rows]]  # (permutation, stimulus, target)
            side_by_side = several.transpose(1, 0, 2).reshape(len(responses), -1)
            null[rows] = _scored(self.ridge, side_by_side, held).reshape(-1, n_targets)
        return _Found(observed, null, int(at_edge[:, known].sum()), int(known.sum()) * len(at_edge))

    def _at_edge(self, fitted: NestedScores, held: HeldOut) -> npt.NDArray[np.bool_]:
        """Penalties that a wider grid might have changed, which excludes those that shrink nothing or everything."""
        n_train = held.folds.train.sum(axis=1).min()
        low, high = NEGLIGIBLE * n_train, n_train * self.n_features * OVERWHELMING
        if self.alphas.min() >= high or self.alphas.max() <= low:
            return np.asarray(fitted.edge)  # no penalty of the grid does its work
        return np.asarray(fitted.edge & (fitted.alphas > low) & (fitted.alphas < high))


def _scored(ridge: NestedRidge, responses: Array, held: HeldOut) -> Array:
    if not held.pooled:
        return np.asarray(ridge.scores(responses).scores.mean(axis=0))
    tested = held.folds.test.any(axis=0)
    return np.asarray(pearson_columns(ridge.predictions(responses)[tested], responses[tested]))


def _layer_fit(values: npt.NDArray[np.float32], split: Split, alphas: Array) -> _LayerFit:
    varies = np.ptp(values, axis=0) > 0
    if not varies.any():
        return _LayerFit(None, 0, alphas)
    X = values[:, varies].astype(np.float64 if len(values) < 4096 else np.float32)
    try:
        return _LayerFit(NestedRidge.of(X, split.folds(), split.inner(), alphas), X.shape[1], alphas)
    except ValueError as error:
        raise InvalidInput(
            f"Held out by '{split.column}', {len(split.ids)} stimuli in {split.n_folds} folds: {error}"
        ) from None


def _as_score(recording: Recording, features: Features, found: list[_Found], held: HeldOut) -> Score:
    coords = {"layer": features.layers, **target_coords(recording)}
    data = xr.DataArray(np.stack([each.observed for each in found]), coords, ("layer", "target"))
    stacked = np.stack([each.null for each in found], axis=1).astype(np.float32)
    null = xr.DataArray(stacked, coords, ("permutation", "layer", "target")) if len(stacked) else None
    facts = {
        **held.facts(),
        **({"correction": "max-statistic"} if len(stacked) else {}),
        "features_per_stimulus": int(features.data.sizes["feature"]),
        "stimuli_in_training": int(held.folds.train.sum(axis=1).min()),
        "penalty_chosen_in": "inner folds",
        "n_at_edge": sum(each.n_at_edge for each in found),
        "n_penalties": sum(each.n_penalties for each in found),
        "layers_skipped": [int(layer) for layer, each in zip(features.layers, found, strict=True) if each.skipped],
    }
    return Score(data, "pearson r", held.words("penalty"), null=null, attrs=facts)


def require_defined(recording: Recording) -> None:
    """Refuse targets that are missing or constant, instead of leaving their scores undefined.

    Raises
    ------
    InvalidInput
        With the subject and the targets.
    """
    values = recording.mean()
    bad = np.flatnonzero(~np.isfinite(values).all(axis=0) | (np.ptp(np.nan_to_num(values), axis=0) == 0))
    if len(bad):
        raise InvalidInput(
            f"Recording '{recording.subject}': {len(bad)} of {values.shape[1]} targets are constant or missing: "
            f"{listed(bad)}. Leave them out, or allow undefined scores."
        )


def share_at_edge(score: Score) -> float:
    """The share of penalties, over folds and targets, that stayed at the edge of the extended grid."""
    n = int(score.attrs.get("n_penalties", 0))
    return int(score.attrs["n_at_edge"]) / n if n else math.nan

"""Encoding: how well features of stimuli predict the responses to stimuli that were not fitted on."""

import math
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.alignment.split import Split
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.invariants import listed
from consona.core.recording import Recording
from consona.core.score import Score
from consona.core.separable import separable
from consona.stats.correlation import pearson_columns
from consona.stats.folds import Folds
from consona.stats.nested_ridge import NestedRidge, NestedScores

ALPHAS = tuple(float(alpha) for alpha in np.logspace(-1, 7, 17))
N_PERMUTATIONS = 100
FEWEST_IN_FOLD = 20
NEGLIGIBLE = 1e-4  # of the sum of squares of a feature in training; its inverse, of all of them, is overwhelming
_CELLS = 20_000_000  # of permuted responses held at once

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
    for recording in recordings.values():
        _require_fit(recording, split, n_permutations)
    responses = {name: responses_of(recording, split) for name, recording in recordings.items()}
    chosen = features.select(split.ids)
    orders = split.orders(n_permutations) if n_permutations else np.empty((0, len(split.ids)), dtype=np.intp)
    found: dict[str, list[_Found]] = {name: [] for name in recordings}
    for layer in chosen.layers:
        fit = _layer_fit(chosen.layer(int(layer)), split, np.asarray(alphas))
        for name, values in responses.items():
            found[name].append(fit.scored(values, orders))
    facts = _facts(chosen, split, len(orders))
    return {name: _as_score(recordings[name], chosen.layers, each, split, facts) for name, each in found.items()}


def responses_of(recording: Recording, split: Split) -> Array:
    """Mean responses in the order of the split, ``(n_stimuli, n_targets)``."""
    return recording.mean()[split.of(recording.ids, f"recording '{recording.subject}'")]


def fold_wise(split: Split) -> bool:
    """Whether scores are computed per fold: every fold tests at least 20 stimuli."""
    return bool(split.folds().test.sum(axis=1).min() >= FEWEST_IN_FOLD)


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
    folds: Folds
    pooled: bool
    n_features: int

    def scored(self, responses: Array, orders: npt.NDArray[np.intp]) -> _Found:
        n_targets = responses.shape[1]
        if self.ridge is None:
            undefined = np.full(n_targets, np.nan)
            return _Found(undefined, np.full((len(orders), n_targets), np.nan), 0, 0, skipped=True)
        fitted = self.ridge.scores(responses)
        observed = self._of(self.ridge, responses) if self.pooled else fitted.scores.mean(axis=0)
        known = np.isfinite(observed)
        n_at_edge, n_penalties = int(self._at_edge(fitted)[:, known].sum()), int(known.sum()) * len(fitted.scores)
        null = np.full((len(orders), n_targets), np.nan)
        for rows in _chunks(len(orders), responses.size):
            several = responses[orders[rows]]  # (permutation, stimulus, target)
            side_by_side = several.transpose(1, 0, 2).reshape(len(responses), -1)
            null[rows] = self._of(self.ridge, side_by_side).reshape(-1, n_targets)
        return _Found(observed, null, n_at_edge, n_penalties)

    def _of(self, ridge: NestedRidge, responses: Array) -> Array:
        if not self.pooled:
            return np.asarray(ridge.scores(responses).scores.mean(axis=0))
        tested = self.folds.test.any(axis=0)
        return np.asarray(pearson_columns(ridge.predictions(responses)[tested], responses[tested]))

    def _at_edge(self, fitted: NestedScores) -> npt.NDArray[np.bool_]:
        """Penalties that a wider grid might have changed, which excludes those that shrink nothing or everything."""
        n_train = self.folds.train.sum(axis=1).min()
        low, high = NEGLIGIBLE * n_train, n_train * self.n_features / NEGLIGIBLE
        return np.asarray(fitted.edge & (fitted.alphas > low) & (fitted.alphas < high))


def _layer_fit(values: npt.NDArray[np.float32], split: Split, alphas: Array) -> _LayerFit:
    folds, varies = split.folds(), np.ptp(values, axis=0) > 0
    if not varies.any():
        return _LayerFit(None, folds, not fold_wise(split), 0)
    X = values[:, varies].astype(np.float64 if len(values) < 4096 else np.float32)
    return _LayerFit(NestedRidge.of(X, folds, split.inner(), alphas), folds, not fold_wise(split), X.shape[1])


def _chunks(n: int, cells: int) -> Iterator[slice]:
    size = max(1, _CELLS // max(1, cells))
    return (slice(start, min(start + size, n)) for start in range(0, n, size))


def _target_coords(recording: Recording) -> dict[str, object]:
    coords = {str(name): each for name, each in recording.data.coords.items() if each.dims == ("target",)}
    return {name: ("target", each.values) for name, each in coords.items()}


def _words(split: Split) -> str:
    how = "mean of the correlations in each fold" if fold_wise(split) else "held-out predictions pooled over folds"
    return f"{split.words()}; {how}; penalty chosen in folds within the training stimuli"


def _as_score(
    recording: Recording,
    layers: npt.NDArray[np.int64],
    found: list[_Found],
    split: Split,
    facts: dict[str, object],
) -> Score:
    coords = {"layer": layers, **_target_coords(recording)}
    data = xr.DataArray(np.stack([each.observed for each in found]), coords, ("layer", "target"))
    stacked = np.stack([each.null for each in found], axis=1).astype(np.float32)
    null = xr.DataArray(stacked, coords, ("permutation", "layer", "target")) if len(stacked) else None
    counts = {
        "n_at_edge": sum(each.n_at_edge for each in found),
        "n_penalties": sum(each.n_penalties for each in found),
        "layers_skipped": [int(layer) for layer, each in zip(layers, found, strict=True) if each.skipped],
    }
    return Score(data, "pearson r", _words(split), null=null, attrs={**facts, **counts})


def _facts(features: Features, split: Split, n_permutations: int) -> dict[str, object]:
    facts: dict[str, object] = {
        "cv": "fold-wise" if fold_wise(split) else "pooled",
        "held_out": split.column,
        "shares_stimuli": split.kind in ("sessions", "shuffled"),
        "folds": split.named_folds(),
        "features_per_stimulus": int(features.data.sizes["feature"]),
        "stimuli_in_training": int(split.folds().train.sum(axis=1).min()),
        "penalty_chosen_in": "inner folds",
    }
    if n_permutations:
        facts["null"] = split.null_words()
        facts["smallest_p"] = 1.0 / (n_permutations + 1)
        facts["correction"] = "max-statistic"
    return facts


def _require_fit(recording: Recording, split: Split, n_permutations: int) -> None:
    series = "time" in recording.data.coords
    if series and split.kind == "groups":
        raise InvalidInput(
            f"Recording '{recording.subject}' is a time series (it has the coordinate 'time'); held out by "
            f"'{split.column}', neighbours of test volumes would be in training. Use Split.of_runs with a gap; or, to "
            "show what goes wrong, Split.of_shuffled_rows."
        )
    if not fold_wise(split) and n_permutations < 1:
        raise InvalidInput(
            f"A fold tests fewer than {FEWEST_IN_FOLD} stimuli, so scores are pooled over folds, and those mean "
            "nothing without their null. Ask for n_permutations, or for fewer folds."
        )
    if split.kind == "time" and split.purge == 0 and len(np.unique(split.labels)) < split.n_folds:
        warnings.warn(
            "Blocks of a time series touch their training without a gap: neighbours in time are alike and scores too "
            "high. Give a purge of at least the autocorrelation length.",
            stacklevel=3,
        )


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

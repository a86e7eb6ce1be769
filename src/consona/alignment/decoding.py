"""Decoding: which held-out stimulus was seen, told from the responses to it."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.alignment.encoding import ALPHAS
from consona.alignment.held_out import Array, HeldOut, varying_layers
from consona.alignment.split import Split
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.recording import Recording
from consona.core.score import Score
from consona.stats.held_out import training_means
from consona.stats.nested_ridge import NestedRidge
from consona.stats.retrieval import Metric, Retrieval, retrieval

__all__ = ["Candidates", "decoded_features", "retrieval_score"]

Candidates = Literal["fold", "all"]
ATTRIBUTES = ("top1", "top5", "rank", "two-way")
AMONG = {"fold": "the test stimuli of the same fold", "all": "all stimuli, those of training among them"}


def retrieval_score(
    recording: Recording,
    features: Features,
    *,
    split: Split,
    candidates: Candidates = "fold",
    metric: Metric = "pearson",
    alphas: tuple[float, ...] = ALPHAS,
    n_permutations: int = 200,
) -> Score:
    """How well held-out stimuli are identified: a ridge predicts their features, and the nearest vector is looked up.

    Penalties are chosen per feature in folds within the training stimuli. Decoded vectors and candidates are compared
    by correlation over features, each feature first centred and scaled by the training stimuli (``pearson``), or by the
    cosine of the vectors as they are (``cosine``).

    Parameters
    ----------
    recording
        Responses of one subject; targets that are constant or missing are left out and counted.
    features
        One or several layers, each decoded by itself; a layer that is the same for all stimuli is skipped (NaN).
    split
        What is held out together; under the null whole groups of stimuli change places and all is fitted again.
    candidates
        Among which a stimulus is identified: the test stimuli of its ``fold``, or ``all`` stimuli.
    metric
        How vectors are compared.
    alphas
        Ridge penalties, ascending; extended once by two decades.
    n_permutations
        Size of the null; 0 for none.

    Returns
    -------
    Score
        Over ``(layer, attribute)``: ``top1`` and ``top5`` (share of stimuli whose own vector is among the first;
        ties broken by lot), ``two-way`` (share of pairs of the correct and one other candidate in which the correct one
        is nearer; ties count half) and ``rank`` (the median instead of the mean of the same: 1 is always first, .5 is
        chance). Averaged over folds of at least 20 stimuli, otherwise over all stimuli. ``attrs`` hold the same four of
        the mean baseline (decoding every stimulus as the training mean), of chance and of the mean of the null, and
        the median and mean of the ranks themselves.

    Raises
    ------
    InvalidInput
        When no target or no layer varies, a fold has a single candidate, stimuli and split do not fit, or scores have
        to be pooled and no null was asked for.
    """
    held_out = HeldOut.of(recording, split, n_permutations)
    held_out.require_null()
    _require_choice(held_out, candidates)
    skipped, layers = varying_layers(features, split)
    ridge, n_left_out = _decoder(held_out, recording, alphas)
    search = _Search(held_out, candidates, metric)
    found = {layer: _decoded(search, ridge, values.astype(np.float64)) for layer, values in layers.items()}
    names = sorted([*skipped, *layers])
    coords = {"layer": names, "attribute": list(ATTRIBUTES)}
    nowhere = _Decoded(*(np.full(each.shape, np.nan) for each in next(iter(found.values()))))
    rows = [found.get(layer, nowhere) for layer in names]
    attrs = {
        **held_out.facts(),
        "candidates": AMONG[candidates],
        "n_candidates": sorted({each.n_candidates for each in search.chance()}),
        "chance": _named(search.quality(search.chance())),
        "mean_baseline": {str(layer): _named(each.baseline) for layer, each in found.items()},
        "median_rank": {str(layer): float(np.median(each.ranks)) for layer, each in found.items()},
        "mean_rank": {str(layer): float(np.mean(each.ranks)) for layer, each in found.items()},
        "n_targets_left_out": n_left_out,
        "layers_skipped": skipped,
    }
    data = xr.DataArray(np.stack([each.quality for each in rows]), coords, ("layer", "attribute"))
    null = None
    if len(held_out.orders):
        attrs["null_mean"] = {str(layer): _named(each.null.mean(axis=0)) for layer, each in found.items()}
        stacked = np.stack([each.null for each in rows], axis=1)
        null = xr.DataArray(stacked, coords, ("permutation", "layer", "attribute"))
    how = "correlation of features scaled by the training stimuli" if metric == "pearson" else "cosine"
    return Score(data, f"identification by {how}", held_out.words("penalty"), null, attrs=attrs)


def decoded_features(
    recording: Recording, features: Features, *, split: Split, alphas: tuple[float, ...] = ALPHAS
) -> Features:
    """What the responses say the features of held-out stimuli are: to be looked up in any dictionary.

    See :func:`consona.stats.retrieval.nearest` for millions of candidates. Stimuli that are never tested are not among
    them; layers that are the same for all stimuli are left out.

    Raises
    ------
    InvalidInput
        When no target or no layer varies, or stimuli and split do not fit.
    """
    held_out = HeldOut.of(recording, split, 0)
    _, layers = varying_layers(features, split)
    ridge, _ = _decoder(held_out, recording, alphas)
    tested = held_out.folds.test.any(axis=0)
    decoded = np.stack([ridge.predictions(each.astype(np.float64))[tested] for each in layers.values()], axis=1)
    coords = {"stimulus": split.ids[tested], "layer": list(layers)}
    attrs = {**features.attrs, "decoded": recording.subject}
    return Features(xr.DataArray(decoded, coords, ("stimulus", "layer", "feature"), attrs=attrs))


class _Decoded(NamedTuple):
    """Of one layer: the four attributes, those of the mean baseline, those of the null, and every rank."""

    quality: Array
    baseline: Array
    null: Array
    ranks: Array


@dataclass(frozen=True)
class _Search:
    """How decoded vectors are looked up, fold by fold."""

    held_out: HeldOut
    candidates: Candidates
    metric: Metric

    def of(self, decoded: Array, E: Array) -> list[Retrieval]:
        """Look up every test stimulus."""
        try:
            return [self._fold(decoded, E, *masks) for masks in zip(*self.held_out.folds, strict=True)]
        except ValueError as error:
            raise InvalidInput(f"Decoded stimuli cannot be looked up: {error}") from None

    def _fold(self, decoded: Array, E: Array, train: npt.NDArray[np.bool_], test: npt.NDArray[np.bool_]) -> Retrieval:
        among = np.flatnonzero(test) if self.candidates == "fold" else np.arange(len(E))
        queries, known = decoded[test], E[among]
        if self.metric == "pearson":
            mean, spread = E[train].mean(axis=0), E[train].std(axis=0)
            kept = spread > 0
            queries, known = ((each[:, kept] - mean[kept]) / spread[kept] for each in (queries, known))
        return retrieval(queries, known, np.searchsorted(among, np.flatnonzero(test)), metric=self.metric)

    def chance(self) -> list[Retrieval]:
        """What a decoder gets that finds all candidates alike."""
        sizes = self.held_out.folds.test.sum(axis=1).tolist()
        several = sizes if self.candidates == "fold" else [len(self.held_out.responses)] * len(sizes)
        return [
            Retrieval(np.zeros(n, dtype=np.int64), np.full(n, among - 1), among)
            for n, among in zip(sizes, several, strict=True)
        ]

    def quality(self, found: list[Retrieval]) -> Array:
        """The attributes: per fold and then averaged, or over the stimuli of all folds."""
        each = [np.stack([one.top(1), one.top(5), one.two_way, one.two_way]) for one in found]
        sets = [np.concatenate(each, axis=1)] if self.held_out.pooled else each
        summaries = [[top1.mean(), top5.mean(), np.median(way), way.mean()] for top1, top5, way, _ in sets]
        return np.asarray(np.mean(summaries, axis=0))


def _decoded(search: _Search, ridge: NestedRidge, E: Array) -> _Decoded:
    held_out = search.held_out
    found = search.of(ridge.predictions(E), E)
    null = np.full((len(held_out.orders), len(ATTRIBUTES)), np.nan)
    for block in held_out.blocks(E.shape[1]):
        several = E[held_out.orders[block]]
        predicted = ridge.predictions(several.transpose(1, 0, 2).reshape(len(E), -1))
        parts = np.split(predicted, len(several), axis=1)
        null[block] = [search.quality(search.of(part, own)) for part, own in zip(parts, several, strict=True)]
    baseline = search.quality(search.of(training_means(E, held_out.folds), E))
    return _Decoded(search.quality(found), baseline, null, np.concatenate([each.rank for each in found]))


def _decoder(held_out: HeldOut, recording: Recording, alphas: tuple[float, ...]) -> tuple[NestedRidge, int]:
    """A ridge on the targets that vary, and how many do not."""
    Y = held_out.responses
    kept: npt.NDArray[np.bool_] = np.asarray(np.isfinite(Y).all(axis=0))
    kept[kept] = np.ptp(Y[:, kept], axis=0) > 0
    if not kept.any():
        raise InvalidInput(
            f"Recording '{recording.subject}': all {len(kept)} targets are constant or missing; nothing can be decoded."
        )
    ridge = NestedRidge.of(Y[:, kept], held_out.folds, held_out.inner, np.asarray(alphas))
    return ridge, int((~kept).sum())


def _named(quality: Array) -> dict[str, float]:
    return dict(zip(ATTRIBUTES, quality.tolist(), strict=True))


def _require_choice(held_out: HeldOut, candidates: Candidates) -> None:
    fewest = int(held_out.folds.test.sum(axis=1).min())
    if candidates == "fold" and fewest < 2:
        raise InvalidInput(
            f"A fold tests {fewest} stimulus, and among the stimuli of one fold there is nothing to identify it from. "
            "Use candidates='all' or fewer folds."
        )

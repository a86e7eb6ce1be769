"""Nulls and intervals of trial-wise encoding: trials exchanged within kind and run, people and trials drawn again."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from consona.stats.bootstrap import bootstrap_interval
from consona.stats.correlation import pearson_columns
from consona.stats.nested_kernels import NestedKernels, training_fit
from consona.stats.prediction_bootstrap import drawn_groups, prediction_draws
from consona.stats.seeds import rng_for

MEASURES = ("mean r", "median r", "pattern")
DRAWN = ("subjects", "stimuli", "both")
WIDENING = 2.0  # of draws of pooled predictions, for the fits that other stimuli would have given: see encoding_draws
_CELLS = 200_000  # responses held at once: what fits in the cache of a processor

Array = npt.NDArray[np.float64]
Compared = list[tuple[Array, Array]]  # predicted and measured, (draw, stimulus, target); a second pair is subtracted
Comparison = Callable[[NestedKernels, npt.NDArray[np.int64], Array], Compared]


def exchanged(strata: npt.NDArray[np.str_], n_permutations: int, *, seed: int) -> npt.NDArray[np.int64]:
    """Orders ``(n_permutations, n_stimuli)`` of the stimuli, at random within each stratum; people share them."""
    orders = np.tile(np.arange(len(strata)), (n_permutations, 1))
    for stratum in np.unique(strata).tolist():
        rows = np.flatnonzero(strata == stratum)
        orders[:, rows] = rng_for(seed, "trials exchanged", stratum).permuted(orders[:, rows], axis=1)
    return orders


@dataclass(frozen=True)
class Exchange:
    r"""Responses under the null: what confounds explain stays with its trial, the rest changes places.

    .. math:: Y^* = C Y + P (Y - C Y)

    Freedman and Lane (1983), with :math:`C` fitted to all trials. Without confounds whole patterns change places.
    """

    fitted: Array
    rest: Array
    orders: npt.NDArray[np.int64]

    @classmethod
    def of(cls, Y: Array, given: Array | None, orders: npt.NDArray[np.int64]) -> "Exchange":
        """Divide responses ``(n_stimuli, n_targets)``."""
        fitted = np.zeros_like(Y) if given is None else training_fit(given, np.arange(len(Y))) @ Y
        return cls(fitted, Y - fitted, orders)

    def grams(self) -> Array:
        """``Y* Y*'`` of every order, from three products that are made once."""
        ff, fe, ee = self.fitted @ self.fitted.T, self.fitted @ self.rest.T, self.rest @ self.rest.T
        across = fe[:, self.orders].transpose(1, 0, 2)
        return np.asarray(ff + across + across.transpose(0, 2, 1) + ee[self.orders[:, :, None], self.orders[:, None]])

    def responses(self, some: slice) -> Array:
        """``Y*`` of some orders."""
        return np.asarray(self.fitted + self.rest[self.orders[some]])


def measures(compared: Compared) -> Array:
    """``(n_draws, 3)``: mean and median over targets of Pearson's r, and the mean cosine of patterns over stimuli."""
    values = [
        np.stack([_over(np.mean, r), _over(np.median, r), _over(np.mean, cosines(*pair))], axis=1)
        for pair in compared
        for r in [target_correlations(*pair)]
    ]
    return values[0] - values[1] if len(values) == 2 else values[0]


def target_correlations(predicted: Array, measured: Array) -> Array:
    """Per draw and target, over the stimuli: ``(n_draws, n_targets)``."""
    n_draws, n_stimuli, n_targets = predicted.shape
    flat = [each.transpose(1, 0, 2).reshape(n_stimuli, -1) for each in (predicted, measured)]
    return np.asarray(pearson_columns(*flat)).reshape(n_draws, n_targets)


def cosines(predicted: Array, measured: Array) -> Array:
    """Per draw and stimulus, over the targets: ``(n_draws, n_stimuli)``; no rotation of the targets changes them."""
    across = np.einsum("bnv,bnv->bn", predicted, measured)
    size = np.einsum("bnv,bnv->bn", predicted, predicted) * np.einsum("bnv,bnv->bn", measured, measured)
    return np.divide(across, np.sqrt(size), out=np.full(across.shape, np.nan), where=size > 0)


def null_measures(nested: NestedKernels, exchange: Exchange, comparison: Comparison) -> Array:
    """All measures of every order, layer and penalty chosen anew: ``(n_permutations, 3)``."""
    chosen = nested.chosen(exchange.grams()) if len(exchange.orders) else np.empty((0, 0), dtype=np.int64)
    parts = [
        measures(comparison(nested, chosen[some], exchange.responses(some)))
        for some in _blocks(len(exchange.orders), exchange.rest.size)
    ]
    return np.concatenate(parts) if parts else np.empty((0, len(MEASURES)))


def stimulus_draws(compared: Compared, n_draws: int, *, seed: int) -> Array:
    """The measures when other stimuli had been drawn, fits kept and the spread widened: ``(n_draws, 3)``.

    The same stimuli are drawn for everyone, so people can be averaged draw by draw.
    """
    n_stimuli = compared[0][0].shape[1]
    counts = drawn_groups(np.arange(n_stimuli), n_draws, seed=seed)
    found = []
    for predicted, measured in compared:
        everywhere, every = np.ones((1, n_stimuli), dtype=bool), np.eye(predicted.shape[2])
        r = prediction_draws(predicted[0], measured[0], everywhere, counts, every)
        cosine = cosines(predicted, measured)[0]
        known = np.isfinite(cosine)
        weight = counts @ known
        pattern = np.divide(
            counts @ np.where(known, cosine, 0.0), weight, out=np.full(n_draws, np.nan), where=weight > 0
        )
        found.append(np.stack([_over(np.mean, r), _over(np.median, r), pattern], axis=1))
    draws = found[0] - found[1] if len(found) == 2 else found[0]
    centre = _over(np.mean, draws.T)
    return np.asarray(measures(compared) + WIDENING * (draws - centre))


class Intervals(NamedTuple):
    """Middle 95 % of each measure, by what was drawn again: ``(n_measures, n_drawn)``, and which is widest."""

    low: Array
    high: Array
    widest: list[str]


def intervals(scores: Array, draws: Array, *, seed: int, level: float = 0.95) -> Intervals:
    """Intervals of the mean over people, from people, from stimuli, and from both drawn at once.

    Parameters
    ----------
    scores
        ``(n_subjects, n_measures)``.
    draws
        ``(n_subjects, n_draws, n_measures)`` of :func:`stimulus_draws`.
    seed
        Of the people drawn.
    level
        Share of the draws inside.
    """
    n_subjects, n_draws, _ = draws.shape
    low, high = (each[:, None] for each in bootstrap_interval(scores, n_draws=n_draws, level=level, seed=seed))
    people = rng_for(seed, "people drawn").multinomial(n_subjects, np.full(n_subjects, 1 / n_subjects), size=n_draws)
    both = np.einsum("bs,sbm->bm", people / n_subjects, draws)
    tails = [(1 - level) / 2, (1 + level) / 2]
    for drawn in (draws.mean(axis=0), both):
        ends = _quantiles(drawn, tails)
        low, high = np.column_stack([low, ends[0]]), np.column_stack([high, ends[1]])
    width = np.where(np.isfinite(high - low), high - low, -np.inf)
    return Intervals(low, high, [DRAWN[place] for place in width.argmax(axis=1)])


def _quantiles(draws: Array, tails: Sequence[float]) -> Array:
    """Of the defined draws; NaN where fewer than twenty are."""
    ends = np.full((2, draws.shape[1]), np.nan)
    for place, column in enumerate(draws.T):
        known = column[np.isfinite(column)]
        if len(known) >= 20:
            ends[:, place] = np.quantile(known, tails)
    return ends


def _over(summary: Callable[..., Array], values: Array) -> Array:
    """A summary of the defined values of each row; NaN where none is."""
    known = np.isfinite(values)
    if known.all() and values.shape[1]:
        return np.asarray(summary(values, axis=1))
    return np.array(
        [summary(row[own]) if own.any() else np.nan for row, own in zip(values, known, strict=True)], dtype=np.float64
    )


def _blocks(n_draws: int, n_cells: int) -> Iterator[slice]:
    step = max(1, _CELLS // max(1, n_cells))
    return (slice(a, b) for a, b in pairwise([*range(0, n_draws, step), n_draws]))

"""Variance partitioning: what each band of a joint banded ridge adds, and whether it adds anything."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from consona.stats.banded import banded_parts, banded_predictions, banded_search, nested_banded
from consona.stats.folds import Folds
from consona.stats.held_out import held_out_r2, product_measure, training_means
from consona.stats.shapes import Array, Float, Int, Real

__all__ = ["JointModel", "Partition", "partition", "unique_null"]

CELLS = 20_000_000  # of permuted targets held at once


@dataclass(frozen=True)
class JointModel:
    """A banded ridge and how it is held out; any number of targets goes through it.

    Attributes
    ----------
    bands
        One array ``(n_rows, n_features)`` per band.
    outer, inner
        Folds that are scored, and for each of them the folds in which weights and penalty are chosen.
    gammas, alphas
        Band weights and penalties to try.
    pooled
        Whether errors are summed over all folds rather than scored in each: for folds of few rows.
    """

    bands: Sequence[Array]
    outer: Folds
    inner: Sequence[Folds]
    gammas: np.ndarray
    alphas: np.ndarray
    pooled: bool = False

    def without(self, band: int) -> "JointModel":
        """The model of the other bands; it tries the same weights, less that of the band."""
        others = [b for b in range(len(self.bands)) if b != band]
        weights = self.gammas[:, others]
        total = weights.sum(axis=1, keepdims=True)
        weights = np.where(total > 0, weights, 1.0)
        weights = weights / weights.sum(axis=1, keepdims=True)
        _, first = np.unique(np.round(weights, 12), axis=0, return_index=True)
        return replace(self, bands=[self.bands[b] for b in others], gammas=weights[np.sort(first)])

    def alone(self, band: int) -> "JointModel":
        """The model of one band."""
        return replace(self, bands=[self.bands[band]], gammas=np.ones((1, 1)))

    def r2(self, Y: Real[Array, "n_rows n_targets"]) -> Float[np.ndarray, " n_targets"]:
        """Held-out share of variance beyond the training mean, see :func:`consona.stats.held_out.held_out_r2`."""
        found = nested_banded(self.bands, Y, self.outer, self.gammas, self.alphas, inner=self.inner)
        means = training_means(Y, self.outer)
        return held_out_r2(found.predictions, Y, means, self.outer.test, pooled=self.pooled)

    def products(self, Y: Real[Array, "n_rows n_targets"]) -> Float[np.ndarray, "n_bands n_targets"]:
        """The product measure of every band, which adds up to :meth:`r2`."""
        parts = np.full((len(self.bands), *Y.shape), np.nan)
        for k, folds in enumerate(self.inner):
            choice = banded_search(self.bands, Y, folds, self.gammas, self.alphas)
            one = Folds(self.outer.train[k : k + 1], self.outer.test[k : k + 1])
            rows = self.outer.test[k]
            parts[:, rows] = np.asarray(banded_parts(self.bands, Y, one, choice))[:, rows]
        return product_measure(parts, Y, training_means(Y, self.outer), self.outer.test, pooled=self.pooled)

    def fitted(self, Y: Real[Array, "n_rows n_targets"]) -> Float[np.ndarray, "n_rows n_targets"]:
        """In-sample predictions with the weights and penalty that the outer folds choose: a null is built on them."""
        choice = banded_search(self.bands, Y, self.outer, self.gammas, self.alphas)
        every = np.ones((1, len(Y)), dtype=bool)
        return np.asarray(banded_predictions(self.bands, Y, Folds(every, every), choice))


class Partition(NamedTuple):
    r"""Held-out :math:`R^2` of the joint model and of its parts, per target.

    ``full`` is the model of all bands, ``without`` that of all but one, ``alone`` that of one; ``product`` is the
    product measure of each band in the joint model, which adds up to ``full``.
    """

    full: Float[np.ndarray, " n_targets"]
    without: Float[np.ndarray, "n_bands n_targets"]
    alone: Float[np.ndarray, "n_bands n_targets"]
    product: Float[np.ndarray, "n_bands n_targets"]

    @property
    def unique(self) -> Float[np.ndarray, "n_bands n_targets"]:
        """What is lost when a band is left out: ``full - without``."""
        return np.asarray(self.full - self.without)

    @property
    def shared(self) -> Float[np.ndarray, " n_targets"]:
        """What no single band adds by itself: ``full`` less all unique parts."""
        return np.asarray(self.full - self.unique.sum(axis=0))


def partition(model: JointModel, Y: Real[Array, "n_rows n_targets"]) -> Partition:
    """Fit the joint model, each model without one band, and each band alone, all nested, and score them on test rows.

    Raises
    ------
    ValueError
        When there is a single band, or as :func:`consona.stats.banded.banded_search`.
    """
    _require_several(model)
    bands = range(len(model.bands))
    return Partition(
        model.r2(Y),
        np.stack([model.without(band).r2(Y) for band in bands]),
        np.stack([model.alone(band).r2(Y) for band in bands]),
        model.products(Y),
    )


def unique_null(
    model: JointModel,
    Y: Real[Array, "n_rows n_targets"],
    band: int,
    orders: Int[np.ndarray, "n_permutations n_rows"],
) -> Float[np.ndarray, "n_permutations n_targets"]:
    r"""Unique variance of a band where it has none: residuals of the other bands change places, all is fitted again.

    .. math:: y^* = \hat y_{-b} + P (y - \hat y_{-b}), \qquad u^* = R^2_\text{full}(y^*) - R^2_{-b}(y^*)

    Freedman and Lane (1983), with ridge fits as in Hemerik, Thoresen and Finos (2021). What the other bands explain
    stays where it is, and so do all correlations between bands; permuting the rows of the band itself would break
    these, and a band that only repeats the others would seem to add something. Exact in the limit of a good fit by the
    other bands; what they explain but the penalty hides stays in the residuals, see ``docs/method/banded.md``.

    Parameters
    ----------
    model
        At least two bands.
    Y
        Targets; one that is not finite is NaN.
    band
        Which band is tested.
    orders
        Rows under the null, whole groups together.

    Raises
    ------
    ValueError
        When there is a single band, or as :func:`consona.stats.banded.banded_search`.
    """
    _require_several(model)
    reduced, Y = model.without(band), np.asarray(Y, dtype=np.float64)
    fitted = reduced.fitted(Y)
    residuals = Y - fitted
    null = np.empty((len(orders), Y.shape[1]))
    for rows in _chunks(len(orders), Y.size):
        permuted = (fitted[None] + residuals[orders[rows]]).transpose(1, 0, 2).reshape(len(Y), -1)
        null[rows] = (model.r2(permuted) - reduced.r2(permuted)).reshape(-1, Y.shape[1])
    return null


def _chunks(n: int, cells: int) -> Iterator[slice]:
    size = max(1, CELLS // max(1, cells))
    return (slice(start, start + size) for start in range(0, n, size))


def _require_several(model: JointModel) -> None:
    if len(model.bands) < 2:
        raise ValueError(
            f"{len(model.bands)} band cannot be partitioned; variance is divided among two or more. Add a band."
        )

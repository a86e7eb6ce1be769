"""Many layers, one prediction: the best mixture of them, or the best of them, found within the training rows."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls

from consona.stats.banded import BandedChoice, banded_predictions, banded_search
from consona.stats.folds import Folds
from consona.stats.shapes import Array, Bool, Float, Int, Real, Shaped

__all__ = ["NestedChoice", "NestedStack", "nested_layer_choice", "nested_stacking", "simplex_weights"]

ONE = np.ones((1, 1))
_MOST_STEPS = 30  # of the active set, per layer


class NestedStack(NamedTuple):
    """Held-out predictions of the mixture (NaN for rows never tested), and the weight of every layer in every fold."""

    predictions: Float[np.ndarray, "n_rows n_targets"]
    weights: Float[np.ndarray, "n_folds n_layers n_targets"]


class NestedChoice(NamedTuple):
    """Held-out predictions by the chosen layer, which one was chosen in every fold, and those of every layer.

    ``every`` are the held-out predictions of all layers: they show what the best layer *at test* would have been.
    ``edge`` is true where the chosen layer's penalty is the first or last of its grid.
    """

    predictions: Float[np.ndarray, "n_rows n_targets"]
    chosen: Int[np.ndarray, "n_folds n_targets"]
    every: Float[np.ndarray, "n_layers n_rows n_targets"]
    edge: Bool[np.ndarray, "n_folds n_targets"]


def nested_layer_choice(
    layers: Sequence[Real[Array, "n_rows _"]],
    Y: Real[Array, "n_rows n_targets"],
    outer: Folds,
    inner: Sequence[Folds],
    alphas: Float[np.ndarray, " n_alphas"],
    *,
    together: Shaped[np.ndarray, " n_targets"],
) -> NestedChoice:
    r"""The layer with the smallest inner loss predicts the test rows: the choice never sees what it is scored on.

    .. math:: l = \arg\min_l \sum_{j \in J} \min_\alpha L_{lj}(\alpha) / \mathrm{var}(y_j)

    with the mean squared error :math:`L` of ridge in the inner folds, over the targets :math:`J` that choose together.

    Parameters
    ----------
    layers
        One array of features per layer, finite; features are scaled within each training set.
    Y, outer, inner, alphas
        As for :func:`consona.stats.banded.nested_banded`.
    together
        Targets with the same label share one layer: all labels different for a layer per target, all alike for one
        layer.

    Raises
    ------
    ValueError
        When there is no layer, or as :func:`consona.stats.banded.banded_search`.
    """
    _require_layers(layers)
    Y, n_folds = np.asarray(Y), len(outer.test)
    every = np.full((len(layers), *Y.shape), np.nan)
    chosen, edge = np.zeros((n_folds, Y.shape[1]), dtype=np.int64), np.zeros((n_folds, Y.shape[1]), dtype=bool)
    _, label = np.unique(together, return_inverse=True)
    for k, folds in enumerate(inner):
        fits = [_fitted(X, Y, outer, folds, k, alphas) for X in layers]
        loss = np.stack([choice.loss for choice, _ in fits]) / _variance(Y[outer.train[k]])
        chosen[k] = np.argmin([np.bincount(label, np.where(np.isfinite(row), row, 0.0)) for row in loss], axis=0)[label]
        every[:, outer.test[k]] = [predicted for _, predicted in fits]
        edge[k] = np.take_along_axis(np.stack([choice.edge for choice, _ in fits]), chosen[k][None], axis=0)[0]
    predictions = np.full(Y.shape, np.nan)
    for k, rows in enumerate(outer.test):
        predictions[rows] = np.take_along_axis(every[:, rows], chosen[k][None, None], axis=0)[0]
    return NestedChoice(predictions, chosen, every, edge)


def nested_stacking(
    layers: Sequence[Real[Array, "n_rows _"]],
    Y: Real[Array, "n_rows n_targets"],
    outer: Folds,
    inner: Sequence[Folds],
    alphas: Float[np.ndarray, " n_alphas"],
) -> NestedStack:
    r"""Predict test rows by the convex combination of layers that has the smallest error in the inner folds.

    Lin, Naselaris, Kay and Wehbe (2022). Penalties are chosen per layer and target in the inner folds; the errors of
    their held-out predictions there give the weights (:func:`simplex_weights`); each layer is then fitted to all
    training rows, and the weighted sum predicts the test rows. Parameters are those of :func:`nested_layer_choice`.

    Raises
    ------
    ValueError
        When there is no layer, or as :func:`consona.stats.banded.banded_search`.
    """
    _require_layers(layers)
    Y = np.asarray(Y)
    predictions, weights = np.full(Y.shape, np.nan), np.empty((len(inner), len(layers), Y.shape[1]))
    for k, folds in enumerate(inner):
        fits = [_fitted(X, Y, outer, folds, k, alphas) for X in layers]
        within = folds.test.any(axis=0)
        errors = np.stack(
            [
                Y[within] - np.asarray(banded_predictions([X], Y, folds, choice))[within]
                for X, (choice, _) in zip(layers, fits, strict=True)
            ]
        )
        weights[k] = simplex_weights(np.einsum("lij,mij->jlm", errors, errors, optimize=True))
        predictions[outer.test[k]] = np.einsum("lij,lj->ij", np.stack([each for _, each in fits]), weights[k])
    return NestedStack(predictions, weights)


def simplex_weights(
    products: Float[np.ndarray, "n_targets n_layers n_layers"],
) -> Float[np.ndarray, "n_layers n_targets"]:
    r"""The convex combination of predictions with the smallest squared error, per target.

    .. math:: \min_w w^\top P w \quad \text{with} \quad w \ge 0,\; \textstyle\sum_l w_l = 1, \qquad
              P_{lm} = \sum_i (y_i - \hat y_{li})(y_i - \hat y_{mi})

    The quadratic programme of Lin et al. (2022). It is solved as one non-negative least squares problem: for
    :math:`w \ge 0` the minimum of :math:`w^\top P w + (1 - \sum w)^2` lies in the direction of the solution, because
    along a direction :math:`d` with :math:`\sum d = 1` it is :math:`q / (1 + q)`, which rises with
    :math:`q = d^\top P d`. Exact up to rounding, also where layers are equal. NaN where ``P`` is not finite.
    """
    n_targets, n_layers, _ = products.shape
    weights = np.full((n_layers, n_targets), np.nan)
    goal = np.zeros(n_layers + 1)
    goal[-1] = 1.0
    for j in np.flatnonzero(np.isfinite(products).all(axis=(1, 2))):
        size = np.trace(products[j]) / n_layers
        values, vectors = np.linalg.eigh(products[j] / size if size > 0 else products[j])
        root = np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T
        found, _ = nnls(np.vstack([root, np.ones(n_layers)]), goal, maxiter=_MOST_STEPS * n_layers)
        weights[:, j] = found / found.sum()
    return weights


def _fitted(
    X: Array, Y: np.ndarray, outer: Folds, folds: Folds, k: int, alphas: np.ndarray
) -> tuple[BandedChoice, np.ndarray]:
    """One layer: its penalties by the inner folds, and its predictions of the test rows of outer fold ``k``."""
    choice = banded_search([X], Y, folds, ONE, alphas)
    predicted = banded_predictions([X], Y, Folds(outer.train[k : k + 1], outer.test[k : k + 1]), choice)
    return choice, np.asarray(predicted)[outer.test[k]]


def _variance(Y: np.ndarray) -> np.ndarray:
    """Of every target; NaN where it does not vary, so that it has no say in the choice."""
    variance = np.where(np.isfinite(Y).all(axis=0), Y, 0.0).var(axis=0)
    return np.where(variance > 0, variance, np.nan)


def _require_layers(layers: Sequence[Array]) -> None:
    if len(layers) == 0:
        raise ValueError("there is no layer to choose from or to mix. Give at least one.")

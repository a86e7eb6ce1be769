"""Ridge regression for many penalties at once, and its predictions for groups that were left out."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from array_api_compat import array_namespace

from consona.stats.grams import require_finite
from consona.stats.shapes import Array, Float, Real, Shaped

__all__ = ["leave_group_out_ridge", "ridge_path"]


def ridge_path(
    X: Float[Array, "n_stimuli n_features"],
    Y: Float[Array, "n_stimuli n_targets"],
    alphas: Float[Array, " n_alphas"],
) -> Float[Array, "n_alphas n_features n_targets"]:
    r"""Ridge weights for every penalty, from one decomposition; ``X`` and ``Y`` are taken as centred.

    .. math:: B_\alpha = V \,\mathrm{diag}\!\left(\frac{s_i}{s_i^2 + \alpha}\right) U^\top Y

    Hoerl and Kennard (1970). Any array of the array-API standard, on its own device.

    Raises
    ------
    ValueError
        When a penalty is zero or negative.
    """
    xp = array_namespace(X, Y, alphas)
    _require_positive(bool(xp.all(alphas > 0)))
    U, s, Vt = xp.linalg.svd(X, full_matrices=False)
    UtY = U.T @ Y
    return xp.stack([Vt.T @ ((s / (s**2 + alpha))[:, None] * UtY) for alpha in alphas])


def leave_group_out_ridge(
    X: Real[np.ndarray, "n_rows n_features"],
    Y: Real[np.ndarray, "n_rows n_targets"],
    groups: Shaped[np.ndarray, " n_rows"],
    alphas: Float[np.ndarray, " n_alphas"],
) -> Float[np.ndarray, "n_alphas n_rows n_targets"]:
    r"""Predictions of every row by a ridge with intercept that never saw the row's group, for every penalty.

    With :math:`G` and :math:`C` the centred products :math:`X^\top X` and :math:`X^\top Y` of the rows outside,

    .. math:: G = V \Lambda V^\top, \qquad B_\alpha = V (\Lambda + \alpha)^{-1} V^\top C, \qquad
              \hat Y = \nu + (X - \mu) B_\alpha .

    The products are summed once per group and *taken away* from the total, so no row is read more than twice. Means
    are those of the training rows; everything is first shifted by the mean of all rows, which the training means undo,
    so that nothing cancels. float64 inside, whatever comes in; equal to a refit per group.

    A target with a missing or infinite value is NaN in all predictions; the others are not touched by it.

    Raises
    ------
    ValueError
        When a feature is not finite, there is a single group, lengths differ, or a penalty is not positive.
    """
    alphas = np.asarray(alphas, dtype=np.float64)
    _require_positive(bool(np.all(alphas > 0)))
    _require_rows(X, Y, groups)
    order, starts = _by_group(groups)
    n_rows, n_targets = Y.shape
    Y = np.where(np.isfinite(Y).all(axis=0), Y, np.nan)
    shift = _Shift(X.mean(axis=0, dtype=np.float64), Y.mean(axis=0, dtype=np.float64))
    blocks = [slice(a, b) if order is None else order[a:b] for a, b in pairwise(starts.tolist())]
    parts = [_products(*shift.applied(X[rows], Y[rows])) for rows in blocks]
    total = _Products(*(np.sum(each, axis=0) for each in zip(*parts, strict=True)))
    predicted = np.empty((n_rows, len(alphas), n_targets))
    for rows, part in zip(blocks, parts, strict=True):
        weights, offset = _fit(_Products(*(whole - own for whole, own in zip(total, part, strict=True))), alphas)
        held_out, _ = shift.applied(X[rows], Y[:0])
        values = held_out @ weights
        values += offset + np.tile(shift.y, len(alphas))
        predicted[rows] = values.reshape(len(held_out), len(alphas), n_targets)
    return np.moveaxis(predicted, 1, 0)


class _Products(NamedTuple):
    """What a ridge needs to know of some rows: their number, sums, and products."""

    n: np.ndarray
    x: np.ndarray
    y: np.ndarray
    xx: np.ndarray
    xy: np.ndarray


class _Shift(NamedTuple):
    """One fixed vector for features and one for targets, taken from all rows alike."""

    x: np.ndarray
    y: np.ndarray

    def applied(self, X: np.ndarray, Y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Shifted float64 copies."""
        return np.subtract(X, self.x, dtype=np.float64), np.subtract(Y, self.y, dtype=np.float64)


def _products(X: np.ndarray, Y: np.ndarray) -> _Products:
    return _Products(np.asarray(float(len(X))), X.sum(axis=0), Y.sum(axis=0), X.T @ X, X.T @ Y)


def _fit(train: _Products, alphas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights (n_features, n_alphas * n_targets) and offsets of all penalties, from one eigendecomposition."""
    mu, nu = train.x / train.n, train.y / train.n
    G = train.xx - np.outer(train.x, mu)
    C = train.xy - np.outer(train.x, nu)
    eigenvalues, V = np.linalg.eigh(G)
    shrunk = (V.T @ C)[:, None, :] / (np.maximum(eigenvalues, 0.0)[:, None, None] + alphas[None, :, None])
    weights = V @ shrunk.reshape(len(V), -1)
    return weights, np.tile(nu, len(alphas)) - mu @ weights


def _by_group(groups: np.ndarray) -> tuple[np.ndarray | None, np.ndarray]:
    """Rows in the order of their groups (None when they already are) and where each group starts."""
    _, codes = np.unique(groups, return_inverse=True)
    starts = np.concatenate([[0], np.cumsum(np.bincount(codes))])
    in_order = bool(np.all(codes[1:] >= codes[:-1]))
    return (None if in_order else np.argsort(codes, kind="stable")), starts


def _require_positive(positive: bool) -> None:
    if not positive:
        raise ValueError("a penalty alpha is zero, negative or NaN; ridge needs alpha > 0. Give positive alphas.")


def _require_rows(X: np.ndarray, Y: np.ndarray, groups: np.ndarray) -> None:
    if not len(X) == len(Y) == len(groups):
        raise ValueError(
            f"features hold {len(X)} rows, targets {len(Y)} and groups {len(groups)}; one of each makes a row. "
            "Align them first."
        )
    if len(np.unique(groups)) < 2:
        raise ValueError("all rows are in one group; leaving it out leaves nothing to fit. Give at least two groups.")
    require_finite(X)

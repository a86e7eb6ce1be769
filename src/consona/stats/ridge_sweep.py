"""Held-out scores of every ridge penalty for every target, a few hundred targets at a time."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from array_api_compat import array_namespace, device
from scipy.linalg import qr, solve_triangular

from consona.stats.ridge_criteria import Judge, criterion_of
from consona.stats.rotated import RotatedBlock
from consona.stats.shapes import Array, Float, Int
from consona.stats.targets import to_numpy

__all__ = [
    "PER_TARGET",
    "Combination",
    "Sweep",
    "combination",
    "held_out_scores",
    "mean_over_folds",
    "scores_at",
]

_ROUGH = 1e-3  # half of what bfloat16 rounds away
_WORTH_IT = 0.8  # a combination costs something too


class Sweep(NamedTuple):
    """How penalties are compared.

    Parameters
    ----------
    criterion
        ``"squared error"`` (its negative, as in himalaya), ``"r2"`` or ``"pearson"``; a mean over folds.
    shared
        One penalty for all targets, by the mean of their scores, instead of one for each.
    dtype
        Precision of the products that are only compared, ``"bfloat16"`` say: several times faster where the hardware
        has it. Rounded scores choose and are not kept: of the penalties only the chosen one has a score, in full
        precision. None: that of the features. NumPy has no bfloat16; give torch tensors (``torch.from_numpy`` copies
        nothing).
    """

    criterion: str = "squared error"
    shared: bool = False
    dtype: str | None = None


PER_TARGET = Sweep()
"""A penalty for every target, by squared error, in the precision of the features."""


def held_out_scores(
    Y: RotatedBlock, alphas: Float[np.ndarray, " n_alphas"], sweep: Sweep, folds: Sequence[int] | None = None
) -> Float[np.ndarray, "n_folds n_alphas n_targets"]:
    r"""Score of the held-out rows of every fold (or of some ``folds``), penalty and target; higher is better.

    Predictions are :math:`\nu + A (\Lambda + \alpha)^{-1} Z`: a product of matrices for each penalty and part of a
    block, or, where penalties are alike to within rounding, a :func:`combination` of products made for others.

    Raises
    ------
    ValueError
        When the criterion is unknown, or arrays of this kind do not have the precision that is asked for.
    """
    xp, criterion, lower = array_namespace(Y.cv.X), criterion_of(sweep.criterion), _lower(Y.cv.X, sweep.dtype)
    chosen = [Y.cv.held_out[fold] for fold in (range(len(Y.cv.held_out)) if folds is None else folds)]
    room = max(len(held.test) for held in chosen) * len(alphas) * Y.block.parts[0].shape[1]
    rooms = [xp.empty(room, dtype=Y.cv.X.dtype, device=device(Y.cv.X)) for _ in Y.block.parts]  # used for every fold
    scores = []
    for held in chosen:
        fit = Y.cv.fits[held.fit]
        tolerance = _ROUGH if lower is not None else 2 * float(xp.finfo(Y.cv.X.dtype).eps)
        made = combination(held.features, fit.eigenvalues, alphas, tolerance, primal=fit.primal)
        predicted = _made(held.features, fit.eigenvalues, alphas[made.made], Y.turned[held.fit][0], rooms, lower)
        judged = [_judged(criterion(T), P, made) for T, P in zip(Y.truth(held), predicted, strict=True)]
        scores.append(to_numpy(xp.concat(judged, axis=1))[:, : len(Y.block.usable)])
    return np.stack(scores)


class Combination(NamedTuple):
    """Penalties whose predictions are ``made``, and ``others``, whose are ``weights (n_others, n_made)`` of these."""

    made: Int[np.ndarray, " n_made"]
    others: Int[np.ndarray, " n_others"]
    weights: Float[np.ndarray, "n_others n_made"]


def combination(
    A: Float[Array, "n_test k"],
    eigenvalues: Float[Array, " k"],
    alphas: Float[np.ndarray, " n_alphas"],
    tolerance: float,
    *,
    primal: bool,
) -> Combination:
    r"""Which predictions to make, so that those of all other penalties are combinations of them.

    A prediction weighs eigenvector *i* by :math:`R_{ij} = w_i / (\lambda_i + \alpha_j)`, with :math:`w_i` the size that
    held-out rows and targets have there. QR with pivots takes columns of :math:`R` until no other keeps more than
    ``tolerance`` of its length (an interpolative decomposition: Cheng, Gimbutas, Martinsson and Rokhlin, 2005). Twenty
    penalties over nine decades are ten or so where eigenvalues span two, and all twenty where they span seven.
    """
    xp = array_namespace(A)
    size, spectrum = to_numpy(xp.sqrt(xp.mean(A * A, axis=0))).astype(np.float64), to_numpy(eigenvalues).astype(float)
    R = (size * np.sqrt(spectrum) if primal else size)[:, None] / (spectrum[:, None] + alphas)
    length = np.linalg.norm(R, axis=0)
    length = np.where(length > 0, length, 1.0)
    upper, pivots = qr(R / length, mode="r", pivoting=True, check_finite=False)
    rest = np.sqrt(np.cumsum(upper[::-1] ** 2, axis=0)[::-1])  # what is left of a column below each row
    enough = np.flatnonzero([rest[n, n:].max() <= tolerance for n in range(1, min(upper.shape))])
    n = int(enough[0]) + 1 if len(enough) else len(alphas)
    if n > _WORTH_IT * len(alphas):
        return Combination(np.arange(len(alphas)), np.arange(0), np.empty((0, len(alphas))))
    weights = solve_triangular(upper[:n, :n], upper[:n, n:]).T
    made, others = pivots[:n], pivots[n:]
    return Combination(made, others, weights * length[others][:, None] / length[made])


def _made(
    A: Array, eigenvalues: Array, alphas: np.ndarray, rotated: Sequence[Array], rooms: list[Array], lower: Any
) -> list[Array]:
    """Predictions ``(n_made, n_test, width)`` of every part, in ``rooms`` that are large enough."""
    xp, shape = array_namespace(A), (len(alphas), A.shape[0], rotated[0].shape[1])
    predicted = [xp.reshape(room[: shape[0] * shape[1] * shape[2]], shape) for room in rooms]
    if lower is not None:
        rotated = [xp.astype(Z, lower) for Z in rotated]
    for j, alpha in enumerate(alphas.tolist()):
        M = A / (eigenvalues + alpha)
        if lower is not None:
            M = xp.astype(M, lower)
        for Z, P in zip(rotated, predicted, strict=True):
            if lower is None:
                xp.matmul(M, Z, out=P[j, ...])
            else:
                P[j, ...] = M @ Z
    return predicted


def _judged(judge: Judge, predicted: Array, made: Combination) -> Array:
    """Scores ``(n_alphas, width)`` of one part; ``predicted`` is used up."""
    xp = array_namespace(predicted)
    n_made, n_test, width = predicted.shape
    scores = xp.empty((n_made + len(made.others), width), dtype=predicted.dtype, device=device(predicted))
    if len(made.others):
        weights = xp.asarray(made.weights, dtype=predicted.dtype, device=device(predicted))
        combined = xp.reshape(weights @ xp.reshape(predicted, (n_made, -1)), (-1, n_test, width))
        for number, j in enumerate(made.others.tolist()):
            scores[j, :] = judge(combined[number, ...])
    for number, j in enumerate(made.made.tolist()):
        scores[j, :] = judge(predicted[number, ...])
    return scores


def _lower(X: Array, dtype: str | None) -> Any:
    """The precision of a sweep as arrays of this kind name it; None for their own."""
    if dtype is None:
        return None
    found = getattr(array_namespace(X), dtype, None)
    if found is None:
        raise ValueError(
            f"a sweep in '{dtype}' was asked for, and {type(X).__module__} arrays do not have that precision; bfloat16 "
            "needs torch tensors. Give torch.from_numpy(X), which copies nothing, or leave the dtype of the sweep None."
        )
    return found


def scores_at(
    Y: RotatedBlock, alphas: Float[np.ndarray, " n_targets"], criterion: str
) -> Float[np.ndarray, "n_folds n_targets"]:
    """Score of every fold at one penalty for each target, in the precision of the features.

    Raises
    ------
    ValueError
        When the criterion is unknown.
    """
    judge = criterion_of(criterion)
    scores = []
    for held in Y.cv.held_out:
        pairs = zip(Y.truth(held), Y.predicted(held, alphas), strict=True)
        own = [to_numpy(judge(truth)(predicted)) for truth, predicted in pairs]
        scores.append(np.concatenate(own)[: len(alphas)])
    return np.stack(scores)


def mean_over_folds(
    scores: Float[np.ndarray, "n_folds n_alphas n_targets"],
) -> Float[np.ndarray, "n_alphas n_targets"]:
    """Mean over the folds in which a score is defined; NaN where it is in none."""
    defined = ~np.isnan(scores)
    count = defined.sum(axis=0)
    total = np.where(defined, scores, 0).sum(axis=0)
    return np.asarray(np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0))

"""Fractional ridge of many targets: every fraction cross-validated from one decomposition per fold."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from scipy.linalg.blas import dtrmm, strmm

from consona.stats.folds import Folds
from consona.stats.fractional import share_penalties
from consona.stats.grams import Decomposed, decomposed, require_finite
from consona.stats.ridge_fit import RidgeFit
from consona.stats.rotated import RotatedBlock, rotated_blocks
from consona.stats.shapes import Array, Float, Real
from consona.stats.targets import BLOCK

__all__ = [
    "FractionalFit",
    "fractional_fit",
    "fractional_scores",
]


@dataclass(frozen=True)
class FractionalFit:
    """Weights of all rows at the chosen fractions.

    Parameters
    ----------
    ridge
        Weights, means of features and of targets; NaN for a target that is constant or not finite.
    fraction
        ``(n_targets,)``, the chosen one.
    alphas
        ``(n_targets,)``, the penalty it stands for; 0 where the fraction is 1 or more.
    scores
        ``(n_fractions, n_targets)``, cross-validated :math:`R^2`, mean over folds; NaN for a single fraction.
    """

    ridge: RidgeFit
    fraction: Float[np.ndarray, " n_targets"]
    alphas: Float[np.ndarray, " n_targets"]
    scores: Float[np.ndarray, "n_fractions n_targets"]

    def predict(self, X: Real[np.ndarray, "n_rows n_features"], *, intercept: bool = True) -> Array:
        """Predictions ``(n_rows, n_targets)``; without the intercept plainly ``X`` times the weights.

        Raises
        ------
        ValueError
            When the number of features is another one.
        """
        with_means = self.ridge.predict(X)
        return with_means if intercept else with_means - (self.ridge.offset - self.ridge.centre @ self.ridge.coef)


def fractional_fit(
    X: Real[np.ndarray, "n_rows n_features"],
    Y: Array,
    fractions: Real[np.ndarray, " n_fractions"],
    folds: Folds,
    *,
    shared: bool = False,
) -> FractionalFit:
    r"""Fractional ridge with intercept: fractions chosen in folds, weights of all rows.

    .. math:: \gamma = \frac{\|B_\alpha\|}{\|B_0\|}, \qquad R^2 = 1 - \frac{\sum (y - \hat y)^2}{\sum (y - \bar y)^2}

    Rokem and Kay (2020). One decomposition per fold, of features or of rows, whichever are fewer, gives every
    fraction of every target; axes below rounding count for nothing. The share is interpolated between penalties a
    fiftieth of a decade apart and right to four digits. Each fold is centred by its own training rows, and its
    :math:`R^2` is about the mean of its own test rows, as in scikit-learn; a
    fold in which a target does not vary says nothing of it. Ties go to the smaller fraction.

    Parameters
    ----------
    X
        Features, finite; narrow (embeddings) or wide (voxels). Decomposed in double precision.
    Y
        ``(n_rows, n_targets)``, read in blocks: an array or a memory map. Single precision is kept.
    fractions
        Ascending, positive. 1 and above are unpenalised, as in ``fracridge``, where a fraction above 1 finds no
        penalty either.
    folds
        Where fractions are tried; not looked at when there is one fraction only.
    shared
        Choose one fraction, by the mean of :math:`R^2` over targets, or one per target.

    Raises
    ------
    ValueError
        When fractions are not positive and ascending, features are not finite or all constant, or rows differ.
    """
    fractions = _ascending(fractions)
    rows = _rows(X, Y, folds if len(fractions) > 1 else None)
    scores = np.full((len(fractions), Y.shape[1]), np.nan)
    kept = _Kept(rows, Y.shape[1])
    for place, block in rotated_blocks(rows.cv, Y):
        kept.keep(place, block)
        if rows.n_folds:
            scores[:, place] = _block_scores(rows, block, fractions)
    own = fractions[_best(scores, shared)] if len(fractions) > 1 else np.full(Y.shape[1], fractions[0])
    ridge, alphas = kept.fit(own)
    return FractionalFit(ridge, np.where(np.isnan(alphas), np.nan, own), alphas, scores)


def fractional_scores(
    X: Real[np.ndarray, "n_rows n_features"], Y: Array, fractions: Real[np.ndarray, " n_fractions"], folds: Folds
) -> Float[np.ndarray, "n_fractions n_targets"]:
    """Cross-validated :math:`R^2` of every fraction alone: to choose one for targets that are read in several blocks.

    Raises
    ------
    ValueError
        As :func:`fractional_fit`.
    """
    fractions = _ascending(fractions)
    rows = _rows(X, Y, folds)
    scores = np.full((len(fractions), Y.shape[1]), np.nan)
    for place, block in rotated_blocks(rows.cv, Y):
        scores[:, place] = _block_scores(rows, block, fractions)
    return scores


class _Rows(NamedTuple):
    """Decomposed training sets, the folds first and all rows last, with what leads back to the features."""

    cv: Decomposed
    n_folds: int
    tests: tuple["_Test", ...]
    basis: np.ndarray
    centre: np.ndarray


class _Test(NamedTuple):
    """Test rows in the axes that are kept, ``(n_test, k)``, and a triangle with the same products if smaller."""

    axes: np.ndarray
    features: np.ndarray
    triangle: np.ndarray | None


def _rows(X: np.ndarray, Y: Array, folds: Folds | None) -> _Rows:
    require_finite(X)
    dtype = np.float32 if np.dtype(Y.dtype) == np.float32 else np.float64
    centre = X.mean(axis=0, dtype=np.float64)
    A, back = _own_axes(X - centre)
    every = np.ones((1, len(X)), dtype=bool)
    own = Folds(every[:0], every[:0]) if folds is None else folds
    cv = decomposed(A, Folds(np.concatenate([own.train, every]), np.concatenate([own.test, ~every])), scaled=False)
    cv = replace(cv, fits=tuple(replace(fit, eigenvalues=_without_rounding(fit)) for fit in cv.fits))
    whole = cv.held_out[-1].fit
    basis = cv.weights(cv.fits[whole]) if back is None else back @ cv.weights(cv.fits[whole])
    tests = tuple(_test(cv, fold, dtype) for fold in range(len(own.test)))
    cv = replace(cv, held_out=cv.held_out[:-1])
    return _Rows(_in_precision(cv, dtype), len(tests), tests, basis.astype(dtype), centre)


def _own_axes(X: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Narrow features along their principal axes, where single precision keeps small ones, and the way back."""
    if X.shape[1] > len(X):
        return X, None
    spectrum, V = np.linalg.eigh(X.T @ X)
    kept = spectrum > spectrum.max() * np.finfo(np.float64).eps * len(X)
    if not kept.any():
        raise ValueError("all features are constant; weights need features that vary. Look at how they were made.")
    return X @ V[:, kept], V[:, kept]


def _without_rounding(fit: Any) -> np.ndarray:
    """Eigenvalues, infinite where they are nothing but rounding: weights are then zero, whatever the penalty."""
    spectrum = fit.eigenvalues
    floor = spectrum.max(initial=0.0) * np.finfo(np.float64).eps * max(len(fit.train), 2)
    return np.where(spectrum > floor, spectrum, np.inf)


def _in_precision(cv: Decomposed, dtype: type) -> Decomposed:
    fits = tuple(
        replace(fit, **{name: getattr(fit, name).astype(dtype) for name in ("mean", "scale", "eigenvalues", "basis")})
        for fit in cv.fits
    )
    held_out = tuple(replace(held, features=held.features.astype(dtype)) for held in cv.held_out)
    return replace(cv, X=cv.X.astype(dtype), shift=cv.shift.astype(dtype), fits=fits, held_out=held_out)


def _test(cv: Decomposed, fold: int, dtype: type) -> _Test:
    held = cv.held_out[fold]
    axes = np.flatnonzero(np.isfinite(cv.fits[held.fit].eigenvalues))
    A = held.features[:, axes]
    smaller = len(A) > A.shape[1]
    triangle: np.ndarray | None = np.asfortranarray(np.linalg.qr(A, mode="r"), dtype=dtype) if smaller else None
    return _Test(axes, A.astype(dtype), triangle)


def _block_scores(rows: _Rows, targets: RotatedBlock, fractions: np.ndarray) -> np.ndarray:
    """R2 of every fraction and target of a block, mean over the folds in which the target varies."""
    total = np.zeros((len(fractions), len(targets.block.usable)))
    count = np.zeros_like(total)
    for held, test in zip(rows.cv.held_out, rows.tests, strict=True):
        spectrum, primal = rows.cv.fits[held.fit].eigenvalues[test.axes], rows.cv.fits[held.fit].primal
        for part, (Z, truth) in enumerate(zip(targets.turned[held.fit][0], targets.truth(held), strict=True)):
            place = slice(part * Z.shape[1], min((part + 1) * Z.shape[1], total.shape[1]))
            some = slice(0, place.stop - place.start)
            Z_kept, own = np.ascontiguousarray(Z[test.axes, some]), np.ascontiguousarray(truth[:, some])
            alphas = share_penalties(spectrum.astype(np.float64), _with_axes(Z_kept, spectrum, primal), fractions)
            scores = _part_scores(test, Z_kept, spectrum, alphas.astype(Z.dtype), own)
            total[:, place] += np.where(np.isfinite(scores), scores, 0)
            count[:, place] += np.isfinite(scores)
    count[:, ~targets.block.usable] = 0
    return total / np.where(count > 0, count, np.nan)


def _with_axes(Z: np.ndarray, spectrum: np.ndarray, primal: bool) -> np.ndarray:
    """Products with the axes of features; those with the axes of rows are shorter by their lengths."""
    return Z.astype(np.float64) if primal else Z.astype(np.float64) * np.sqrt(spectrum, dtype=np.float64)[:, None]


def _part_scores(test: _Test, Z: np.ndarray, spectrum: np.ndarray, alphas: np.ndarray, truth: np.ndarray) -> np.ndarray:
    r"""R2 of some targets, the squared error as :math:`y'y - 2 w'A'y + \|Rw\|^2` with :math:`R'R = A'A`."""
    spread = truth - truth[:1]  # exactly zero where a target is constant: its mean need not be the constant
    spread = np.square(spread - spread.mean(axis=0)).sum(axis=0)
    spread = np.where(spread > 0, spread, np.nan)
    length, cross = np.square(truth).sum(axis=0), test.features.T @ truth
    found = np.empty(alphas.shape)
    times: Callable[..., Any] = strmm if Z.dtype == np.float32 else dtrmm
    for number, own in enumerate(alphas):
        W = Z / (spectrum[:, None] + own)
        if test.triangle is None:
            found[number] = np.square(truth - test.features @ W).sum(axis=0)
            continue
        error = length - 2 * np.einsum("kt,kt->t", W, cross)
        RW = times(1.0, test.triangle, W.T, side=1, trans_a=1, overwrite_b=1)
        found[number] = error + np.einsum("tk,tk->t", RW, RW)
    return 1 - found / spread


class _Kept:
    """All rows, every target in their axes, until its fraction is known."""

    def __init__(self, rows: _Rows, n_targets: int) -> None:
        self.rows, self.whole = rows, len(rows.cv.fits) - 1
        self.fit_of_all = rows.cv.fits[self.whole]
        self.axes = np.flatnonzero(np.isfinite(self.fit_of_all.eigenvalues))
        self.Z = np.empty((len(self.axes), n_targets), dtype=rows.basis.dtype)
        self.offset = np.empty(n_targets, dtype=rows.basis.dtype)
        self.usable = np.empty(n_targets, dtype=bool)

    def keep(self, place: slice, targets: RotatedBlock) -> None:
        """Products and means of one block."""
        parts, means = targets.turned[self.whole]
        n_targets = place.stop - place.start
        self.Z[:, place] = np.concatenate(parts, axis=1)[self.axes, :n_targets]
        self.offset[place] = np.concatenate(means, axis=1)[0, :n_targets] + targets.block.shift
        self.usable[place] = targets.block.usable

    def fit(self, fraction: np.ndarray) -> tuple[RidgeFit, np.ndarray]:
        """Weights at a fraction per target, and their penalties."""
        basis = np.ascontiguousarray(self.rows.basis[:, self.axes])
        spectrum = self.fit_of_all.eigenvalues[self.axes]
        alphas = np.full(len(fraction), np.nan)
        coef = np.empty((len(basis), len(fraction)), dtype=basis.dtype)
        for first in range(0, len(fraction), BLOCK):
            place = slice(first, first + BLOCK)
            Z = self.Z[:, place]
            products = _with_axes(Z, spectrum, self.fit_of_all.primal)
            alphas[place] = share_penalties(spectrum.astype(np.float64), products, fraction[None, place])[0]
            alphas[place][~self.usable[place]] = np.nan
            coef[:, place] = basis @ (Z / (spectrum[:, None] + alphas[place].astype(Z.dtype)))
        offset = np.where(self.usable, self.offset, np.nan).astype(basis.dtype)
        return RidgeFit(coef, self.rows.centre.astype(basis.dtype), offset), alphas


def _best(scores: np.ndarray, shared: bool) -> np.ndarray:
    known = np.isfinite(scores).all(axis=0)
    if shared:
        best = int(scores[:, known].mean(axis=1).argmax()) if known.any() else 0
        return np.full(scores.shape[1], best)
    return np.where(known, np.where(np.isnan(scores), -np.inf, scores).argmax(axis=0), 0)


def _ascending(fractions: np.ndarray) -> np.ndarray:
    fractions = np.asarray(fractions, dtype=np.float64)
    if fractions.ndim != 1 or not len(fractions) or not (fractions > 0).all() or (np.diff(fractions) <= 0).any():
        raise ValueError(f"the fractions are {fractions}; they are positive and ascending, such as 0.05, 0.1, ..., 1.")
    return fractions

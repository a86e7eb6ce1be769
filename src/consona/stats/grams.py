"""Ridge decompositions of many training sets of the same rows, their products taken away from the total."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from array_api_compat import array_namespace, device, is_numpy_array
from scipy.linalg import eigh

from consona.stats.folds import Folds
from consona.stats.shapes import Array, Float, Int, Real
from consona.stats.targets import to_numpy

__all__ = ["Decomposed", "HeldOut", "TrainingSet", "decomposed", "require_finite", "take_rows"]


@dataclass(frozen=True)
class TrainingSet:
    r"""One training set, decomposed: all that a ridge needs to know of it, whatever penalty and target.

    With :math:`F` the training rows centred by their own means and divided by their own ``scale``, either
    :math:`F^\top F = V \Lambda V^\top` (primal) or :math:`F F^\top = U \Lambda U^\top` (dual).

    Parameters
    ----------
    train, outside
        Row numbers: fitted, and not fitted (tested or purged).
    mean, scale
        ``(n_features,)`` of the training rows; a scale is infinite where a feature is constant.
    eigenvalues
        ``(k,)``, none negative.
    basis
        Primal: :math:`V / s`, ``(n_features, k)``. Dual: :math:`U`, ``(n_train, k)``.
    primal
        Whether features, and not rows, were decomposed.
    by_subtraction
        Whether products are the total less those outside: where these are fewer rows, and not far larger ones, which
        would take digits along.
    """

    train: Int[np.ndarray, " n_train"]
    outside: Int[np.ndarray, " n_outside"]
    mean: Float[Array, " n_features"]
    scale: Float[Array, " n_features"]
    eigenvalues: Float[Array, " k"]
    basis: Float[Array, "rows_or_features k"]
    primal: bool
    by_subtraction: bool


@dataclass(frozen=True)
class HeldOut:
    """Test rows of one fold in the coordinates of its training set: ``features (n_test, k)``; ``fit`` numbers it."""

    fit: int
    test: Int[np.ndarray, " n_test"]
    features: Float[Array, "n_test k"]


@dataclass(frozen=True)
class Decomposed:
    """Rows, shifted by a fixed vector, with the training sets of all folds (each one once) and their test rows."""

    X: Float[Array, "n_rows n_features"]
    shift: Float[Array, " n_features"]
    fits: tuple[TrainingSet, ...]
    held_out: tuple[HeldOut, ...]

    @property
    def n_numbers(self) -> int:
        """How many numbers a target becomes: its rows, the coordinates of every training set, and predictions."""
        n_rows, n_features = self.X.shape
        predictions = 16 * max((len(held.test) for held in self.held_out), default=0)
        return int(2 * n_rows + n_features + predictions + sum(len(fit.eigenvalues) for fit in self.fits))

    def rotated(
        self, Y: Float[Array, "n_rows n_targets"]
    ) -> list[tuple[Float[Array, "k n_targets"], Float[Array, " n_targets"]]]:
        r"""Targets in the coordinates of every training set, and their training means :math:`\nu`.

        .. math:: Z = V^\top s^{-1} (X^\top Y - X_o^\top Y_o - m \mu \nu^\top) \quad \text{or} \quad
                  Z = U^\top (Y_t - 1 \nu^\top)

        Predictions are :math:`\nu + A (\Lambda + \alpha)^{-1} Z` with :math:`A` the ``features`` of a
        :class:`HeldOut`.
        """
        xp = array_namespace(self.X)
        outside = [self._products(Y, fit.outside) if fit.by_subtraction else None for fit in self.fits]
        total = self._total(Y, [each for each in outside if each is not None])
        found = []
        for fit, taken in zip(self.fits, outside, strict=True):
            if not fit.primal:
                Y_train = take_rows(Y, fit.train)
                nu = xp.mean(Y_train, axis=0)
                found.append((fit.basis.T @ (Y_train - nu), nu))
                continue
            sums, C = self._products(Y, fit.train) if taken is None else taken
            if taken is not None:
                sums, C = total[0] - sums, xp.subtract(total[1], C, out=C)
            C -= fit.mean[:, None] * sums
            found.append((fit.basis.T @ C, sums / len(fit.train)))
        return found

    def _products(self, Y: Array, rows: np.ndarray) -> tuple[Array, Array]:
        """Sums of targets over some rows, and their products with the features."""
        Y_rows = take_rows(Y, rows)
        return array_namespace(Y).sum(Y_rows, axis=0), take_rows(self.X, rows).T @ Y_rows

    def _total(self, Y: Array, outside: list[tuple[Array, Array]]) -> tuple[Array, Array]:
        """The same of all rows: the sum of what was taken away, where that is every row once."""
        taken = [fit.outside for fit in self.fits if fit.by_subtraction]
        if not taken:
            return Y[:0, :], Y[:0, :]
        if not np.array_equal(np.sort(np.concatenate(taken)), np.arange(len(self.X))):
            return self._products(Y, np.arange(len(self.X)))
        sums, products = outside[0][0] + 0, outside[0][1] + 0
        for more_sums, more_products in outside[1:]:
            sums += more_sums
            products += more_products
        return sums, products

    def weights(self, fit: TrainingSet) -> Float[Array, "n_features k"]:
        r"""What makes weights of features, in their own units, of :math:`(\Lambda + \alpha)^{-1} Z`."""
        if fit.primal:
            return fit.basis
        return ((take_rows(self.X, fit.train) - fit.mean) / fit.scale**2).T @ fit.basis


def decomposed(X: Real[Array, "n_rows n_features"], folds: Folds, *, scaled: bool) -> Decomposed:
    r"""Decompose the training set of every fold: features where they are at most as many as its rows, else rows.

    .. math:: G_t = X^\top X - X_o^\top X_o - m\,\mu\mu^\top, \qquad G_t \to G_t / (s s^\top)

    with :math:`X_o` the rows that are not in training, tested or purged, and :math:`m, \mu, s` number, mean and
    standard deviation of the training rows. For rows: the training block of :math:`K = X X^\top`, centred on both sides
    by training means; with ``scaled`` it is made again from the scaled features of the fold. Everything is first
    shifted by the mean of all rows: training means undo that, and nothing cancels. A feature that is constant over the
    training rows (within rounding) counts for nothing there. Folds with the same training rows share a decomposition.

    Any array of the array-API standard, on its own device and in its own precision.

    Raises
    ------
    ValueError
        When a feature is not finite, the masks are not of these rows, or a training set has fewer than two rows.
    """
    _require_folds(folds, X.shape[0])
    xp = array_namespace(X)
    X = X if xp.isdtype(X.dtype, "real floating") else xp.astype(X, xp.float64)
    require_finite(X)
    source = _Source(X, scaled)
    fits: dict[bytes, int] = {}
    sets: list[TrainingSet] = []
    held_out = []
    for train, test in zip(folds.train, folds.test, strict=True):
        key = np.packbits(train).tobytes()
        if key not in fits:
            fits[key] = len(sets)
            sets.append(source.fit(train))
        rows = np.flatnonzero(test)
        held_out.append(HeldOut(fits[key], rows, source.coordinates(sets[fits[key]], rows)))
    return Decomposed(source.X, source.shift, tuple(sets), tuple(held_out))


def take_rows(A: Array, rows: Int[np.ndarray, " n_taken"]) -> Array:
    """Some rows of an array, without a copy where they stand together."""
    if len(rows) and rows[-1] - rows[0] + 1 == len(rows):
        return A[int(rows[0]) : int(rows[-1]) + 1, ...]
    xp = array_namespace(A)
    return xp.take(A, xp.asarray(rows, device=device(A)), axis=0)


class _Source:
    """Shifted rows and the products that all training sets take theirs from."""

    def __init__(self, X: Array, scaled: bool) -> None:
        self.xp = array_namespace(X)
        self.shift = self.xp.mean(X, axis=0)
        # A constant feature is recognised before rounding can hide it.
        self.rounding = 4 * self.xp.finfo(X.dtype).eps * self.xp.max(self.xp.abs(X), axis=0)
        self.X = X - self.shift
        self.scaled = scaled

    @cached_property
    def gram(self) -> Array:
        """Products of features over all rows."""
        return self.X.T @ self.X

    @cached_property
    def kernel(self) -> Array:
        """Products of rows over all features."""
        return self.X @ self.X.T

    def fit(self, mask: np.ndarray) -> TrainingSet:
        """Decompose one training set."""
        xp, train, outside = self.xp, np.flatnonzero(mask), np.flatnonzero(~mask)
        rows = take_rows(self.X, train)
        mean = xp.mean(rows, axis=0)
        varies = xp.max(rows, axis=0) - xp.min(rows, axis=0) > self.rounding
        primal = self.X.shape[1] <= len(train)
        by_subtraction = primal and self._spared(train, outside)
        if primal:
            fewer = take_rows(self.X, outside if by_subtraction else train)
            G = self.gram - fewer.T @ fewer if by_subtraction else fewer.T @ fewer
            G -= (len(train) * mean)[:, None] * mean
            variance = xp.linalg.diagonal(G) / len(train)
        else:
            variance = xp.var(rows, axis=0) if self.scaled else xp.ones_like(mean)
        varies = varies & (variance > 0)
        scale = xp.sqrt(xp.where(varies, variance, xp.ones_like(mean))) if self.scaled else xp.ones_like(mean)
        scale = xp.where(varies, scale, xp.inf * xp.ones_like(mean))
        if primal:
            eigenvalues, V = _eigh(G / (scale[:, None] * scale))
            return TrainingSet(train, outside, mean, scale, eigenvalues, V / scale[:, None], True, by_subtraction)
        eigenvalues, U = _eigh(self._kernel_of(train, train, mean, scale))
        return TrainingSet(train, outside, mean, scale, eigenvalues, U, False, False)

    def coordinates(self, fit: TrainingSet, rows: np.ndarray) -> Array:
        """Rows in the coordinates of a training set."""
        if fit.primal:
            return (take_rows(self.X, rows) - fit.mean) @ fit.basis
        return self._kernel_of(rows, fit.train, fit.mean, fit.scale) @ fit.basis

    @cached_property
    def squares(self) -> np.ndarray:
        """Size of every row, squared."""
        return to_numpy(self.xp.sum(self.X * self.X, axis=1))

    def _spared(self, train: np.ndarray, outside: np.ndarray) -> bool:
        """Whether there is less to do outside, and no digits to lose."""
        return len(outside) < len(train) and bool(self.squares[outside].sum() <= 10 * self.squares[train].sum())

    def _kernel_of(self, rows: np.ndarray, train: np.ndarray, mean: Array, scale: Array) -> Array:
        """Products of centred (and scaled) rows with those of the training set."""
        if self.scaled:
            left, right = ((take_rows(self.X, each) - mean) / scale for each in (rows, train))
            return left @ right.T
        K = take_rows(take_rows(self.kernel, train).T, rows)
        towards_mean = take_rows(self.X, rows) @ mean
        return K - towards_mean[:, None] - take_rows(self.X, train) @ mean + mean @ mean


def _eigh(A: Array) -> tuple[Array, Array]:
    """Eigenvalues, clamped at zero, and eigenvectors in the precision of ``A`` (NumPy's own works in double)."""
    xp = array_namespace(A)
    if is_numpy_array(A):
        eigenvalues, vectors = eigh(A, driver="evd", overwrite_a=True, check_finite=False)
        vectors = np.ascontiguousarray(vectors)
    else:
        eigenvalues, vectors = xp.linalg.eigh(A)
    return xp.where(eigenvalues > 0, eigenvalues, xp.zeros_like(eigenvalues)), vectors


def _require_folds(folds: Folds, n_rows: int) -> None:
    if folds.train.shape != folds.test.shape or folds.train.shape[1:] != (n_rows,):
        raise ValueError(
            f"features hold {n_rows} rows and the masks of the folds are {folds.train.shape} (training) and "
            f"{folds.test.shape} (test); both are (n_folds, {n_rows}). Make the folds from the same rows."
        )
    fitted, both = folds.train.sum(axis=1), (folds.train & folds.test).any(axis=1)
    if (fitted < 2).any() or both.any():
        fold = int(np.argmax((fitted < 2) | both))
        raise ValueError(
            f"fold {fold} trains on {fitted[fold]} rows, {int((folds.train & folds.test)[fold].sum())} of them tested "
            "as well; a fold needs two training rows and none of them in its test. Use other folds."
        )


def require_finite(X: Real[Array, "n_rows n_features"]) -> None:
    """Name the first feature that is missing or infinite.

    Raises
    ------
    ValueError
        When there is one.
    """
    xp = array_namespace(X)
    finite = xp.isfinite(X)
    if not bool(xp.all(finite)):
        flat = int(xp.argmax(xp.astype(xp.reshape(~finite, (-1,)), xp.int8)))
        row, column = divmod(flat, X.shape[1])
        raise ValueError(
            f"feature {column} of row {row} is {float(X[row, column])}; features must be finite. Remove the row or "
            "the feature."
        )

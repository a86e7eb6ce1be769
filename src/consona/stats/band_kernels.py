"""One split into training and test rows, in which groups of features (bands) can be weighted again and again."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from array_api_compat import array_namespace, device, is_numpy_array
from scipy.linalg import eigh

from consona.stats.shapes import Array, Bool, Float

__all__ = ["BandKernels", "WeightedBands", "like"]

BLOCK = 512  # targets whose predictions stay in the cache of a processor
SHRUNK_VALUES = 2**26  # numbers that the shrunken rows of several penalties may take together


class WeightedBands(NamedTuple):
    r"""A split under one weighting, in its eigenbasis: predictions are :math:`A\,(\Lambda + \alpha)^{-1} U^\top Y`.

    ``Y`` are the training rows of the targets, less their mean. ``back`` takes coordinates to weights: of rows in the
    dual form, of features in the primal one.
    """

    eigenvalues: Array
    U: Array
    A: Array
    back: Array

    def fit(self, Y: Array, alphas: Array) -> Array:
        """Weights of rows or features, ``(_, n_targets)``, each target with its own penalty."""
        return self.back @ ((self.U.T @ Y) / (self.eigenvalues[:, None] + alphas[None, :]))


@dataclass(frozen=True)
class BandKernels:
    r"""What weighting the bands of one split takes: products made once, added up under every weighting.

    .. math:: K_\gamma = \sum_b \gamma_b Z_b Z_b^\top

    ``Z`` are the features centred by the training rows. Products are of rows (``K``, the dual form) where features
    outnumber training rows, and of features otherwise. A weight of 0 drops a band. Any array of the array-API standard.
    """

    rows: Array
    test_rows: Array
    mean: Array
    scale: Array
    train: Array
    test: Array
    widths: tuple[int, ...]
    inside: Array
    across: Array

    @classmethod
    def of(
        cls,
        bands: Sequence[Float[Array, "n_rows _"]],
        train: Bool[np.ndarray, " n_rows"],
        test: Bool[np.ndarray, " n_rows"],
        *,
        scaled: bool = True,
    ) -> "BandKernels":
        """Centre (and scale) the bands by the training rows.

        ``scaled`` gives every feature unit variance over the training rows (a constant one becomes 0), then every band
        the same total variance, whatever its number of features.
        """
        xp = array_namespace(*bands)
        rows, test_rows = (xp.asarray(np.flatnonzero(mask), device=device(bands[0])) for mask in (train, test))
        fits = [_centred(X, rows, test_rows, scaled) for X in bands]
        widths = tuple(int(X.shape[1]) for X in bands)
        mean, scale = (xp.concat([fit[i] for fit in fits]) for i in (0, 1))
        Z, Z_test = (xp.concat([fit[i] for fit in fits], axis=1) for i in (2, 3))
        if sum(widths) < Z.shape[0]:
            return cls(rows, test_rows, mean, scale, Z, Z_test, widths, Z.T @ Z, Z_test)
        inside, across = (xp.stack([fit[i] @ fit[2].T for fit in fits]) for i in (2, 3))
        return cls(rows, test_rows, mean, scale, Z, Z_test, widths, inside, across)

    @property
    def by_rows(self) -> bool:
        """Whether the products are of rows: the dual form."""
        return len(self.inside.shape) == 3

    def weighted(self, gamma: Float[np.ndarray, " n_bands"]) -> WeightedBands:
        """The split under these weights, from one eigendecomposition."""
        if self.by_rows:
            eigenvalues, V = _eigh(_total(gamma, self.inside))
            return WeightedBands(eigenvalues, V, _total(gamma, self.across) @ V, V)
        roots = like(self.per_feature(np.sqrt(gamma)), self.inside)
        eigenvalues, V = _eigh(roots[:, None] * self.inside * roots[None, :])
        back = roots[:, None] * V
        return WeightedBands(eigenvalues, self.train @ back, self.test @ back, back)

    def centred(self, Y: Array) -> tuple[Array, Array, Array]:
        """Training and test rows of targets less their training mean, in the precision of the features; the mean."""
        xp = array_namespace(Y)
        if not xp.isdtype(Y.dtype, "real floating"):
            Y = xp.astype(Y, xp.float64)
        fitted, new = (xp.take(Y, rows, axis=0) for rows in (self.rows, self.test_rows))
        mean = xp.mean(fitted, axis=0)
        fitted -= mean  # rows that were taken are copies
        new -= mean
        return *(xp.astype(each, self.train.dtype, copy=False) for each in (fitted, new)), mean

    def losses(
        self, gamma: Float[np.ndarray, " n_bands"], Y: Float[Array, "n_rows n_targets"], alphas: Sequence[float]
    ) -> Array:
        """Mean squared error on the test rows under these weights, for every penalty: ``(n_alphas, n_targets)``."""
        xp, basis = array_namespace(self.inside), self.weighted(gamma)
        n_test = basis.A.shape[0]
        found = xp.empty((len(alphas), Y.shape[1]), dtype=basis.A.dtype, device=device(basis.A))
        ones = xp.ones((n_test,), dtype=basis.A.dtype, device=device(basis.A))
        several = max(1, SHRUNK_VALUES // max(1, n_test * basis.A.shape[1]))
        for first in range(0, len(alphas), several):
            shrunk = [basis.A / (basis.eigenvalues + alpha) for alpha in alphas[first : first + several]]
            for start in range(0, Y.shape[1], BLOCK):
                known, new, _ = self.centred(Y[:, start : start + BLOCK])
                R = basis.U.T @ known
                for j, A in enumerate(shrunk, first):
                    error = A @ R
                    error -= new
                    error *= error
                    found[j, start : start + BLOCK] = ones @ error
        return found / n_test

    def parts(self, gamma: Float[np.ndarray, " n_bands"], fitted: Array) -> Array:
        """What each band adds to the predicted test rows beside the training mean, ``(n_bands, n_test, n_targets)``."""
        xp = array_namespace(self.inside)
        if self.by_rows:
            return xp.stack([float(g) * (K @ fitted) for g, K in zip(gamma, self.across, strict=True)])
        edges = np.cumsum((0, *self.widths)).tolist()
        return xp.stack([self.test[:, a:b] @ fitted[a:b] for a, b in pairwise(edges)])

    def feature_weights(self, gamma: Float[np.ndarray, " n_bands"], fitted: Array) -> Array:
        """Ridge weights of the features as they are, neither centred nor scaled: ``(n_features, n_targets)``."""
        if self.by_rows:
            fitted = like(self.per_feature(gamma), self.inside)[:, None] * (self.train.T @ fitted)
        return array_namespace(fitted).astype(self.scale[:, None] * fitted, fitted.dtype)

    def per_feature(self, per_band: Float[np.ndarray, " n_bands"]) -> Float[np.ndarray, " n_features"]:
        """One number per feature from one per band."""
        return np.repeat(np.asarray(per_band, dtype=np.float64), self.widths)


def like(values: np.ndarray, other: Array) -> Array:
    """Numbers as an array of the kind, precision and device of another."""
    xp = array_namespace(other)
    return xp.asarray(values, dtype=other.dtype, device=device(other))


def _centred(X: Array, train: Array, test: Array, scaled: bool) -> tuple[Array, Array, Array, Array]:
    """Mean and scale by the training rows, summed in double precision; training and test rows, in their own."""
    xp = array_namespace(X)
    fitted, new = (xp.astype(xp.take(X, rows, axis=0), xp.float64) for rows in (train, test))
    mean = xp.mean(fitted, axis=0)
    scale = xp.ones_like(mean)
    if scaled:
        largest = xp.max(xp.abs(fitted), axis=0)
        varies = xp.max(fitted, axis=0) - xp.min(fitted, axis=0) > 4 * xp.finfo(X.dtype).eps * largest
        spread = xp.where(varies, xp.std(fitted, axis=0), scale) * X.shape[1] ** 0.5
        scale = xp.where(varies, 1 / spread, xp.zeros_like(spread))
    return mean, scale, *(xp.astype((rows - mean) * scale, X.dtype) for rows in (fitted, new))


def _total(gamma: np.ndarray, products: Array) -> Array:
    xp = array_namespace(products)
    return xp.sum(like(gamma, products)[:, None, None] * products, axis=0)


def _eigh(K: Array) -> tuple[Array, Array]:
    """Eigenvalues and vectors. Rounding makes the smallest values negative, which sums of squares are not."""
    if is_numpy_array(K):  # SciPy's call of the same routine takes half the time in single precision
        eigenvalues, V = eigh(K, driver="evd", overwrite_a=True, check_finite=False)
    else:
        eigenvalues, V = array_namespace(K).linalg.eigh(K)
    xp = array_namespace(K)
    return xp.where(eigenvalues > 0, eigenvalues, xp.zeros_like(eigenvalues)), V

"""Ridge regression from products of rows alone: kernels of several sources are added, never their features joined."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh, helmert

from consona.stats.correlation import unit_columns
from consona.stats.grams import require_finite
from consona.stats.shapes import Float, Int, Real

__all__ = ["FoldKernel", "FoldTargets", "KernelRidge", "fold_kernel", "fold_targets", "joined_kernels", "kernel_of"]

Matrix = npt.NDArray[np.float64]

_ROUNDING = 1e-10  # a prediction that varies by less than this share of its size does not vary


class FoldKernel(NamedTuple):
    """What a training set and its test rows know of each other, with the training means taken away exactly.

    ``gram`` is ``(n_train - 1, n_train - 1)`` and ``cross`` ``(n_test, n_train - 1)``, in the coordinates of contrasts
    between training rows. Kernels of two sources on the same rows are added part by part: :func:`joined_kernels`
    is the same as joining their features.
    """

    gram: Matrix
    cross: Matrix


def joined_kernels(kernels: Sequence[FoldKernel]) -> FoldKernel:
    """The kernel of several sources together."""
    return FoldKernel(*(np.sum(part, axis=0) for part in zip(*kernels, strict=True)))


def kernel_of(X: Real[np.ndarray, "n_rows n_features"]) -> Float[np.ndarray, "n_rows n_rows"]:
    """Products of all rows after the mean row was taken away, in double precision.

    Raises
    ------
    ValueError
        When a feature is not finite.
    """
    require_finite(X)
    shifted = np.asarray(X, dtype=np.float64)
    shifted = shifted - shifted.mean(axis=0)
    return np.asarray(shifted @ shifted.T)


def fold_kernel(
    K: Float[np.ndarray, "n_rows n_rows"], train: Int[np.ndarray, " n_train"], test: Int[np.ndarray, " n_test"]
) -> FoldKernel:
    r"""One fold of a kernel, centred by its training rows t; s are its test rows.

    .. math:: G = H^\top K_{tt} H, \qquad C = (K_{st} - 1 \bar k^\top) H, \qquad H^\top 1 = 0,\; H^\top H = I

    with :math:`H` Helmert's contrasts and :math:`\bar k` the mean training row of the kernel. The contrasts hold every
    centred column and nothing else, so a constant never shares an eigenvalue with the features.

    Raises
    ------
    ValueError
        When there are fewer than two training rows.
    """
    if len(train) < 2:
        raise ValueError(f"there are {len(train)} training rows; ridge with an intercept needs two. Use fewer folds.")
    H = helmert(len(train))
    own = K[np.ix_(train, train)]
    return FoldKernel(H @ own @ H.T, (K[np.ix_(test, train)] - own.mean(axis=0)) @ H.T)


class FoldTargets(NamedTuple):
    """Targets of one fold as a kernel ridge needs them.

    ``contrasts`` are the training rows in Helmert's coordinates ``(n_train - 1, n_targets)``, ``products`` their
    products ``(n_train - 1, n_train - 1)``, ``test`` the test rows with unit columns, zero where a target is constant
    there, and ``usable`` says which targets are finite in all rows.
    """

    contrasts: Matrix
    products: Matrix
    test: Matrix
    usable: npt.NDArray[np.bool_]


def fold_targets(
    Y: Real[np.ndarray, "n_rows n_targets"], train: Int[np.ndarray, " n_train"], test: Int[np.ndarray, " n_test"]
) -> FoldTargets:
    """Targets of one fold; those with a missing value take part in nothing."""
    usable = np.isfinite(Y).all(axis=0)
    known = np.where(usable, Y, 0.0).astype(np.float64)
    contrasts = helmert(len(train)) @ known[train]
    return FoldTargets(contrasts, contrasts @ contrasts.T, np.nan_to_num(unit_columns(known[test])), usable)


class KernelRidge:
    r"""Ridge with an intercept on one training set, from one eigendecomposition of its :class:`FoldKernel`.

    .. math:: G = V \Lambda V^\top, \qquad \hat Y_o = 1 \nu^\top + C V (\Lambda + \alpha)^{-1} V^\top H^\top Y_t
    """

    def __init__(self, kernel: FoldKernel) -> None:
        eigenvalues, self.vectors = eigh(kernel.gram, driver="evd", check_finite=False)
        self.eigenvalues = np.maximum(eigenvalues, 0.0)
        self.test = kernel.cross @ self.vectors
        self._rows = helmert(len(kernel.gram) + 1).T @ self.vectors

    def shared_penalties(
        self, targets: Sequence[FoldTargets], alphas: Float[np.ndarray, " n_alphas"]
    ) -> Float[np.ndarray, " n_sets"]:
        r"""For every set of targets, the one penalty that serves all of them best, one training row left out at a time.

        .. math:: \sum_{iv} \Big(\frac{y_{iv} - \hat y_{iv}}{1 - h_i}\Big)^2
                  = \sum_i \frac{(R_\alpha Y Y^\top R_\alpha)_{ii}}{(R_\alpha)_{ii}^2}, \qquad
                  R_\alpha = \alpha\, H V (\Lambda + \alpha)^{-1} V^\top H^\top

        Targets enter by their products of rows alone, however many they are, so a rotation of them changes nothing.
        Of equal penalties the first is taken, and the grid is never extended, as in ``sklearn.linear_model.RidgeCV``.
        """
        rest = alphas[:, None] / (self.eigenvalues + alphas[:, None])
        scaled = (self._rows * rest[:, None, :]).reshape(-1, len(self.eigenvalues))
        leverage = (rest @ (self._rows**2).T).ravel()
        chosen = []
        for each in targets:
            turned = self.vectors.T @ each.products @ self.vectors
            errors = ((scaled @ turned) * scaled).sum(axis=1) / leverage**2
            chosen.append(alphas[np.argmin(errors.reshape(len(alphas), -1).sum(axis=1))])
        return np.asarray(chosen)

    def predicted(self, targets: FoldTargets, alpha: float) -> Float[np.ndarray, "n_test n_targets"]:
        """Test rows as deviations from the mean of the training rows; zero for targets with a missing value."""
        return np.asarray(((self.test / (self.eigenvalues + alpha)) @ self.vectors.T) @ targets.contrasts)

    def correlations(self, targets: Sequence[FoldTargets], alphas: Float[np.ndarray, " n_alphas"]) -> list[Matrix]:
        """Correlation of prediction and measurement over the test rows, for every target of every set.

        The penalty is that of :meth:`shared_penalties`. A prediction or a measurement that is constant over the test
        rows counts as 0 here; a target with a missing value is NaN.
        """
        chosen = zip(targets, self.shared_penalties(targets, alphas).tolist(), strict=True)
        predicted = np.concatenate([self.predicted(each, alpha) for each, alpha in chosen], axis=1)
        spread, size = np.ptp(predicted, axis=0), np.abs(predicted).max(axis=0)
        predicted[:, spread <= _ROUNDING * size] = 0.0
        r = (np.nan_to_num(unit_columns(predicted)) * np.concatenate([each.test for each in targets], axis=1)).sum(
            axis=0
        )
        r[~np.concatenate([each.usable for each in targets])] = np.nan
        return np.split(r, np.cumsum([each.test.shape[1] for each in targets])[:-1])

"""Ridge on kernels with layer and penalty chosen in inner folds, and confounds taken out by training rows alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from consona.stats.folds import Folds
from consona.stats.shapes import Float, Int, Real

__all__ = ["NestedKernels", "linear_kernel", "training_fit"]

_GONE = 1e-10  # share of a kernel, or of a confound, below which what is left is rounding


def linear_kernel(X: Real[np.ndarray, "n_rows n_features"]) -> Float[np.ndarray, "n_rows n_rows"]:
    """Products of all pairs of rows, every feature at mean 0 and variance 1 over the rows, divided by their number.

    No response takes part in this scaling. Features that are constant are left out; without any the kernel is zero.
    """
    X = np.asarray(X, dtype=np.float64)
    varies = np.ptp(X, axis=0) > 0
    Z = X[:, varies] - X[:, varies].mean(axis=0)
    Z /= Z.std(axis=0)
    product: np.ndarray = Z @ Z.T / max(1, Z.shape[1])
    return product


def training_fit(
    given: Real[np.ndarray, "n_rows n_confounds"], train: Int[np.ndarray, " n_train"]
) -> Float[np.ndarray, "n_rows n_rows"]:
    r"""The matrix that maps responses to their prediction from ``given`` and a constant, fitted on ``train`` alone.

    .. math:: C = \tfrac{1}{n} \mathbf{1}\mathbf{1}_T^\top + D\, D_T^+, \qquad D = (Z - \bar z_T) / s_T

    Columns outside ``train`` are zero. A confound that is constant in training is left out; of several that repeat each
    other the shortest weights are taken. Without confounds this is the training mean.
    """
    Z = np.asarray(given, dtype=np.float64).reshape(len(given), -1)
    C = np.zeros((len(Z), len(Z)))
    C[:, train] = 1.0 / len(train)
    spread = Z[train].std(axis=0)
    varies = spread > _GONE * np.maximum(np.abs(Z[train]).max(axis=0, initial=0.0), np.finfo(np.float64).tiny)
    if varies.any():
        D = (Z[:, varies] - Z[train][:, varies].mean(axis=0)) / spread[varies]
        C[:, train] += D @ np.linalg.pinv(D[train], rcond=_GONE)
    return C


@dataclass(frozen=True)
class _Fold:
    """One outer fold: its rows, what training predicts without features, maps and inner errors of every model."""

    train: np.ndarray
    test: np.ndarray
    fit: np.ndarray  # (n_rows, n_rows), of the confounds
    maps: np.ndarray  # (n_models, n_test, n_train)
    errors: np.ndarray  # (n_models, n_train * n_train): the squared error is their sum with the Gram matrix


@dataclass(frozen=True)
class NestedKernels:
    r"""All fits of a nested cross-validation that responses need not be known for; make it with :meth:`of`.

    With :math:`R = I - C` the residuals of confounds fitted on training rows (:func:`training_fit`), features and
    responses both lose what the confounds predict, and ridge is fitted to the rest:

    .. math:: \hat Y_\text{test} = M Y, \qquad S = R K R^\top, \qquad
              M = S_{\text{test, train}} (S_{\text{train, train}} + \alpha s I)^{-1} R_\text{train}

    with :math:`s` the mean of the diagonal of :math:`S` in training. A model is a layer with a penalty. The one with
    the smallest total squared error over inner folds and targets is chosen,

    .. math:: \sum_\text{inner} \| (R_\text{test} - M) Y \|^2 = \langle Q, Y Y^\top \rangle ,

    so that the choice depends on the Gram matrix of the responses alone: no rotation of the targets changes it.
    """

    folds: tuple[_Fold, ...]
    n_alphas: int

    @classmethod
    def of(
        cls,
        kernels: Float[np.ndarray, "n_layers n_rows n_rows"],
        outer: Folds,
        inner: Sequence[Folds],
        alphas: Float[np.ndarray, " n_alphas"],
        given: Real[np.ndarray, "n_rows n_confounds"] | None = None,
    ) -> "NestedKernels":
        """Decompose every training set.

        Parameters
        ----------
        kernels
            One per layer, see :func:`linear_kernel`.
        outer, inner
            Folds that are scored, and for each of them the folds of its training rows.
        alphas
            Penalties, as multiples of the mean diagonal of the kernel in training.
        given
            Confounds that are taken out of features and responses, none where not given.

        Raises
        ------
        ValueError
            When a penalty is not positive, a kernel or confound is not finite, or inner folds leave their training.
        """
        Z = np.zeros((kernels.shape[1], 0)) if given is None else np.asarray(given, dtype=np.float64)
        _require(kernels, Z, alphas, outer, inner)
        places = zip(outer.train, outer.test, inner, strict=True)
        return cls(tuple(_fold(kernels, Z, alphas, *each) for each in places), len(alphas))

    def chosen(self, grams: Float[np.ndarray, "n_draws n_rows n_rows"]) -> Int[np.ndarray, "n_draws n_folds"]:
        """Which model each fold takes, for Gram matrices ``Y Y'`` of one or many sets of responses."""
        picked = [
            (grams[:, fold.train[:, None], fold.train].reshape(len(grams), -1) @ fold.errors.T).argmin(axis=1)
            for fold in self.folds
        ]
        return np.stack(picked, axis=1)

    def divided(self, chosen: Int[np.ndarray, "..."]) -> tuple[Int[np.ndarray, "..."], Int[np.ndarray, "..."]]:
        """Chosen models as places of their layer and of their penalty."""
        return chosen // self.n_alphas, chosen % self.n_alphas

    def predicted(
        self, chosen: Int[np.ndarray, "n_draws n_folds"], Y: Float[np.ndarray, "n_draws n_rows n_targets"]
    ) -> Float[np.ndarray, "n_draws n_rows n_targets"]:
        """What features predict of held-out rows beyond confounds and training mean; NaN for rows never tested."""
        values = np.full(Y.shape, np.nan)
        for place, fold in enumerate(self.folds):
            values[:, fold.test] = fold.maps[chosen[:, place]] @ Y[:, fold.train]
        return values

    def measured(
        self, Y: Float[np.ndarray, "n_draws n_rows n_targets"]
    ) -> Float[np.ndarray, "n_draws n_rows n_targets"]:
        """Held-out responses less what confounds and training mean predict of them."""
        values = np.full(Y.shape, np.nan)
        for fold in self.folds:
            values[:, fold.test] = Y[:, fold.test] - fold.fit[fold.test] @ Y
        return values

    def deviations(
        self, Y: Float[np.ndarray, "n_draws n_rows n_targets"]
    ) -> Float[np.ndarray, "n_draws n_rows n_targets"]:
        """Held-out responses less the training mean alone: confounds stay in."""
        values = np.full(Y.shape, np.nan)
        for fold in self.folds:
            values[:, fold.test] = Y[:, fold.test] - Y[:, fold.train].mean(axis=1, keepdims=True)
        return values


def _fold(
    kernels: np.ndarray, Z: np.ndarray, alphas: np.ndarray, train: np.ndarray, test: np.ndarray, inner: Folds
) -> _Fold:
    rows, held = np.flatnonzero(train), np.flatnonzero(test)
    maps, fit = _maps(kernels, Z, alphas, rows, held)
    place = np.cumsum(train) - 1  # of a row among the training rows
    errors = np.zeros((len(maps), len(rows), len(rows)))
    for fitted, tested in zip(inner.train, inner.test, strict=True):
        own, asked = np.flatnonzero(fitted), np.flatnonzero(tested)
        inside, C = _maps(kernels, Z, alphas, own, asked)
        A = np.zeros((len(inside), len(asked), len(rows)))
        A[:, np.arange(len(asked)), place[asked]] = 1.0
        A[:, :, place[own]] -= inside + C[np.ix_(asked, own)]
        errors += A.transpose(0, 2, 1) @ A
    return _Fold(rows, held, fit, maps, errors.reshape(len(maps), -1))


def _maps(
    kernels: np.ndarray, Z: np.ndarray, alphas: np.ndarray, train: np.ndarray, test: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Maps ``(n_layers * n_alphas, n_test, n_train)`` from responses of training rows, and the fit of the confounds."""
    C = training_fit(Z, train)
    R = np.eye(len(C)) - C
    half = kernels @ R[train].T  # (n_layers, n_rows, n_train)
    inside, across = R[train] @ half, R[test] @ half
    eigenvalues, V = np.linalg.eigh(inside)
    scale = np.trace(inside, axis1=1, axis2=2) / len(train)
    total = np.trace(kernels[:, train[:, None], train], axis1=1, axis2=2) / len(train)
    left = scale > _GONE * total  # a layer that confounds explain entirely predicts nothing
    penalty = alphas[None, :] * np.where(left, scale, 1.0)[:, None]
    shrunk = np.where(left, 1.0, 0.0)[:, None, None] / (np.maximum(eigenvalues, 0.0)[:, None, :] + penalty[:, :, None])
    maps = ((across @ V)[:, None] * shrunk[:, :, None, :]) @ V.transpose(0, 2, 1)[:, None]
    # V spans the residuals of training rows, so R_train need not be applied again.
    return maps.reshape(-1, len(test), len(train)), C


def _require(kernels: np.ndarray, Z: np.ndarray, alphas: np.ndarray, outer: Folds, inner: Sequence[Folds]) -> None:
    if not (np.isfinite(kernels).all() and np.isfinite(Z).all()):
        raise ValueError("a kernel or a confound holds NaN or infinity. Fill in what is missing, or drop these rows.")
    if np.any(np.asarray(alphas) <= 0):
        raise ValueError("a penalty alpha is zero or negative; ridge needs alpha > 0. Give positive alphas.")
    if len(Z) != kernels.shape[1] or len(inner) != len(outer.train):
        raise ValueError(
            f"kernels hold {kernels.shape[1]} rows and confounds {len(Z)}; {len(outer.train)} outer folds have "
            f"{len(inner)} sets of inner ones. Give one row each, and inner folds for every outer one."
        )
    for train, own in zip(outer.train, inner, strict=True):
        if ((own.train | own.test) & ~train).any():
            raise ValueError("inner folds use rows that their outer fold does not train on. Make them of its rows.")

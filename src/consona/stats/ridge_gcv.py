"""Ridge penalties chosen from one decomposition of all rows: leave one row out, or generalised cross-validation."""

from dataclasses import replace

import numpy as np

from consona.stats.folds import Folds
from consona.stats.grams import Decomposed, HeldOut, decomposed
from consona.stats.penalties import grid_of
from consona.stats.ridge_choice import RidgeChoice, Scoring, choose_penalties
from consona.stats.rotated import RotatedBlock
from consona.stats.shapes import Array, Real
from consona.stats.targets import to_numpy

__all__ = ["ridge_gcv", "ridge_loo"]


def ridge_loo(
    X: Real[Array, "n_rows n_features"],
    Y: Array,
    alphas: Real[np.ndarray, " n_alphas"],
    *,
    scaled: bool = True,
    shared: bool = False,
) -> RidgeChoice:
    r"""Choose penalties by leaving one row out at a time, in closed form.

    .. math:: -\frac1n \sum_i \Big(\frac{y_i - \hat y_i}{1 - h_i}\Big)^2, \qquad
              h_i = \frac1n + \Big(F (F^\top F + \alpha)^{-1} F^\top\Big)_{ii}

    The same as ``n`` refits, intercept included (Allen, 1974). With ``scaled``, standard deviations are those of all
    rows, the left-out one among them. **Rows have to be independent**: rows of one run, story or repeated stimulus are
    not, and leaving out one of them is then no test; use :func:`consona.stats.ridge_cv.ridge_cv` with groups.

    Parameters
    ----------
    X
        Features, finite.
    Y
        ``(n_rows, n_targets)``, read in blocks.
    alphas
        Penalties, positive, increasing; extended once at an edge.
    scaled
        Whether features are brought to unit variance.
    shared
        One penalty for all targets.

    Raises
    ------
    ValueError
        When a feature is not finite, penalties are not positive and increasing, or rows differ.
    """
    cv, leverage = _all_rows(X, scaled)

    def score(block: RotatedBlock, some: np.ndarray) -> np.ndarray:
        held, (Z, _) = cv.held_out[0], block.turned[0]
        found = np.empty((len(some), len(Z) * Z[0].shape[1]))
        for j, alpha in enumerate(some.tolist()):
            weight = 1 / (cv.fits[0].eigenvalues + alpha)
            rest = 1 - 1 / len(held.test) - leverage @ weight
            errors = [((held.features * weight) @ own - truth) / rest[:, None] for own, truth in _pairs(block)]
            found[j] = np.concatenate([-to_numpy((each * each).mean(0)) for each in errors])
        return found[:, : len(block.block.usable)]

    return choose_penalties(cv, Y, grid_of(alphas), Scoring("squared error, one row left out", score), shared=shared)


def ridge_gcv(
    X: Real[Array, "n_rows n_features"],
    Y: Array,
    alphas: Real[np.ndarray, " n_alphas"],
    *,
    scaled: bool = True,
    shared: bool = False,
) -> RidgeChoice:
    r"""Choose penalties by generalised cross-validation: leverages replaced by their mean.

    .. math:: -\frac1n \|y - \hat y\|^2 \Big/ \Big(1 - \frac1n \sum_i h_i\Big)^2

    Golub, Heath and Wahba (1979). One small product per block, whatever the number of penalties. What is said of
    independent rows in :func:`ridge_loo` holds here.

    Parameters
    ----------
    X, Y, alphas, scaled, shared
        As in :func:`ridge_loo`.

    Raises
    ------
    ValueError
        As :func:`ridge_loo`.
    """
    cv, _ = _all_rows(X, scaled)
    spectrum = to_numpy(cv.fits[0].eigenvalues).astype(np.float64)

    def score(block: RotatedBlock, some: np.ndarray) -> np.ndarray:
        energy = np.concatenate([to_numpy(Z * Z) for Z in block.turned[0][0]], axis=1).astype(np.float64)
        if cv.fits[0].primal:  # there Z is the eigenvector's share of the target times the root of its eigenvalue
            energy = np.divide(energy, spectrum[:, None], out=np.zeros_like(energy), where=spectrum[:, None] > 0)
        total = np.concatenate([to_numpy((T * T).sum(0)) for _, T in _pairs(block)]).astype(np.float64)
        left = (some[:, None] / (spectrum + some[:, None])) ** 2 @ energy + np.maximum(total - energy.sum(axis=0), 0)
        freedom = 1 - 1 / len(X) - (spectrum / (spectrum + some[:, None])).sum(axis=1) / len(X)
        return np.asarray(-(left / len(X)) / freedom[:, None] ** 2)[:, : len(block.block.usable)]

    return choose_penalties(cv, Y, grid_of(alphas), Scoring("generalised cross-validation", score), shared=shared)


def _all_rows(X: Array, scaled: bool) -> tuple[Decomposed, Array]:
    """All rows as training set and as test rows, and what their leverages are made of, ``(n_rows, k)``."""
    every = np.ones((1, X.shape[0]), dtype=bool)
    cv = decomposed(X, Folds(every, ~every), scaled=scaled)
    fit = cv.fits[0]
    features = (cv.X - fit.mean) @ fit.basis if fit.primal else fit.basis * fit.eigenvalues
    cv = replace(cv, held_out=(HeldOut(0, np.arange(X.shape[0]), features),))
    return cv, features * (features if fit.primal else fit.basis)


def _pairs(block: RotatedBlock) -> list[tuple[Array, Array]]:
    return list(zip(block.turned[0][0], block.truth(block.cv.held_out[0]), strict=True))

"""Banded ridge: every group of features (band) has a penalty of its own, found by random search."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from array_api_compat import array_namespace, device, to_device

from consona.stats.band_kernels import BandKernels, like
from consona.stats.folds import Folds, inner_folds
from consona.stats.seeds import rng_for
from consona.stats.shapes import Array, Bool, Float, Int, Real

__all__ = [
    "BandedChoice",
    "NestedBanded",
    "banded_parts",
    "banded_predictions",
    "banded_search",
    "banded_weights",
    "dirichlet_gammas",
    "nested_banded",
]

CONCENTRATIONS = (0.1, 1.0)
BLOCK = 4096  # targets that are predicted at once


def dirichlet_gammas(n_bands: int, n_draws: int, *, seed: int) -> Float[np.ndarray, "n_draws n_bands"]:
    """Band weights to try: equal ones first, then draws that favour few bands and draws from all mixtures, in turn.

    Dirichlet distributions with concentration 0.1 and 1. Every row sums to 1; the first rows do not depend on how many
    follow.

    Raises
    ------
    ValueError
        When there is no band or no draw.
    """
    if n_bands < 1 or n_draws < 1:
        raise ValueError(f"{n_draws} draws for {n_bands} bands were asked for; there is at least one of each.")
    rng = rng_for(seed, "band weights", n_bands)
    drawn = [rng.dirichlet(np.full(n_bands, CONCENTRATIONS[i % 2])) for i in range(n_draws - 1)]
    return np.stack([np.full(n_bands, 1 / n_bands), *drawn])


class BandedChoice(NamedTuple):
    """Per target: the band weights and the penalty with the smallest loss in the folds, and that loss.

    ``draw`` is the place of the weights among those tried; ``edge`` is true where the penalty is the first or last of
    several.
    """

    draw: Int[np.ndarray, " n_targets"]
    gammas: Float[np.ndarray, "n_bands n_targets"]
    alphas: Float[np.ndarray, " n_targets"]
    loss: Float[np.ndarray, " n_targets"]
    edge: Bool[np.ndarray, " n_targets"]


class NestedBanded(NamedTuple):
    """Held-out predictions ``(n_rows, n_targets)``, NaN for rows never tested; and the choice made for every fold."""

    predictions: Float[Array, "n_rows n_targets"]
    choices: tuple[BandedChoice, ...]


def banded_search(
    bands: Sequence[Real[Array, "n_rows _"]],
    Y: Real[Array, "n_rows n_targets"],
    folds: Folds,
    gammas: Float[np.ndarray, "n_draws n_bands"],
    alphas: Float[np.ndarray, " n_alphas"],
    *,
    scaled: bool = True,
) -> BandedChoice:
    r"""Try every pair of band weights and penalty in every fold and keep, per target, the pair that predicts best.

    .. math:: (\gamma, \alpha) = \arg\min \frac1F \sum_f \frac{1}{n_f} \sum_{i \in f} (y_i - \hat y_i)^2, \qquad
              \hat y = \nu + K_\gamma^{f,t} (K_\gamma^{t,t} + \alpha I)^{-1} (y_t - \nu)

    with :math:`K_\gamma = \sum_b \gamma_b Z_b Z_b^\top`, everything centred (and with ``scaled`` every feature scaled)
    by the training rows :math:`t` of the fold. Nunez-Elizalde, Huth and Gallant (2019); Dupré la Tour et al. (2022).
    One kernel per band and fold is kept; losses are kept for one draw of weights, the rest is a running best.

    Parameters
    ----------
    bands
        One array of features per band, finite; single precision in, single precision out.
    Y
        Targets. One that is not finite has loss NaN and touches no other.
    folds
        Where losses are taken.
    gammas
        Band weights, none negative; 0 drops a band.
    alphas
        Penalties, positive.
    scaled
        Whether features have unit variance and bands equal total variance in each training set.

    Raises
    ------
    ValueError
        When a weight is negative, all weights of a draw are 0, a penalty is not positive, a feature is not finite, or
        numbers do not fit.
    """
    bands, Y = _floating(bands), _whole_or_nan(Y)
    _require(bands, len(Y), gammas, alphas)
    splits = [BandKernels.of(bands, *masks, scaled=scaled) for masks in zip(folds.train, folds.test, strict=True)]
    best = np.full(Y.shape[1], np.inf)
    draw, place = np.zeros(Y.shape[1], dtype=np.int64), np.zeros(Y.shape[1], dtype=np.int64)
    for i, gamma in enumerate(gammas):
        smallest, where = _smallest(split.losses(gamma, Y, alphas.tolist()) for split in splits)
        better = ~(smallest >= best)
        best = np.where(better, smallest, best)
        place = np.where(better, where, place)
        draw = np.where(better, i, draw)
    edge = (len(alphas) > 1) & ((place == 0) | (place == len(alphas) - 1)) & np.isfinite(best)
    return BandedChoice(draw, np.asarray(gammas)[draw].T, np.asarray(alphas)[place], best, edge)


def banded_predictions(
    bands: Sequence[Real[Array, "n_rows _"]],
    Y: Real[Array, "n_rows n_targets"],
    folds: Folds,
    choice: BandedChoice,
    *,
    scaled: bool = True,
) -> Float[Array, "n_rows n_targets"]:
    """Predictions of the test rows of every fold with given weights and penalties; NaN for rows never tested.

    Raises
    ------
    ValueError
        As :func:`banded_search`.
    """
    bands = _floating(bands)
    found = _nowhere(bands[0], (len(Y), Y.shape[1]))
    for rows, targets, parts, mean in _held_out(bands, Y, folds, choice, scaled):
        found[rows[:, None], targets[None, :]] = parts.sum(axis=0) + mean
    return found


def banded_parts(
    bands: Sequence[Real[Array, "n_rows _"]],
    Y: Real[Array, "n_rows n_targets"],
    folds: Folds,
    choice: BandedChoice,
    *,
    scaled: bool = True,
) -> Float[Array, "n_bands n_rows n_targets"]:
    """What every band adds to :func:`banded_predictions` beside the training mean of the target.

    Raises
    ------
    ValueError
        As :func:`banded_search`.
    """
    bands = _floating(bands)
    found = _nowhere(bands[0], (len(bands), len(Y), Y.shape[1]))
    for rows, targets, parts, _ in _held_out(bands, Y, folds, choice, scaled):
        for b in range(len(bands)):
            found[b, rows[:, None], targets[None, :]] = parts[b]
    return found


def banded_weights(
    bands: Sequence[Real[Array, "n_rows _"]],
    Y: Real[Array, "n_rows n_targets"],
    choice: BandedChoice,
    *,
    scaled: bool = True,
) -> tuple[Float[Array, "n_features n_targets"], Float[Array, " n_targets"]]:
    """Weights and intercept of a fit to all rows, for features as they are: ``X @ weights + intercept``.

    The bands stand side by side. NaN for targets that are not finite.

    Raises
    ------
    ValueError
        As :func:`banded_search`.
    """
    bands = _floating(bands)
    every = np.ones(len(Y), dtype=bool)
    split = BandKernels.of(bands, every, ~every, scaled=scaled)
    weights, intercept = _nowhere(bands[0], (sum(split.widths), Y.shape[1])), _nowhere(bands[0], (Y.shape[1],))
    for targets, gamma, fitted, mean in _fits(split, Y, choice):
        weights[:, targets] = split.feature_weights(gamma, fitted)
        intercept[targets] = mean - array_namespace(mean).astype(split.mean, weights.dtype) @ weights[:, targets]
    return weights, intercept


def nested_banded(
    bands: Sequence[Real[Array, "n_rows _"]],
    Y: Real[Array, "n_rows n_targets"],
    outer: Folds,
    gammas: Float[np.ndarray, "n_draws n_bands"],
    alphas: Float[np.ndarray, " n_alphas"],
    *,
    inner: Sequence[Folds] | None = None,
    scaled: bool = True,
) -> NestedBanded:
    """Held-out predictions of a banded ridge whose weights and penalties are chosen within the training rows.

    Parameters are those of :func:`banded_search`; ``outer`` are the folds whose test rows are predicted and ``inner``
    one set of folds for each of them, the other outer folds where none are given. A target that is not finite is NaN
    and touches no other.

    Raises
    ------
    ValueError
        As :func:`banded_search`, or when there is not one set of inner folds per outer fold.
    """
    inner = [inner_folds(outer, k) for k in range(len(outer.test))] if inner is None else inner
    if len(inner) != len(outer.test):
        raise ValueError(f"{len(outer.test)} outer folds and {len(inner)} sets of inner folds; give one for each.")
    bands = _floating(bands)
    found, choices = _nowhere(bands[0], (len(Y), Y.shape[1])), []
    for k, folds in enumerate(inner):
        choices.append(banded_search(bands, Y, folds, gammas, alphas, scaled=scaled))
        one = Folds(outer.train[k : k + 1], outer.test[k : k + 1])
        predicted = banded_predictions(bands, Y, one, choices[-1], scaled=scaled)
        tested = np.flatnonzero(outer.test[k])
        found[tested] = predicted[tested]
    return NestedBanded(found, tuple(choices))


def _held_out(
    bands: Sequence[Array], Y: Array, folds: Folds, choice: BandedChoice, scaled: bool
) -> Iterator[tuple[np.ndarray, np.ndarray, Array, Array]]:
    """Test rows, targets, parts of every band and training mean: fold by fold."""
    for train, test in zip(folds.train, folds.test, strict=True):
        split = BandKernels.of(bands, train, test, scaled=scaled)
        for targets, gamma, fitted, mean in _fits(split, Y, choice):
            yield np.flatnonzero(test), targets, split.parts(gamma, fitted), mean


def _fits(split: BandKernels, Y: Array, choice: BandedChoice) -> Iterator[tuple[np.ndarray, np.ndarray, Array, Array]]:
    """Targets, their band weights, the fit and the mean: one decomposition per draw that any target chose."""
    for draw in np.unique(choice.draw):
        chosen = np.flatnonzero((choice.draw == draw) & ~np.isnan(choice.loss))
        if len(chosen) == 0:
            continue
        gamma = choice.gammas[:, chosen[0]]
        basis = split.weighted(gamma)
        for start in range(0, len(chosen), BLOCK):
            targets = chosen[start : start + BLOCK]
            known, _, mean = split.centred(Y[:, targets])
            yield targets, gamma, basis.fit(known, like(choice.alphas[targets], known)), mean


def _nowhere(other: Array, shape: tuple[int, ...]) -> Array:
    return array_namespace(other).full(shape, float("nan"), dtype=other.dtype, device=device(other))


def _smallest(losses: Iterator[Array]) -> tuple[np.ndarray, np.ndarray]:
    """The smallest mean over folds of every target, and at which penalty."""
    folds = list(losses)
    xp, mean = array_namespace(folds[0]), sum(folds[1:], start=folds[0]) / len(folds)
    smallest, where = (np.asarray(to_device(part, "cpu")) for part in (xp.min(mean, axis=0), xp.argmin(mean, axis=0)))
    return smallest, where


def _floating(bands: Sequence[Array]) -> list[Array]:
    """Bands in one floating precision, the widest among them."""
    xp = array_namespace(*bands)
    single = all(X.dtype == xp.float32 for X in bands)
    return [xp.astype(X, xp.float32 if single else xp.float64, copy=False) for X in bands]


def _whole_or_nan(Y: Array) -> Array:
    """A target with a gap is NaN throughout, so that no arithmetic on it warns; nothing is copied without need."""
    xp = array_namespace(Y)
    if not xp.isdtype(Y.dtype, "real floating"):
        return xp.astype(Y, xp.float64)
    finite = xp.all(xp.isfinite(Y), axis=0)
    return Y if bool(xp.all(finite)) else xp.where(finite, Y, xp.nan * xp.ones_like(Y))


def _require(bands: Sequence[Array], n_rows: int, gammas: np.ndarray, alphas: np.ndarray) -> None:
    if {int(X.shape[0]) for X in bands} != {n_rows}:
        raise ValueError(
            f"the bands hold {[int(X.shape[0]) for X in bands]} rows and the targets {n_rows}; they must be the same "
            "ones. Align them first."
        )
    if gammas.shape[1] != len(bands) or np.any(gammas < 0) or not np.all(gammas.sum(axis=1) > 0):
        raise ValueError(
            f"{len(bands)} bands have weights of shape {gammas.shape}, the smallest {gammas.min(initial=0):g}; give a "
            "weight per band in every draw, none negative and not all 0. dirichlet_gammas draws them."
        )
    if not np.all(alphas > 0):
        raise ValueError("a penalty alpha is zero, negative or NaN; ridge needs alpha > 0. Give positive alphas.")
    for b, X in enumerate(bands):
        if not bool(array_namespace(X).all(array_namespace(X).isfinite(X))):
            raise ValueError(f"band {b} holds NaN or infinity; features must be finite. Remove the row or the feature.")

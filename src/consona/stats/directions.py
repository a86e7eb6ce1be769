"""Random directions with exactly the variance of a given one: the fair control for projecting a concept out."""

from typing import NamedTuple

import numpy as np

from consona.stats.seeds import rng_for
from consona.stats.shapes import Float, Real

__all__ = ["variance_along", "variance_matched_directions"]

_POWERS = (0.0, *(0.25 * 1.5**k for k in range(32)))  # from isotropic to the outermost axis alone


def variance_along(
    X: Real[np.ndarray, "n_stimuli n_features"], directions: Real[np.ndarray, "n_directions n_features"]
) -> Float[np.ndarray, " n_directions"]:
    r"""Variance of the stimuli along each unit direction: :math:`u^\top S u`, :math:`S` the covariance (divisor n)."""
    X = np.asarray(X, dtype=np.float64)
    spread: np.ndarray = np.var((X - X.mean(axis=0)) @ np.asarray(directions, dtype=np.float64).T, axis=0)
    return spread


def variance_matched_directions(
    X: Real[np.ndarray, "n_stimuli n_features"], v: Real[np.ndarray, " n_features"], *, n: int, seed: int
) -> Float[np.ndarray, "n n_features"]:
    r"""Random unit directions orthogonal to ``v`` along which the stimuli vary exactly as much as along ``v``.

    Two random directions :math:`a, b` orthogonal to ``v``, one with less and one with more variance than
    :math:`t = v^\top S v`, are mixed: :math:`u \propto a + \tau b` with

    .. math:: a^\top (S - tI) a + 2\tau\, a^\top (S - tI) b + \tau^2\, b^\top (S - tI) b = 0 ,

    whose two roots have opposite signs; a coin decides. Both start as isotropic Gaussian vectors and are reweighted by
    powers of the singular values only as far as needed, so the directions stay as varied as the target allows.

    Raises
    ------
    ValueError
        When ``v`` has no variance or no length, or no direction orthogonal to it reaches its variance (it is then the
        leading principal component or close to it, and no matched control exists).
    """
    X = np.asarray(X, dtype=np.float64)
    X = X - X.mean(axis=0)
    v = _unit(np.asarray(v, dtype=np.float64)[None])[0]
    target = float(np.mean((X @ v) ** 2))
    X = X - np.outer(X @ v, v)  # for a direction orthogonal to v this changes no variance
    axes = _Axes.of(X)
    axes.require_reachable(target)
    rng = rng_for(seed, "variance-matched directions")
    low, high = (g - np.outer(g @ v, v) for g in (rng.standard_normal((n, len(v))), rng.standard_normal((n, len(v)))))
    low = axes.pushed(low, target, 1.0 / (1.0 + axes.variance / target))
    high = axes.pushed(high, target, np.sqrt(axes.variance / axes.variance[0]))
    aa, ab, bb = (_form(X, target, *pair) for pair in ((low, low), (low, high), (high, high)))
    coin = rng.integers(0, 2, n) * 2 - 1
    u = low + ((-ab + coin * np.sqrt(ab**2 - aa * bb)) / bb)[:, None] * high
    return _unit(u - np.outer(u @ v, v))


class _Axes(NamedTuple):
    """Principal axes with variance, largest first, and whether there are directions without any."""

    directions: np.ndarray
    variance: np.ndarray
    has_rest: bool

    @classmethod
    def of(cls, X: np.ndarray) -> "_Axes":
        _, s, Vt = np.linalg.svd(X, full_matrices=False)
        kept = s > s[0] * max(X.shape) * np.finfo(np.float64).eps
        # One direction, v itself, is no choice: only a rank below n_features - 1 leaves a silent one.
        return cls(Vt[kept], s[kept] ** 2 / len(X), int(kept.sum()) < X.shape[1] - 1)

    def require_reachable(self, target: float) -> None:
        """Refuse a variance outside of what directions orthogonal to ``v`` can have."""
        least = 0.0 if self.has_rest else float(self.variance.min(initial=np.inf))
        most = float(self.variance.max(initial=0.0))
        if not least < target < most:
            raise ValueError(
                f"the direction has variance {target:.6g}, and directions orthogonal to it have between {least:.6g} "
                f"and {most:.6g}; a matched one must lie inside. No matched control exists for these stimuli: use "
                "others, or report it as not testable."
            )

    def pushed(self, u: np.ndarray, target: float, weights: np.ndarray) -> np.ndarray:
        """Directions reweighted along the axes, each by the smallest power that takes its variance past the target."""
        rising = weights[0] > weights[-1]
        along = u @ self.directions.T
        outside = (u - along @ self.directions) * float(self.has_rest)
        silent = float(weights.min() if rising else 1.0) * float(self.has_rest)
        top = max(float(weights.max()), silent)
        result, waiting = _unit(u), np.ones(len(u), dtype=bool)
        for power in _POWERS:
            moved = (along * (weights / top) ** power) @ self.directions + outside * (silent / top) ** power
            result[waiting] = _unit(moved[waiting])
            variance = np.sum((result @ self.directions.T) ** 2 * self.variance, axis=1)
            waiting = variance <= target if rising else variance >= target
            if not waiting.any():
                break
        return result


def _form(X: np.ndarray, target: float, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The quadratic form of covariance minus target, pair by pair."""
    products: np.ndarray = np.einsum("ij,ij->i", a @ X.T, b @ X.T) / len(X) - target * np.einsum("ij,ij->i", a, b)
    return products


def _unit(u: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(u, axis=1, keepdims=True)
    if np.any(length == 0):
        raise ValueError("a direction has length 0; a direction needs a length. Check how it was made.")
    scaled: np.ndarray = u / length
    return scaled

"""Ridge predictions of held-out rows, the penalty of every target chosen without them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from consona.stats.correlation import pearson_columns
from consona.stats.folds import Folds
from consona.stats.shapes import Array, Bool, Float, Real

__all__ = ["NestedRidge", "NestedScores"]


class NestedScores(NamedTuple):
    """Per outer fold and target: Pearson correlation of prediction and truth, the chosen penalty, and its place.

    ``edge`` is true where the penalty is the first or last of the grid even after the grid was extended. All three are
    NaN or false where a target is not finite, or constant over the training rows of the fold.
    """

    scores: Float[Array, "n_folds n_targets"]
    alphas: Float[Array, "n_folds n_targets"]
    edge: Bool[Array, "n_folds n_targets"]


@dataclass(frozen=True)
class NestedRidge:
    """Decompositions of every training set of a nested cross-validation; any number of targets goes through them."""

    X: Array
    outer: Folds
    inner: tuple[Folds, ...]
    alphas: np.ndarray
    scaled: bool = True

    @classmethod
    def of(
        cls,
        X: Real[Array, "n_rows n_features"],
        outer: Folds,
        inner: Sequence[Folds],
        alphas: Float[np.ndarray, " n_alphas"],
        *,
        scaled: bool = True,
    ) -> "NestedRidge":
        """Decompose every training set: one per outer fold, and one per inner fold of it.

        Features are centred, and with ``scaled`` divided by their standard deviations, within each training set.

        Parameters
        ----------
        X
            Features, finite.
        outer
            Folds whose test rows are scored.
        inner
            For every outer fold, the folds within its training rows in which the penalty is chosen
            (:func:`consona.stats.folds.inner_folds`).
        alphas
            Penalties, positive, in increasing order.
        scaled
            Whether features are brought to unit standard deviation within each training set.

        Raises
        ------
        ValueError
            When a feature is not finite, a penalty is not positive, or there is not one inner set per outer fold.
        """
        if len(inner) != len(outer.train):
            raise ValueError(f"{len(outer.train)} outer folds and {len(inner)} sets of inner folds; give one for each.")
        return cls(np.asarray(X, dtype=np.float64), outer, tuple(inner), np.asarray(alphas, dtype=np.float64), scaled)

    def scores(self, Y: Real[Array, "n_rows n_targets"]) -> NestedScores:
        """Pearson correlation of held-out prediction and target, per outer fold."""
        predicted, alphas, edge = self._held_out(np.asarray(Y, dtype=np.float64))
        found = [pearson_columns(predicted[test], np.asarray(Y)[test]) for test in self.outer.test]
        return NestedScores(np.stack(found), alphas, edge)

    def predictions(self, Y: Real[Array, "n_rows n_targets"]) -> Float[Array, "n_rows n_targets"]:
        """Held-out prediction of every row; NaN for rows that are never tested. In the units of ``Y``."""
        return self._held_out(np.asarray(Y, dtype=np.float64))[0]

    def _held_out(self, Y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        predicted, edge = np.full(Y.shape, np.nan), np.zeros((len(self.inner), Y.shape[1]), dtype=bool)
        finite, chosen = np.isfinite(Y).all(axis=0), np.full(edge.shape, np.nan)
        clean = np.where(finite, Y, 0.0)
        step = self.alphas[1] / self.alphas[0] if len(self.alphas) > 1 else 10.0
        more = step ** np.arange(1, int(np.ceil(2 / np.log10(step) - 1e-9)) + 1)
        grid = np.concatenate([(self.alphas[0] / more)[::-1], self.alphas, self.alphas[-1] * more])
        for k, (train, test) in enumerate(zip(self.outer.train, self.outer.test, strict=True)):
            errors = np.mean(
                [
                    ((self._predict(clean, a, b, grid) - clean[b]) ** 2).mean(axis=1)
                    for a, b in zip(*self.inner[k], strict=True)
                ],
                axis=0,
            )
            first, n = len(more), len(self.alphas)
            inside = first + np.argmin(errors[first : first + n], axis=0)
            best = np.where(inside == first, np.argmin(errors[: first + n], axis=0), inside)
            best = np.where(inside == first + n - 1, first + np.argmin(errors[first:], axis=0), best)
            valid = finite & (np.ptp(clean[train], axis=0) > 0)
            values = self._predict(clean, train, test, grid)
            predicted[test] = np.where(valid, values[best, :, np.arange(Y.shape[1])].T, np.nan)
            chosen[k] = np.where(valid, grid[best], np.nan)
            edge[k] = valid & ((best == 0) | (best == len(grid) - 1))
        return predicted, chosen, edge

    def _predict(self, Y: np.ndarray, train: np.ndarray, test: np.ndarray, alphas: np.ndarray) -> np.ndarray:
        mean, spread = self.X[train].mean(axis=0), self.X[train].std(axis=0)
        scale = np.where(spread > 0, spread, np.inf) if self.scaled else 1.0
        U, s, Vt = np.linalg.svd((self.X[train] - mean) / scale, full_matrices=False)
        A, Z, nu = (
            ((self.X[test] - mean) / scale) @ Vt.T,
            U.T @ (Y[train] - Y[train].mean(axis=0)),
            Y[train].mean(axis=0),
        )
        return np.stack([nu + (A * (s / (s**2 + alpha))) @ Z for alpha in alphas])

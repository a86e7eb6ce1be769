"""Which way must a model's state move to look more like a brain? A ridge map and its gradient, from similarities."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt
from scipy.linalg import helmert

from consona.stats.kernel_ridge import FoldTargets, KernelRidge, fold_kernel
from consona.stats.shapes import Float, Int, Real

__all__ = ["ALPHAS", "BrainMap", "Objective", "Similarity", "similarity_of"]

Matrix = npt.NDArray[np.float64]
Objective = Literal["published", "intercept", "centred"]

ALPHAS: tuple[float, ...] = tuple(10.0**k for k in range(-3, 4))
"""Penalties of the published maps."""

_ROUNDING = 1e-10  # a direction this much shorter than the terms that it is the difference of is no direction


class Similarity(NamedTuple):
    r"""All that is known of a brain: products of patterns of the training items, and of queries with them.

    ``gram`` is ``(m, m)``, ``products`` ``(n_queries, m)`` and ``norms`` ``(n_queries,)``, with *m* training items and,
    for the objective ``intercept``, one row more for the mean pattern. A rotation of voxels changes none of them.
    """

    gram: Matrix
    products: Matrix
    norms: Matrix
    objective: Objective


def similarity_of(
    S: Real[np.ndarray, "n_items n_items"],
    train: Int[np.ndarray, " n_train"],
    queries: Int[np.ndarray, " n_queries"],
    *,
    objective: Objective = "intercept",
) -> Similarity:
    r"""The parts of :math:`S = Y Y^\top` (raw patterns of all items) that guidance of the queries may use.

    With the mean :math:`\bar y` of the training patterns and :math:`Y_c` the training patterns without it:

    * ``published``: :math:`\cos(W r, y)`, the intercept dropped as in the published code;
    * ``intercept``: :math:`\cos(\bar y + W (r - \bar r), y)`, the prediction of the fitted ridge;
    * ``centred``: :math:`\cos(W (r - \bar r), y - \bar y)`.

    A brain of rank one (a response time, or a label) gives ``published`` and ``centred`` no gradient at all: the cosine
    of two numbers is their sign. With the intercept it has one.

    Raises
    ------
    ValueError
        When the objective is unknown, there are fewer than two training items, or a product is not finite.
    """
    if objective not in get_args(Objective):
        raise ValueError(f"the objective is '{objective}'; it is one of {get_args(Objective)}. Name one of them.")
    own, cross = np.asarray(S, dtype=np.float64)[np.ix_(train, train)], np.asarray(S)[np.ix_(queries, train)]
    sizes = np.asarray(S, dtype=np.float64)[queries, queries]
    if len(train) < 2 or not (np.isfinite(own).all() and np.isfinite(cross).all() and np.isfinite(sizes).all()):
        raise ValueError(
            f"{len(train)} training items were given, products {'' if np.isfinite(own).all() else 'not '}all finite; a "
            "map needs at least two items and finite patterns. Drop items that have none."
        )
    along, size = own.mean(axis=0), float(own.mean())  # products of training patterns with their mean; its own size
    gram = own - along - along[:, None] + size
    offset = cross.mean(axis=1)
    products = cross - offset[:, None]
    if objective == "published":
        return Similarity(gram, products, np.sqrt(sizes), objective)
    load = along - size
    if objective == "centred":
        left = np.maximum(sizes - 2.0 * offset + size, 0.0)
        return Similarity(gram, products - load, np.sqrt(left), objective)
    whole = np.block([[gram, load[:, None]], [load[None, :], np.full((1, 1), size)]])
    return Similarity(whole, np.column_stack([products, offset]), np.sqrt(sizes), objective)


@dataclass(frozen=True, eq=False)
class BrainMap:
    r"""A ridge map from states to brain patterns that never sees a voxel.

    .. math:: W = Y_c^\top (K + \alpha I)^{-1} X_c, \quad K = X_c X_c^\top, \qquad
              a = A r + b, \quad p = Y_a^\top a, \qquad
              \cos(p, y) = \frac{a \cdot g}{\sqrt{a^\top G a}\, |y|}, \quad g = Y_a y

    with :math:`A = (K + \alpha I)^{-1} X_c` and :math:`G = Y_a Y_a^\top`. Patterns enter by ``G``, ``g`` and norms
    alone (:func:`similarity_of`), so that a rotation of voxels changes nothing.

    Parameters
    ----------
    weights, offset
        :math:`A` ``(m, n_features)`` and :math:`b` ``(m,)``.
    gram
        :math:`G` ``(m, m)``.
    alpha
        The penalty.
    spread
        Root of the mean squared distance of a training state from their mean: the unit of strengths.
    """

    weights: Matrix
    offset: Matrix
    gram: Matrix
    alpha: float
    spread: float

    @classmethod
    def fit(
        cls,
        states: Real[np.ndarray, "n_train n_features"],
        similarity: Similarity,
        *,
        alphas: Sequence[float] = ALPHAS,
    ) -> "BrainMap":
        r"""The map of training states; one penalty for all voxels, by leaving one training item out at a time.

        .. math:: \alpha = \arg\min \sum_i \frac{(R_\alpha G R_\alpha)_{ii}}{(R_\alpha)_{ii}^2}, \qquad
                  R_\alpha = I - \tfrac1n 1 1^\top - K (K + \alpha I)^{-1}

        which is the choice of ``sklearn.linear_model.RidgeCV``, from products alone.

        Raises
        ------
        ValueError
            When states and similarity are of different items, or a state is not finite.
        """
        X = np.asarray(states, dtype=np.float64)
        n, with_mean = len(X), similarity.objective == "intercept"
        if len(similarity.gram) != n + with_mean or not np.isfinite(X).all():
            raise ValueError(
                f"there are {n} states, finite: {bool(np.isfinite(X).all())}, and products of "
                f"{len(similarity.gram) - with_mean} patterns; both are of the training items. Select the same ones."
            )
        mean = X.mean(axis=0)
        centred = X - mean
        K = centred @ centred.T
        alpha = _penalty(K, similarity.gram[:n, :n], alphas)
        weights = np.linalg.solve(K + alpha * np.eye(n), centred)
        offset = np.zeros(n) if similarity.objective == "published" else -(weights @ mean)
        if with_mean:
            weights, offset = np.vstack([weights, np.zeros_like(mean)]), np.append(offset, 1.0)
        return cls(weights, offset, similarity.gram, alpha, float(np.sqrt(np.trace(K) / n)))

    def coordinates(self, states: Real[np.ndarray, "n_items n_features"]) -> Float[np.ndarray, "n_items m"]:
        """What each training pattern contributes to the predicted pattern of every state."""
        a: Matrix = np.asarray(states, dtype=np.float64) @ self.weights.T + self.offset
        return a

    def products(
        self, states: Real[np.ndarray, "n_items n_features"], g: Real[np.ndarray, "n_items m"]
    ) -> Float[np.ndarray, " n_items"]:
        """Products of predicted patterns with measured ones."""
        return np.asarray(np.einsum("im,im->i", self.coordinates(states), g))

    def cosine(
        self,
        states: Real[np.ndarray, "n_items n_features"],
        g: Real[np.ndarray, "n_items m"],
        norms: Real[np.ndarray, " n_items"],
    ) -> Float[np.ndarray, " n_items"]:
        """Cosine of predicted and measured patterns, one per item; NaN where one of them is zero."""
        a = self.coordinates(states)
        size = np.sqrt(np.maximum(np.einsum("im,im->i", a @ self.gram, a), 0.0)) * norms
        shared = np.einsum("im,im->i", a, g)
        cosine: Matrix = np.divide(shared, size, out=np.full(len(shared), np.nan), where=size > 0)
        return cosine

    def gradient(
        self,
        states: Real[np.ndarray, "n_items n_features"],
        g: Real[np.ndarray, "n_items m"],
        norms: Real[np.ndarray, " n_items"],
    ) -> Float[np.ndarray, "n_items n_features"]:
        r"""Where the cosine grows, in closed form.

        .. math:: \nabla = A^\top \left(\frac{g}{|p||y|} - \frac{(a \cdot g)\, G a}{|p|^3 |y|}\right)

        A combination of the training states about their mean, weighted by how alike the brain's patterns are. Zero
        where a pattern is zero, and where both terms are equal up to rounding: a map of rank one has no direction, and
        an optimiser that divides by its gradient would make one from rounding errors.
        """
        a = self.coordinates(states)
        Ga = a @ self.gram
        power = np.einsum("im,im->i", a, Ga)
        size = np.sqrt(np.maximum(power, 0.0)) * norms
        shared = np.einsum("im,im->i", a, g)
        known = (size > 0) & (power > 0)
        first = np.divide(g, size[:, None], out=np.zeros_like(a), where=known[:, None])
        pull = np.divide(shared, power * size, out=np.zeros_like(power), where=known)
        terms = first @ self.weights, (pull[:, None] * Ga) @ self.weights
        found = terms[0] - terms[1]
        scale = np.linalg.norm(terms[0], axis=1) + np.linalg.norm(terms[1], axis=1)
        return np.where((np.linalg.norm(found, axis=1) > _ROUNDING * scale)[:, None], found, 0.0)


def _penalty(K: Matrix, gram: Matrix, alphas: Sequence[float]) -> float:
    grid = np.asarray(alphas, dtype=np.float64)
    if len(grid) == 1:
        return float(grid[0])
    rows, H = np.arange(len(K)), helmert(len(K))
    none = np.zeros((0, 0))
    targets = FoldTargets(none, H @ gram @ H.T, none, np.ones(0, dtype=bool))
    return float(KernelRidge(fold_kernel(K, rows, rows[:0])).shared_penalties([targets], grid)[0])

"""Directions through the means of classes: their first component, a difference, a slope."""

import numpy as np

from consona.stats.shapes import Float, Shaped


def class_means(
    X: Float[np.ndarray, "n_stimuli n_features"], labels: Shaped[np.ndarray, " n_stimuli"]
) -> tuple[Shaped[np.ndarray, " n_classes"], Float[np.ndarray, "n_classes n_features"]]:
    """Sorted class labels, and the mean of the rows of each."""
    names, of = np.unique(labels, return_inverse=True)
    counts = np.bincount(of)
    sums = np.zeros((len(names), X.shape[1]))
    np.add.at(sums, of, X.astype(np.float64))
    return names, sums / counts[:, None]


def first_component(C: Float[np.ndarray, "n_classes n_features"]) -> tuple[Float[np.ndarray, " n_features"], float]:
    r"""First principal component of class means, and its share of the variance between classes.

    .. math:: C - \bar c = U \,\mathrm{diag}(s)\, V^\top,\qquad v = V_1,\quad \text{share} = s_1^2 / \sum_i s_i^2

    The sign is left open: it belongs to whoever names a positive pole.

    Raises
    ------
    ValueError
        When all means are equal.
    """
    _, s, Vt = np.linalg.svd(C - C.mean(axis=0), full_matrices=False)
    if not s[0] > 0:
        raise ValueError(f"the {len(C)} class means are all equal, so no direction separates them. Check the texts.")
    return Vt[0], float(s[0] ** 2 / np.sum(s**2))


def slope(
    C: Float[np.ndarray, "n_classes n_features"], levels: Float[np.ndarray, " n_classes"]
) -> Float[np.ndarray, " n_features"]:
    r"""Least-squares slope of class means on given levels, a unit vector: :math:`v \propto (\ell - \bar\ell)^\top C`.

    With levels +1 for one group of classes and -1 for the other, each spread evenly, it is the difference of means.

    Raises
    ------
    ValueError
        When the levels are all equal, or the means do not move with them.
    """
    v = (levels - levels.mean()) @ C
    length = float(np.linalg.norm(v))
    if not length > 0:
        raise ValueError("the class means do not change with the levels, so there is no slope. Check the levels.")
    return np.asarray(v / length)

"""Do attributes that matter more to people cost more when their neurons are silenced? The attribute is the unit."""

from typing import NamedTuple

import numpy as np
from scipy.stats import norm, rankdata

from consona.stats.correlation import unit_columns
from consona.stats.permutation import p_value, random_orders
from consona.stats.shapes import Float, Real

__all__ = ["AttributeLink", "RandomLink", "attribute_link", "link_of_random"]


class AttributeLink(NamedTuple):
    """Correlation over attributes, given the covariates: Pearson's ``r`` and Spearman's ``rho``.

    ``p``, ``p_rho``: two-sided, ``p_above``: that ``r`` is above zero, exchanging attributes. ``low`` to ``high``:
    interval of ``r`` by Fisher's z. ``leave_one_out``: ``r`` without each attribute. ``p_equal``: that |r| is below the
    margin; ``least_margin``: the smallest margin for which this could be said at .05. ``n_attributes`` defined ones.
    """

    r: float
    rho: float
    p: float
    p_above: float
    p_rho: float
    low: float
    high: float
    leave_one_out: Float[np.ndarray, " n_attributes"]
    p_equal: float
    least_margin: float
    n_attributes: int


class RandomLink(NamedTuple):
    """``r`` of the selected masks, ``null``: of each draw of random ones in their place, ``p`` that one reaches it.

    ``p`` is one-sided (above), ``p_two`` two-sided: as far from the mean of all draws, on either side. ``rho`` and
    ``p_rho`` (one-sided): the same by ranks of attributes within every draw.
    """

    r: float
    null: Float[np.ndarray, " n_random"]
    p: float
    p_two: float
    rho: float
    p_rho: float


def attribute_link(
    drop: Real[np.ndarray, " n_attributes"],
    importance: Real[np.ndarray, " n_attributes"],
    *,
    covariates: Real[np.ndarray, "n_attributes ..."] | None = None,
    margin: float = 0.5,
    n_permutations: int = 10_000,
    seed: int,
) -> AttributeLink:
    r"""Correlation of drops with importances, one value per attribute; with covariates, what is left given them.

    .. math:: r = \mathrm{corr}(M d, M w), \qquad r^{(b)} = \mathrm{corr}(M \pi_b M d, M w), \qquad M = I - P_{(1, Z)}

    Without covariates attributes are exchanged; with them residuals of the drop are (Freedman and Lane 1983), which is
    nearly exact. The interval :math:`\tanh(\operatorname{artanh} r \pm z_{.975} / \sqrt{n - k - 3})` takes values to
    be normal. Equivalence: two one-sided tests in Fisher's z. With 14 attributes even r = 0 shows no margin below .46.

    **Attributes are not independent.** Those with similar RDMs share selected neurons, hence drops, and importance as
    well; exchanging attributes then finds links too often. :func:`link_of_random` keeps what they share, if masks were
    drawn jointly; trust it rather than ``p``.

    An attribute that is NaN somewhere is left out (its ``leave_one_out`` is NaN). NaN results where nothing varies.

    Raises
    ------
    ValueError
        When lengths differ, fewer than four attributes remain beyond the covariates, or the margin is not in (0, 1).
    """
    values, Z, known = _table(drop, importance, covariates)
    if not 0.0 < margin < 1.0:
        raise ValueError(f"the margin is {margin:g}; a correlation called none is below one between 0 and 1.")
    r, null = _permuted(values, Z, n_permutations, seed)
    ranks = rankdata(np.column_stack([values, Z]), axis=0)
    rho, null_rho = _permuted(ranks[:, :2], ranks[:, 2:], n_permutations, seed)
    without = np.full(len(known), np.nan)
    each = np.flatnonzero(known)
    if len(each) - Z.shape[1] > 4:
        keep = ~np.eye(len(each), dtype=bool)
        without[each] = [_partial(values[rows], Z[rows]) for rows in keep]
    error = 1.0 / np.sqrt(max(len(values) - Z.shape[1] - 3, 1))
    z = np.arctanh(np.clip(r, -1 + 1e-15, 1 - 1e-15))
    half, upper = norm.ppf(0.975) * error, abs(z) + norm.ppf(0.95) * error
    return AttributeLink(
        r,
        rho,
        float(p_value(abs(r), np.abs(null))),
        float(p_value(r, null)),
        float(p_value(abs(rho), np.abs(null_rho))),
        float(np.tanh(z - half)),
        float(np.tanh(z + half)),
        without,
        float(norm.cdf((abs(z) - np.arctanh(margin)) / error)),
        float(np.tanh(upper)),
        len(values),
    )


def link_of_random(
    drop: Real[np.ndarray, " n_attributes"],
    random: Real[np.ndarray, "n_random n_attributes"],
    importance: Real[np.ndarray, " n_attributes"],
    *,
    covariates: Real[np.ndarray, "n_attributes ..."] | None = None,
) -> RandomLink:
    r"""The same correlation with every draw of random masks in the place of the selected ones.

    .. math:: r_j = \mathrm{corr}\big(M (d_j - \bar d), M w\big), \qquad \bar d = \tfrac{1}{n + 1} \sum_{j=0}^{n} d_j

    Give losses of selected and random masks as they are: both are centred here by the mean over all masks of each
    attribute, the selected one among them, so that the selected one is exchangeable with the draws where neurons were
    chosen regardless of what they do. Draws must be joint (:func:`consona.concepts.masks.random_masks`): what
    attributes share through common neurons is then in the null as well. A draw that is not defined for all attributes
    counts as one that reaches the observed value.

    Raises
    ------
    ValueError
        As :func:`attribute_link`, or when there is no draw.
    """
    if random.ndim != 2 or random.shape[1] != len(drop) or len(random) < 1:
        raise ValueError(
            f"losses of random masks are {random.shape} and there are {len(drop)} attributes; they must be (draws, "
            "attributes), with at least one draw. Take means over emotions first."
        )
    losses = np.vstack([drop, random]).astype(np.float64)
    losses = np.where(np.isfinite(losses), losses, np.nan)
    whole = np.asarray(np.isfinite(losses[:, np.isfinite(losses[0])]).all(axis=1))
    centred = losses - losses[whole].mean(axis=0)
    values, Z, known = _table(centred[0], importance, covariates)
    every = np.column_stack([values[:, 1], centred[whole][:, known].T])
    r, null = _of_draws(every, Z, whole)
    ranks = rankdata(np.round(np.column_stack([every, Z]), 12), axis=0)
    rho, null_rho = _of_draws(ranks[:, : every.shape[1]], ranks[:, every.shape[1] :], whole)
    middle = float(np.nanmean([r, *null])) if np.isfinite(r) else np.nan
    p_two = p_value(abs(r - middle), np.abs(null - middle))
    return RandomLink(r, null, float(p_value(r, null)), float(p_two), rho, float(p_value(rho, null_rho)))


def _of_draws(columns: np.ndarray, Z: np.ndarray, whole: np.ndarray) -> tuple[float, np.ndarray]:
    """Partial correlation of the first column with the second, and with those after it; NaN unless whole."""
    found = np.full(len(whole), np.nan)
    rest = _left(columns, Z)
    found[whole] = np.round(rest[:, 1:].T @ rest[:, 0], 9)
    return float(found[0]), found[1:]


def _table(
    drop: np.ndarray, importance: np.ndarray, covariates: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Drops and importances, covariates, and which attributes are defined in all of them."""
    n = len(drop)
    Z = np.zeros((n, 0)) if covariates is None else np.asarray(covariates, dtype=np.float64)
    Z = Z.reshape(len(Z), -1) if Z.size else Z
    if not n == len(importance) == len(Z):
        raise ValueError(
            f"there are {n} drops, {len(importance)} importances and {len(Z)} rows of covariates; one of each belongs "
            "to an attribute. Align them by name."
        )
    values = np.column_stack([drop, importance]).astype(np.float64)
    known = np.asarray(np.isfinite(np.hstack([values, Z])).all(axis=1))
    if known.sum() < Z.shape[1] + 4:
        raise ValueError(
            f"{int(known.sum())} attributes are defined and there are {Z.shape[1]} covariates; at least 4 more "
            "attributes than covariates are needed. Leave covariates out."
        )
    return values[known], Z[known], known


def _basis(Z: np.ndarray) -> np.ndarray:
    """Orthonormal columns that span a constant and the covariates."""
    G = np.column_stack([np.ones(len(Z)), np.nan_to_num(unit_columns(Z))]) if Z.shape[1] else np.ones((len(Z), 1))
    U, s, _ = np.linalg.svd(G, full_matrices=False)
    basis: np.ndarray = U[:, s > s.max() * len(G) * np.finfo(np.float64).eps]
    return basis


def _left(columns: np.ndarray, Z: np.ndarray) -> np.ndarray:
    """Unit columns of what the covariates leave; NaN where that is rounding."""
    basis = _basis(Z)
    rest = columns - basis @ (basis.T @ columns)
    length = np.linalg.norm(rest, axis=0)
    defined = length > 1e-12 * np.linalg.norm(columns, axis=0)
    left: np.ndarray = np.where(defined, rest / np.where(defined, length, 1.0), np.nan)
    return left


def _partial(values: np.ndarray, Z: np.ndarray) -> float:
    rest = _left(values, Z)
    return float(rest[:, 0] @ rest[:, 1])


def _permuted(values: np.ndarray, Z: np.ndarray, n_permutations: int, seed: int) -> tuple[float, np.ndarray]:
    """The partial correlation and its null: residuals of the first column in other orders."""
    rest = _left(values, Z)
    orders = random_orders(len(rest), n_permutations, seed=seed)
    null = _left(rest[:, 0][orders].T, Z).T @ rest[:, 1]
    return float(np.round(rest[:, 0] @ rest[:, 1], 9)), np.round(null, 9)

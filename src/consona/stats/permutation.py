"""Permutation tests: orders of whole groups, p-values that are never zero, and the maximum over many targets."""

import numpy as np

from consona.stats.correlation import unit_columns
from consona.stats.seeds import rng_for as rng_for
from consona.stats.shapes import Float, Int, Real, Shaped

__all__ = [
    "all_orders",
    "all_sign_flips",
    "fwer_p_values",
    "max_statistic",
    "p_value",
    "permuted_groups",
    "random_orders",
    "sign_flips",
]

_LARGEST_FULL_ORDER = 10  # 10! x 10 bytes are 36 MB; one more would be 440 MB
_LARGEST_FULL_FLIP = 20


def p_value(
    observed: Real[np.ndarray, "..."] | float | np.floating,
    null: Real[np.ndarray, "n_permutations ..."],
    *,
    exact: bool = False,
) -> Float[np.ndarray, "..."]:
    r"""One-sided p: how often the null is at least as large as what was observed, for each target.

    .. math:: p = \frac{k + 1}{n + 1} \quad\text{(sampled)}, \qquad p = \frac{k}{N} \quad\text{(all orders, exact)}

    Phipson and Smyth (2010). Equal up to rounding counts as equal, so an enumeration counts the observed order itself;
    an undefined null value counts as an exceedance, which can only raise p. Take absolute values of both for two sides.

    Parameters
    ----------
    observed
        One value, or one per target; NaN gives NaN.
    null
        Permutations first.
    exact
        Whether ``null`` enumerates all orders, the observed one among them.

    Raises
    ------
    ValueError
        When there is no permutation, shapes differ, or an "exact" null misses the observed order.
    """
    observed, null = np.asarray(observed), np.asarray(null)
    if len(null) == 0 or null.shape[1:] != observed.shape:
        raise ValueError(
            f"observed is {observed.shape} and its null {null.shape}; the null needs one more axis, in front, with at "
            "least one permutation. Check which array is which."
        )
    k = np.sum(~(null < observed - _tie_width(observed, null)), axis=0)
    if not exact:
        p = (k + 1.0) / (len(null) + 1.0)
    elif np.any((k == 0) & np.isfinite(observed)):
        raise ValueError(
            "no order of an exact null reaches the observed value, but the observed order is one of them. Compute both "
            "in the same way, or use exact=False."
        )
    else:
        p = k / len(null)
    return np.where(np.isnan(observed), np.nan, p)


def fwer_p_values(
    observed: Real[np.ndarray, " n_targets"], max_null: Real[np.ndarray, " n_permutations"]
) -> Float[np.ndarray, " n_targets"]:
    r"""p-values corrected for all targets at once, from the null of the maximum: Westfall and Young's single step.

    .. math:: p_j = \frac{1 + \#\{b : \max_i t_i^{(b)} \ge t_j\}}{1 + n}

    NaN where the observed value is NaN. Both must be of the same kind (absolute values for :func:`max_statistic`).

    Raises
    ------
    ValueError
        When the null is empty or holds NaN.
    """
    observed, max_null = np.asarray(observed), np.asarray(max_null)
    if len(max_null) == 0 or np.any(np.isnan(max_null)):
        raise ValueError(
            f"the null of the maximum holds {len(max_null)} values, {int(np.isnan(max_null).sum())} of them NaN; it "
            "needs one defined value per permutation. Leave undefined targets out before taking the maximum."
        )
    below = np.searchsorted(np.sort(max_null), observed - _tie_width(observed, max_null), side="left")
    return np.where(np.isnan(observed), np.nan, (1.0 + len(max_null) - below) / (1.0 + len(max_null)))


def _tie_width(observed: np.ndarray, null: np.ndarray) -> np.ndarray:
    """How far below the observed value still counts as equal: rounding of the coarser of the two precisions."""
    eps = max(float(np.finfo(a.dtype).eps) if a.dtype.kind == "f" else 0.0 for a in (observed, null))
    return np.asarray(64.0 * eps * np.abs(observed))


def all_orders(k: int) -> Int[np.ndarray, "n_orders k"]:
    """All ``k!`` orders of ``0 .. k-1`` as int8 rows, in lexicographic order: the first row is the identity.

    Raises
    ------
    ValueError
        When ``k`` is not between 1 and 10.
    """
    if not 1 <= k <= _LARGEST_FULL_ORDER:
        raise ValueError(
            f"{k} things were to be put in all their orders; from 1 to {_LARGEST_FULL_ORDER} fit in memory. "
            "Sample with random_orders instead."
        )
    orders = np.zeros((1, 1), dtype=np.int8)
    for size in range(2, k + 1):
        first = np.repeat(np.arange(size, dtype=np.int8), len(orders))
        rest = np.tile(orders, (size, 1))
        rest += rest >= first[:, None]  # the remaining numbers, in order, skip the first one
        orders = np.concatenate([first[:, None], rest], axis=1)
    return orders


def random_orders(k: int, n_permutations: int, *, seed: int) -> Int[np.ndarray, "n_permutations k"]:
    """Random orders of ``0 .. k-1``, one per row; the first rows do not depend on how many follow."""
    table = np.tile(np.arange(k, dtype=np.int32), (n_permutations, 1))
    return rng_for(seed, "random orders", k).permuted(table, axis=1, out=table)


def permuted_groups(
    values: Real[np.ndarray, " n_stimuli"],
    groups: Shaped[np.ndarray, " n_stimuli"],
    orders: Int[np.ndarray, "n_permutations n_groups"],
) -> Float[np.ndarray, "n_permutations n_stimuli"]:
    """The values with whole groups exchanged: each row of ``orders`` says whose mean a group receives.

    Groups are counted in sorted order of their labels. They may differ in size: means change places, and what is left
    of a value after its group's mean stays with its stimulus. Values that are constant within groups are thus simply
    exchanged, and the identity returns the values unchanged.

    Raises
    ------
    ValueError
        When ``orders`` has another number of columns than there are groups.
    """
    labels, codes = np.unique(groups, return_inverse=True)
    if orders.shape[1] != len(labels):
        raise ValueError(
            f"the orders have {orders.shape[1]} columns and there are {len(labels)} groups; there must be one column "
            "per group. Make them with all_orders or random_orders for that number."
        )
    values = np.asarray(values, dtype=np.float64)
    means = np.bincount(codes, weights=values) / np.bincount(codes)
    gained = means[orders] - means  # exactly zero where a group keeps its place
    permuted: np.ndarray = values + gained[:, codes]
    return permuted


def sign_flips(n_rows: int, n_permutations: int, *, seed: int) -> Int[np.ndarray, "n_permutations n_rows"]:
    """Random signs, +1 or -1 (int8), one row per permutation, for one-sample tests of a symmetric null."""
    flips = rng_for(seed, "sign flips", n_rows).integers(0, 2, size=(n_permutations, n_rows), dtype=np.int8)
    return (2 * flips - 1).astype(np.int8)


def all_sign_flips(n_rows: int) -> Int[np.ndarray, "n_flips n_rows"]:
    """All ``2^n_rows`` patterns of signs as int8 rows; the first row leaves every sign as it is.

    Raises
    ------
    ValueError
        When there are more than 20 rows or none.
    """
    if not 1 <= n_rows <= _LARGEST_FULL_FLIP:
        raise ValueError(
            f"all signs of {n_rows} rows were asked for; from 1 to {_LARGEST_FULL_FLIP} fit in memory. "
            "Sample with sign_flips instead."
        )
    bits = np.arange(2**n_rows, dtype=np.int64)[:, None] >> np.arange(n_rows)
    return (1 - 2 * (bits & 1)).astype(np.int8)


def max_statistic(
    X_permuted: Real[np.ndarray, "n_permutations n_stimuli"],
    Y: Real[np.ndarray, "n_stimuli n_targets"],
    *,
    block: int = 256,
) -> Float[np.ndarray, " n_permutations"]:
    r"""The largest absolute correlation of each permuted predictor with any target.

    .. math:: m_b = \max_j \left|\mathrm{corr}(x^{(b)}, y_j)\right|

    Everything is one matrix product, taken in tiles of ``block`` targets and three times as many permutations, which
    stay in the cache of the processor, with a running maximum that is kept per element and reduced once at the end. Any
    null that changes the predictor fits: iid orders, exchanged groups, circular shifts. Undefined targets are left out;
    a permutation without any defined correlation is NaN. The precision is that of ``Y`` (float32 or float64).

    Raises
    ------
    ValueError
        When the numbers of stimuli differ.
    """
    if X_permuted.shape[1] != Y.shape[0]:
        raise ValueError(
            f"the permuted predictors hold {X_permuted.shape[1]} stimuli and the targets {Y.shape[0]}; they must be "
            "the same ones. Permutations are rows, stimuli of the targets are rows."
        )
    targets = [unit_columns(Y[:, start : start + block]) for start in range(0, max(1, Y.shape[1]), block)]
    defined = [Z if (kept := np.isfinite(Z[0])).all() else Z[:, kept] for Z in targets]
    tiles = range(0, max(1, len(X_permuted)), 3 * block)
    return np.concatenate([_row_maxima(X_permuted[start : start + 3 * block], defined) for start in tiles])


def _row_maxima(X_permuted: np.ndarray, targets: list[np.ndarray]) -> np.ndarray:
    X = unit_columns(X_permuted.T.astype(targets[0].dtype, copy=False)).T
    largest = np.zeros((len(X), max(Z.shape[1] for Z in targets)), dtype=X.dtype)
    product = np.empty_like(largest)
    for Z in targets:
        R, running = product[:, : Z.shape[1]], largest[:, : Z.shape[1]]
        np.matmul(X, Z, out=R)
        np.abs(R, out=R)
        np.maximum(running, R, out=running)
    if largest.shape[1] == 0:
        return np.full(len(X), np.nan, dtype=X.dtype)
    maxima: np.ndarray = largest.max(axis=1)
    return np.where(np.isfinite(X[:, 0]), maxima, np.nan)

"""RSA in every neighbourhood of a brain: how the patterns around each centre are arranged, beside models."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
from scipy.stats import rankdata

from consona.stats.correlation import unit_columns
from consona.stats.permutation import fwer_p_values
from consona.stats.shapes import Float, Int, Real

__all__ = ["LEAST_TARGETS", "Comparison", "Neighbourhoods", "SearchlightTest", "searchlight_rsa", "searchlight_test"]

Comparison = Literal["pearson", "spearman"]
LEAST_TARGETS = 5  # two targets correlate at +1 or -1 whatever they hold; a handful says hardly more

_TIE = np.float32(16 * np.finfo(np.float32).eps)  # differences below this share of a value are its rounding
_STEP = np.float32(2**-18)  # distances that differ by a smaller share of their mean have one rank
_SOME = 16  # models: fewer are few, others many
_FEW, _MANY = 2**17, 2**25  # elements of the distances held at once, for few models (in cache) and for many
_LARGE = 256  # targets: a neighbourhood of so many fills the cache by itself, and is done by itself
_HELD = 2**26  # elements of permuted models, and of their scores, held at once


class Neighbourhoods(NamedTuple):
    """Which targets lie around every centre, row by row: centre ``c`` has ``indices[indptr[c]:indptr[c + 1]]``."""

    indptr: Int[np.ndarray, " n_centres_and_one"]
    indices: Int[np.ndarray, " n_entries"]


class SearchlightTest(NamedTuple):
    """Scores with their p, alone and for the largest of all centres, and the largest score of every permutation."""

    scores: Float[np.ndarray, "n_centres n_models"]
    p: Float[np.ndarray, "n_centres n_models"]
    p_max: Float[np.ndarray, "n_centres n_models"]
    maxima: Float[np.ndarray, "n_permutations n_models"]


def searchlight_rsa(
    patterns: Real[np.ndarray, "n_stimuli n_targets"],
    neighbourhoods: Neighbourhoods,
    models: Real[np.ndarray, "n_models n_pairs"],
    *,
    comparison: Comparison = "pearson",
    least: int = LEAST_TARGETS,
) -> Float[np.ndarray, "n_centres n_models"]:
    r"""Correlation of each model with the correlation distances of the patterns around each centre.

    .. math:: d_{ij} = 1 - \mathrm{corr}(y_i, y_j) = \tfrac12 |z_i - z_j|^2, \qquad s = \mathrm{corr}_{i<j}(d, m)

    with :math:`z_i` the pattern of stimulus *i* over the targets of the neighbourhood, centred and of length 1
    (Kriegeskorte, Goebel and Bandettini 2006). All models are compared in one pass. Computed in float32; as the mean of
    all :math:`z` is taken away first, small distances between nearly equal patterns keep their digits.

    A neighbourhood is NaN for all models, and the others are untouched by it, where it has fewer than ``least``
    targets, holds a value that is not finite or a pattern that does not vary over targets, or where all distances are
    equal. A model is NaN where it is constant or not finite.

    Parameters
    ----------
    patterns
        Responses; each stimulus is compared with every other.
    neighbourhoods
        The targets around every centre.
    models
        Dissimilarities, one model per row: the upper triangle row by row.
    comparison
        ``spearman`` compares ranks; distances within 4e-6 of their mean of each other share their mean rank.
    least
        Fewest targets of a neighbourhood.

    Raises
    ------
    ValueError
        When there are fewer than three stimuli, the models have another number of pairs, or indices point outside.
    """
    Y = _target_rows(patterns, neighbourhoods, models.shape[1])
    return _scores(Y, neighbourhoods, _unit_models(models, comparison), comparison, least)


def searchlight_test(
    patterns: Real[np.ndarray, "n_stimuli n_targets"],
    neighbourhoods: Neighbourhoods,
    models: Real[np.ndarray, "n_models n_pairs"],
    orders: Int[np.ndarray, "n_permutations n_stimuli"],
    *,
    comparison: Comparison = "pearson",
    least: int = LEAST_TARGETS,
) -> SearchlightTest:
    """:func:`searchlight_rsa` beside the same with the stimuli of the models in other orders.

    A permutation exchanges the labels of the stimuli, so rows and columns of a model change places together: pairs are
    not exchangeable one by one. One-sided. All centres and models see the same orders. Only the largest score of each
    permutation is kept, per model; ``p_max`` is corrected for the centres by it, not for the number of models.

    Raises
    ------
    ValueError
        As :func:`searchlight_rsa`, and when the orders are of another number of stimuli.
    """
    if orders.shape[1] != len(patterns) or len(orders) == 0:
        raise ValueError(
            f"the orders are {orders.shape} and there are {len(patterns)} stimuli; each row must be an order of all of "
            "them, and there must be one at least. Make them with random_orders."
        )
    Y = _target_rows(patterns, neighbourhoods, models.shape[1])
    M = _unit_models(models, comparison)
    scores = _scores(Y, neighbourhoods, M, comparison, least)
    exceeding = np.zeros(scores.shape, dtype=np.int64)
    maxima = np.full((len(orders), len(models)), np.nan, dtype=np.float32)
    size = scores - 4 * _TIE * np.abs(scores)
    step = max(1, _HELD // (max(1, len(models)) * max(orders.shape[1] ** 2, len(scores))))
    for start in range(0, len(orders), step):
        permuted = _permuted_models(M, orders[start : start + step])
        null = _scores(Y, neighbourhoods, permuted, comparison, least).reshape(len(scores), -1, len(models))
        exceeding += (null >= size[:, None]).sum(axis=1)
        maxima[start : start + step] = np.fmax.reduce(null, axis=0, initial=np.nan)
    p = np.where(np.isfinite(scores), (exceeding + 1.0) / (len(orders) + 1.0), np.nan)
    p_max = np.full_like(p, np.nan)
    for model in np.flatnonzero(np.isfinite(maxima).all(axis=0)):
        p_max[:, model] = fwer_p_values(scores[:, model], maxima[:, model])
    return SearchlightTest(scores, p, p_max, maxima)


def _target_rows(patterns: np.ndarray, neighbourhoods: Neighbourhoods, n_pairs: int) -> np.ndarray:
    """Targets as rows of float32, in a unit of their own so that no square underflows."""
    n_stimuli, n_targets = patterns.shape
    if n_stimuli < 3 or n_pairs != n_stimuli * (n_stimuli - 1) // 2:
        raise ValueError(
            f"{n_stimuli} stimuli have {n_stimuli * (n_stimuli - 1) // 2} pairs and the models {n_pairs}; both must be "
            "of the same three or more stimuli. Align patterns and models first."
        )
    indices = neighbourhoods.indices
    if len(indices) and not 0 <= int(indices.min()) <= int(indices.max()) < n_targets:
        raise ValueError(
            f"neighbourhoods name targets {int(indices.min())} to {int(indices.max())} and there are {n_targets}. "
            "Make the neighbourhoods from the same targets as the patterns."
        )
    finite = np.isfinite(patterns)
    largest = float(np.abs(patterns, where=finite, out=np.zeros(patterns.shape)).max(initial=0.0)) or 1.0
    rows: np.ndarray = np.ascontiguousarray((patterns / largest).T, dtype=np.float32)
    return rows


def _unit_models(models: np.ndarray, comparison: str) -> np.ndarray:
    """Models as columns ``(n_pairs, n_models)``, centred and of length 1; ranks of them for Spearman."""
    if comparison not in ("pearson", "spearman"):
        raise ValueError(f"the comparison is '{comparison}'; it is 'pearson' or 'spearman'. Choose one of them.")
    columns = np.asarray(models, dtype=np.float64).T
    if comparison == "spearman":
        ranks = rankdata(columns, axis=0)
        columns = np.where(np.isfinite(columns).all(axis=0), ranks, np.nan)
    unit: np.ndarray = unit_columns(columns).astype(np.float32)
    return unit


def _permuted_models(M: np.ndarray, orders: np.ndarray) -> np.ndarray:
    n = orders.shape[1]
    place = np.zeros((n, n), dtype=np.intp)
    i, j = np.triu_indices(n, 1)
    place[i, j] = place[j, i] = np.arange(len(i))
    moved = place[orders[:, i], orders[:, j]]  # (n_permutations, n_pairs)
    permuted: np.ndarray = M[moved.T].reshape(len(i), -1)  # columns: permutation by permutation, models within
    return permuted


def _scores(
    Y: np.ndarray, neighbourhoods: Neighbourhoods, M: np.ndarray, comparison: str, least: int
) -> Float[np.ndarray, "n_centres n_models"]:
    n = Y.shape[1]
    if comparison == "pearson":  # on the whole symmetric matrix no triangle has to be gathered
        square = np.zeros((n, n, M.shape[1]), dtype=np.float32)
        i, j = np.triu_indices(n, 1)
        square[i, j] = square[j, i] = M * np.float32(np.sqrt(0.5))
        M = square.reshape(n * n, -1)
    scores = np.full((len(neighbourhoods.indptr) - 1, M.shape[1]), np.nan, dtype=np.float32)
    few = M.shape[1] < _SOME
    size = int(np.clip((_FEW if few else _MANY) // (n * n), 1, 64))
    for centres, members in _batches(Y, neighbourhoods, least, (size, 1 if few else size)):
        D, c = _centred_distances(Y[members])
        D = D.reshape(len(centres), n * n) if comparison == "pearson" else _centred_ranks(D, c)
        length = np.sqrt(np.einsum("bp,bp->b", D, D))
        length[~(length > (_TIE * n * c if comparison == "pearson" else 0))] = np.nan  # all distances are equal
        # One product per centre for a few models: no centre then depends on its company, not even in the last bit.
        product = np.matmul(D[:, None], M)[:, 0] if few else D @ M
        scores[centres] = product / length[:, None]
    return scores


def _batches(
    Y: np.ndarray, neighbourhoods: Neighbourhoods, least: int, sizes: tuple[int, int]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Centres with equally many targets, a few at a time, and their targets with two places to spare.

    ``sizes``: how many at a time where neighbourhoods are small, and where they are large.
    """
    indptr, indices = neighbourhoods
    n_each = np.diff(indptr)
    broken = np.concatenate([[0], np.cumsum(~np.isfinite(Y).all(axis=1)[indices])])
    usable = np.flatnonzero((n_each >= max(least, 2)) & (broken[indptr[1:]] == broken[indptr[:-1]]))
    by_size = usable[np.argsort(n_each[usable], kind="stable")]
    for alike in np.split(by_size, np.flatnonzero(np.diff(n_each[by_size])) + 1):
        size = sizes[int(n_each[alike[:1]].sum() >= _LARGE)]
        for start in range(0, len(alike), size):
            centres = alike[start : start + size]
            members = np.zeros((len(centres), n_each[centres[0]] + 2), dtype=np.intp)
            members[:, :-2] = indices[indptr[centres][:, None] + np.arange(members.shape[1] - 2)]
            yield centres, members


def _centred_distances(P: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    r"""Distances minus their mean, ``(n_centres, n_stimuli, n_stimuli)``, and the mean; NaN where undefined.

    One product with two rows more than there are targets gives :math:`q_i + q_j - z_i^\top z_j - c`, where
    :math:`q = |z|^2 / 2` and *c* is the mean distance; the diagonal is zero. The patterns are overwritten.
    """
    if P.shape[1] - 2 >= _LARGE:
        each = [_large_distances(patterns[:-2]) for patterns in P]
        return np.stack([D for D, _ in each]), np.array([c for _, c in each], dtype=P.dtype)
    Z, n = P[:, :-2], P.shape[2]
    mean = Z.mean(axis=1, keepdims=True)
    Z -= mean
    length = np.sqrt(np.einsum("bkn,bkn->bn", Z, Z))
    length[length <= _TIE * np.sqrt(Z.shape[1]) * np.abs(mean[:, 0])] = np.nan  # constant over the targets
    Z /= length[:, None]
    Z -= Z.mean(axis=2, keepdims=True)
    q = np.einsum("bkn,bkn->bn", Z, Z) / 2
    c = 2 * q.sum(axis=1) / (n - 1)
    left = np.negative(P)
    left[:, -2], left[:, -1] = q - c[:, None], 1
    P[:, -2], P[:, -1] = 1, q
    D: np.ndarray = np.matmul(left.transpose(0, 2, 1), P)
    D.reshape(len(D), -1)[:, :: n + 1] = 0
    c[c <= _TIE**2] = np.nan  # all patterns are the same
    return D, c


def _large_distances(Z: np.ndarray) -> tuple[np.ndarray, float]:
    """The same for one neighbourhood: means by products with ones, and a product of which one half is computed."""
    k, n = Z.shape
    mean = np.ones(k, dtype=Z.dtype) @ Z / np.float32(k)
    Z -= mean
    length = np.sqrt(np.einsum("kn,kn->n", Z, Z))
    length[length <= _TIE * np.sqrt(k) * np.abs(mean)] = np.nan  # constant over the targets
    Z *= 1 / length
    Z -= (Z @ np.full(n, 1 / n, dtype=Z.dtype))[:, None]
    G = Z.T @ Z
    q = np.diagonal(G) / 2
    c = 2 * q.sum() / (n - 1)
    D = (q - c)[:, None] + q - G
    np.fill_diagonal(D, 0)
    return D, float(c) if c > _TIE**2 else float("nan")  # NaN: all patterns are the same


def _centred_ranks(D: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Ranks of the upper triangles minus their mean, ``(n_centres, n_pairs)``; NaN where the mean distance is.

    A distance in whole steps of a small share of the mean distance and its place make one number of 64 bits: rounding
    then makes no rank of its own, and sorting whole numbers is several times as fast as sorting places by value.
    """
    i, j = np.triu_indices(D.shape[1], 1)
    values: np.ndarray = np.take(D.reshape(len(D), -1), i * D.shape[1] + j, axis=1)
    values *= (1 / (_STEP * c))[:, None]
    undefined = np.isnan(c)
    values[undefined] = 0
    keys = np.rint(values, out=values).astype(np.int64)
    keys <<= 32
    keys |= np.arange(keys.size).reshape(keys.shape)
    keys.sort(axis=1)
    places = (keys & 0xFFFFFFFF).reshape(-1)
    keys >>= 32
    ranks = np.tile(np.arange(len(i), dtype=np.float32) - np.float32((len(i) - 1) / 2), (len(D), 1))
    _share_ranks(ranks, keys)
    values.reshape(-1)[places] = ranks.reshape(-1)
    values[undefined] = np.nan
    return values


def _share_ranks(ranks: np.ndarray, keys: np.ndarray) -> None:
    """Sorted keys that are equal share the mean of their ranks, which are overwritten."""
    as_before = np.zeros(keys.shape, dtype=bool)
    np.equal(keys[:, 1:], keys[:, :-1], out=as_before[:, 1:])
    together = as_before.copy()
    together[:, :-1] |= as_before[:, 1:]
    where = np.flatnonzero(together)
    run = np.cumsum(~as_before.reshape(-1)[where]) - 1
    mean = np.bincount(run, weights=ranks.reshape(-1)[where]) / np.bincount(run)
    ranks.reshape(-1)[where] = mean[run]

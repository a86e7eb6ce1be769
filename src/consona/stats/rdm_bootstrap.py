"""Bootstrap of RDM comparisons over stimuli, subjects or both: pairs are weighted, nothing is computed again."""

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from scipy.stats import t as student

from consona.stats.rdm import n_stimuli_of
from consona.stats.rdm_comparison import Comparison, compare_rdms, parts
from consona.stats.seeds import rng_for
from consona.stats.shapes import Float, Int, Real

__all__ = [
    "WEIGHTED",
    "Over",
    "RdmDraws",
    "RdmIntervals",
    "bootstrap_rdms",
    "drawn",
    "rdm_intervals",
    "weighted_comparisons",
]

WEIGHTED: tuple[Comparison, ...] = ("pearson", "spearman", "rho-a", "cosine")
Over = Literal["stimuli", "subjects", "both"]
_Compared = Callable[[np.ndarray], np.ndarray]
_CELLS = 2**21  # numbers that are held at a time: 16 MB


class RdmDraws(NamedTuple):
    """Mean comparison over subjects: as measured, and for each draw of stimuli, of subjects and of both.

    The three bootstraps share their draws. ``n_subjects`` and ``n_stimuli`` are how many there are to draw from.
    """

    effect: Float[np.ndarray, " n_models"]
    stimuli: Float[np.ndarray, "n_draws n_models"]
    subjects: Float[np.ndarray, "n_draws n_models"]
    both: Float[np.ndarray, "n_draws n_models"]
    n_subjects: int
    n_stimuli: int


class RdmIntervals(NamedTuple):
    """Effects (or differences) with standard error, ends of the interval and two-sided p of t against 0."""

    effect: Float[np.ndarray, " n_contrasts"]
    error: Float[np.ndarray, " n_contrasts"]
    low: Float[np.ndarray, " n_contrasts"]
    high: Float[np.ndarray, " n_contrasts"]
    p: Float[np.ndarray, " n_contrasts"]


def bootstrap_rdms(
    models: Real[np.ndarray, "n_models n_pairs"],
    rdms: Real[np.ndarray, "n_subjects n_pairs"],
    *,
    comparison: Comparison,
    n_draws: int = 1000,
    seed: int,
) -> RdmDraws:
    """Draw stimuli and subjects with replacement and compare models with subjects each time; mean over subjects.

    Raises
    ------
    ValueError
        As :func:`weighted_comparisons`, or without draws.
    """
    n_subjects, n_stimuli = len(rdms), n_stimuli_of(rdms.shape[1])
    stimuli = drawn(n_stimuli, n_draws, seed=seed, of="stimuli")
    subjects = drawn(n_subjects, n_draws, seed=seed, of="subjects")
    observed = compare_rdms(models, rdms, comparison=comparison)
    per_subject = weighted_comparisons(models, rdms, stimuli, comparison=comparison)
    once = np.ones((1, n_subjects))
    return RdmDraws(
        _mean(observed[None], once)[0],
        _mean(per_subject, once),
        _mean(observed[None], subjects),
        _mean(per_subject, subjects),
        n_subjects,
        n_stimuli,
    )


def rdm_intervals(
    draws: RdmDraws,
    contrasts: Real[np.ndarray, "n_contrasts n_models"] | None = None,
    *,
    over: Over = "both",
    level: float = 0.95,
) -> RdmIntervals:
    r"""Intervals of effects, or of contrasts of models (rows such as ``1, -1, 0``), from the variance over draws.

    .. math:: e \pm t_{\nu} \hat\sigma, \qquad
        \hat\sigma^2 = \tfrac{n}{n-1} V \;\text{ (one factor)}, \qquad
        \hat\sigma^2 = \tfrac{S}{S-1} V_s + \tfrac{n}{n-1} V_n - \tfrac{S n}{(S-1)(n-1)} (V_{sn} - V_s - V_n)
        \;\text{ (both)}

    with the variance over draws of :math:`S` subjects :math:`V_s`, of :math:`n` stimuli :math:`V_n` and of both
    :math:`V_{sn}`, which alone would count the noise of single measurements three times; the estimate is held between
    the larger of the two single ones and :math:`V_{sn}` (Schütt et al. 2023). :math:`\nu` is the smaller number drawn
    from, minus one. Undefined draws are left out.

    Raises
    ------
    ValueError
        When subjects are drawn and there is one, or the level is not between 0 and 1.
    """
    if not 0.0 < level < 1.0 or (over != "stimuli" and draws.n_subjects < 2):
        raise ValueError(
            f"an interval at level {level} over {over} was asked for with {draws.n_subjects} subjects; a level lies "
            "between 0 and 1, and subjects are drawn from at least two. With one, use over='stimuli'."
        )
    C = np.eye(len(draws.effect)) if contrasts is None else np.asarray(contrasts, dtype=np.float64)
    sizes = {"stimuli": draws.n_stimuli, "subjects": draws.n_subjects}
    grown = {
        name: n / (n - 1) * _variance(getattr(draws, name), C) for name, n in sizes.items() if over in (name, "both")
    }
    if over == "both":
        double, single = _variance(draws.both, C), np.maximum(*grown.values())
        plain = {name: grown[name] * (n - 1) / n for name, n in sizes.items()}
        growth = np.prod([n / (n - 1) for n in sizes.values()])
        variance = sum(grown.values()) - growth * (double - plain["stimuli"] - plain["subjects"])
        variance = np.minimum(np.maximum(variance, single), np.maximum(double, single))
    else:
        variance = grown[over]
    nu = min(n for name, n in sizes.items() if over in (name, "both")) - 1
    return _intervals(C @ draws.effect, np.sqrt(variance), nu, level)


def weighted_comparisons(
    A: Real[np.ndarray, "n_a n_pairs"],
    B: Real[np.ndarray, "n_b n_pairs"],
    counts: Int[np.ndarray, "n_draws n_stimuli"],
    *,
    comparison: Comparison,
) -> Float[np.ndarray, "n_draws n_a n_b"]:
    r"""Comparisons of all RDMs after each draw of stimuli, from pair weights.

    A stimulus drawn :math:`c_i` times makes :math:`c_i c_j` pairs with stimulus :math:`j`, and its pairs with itself
    drop out, since they have no dissimilarity: every sum of a comparison becomes a sum weighted by :math:`w_{ij} = c_i
    c_j`, one matrix product for all draws. Weighted ranks come from sorting each RDM once and cumulating its weights.
    Equal to the comparison of the resampled RDMs.

    Missing pairs are left out as by :func:`~consona.stats.rdm_comparison.compare_rdms`. NaN where a draw leaves nothing
    that varies.

    Raises
    ------
    ValueError
        When the comparison cannot be weighted (Kendall's tau-a, whitened), or numbers of pairs and stimuli differ.
    """
    n_stimuli = n_stimuli_of(A.shape[1])
    if comparison not in WEIGHTED or counts.shape[1] != n_stimuli or A.shape[1] != B.shape[1]:
        raise ValueError(
            f"'{comparison}' of RDMs with {A.shape[1]} and {B.shape[1]} pairs was asked for with draws of "
            f"{counts.shape[1]} stimuli; draws are of the {n_stimuli} stimuli of both, and the comparison is one of "
            f"{', '.join(WEIGHTED)}. rho-a is what tau-a is used for."
        )
    found = np.full((len(counts), len(A), len(B)), np.nan)
    prepare = _by_ranks if comparison in ("spearman", "rho-a") else _by_products
    for part in parts(A, B):
        a, b = (np.asarray(each[:, part.pairs], dtype=np.float64) for each in (A[part.rows_a], B[part.rows_b]))
        compared, step = prepare(a, b, comparison)
        for start in range(0, len(counts), step):
            W = _pair_weights(counts[start : start + step])
            at = np.ix_(np.arange(start, start + len(W)), part.rows_a, part.rows_b)
            found[at] = compared(W if part.pairs.all() else W[:, part.pairs])
    return found


def drawn(n: int, n_draws: int, *, seed: int, of: str) -> Int[np.ndarray, "n_draws n"]:
    """How often each of ``n`` is drawn when ``n`` are drawn with replacement; ``of`` says what they are.

    Raises
    ------
    ValueError
        Without anything to draw, or draws.
    """
    if n < 1 or n_draws < 1:
        raise ValueError(f"{n_draws} draws from {n} {of} were asked for; both are at least 1.")
    return rng_for(seed, "bootstrap", of).multinomial(n, np.full(n, 1 / n), size=n_draws)


def _pair_weights(counts: np.ndarray) -> np.ndarray:
    c = np.ascontiguousarray(counts, dtype=np.int32)
    n = c.shape[1]
    W = np.empty((len(c), n * (n - 1) // 2), dtype=np.int32)
    start = 0
    for i in range(n - 1):
        np.multiply(c[:, i : i + 1], c[:, i + 1 :], out=W[:, start : start + n - 1 - i])
        start += n - 1 - i
    return W


def _by_products(a: np.ndarray, b: np.ndarray, comparison: Comparison) -> tuple[_Compared, int]:
    """Pearson or cosine: weighted sums of values, squares and products, for a block of draws at a time."""
    centred = comparison == "pearson"
    a, b = _standard(a, centred), _standard(b, centred)
    single = np.vstack([a, a**2, b, b**2])
    ends = np.cumsum([len(a), len(a), len(b)])
    rows = max(1, _CELLS // b.size)
    products = [(a[i : i + rows, None] * b).reshape(-1, b.shape[1]) for i in range(0, len(a), rows)]

    def compared(W: np.ndarray) -> np.ndarray:
        weights = W.astype(np.float64)
        total = weights.sum(axis=1)[:, None]
        total = np.where(total > 0, total, np.nan)
        mean_a, square_a, mean_b, square_b = np.split(weights @ single.T / total, ends, axis=1)
        both = np.hstack([weights @ each.T / total for each in products]).reshape(len(W), len(a), len(b))
        if not centred:
            return _ratio(both, square_a, square_b)
        both -= mean_a[:, :, None] * mean_b[:, None, :]
        return _ratio(both, square_a - mean_a**2, square_b - mean_b**2)

    return compared, max(1, _CELLS // a.shape[1])


def _by_ranks(a: np.ndarray, b: np.ndarray, comparison: Comparison) -> tuple[_Compared, int]:
    """Spearman or rho-a: each RDM is sorted once; its ranks under the weights of a block of draws are running sums."""
    sorted_rows = [_Sorted.of(row) for row in np.vstack([a, b])]

    def compared(W: np.ndarray) -> np.ndarray:
        ranks = np.empty((len(W), len(sorted_rows), W.shape[1]))
        for k, row in enumerate(sorted_rows):
            ranks[:, k] = row.ranks(W)
        own = np.stack([np.vecdot(ranks[:, k] ** 2, W.astype(np.float64)) for k in range(len(sorted_rows))], axis=1)
        both = (ranks[:, : len(a)] * W[:, None]) @ ranks[:, len(a) :].transpose(0, 2, 1)
        own_a, own_b = own[:, : len(a)], own[:, len(a) :]
        if comparison == "spearman":
            return _ratio(both, own_a, own_b)
        total = W.sum(axis=1, dtype=np.float64)[:, None, None]
        return np.where(own_a[:, :, None] * own_b[:, None, :] > 0, 3 * both / np.maximum(total**3 - total, 1), np.nan)

    return compared, max(1, _CELLS // (4 * len(sorted_rows) * a.shape[1]))


class _Sorted(NamedTuple):
    """Where the pairs of an RDM stand when it is sorted, and where each of its distinct values begins."""

    order: np.ndarray
    level: np.ndarray
    starts: np.ndarray

    @classmethod
    def of(cls, row: np.ndarray) -> "_Sorted":
        values, level = np.unique(row, return_inverse=True)
        order = np.argsort(level, kind="stable")
        return cls(order, level, np.searchsorted(level[order], np.arange(len(values))))

    def ranks(self, W: np.ndarray) -> np.ndarray:
        """Twice the ranks less their mean, as whole numbers: weight below minus weight above."""
        own = W.take(self.order, axis=1, mode="clip")  # without the check of every index it is four times as fast
        if len(self.starts) < len(self.order):
            own = np.add.reduceat(own, self.starts, axis=1)
        below = np.cumsum(own, axis=1, dtype=np.int32)
        total = below[:, -1:].copy()
        below *= 2
        below -= own
        below -= total
        return below.take(self.level, axis=1, mode="clip")


def _standard(a: np.ndarray, centred: bool) -> np.ndarray:
    """Rows near length 1 per pair, so that weighted sums do not cancel; constants are exactly zero."""
    a = a - a[:, :1] if centred else a
    a = a - a.mean(axis=1, keepdims=True) if centred else a
    length = np.sqrt(np.mean(a**2, axis=1, keepdims=True))
    standard: np.ndarray = np.divide(a, length, out=np.zeros_like(a), where=length > 0)
    return standard


def _ratio(both: np.ndarray, own_a: np.ndarray, own_b: np.ndarray) -> np.ndarray:
    """Covariances over the root of variances; NaN where one is nothing but rounding."""
    least_a, least_b = (1e-12 * np.nanmax(own, initial=0.0) for own in (own_a, own_b))
    varies = (own_a > least_a)[:, :, None] & (own_b > least_b)[:, None, :]
    scale = np.sqrt(np.where(varies, own_a[:, :, None] * own_b[:, None, :], 1.0))
    return np.where(varies, both / scale, np.nan)


def _mean(r: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Mean over subjects (last axis) with counts of each draw; undefined subjects left out."""
    known = np.isfinite(r)
    total = (np.where(known, r, 0.0) * counts[:, None]).sum(axis=2)
    weight = (known * counts[:, None]).sum(axis=2)
    mean: np.ndarray = np.divide(total, weight, out=np.full_like(total, np.nan), where=weight > 0)
    return mean


def _variance(draws: np.ndarray, contrasts: np.ndarray) -> np.ndarray:
    each = draws @ contrasts.T
    known = [column[np.isfinite(column)] for column in each.T]
    return np.array([column.var(ddof=1) if len(column) > 1 else np.nan for column in known])


def _intervals(effect: np.ndarray, error: np.ndarray, nu: int, level: float) -> RdmIntervals:
    half = student.ppf((1 + level) / 2, nu) * error
    p = 2 * student.sf(np.abs(np.divide(effect, error, out=np.full_like(effect, np.nan), where=error > 0)), nu)
    return RdmIntervals(effect, error, effect - half, effect + half, p)

"""Does a change of training help the held-out subject? Paired effects, corrected, with what could have been seen."""

from typing import NamedTuple

import numpy as np
from scipy import stats

from consona.stats.bootstrap import bootstrap_interval
from consona.stats.equivalence import equivalence_of_mean
from consona.stats.fdr import benjamini_hochberg, holm
from consona.stats.permutation import all_sign_flips, sign_flips
from consona.stats.shapes import Float, Int, Real, Shaped

__all__ = ["PairedEffects", "Rejections", "detectable_effect", "equivalence_power", "paired_effects", "rejections"]

_QUANTILES = 2000  # of the distribution of a sample variance, over which power is averaged


class PairedEffects(NamedTuple):
    """Effects of several strategies over one reference; every array has one entry per strategy.

    ``effect`` with its interval ``low`` to ``high`` over subjects; ``p`` two-sided, ``p_above`` that it helps,
    ``p_below`` that it harms, all by sign flips of subjects; ``holm`` and ``bh`` correct the two-sided p for all
    strategies. ``p_equal``: that the effect lies within the margin (TOST), ``power``: how likely that was to be shown
    had there been no effect, ``detectable``: the effect that would have been found with a probability of .8.
    ``p_folds``: two-sided, flipping signs of whole folds. ``t_seeds`` and ``p_seeds``: the paired t over seeds.
    ``n_subjects``, ``n_seeds``: how many there are.
    """

    effect: Float[np.ndarray, " n_strategies"]
    low: Float[np.ndarray, " n_strategies"]
    high: Float[np.ndarray, " n_strategies"]
    p: Float[np.ndarray, " n_strategies"]
    p_above: Float[np.ndarray, " n_strategies"]
    p_below: Float[np.ndarray, " n_strategies"]
    holm: Float[np.ndarray, " n_strategies"]
    bh: Float[np.ndarray, " n_strategies"]
    p_equal: Float[np.ndarray, " n_strategies"]
    power: Float[np.ndarray, " n_strategies"]
    detectable: Float[np.ndarray, " n_strategies"]
    p_folds: Float[np.ndarray, " n_strategies"]
    t_seeds: Float[np.ndarray, " n_strategies"]
    p_seeds: Float[np.ndarray, " n_strategies"]
    n_subjects: Int[np.ndarray, " n_strategies"]
    n_seeds: Int[np.ndarray, " n_strategies"]


class Rejections(NamedTuple):
    """How many tests lie below the level alone, after Holm's and after Benjamini and Hochberg's correction."""

    single: int
    holm: int
    bh: int


def paired_effects(
    accuracy: Real[np.ndarray, "n_strategies n_seeds n_subjects"],
    reference: Real[np.ndarray, "*n_strategies n_seeds n_subjects"],
    *,
    folds: Shaped[np.ndarray, " n_subjects"] | None = None,
    margin: float = 0.01,
    n_permutations: int = 10_000,
    seed: int,
) -> PairedEffects:
    r"""Accuracy with a strategy minus accuracy of its reference, same seed, same subject; the subject is the unit.

    .. math:: \Delta_s = \frac1K \sum_k (a_{ks} - b_{ks}), \qquad \bar\Delta = \frac1n \sum_s \Delta_s

    The reference is the base, ``(n_seeds, n_subjects)`` or one per strategy, or, in a second call, every strategy's
    twin with a random target. Seeds are averaged first: they repeat the training, not the people, and a t-test over
    five of them says whether *these subjects* would be decoded better again. It stands beside, in ``t_seeds``. A pair
    that is missing (NaN: a seed that was not run) is left out.

    Subjects that were tested by one network share its luck. With ``folds``, the label of the network that tested each
    subject, ``p_folds`` flips signs of whole folds, which needs no independence within them; without, it is NaN.

    Raises
    ------
    ValueError
        When shapes differ, there are fewer than two subjects, or the margin is not positive.
    """
    difference = _differences(accuracy, reference)
    if not margin > 0:
        raise ValueError(f"the margin is {margin:g}; equivalence needs a positive one. A point of accuracy is 0.01.")
    each = _defined_mean(difference, axis=1).T  # (n_subjects, n_strategies)
    low, high = bootstrap_interval(each, seed=seed)
    p, p_above, p_below = _flipped(each, n_permutations, seed)
    sd, n = _spread(each), np.isfinite(each).sum(axis=0)
    t_seeds, p_seeds = _over_seeds(_defined_mean(difference, axis=2).T)
    return PairedEffects(
        _defined_mean(each, axis=0),
        low,
        high,
        p,
        p_above,
        p_below,
        holm(p),
        benjamini_hochberg(p),
        equivalence_of_mean(each, low=-margin, high=margin),
        equivalence_power(sd, n, margin=margin),
        detectable_effect(sd, n),
        np.full(len(difference), np.nan) if folds is None else _over_folds(each, folds, n_permutations, seed),
        t_seeds,
        p_seeds,
        n,
        np.isfinite(difference).any(axis=2).sum(axis=1),
    )


def equivalence_power(
    sd: Real[np.ndarray, " n_strategies"], n: Int[np.ndarray, " n_strategies"], *, margin: float, level: float = 0.05
) -> Float[np.ndarray, " n_strategies"]:
    r"""Probability that two one-sided t-tests show equivalence within the margin when the true effect is zero.

    .. math:: E_S\left[2\,\Phi\!\left(\frac{m - t_{n-1,1-\alpha} S / \sqrt n}{\sigma / \sqrt n}\right) - 1\right]_+,
              \qquad (n - 1) S^2 / \sigma^2 \sim \chi^2_{n-1}

    The mean is over the distribution of the SD that a study would find. The true one is taken to be ``sd``. A power
    below .8 says that a failure to show equivalence means little. NaN with fewer than two subjects or without an SD.
    """
    sd, df = np.asarray(sd, dtype=np.float64), np.maximum(n - 1.0, 1.0)
    quantiles = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
    found = np.sqrt(stats.chi2.ppf(quantiles[:, None], df) / df)
    scale = np.divide(margin * np.sqrt(n), sd, out=np.full(sd.shape, np.inf), where=sd > 0)
    shown = 2.0 * stats.norm.cdf(scale - stats.t.ppf(1.0 - level, df) * found) - 1.0
    return np.where((n > 1) & np.isfinite(sd), np.maximum(shown, 0.0).mean(axis=0), np.nan)


def detectable_effect(
    sd: Real[np.ndarray, " n_strategies"],
    n: Int[np.ndarray, " n_strategies"],
    *,
    level: float = 0.05,
    power: float = 0.8,
) -> Float[np.ndarray, " n_strategies"]:
    r"""Smallest true effect that a two-sided t-test over subjects finds with the given probability.

    .. math:: \delta = (t_{n-1,1-\alpha/2} + t_{n-1,\text{power}})\, \sigma / \sqrt n

    Uncorrected: with Holm over 25 strategies put the level at .05 / 25. NaN with fewer than two subjects.
    """
    df = np.maximum(n - 1.0, 1.0)
    steps = stats.t.ppf(1.0 - level / 2.0, df) + stats.t.ppf(power, df)
    effect: np.ndarray = steps * np.asarray(sd, dtype=np.float64) / np.sqrt(np.maximum(n, 1))
    return np.where(n > 1, effect, np.nan)


def rejections(p: Real[np.ndarray, " n_tests"], *, level: float = 0.05) -> Rejections:
    """Counts of tests below the level: uncorrected (p strictly below it), by Holm, by Benjamini and Hochberg."""
    return Rejections(
        int((p < level).sum()), int((holm(p) <= level).sum()), int((benjamini_hochberg(p) <= level).sum())
    )


def _differences(accuracy: np.ndarray, reference: np.ndarray) -> np.ndarray:
    if reference.shape not in (accuracy.shape, accuracy.shape[1:]) or accuracy.shape[2] < 2:
        raise ValueError(
            f"accuracies are {accuracy.shape} and those of the reference {reference.shape}; both need the same seeds "
            "and at least 2 subjects, the reference with or without a first axis of strategies. Align them by seed "
            "and subject."
        )
    difference: np.ndarray = np.asarray(accuracy, dtype=np.float64) - np.asarray(reference, dtype=np.float64)
    return difference


def _flipped(each: np.ndarray, n_permutations: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """p two-sided, of above zero and of below zero; all patterns of signs where these are few enough."""
    n_rows, filled = len(each), np.nan_to_num(each)
    exact = 2**n_rows <= n_permutations
    flips = all_sign_flips(n_rows) if exact else sign_flips(n_rows, n_permutations, seed=seed)
    observed, null = filled.sum(axis=0), flips.astype(np.float64) @ filled
    tie = 1e-9 * np.abs(filled).sum(axis=0)  # as large up to rounding is as large
    reached = (np.abs(null) >= np.abs(observed) - tie, null >= observed - tie, null <= observed + tie)
    extra = 0 if exact else 1
    known = np.isfinite(each).any(axis=0)
    two, above, below = (np.where(known, (k.sum(axis=0) + extra) / (len(flips) + extra), np.nan) for k in reached)
    return two, above, below


def _over_folds(each: np.ndarray, folds: np.ndarray, n_permutations: int, seed: int) -> np.ndarray:
    names, codes = np.unique(folds, return_inverse=True)
    of_fold = np.equal.outer(np.arange(len(names)), codes).astype(np.float64)
    sums = of_fold @ np.nan_to_num(each)
    sums[:, ~np.isfinite(each).any(axis=0)] = np.nan
    return _flipped(sums, n_permutations, seed)[0]


def _over_seeds(means: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Paired t over seeds ``(n_seeds, n_strategies)`` and its two-sided p; NaN with one seed, or without spread."""
    n = np.isfinite(means).sum(axis=0)
    error = _spread(means) / np.sqrt(np.maximum(n, 1))
    mean = _defined_mean(means, axis=0)
    t = np.divide(mean, error, out=np.full(len(n), np.nan), where=error > 1e-12 * np.abs(mean))
    return t, 2.0 * stats.t.sf(np.abs(t), np.maximum(n - 1, 1))


def _spread(values: np.ndarray) -> np.ndarray:
    """SD over the first axis (divisor n - 1) of what is known; NaN with fewer than two values."""
    known = np.isfinite(values)
    rest = np.where(known, values - _defined_mean(values, axis=0), 0.0)
    n = known.sum(axis=0)
    variance = np.divide((rest**2).sum(axis=0), n - 1, out=np.full(len(n), np.nan), where=n > 1)
    return np.asarray(np.sqrt(variance))


def _defined_mean(values: np.ndarray, *, axis: int) -> np.ndarray:
    known = np.isfinite(values)
    n = known.sum(axis=axis)
    total = np.where(known, values, 0.0).sum(axis=axis)
    mean: np.ndarray = np.divide(total, n, out=np.full(n.shape, np.nan), where=n > 0)
    return mean

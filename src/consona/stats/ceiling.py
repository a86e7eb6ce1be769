"""How well a perfect model could score, from repetitions of the same stimuli: a ceiling for every target."""

from collections.abc import Callable, Iterator
from itertools import combinations
from math import comb
from typing import NamedTuple

import numpy as np

from consona.stats.correlation import pearson_columns
from consona.stats.reliability import spearman_brown
from consona.stats.seeds import rng_for
from consona.stats.shapes import Float, Real

__all__ = [
    "VarianceParts",
    "explainable_variance",
    "levelled_variance_parts",
    "ncsnr_of",
    "noise_ceiling",
    "perfect_model_r",
    "reliability_of_mean",
    "split_half_repetitions",
    "variance_parts",
]

_BLOCK = 2048


class VarianceParts(NamedTuple):
    """Variance over stimuli that repeats, noise variance of one repetition, and the mean of 1 / repetitions."""

    signal: Float[np.ndarray, " n_targets"]
    noise: Float[np.ndarray, " n_targets"]
    share: Float[np.ndarray, " n_targets"]


def variance_parts(responses: Real[np.ndarray, "n_repetitions n_stimuli n_targets"]) -> VarianceParts:
    r"""Signal and noise variance of every target, both unbiased, from repetitions of the same stimuli.

    With :math:`n_i` repetitions of stimulus :math:`i`, their mean :math:`\bar y_i`, and unbiased variances,

    .. math:: \sigma^2_e = \frac{\sum_i \sum_t (y_{it} - \bar y_i)^2}{\sum_i (n_i - 1)}, \qquad
              \sigma^2_s = \mathrm{Var}_i(\bar y_i) - \sigma^2_e \,\overline{1 / n_i} .

    The signal variance of a target without signal is as often below zero as above; it is given as it is. Repetitions
    may be missing (NaN), also a different number for each stimulus. Offsets between repetitions count as noise here and
    not in :func:`levelled_variance_parts`.

    Raises
    ------
    ValueError
        When there is a single repetition, or fewer than two stimuli.
    """
    return _in_blocks(_parts, responses)


def levelled_variance_parts(responses: Real[np.ndarray, "n_repetitions n_stimuli n_targets"]) -> VarianceParts:
    r"""As :func:`variance_parts`, with the offsets between repetitions taken out: a correlation never sees them.

    Every repetition that all stimuli have is brought to the mean of these, target by target. For n stimuli, all of them
    with R repetitions, that is the analysis of variance with two factors,

    .. math:: \sigma^2_e = \frac{\sum_{it} (y_{it} - \bar y_i - \bar y_t + \bar y)^2}{(R - 1)(n - 1)} .

    A repetition that some stimuli lack keeps its offset, which then differs between the means of stimuli and is noise.

    Raises
    ------
    ValueError
        As :func:`variance_parts`.
    """
    return _in_blocks(_levelled_parts, responses)


def _in_blocks(
    estimate: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]], responses: np.ndarray
) -> VarianceParts:
    if responses.shape[0] < 2 or responses.shape[1] < 2:
        raise ValueError(
            f"the responses hold {responses.shape[0]} repetitions of {responses.shape[1]} stimuli; noise is what "
            "differs between repetitions, so at least 2 of each are needed. Compare subjects instead."
        )
    blocks = range(0, max(1, responses.shape[2]), _BLOCK)
    parts = [estimate(responses[:, :, i : i + _BLOCK]) for i in blocks]
    return VarianceParts(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def _levelled_parts(responses: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    values, known = _shifted(responses, axis=(0, 1))
    whole = np.asarray(known.all(axis=1))
    rest = values - values[:, :1]  # a repetition without variation stays exactly so
    mean = rest.mean(axis=1)
    centre = np.where(whole, values[:, 0] + mean, 0.0).sum(axis=0) / np.maximum(whole.sum(axis=0), 1)
    level = rest - mean[:, None] + centre
    signal, noise, share = _parts(np.where(whole[:, None], level, np.where(known, values, np.nan)))
    free = np.maximum(known.sum(axis=0) - 1, 0).sum(axis=0)
    unbiased = noise * _ratio(free, free - np.maximum(whole.sum(axis=0) - 1, 0))
    return signal - (unbiased - noise) * share, unbiased, share


def _parts(responses: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    values, known = _shifted(responses, axis=(0, 1))
    count = known.sum(axis=0)
    mean = _ratio(values.sum(axis=0), count)
    noise = _ratio((np.where(known, values - mean, 0.0) ** 2).sum(axis=(0, 1)), np.maximum(count - 1, 0).sum(axis=0))
    seen = count > 0
    n_stimuli = seen.sum(axis=0)
    spread = np.where(seen, mean - _ratio(np.where(seen, mean, 0.0).sum(axis=0), n_stimuli), 0.0)
    between = _ratio((spread**2).sum(axis=0), np.maximum(n_stimuli - 1, 0))
    share = _ratio(np.where(seen, _ratio(np.ones(count.shape), count), 0.0).sum(axis=0), n_stimuli)
    return between - noise * share, noise, share


def ncsnr_of(parts: VarianceParts) -> Float[np.ndarray, " n_targets"]:
    r"""Noise-ceiling signal-to-noise ratio, a ratio of standard deviations for one repetition.

    .. math:: \mathrm{ncsnr} = \sigma_s / \sigma_e

    Allen et al. (2022), who set it to 0 where the estimate of the signal variance is negative; here it is NaN, as it is
    where there is no noise. Count the NaN before averaging over targets: those left are the luckier ones.
    """
    return np.asarray(np.sqrt(_ratio(_positive(parts.signal), parts.noise)))


def noise_ceiling(
    ncsnr: Real[np.ndarray, " n_targets"], *, n_repetitions: Real[np.ndarray, " n_stimuli"] | float | int
) -> Float[np.ndarray, " n_targets"]:
    r"""Expected correlation of a perfect model with the mean over ``n_repetitions`` repetitions.

    .. math:: r = \sqrt{\frac{\mathrm{ncsnr}^2}{\mathrm{ncsnr}^2 + \overline{1/n_i}}}

    Allen et al. (2022) state :math:`100\, r^2`, the per cent of the variance that can be explained. Give one number, or
    the number of repetitions of every stimulus that was averaged.

    Raises
    ------
    ValueError
        When a number of repetitions is below 1.
    """
    counts = np.atleast_1d(np.asarray(n_repetitions, dtype=np.float64))
    if not np.all(counts >= 1):
        raise ValueError(f"the smallest number of repetitions is {counts.min():g}; a mean holds at least one. Mend it.")
    power = np.square(np.asarray(ncsnr, dtype=np.float64))
    return np.asarray(np.sqrt(power / (power + np.mean(1.0 / counts))))


def explainable_variance(parts: VarianceParts) -> Float[np.ndarray, " n_targets"]:
    r"""Share of the variance of a single repetition that repeats; it may come out negative, and is left so.

    .. math:: \mathrm{EV} = \frac{\sigma^2_s}{\sigma^2_s + \sigma^2_e}

    Sahani and Linden (2003). It is the reliability of one repetition: two of them correlate so much. NaN where nothing
    varies, or where the two parts do not add up to a positive variance.
    """
    return _ratio(parts.signal, _positive(parts.signal + parts.noise))


def reliability_of_mean(parts: VarianceParts) -> Float[np.ndarray, " n_targets"]:
    r"""Reliability of the mean over the repetitions at hand: what it would correlate with another such mean.

    .. math:: \rho = \frac{\sigma^2_s}{\sigma^2_s + \sigma^2_e\,\overline{1/n_i}}

    Its square root, :func:`perfect_model_r`, is the ceiling of r. Negative estimates stay negative, so that the mean
    over targets without signal is about zero.
    """
    return _ratio(parts.signal, _positive(parts.signal + parts.noise * parts.share))


def perfect_model_r(reliability: Real[np.ndarray, "..."] | float) -> Float[np.ndarray, "..."]:
    r"""Expected correlation of a model that knows the signal with a measurement of this reliability.

    .. math:: r = \mathrm{corr}(s, s + e) = \sqrt{\rho}

    The reliability itself is what a *second measurement* reaches, and the share of variance (r squared) that a perfect
    model explains. NaN where the reliability is negative: its root is not a number, and it is not called zero.
    """
    return np.asarray(np.sqrt(_positive(np.asarray(reliability, dtype=np.float64))))


def split_half_repetitions(
    responses: Real[np.ndarray, "n_repetitions n_stimuli n_targets"], *, n_splits: int = 100, seed: int
) -> Float[np.ndarray, " n_targets"]:
    r"""Reliability of the mean over all repetitions: half of them against as many others, corrected to all.

    .. math:: \rho = \frac{k r}{1 + (k - 1) r}, \qquad k = \frac{n}{\lfloor n / 2 \rfloor}

    with r the correlation over stimuli of the means of two disjoint halves of :math:`\lfloor n/2 \rfloor` repetitions,
    averaged over splits and corrected once. An odd repetition sits out, another one in every split, which keeps
    Spearman and Brown's formula exact. All splits are taken where there are at most ``n_splits``, else as many at
    random. Only stimuli with all repetitions take part. A target that is constant in either half of a split is NaN.

    Raises
    ------
    ValueError
        When there is a single repetition, no split, or fewer than two stimuli have all repetitions.
    """
    n = len(responses)
    known = np.isfinite(responses)
    whole = known[:, :, known.any(axis=(0, 1))].all(axis=(0, 2))
    if n < 2 or n_splits < 1 or whole.sum() < 2:
        raise ValueError(
            f"{n} repetitions, all of them there for {int(whole.sum())} stimuli, were to be divided {n_splits} times; "
            "that needs 2 repetitions, 2 stimuli and 1 split. Compare subjects, or use reliability_of_mean."
        )
    complete = np.asarray(responses, dtype=np.float64)[:, whole]
    each = [
        pearson_columns(complete[list(half)].mean(axis=0), complete[list(other)].mean(axis=0))
        for half, other in _halves(n, n_splits, seed)
    ]
    return spearman_brown(np.mean(each, axis=0), factor=n / (n // 2))


def _halves(n: int, n_splits: int, seed: int) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    m = n // 2
    if comb(n, m) * comb(n - m, m) // 2 <= n_splits:
        for half in combinations(range(n), m):
            rest = [i for i in range(n) if i not in half]
            yield from ((half, other) for other in combinations(rest, m) if half < other)
        return
    rng = rng_for(seed, "halves of repetitions", n)
    for _ in range(n_splits):
        order = rng.permutation(n).tolist()
        yield tuple(order[:m]), tuple(order[m : 2 * m])


def _shifted(responses: np.ndarray, *, axis: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Values minus the largest of their target, zero where missing, so that a constant target is exactly zero."""
    known = np.isfinite(responses)
    values = np.where(known, responses, -np.inf).astype(np.float64)
    largest = values.max(axis=axis, keepdims=True)
    return np.where(known, values - np.where(np.isfinite(largest), largest, 0.0), 0.0), known


def _positive(values: np.ndarray) -> np.ndarray:
    return np.where(values >= 0, values, np.nan)


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """The quotient, NaN where the denominator is zero or undefined."""
    result: np.ndarray = np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below > 0)
    return result

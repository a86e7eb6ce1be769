"""Is an effect so small that it may be called absent? Two one-sided tests against bounds stated beforehand."""

import numpy as np
from scipy import stats

from consona.stats.shapes import Float, Real
from consona.stats.subject_test import subject_test

__all__ = ["equivalence_of_correlations", "equivalence_of_mean", "equivalence_of_mean_by_flips"]


def equivalence_of_mean(
    values: Real[np.ndarray, "n_subjects n_targets"], *, low: float, high: float
) -> Float[np.ndarray, " n_targets"]:
    r"""p of two one-sided t-tests (TOST) that the mean over subjects lies between ``low`` and ``high``.

    .. math:: p = \max\big(P(t_{n-1} \ge (\bar v - \text{low})/s),\; P(t_{n-1} \le (\bar v - \text{high})/s)\big)

    with s the standard error. Schuirmann (1987). A small p says: whatever there is lies within the bounds. Give
    differences of paired scores, one per subject (Fisher's z of correlations, where they are large), and state the
    bounds before looking. Missing subjects (NaN) are left out of that target; NaN with fewer than two, or without
    spread.

    Raises
    ------
    ValueError
        When the lower bound is not below the upper one.
    """
    _require_bounds(low, high)
    values = np.asarray(values, dtype=np.float64)
    known = np.isfinite(values)
    n = known.sum(axis=0)
    first = np.take_along_axis(values, np.argmax(known, axis=0)[None], axis=0)  # a constant is then exactly zero
    rest = np.where(known, values - first, 0.0)
    middle = _ratio(rest.sum(axis=0), n)
    mean = middle + first[0]
    squares = (np.where(known, rest - middle, 0.0) ** 2).sum(axis=0)
    error = np.sqrt(_ratio(squares, n * (n - 1.0)))
    above = stats.t.sf(_ratio(mean - low, error), np.maximum(n - 1, 1))
    below = stats.t.cdf(_ratio(mean - high, error), np.maximum(n - 1, 1))
    return np.asarray(np.maximum(above, below))


def equivalence_of_mean_by_flips(
    values: Real[np.ndarray, "n_subjects n_targets"],
    *,
    low: float,
    high: float,
    n_permutations: int = 10_000,
    seed: int,
) -> Float[np.ndarray, " n_targets"]:
    r"""As :func:`equivalence_of_mean`, flipping signs of the deviations from each bound instead of a t-distribution.

    .. math:: p = \max\big(p_{\text{flip}}(v - \text{low}),\; p_{\text{flip}}(\text{high} - v)\big)

    with :func:`consona.stats.subject_test.subject_test`. It needs values that are symmetric around their mean, not
    normal ones; p is exact where all signs are listed.

    Raises
    ------
    ValueError
        When the lower bound is not below the upper one, or there are fewer than two subjects.
    """
    _require_bounds(low, high)
    sides = [
        subject_test(inside, n_permutations=n_permutations, seed=seed).p for inside in (values - low, high - values)
    ]
    return np.asarray(np.maximum(*sides))


def equivalence_of_correlations(
    a: Real[np.ndarray, " n_targets"], b: Real[np.ndarray, " n_targets"], *, n: tuple[int, int], limit: float
) -> Float[np.ndarray, " n_targets"]:
    r"""p of two one-sided tests that correlations of *independent* data differ by less than ``limit`` in Fisher's z.

    .. math:: p = \Phi\!\left(\frac{|z_a - z_b| - \text{limit}}{\sqrt{1/(n_a - 3) + 1/(n_b - 3)}}\right), \qquad
              z = \operatorname{artanh} r

    ``n`` counts independent stimuli: for time series and groups that is far fewer than rows. Correlations of the same
    responses are not independent; test their differences over subjects with :func:`equivalence_of_mean`. NaN where a
    correlation is undefined or 1.

    Raises
    ------
    ValueError
        When there are fewer than four stimuli, or the limit is not positive.
    """
    if min(n) < 4 or not limit > 0:
        raise ValueError(
            f"correlations over {n[0]} and {n[1]} stimuli were to be equal within {limit:g}; at least 4 stimuli each "
            "and a positive limit are needed. State how large a difference would matter."
        )
    inside = (np.abs(a) < 1) & (np.abs(b) < 1)
    z_a, z_b = (np.arctanh(np.where(inside, r, 0.0)) for r in (a, b))
    error = np.sqrt(1.0 / (n[0] - 3) + 1.0 / (n[1] - 3))
    return np.where(inside, stats.norm.cdf((np.abs(z_a - z_b) - limit) / error), np.nan)


def _require_bounds(low: float, high: float) -> None:
    if not low < high:
        raise ValueError(f"the bounds are {low:g} and {high:g}; the lower one is below the upper one. Exchange them.")


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    result: np.ndarray = np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below > 0)
    return result

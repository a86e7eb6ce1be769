"""Is a score above zero in the population of subjects? Signs are flipped, all patterns where there are few."""

from typing import NamedTuple

import numpy as np

from consona.stats.permutation import all_sign_flips, fwer_p_values, p_value, sign_flips
from consona.stats.shapes import Float, Real

__all__ = ["SubjectTest", "subject_test"]

_ROWS = 4096


class SubjectTest(NamedTuple):
    """Mean over subjects, its p, its p corrected for all targets by the maximum, and whether all signs were listed."""

    mean: Float[np.ndarray, " n_targets"]
    p: Float[np.ndarray, " n_targets"]
    p_max: Float[np.ndarray, " n_targets"]
    exact: bool


def subject_test(
    values: Real[np.ndarray, "n_subjects n_targets"], *, n_permutations: int = 10_000, seed: int
) -> SubjectTest:
    r"""One-sided test that subjects' values are above zero, by sign flips; the same signs for all targets.

    .. math:: u = \frac{\sum_s \epsilon_s v_s}{\sqrt{\sum_s v_s^2}}

    which orders the sign patterns as Student's t does, and puts targets of different spread on one scale for the
    maximum. All :math:`2^n` patterns are listed where there are at most ``n_permutations`` (13 subjects by default),
    and p is exact; otherwise as many are drawn and p is :math:`(k + 1) / (n + 1)`. It holds its level where values are
    symmetric around zero under the null, so take from a score the mean of its own refitted null first: a null mean
    below zero hides effects, one above invents them. Give ``-values`` for the other side.

    A subject missing in a target (NaN) is left out there; a target without any value, or of zeros, is NaN.

    Raises
    ------
    ValueError
        When there are fewer than two subjects, or no permutation.
    """
    n_subjects = len(values)
    if n_subjects < 2 or n_permutations < 1:
        raise ValueError(
            f"{n_permutations} sign patterns of {n_subjects} subjects were asked for; a test over subjects needs at "
            "least 2 of them and 1 pattern. With one subject, test against the null of its score."
        )
    exact = 2**n_subjects <= n_permutations
    flips = all_sign_flips(n_subjects) if exact else sign_flips(n_subjects, n_permutations, seed=seed)
    known = np.isfinite(values)
    filled = np.where(known, values, 0.0).astype(np.float64)
    mean = np.divide(
        filled.sum(axis=0), known.sum(axis=0), out=np.full(filled.shape[1], np.nan), where=known.any(axis=0)
    )
    length = np.sqrt((filled**2).sum(axis=0))
    unit = np.divide(filled, length, out=np.full(filled.shape, np.nan), where=length > 0)
    p, p_max = np.full(len(length), np.nan), np.full(len(length), np.nan)
    defined = length > 0
    if defined.any():
        p[defined], p_max[defined] = _both(unit[:, defined], flips, exact)
    return SubjectTest(mean, p, p_max, exact)


def _both(unit: np.ndarray, flips: np.ndarray, exact: bool) -> tuple[np.ndarray, np.ndarray]:
    """p of every target and p of the maximum, the null passed through in blocks and never kept."""
    observed = unit.sum(axis=0)
    starts = range(0, len(flips), _ROWS)
    reach, largest = np.zeros(len(observed)), []
    for start in starts:
        null = flips[start : start + _ROWS].astype(np.float64) @ unit
        reach += p_value(observed, null) * (len(null) + 1.0) - 1.0
        largest.append(null.max(axis=1))
    maxima = np.concatenate(largest)
    if not exact:
        return (reach + 1.0) / (len(flips) + 1.0), fwer_p_values(observed, maxima)
    return reach / len(flips), np.array([p_value(each, maxima, exact=True) for each in observed])

"""Differences between things that the same subjects judge: t, exact signs, and letters that say who differs."""

from typing import NamedTuple

import numpy as np
from scipy import stats

from consona.stats.shapes import Bool, Float, Int, Real
from consona.stats.subject_test import subject_test
from consona.stats.tfce import sign_flipped_t

__all__ = ["SubjectEffect", "compact_letters", "subject_effect"]

_TARGETS = 2**14  # at a time, so that the null of all signs stays small: 34 MB with 8 subjects
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


class SubjectEffect(NamedTuple):
    """Mean over subjects, its interval, t with its p, exact p by signs (both two-sided), and the mean in SDs (dz)."""

    mean: Float[np.ndarray, " n_targets"]
    low: Float[np.ndarray, " n_targets"]
    high: Float[np.ndarray, " n_targets"]
    t: Float[np.ndarray, " n_targets"]
    p_t: Float[np.ndarray, " n_targets"]
    p_signs: Float[np.ndarray, " n_targets"]
    dz: Float[np.ndarray, " n_targets"]


def subject_effect(
    values: Real[np.ndarray, "n_subjects n_targets"], *, level: float = 0.95, seed: int = 0
) -> SubjectEffect:
    r"""Is a value, or a difference of two within each subject, other than zero in the population of subjects?

    .. math:: t = \frac{\bar v}{s / \sqrt n}, \qquad \bar v \pm t_{n-1,\,(1 + \text{level})/2}\, \frac{s}{\sqrt n},
              \qquad d_z = \bar v / s

    The two-sided exact p counts the :math:`2^n` patterns of signs whose mean is as far from zero; with 8 subjects it is
    at least 2/256 = .0078. Over 13 subjects 10,000 patterns are drawn. A target that misses in a subject (NaN), or on
    which all agree to the last digit, has no t; the exact p leaves missing subjects out.

    Raises
    ------
    ValueError
        With fewer than two subjects, or when the level is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise ValueError(f"the level of the interval is {level:g}; it lies between 0 and 1.")
    v = np.asarray(values, dtype=np.float64)
    n = len(v)
    p_signs = np.full(v.shape[1], np.nan)
    mean = np.full(v.shape[1], np.nan)
    for start in range(0, v.shape[1], _TARGETS):
        part = v[:, start : start + _TARGETS]
        towards = np.where(np.nansum(part, axis=0) < 0, -1.0, 1.0)  # the tail on the side of the mean, doubled below
        test = subject_test(part * towards, seed=seed)
        mean[start : start + _TARGETS] = test.mean * towards
        p_signs[start : start + _TARGETS] = np.minimum(1.0, 2.0 * test.p)
    t = sign_flipped_t(v, np.ones((1, n), dtype=np.int64))[0]
    error = np.divide(mean, t, out=np.full(len(t), np.nan), where=np.isfinite(t) & (t != 0))
    half = stats.t.ppf((1.0 + level) / 2.0, n - 1) * np.abs(error)
    return SubjectEffect(
        mean, mean - half, mean + half, t, 2.0 * stats.t.sf(np.abs(t), n - 1), p_signs, t / np.sqrt(float(n))
    )


def compact_letters(means: Real[np.ndarray, " n_models"], found: Bool[np.ndarray, "n_models n_models"]) -> list[str]:
    """Letters for each model: two models share one if, and only if, they were not found to be different.

    Piepho (2004), insert and absorb: begin with one group of all; for every pair that differs, split each group that
    holds both; drop groups within others. ``a`` belongs to the group with the highest mean. A model whose mean is NaN
    has no letter. Groups past the 52nd share the last letter with a number behind it.

    Raises
    ------
    ValueError
        When the matrix is not symmetric and of as many models.
    """
    n = len(means)
    if found.shape != (n, n) or (found != found.T).any():
        raise ValueError(f"which of {n} models differ is a symmetric {n} x {n} matrix; given was {found.shape}.")
    groups = [frozenset(np.flatnonzero(np.isfinite(means)).tolist())]
    for i, j in zip(*np.nonzero(np.triu(found, 1)), strict=True):
        halves = [part for g in groups for part in ((g - {i}, g - {j}) if i in g and j in g else (g,))]
        groups = [g for g in dict.fromkeys(halves) if not any(g < other for other in halves)]
    place: Int[np.ndarray, " n_models"] = np.argsort(np.argsort(-np.where(np.isfinite(means), means, -np.inf)))
    ordered = sorted(groups, key=lambda g: sorted(place[list(g)].tolist()))
    names = [_LETTERS[k] if k < len(_LETTERS) else f"{_LETTERS[-1]}{k}" for k in range(len(ordered))]
    return ["".join(name for name, g in zip(names, ordered, strict=True) if model in g) for model in range(n)]

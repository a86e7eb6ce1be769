"""Rules that several claims of the study share."""

import numpy as np

from consona.core.claim import Interval, Null, Verdict, exceeds, significant
from consona.core.score import Score
from consona.stats.bootstrap import bootstrap_interval

OVER_SUBJECTS = "bootstrap over subjects"


def p_at_most(score: Score, of: str) -> Verdict:
    """By the p of a score, with its value and the mean of its null."""
    p = float(score.attrs["p"][0])
    verdict = significant(p, of=of)
    shown = f"p = {p:.2g} ({float(score.attrs['mean'][0]):.3f}, null {float(score.attrs['null_mean'][0]):.3f})"
    return Verdict(verdict.verdict, verdict.rule, shown)


def above(gains: np.ndarray, of: str) -> Verdict:
    """Held when the whole interval over subjects of a difference lies above 0."""
    low, high = bootstrap_interval(gains[np.isfinite(gains)], seed=0)
    verdict = exceeds(float(low), 0.0, of=of)
    return Verdict(verdict.verdict, verdict.rule, f"{np.nanmean(gains):+.3f} [{float(low):+.3f}, {float(high):+.3f}]")


def interval_of(values: np.ndarray, method: str) -> Interval:
    """Bootstrap over the first dimension."""
    low, high = bootstrap_interval(values[np.isfinite(values)], seed=0)
    return Interval(float(low), float(high), method)


def null_named(name: str, permuted: str, n: "Score | int") -> Null:
    """A null by its name, what was permuted, and how often."""
    if isinstance(n, Score):
        assert n.null is not None  # made by the functions of hold_outs, which always give one
        n = n.null.sizes["permutation"]
    return Null(name, permuted, n)

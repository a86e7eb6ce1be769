"""Rules that several claims of the study share."""

from typing import TYPE_CHECKING

import numpy as np

from consona.core.claim import Interval, Verdict, exceeds, not_testable, significant
from consona.core.score import Score
from consona.stats.bootstrap import bootstrap_interval
from consona.stats.subject_test import subject_test

if TYPE_CHECKING:
    from consona.studies.eeg_emotion.parts import Parts

OVER_SUBJECTS = "bootstrap over subjects"
FLIPS = "signs of subjects flipped"
N_FLIPS = 9999
FEWEST_FOLDS = 6


def null_of_mean(score: Score) -> np.ndarray:
    """Mean over subjects of a score's first attribute under every order, ``(n_permutations,)``."""
    assert score.null is not None  # made by the functions of hold_outs, which always give one
    return np.asarray(np.nanmean(score.null.values[..., 0], axis=1))


def above(gains: np.ndarray, of: str) -> Verdict:
    """Held when the whole interval over subjects of a difference lies above 0."""
    low, high = bootstrap_interval(gains[np.isfinite(gains)], seed=0)
    verdict = exceeds(float(low), 0.0, of=of)
    return Verdict(verdict.verdict, verdict.rule, f"{np.nanmean(gains):+.3f} [{float(low):+.3f}, {float(high):+.3f}]")


def interval_of(values: np.ndarray, method: str) -> Interval:
    """Bootstrap over the first dimension."""
    low, high = bootstrap_interval(values[np.isfinite(values)], seed=0)
    return Interval(float(low), float(high), method)


def p_of_mean(gains: np.ndarray) -> float:
    """Two-sided p over subjects, by sign flips."""
    known = gains[np.isfinite(gains)][:, None]
    up, down = (float(subject_test(sign * known, n_permutations=N_FLIPS, seed=0).p[0]) for sign in (1, -1))
    return min(1.0, 2 * min(up, down))


def of_folds(parts: "Parts", gains: np.ndarray) -> Verdict:
    """By the means of folds: the people of a fold are tested by the same networks and share their luck."""
    means = fold_means(parts, gains)
    rule = "signs of folds flipped: people of a fold share their networks"
    if len(means) < FEWEST_FOLDS:
        return not_testable(f"{len(means)} folds give no p below {2 / 2 ** len(means):.2g}", rule=rule)
    return significant(p_of_mean(means), of=rule)


def p_of_both(parts: "Parts", gains: np.ndarray) -> float:
    """The larger of the p over subjects and, where there are enough folds, the p over folds."""
    means = fold_means(parts, gains)
    p = p_of_mean(gains)
    return p if len(means) < FEWEST_FOLDS else max(p, p_of_mean(means))


def fold_means(parts: "Parts", gains: np.ndarray) -> np.ndarray:
    """Mean of a value per subject over the people of each fold."""
    fold = parts.material.split.test.any(axis=2).argmax(axis=0)
    return np.array([np.nanmean(gains[fold == each]) for each in np.unique(fold)])


def n_folds(parts: "Parts") -> int:
    """Folds of people."""
    return len(parts.material.split.test)


def is_synthetic(parts: "Parts") -> bool:
    """Whether the first corpus is made up."""
    return bool(parts.material.tensor.attrs.get("synthetic", 0))

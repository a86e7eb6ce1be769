"""Models made of several RDMs: non-negative weights, fitted on some stimuli and subjects and tested on others."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls

from consona.stats.folds import Folds, inner_folds
from consona.stats.rdm import n_stimuli_of
from consona.stats.rdm_comparison import Comparison, compare_rdms
from consona.stats.shapes import Bool, Float, Real

__all__ = ["WeightedScores", "pairs_within", "rdm_weights", "weighted_rdm_scores"]


class WeightedScores(NamedTuple):
    """Held-out comparisons, the weights behind them, and the penalty chosen for each.

    ``scores`` and ``alphas`` are ``(n_folds, n_subjects)``, ``weights`` is ``(n_folds, n_subjects, n_parts)``.
    """

    scores: Float[np.ndarray, "n_folds n_subjects"]
    weights: Float[np.ndarray, "n_folds n_subjects n_parts"]
    alphas: Float[np.ndarray, "n_folds n_subjects"]


def rdm_weights(
    parts: Real[np.ndarray, "n_parts n_pairs"],
    rdms: Real[np.ndarray, "n_subjects n_pairs"],
    *,
    centred: bool = True,
    alpha: float = 0.0,
) -> Float[np.ndarray, " n_parts"]:
    r"""Non-negative weights of RDMs of parts that fit the mean RDM of the subjects best.

    .. math:: \hat w = \arg\min_{w \ge 0} \Big\|\bar d - \sum_k w_k m_k\Big\|^2
              + \alpha \, \tfrac{1}{K} \sum_k \|m_k\|^2 \; \|w\|^2

    With ``centred``, everything is taken relative to its mean over pairs, as a constant is no part of a correlation;
    without, distances keep their zero, as for cosines. Up to its length the solution is also the one with the highest
    Pearson correlation (cosine). Each subject's RDM counts with its mean (or none) taken off and scaled to SD 1, so
    weights are per SD of a subject's RDM. A pair missing anywhere is left out. For squared Euclidean RDMs of bands of
    features (:func:`~consona.stats.rdm.band_rdms`) the weights are those of the feature spaces (banded model).

    All NaN when no subject's RDM varies, or no part does; a single constant part gets 0.

    Raises
    ------
    ValueError
        When the numbers of pairs differ, or the penalty is negative.
    """
    if parts.shape[1] != rdms.shape[1] or alpha < 0:
        raise ValueError(
            f"parts hold {parts.shape[1]} pairs, RDMs {rdms.shape[1]}, and the penalty is {alpha}; pairs "
            "must be the same ones and the penalty not negative. Align both, or use alpha=0."
        )
    known = ~(np.isnan(parts).any(axis=0) | np.isnan(rdms).any(axis=0))
    M, D = (_relative(np.asarray(each[:, known], dtype=np.float64), centred) for each in (parts, rdms))
    length = np.sqrt(np.mean(D**2, axis=1, keepdims=True)) if known.any() else np.zeros((len(D), 1))
    D = D[length[:, 0] > 0] / length[length[:, 0] > 0]
    if not len(D) or not M.any():
        return np.full(len(parts), np.nan)
    penalty = np.sqrt(alpha * np.mean(np.sum(M**2, axis=1))) * np.eye(len(M))
    Q, R = np.linalg.qr(np.vstack([M.T, penalty]))  # as few equations as parts, whatever the number of pairs
    w, _ = nnls(R, Q[: M.shape[1]].T @ D.mean(axis=0))
    return np.asarray(w)


def weighted_rdm_scores(
    parts: Real[np.ndarray, "n_parts n_pairs"],
    rdms: Real[np.ndarray, "n_subjects n_pairs"],
    folds: Folds,
    *,
    subject_folds: Folds | None = None,
    alphas: Sequence[float] = (0.0,),
    comparison: Comparison = "pearson",
) -> WeightedScores:
    """Comparison of each subject with a weighted model whose weights saw neither the test stimuli nor, if asked, them.

    Parameters
    ----------
    parts, rdms
        RDMs of the same pairs.
    folds
        Over stimuli. Weights are fitted on pairs *within* the training stimuli and tested on pairs within the test
        stimuli; pairs between the two are in neither, because they share stimuli with both.
    subject_folds
        Over subjects: weights for a subject then come from the mean of the training subjects of the fold that tests
        it. None: from the mean of all subjects.
    alphas
        Penalties; where there are several, the other folds, within the training stimuli, choose the one with the
        highest mean comparison.
    comparison
        How the test pairs are compared. Weights are fitted to values relative to their mean (for cosines: to values).
        A model whose weights are all zero says that nothing is shared and scores 0; as undefined it would leave a null
        to the lucky fits.

    Raises
    ------
    ValueError
        When a test fold has fewer than three stimuli, a subject is tested in none or two folds, shapes differ, or no
        penalty is given.
    """
    groups = _subject_groups(len(rdms), subject_folds)
    _require_testable(folds, parts.shape[1], alphas)
    scores, chosen = (np.full((len(folds.test), len(rdms)), np.nan) for _ in range(2))
    weights = np.full((*scores.shape, len(parts)), np.nan)
    centred = "cosine" not in comparison

    def fitted(train: np.ndarray, stimuli: np.ndarray, alpha: float) -> np.ndarray:
        pairs = pairs_within(stimuli)
        return rdm_weights(parts[:, pairs], rdms[train][:, pairs], centred=centred, alpha=alpha)

    def tested(w: np.ndarray, test: np.ndarray, stimuli: np.ndarray) -> np.ndarray:
        pairs = pairs_within(stimuli)
        measured = rdms[test][:, pairs]
        if w.any():
            return np.asarray(compare_rdms((w @ parts[:, pairs])[None], measured, comparison=comparison)[0])
        return 0.0 * np.diagonal(compare_rdms(measured, measured, comparison=comparison))

    def inner_score(train: np.ndarray, fold: int, alpha: float) -> float:
        inner = inner_folds(folds, fold)
        each = [tested(fitted(train, a, alpha), train, b) for a, b in zip(inner.train, inner.test, strict=True)]
        return float(np.mean(each))

    for fold in range(len(folds.test)):
        for train, test in groups:
            best = max(alphas, key=lambda alpha: inner_score(train, fold, alpha)) if len(alphas) > 1 else alphas[0]
            w = fitted(train, folds.train[fold], best)
            weights[fold, test], chosen[fold, test] = w, best
            scores[fold, test] = tested(w, test, folds.test[fold])
    return WeightedScores(scores, weights, chosen)


def pairs_within(stimuli: Bool[np.ndarray, " n_stimuli"]) -> Bool[np.ndarray, " n_pairs"]:
    """Which pairs, in the order of RDMs, have both their stimuli among those marked."""
    i, j = np.triu_indices(len(stimuli), 1)
    both: np.ndarray = stimuli[i] & stimuli[j]
    return both


def _relative(a: np.ndarray, centred: bool) -> np.ndarray:
    if not centred or not a.shape[1]:
        return a
    a = a - a[:, :1]  # a constant RDM is now exactly zero
    relative: np.ndarray = a - a.mean(axis=1, keepdims=True)
    return relative


def _subject_groups(n_subjects: int, folds: Folds | None) -> list[tuple[np.ndarray, np.ndarray]]:
    if folds is None:
        return [(np.arange(n_subjects), np.arange(n_subjects))]
    if folds.test.shape[1] != n_subjects or (folds.test.sum(axis=0) != 1).any() or not folds.train.any(axis=1).all():
        raise ValueError(
            f"folds of {folds.test.shape[1]} subjects were given for {n_subjects} RDMs; every subject is tested once, "
            "and every fold has subjects to train on. Make them with grouped_folds."
        )
    return [(np.flatnonzero(a), np.flatnonzero(b)) for a, b in zip(folds.train, folds.test, strict=True)]


def _require_testable(folds: Folds, n_pairs: int, alphas: Sequence[float]) -> None:
    n = n_stimuli_of(n_pairs)
    if folds.test.shape[1] != n or folds.test.sum(axis=1).min() < 3 or not len(alphas):
        raise ValueError(
            f"folds of {folds.test.shape[1]} stimuli, the smallest with {folds.test.sum(axis=1).min()} to test, and "
            f"{len(alphas)} penalties were given for RDMs of {n} stimuli; a test needs at least 3 stimuli and a fit a "
            "penalty. Use fewer folds."
        )

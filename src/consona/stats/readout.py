r"""Ridge read-outs of stimulus-level targets, kept as linear maps, so that a null can refit at no cost.

Rows are subject x stimulus. A ridge prediction is linear in its target, so for every penalty the held-out prediction
of row :math:`(s, c)` is :math:`\sum_d A_{scd}\, y_d` with a map *A* that does not depend on *y*. The inner loss that
chooses the penalty is a quadratic form in *y*. Both are stored once; :mod:`consona.stats.refitting` then predicts any
other target, and so any permutation of a target, with its own choice of penalty, as if everything were fitted again.

Features are z-scored within subject over the *training* stimuli of each fit. A prediction is the deviation from the
training mean of the target: that mean contains nothing of the brain, and where stimuli are left out it falls when the
held-out value rises, which would drive any pooled correlation towards -1.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from consona.stats.shapes import Bool, Float, Int, Shaped


@dataclass(frozen=True)
class Readout:
    """Held-out predictions and inner losses as functions of the target.

    Parameters
    ----------
    rows
        ``(n_alphas, n_subjects, n_stimuli, n_stimuli)``: the prediction of a row per unit of target at a stimulus.
    loss
        ``(n_folds, n_alphas, n_stimuli, n_stimuli)``: quadratic forms, inner squared error per fold and penalty.
    fold
        ``(n_subjects, n_stimuli)``: the fold in which a row was held out.
    alphas
        ``(n_alphas,)``.
    """

    rows: Float[np.ndarray, "n_alphas n_subjects n_stimuli n_stimuli"]
    loss: Float[np.ndarray, "n_folds n_alphas n_stimuli n_stimuli"]
    fold: Int[np.ndarray, "n_subjects n_stimuli"]
    alphas: Float[np.ndarray, " n_alphas"]


def zscore_over(
    X: Float[np.ndarray, "n_subjects n_stimuli n_features"], train: Bool[np.ndarray, " n_stimuli"]
) -> Float[np.ndarray, "n_subjects n_stimuli n_features"]:
    """Z-score within subject by the mean and SD of the training stimuli.

    A feature that is constant over the training stimuli of a subject carries nothing there and becomes 0.
    """
    mean = X[:, train].mean(axis=1, keepdims=True)
    sd = X[:, train].std(axis=1, keepdims=True)
    flat = sd <= 1e-12 * np.abs(mean)
    return np.asarray(np.divide(X - mean, sd, out=np.zeros_like(X), where=~flat))


@dataclass(frozen=True)
class _Fit:
    """One ridge fit to all stimulus indicators at once, by the eigenvectors of its Gram matrix."""

    vectors: Float[np.ndarray, "n_features n_features"]
    values: Float[np.ndarray, " n_features"]
    cross: Float[np.ndarray, "n_features n_stimuli"]
    intercept: Float[np.ndarray, " n_stimuli"]

    @classmethod
    def of(cls, gram: np.ndarray, sums: np.ndarray, train: np.ndarray) -> "_Fit":
        values, vectors = np.linalg.eigh(gram)
        cross = vectors.T @ (sums * train[:, None]).T
        return cls(vectors, np.maximum(values, 0), cross, train / train.sum())

    def deviations(self, rows: np.ndarray, alphas: np.ndarray) -> np.ndarray:
        """``(n_rows, n_features)`` to ``(n_alphas, n_rows, n_stimuli)``, without the training mean of the target."""
        rotated = rows @ self.vectors
        return np.stack([(rotated / (self.values + alpha)) @ self.cross for alpha in alphas])

    def predict(self, rows: np.ndarray, alphas: np.ndarray) -> np.ndarray:
        """As :meth:`deviations`, with the training mean of the target."""
        return np.asarray(self.deviations(rows, alphas) + self.intercept)


def _fit_stimuli(X: np.ndarray, train: np.ndarray) -> tuple[np.ndarray, _Fit]:
    Z = zscore_over(X, train)
    rows = Z[:, train].reshape(-1, X.shape[2])
    return Z, _Fit.of(rows.T @ rows, Z.sum(axis=0), train.astype(float))


def _residual_form(predicted: np.ndarray, stimuli: np.ndarray) -> np.ndarray:
    """Quadratic forms of the squared error; ``predicted (n_alphas, n_rows, n_stimuli)``, one stimulus per row."""
    error = -predicted
    error[:, np.arange(len(stimuli)), stimuli] += 1
    return np.asarray(np.einsum("arc,ard->acd", error, error, optimize=True))


def _require(X: np.ndarray, groups: np.ndarray, n: int, what: str) -> np.ndarray:
    labels = np.unique(groups)
    if X.ndim != 3 or len(groups) != n:
        raise ValueError(f"One group label per {what} is needed: {n} expected, {len(groups)} found.")
    if len(labels) < 3:
        raise ValueError(
            f"Nested hold-out needs at least 3 groups of {what}s; found {len(labels)}. Take a finer grouping; "
            "there is no fallback to ungrouped folds."
        )
    if not np.isfinite(X).all():
        raise ValueError(
            f"Features must be finite; {int((~np.isfinite(X)).sum())} values are not. Drop these features."
        )
    return labels


def stimulus_readout(
    X: Float[np.ndarray, "n_subjects n_stimuli n_features"],
    groups: Shaped[np.ndarray, " n_labels"],
    alphas: Float[np.ndarray, " n_alphas"],
) -> Readout:
    """Leave groups of stimuli out (clips, or whole emotions); the inner folds leave out the same groups.

    Raises
    ------
    ValueError
        With fewer than three groups, a wrong number of labels, or values that are not finite.
    """
    return _leave_stimuli_out(X, groups, alphas, _fit_stimuli)


def mean_stimulus_readout(
    X: Float[np.ndarray, "n_subjects n_stimuli n_features"],
    groups: Shaped[np.ndarray, " n_labels"],
    alphas: Float[np.ndarray, " n_alphas"],
) -> Readout:
    """As :func:`stimulus_readout` with one row per stimulus: the mean over subjects of their z-scores.

    Raises
    ------
    ValueError
        As :func:`stimulus_readout`.
    """
    return _leave_stimuli_out(X, groups, alphas, _fit_mean)


def _fit_mean(X: np.ndarray, train: np.ndarray) -> tuple[np.ndarray, _Fit]:
    Z = zscore_over(X, train).mean(axis=0, keepdims=True)
    rows = Z[0, train]
    return Z, _Fit.of(rows.T @ rows, Z[0], train.astype(float))


def _leave_stimuli_out(
    X: np.ndarray, groups: np.ndarray, alphas: np.ndarray, fit_on: Callable[..., tuple[np.ndarray, _Fit]]
) -> Readout:
    names = np.asarray(groups)
    labels = _require(X, names, X.shape[1], "stimulus")
    n = X.shape[1]
    n_rows = len(fit_on(X, np.ones(n, bool))[0])
    rows = np.empty((len(alphas), n_rows, n, n))
    loss = np.zeros((len(labels), len(alphas), n, n))
    fold = np.tile(np.searchsorted(labels, names), (n_rows, 1))
    for k in range(len(labels)):
        test = fold[0] == k
        Z, fit = fit_on(X, ~test)
        held = fit.deviations(Z[:, test].reshape(-1, X.shape[2]), alphas)
        rows[:, :, test] = held.reshape(len(alphas), n_rows, int(test.sum()), n)
        for j in range(k):  # one fit without both groups serves as inner fold of either
            other = fold[0] == j
            Z, fit = fit_on(X, ~(test | other))
            for outer, inner in ((k, other), (j, test)):
                predicted = fit.predict(Z[:, inner].reshape(-1, X.shape[2]), alphas)
                loss[outer] += _residual_form(predicted, np.tile(np.flatnonzero(inner), n_rows))
    return Readout(rows, loss, fold, np.asarray(alphas, dtype=float))


def subject_readout(
    X: Float[np.ndarray, "n_subjects n_stimuli n_features"],
    groups: Shaped[np.ndarray, " n_labels"],
    alphas: Float[np.ndarray, " n_alphas"],
) -> Readout:
    """Leave groups of subjects out; all stimuli are in training, seen by other people.

    The held-out subjects are z-scored over their own stimuli, without any label.

    Raises
    ------
    ValueError
        As :func:`stimulus_readout`.
    """
    names = np.asarray(groups)
    labels = _require(X, names, X.shape[0], "subject")
    n_subjects, n, _ = X.shape
    of = np.searchsorted(labels, names)
    everything = np.ones(n)
    Z = zscore_over(X, everything.astype(bool))
    flat = [Z[of == k].reshape(-1, X.shape[2]) for k in range(len(labels))]
    grams, sums = np.stack([z.T @ z for z in flat]), np.stack([Z[of == k].sum(axis=0) for k in range(len(labels))])
    counts = np.array([(of == k).sum() for k in range(len(labels))])
    rows = np.empty((len(alphas), n_subjects, n, n))
    loss = np.zeros((len(labels), len(alphas), n, n))

    def fit_without(*out: int) -> _Fit:
        kept = np.ones(len(labels), bool)
        kept[list(out)] = False
        return _Fit.of(grams[kept].sum(axis=0), sums[kept].sum(axis=0), everything)

    for k in range(len(labels)):
        rows[:, of == k] = fit_without(k).deviations(flat[k], alphas).reshape(len(alphas), counts[k], n, n)
        for j in range(k):
            fit = fit_without(k, j)
            for outer, inner in ((k, j), (j, k)):
                loss[outer] += _residual_form(fit.predict(flat[inner], alphas), np.tile(np.arange(n), counts[inner]))
    return Readout(rows, loss, np.tile(of[:, None], (1, n)), np.asarray(alphas, dtype=float))


def in_sample_readout(
    X: Float[np.ndarray, "n_subjects n_stimuli n_features"],
    groups: Shaped[np.ndarray, " n_labels"],
    alphas: Float[np.ndarray, " n_alphas"],
) -> Readout:
    """Fit and predict the same rows, to reproduce published numbers; folds over ``groups`` of subjects set the penalty.

    Raises
    ------
    ValueError
        As :func:`stimulus_readout`.
    """
    names = np.asarray(groups)
    n = X.shape[1]
    loss = np.zeros((1, len(alphas), n, n))
    for label in _require(X, names, X.shape[0], "subject"):
        test = names == label
        _, fit = _fit_stimuli(X[~test], np.ones(n, bool))
        held = zscore_over(X[test], np.ones(n, bool)).reshape(-1, X.shape[2])
        loss[0] += _residual_form(fit.predict(held, alphas), np.tile(np.arange(n), int(test.sum())))
    return _same_rows(X, loss, alphas, _fit_stimuli)


def in_sample_mean_readout(
    X: Float[np.ndarray, "n_subjects n_stimuli n_features"],
    groups: Shaped[np.ndarray, " n_labels"],
    alphas: Float[np.ndarray, " n_alphas"],
) -> Readout:
    """As :func:`in_sample_readout` with one row per stimulus: folds over groups of stimuli set the penalty.

    Raises
    ------
    ValueError
        As :func:`stimulus_readout`.
    """
    names = np.asarray(groups)
    n = X.shape[1]
    loss = np.zeros((1, len(alphas), n, n))
    for label in _require(X, names, n, "stimulus"):
        test = names == label
        Z, fit = _fit_mean(X, ~test)
        loss[0] += _residual_form(fit.predict(Z[0, test], alphas), np.flatnonzero(test))
    return _same_rows(X, loss, alphas, _fit_mean)


def _same_rows(
    X: np.ndarray, loss: np.ndarray, alphas: np.ndarray, fit_on: Callable[..., tuple[np.ndarray, _Fit]]
) -> Readout:
    """Everything fitted, everything predicted."""
    n = X.shape[1]
    Z, fit = fit_on(X, np.ones(n, bool))
    rows = fit.deviations(Z.reshape(-1, X.shape[2]), alphas).reshape(len(alphas), len(Z), n, n)
    return Readout(rows, loss, np.zeros((len(Z), n), int), np.asarray(alphas, dtype=float))

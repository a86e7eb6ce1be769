r"""Ridge read-outs of stimulus-level targets, kept as linear maps, so that a null can refit at no cost.

Rows are subject x stimulus. A ridge prediction is linear in its target, so for every penalty the held-out prediction
of row :math:`(s, c)` is :math:`\sum_d A_{scd}\, y_d` with a map *A* that does not depend on *y*. The inner loss that
chooses the penalty is a quadratic form in *y*. Both are stored once; any other target, and so any permutation of a target,
is then predicted, with its own choice of penalty, exactly as if everything had been fitted again.

Features are z-scored within subject over the *training* stimuli of each fit. A prediction is the deviation from the
training mean of the target: that mean contains nothing of the brain, and where stimuli are left out it falls when the
held-out value rises, which would drive any pooled correlation towards -1.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from consona.stats.shapes import Bool, Float, Int

BLOCK = 8192


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
    groups: Sequence[object],
    alphas: Float[np.ndarray, " n_alphas"],
) -> Readout:
    """Leave groups of stimuli out (clips, or whole emotions); the inner folds leave out the same groups.

    Raises
    ------
    ValueError
        With fewer than three groups, a wrong number of labels, or values that are not finite.
    """
    names = np.asarray(groups)
    labels = _require(X, names, X.shape[1], "stimulus")
    n_subjects, n, _ = X.shape
    rows = np.empty((len(alphas), n_subjects, n, n))
    loss = np.zeros((len(labels), len(alphas), n, n))
    fold = np.tile(np.searchsorted(labels, names), (n_subjects, 1))
    for k in range(len(labels)):
        test = fold[0] == k
        Z, fit = _fit_stimuli(X, ~test)
        held = fit.deviations(Z[:, test].reshape(-1, X.shape[2]), alphas)
        rows[:, :, test] = held.reshape(len(alphas), n_subjects, int(test.sum()), n)
        for j in range(k):  # one fit without both groups serves as inner fold of either
            other = fold[0] == j
            Z, fit = _fit_stimuli(X, ~(test | other))
            for outer, inner in ((k, other), (j, test)):
                predicted = fit.predict(Z[:, inner].reshape(-1, X.shape[2]), alphas)
                loss[outer] += _residual_form(predicted, np.tile(np.flatnonzero(inner), n_subjects))
    return Readout(rows, loss, fold, np.asarray(alphas, dtype=float))


def subject_readout(
    X: Float[np.ndarray, "n_subjects n_stimuli n_features"],
    groups: Sequence[object],
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
    groups: Sequence[object],
    alphas: Float[np.ndarray, " n_alphas"],
) -> Readout:
    """Fit and predict the same rows, to reproduce published numbers; ``groups`` of stimuli only choose the penalty.

    Raises
    ------
    ValueError
        As :func:`stimulus_readout`.
    """
    names = np.asarray(groups)
    labels = _require(X, names, X.shape[1], "stimulus")
    n_subjects, n, _ = X.shape
    Z, fit = _fit_stimuli(X, np.ones(n, bool))
    rows = fit.deviations(Z.reshape(-1, X.shape[2]), alphas).reshape(len(alphas), n_subjects, n, n)
    loss = np.zeros((1, len(alphas), n, n))
    for label in labels:
        test = names == label
        Z, fit = _fit_stimuli(X, ~test)
        predicted = fit.predict(Z[:, test].reshape(-1, X.shape[2]), alphas)
        loss[0] += _residual_form(predicted, np.tile(np.flatnonzero(test), n_subjects))
    return Readout(rows, loss, np.zeros((n_subjects, n), int), np.asarray(alphas, dtype=float))


def chosen_alphas(
    readout: Readout, targets: Float[np.ndarray, "n_stimuli n_targets"]
) -> Int[np.ndarray, "n_folds n_targets"]:
    """Index of the penalty with the smallest inner squared error, per fold and target."""
    forms = np.einsum("cq,kacd,dq->kaq", targets, readout.loss, targets, optimize=True)
    return np.asarray(np.argmin(forms, axis=1))


def predict_targets(
    readout: Readout, targets: Float[np.ndarray, "n_stimuli n_targets"]
) -> Float[np.ndarray, "n_subjects n_stimuli n_targets"]:
    """Held-out predictions of every row, each target with the penalty that its inner folds choose."""
    chosen = chosen_alphas(readout, targets)
    every = readout.rows @ targets
    which = chosen[readout.fold]
    return np.asarray(np.take_along_axis(every, which[None], axis=0)[0])


def order_correlations(
    readout: Readout,
    basis: Float[np.ndarray, "n_stimuli n_levels"],
    levels: Float[np.ndarray, "n_orders n_levels"],
    *,
    offset: Float[np.ndarray, " n_stimuli"] | None = None,
    compare: Float[np.ndarray, "n_compared n_stimuli"] | None = None,
) -> Float[np.ndarray, " n_orders"]:
    r"""Pearson correlation of refitted predictions with each of many targets ``basis @ levels[i] + offset``.

    Predictions are averaged over subjects. With class indicators as ``basis`` and permuted class values as ``levels``
    this is the block permutation in which every order is fitted again, its penalty included. ``compare`` is applied to
    prediction and target before they are correlated: class averages, a choice of stimuli, or residuals.
    """
    extra = np.zeros((len(basis), 0)) if offset is None or not np.any(offset) else np.asarray(offset, float)[:, None]
    base = np.hstack([basis.astype(float), extra])
    maps, loss = _compressed(readout, base)
    shown = np.eye(len(basis)) if compare is None else np.asarray(compare, float)
    r = np.empty(len(levels))
    for start in range(0, len(levels), BLOCK):
        u = np.hstack([levels[start : start + BLOCK], np.ones((len(levels[start : start + BLOCK]), extra.shape[1]))])
        predicted = _predict_orders(maps, loss, u)
        r[start : start + BLOCK] = _row_correlations(predicted @ shown.T, u @ (shown @ base).T)
    return r


def mean_predictions(
    readout: Readout, targets: Float[np.ndarray, "n_targets n_stimuli"]
) -> Float[np.ndarray, "n_targets n_stimuli"]:
    """Held-out predictions averaged over subjects, one row per target, each with its own choice of penalty."""
    maps, loss = _compressed(readout, np.eye(targets.shape[1]))
    blocks = [_predict_orders(maps, loss, targets[i : i + BLOCK]) for i in range(0, len(targets), BLOCK)]
    return np.concatenate(blocks)


def _compressed(readout: Readout, base: np.ndarray) -> tuple[list[tuple[np.ndarray, np.ndarray]], np.ndarray]:
    """Per fold, the stimuli it holds out with their maps to the levels; and the inner losses on pairs of levels."""
    n_subjects = readout.fold.shape[0]
    maps = []
    for k in range(readout.loss.shape[0]):
        held = readout.fold == k
        stimuli = np.flatnonzero(held.any(axis=0))
        summed = np.einsum("ascd,sc->acd", readout.rows, held.astype(float), optimize=True)[:, stimuli]
        maps.append((stimuli, summed @ base / n_subjects))
    i, j = np.triu_indices(base.shape[1])
    forms = np.einsum("cp,kacd,dq->kapq", base, readout.loss, base, optimize=True)
    return maps, forms[:, :, i, j] * np.where(i == j, 1.0, 2.0)


def _predict_orders(maps: list[tuple[np.ndarray, np.ndarray]], loss: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Mean predictions ``(n_orders, n_stimuli)`` with the penalty chosen per fold and order."""
    i, j = np.triu_indices(u.shape[1])
    pairs = u[:, i] * u[:, j]
    n_folds, n_alphas, _ = loss.shape
    chosen = np.argmin((pairs @ loss.reshape(n_folds * n_alphas, -1).T).reshape(-1, n_folds, n_alphas), axis=2)
    predicted = np.zeros((len(u), 1 + max(int(stimuli.max()) for stimuli, _ in maps)))
    for k, (stimuli, by_alpha) in enumerate(maps):
        for alpha in np.unique(chosen[:, k]):
            picked = np.flatnonzero(chosen[:, k] == alpha)
            predicted[np.ix_(picked, stimuli)] += u[picked] @ by_alpha[alpha].T
    return predicted


def _row_correlations(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    product = np.einsum("ij,ij->i", a, b)
    scale = np.sqrt(np.einsum("ij,ij->i", a, a) * np.einsum("ij,ij->i", b, b))
    return np.asarray(np.divide(product, scale, out=np.full(len(product), np.nan), where=scale > 0))

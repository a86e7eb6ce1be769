"""Predictions of any target from a stored read-out, each with its own choice of penalty: what a null must do."""

from collections.abc import Sequence

import numpy as np

from consona.stats.readout import Readout
from consona.stats.shapes import Float, Int

BLOCK = 8192
FEW_STIMULI = 4  # held out together: a matrix for every order costs less than sorting the orders by penalty


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
) -> Float[np.ndarray, " n_orders"]:
    r"""Pearson correlation of refitted predictions with each of many targets ``basis @ levels[i] + offset``.

    Predictions are averaged over subjects. With class indicators as ``basis`` and permuted class values as ``levels``
    this is the block permutation in which every order is fitted again, its penalty included.
    """
    return np.asarray(order_comparisons(readout, basis, levels, [np.eye(len(basis))], offset=offset)[0])


def order_comparisons(
    readout: Readout,
    basis: Float[np.ndarray, "n_stimuli n_levels"],
    levels: Float[np.ndarray, "n_orders n_levels"],
    compare: Sequence[Float[np.ndarray, "_ n_stimuli"]],
    *,
    offset: Float[np.ndarray, " n_stimuli"] | None = None,
) -> Float[np.ndarray, "_ n_orders"]:
    """As :func:`order_correlations`, in several views of the same predictions.

    Each matrix of ``compare`` is applied to prediction and target before they are correlated: class averages, a choice
    of stimuli, or residuals.
    """
    extra = np.zeros((len(basis), 0)) if offset is None or not np.any(offset) else np.asarray(offset, float)[:, None]
    base = np.hstack([basis.astype(float), extra])
    maps, loss = _compressed(readout, base)
    views = [np.asarray(view, float) for view in compare]
    r = np.empty((len(views), len(levels)))
    for start in range(0, len(levels), BLOCK):
        u = np.hstack([levels[start : start + BLOCK], np.ones((len(levels[start : start + BLOCK]), extra.shape[1]))])
        predicted = _predict_orders(maps, loss, u)
        for i, view in enumerate(views):
            r[i, start : start + BLOCK] = _row_correlations(predicted @ view.T, u @ (view @ base).T)
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
    pairs = np.ascontiguousarray((u[:, i] * u[:, j]).T)
    predicted = np.zeros((len(u), 1 + max(int(stimuli.max()) for stimuli, _ in maps)))
    for (stimuli, by_alpha), forms in zip(maps, loss, strict=True):
        chosen = np.argmin(forms @ pairs, axis=0)
        if len(stimuli) <= FEW_STIMULI:
            predicted[:, stimuli] += np.matmul(by_alpha[chosen], u[:, :, None])[:, :, 0]
            continue
        for alpha in np.unique(chosen):
            picked = np.flatnonzero(chosen == alpha)
            predicted[picked[:, None], stimuli] += u[picked] @ by_alpha[alpha].T
    return predicted


def _row_correlations(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    product = np.einsum("ij,ij->i", a, b)
    scale = np.sqrt(np.einsum("ij,ij->i", a, a) * np.einsum("ij,ij->i", b, b))
    return np.asarray(np.divide(product, scale, out=np.full(len(product), np.nan), where=scale > 0))

"""What does a classifier lose when one direction is taken out of its features? Held against matched directions."""

from typing import NamedTuple

import numpy as np

from consona.stats.balanced_accuracy import balanced_accuracy, most_probable
from consona.stats.bootstrap import bootstrap_interval
from consona.stats.directions import variance_along, variance_matched_directions
from consona.stats.permutation import p_value
from consona.stats.shapes import Float, Int, Real
from consona.stats.subject_test import subject_test

__all__ = ["Head", "Matched", "RemovalTest", "matched_directions", "removal_drops", "removal_test"]


class Head(NamedTuple):
    """Last linear layer of every fold's network, and the class that each of its outputs stands for."""

    weight: Float[np.ndarray, "n_folds n_outputs n_features"]
    bias: Float[np.ndarray, "n_folds n_outputs"]
    classes: Int[np.ndarray, " n_outputs"]


class Matched(NamedTuple):
    """Control directions per fold, their variance over that of the direction, and why a fold has none."""

    directions: Float[np.ndarray, "n_folds n_directions n_features"]
    ratio: Float[np.ndarray, "n_folds n_directions"]
    reasons: tuple[str, ...]


class RemovalTest(NamedTuple):
    """Drop of every classifier, what matched directions do, z and p; then over classifiers, subjects being drawn.

    ``drop`` is accuracy without the direction minus accuracy with it: negative where the direction was used. ``excess``
    is the drop beyond the mean of the controls, averaged over classifiers, with an interval over subjects; ``p_excess``
    is one-sided, by flipping signs of subjects.
    """

    drop: Float[np.ndarray, " n_classifiers"]
    null_mean: Float[np.ndarray, " n_classifiers"]
    null_sd: Float[np.ndarray, " n_classifiers"]
    z: Float[np.ndarray, " n_classifiers"]
    p: Float[np.ndarray, " n_classifiers"]
    excess: float
    low: float
    high: float
    p_excess: float


def removal_drops(
    features: Real[np.ndarray, "n_subjects n_stimuli n_features"],
    fold: Int[np.ndarray, "n_subjects n_stimuli"],
    head: Head,
    labels: Int[np.ndarray, " n_stimuli"],
    directions: Float[np.ndarray, "n_folds n_directions n_features"],
) -> Float[np.ndarray, "n_directions n_subjects"]:
    r"""Change of every subject's balanced accuracy when a direction is taken out of the penultimate features.

    .. math:: x' = x - (u^\top (x - \bar x))\, u, \qquad \ell' = W x' + b = \ell - (u^\top (x - \bar x))\, W u

    with :math:`\bar x` the mean over the rows that the fold tested: variation along the direction goes, its mean stays,
    so that features that are positive throughout are not moved. Negative where the direction served. Each fold has
    unit directions of its own; where one is NaN, subjects of that fold are NaN. ``labels`` are codes of classes, of the
    same kind as ``head.classes``.

    Raises
    ------
    ValueError
        When head and directions do not fit the features.
    """
    _require_fit(features, fold, head, directions)
    n_directions, names = directions.shape[1], np.unique(head.classes)
    before = np.full((1, *fold.shape), -1)
    after = np.full((n_directions, *fold.shape), -1)
    undefined = np.zeros((n_directions, len(fold)), dtype=bool)
    for k in range(len(directions)):
        rows = fold == k
        if not rows.any():
            continue
        X, U = features[rows].astype(np.float64), directions[k]
        known = np.isfinite(U).all(axis=1)
        U = np.where(known[:, None], U, 0.0)
        logits = X @ head.weight[k].T + head.bias[k]
        along, moved = (X - X.mean(axis=0)) @ U.T, head.weight[k] @ U.T
        before[0, rows] = _chosen(logits[None], head.classes, names)
        after[:, rows] = _chosen(logits - along.T[:, :, None] * moved.T[:, None, :], head.classes, names)
        undefined |= ~known[:, None] & rows.any(axis=1)
    drops = balanced_accuracy(after, labels) - balanced_accuracy(before, labels)
    return np.where(undefined, np.nan, drops)


def matched_directions(
    features: Real[np.ndarray, "n_subjects n_stimuli n_features"],
    fold: Int[np.ndarray, "n_subjects n_stimuli"],
    directions: Float[np.ndarray, "n_folds n_features"],
    *,
    n: int,
    seed: int,
) -> Matched:
    """Random unit directions per fold along which the tested rows vary as much as along the given one.

    By :func:`consona.stats.directions.variance_matched_directions`, orthogonal to the direction, so that taking one out
    takes as much variance away. Where the direction is (close to) the leading component of the rows, none exists: the
    fold is NaN, and its reason says so.
    """
    n_folds = len(directions)
    found, ratio = np.full((n_folds, n, directions.shape[1]), np.nan), np.full((n_folds, n), np.nan)
    reasons = [""] * n_folds
    for k, v in enumerate(directions):
        X = features[fold == k].astype(np.float64)
        if len(X) == 0 or not np.isfinite(v).all():
            reasons[k] = f"fold {k} tested {len(X)} rows and its direction is {'known' if len(X) == 0 else 'undefined'}"
            continue
        try:
            found[k] = variance_matched_directions(X, v, n=n, seed=seed + k)
        except ValueError as error:
            reasons[k] = f"fold {k}: {error}"
            continue
        ratio[k] = variance_along(X, found[k]) / variance_along(X, v[None])
    return Matched(found, ratio, tuple(reasons))


def removal_test(
    drops: Real[np.ndarray, "n_classifiers n_subjects"],
    null: Real[np.ndarray, "n_classifiers n_directions n_subjects"],
    *,
    n_permutations: int = 10_000,
    seed: int,
) -> RemovalTest:
    r"""Is taking this direction out worse than taking out others? Per classifier, and over them with subjects as unit.

    .. math:: z = \frac{\bar d - \overline{d_{\text{null}}}}{\mathrm{sd}(d_{\text{null}})}, \qquad
              p = \frac{1 + \#\{d_{\text{null}} \le \bar d\}}{1 + n}

    over control directions, after averaging over subjects. Classifiers see the same subjects, so the overall test
    averages over classifiers first and draws subjects. A missing subject (a fold without a direction or control) is
    left out of its classifier.

    Raises
    ------
    ValueError
        With fewer than two control directions.
    """
    if null.shape[1] < 2:
        raise ValueError(f"{null.shape[1]} control direction was given; a spread needs at least 2. Draw more of them.")
    known = np.isfinite(drops) & np.isfinite(null).all(axis=1)
    drop, null_drop = _mean(drops, known), _mean(null, known[:, None])
    null_mean, null_sd = null_drop.mean(axis=1), null_drop.std(axis=1, ddof=1)
    z = np.divide(drop - null_mean, null_sd, out=np.full(len(drop), np.nan), where=null_sd > 0)
    beyond = np.where(known, drops - null.mean(axis=1), np.nan)
    kept = known.any(axis=0)
    each = _mean(beyond.T, known.T)[kept]
    if len(each) < 2:
        nan = float("nan")
        return RemovalTest(drop, null_mean, null_sd, z, p_value(-drop, -null_drop.T), nan, nan, nan, nan)
    low, high = bootstrap_interval(each[:, None], seed=seed)
    tested = subject_test(-each[:, None], n_permutations=n_permutations, seed=seed)
    return RemovalTest(
        drop,
        null_mean,
        null_sd,
        z,
        p_value(-drop, -null_drop.T),
        float(each.mean()),
        float(low[0]),
        float(high[0]),
        float(tested.p[0]),
    )


def _mean(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Mean over the last axis of what is known; NaN where nothing is."""
    known = np.broadcast_to(known, values.shape)
    n = known.sum(axis=-1)
    mean: np.ndarray = np.divide(
        np.where(known, values, 0.0).sum(axis=-1), n, out=np.full(n.shape, np.nan), where=n > 0
    )
    return mean


def _chosen(logits: np.ndarray, classes: np.ndarray, names: np.ndarray) -> np.ndarray:
    """The most probable class: probabilities of outputs that stand for one class are added up."""
    if len(names) == len(classes):
        return np.asarray(classes[np.argmax(logits, axis=-1)])
    probability = np.exp(logits - logits.max(axis=-1, keepdims=True))
    summed = probability @ np.equal.outer(classes, names).astype(np.float64)
    return np.asarray(names[most_probable(summed)])


def _require_fit(features: np.ndarray, fold: np.ndarray, head: Head, directions: np.ndarray) -> None:
    n_folds = int(fold.max(initial=-1)) + 1
    widths = {features.shape[2], head.weight.shape[2], directions.shape[2]}
    if len(widths) > 1 or min(len(head.weight), len(directions)) < n_folds:
        raise ValueError(
            f"features are {features.shape} in {n_folds} folds, the head {head.weight.shape}, the directions "
            f"{directions.shape}; all need the same features, head and directions one entry per fold. Take all three "
            "from one classifier."
        )

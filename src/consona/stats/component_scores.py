"""Does a network order classes, or stimuli within classes, along an axis? Its components are held against it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from consona.stats.class_axis import Components
from consona.stats.permutation import p_value
from consona.stats.seeds import rng_for
from consona.stats.shapes import Float, Int, Real, Shaped

__all__ = [
    "ComponentScores",
    "SearchTest",
    "class_levels",
    "component_scores",
    "orders_within_classes",
    "pole_contrast",
    "random_axes",
    "search_test",
]

_AXES = 4096  # relabelled axes that are scored at a time


class ComponentScores(NamedTuple):
    """Score of every axis in every classifier, without and with sign; for each axis why it has none, "" if it has."""

    absolute: Float[np.ndarray, "n_axes n_classifiers"]
    signed: Float[np.ndarray, "n_axes n_classifiers"]
    reasons: tuple[str, ...]


class SearchTest(NamedTuple):
    """Every classifier against its null, and the mean over classifiers against the null of that mean."""

    score: Float[np.ndarray, " n_classifiers"]
    null_mean: Float[np.ndarray, " n_classifiers"]
    null_high: Float[np.ndarray, " n_classifiers"]
    p: Float[np.ndarray, " n_classifiers"]
    mean: float
    mean_null: Float[np.ndarray, " n_null"]
    p_mean: float


def class_levels(
    axes: Real[np.ndarray, "n_axes n_stimuli"], labels: Shaped[np.ndarray, " n_stimuli"]
) -> Float[np.ndarray, "n_axes n_classes"]:
    """Mean of each axis over the stimuli of a class, classes in sorted order."""
    _, codes = np.unique(labels, return_inverse=True)
    of_class = np.equal.outer(codes, np.arange(codes.max() + 1)).astype(np.float64)
    levels: np.ndarray = np.asarray(axes, dtype=np.float64) @ (of_class / of_class.sum(axis=0))
    return levels


def pole_contrast(
    labels: Shaped[np.ndarray, " n_stimuli"], *, positive: Sequence[str], negative: Sequence[str]
) -> Float[np.ndarray, " n_classes"]:
    """Weights of the classes, in sorted order, whose sum is mean of the positive minus mean of the negative ones.

    Raises
    ------
    ValueError
        When a class is unknown or named twice, or one side has none.
    """
    names = [str(name) for name in np.unique(labels)]
    both = [*positive, *negative]
    if not positive or not negative or len(set(both)) < len(both) or not set(both) <= set(names):
        raise ValueError(
            f"the poles are {list(positive)} and {list(negative)}, the classes {names}; both poles need classes of "
            "these, none of them twice. Name them as the labels do."
        )
    weights = [(name in positive) / len(positive) - (name in negative) / len(negative) for name in names]
    return np.array(weights, dtype=np.float64)


def component_scores(
    parts: Sequence[Components],
    axes: Real[np.ndarray, "n_axes n_rows"],
    poles: Real[np.ndarray, "n_axes n_classes"] | None = None,
) -> ComponentScores:
    r"""Largest correlation of an axis with any component kept, averaged over the folds of a classifier.

    .. math:: \rho = \frac1F \sum_f \max_k |r_{fk}|, \qquad
              \rho_\pm = \frac1F \sum_f \operatorname{sign}\Big(\sum_c w_c\, z_{fck}\Big)\, r_{fk}, \quad
              k = \arg\max |r_{fk}|

    The axis is centred as the rows were: over classes, or within each class. The sign of a component is arbitrary, so
    ``absolute`` is the score. ``signed`` orients each component by ``poles`` (:func:`pole_contrast`, :math:`w`): the
    mean of the positive classes lies above that of the negative ones. That takes the labels the network was trained
    with, never the values of the axis; but the poles know the axis roughly, so a null that exchanges the classes of the
    axis must exchange those of the poles in the same way (one row of ``poles`` per axis).

    Many axes cost one matrix product: relabelled ones are given as further axes, and the search over components is then
    inside the null. Folds without a component are left out of the mean. An axis that is constant where it is centred
    (a value per class, asked for within classes) is NaN, with its reason.

    Raises
    ------
    ValueError
        When an axis has another number of rows than a classifier, or the poles fit neither axes nor classes.
    """
    axes = np.asarray(axes, dtype=np.float64)
    _require_rows(parts, axes, poles)
    absolute, signed = (np.full((len(axes), len(parts)), np.nan) for _ in range(2))
    for j, part in enumerate(parts):
        for start in range(0, len(axes), _AXES):
            rows = slice(start, start + _AXES)
            own = None if poles is None else np.asarray(poles, dtype=np.float64)[rows]
            absolute[rows, j], signed[rows, j] = _fold_means(part, axes[rows], own)
    undefined = np.isnan(absolute).all(axis=1)
    reason = "the axis does not vary where it is compared: within classes it needs a value per stimulus, not per class"
    return ComponentScores(absolute, signed, tuple(reason if each else "" for each in undefined))


def search_test(
    observed: Real[np.ndarray, " n_classifiers"],
    null: Real[np.ndarray, "n_null n_classifiers"],
    *,
    exact: bool = False,
) -> SearchTest:
    """Scores against those of relabelled axes, for each classifier and for their mean.

    Classifiers share stimuli and labels, so they are not independent: a relabelling is applied to all of them at once,
    and the mean over classifiers is compared with the mean under the same relabelling. Classifiers without a score are
    left out. ``exact`` says that the null lists all orders.

    Raises
    ------
    ValueError
        As :func:`consona.stats.permutation.p_value`.
    """
    p = p_value(observed, null, exact=exact)
    kept = np.isfinite(observed)
    if not kept.any():
        empty = np.full(len(observed), np.nan)
        return SearchTest(observed * 1.0, empty, empty, p, float("nan"), np.full(len(null), np.nan), float("nan"))
    mean, mean_null = float(observed[kept].mean()), null[:, kept].mean(axis=1)
    return SearchTest(
        np.asarray(observed, dtype=np.float64),
        null.mean(axis=0),
        np.quantile(null, 0.95, axis=0),
        p,
        mean,
        mean_null,
        float(p_value(mean, mean_null, exact=exact)),
    )


def random_axes(n: int, n_rows: int, *, seed: int) -> Float[np.ndarray, "n n_rows"]:
    """Gaussian axes: random levels with as many rows as classes, random directions with as many as stimuli."""
    return rng_for(seed, "random axes", n_rows).standard_normal((n, n_rows))


def orders_within_classes(
    labels: Shaped[np.ndarray, " n_stimuli"], n_permutations: int, *, seed: int
) -> Int[np.ndarray, "n_permutations n_stimuli"]:
    """Random orders of stimuli that stay within their class: the null of a score within classes."""
    rng = rng_for(seed, "orders within classes", len(labels))
    keys = rng.random((n_permutations, len(labels)))
    _, codes = np.unique(labels, return_inverse=True)
    places = np.argsort(codes, kind="stable")  # the places of class 0, then of class 1, ...
    drawn = np.argsort(codes + keys, axis=1)  # the stimuli of class 0 in random order, then of class 1, ...
    orders = np.empty_like(drawn)
    orders[:, places] = drawn
    return orders


def _require_rows(parts: Sequence[Components], axes: np.ndarray, poles: np.ndarray | None) -> None:
    sizes = {(part.unit.shape[1], part.poles.shape[1]) for part in parts}
    asked = (axes.shape[1], poles.shape[1] if poles is not None else None)
    if any(n != asked[0] or (poles is not None and (c != asked[1] or len(poles) != len(axes))) for n, c in sizes):
        raise ValueError(
            f"axes are {axes.shape} and poles {None if poles is None else poles.shape}, and classifiers have (rows, "
            f"classes) {sorted(sizes)}; an axis has one value per row and its pole one per class. Between classes, "
            "give class_levels of the axis."
        )


def _unit_axes(axes: np.ndarray, known: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Axes centred within groups over the known rows and scaled to length 1; NaN where nothing is left."""
    of_group = np.equal.outer(groups, np.arange(groups.max() + 1)) * known[:, None]
    n = of_group.sum(axis=0)
    means = np.divide(axes @ of_group, n, out=np.zeros((len(axes), len(n))), where=n > 0)
    centred = (axes - means[:, groups]) * known
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    varies = length > 1e-10 * np.abs(axes).max(axis=1, keepdims=True)
    unit: np.ndarray = np.divide(centred, length, out=np.full_like(centred, np.nan), where=varies)
    return unit


def _fold_means(part: Components, axes: np.ndarray, poles: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    best, sign = (np.full((len(axes), len(part.unit)), np.nan) for _ in range(2))
    masks, of_mask = np.unique(part.known, axis=0, return_inverse=True)
    for number, known in enumerate(masks):
        folds = np.flatnonzero((of_mask.ravel() == number) & np.isfinite(part.unit[:, known, 0]).all(axis=1))
        n_folds, n_pcs = len(folds), part.unit.shape[2]
        unit = np.nan_to_num(part.unit[folds]).transpose(1, 0, 2).reshape(-1, n_folds * n_pcs)
        r = (_unit_axes(axes, known, part.groups) @ unit).reshape(len(axes), n_folds, n_pcs)
        chosen = np.argmax(np.abs(r), axis=2)[:, :, None]
        best[:, folds] = np.take_along_axis(r, chosen, axis=2)[:, :, 0]
        if poles is not None:
            sides = np.nan_to_num(part.poles[folds]).transpose(1, 0, 2).reshape(-1, n_folds * n_pcs)
            side = np.take_along_axis((poles @ sides).reshape(r.shape), chosen, axis=2)[:, :, 0]
            sign[:, folds] = np.where(side == 0, np.nan, np.sign(side))
    return _defined_mean(np.abs(best)), _defined_mean(sign * best)


def _defined_mean(values: np.ndarray) -> np.ndarray:
    known = np.isfinite(values)
    n = known.sum(axis=1)
    mean: np.ndarray = np.divide(
        np.where(known, values, 0.0).sum(axis=1), n, out=np.full(len(values), np.nan), where=n > 0
    )
    return mean

"""Do decoders find an axis that nobody told them about, and does it serve them?"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.alignment.decoders import components_of, emotion_codes, subject_accuracy
from consona.core.invariants import as_names
from consona.stats.class_axis import Components, residual_components, stimulus_means
from consona.stats.component_scores import (
    class_levels,
    component_scores,
    orders_within_classes,
    pole_contrast,
    search_test,
)
from consona.stats.direction_removal import (
    Head,
    matched_directions,
    removal_drops,
    removal_test,
)
from consona.stats.permutation import p_value, random_orders
from consona.stats.rediscovery import rediscovery_correlations

__all__ = ["class_rediscovery", "component_removal", "rediscovery_table", "residual_rediscovery"]

Trained = Mapping[str, xr.Dataset]
Names = npt.NDArray[np.str_]
N_MATCHED = 20


def class_rediscovery(
    trained: Trained,
    axes: xr.DataArray,
    *,
    positive: Sequence[str],
    negative: Sequence[str],
    n_orders: int = 999,
    seed: int,
) -> xr.Dataset:
    """The first component of class means in every classifier, held against axes with their classes exchanged.

    Parameters
    ----------
    trained
        Results of ``train_decoders`` by name of the classifier, all of the same material.
    axes
        ``(axis, stimulus)``; their class means count.
    positive, negative
        Classes that settle the sign of the signed score.
    n_orders
        Orders of the classes, the same for all classifiers, which share clips and labels.
    seed
        Of the orders.

    Returns
    -------
    xr.Dataset
        ``score, signed, p, null_mean, null_high (axis, model)``; per axis ``mean``, ``p_mean``, the mean over
        classifiers under each order ``null (axis, order)``, and the same for the signed score (``signed_mean``,
        ``p_signed``).
    """
    labels = _labels(trained)
    parts = [components_of(each) for each in trained.values()]
    contrast = pole_contrast(labels, positive=positive, negative=negative)
    orders = random_orders(len(contrast), n_orders, seed=seed)
    levels = class_levels(axes.values, labels)
    rows = []
    for level in levels:
        found = component_scores(parts, np.vstack([level, level[orders]]), np.vstack([contrast, contrast[orders]]))
        rows.append((found.absolute[0], found.signed[0], found.absolute[1:], found.signed[1:]))
    return _tested(trained, axes, rows)


def residual_rediscovery(trained: Trained, axes: xr.DataArray, *, n_orders: int = 999, seed: int) -> xr.Dataset:
    """The best component of what is left of clips within their class: the search is repeated under every order.

    Axes are taken within classes as well; one that is constant there has no score (NaN). Clips change places within
    their class under the null. As :func:`class_rediscovery` otherwise; there is no sign.
    """
    labels = _labels(trained)
    parts = [_residual(each, labels) for each in trained.values()]
    orders = orders_within_classes(labels, n_orders, seed=seed)
    rows = []
    for axis in axes.values:
        found = component_scores(parts, np.vstack([axis, axis[orders]]))
        rows.append((found.absolute[0], np.full(len(parts), np.nan), found.absolute[1:], found.absolute[1:] * np.nan))
    return _tested(trained, axes, rows)


def rediscovery_table(
    score: xr.DataArray, accuracy: xr.DataArray, architectures: Sequence[str], pools: Sequence[bool], *, seed: int
) -> xr.Dataset:
    """Does a classifier that carries the axis more strongly decode better? All, without architecture, singles, each.

    ``score (model)`` and ``accuracy (model)``. Returns ``r, low, high, p, p_order, n, df`` over ``selection``, and
    ``x, y, x_partial, y_partial`` over ``model``: scores and accuracies, whole and as deviations from the means of
    their architecture.
    """
    names = as_names(architectures)
    found = rediscovery_correlations(score.values, accuracy.values, names, np.asarray(pools, bool), seed=seed)
    keys = ("r", "low", "high", "p", "p_order", "n", "df")
    table = {key: ("selection", getattr(found, key)) for key in keys}
    clouds = {}
    for key, values in (("x", score.values), ("y", accuracy.values)):
        clouds[key] = ("model", values)
        own = {name: np.nanmean(values[names == name]) for name in np.unique(names)}
        clouds[f"{key}_partial"] = ("model", values - np.array([own[name] for name in names]))
    coords = {
        "selection": list(found.names),
        "model": score["model"].values,
        "group": ("model", names),
        "pool": ("model", np.asarray(pools, int)),
    }
    return xr.Dataset(table | clouds, coords)


def component_removal(
    trained: Trained, axis: npt.ArrayLike, *, n_orders: int = 999, n_permutations: int = 9999, seed: int
) -> xr.Dataset:
    """What every classifier loses without the within-class component that follows the axis best.

    Held against directions orthogonal to it along which the tested rows vary as much (a random unit vector hits little
    variance, and taking it out costs nothing, whatever it stands for), and against the components that follow the same
    axis with its clips exchanged within classes: any component costs something, and the axis need not be why.

    Parameters
    ----------
    trained
        Results by name of the classifier.
    axis
        ``(n_stimuli,)``, with variation within classes: mean rated valence.
    n_orders
        Orders of clips within classes, the same for all classifiers.
    n_permutations
        Sign flips of subjects.
    seed
        Of the matched directions, the orders and the flips.

    Returns
    -------
    xr.Dataset
        ``drop, null_mean, null_sd, z, p`` over ``model``; attrs ``excess, low, high, p_excess`` over classifiers with
        subjects as unit, ``p_orders`` of the mean drop against other orders of the axis, whose mean is ``others``,
        ``n_undefined``: folds without matched directions, ``n_matched``.
    """
    labels, values = _labels(trained), np.asarray(axis, dtype=np.float64)
    orders = orders_within_classes(labels, n_orders, seed=seed)
    axes = np.vstack([values, values[orders]])
    rows = [_removed(each, _residual(each, labels), axes, seed=seed) for each in trained.values()]
    drops, nulls = np.stack([row[0] for row in rows]), np.stack([row[1] for row in rows])
    found = removal_test(drops, nulls, n_permutations=n_permutations, seed=seed)
    mean = np.mean([row[2] for row in rows], axis=0)
    keys = ("drop", "null_mean", "null_sd", "z", "p")
    attrs = {key: float(getattr(found, key)) for key in ("excess", "low", "high", "p_excess")}
    attrs |= {"p_orders": float(p_value(-mean[0], -mean[1:])), "others": float(mean[1:].mean())}
    data = {key: ("model", getattr(found, key)) for key in keys}
    counts = {"n_undefined": sum(row[3] for row in rows), "n_matched": N_MATCHED}
    return xr.Dataset(data, {"model": list(trained)}, attrs | counts)


def _labels(trained: Trained) -> Names:
    return as_names(next(iter(trained.values()))["stimulus_emotion"].values)


def _residual(each: xr.Dataset, labels: Names) -> Components:
    return residual_components(stimulus_means(each["features"].values, each["tested_in"].values), labels)


def _removed(
    each: xr.Dataset, parts: Components, axes: npt.NDArray[np.float64], *, seed: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64], int]:
    """Drops over subjects, those of matched directions, mean drop for every axis, folds without matched directions."""
    features, fold = each["features"].values, each["tested_in"].values
    head = Head(each["weight"].values, each["bias"].values, _output_codes(each))
    given = (features, fold, head, emotion_codes(each))
    every = removal_drops(*given, parts.directions)
    chosen = _chosen(parts, axes)
    own_fold = fold.max(axis=1)
    each_axis = np.array([np.nanmean(every[rows[own_fold], np.arange(len(own_fold))]) for rows in chosen])
    own = parts.directions[np.arange(len(parts.unit)), chosen[0]]
    matched = matched_directions(features, fold, own, n=N_MATCHED, seed=seed)
    null = removal_drops(*given, matched.directions)
    drop = every[chosen[0][own_fold], np.arange(len(own_fold))]
    return drop, null, each_axis, sum(bool(reason) for reason in matched.reasons)


def _chosen(parts: Components, axes: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    """The component of each fold that follows each axis best, ``(n_axes, n_folds)``."""
    n = np.bincount(parts.groups)
    means = np.stack([np.bincount(parts.groups, row) for row in axes]) / n
    r = np.abs(np.einsum("ai,fik->afk", axes - means[:, parts.groups], np.nan_to_num(parts.unit)))
    return np.asarray(r.argmax(axis=-1))


def _output_codes(each: xr.Dataset) -> npt.NDArray[np.intp]:
    names = as_names(each["emotion"].values).tolist()
    return np.array([names.index(str(name)) for name in each["output_emotion"].values], dtype=np.intp)


def _tested(
    trained: Trained, axes: xr.DataArray, rows: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]
) -> xr.Dataset:
    both = ("axis", "model")
    tests = [search_test(score, null) for score, _, null, _ in rows]
    signed = [search_test(score, null) for _, score, _, null in rows]
    data: dict[str, tuple[object, object]] = {
        key: (both, np.stack([getattr(test, key) for test in tests]))
        for key in ("score", "p", "null_mean", "null_high")
    }
    data["signed"] = (both, np.stack([score for _, score, _, _ in rows]))
    data["mean"], data["p_mean"] = ("axis", [test.mean for test in tests]), ("axis", [test.p_mean for test in tests])
    data["signed_mean"] = ("axis", [test.mean for test in signed])
    data["p_signed"] = ("axis", [test.p_mean for test in signed])
    data["accuracy"] = ("model", subject_accuracy(trained).mean("subject").values)
    data["null"] = (("axis", "order"), np.stack([test.mean_null for test in tests]))
    return xr.Dataset(data, {"axis": axes["axis"].values, "model": list(trained)})

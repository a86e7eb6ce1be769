"""What an axis says of its own classes, of the clips, and beside other axes."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.concepts.axis import VALENCE_CODE, AxisRule
from consona.concepts.zero_shot import binary_labels
from consona.core.direction import Direction
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.invariants import as_names, listed
from consona.core.stimuli import Stimuli
from consona.stats.bootstrap import auc, bootstrap_auc_interval, bootstrap_interval
from consona.stats.centroids import class_means
from consona.stats.correlation import pearson_pairs
from consona.stats.seeds import rng_for

Labels = npt.NDArray[np.str_]


def axis_profile(axis: Direction, features: Features, emotions: Labels, *, seed: int) -> xr.Dataset:
    """Mean projection of every class in SD, with a bootstrap interval over its texts.

    Returns
    -------
    xr.Dataset
        ``projection, low, high, n_texts`` over ``emotion``, sorted by projection, with ``valence_code``.
    """
    scores = axis.project(features)
    names = sorted(np.unique(emotions).tolist(), key=lambda name: float(scores[emotions == name].mean()))
    rows = []
    for name in names:
        mine = scores[emotions == name]
        low, high = bootstrap_interval(mine, seed=seed) if len(mine) > 1 else (np.nan, np.nan)
        rows.append((mine.mean(), float(low), float(high), len(mine)))
    table = np.array(rows, dtype=float)
    variables = {key: ("emotion", table[:, i]) for i, key in enumerate(("projection", "low", "high", "n_texts"))}
    code = [VALENCE_CODE.get(name, np.nan) for name in names]
    return xr.Dataset(variables, {"emotion": names, "valence_code": ("emotion", code)})


def class_values(axis: Direction, features: Features, emotions: Labels) -> tuple[Labels, npt.NDArray[np.float64]]:
    """Sorted classes and the mean projection of the texts of each, in SD."""
    names, means = class_means(axis.project(features)[:, None], emotions)
    return as_names(names), means[:, 0]


def unseen_class_values(
    rule: AxisRule, features: Features, emotions: Labels, *, layer: int
) -> tuple[Labels, npt.NDArray[np.float64]]:
    """Sorted classes and the value of each on an axis that was fitted without it.

    An axis fitted to labels puts the texts of a class where its label says, whatever the texts are (invented words
    too); a class that took no part in the fit has to get there by itself.
    """
    names = np.unique(emotions)
    values = []
    for name in names:
        others = emotions != name
        axis = rule.without(str(name)).fit(features.select(others), emotions[others], layer=layer)
        values.append(axis.project(features.select(~others)).mean())
    return as_names(names), np.array(values)


def clip_values(names: Labels, values: npt.NDArray[np.float64], clips: Stimuli) -> npt.NDArray[np.float64]:
    """Every clip gets the value of its class text: as many distinct values as there are classes.

    Raises
    ------
    InvalidInput
        When a clip belongs to a class without a text.
    """
    missing = sorted(set(clips["emotion"].tolist()) - set(names.tolist()))
    if missing:
        raise InvalidInput(
            f"No text of the axis stands for the clips of {listed(missing)}; it has {listed(names, 12)}."
        )
    return values[np.searchsorted(names, clips["emotion"])]


def values_by_rule(
    rule: AxisRule, axis: Direction, features: Features, emotions: Labels
) -> tuple[Labels, npt.NDArray[np.float64]]:
    """Class values on the axis itself where labels did not make it, else on axes that did not see the class."""
    if rule.supervised:
        return unseen_class_values(rule, features, emotions, layer=axis.layer)
    return class_values(axis, features, emotions)


def dealt_class_values(
    rule: AxisRule, features: Features, labels: Labels, *, layer: int, n: int, seed: int
) -> list[tuple[Direction, npt.NDArray[np.float64]]]:
    """Axes of texts without content, their labels dealt out anew each time, and the class values that come of each."""
    found = []
    for i in range(n):
        dealt = rng_for(seed, "labels dealt out", i).permutation(labels)
        axis = rule.fit(features, dealt, layer=layer, name=f"dealt {i}")
        found.append((axis, values_by_rule(rule, axis, features, dealt)[1]))
    return found


def many_class_values(axes: Sequence[Direction], features: Features, emotions: Labels) -> npt.NDArray[np.float64]:
    """Class values of many axes, ``(n_axes, n_classes)``, classes in sorted order."""
    return np.stack([class_values(axis, features, emotions)[1] for axis in axes])


def compared_axes(
    axes: Mapping[str, Direction], tests: Mapping[str, Features], stimuli: Stimuli, *, seed: int
) -> xr.Dataset:
    """AUC with a bootstrap interval (over texts) of several axes, each on the features of its own way of reading.

    Returns
    -------
    xr.Dataset
        ``effect, low, high`` over ``label``.
    """
    rows = []
    for name, axis in axes.items():
        labels, scores = binary_labels(tests[name], stimuli), axis.project(tests[name])
        rows.append((auc(scores, labels), *bootstrap_auc_interval(scores, labels, seed=seed)))
    table = np.array(rows)
    variables = {key: ("label", table[:, i]) for i, key in enumerate(("effect", "low", "high"))}
    return xr.Dataset(variables, {"label": list(axes)})


def agreement_between_models(values: Mapping[str, npt.ArrayLike]) -> xr.Dataset:
    """Pearson correlation between the clip values of every two models: ``value (row, column)``."""
    table = np.array([np.asarray(each, dtype=float) for each in values.values()])
    names = list(values)
    return xr.Dataset({"value": (("row", "column"), pearson_pairs(table.T, table.T))}, {"row": names, "column": names})


def model_clip_values(
    stories: Features, emotions: Labels, plots: Features, *, layer: int, rule: AxisRule
) -> dict[str, list[float]]:
    """Clip values of one model in both versions: class text (a value per class) and plot lines."""
    axis = rule.fit(stories, emotions, layer=layer)
    names, values = values_by_rule(rule, axis, stories, emotions)
    return {"classes": names.tolist(), "class text": values.tolist(), "plot lines": axis.project(plots).tolist()}

"""What an axis can do without any label: sentiment of texts it never saw, and how well others do the same."""

import numpy as np
import numpy.typing as npt
import xarray as xr
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from consona.core.direction import Direction
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.invariants import aligned
from consona.core.score import Score
from consona.core.stimuli import Stimuli
from consona.stats.bootstrap import auc, bootstrap_auc_interval, bootstrap_pearson_interval, roc_curve
from consona.stats.centroids import class_means
from consona.stats.correlation import pearson

N_FOLDS = 5
N_POINTS = 200


def binary_labels(features: Features, stimuli: Stimuli) -> npt.NDArray[np.int64]:
    """Labels 0 and 1 of the stimuli that were captured, put in their order by id.

    Raises
    ------
    InvalidInput
        When ids differ, or only one class is there.
    """
    order = aligned(features.ids, stimuli.ids, ("Features", "stimuli"))
    labels = np.asarray(stimuli["label"]).astype(int)[order]
    if set(labels.tolist()) != {0, 1}:
        raise InvalidInput(f"Sentiment needs both labels, 0 and 1; found only {sorted(set(labels.tolist()))}.")
    return labels


def label_free_accuracy(scores: npt.NDArray[np.float64], labels: npt.NDArray[np.int64]) -> float:
    """Accuracy with the median of all scores as threshold: no label is used to set it."""
    return float(np.mean((scores > np.median(scores)) == (labels == 1)))


def zero_shot_score(axis: Direction, features: Features, stimuli: Stimuli, *, corpus: str, seed: int) -> Score:
    """Area under the ROC curve of the projections on an axis, for texts with labels 0 and 1.

    Returns
    -------
    Score
        Over ``attribute``: AUC and label-free accuracy; ``attrs`` hold the bootstrap interval (over texts) of the AUC.
    """
    labels = binary_labels(features, stimuli)
    scores = axis.project(features)
    low, high = bootstrap_auc_interval(scores, labels, seed=seed)
    values = [auc(scores, labels), label_free_accuracy(scores, labels)]
    data = xr.DataArray(values, {"attribute": ["AUC", "accuracy, median threshold"]}, ("attribute",))
    attrs = {"corpus": corpus, "low": low, "high": high, "n": len(labels), "n_truncated": _truncated(features)}
    return Score(data, "area under the ROC curve; accuracy", "zero-shot: the axis never saw these texts", attrs=attrs)


def graded_score(axis: Direction, features: Features, values: npt.ArrayLike, *, corpus: str, seed: int) -> Score:
    """Pearson correlation of the projections with graded ratings, with a bootstrap interval over texts."""
    scores, ratings = axis.project(features), np.asarray(values, dtype=float)
    if len(ratings) != len(scores):
        raise InvalidInput(f"{corpus}: {len(scores)} texts were captured and {len(ratings)} ratings given.")
    low, high = bootstrap_pearson_interval(scores, ratings, n_draws=1000, seed=seed)
    data = xr.DataArray([pearson(scores, ratings)], {"attribute": ["pearson r"]}, ("attribute",))
    attrs = {"corpus": corpus, "low": low, "high": high, "n": len(ratings), "n_truncated": _truncated(features)}
    return Score(data, "pearson r", "zero-shot: the axis never saw these texts", attrs=attrs)


def _truncated(features: Features) -> int:
    return int(features.attrs.get("n_truncated", 0))


def roc_figure(axis: Direction, corpora: dict[str, tuple[Features, Stimuli]], *, seed: int) -> xr.Dataset:
    """ROC curves of several corpora on a common grid of false positive rates, with AUC and interval."""
    grid = np.linspace(0, 1, N_POINTS)
    curves, areas = [], []
    for features, stimuli in corpora.values():
        labels, scores = binary_labels(features, stimuli), axis.project(features)
        fpr, tpr = roc_curve(scores, labels)
        curves.append(np.interp(grid, fpr, tpr))
        areas.append((auc(scores, labels), *bootstrap_auc_interval(scores, labels, seed=seed)))
    table = np.array(areas)
    variables: dict[str, tuple[tuple[str, ...], npt.NDArray[np.float64]]] = {
        "fpr": (("corpus", "point"), np.tile(grid, (len(curves), 1))),
        "tpr": (("corpus", "point"), np.array(curves)),
    }
    variables |= {name: (("corpus",), table[:, i]) for i, name in enumerate(("auc", "low", "high"))}
    return xr.Dataset(variables, {"corpus": list(corpora)})


def references(
    axis_texts: Features,
    emotions: npt.NDArray[np.str_],
    positive: tuple[str, ...],
    *,
    layer: int,
    test: tuple[Features, Stimuli],
    seed: int,
) -> xr.Dataset:
    """Three readings of the same features: logistic regression on labels, class-prototype cosine, chance.

    The regression is cross-validated over the test texts (five folds, standardised within the fold): it uses their
    labels and is a reference, not a rival. The prototype reading compares the cosine to the nearest positive class
    mean with that to the nearest other one.
    """
    features, stimuli = test
    labels, x = binary_labels(features, stimuli), features.layer(layer).astype(np.float64)
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000))
    supervised = cross_val_predict(model, x, labels, cv=folds, method="decision_function")
    names, means = class_means(axis_texts.layer(layer), emotions)
    cosine = _unit(x) @ _unit(means).T
    up = np.isin(names, positive)
    prototype = cosine[:, up].max(axis=1) - cosine[:, ~up].max(axis=1)
    scores = {"logistic regression, same features": supervised, "class-prototype cosine": prototype}
    table = np.array([(auc(s, labels), *bootstrap_auc_interval(s, labels, seed=seed)) for s in scores.values()])
    return xr.Dataset(
        {key: ("label", table[:, i]) for i, key in enumerate(("effect", "low", "high"))}, {"label": list(scores)}
    )


def _unit(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(x / np.linalg.norm(x, axis=1, keepdims=True))


def many_aucs(axes: list[Direction], features: Features, stimuli: Stimuli) -> npt.NDArray[np.float64]:
    """AUC of each of many axes on one corpus; what a control is made of."""
    labels = binary_labels(features, stimuli)
    return np.array([auc(axis.project(features), labels) for axis in axes])

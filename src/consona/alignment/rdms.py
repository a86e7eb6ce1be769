"""RDMs of models and of brains, made from features and recordings."""

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.invariants import listed
from consona.core.rdm import RDM
from consona.core.recording import Recording
from consona.stats.crossnobis import crossnobis_rdm, mahalanobis_rdm, shrunk_precision
from consona.stats.rdm import correlation_rdm, cosine_rdm, squared_euclidean_rdm

__all__ = ["BrainMetric", "Metric", "brain_rdm", "distance_of", "layer_rdms", "model_rdm", "noise_precision"]

Metric = Literal["correlation", "cosine", "squared euclidean"]
BrainMetric = Literal["correlation", "cosine", "squared euclidean", "mahalanobis", "crossnobis"]
Array = npt.NDArray[np.float64]
_METRICS = {"correlation": correlation_rdm, "cosine": cosine_rdm, "squared euclidean": squared_euclidean_rdm}


def model_rdm(features: Features, *, layer: int = -1, metric: Metric = "correlation") -> RDM:
    """Dissimilarities of the stimuli in one layer of a model.

    Raises
    ------
    InvalidInput
        When there is no such layer or metric, or no two stimuli of it have a defined dissimilarity.
    """
    return _rdm(distance_of(metric)(features.layer(layer)), features.ids, metric)


def distance_of(metric: Metric) -> Callable[[npt.NDArray[np.floating]], npt.NDArray[np.floating]]:
    """What makes the upper triangle ``(n_pairs,)`` of this metric from features ``(n_stimuli, n_features)``.

    Raises
    ------
    InvalidInput
        When there is no such metric.
    """
    if metric not in _METRICS:
        raise InvalidInput(f"'{metric}' is no metric of features; choose one of {listed(_METRICS)}.")
    return _METRICS[metric]


def layer_rdms(features: Features, *, metric: Metric = "correlation") -> dict[str, RDM]:
    """One RDM per layer, named ``layer 0`` and so on; errors as :func:`model_rdm`."""
    return {f"layer {i}": model_rdm(features, layer=int(i), metric=metric) for i in features.layers}


def brain_rdm(
    recording: Recording, *, metric: BrainMetric = "correlation", precision: npt.ArrayLike | None = None
) -> RDM:
    """Dissimilarities of the response patterns of one subject; targets that are missing are left out.

    Parameters
    ----------
    recording
        For ``crossnobis`` its repetitions are the runs, and noise that they do not share adds nothing; for all other
        metrics patterns are means over repetitions, and their noise makes every pair less alike.
    metric
        Distances in the metrics ``squared euclidean``, ``mahalanobis`` and ``crossnobis`` are divided by the number of
        targets.
    precision
        Inverse covariance of the noise over the targets that are not missing, see :func:`noise_precision`; needed by
        ``mahalanobis``, used by ``crossnobis`` where given.

    Raises
    ------
    InvalidInput
        When a metric lacks what it needs (repetitions, a precision), or nothing is defined.
    """
    values = _present(recording)
    if metric in _METRICS:
        return _rdm(_METRICS[metric](_mean(values)), recording.ids, metric, recording.subject)
    given = None if precision is None else np.asarray(precision, dtype=np.float64)
    if metric == "mahalanobis" and given is not None:
        return _rdm(mahalanobis_rdm(_mean(values), given), recording.ids, metric, recording.subject)
    if metric == "crossnobis" and len(values) > 1:
        return _rdm(crossnobis_rdm(values, given), recording.ids, metric, recording.subject)
    raise InvalidInput(
        f"metric '{metric}' was asked for with {len(values)} repetition(s) and "
        f"{'no' if precision is None else 'a'} precision; crossnobis needs two repetitions, mahalanobis a precision, "
        f"and the other metrics are {listed(_METRICS)}."
    )


def noise_precision(recording: Recording) -> Array:
    """Inverse covariance of the noise over targets: repetitions minus the mean of their stimulus, shrunk.

    Raises
    ------
    InvalidInput
        When no stimulus was repeated.
    """
    values = _present(recording)
    count = np.isfinite(values).any(axis=2).sum(axis=0)
    if not (count > 1).any():
        raise InvalidInput(f"Recording '{recording.subject}' repeats no stimulus; noise is what repetitions differ by.")
    # Residuals around a mean of n are too small by the root of (n - 1) / n.
    residuals = (values - _mean(values))[:, count > 1] * np.sqrt(count / np.maximum(count - 1, 1))[count > 1, None]
    return shrunk_precision(residuals[np.isfinite(residuals).all(axis=2)])


def _rdm(vector: npt.NDArray[np.floating], ids: npt.NDArray[np.str_], metric: str, subject: str = "") -> RDM:
    if not np.isfinite(vector).any():
        raise InvalidInput(
            f"No two of the {len(ids)} stimuli{f' of {subject!r}' if subject else ''} have a defined dissimilarity "
            f"({metric}): patterns are constant or missing. Leave out this layer, or choose other targets."
        )
    i, j = np.triu_indices(len(ids), 1)
    coords = {"first": ("pair", ids[i]), "second": ("pair", ids[j])}
    return RDM(xr.DataArray(vector, coords, ("pair",)), metric, subject)


def _present(recording: Recording) -> Array:
    """Responses ``(n_repetitions, n_stimuli, n_targets)`` of the targets that are not missing."""
    values = np.asarray(recording.data.values, dtype=np.float64)
    present = np.asarray(~np.isnan(values).all(axis=(0, 1)))
    if not present.any():
        raise InvalidInput(f"All {len(present)} targets of recording '{recording.subject}' are missing. Choose others.")
    return values if present.all() else values[:, :, present]


def _mean(values: Array) -> Array:
    """Over the repetitions that a stimulus has; all targets of a repetition are there or none is."""
    there = np.isfinite(values).all(axis=2, keepdims=True)
    mean: Array = np.where(there, values, 0.0).sum(axis=0) / there.sum(axis=0)
    return mean

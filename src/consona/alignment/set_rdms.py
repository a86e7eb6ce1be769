"""RDMs of small sets of stimuli, of the regions of a brain and of models and their layers."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.alignment.rdms import Metric, distance_of
from consona.alignment.regions import EVERYWHERE
from consona.alignment.sampled_sets import rows_of_sets
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.invariants import as_names, listed, require_unique
from consona.core.recording import Recording
from consona.stats.rdm import correlation_rdm
from consona.stats.sampled_rdms import set_rdms

__all__ = [
    "ModelRdms",
    "missing_of",
    "model_set_rdms",
    "patterns_of",
    "region_columns",
    "region_labels",
    "region_set_rdms",
]

Floats = npt.NDArray[np.floating]


class ModelRdms(NamedTuple):
    """RDMs of models and their layers, set by set: ``rdms (n_models, n_sets, n_pairs)`` and three names for each."""

    rdms: Floats
    names: npt.NDArray[np.str_]
    of_model: npt.NDArray[np.str_]
    layers: npt.NDArray[np.str_]

    def coords(self) -> dict[str, object]:
        """As coordinates along ``model``."""
        return {"model": self.names, "of_model": ("model", self.of_model), "layer": ("model", self.layers)}


def region_columns(recording: Recording) -> dict[str, npt.NDArray[np.intp]]:
    """The targets of each region that are not missing, in the order in which regions first appear.

    Raises
    ------
    InvalidInput
        When a region, or the recording, has fewer than two targets left.
    """
    present = ~missing_of(recording)
    labels = region_labels(recording)
    names = [name for name in dict.fromkeys(labels.tolist()) if name]
    columns = {name: np.flatnonzero(present & (labels == name)) for name in names}
    few = [name for name, each in columns.items() if len(each) < 2]
    if few or not columns:
        raise InvalidInput(
            f"Recording '{recording.subject}': {f'region {listed(few)} has' if few else 'no region has'} two targets "
            "that are not missing, and a pattern needs two. Drop the region, or give targets the coordinate 'roi'."
        )
    return columns


def region_set_rdms(
    recording: Recording, rows: npt.NDArray[np.intp], columns: Mapping[str, npt.NDArray[np.intp]]
) -> Floats:
    """Correlation distances of every region and set, ``(n_regions, n_sets, n_pairs)``, in the precision recorded.

    Raises
    ------
    InvalidInput
        When a stimulus evokes a pattern that does not vary over a region; the first is named.
    """
    patterns = patterns_of(recording)
    found = []
    for stimuli in rows:  # a set at a time: no copy is ever made of a region with all its stimuli
        shown = patterns[stimuli]
        found.append([correlation_rdm(_columns(shown, each)) for each in columns.values()])
    rdms = np.stack([np.stack(each) for each in zip(*found, strict=True)])
    undefined = np.isnan(rdms).any(axis=(1, 2))
    if undefined.any():
        name = list(columns)[int(np.argmax(undefined))]
        flat = np.ptp(patterns[:, columns[name]], axis=1) == 0
        raise InvalidInput(
            f"Recording '{recording.subject}': the responses of region '{name}' to {listed(recording.ids[flat])} are "
            "the same in every target, so they have no correlation with others. Leave these stimuli out of the sets."
        )
    return rdms


def model_set_rdms(models: Mapping[str, Features], sets: xr.DataArray, *, metric: Metric = "correlation") -> ModelRdms:
    """RDMs of all models and layers, set by set.

    Raises
    ------
    InvalidInput
        When there is no model, names repeat, a model lacks stimuli of the sets, or the metric is unknown.
    """
    distance, rdms, names = distance_of(metric), [], []
    for model, features in models.items():
        rows = rows_of_sets(sets, features.ids, f"Model '{model}'")
        labels = as_names(features.data["name"].values) if "name" in features.data.coords else None
        for k, layer in enumerate(features.layers):
            rdms.append(set_rdms(features.layer(int(layer)), rows, metric=distance))
            label = f"layer {layer}" if labels is None else str(labels[k])
            names.append((model if len(features.layers) == 1 else f"{model} {label}", model, label))
    if not names:
        raise InvalidInput("RSA compares the brain with at least one model; found none. Give one by name.")
    full, of_model, layers = (as_names(each) for each in zip(*names, strict=True))
    require_unique(full, "names of models and layers", "RSA")
    return ModelRdms(np.stack(rdms), full, of_model, layers)


def patterns_of(recording: Recording) -> Floats:
    """Responses ``(n_stimuli, n_targets)``: as they are where nothing is repeated, else means over repetitions."""
    once = recording.data.sizes["repetition"] == 1
    return np.asarray(recording.data.values[0]) if once else recording.mean()


def missing_of(recording: Recording) -> npt.NDArray[np.bool_]:
    """Which targets are missing: ``(n_targets,)``. A target is missing as a whole or not at all."""
    return np.asarray(np.isnan(recording.data.values).all(axis=(0, 1)))


def region_labels(recording: Recording) -> npt.NDArray[np.str_]:
    """The region of each target, empty for none; all targets are one region where they carry no ``roi``."""
    if "roi" not in recording.data.coords:
        return np.full(recording.n_targets, EVERYWHERE)
    return as_names(recording.data["roi"].values)


def _columns(patterns: Floats, which: npt.NDArray[np.intp]) -> Floats:
    """Some columns, and no copy of them where they stand together."""
    first, last = int(which[0]), int(which[-1])
    return patterns[:, first : last + 1] if last - first + 1 == len(which) else patterns[:, which]

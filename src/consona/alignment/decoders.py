"""What trained decoders are compared by: accuracy of every subject, and how strongly they carry an axis."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.core.errors import InvalidInput
from consona.core.invariants import as_names, listed
from consona.stats.balanced_accuracy import balanced_accuracy, most_probable
from consona.stats.class_axis import Components, class_components, stimulus_means
from consona.stats.component_scores import class_levels, component_scores

__all__ = [
    "axis_strength",
    "cell_patterns",
    "components_of",
    "confusion",
    "emotion_codes",
    "probabilities",
    "subject_accuracy",
]

Trained = Mapping[str, xr.Dataset]


def emotion_codes(trained: xr.Dataset) -> npt.NDArray[np.intp]:
    """The number of each stimulus' emotion among the outputs, ``(n_stimuli,)``."""
    names = as_names(trained["emotion"].values).tolist()
    return np.array([names.index(str(each)) for each in trained["stimulus_emotion"].values], dtype=np.intp)


def probabilities(trained: Trained, *, snapshot: int = 0) -> npt.NDArray[np.float64]:
    """Of the same rows by several decoders: ``(n_models, n_subjects, n_stimuli, n_emotions)``.

    Raises
    ------
    InvalidInput
        When there is no decoder, or they were not tested on the same subjects, stimuli and emotions.
    """
    if not trained:
        raise InvalidInput("No decoder was given; at least one is needed.")
    first = next(iter(trained.values()))
    for name, each in trained.items():
        for dim in ("subject", "stimulus", "emotion"):
            if not np.array_equal(as_names(each[dim].values), as_names(first[dim].values)):
                raise InvalidInput(
                    f"Decoder '{name}' was tested on another {dim}: {listed(as_names(each[dim].values))}, the first on "
                    f"{listed(as_names(first[dim].values))}. Compare decoders of the same material."
                )
    return np.stack([each["probability"].sel(snapshot=snapshot).values for each in trained.values()]).astype(np.float64)


def subject_accuracy(trained: Trained, *, snapshot: int = 0) -> xr.DataArray:
    """Balanced accuracy over the tested clips of every subject, ``(model, subject)``."""
    first = next(iter(trained.values()), None)
    values = probabilities(trained, snapshot=snapshot)
    assert first is not None  # said above
    accuracy = balanced_accuracy(most_probable(values), emotion_codes(first))
    coords = {"model": list(trained), "subject": as_names(first["subject"].values)}
    return xr.DataArray(accuracy, coords, ("model", "subject"))


def components_of(trained: xr.Dataset) -> Components:
    """First component of the class means of the penultimate features, fold by fold, over tested subjects."""
    patterns = stimulus_means(trained["features"].values, trained["tested_in"].values)
    return class_components(patterns, as_names(trained["stimulus_emotion"].values))


def axis_strength(trained: Trained, axes: xr.DataArray) -> xr.DataArray:
    """How far the first component of the class means follows each axis: ``(axis, model, fold)``, ``|r|`` over classes.

    ``axes`` are ``(axis, stimulus)``; their class means count. Every fold is a network of its own.
    """
    first = next(iter(trained.values()))
    levels = class_levels(axes.values, as_names(first["stimulus_emotion"].values))
    parts = [components_of(each) for each in trained.values()]
    n_folds = len(parts[0].unit)
    single = [_fold(part, k) for part in parts for k in range(n_folds)]
    absolute = component_scores(single, levels).absolute.reshape(len(levels), len(parts), n_folds)
    coords = {"axis": axes["axis"].values, "model": list(trained)}
    return xr.DataArray(absolute, coords, ("axis", "model", "fold"))


def _fold(part: Components, k: int) -> Components:
    kept = slice(k, k + 1)
    return part._replace(
        unit=part.unit[kept],
        known=part.known[kept],
        directions=part.directions[kept],
        poles=part.poles[kept],
        shares=part.shares[kept],
    )


def confusion(trained: xr.Dataset) -> xr.Dataset:
    """Share of the clips of each emotion that is given each name: ``share (true, predicted)``, rows add up to 1."""
    codes = emotion_codes(trained)
    predicted = most_probable(trained["probability"].sel(snapshot=0).values.astype(np.float64))
    names = as_names(trained["emotion"].values)
    share = np.full((len(names), len(names)), np.nan)
    for true in range(len(names)):
        told = predicted[:, codes == true]
        told = told[told >= 0]
        if told.size:
            share[true] = np.bincount(told, minlength=len(names)) / told.size
    return xr.Dataset({"share": (("true", "predicted"), share)}, {"true": names, "predicted": names})


def cell_patterns(trained: xr.Dataset, tensor: xr.DataArray, emotions: Sequence[str]) -> xr.Dataset:
    """What goes with a decoder's answer: correlation of every cell with its probability of some emotions.

    Over the clips of each tested subject, cells averaged over windows at shift 0, then the mean over subjects: the
    pattern of a decoder, where its weights would be a filter (Haufe et al. 2014, NeuroImage 87). ``r (channel, band)``.
    """
    probability = trained["probability"].sel(snapshot=0)
    own = np.isin(as_names(trained["emotion"].values), emotions)
    answer = probability.values[..., own].sum(axis=-1).astype(np.float64)
    cells = tensor.sel(shift=0.0).mean("window").values.astype(np.float64)
    known = np.isfinite(answer).all(axis=1)
    answer, cells = answer[known], cells[known]
    answer = answer - answer.mean(axis=1, keepdims=True)
    cells = cells - cells.mean(axis=1, keepdims=True)
    product = np.einsum("si,sicb->scb", answer, cells)
    scale = np.sqrt((answer**2).sum(axis=1)[:, None, None] * (cells**2).sum(axis=1))
    r = np.divide(product, scale, out=np.full_like(product, np.nan), where=scale > 0)
    coords = {"channel": as_names(tensor["channel"].values), "band": as_names(tensor["band"].values)}
    return xr.Dataset({"r": (("channel", "band"), np.nanmean(r, axis=0))}, coords)

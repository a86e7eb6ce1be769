"""What a concept activates: one value per emotion and neuron, from labelled comments or from prompts."""

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.invariants import as_names, listed, require_dims, require_unique
from consona.stats.seeds import rng_for

__all__ = ["concept_activations", "prompt_activations"]

DIMS = ("split", "emotion", "layer", "neuron")


def concept_activations(features: Features, labels: xr.DataArray, *, n_splits: int = 1, seed: int) -> xr.DataArray:
    """Mean activation over the comments that carry an emotion, ``(split, emotion, layer, neuron)``, float64.

    ``labels`` is bool ``(stimulus, emotion)``; a comment with several emotions counts for each of them, one without any
    for none. With several splits every comment belongs to one of them, drawn at random so that the carriers of each
    emotion, the rarest first, are shared out as evenly as possible.

    Raises
    ------
    InvalidInput
        When the labels are of other stimuli or not bool, or an emotion has no comment in a split.
    """
    require_dims(labels, ("stimulus", "emotion"), "Labels")
    told = _told(features, labels)
    names = as_names(labels["emotion"].values)
    require_unique(names, "emotions", "Labels")
    split = _shares(told, n_splits, seed=seed)
    weights = (told & (split[:, None] == np.arange(n_splits)[:, None, None])).transpose(0, 2, 1)  # split, emotion, text
    counts = weights.sum(axis=2)
    if (counts == 0).any():
        empty = names[(counts == 0).any(axis=0)]
        raise InvalidInput(
            f"Every emotion needs a comment in each of {n_splits} splits; {listed(empty)} have too few "
            f"({int(told.sum(axis=0).min())} in all for the rarest). Leave them out, or read more comments."
        )
    rows = (weights / counts[:, :, None]).reshape(-1, len(split))
    means = np.stack([rows @ features.layer(layer) for layer in features.layers.tolist()], axis=1)
    found = means.reshape(n_splits, len(names), *means.shape[1:])
    coords = {"split": np.arange(n_splits), "emotion": names, "layer": features.layers}
    array = xr.DataArray(found, coords, DIMS, attrs=features.attrs)
    return array.assign_coords(neuron=np.arange(array.sizes["neuron"]), n_comments=(("split", "emotion"), counts))


def _told(features: Features, labels: xr.DataArray) -> npt.NDArray[np.bool_]:
    """The labels in the order of the features."""
    ids, known = features.ids, as_names(labels["stimulus"].values)
    require_unique(known, "stimulus ids", "Labels")
    place = {name: i for i, name in enumerate(known.tolist())}
    missing = [name for name in ids.tolist() if name not in place]
    if missing or len(ids) != len(known) or labels.dtype != bool:
        raise InvalidInput(
            f"Labels are true or false for each of the {len(ids)} stimuli read; found {labels.dtype} labels of "
            f"{len(known)} stimuli, without {listed(missing)}. Make them from the same stimuli."
        )
    return np.asarray(labels.values[[place[name] for name in ids.tolist()]])


def _shares(told: npt.NDArray[np.bool_], n_splits: int, *, seed: int) -> npt.NDArray[np.int64]:
    """The split of every comment; -1 where it carries no emotion."""
    if n_splits < 1:
        raise InvalidInput(f"{n_splits} splits were asked for; there is at least one. Give n_splits=1 or more.")
    rng = rng_for(seed, "shares of comments", n_splits)
    split = np.full(len(told), -1, dtype=np.int64)
    held = np.zeros((n_splits, told.shape[1]), dtype=np.int64)
    for emotion in np.argsort(told.sum(axis=0), kind="stable"):
        for comment in rng.permutation(np.flatnonzero(told[:, emotion] & (split < 0))):
            fewest = np.flatnonzero(held[:, emotion] == held[:, emotion].min())
            split[comment] = rng.choice(fewest)
            held[split[comment]] += told[comment]
    return split


def prompt_activations(features: Features, emotions: npt.ArrayLike, prompts: npt.ArrayLike) -> xr.DataArray:
    """Activations of one text per emotion and prompt, ``(split, emotion, layer, neuron)``: a split is a prompt.

    ``emotions`` and ``prompts`` name, for each stimulus, the emotion it speaks of and the prompt, template or seed.
    Emotions and prompts keep the order in which they first occur.

    Raises
    ------
    InvalidInput
        When there is not one stimulus for every emotion and prompt.
    """
    emotion, prompt = as_names(emotions), as_names(prompts)
    names, wordings = (list(dict.fromkeys(each.tolist())) for each in (emotion, prompt))
    cell = {(p, e): i for i, (p, e) in enumerate(zip(prompt.tolist(), emotion.tolist(), strict=False))}
    if not len(emotion) == len(prompt) == len(features) == len(cell) == len(names) * len(wordings):
        raise InvalidInput(
            f"Each of {len(names)} emotions is said once with each of {len(wordings)} prompts; found {len(features)} "
            f"stimuli, {len(emotion)} emotions and {len(prompt)} prompts that make {len(cell)} cells. Give one "
            "stimulus for each."
        )
    order = [cell[p, e] for p in wordings for e in names]
    values = features.data.values[order].astype(np.float64)
    found = values.reshape(len(wordings), len(names), *values.shape[1:])
    coords = {"split": np.array(wordings), "emotion": np.array(names), "layer": features.layers}
    array = xr.DataArray(found, coords, DIMS, attrs=features.attrs)
    return array.assign_coords(neuron=np.arange(array.sizes["neuron"]))

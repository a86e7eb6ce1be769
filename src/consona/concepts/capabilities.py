"""What else a model can do: sentiment, sentence length and part of speech, read out linearly from its pooled states."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from consona.concepts.linear_maps import STRENGTHS, Standard, readout_facts, require_penalties
from consona.concepts.readouts import mask_names, require_cells
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.invariants import aligned, as_names, listed
from consona.core.stimuli import Stimuli
from consona.stats.correlation import pearson_columns
from consona.stats.linear_readout import LinearReadout
from consona.stats.seeds import rng_for

__all__ = ["CAPABILITIES", "capability_items", "capability_readout", "capability_scores", "fit_capabilities"]

SENTIMENT, LENGTH, SPEECH = CAPABILITIES = ("sentiment", "sentence length", "part of speech")
NO_LABEL = -1


def capability_items(sentences: Stimuli, words: Stimuli, *, n: int, seed: int) -> Stimuli:
    """Sentences and single words of one split in one table, so that a model reads them together.

    ``n`` sentences, half of each ``label`` (fewer where there are fewer), and all words.

    Returns
    -------
    Stimuli
        ``text``; ``label`` (1, 0; -1 for words); ``n_words`` of a sentence (0 for words); ``word_class`` (empty for
        sentences).

    Raises
    ------
    InvalidInput
        When labels are not 0 and 1, words have one class only, or ids are shared.
    """
    labels = np.asarray(sentences["label"])
    if set(labels.tolist()) != {0, 1}:
        raise InvalidInput(f"Sentences have the labels 0 and 1; found {listed(sorted(set(labels.tolist())))}.")
    _classes(words)
    rng = rng_for(seed, "capabilities")
    half = min(n // 2, *(int((labels == side).sum()) for side in (0, 1)))
    rows = np.sort(np.concatenate([rng.permutation(np.flatnonzero(labels == side))[:half] for side in (0, 1)]))
    chosen = sentences.select(np.isin(np.arange(len(labels)), rows))
    n_words = [len(text.split()) for text in chosen.texts]
    columns = {"text": chosen.texts, "label": chosen["label"], "n_words": n_words, "word_class": ""}
    single = {"text": words.texts, "label": NO_LABEL, "n_words": 0, "word_class": words["word_class"]}
    tables = [pd.DataFrame(columns, chosen.ids.tolist()), pd.DataFrame(single, words.ids.tolist())]
    return Stimuli(pd.concat(tables))


def fit_capabilities(
    train: Features,
    train_items: Stimuli,
    dev: Features,
    dev_items: Stimuli,
    *,
    layer: int = -1,
    strengths: Sequence[float] = STRENGTHS,
) -> xr.Dataset:
    """Linear maps for three capabilities of the intact model: train on train, choose the penalty on dev.

    Sentiment is a logistic regression on the sentences, sentence length a ridge regression with the number of words,
    part of speech a softmax regression on single words.

    Parameters
    ----------
    train, dev
        States of the items of either split.
    train_items, dev_items
        See :func:`capability_items`; put in order by id.
    layer
        Which of the layers held; negative numbers count from the last.
    strengths
        Penalties, see :class:`~consona.concepts.linear_maps.Standard`.

    Returns
    -------
    xr.Dataset
        ``weight (output, feature)``, ``bias (output)``, ``dev_score`` and ``strength`` ``(capability)``. Outputs are
        sentiment, sentence length, and one per word class.

    Raises
    ------
    InvalidInput
        When ids differ, splits share texts, or a class is missing from either.
    """
    facts = readout_facts(train, dev, layer)
    shared = {text.lower() for text in train_items.texts} & {text.lower() for text in dev_items.texts}
    if shared:
        raise InvalidInput(f"Texts are in both splits: {listed(sorted(shared))}. Leave them out of one.")
    classes = _classes(train_items)
    if classes != _classes(dev_items):
        raise InvalidInput(f"Word classes are {listed(classes)} and {listed(_classes(dev_items))}. Use the same.")
    states, held = _arranged(train, train_items, layer), _arranged(dev, dev_items, layer)
    penalties = require_penalties(strengths)
    fits = []
    for name in CAPABILITIES:
        learnt, asked = _rows(name, train_items), _rows(name, dev_items)
        standard, goal = Standard.of(states[learnt]), _targets(name, train_items, classes)
        maps = standard.ridge(goal, penalties) if name == LENGTH else standard.logistic(goal, penalties)
        truth = _targets(name, dev_items, classes)
        scores = [float(_score(name, each(held[asked])[None], truth)[0]) for each in maps]
        best = int(np.nanargmax(scores))
        fits.append((maps[best], scores[best], penalties[best]))
    return xr.Dataset(
        {
            "weight": (("output", "feature"), np.concatenate([each.weight for each, _, _ in fits])),
            "bias": ("output", np.concatenate([each.bias for each, _, _ in fits])),
            "dev_score": ("capability", [score for _, score, _ in fits]),
            "strength": ("capability", [strength for _, _, strength in fits]),
        },
        {"output": [SENTIMENT, LENGTH, *classes], "capability": list(CAPABILITIES)},
        facts,
    )


def capability_readout(capabilities: xr.Dataset, items: Stimuli) -> LinearReadout:
    """What must be read of a model to score the items: cells in the order of capability, output and item.

    Raises
    ------
    InvalidInput
        When the items hold no sentences of both labels, or other word classes than the maps.
    """
    classes = _fitted_classes(capabilities, items)
    stimulus, output = [], []
    for name in CAPABILITIES:
        ids = items.ids[_rows(name, items)]
        for each in _outputs(name, classes):
            stimulus.append(ids)
            output.append(np.repeat(each, len(ids)))
    return LinearReadout(
        as_names(capabilities["output"].values),
        capabilities["weight"].values,
        capabilities["bias"].values,
        np.concatenate(stimulus),
        np.concatenate(output),
    )


def capability_scores(cells: xr.DataArray, items: Stimuli, capabilities: xr.Dataset) -> xr.DataArray:
    """How well each edited model does at what has nothing to do with emotion concepts.

    Parameters
    ----------
    cells
        ``(mask, cell)``: outputs in the order of :func:`capability_readout`.
    items, capabilities
        As given to :func:`capability_readout`.

    Returns
    -------
    xr.DataArray
        ``(mask, capability)``: accuracy of sentiment (chance .5), correlation with the number of words, accuracy of the
        word class (the largest output; chance 1 in the number of classes). NaN where an output is NaN, and for a
        correlation where it does not vary; attrs count these as ``n_undefined``.

    Raises
    ------
    InvalidInput
        When the cells are not those of the items.
    """
    values = require_cells(cells, capability_readout(capabilities, items))
    classes = _fitted_classes(capabilities, items)
    scores, start = [], 0
    for name in CAPABILITIES:
        shape = (len(values), len(_outputs(name, classes)), int(_rows(name, items).sum()))
        block = values[:, start : start + shape[1] * shape[2]].reshape(shape).transpose(0, 2, 1)
        scores.append(_score(name, block, _targets(name, items, classes)))
        start += shape[1] * shape[2]
    found = np.stack(scores, axis=1)
    coords = {"mask": mask_names(cells), "capability": list(CAPABILITIES)}
    return xr.DataArray(found, coords, ("mask", "capability"), attrs={"n_undefined": int(np.isnan(found).sum())})


def _rows(name: str, items: Stimuli) -> npt.NDArray[np.bool_]:
    words = np.asarray(items["label"]) == NO_LABEL
    return words if name == SPEECH else ~words


def _targets(name: str, items: Stimuli, classes: list[str]) -> npt.NDArray[np.float64]:
    """What is to be told of the rows of a capability; a word class as its place among the classes."""
    if name == SPEECH:
        values = [classes.index(each) if each else NO_LABEL for each in items["word_class"].tolist()]
    else:
        values = items["label" if name == SENTIMENT else "n_words"].tolist()
    return np.asarray(values, dtype=np.float64)[_rows(name, items)]


def _outputs(name: str, classes: list[str]) -> list[str]:
    return classes if name == SPEECH else [name]


def _score(name: str, outputs: np.ndarray, goal: np.ndarray) -> npt.NDArray[np.float64]:
    """One score per mask of ``outputs (n_masks, n_rows, n_outputs)``."""
    defined = np.isfinite(outputs).all(axis=(1, 2))
    outputs = np.where(defined[:, None, None], outputs, 0.0)
    if name == LENGTH:
        found = pearson_columns(outputs[:, :, 0].T, np.tile(goal[:, None], (1, len(outputs))))
    elif name == SPEECH:
        found = (outputs.argmax(axis=2) == goal).mean(axis=1)
    else:
        found = ((outputs[:, :, 0] > 0) == (goal == 1)).mean(axis=1)
    return np.where(defined, found, np.nan)


def _arranged(features: Features, items: Stimuli, layer: int) -> npt.NDArray[np.float64]:
    """States of one layer in the order of the items."""
    order = aligned(items.ids, features.ids, ("Items", "states"))
    return features.layer(layer).astype(np.float64)[order]


def _classes(words: Stimuli) -> list[str]:
    classes = sorted(set(words["word_class"].tolist()) - {""})
    if len(classes) < 2:
        raise InvalidInput(f"Part of speech needs words of two classes or more; found {listed(classes)}. Add words.")
    return classes


def _fitted_classes(capabilities: xr.Dataset, items: Stimuli) -> list[str]:
    fitted = as_names(capabilities["output"].values).tolist()[2:]
    odd = sorted(set(_classes(items)) - set(fitted))
    if odd:
        raise InvalidInput(
            f"Items have words of the class {listed(odd)}; the maps know {listed(fitted)}. Leave them out."
        )
    return [str(name) for name in fitted]

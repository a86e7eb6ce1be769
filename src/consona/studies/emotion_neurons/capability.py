"""What else the model can do, and what silence costs there: sentiment, length, part of speech, the next word."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from consona.concepts.capabilities import (
    capability_items,
    capability_readout,
    capability_scores,
    fit_capabilities,
)
from consona.core.intervention import AblateNeurons
from consona.core.stimuli import Stimuli
from consona.datasets.sst2 import load_sst2
from consona.datasets.twins import sentiment_twin
from consona.datasets.word_classes import load_word_classes
from consona.studies.emotion_neurons.names import slug

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.emotion_neurons.reading import Read
    from consona.studies.emotion_neurons.study import EmotionNeurons

INTACT, WORDING = "intact", "next word"
N_SENTENCES = {"train": 1000, "dev": 200, "test": 200}


@dataclass(frozen=True)
class Capabilities:
    """Scores ``(attribute, mask, capability)`` with the selected mask first, and ``(capability)`` of the intact model.

    ``fitted``: the maps, with their scores on the split that chose the penalty.
    """

    scores: xr.DataArray
    intact: xr.DataArray
    fitted: xr.Dataset

    @property
    def drop(self) -> xr.DataArray:
        """What the masks cost, ``(attribute, mask, capability)``."""
        return self.intact - self.scores


def capabilities(
    study: "EmotionNeurons", run: "Run", read: "Read", masks: xr.DataArray, fills: xr.DataArray
) -> Capabilities:
    """Read-outs of other things, fitted on the intact model, under the same masks."""
    items = _items(study, run)
    lm, how = read.lm, {"layers": [-1], "pooling": read.sweep.pooling}
    states = {name: run.step(f"capability-states-{name}", lm.capture, items[name], **how) for name in ("train", "dev")}
    given = (states["train"], items["train"], states["dev"], items["dev"])
    fitted = run.step("capability-readouts", fit_capabilities, *given)
    test, readout = items["test"], capability_readout(fitted, items["test"])
    several = {
        slug(str(name)): (test, masks.sel(attribute=name).drop_vars("attribute"), fills, readout)
        for name in masks["attribute"].values
    }
    found = run.each("capability", read.sweep.cells, several)
    none = xr.zeros_like(masks.isel(attribute=0, mask=[0], drop=True))
    whole = run.step("capability-intact", read.sweep.cells, test, none, fills, readout)
    scores = [capability_scores(cells, test, fitted) for cells in found.values()]
    both = xr.concat(scores, "attribute").assign_coords(attribute=masks["attribute"].values)
    intact = capability_scores(whole, test, fitted).isel(mask=0, drop=True)
    known = Capabilities(both, intact, fitted)
    return known if lm.head is None else _with_wording(run, read, known, _Words(test, masks, fills))


@dataclass(frozen=True)
class _Words:
    """Sentences whose next words a model with an output layer is asked for, and what is silenced meanwhile."""

    items: Stimuli
    masks: xr.DataArray
    fills: xr.DataArray


def _with_wording(run: "Run", read: "Read", found: Capabilities, words: _Words) -> Capabilities:
    """The same with the mean log probability of a token in nats: minus the logarithm of the perplexity."""
    sentences = words.items.select(np.asarray(words.items["n_words"]) > 1)
    several: dict[str, tuple[Stimuli, dict[str, tuple[AblateNeurons, ...]]]] = {INTACT: (sentences, {INTACT: ()})}
    for name in words.masks["attribute"].values:
        own = words.masks.sel(attribute=name, drop=True)
        edits = {
            str(mask): AblateNeurons.of_mask(own.sel(mask=mask, drop=True), words.fills) for mask in own["mask"].values
        }
        several[slug(str(name))] = (sentences, edits)
    said = {name: -each.mean("stimulus") for name, each in run.each("surprisal", read.sweep.surprisal, several).items()}
    whole = xr.DataArray(said.pop(INTACT).values, {"capability": [WORDING]}, ("capability",))
    values = np.stack([each.values for each in said.values()])[:, :, None]
    coords = {"attribute": found.scores["attribute"], "mask": found.scores["mask"], "capability": [WORDING]}
    scores = xr.DataArray(values, coords, ("attribute", "mask", "capability"))
    return Capabilities(
        xr.concat([found.scores, scores], "capability"), xr.concat([found.intact, whole], "capability"), found.fitted
    )


def _items(study: "EmotionNeurons", run: "Run") -> dict[str, Stimuli]:
    """Sentences and words by split; of made-up sentences every third goes to each."""
    sentences = {}
    if study.texts == "twin":
        data = sentiment_twin(seed=study.seed)
        run.note_dataset(data)
        ids = data.stimuli.ids
        sentences = {name: data.stimuli.select(ids[place::3]) for place, name in enumerate(N_SENTENCES)}
    else:
        for name in N_SENTENCES:
            data = load_sst2(name)
            run.note_dataset(data)
            sentences[name] = data.stimuli
    share = 1.0 if study.size == "full" else 0.2
    return {
        name: capability_items(sentences[name], load_word_classes(name), n=round(n * share), seed=study.seed)
        for name, n in N_SENTENCES.items()
    }

"""How the study reads comments with a model: what concepts activate, and the read-outs of emotions."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import xarray as xr

from consona.concepts.concept_activations import concept_activations, prompt_activations
from consona.concepts.readouts import fit_readouts
from consona.core.features import Features
from consona.studies.emotion_neurons.material import Material

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.lm.model import LanguageModel
    from consona.lm.pooling import Pooling
    from consona.lm.sweeps import Sweep
    from consona.studies.emotion_neurons.study import EmotionNeurons

N_REFERENCE = 2000
"""Comments over which the mean of every neuron is taken, and from which tokens are drawn for resampling."""


@dataclass(frozen=True)
class Read:
    """Activations per concept ``(split, emotion, layer, neuron)``: as asked for, in two halves, from the other source.

    ``states``: pooled last states of the comments by split. ``moments (layer, neuron)``: of every neuron over tokens.
    """

    lm: "LanguageModel"
    sweep: "Sweep"
    concepts: xr.DataArray
    halves: xr.DataArray
    other: xr.DataArray
    states: dict[str, Features]
    readouts: xr.Dataset
    moments: xr.Dataset

    @property
    def n_neurons(self) -> int:
        """Neurons of all layers together."""
        return int(self.concepts.sizes["layer"] * self.concepts.sizes["neuron"])


def read(study: "EmotionNeurons", run: "Run", material: Material) -> Read:
    """Read the training comments at every neuron, all comments at the end, and fit the read-outs."""
    from consona.lm.loading import load_language_model
    from consona.lm.sweeps import Sweep

    lm = load_language_model(study.model, revision=study.revision, dtype=study.dtype, device=run.execution.device)
    run.note_model(lm.describe())
    pooling = pooling_of(study, lm)
    sweep = Sweep(lm, layer=-1, pooling=pooling)
    train, seed = material.comments["train"], study.seed
    halves, comments = at_neurons(run, lm, material, pooling, seed, name="comments")
    named = run.step("neurons-prompts", lm.capture, material.prompts, site="mlp.act", pooling=pooling)
    given = (material.prompts["emotion"], material.prompts["prompt"])
    prompts = run.step("concepts-prompts", prompt_activations, named, *given)
    states = {
        name: run.step(f"states-{name}", lm.capture, each, layers=[-1], pooling=pooling)
        for name, each in material.comments.items()
        if name != "test"
    }
    readouts = run.step(
        "readouts",
        fit_readouts,
        *(part for name in ("train", "dev") for part in (states[name], material.labels[name])),
    )
    run.evidence("CON002", where="readouts", what="penalty", n_candidates=7, chosen_on="training folds")
    moments = run.step("moments", sweep.moments, train.select(train.ids[:N_REFERENCE]))
    if study.source == "prompts":
        return Read(lm, sweep, prompts, in_halves(prompts), comments, states, readouts, moments)
    return Read(lm, sweep, comments, halves, prompts, states, readouts, moments)


def in_halves(concepts: xr.DataArray) -> xr.DataArray:
    """Every other split averaged, ``split`` 0 and 1."""
    halves = [concepts.isel(split=slice(start, None, 2)).mean("split") for start in (0, 1)]
    return xr.concat(halves, "split").assign_coords(split=[0, 1]).transpose(*concepts.dims)


def pooling_of(study: "EmotionNeurons", lm: "LanguageModel") -> "Pooling":
    """Tokens read; the last token of a model that reads both ways means nothing, so its mean."""
    if study.pooling != "auto":
        return study.pooling
    return "last" if lm.causal else "mean"


def at_neurons(
    run: "Run", lm: "LanguageModel", material: Material, pooling: "Pooling", seed: int, *, name: str
) -> tuple[xr.DataArray, xr.DataArray]:
    """Concept activations of one model, in two halves and as a whole; as many comments of every emotion."""
    train, labels = material.comments["train"], material.equal
    features = run.step(f"neurons-{name}", lm.capture, train, site="mlp.act", pooling=pooling)
    halves = run.step(f"halves-{name}", concept_activations, features, labels, n_splits=2, seed=seed)
    whole = run.step(f"concepts-{name}", concept_activations, features, labels, n_splits=1, seed=seed)
    return halves, whole

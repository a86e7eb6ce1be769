"""Which neurons go with which attribute, how many would by chance, and how distinct the sets are."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import xarray as xr

from consona.alignment.simple_features import bag_of_words
from consona.concepts.concept_activations import concept_activations
from consona.concepts.neurons import (
    distinct_neurons,
    distinctness,
    neuron_rsa,
    neurons_below_q,
    overlap,
    top_neurons,
)
from consona.studies.emotion_neurons.material import Material
from consona.studies.emotion_neurons.reading import Read, at_neurons, pooling_of

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.emotion_neurons.study import EmotionNeurons

TWIN, WORDS, PROMPTS = "untrained twin", "bag of words", "concept words"


@dataclass(frozen=True)
class Selected:
    """Tau and p of every neuron with every attribute, the chosen sets, and the same for what knows no emotion.

    ``others``: results of :func:`neuron_rsa` for an untrained twin, a bag of words, and concept words. ``n``: neurons
    in a set. ``concepts``: activations the sets were chosen by, and ``without``, those of the first two.
    """

    rsa: xr.Dataset
    masks: xr.DataArray
    n: int
    others: dict[str, xr.Dataset]
    distinct: xr.Dataset
    jaccard: xr.DataArray
    concepts: xr.DataArray
    without: dict[str, xr.DataArray]


def select(study: "EmotionNeurons", run: "Run", material: Material, read: Read) -> Selected:
    """The neurons of every attribute, chosen on training comments alone."""
    from consona.lm.random_weights import random_twin
    from consona.lm.sign_product import int8_product

    counts, seed = study.counts, study.seed
    how = {"n_permutations": counts.n_permutations, "product": int8_product, "seed": seed}
    rsa = run.step("rsa", neuron_rsa, read.concepts, material.attributes, **how)
    n = round(study.share * read.n_neurons)
    masks = run.step("selected", *_way(study, rsa, n))
    twin = random_twin(read.lm, seed=seed)
    _, untrained = at_neurons(run, twin, material, pooling_of(study, twin), seed, name="twin")
    words = run.step("words", bag_of_words, material.comments["train"])
    counted = run.step("concepts-words", concept_activations, words, material.labels["train"], n_splits=1, seed=seed)
    several = {TWIN: untrained, WORDS: counted, PROMPTS: read.prompts}
    others = {
        name: run.step(f"rsa-{name.replace(' ', '-')}", neuron_rsa, each, material.attributes, **how)
        for name, each in several.items()
    }
    given = {**how, "n_permutations": counts.n_halves}
    distinct = run.step("distinctness", distinctness, read.halves, material.attributes, n, **given)
    run.evidence("CON002", where="neurons", what="neurons", n_candidates=read.n_neurons, chosen_on="training folds")
    jaccard = run.step("overlap", overlap, masks)
    without = {name: several[name] for name in (TWIN, WORDS)}
    return Selected(rsa, masks, n, others, distinct, jaccard, read.concepts, without)


def _way(study: "EmotionNeurons", rsa: xr.Dataset, n: int) -> tuple[Any, ...]:
    """The function that chooses, and what it is given."""
    if study.selection == "q":
        return neurons_below_q, rsa, study.q
    return (distinct_neurons if study.selection == "distinct" else top_neurons), rsa, n

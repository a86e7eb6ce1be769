"""Which neurons go with which attribute, how many would by chance, and how distinct the sets are."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from scipy.special import ndtr

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
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.stats.correlation import pearson_columns
from consona.stats.neuron_tau import Product
from consona.stats.permutation import p_value
from consona.stats.seeds import rng_for
from consona.studies.emotion_neurons.material import Material
from consona.studies.emotion_neurons.reading import Read, at_neurons, pooling_of

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.emotion_neurons.study import EmotionNeurons

TWIN, WORDS = "untrained twin", "bag of words"


@dataclass(frozen=True)
class Selected:
    """Tau and p of every neuron with every attribute, the chosen sets, and the same for what knows no emotion.

    ``others``: results of :func:`neuron_rsa` for an untrained twin and a bag of words. ``n``: neurons in a set.
    ``concepts``: activations the sets were chosen by, and ``without``, those of the other two.
    ``agreed``: see :func:`agreement`.
    """

    rsa: xr.Dataset
    masks: xr.DataArray
    n: int
    others: dict[str, xr.Dataset]
    distinct: xr.Dataset
    jaccard: xr.DataArray
    concepts: xr.DataArray
    without: dict[str, xr.DataArray]
    agreed: xr.Dataset


def select(study: "EmotionNeurons", run: "Run", material: Material, read: Read) -> Selected:
    """The neurons of every attribute, chosen on training comments alone."""
    from consona.lm.random_weights import random_twin
    from consona.lm.sign_product import int8_product

    counts, seed = study.counts, study.seed
    how = {"n_permutations": counts.n_permutations, "product": int8_product, "seed": seed}
    rsa = run.step("rsa", neuron_rsa, read.concepts, material.attributes, **how)
    n = round(study.share * read.n_neurons)
    if n < 1:
        raise InvalidInput(f"A share of {study.share:g} of {read.n_neurons} neurons is none. Take a larger share.")
    masks = run.step("selected", *_way(study, rsa, n))
    twin = random_twin(read.lm, seed=seed)
    _, untrained = at_neurons(run, twin, material, pooling_of(study, twin), seed, name="twin")
    words = run.step("words", bag_of_words, material.comments["train"])
    size = read.concepts.sizes["layer"], read.concepts.sizes["neuron"]
    mixed = run.step("words-mixed", mixed_words, words, *size, seed=seed)
    counted = run.step("concepts-words", concept_activations, mixed, material.equal, n_splits=1, seed=seed)
    without = {TWIN: untrained, WORDS: counted}
    others = {
        name: run.step(f"rsa-{name.replace(' ', '-')}", neuron_rsa, each, material.attributes, **how)
        for name, each in without.items()
    }
    given = {**how, "n_permutations": counts.n_halves}
    distinct = run.step("distinctness", distinctness, read.halves, material.attributes, n, **given)
    run.evidence("CON002", where="neurons", what="neurons", n_candidates=read.n_neurons, chosen_on="training folds")
    jaccard = run.step("overlap", overlap, masks)
    few = {"n": counts.n_few, "product": int8_product, "seed": seed}
    agreed = run.step("agreement", agreement, read.concepts, read.other, material.attributes, **few)
    return Selected(rsa, masks, n, others, distinct, jaccard, read.concepts, without, agreed)


def mixed_words(words: Features, n_layers: int, n_neurons: int, *, seed: int) -> Features:
    """Word counts as a network of one random layer sees them: as many units as the model has neurons, each of its own.

    Logarithms of counts, every word with SD 1, times a random matrix, through the nonlinearity of most transformers
    (GELU): so that counts and neurons differ in what they know, not in number, sparsity or ties.
    """
    X = np.log1p(words.layer(0).astype(np.float64))
    sd = X.std(axis=0)
    Z = np.divide(X - X.mean(axis=0), sd, out=np.zeros_like(X), where=sd > 0)
    rng = rng_for(seed, "mixed words")
    drive = Z @ rng.standard_normal((Z.shape[1], n_layers * n_neurons)) / np.sqrt(Z.shape[1])
    units = (drive * ndtr(drive)).astype(np.float32).reshape(len(Z), n_layers, n_neurons)
    coords = {"stimulus": words.ids, "layer": np.arange(n_layers)}
    data = xr.DataArray(units, coords, ("stimulus", "layer", "feature"), attrs={"site": "word counts, mixed"})
    return Features(data)


def agreement(
    concepts: xr.DataArray, other: xr.DataArray, attributes: xr.DataArray, *, n: int, product: Product, seed: int
) -> xr.Dataset:
    """Do neurons that follow an attribute in comments follow it when the concept is only named?

    ``r (attribute)``: correlation over neurons of both taus; ``null (permutation)``: its mean over attributes where
    their emotions change places, by one order for both, so that neurons are as reliable as ever; one-sided ``p``.
    """
    orders = [rng_for(seed, "agreement", number).permutation(attributes.sizes["emotion"]) for number in range(n)]
    every = [attributes, *(reordered(attributes, order) for order in orders)]
    r = np.stack([_tau_agreement(concepts, other, each, product) for each in every])
    p = float(p_value(r[0].mean(), r[1:].mean(axis=1)))
    data = {"r": ("attribute", r[0]), "null": ("permutation", r[1:].mean(axis=1))}
    return xr.Dataset(data, {"attribute": attributes["attribute"].values}, {"p": p})


def reordered(attributes: xr.DataArray, order: np.ndarray) -> xr.DataArray:
    """The attributes with their emotions in another order, the same for all: their own correlations are kept."""
    whole = attributes.transpose("emotion", "attribute")
    return whole.copy(data=whole.values[order])


def _tau_agreement(
    concepts: xr.DataArray, other: xr.DataArray, attributes: xr.DataArray, product: Product
) -> np.ndarray:
    n = attributes.sizes["attribute"]
    both = [
        neuron_rsa(each, attributes, n_permutations=0, product=product, seed=0)["tau"].values.reshape(n, -1)
        for each in (concepts, other)
    ]
    known = np.isfinite(both[0][0]) & np.isfinite(both[1][0])
    return pearson_columns(both[0][:, known].T, both[1][:, known].T)


def _way(study: "EmotionNeurons", rsa: xr.Dataset, n: int) -> tuple[Any, ...]:
    """The function that chooses, and what it is given."""
    if study.selection == "q":
        return neurons_below_q, rsa, study.q
    return (distinct_neurons if study.selection == "distinct" else top_neurons), rsa, n

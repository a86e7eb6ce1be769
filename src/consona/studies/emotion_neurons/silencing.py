"""The causal test: the neurons of every attribute are silenced, and so are random ones that match them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import xarray as xr

from consona.concepts.masks import outlier_neurons, random_masks
from consona.concepts.neurons import neuron_rsa, top_neurons
from consona.concepts.readouts import graded, linear_readout
from consona.stats.linear_readout import LinearReadout
from consona.stats.neuron_tau import float_product
from consona.stats.seeds import rng_for
from consona.studies.emotion_neurons.capability import Capabilities, capabilities
from consona.studies.emotion_neurons.material import Material
from consona.studies.emotion_neurons.names import (
    DISJOINT,
    MATCHED,
    ORDINARY,
    RESAMPLED,
    SHUFFLED,
    UNIFORM,
    ZERO,
    slug,
)
from consona.studies.emotion_neurons.reading import N_REFERENCE, Read
from consona.studies.emotion_neurons.selection import Selected, reordered

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.emotion_neurons.study import EmotionNeurons

SELECTED = "selected"
N_BANK = 512
__all__ = ["Condition", "Silenced", "silence"]


@dataclass(frozen=True)
class Condition:
    """One way of silencing: accuracy of the intact model, of the selected masks and of random ones.

    ``accuracy (attribute, mask, readout, emotion)`` with the selected mask first; ``intact (readout, emotion)``; the
    same for the area under the curve. ``n`` neurons are silenced.
    """

    accuracy: xr.DataArray
    auc: xr.DataArray
    intact: xr.Dataset
    n: int

    def drop(self, readout: str, measure: str = "accuracy") -> xr.DataArray:
        """What the masks cost, ``(attribute, mask, emotion)``, the selected one first."""
        table = self.accuracy if measure == "accuracy" else self.auc
        cost: xr.DataArray = self.intact[measure].sel(readout=readout) - table.sel(readout=readout)
        return cost.transpose("attribute", "mask", "emotion")


@dataclass(frozen=True)
class Silenced:
    """Everything that was silenced: the declared condition, further kinds, sizes and families, and capabilities."""

    masks: xr.DataArray
    declared: Condition
    kinds: dict[str, Condition]
    doses: dict[float, Condition]
    families: dict[str, Condition]
    shuffled: xr.DataArray
    capabilities: Capabilities
    outliers: xr.DataArray
    moments: xr.Dataset


def silence(study: "EmotionNeurons", run: "Run", material: Material, read: Read, chosen: Selected) -> Silenced:
    """Silence by the declared rule first, then by every other one."""
    counts, seed = study.counts, study.seed
    outliers = run.step("outliers", outlier_neurons, read.moments)
    bench = _Bench(study, run, material, read)
    draws = run.step("random", random_masks, chosen.masks, read.moments, family=MATCHED, n=counts.n_masks, seed=seed)
    masks = with_selected(chosen.masks, draws)
    mean = read.moments["mean"]
    few = masks.isel(mask=slice(0, 1 + counts.n_few))
    how = {"among": ~outliers | chosen.masks.any("attribute"), "n": counts.n_few, "seed": seed}
    shuffled = run.step("random-shuffled", shuffled_masks, read.concepts, material.attributes, chosen.n, **how)
    bank = run.step("bank", read.sweep.bank, _reference(material), n=N_BANK, seed=seed)
    return Silenced(
        masks,
        bench.condition("declared", masks, mean, described=False),
        {ZERO: bench.condition(ZERO, few, xr.zeros_like(mean)), RESAMPLED: bench.condition(RESAMPLED, few, bank)},
        _doses(study, run, bench, (read, chosen)),
        _families(run, bench, chosen, shuffled, few & ~outliers),
        shuffled,
        capabilities(study, run, read, few, mean),
        outliers,
        read.moments,
    )


def with_selected(selected: xr.DataArray, draws: xr.DataArray) -> xr.DataArray:
    """Selected and random masks in one array ``(attribute, mask, layer, neuron)``, the selected one first."""
    first = selected.expand_dims(mask=[SELECTED]).transpose("attribute", "mask", "layer", "neuron")
    return xr.concat([first, draws.transpose("attribute", "mask", "layer", "neuron")], "mask", coords="minimal")


@dataclass(frozen=True)
class _Bench:
    """Where masks are tried: the same model, comments and read-outs for all."""

    study: "EmotionNeurons"
    run: "Run"
    material: Material
    read: Read

    def condition(self, name: str, masks: xr.DataArray, fills: xr.DataArray, *, described: bool = True) -> Condition:
        """Silence every mask, in shards of some masks of one attribute; ``described`` tests take fewer comments."""
        items, stimuli = self.material.items_of(described)
        readout = linear_readout(self.read.readouts, items)
        none = xr.zeros_like(masks.isel(attribute=0, mask=[0])).drop_vars("attribute", errors="ignore")
        many = self.run.each(f"silenced-{name}", self.read.sweep.cells, self._given(stimuli, masks, fills, readout))
        label = "few" if described else "declared"
        whole = self.run.step(
            f"intact-{label}", self.read.sweep.cells, stimuli, none, xr.zeros_like(self.read.moments["mean"]), readout
        )
        scored = [self._graded(many, str(attribute), items) for attribute in masks["attribute"].values]
        both = xr.concat(scored, "attribute", coords="minimal").assign_coords(attribute=masks["attribute"].values)
        intact = graded(whole, items, self.read.readouts).isel(mask=0)
        n = int(masks.isel(mask=0).sum(("layer", "neuron")).max())
        return Condition(both["accuracy"], both["auc"], intact, n)

    def _given(
        self, stimuli: Any, masks: xr.DataArray, fills: xr.DataArray, readout: LinearReadout
    ) -> dict[str, tuple[Any, ...]]:
        size = self.study.counts.block
        given = {}
        for attribute in masks["attribute"].values:
            own = masks.sel(attribute=attribute).drop_vars("attribute")
            for start in range(0, own.sizes["mask"], size):
                block = own.isel(mask=slice(start, start + size))
                given[f"{slug(str(attribute))}-{start}"] = (stimuli, block, fills, readout)
        return given

    def _graded(self, many: dict[str, xr.DataArray], attribute: str, items: xr.Dataset) -> xr.Dataset:
        blocks = [cells for name, cells in many.items() if name.rsplit("-", 1)[0] == slug(attribute)]
        return graded(xr.concat(blocks, "mask"), items, self.read.readouts)


def _reference(material: Material) -> Any:
    train = material.comments["train"]
    return train.select(train.ids[:N_REFERENCE])


def _doses(study: "EmotionNeurons", run: "Run", bench: _Bench, known: tuple[Read, Selected]) -> dict[float, Condition]:
    """Other numbers of neurons, each with random masks of its own."""
    read, chosen = known
    found = {}
    for share in study.counts.doses:
        n = round(share * read.n_neurons)
        selected = run.step(f"selected-{n}", top_neurons, chosen.rsa, n)
        how = {"family": MATCHED, "n": study.counts.n_few, "seed": study.seed}
        draws = run.step(f"random-{n}", random_masks, selected, read.moments, **how)
        masks = with_selected(selected, draws)
        found[share] = bench.condition(f"dose-{n}", masks, read.moments["mean"])
    return found


def _families(
    run: "Run", bench: "_Bench", chosen: Selected, shuffled: xr.DataArray, ordinary: xr.DataArray
) -> dict[str, Condition]:
    """Other masks: random ones without any selected neuron, wholly random ones, those selected for a shuffled
    attribute, and the declared ones without outlier units.
    """
    study, read = bench.study, bench.read
    mean, n_few, seed = read.moments["mean"], study.counts.n_few, study.seed
    disjoint = run.step(
        "random-disjoint", random_masks, chosen.masks, read.moments, family=DISJOINT, n=n_few, seed=seed
    )
    one = chosen.masks.isel(attribute=[0])
    uniform = run.step("random-uniform", random_masks, one, read.moments, family=UNIFORM, n=n_few, seed=seed)
    return {
        DISJOINT: bench.condition("disjoint", with_selected(chosen.masks, disjoint), mean),
        UNIFORM: bench.condition("uniform", with_selected(one, uniform), mean),
        SHUFFLED: bench.condition("shuffled", with_selected(chosen.masks, shuffled), mean, described=False),
        ORDINARY: bench.condition("ordinary", ordinary, mean),
    }


def shuffled_masks(
    concepts: xr.DataArray, attributes: xr.DataArray, n_neurons: int, *, among: xr.DataArray, n: int, seed: int
) -> xr.DataArray:
    """Sets chosen as ever, for attributes whose emotions changed places: ``(attribute, mask, layer, neuron)``.

    All attributes are shuffled by one order at a time, so their own correlations are kept. Only neurons of ``among
    (layer, neuron)`` are chosen: one outlier unit costs more than a thousand other neurons, and a set that has it by
    chance would hide what the others do.
    """
    found = []
    for number in range(n):
        order = rng_for(seed, "shuffled attribute", number).permutation(attributes.sizes["emotion"])
        rsa = neuron_rsa(concepts, reordered(attributes, order), n_permutations=0, product=float_product, seed=seed)
        chosen = top_neurons(rsa.assign(tau=rsa["tau"].where(among)), n_neurons)
        found.append(chosen.expand_dims(mask=[f"shuffled {number}"]))
    return xr.concat(found, "mask").transpose("attribute", "mask", "layer", "neuron")

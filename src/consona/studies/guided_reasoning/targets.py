"""What the states of an arm are drawn to: maps to brains, and states that guidance arrived at."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from consona.core.features import Features
from consona.core.stimuli import Stimuli
from consona.stats.brain_guidance import BrainMap, Objective, Similarity, similarity_of
from consona.studies.guided_reasoning.answering import right
from consona.studies.guided_reasoning.steering import layers_of

if TYPE_CHECKING:
    from consona.training.guided_targets import GuidedTarget, StateTarget
    from consona.training.tuning_recipe import TuningRecipe


def aimed(
    recipe: "TuningRecipe",
    name: str,
    states: Features,
    train: Stimuli,
    brain: xr.DataArray | None,
    counts: xr.DataArray,
) -> tuple["GuidedTarget | None", "TuningRecipe"]:
    """The target and the recipe with its weight; labels alone where there is no brain or no pattern counts."""
    push = 0.0 if brain is None else push_of(states, train, brain, counts)
    if brain is None or push == 0:
        return None, recipe
    weight = recipe.state_weight / push
    return target_of(name, states, train, brain, counts), replace(recipe, state_weight=weight)


def regression_target(states: Features, problems: Stimuli, shift: xr.Dataset) -> "StateTarget":
    """States moved by the shortest success of any person, and states to be kept where the model was right."""
    from consona.training.guided_targets import shifted_target

    success = shift["success"].transpose("subject", "stimulus").values.astype(bool)
    moves = shift["shift"].transpose("subject", "stimulus", "layer", "feature")
    length = np.where(success, np.sqrt((moves.values**2).sum(axis=(2, 3))), np.inf)
    won = success.any(axis=0)
    nearest = moves.values[length.argmin(axis=0), np.arange(length.shape[1])]
    coords = {"stimulus": moves["stimulus"].values[won], "layer": moves["layer"].values}
    moved = xr.DataArray(nearest[won], coords, ("stimulus", "layer", "feature"))
    good = right(shift["before"], problems)
    kept = [str(each) for each in problems.ids[good]]
    return shifted_target("guided states", states, moved, kept)


def target_of(name: str, states: Features, train: Stimuli, brain: xr.DataArray, counts: xr.DataArray) -> "GuidedTarget":
    """Frozen maps of every person, kind and middle layer, fitted on states of the model before it is tuned.

    Patterns are compared without their mean, which all problems share and which says nothing about any; brains of one
    number, whose cosine would be a sign, with it.
    """
    from consona.training.guided_targets import BrainTerm, GuidedTarget

    layers, terms = layers_of(len(states.layers)), []
    for ids in _by_kind(train, brain):
        maps, brains, people = _maps(states, ids, brain, counts)
        terms.append(BrainTerm.of(ids, maps, brains, people))
    return GuidedTarget(name, layers, tuple(terms))


def push_of(states: Features, train: Stimuli, brain: xr.DataArray, counts: xr.DataArray) -> float:
    """How hard a brain pulls at first: the gradient of the cosine per spread of the states, root mean square.

    Arms divide the weight of their brain by it, so that all pull equally hard at the states of the first step. 0 where
    no pattern counts.
    """
    sizes = []
    for ids in _by_kind(train, brain):
        maps, brains, people = _maps(states, ids, brain, counts)
        for one, similarity, counted_in in zip(maps, brains, people, strict=True):
            for layer, each in zip(layers_of(len(states.layers)), one, strict=True):
                ways = each.gradient(states.select(ids).layer(layer), similarity.products, similarity.norms)
                sizes.append((np.linalg.norm(ways, axis=1) * each.spread)[counted_in])
    pulled = np.concatenate(sizes)
    return float(np.sqrt(np.mean(pulled**2))) if len(pulled) else 0.0


def _by_kind(train: Stimuli, brain: xr.DataArray) -> list[list[str]]:
    kinds = np.asarray(train["kind"])
    known = set(brain["stimulus"].values.tolist())
    return [[str(i) for i in train.ids[kinds == kind] if i in known] for kind in dict.fromkeys(kinds.tolist())]


def _maps(
    states: Features, ids: list[str], brain: xr.DataArray, counts: xr.DataArray
) -> tuple[list[list[BrainMap]], list[Similarity], np.ndarray]:
    rows, own = np.arange(len(ids)), states.select(ids)
    pairs = brain.sel(stimulus=ids, other=ids).transpose("subject", "stimulus", "other").values
    objective: Objective = "centred" if np.linalg.matrix_rank(pairs[0]) > 2 else "intercept"
    brains = [similarity_of(each, rows, rows, objective=objective) for each in pairs]
    maps = [[BrainMap.fit(own.layer(layer), each) for layer in layers_of(len(states.layers))] for each in brains]
    people = counts.sel(subject=brain["subject"].values, stimulus=ids)
    return maps, brains, people.transpose("subject", "stimulus").values.astype(bool)

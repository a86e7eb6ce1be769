"""Ensembles: seeds by lengths of training, what they are compared with, and recipes that make members differ."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from consona.alignment.decoders import subject_accuracy
from consona.alignment.ensembles import contributions, pool_gains, selected_accuracy
from consona.alignment.rediscovery import residual_rediscovery
from consona.stats.splits import subject_folds
from consona.studies.eeg_emotion.decoding import Trained
from consona.studies.eeg_emotion.material import RATED, Material, exchanged
from consona.studies.eeg_emotion.recipes import shortened, strong_base
from consona.studies.eeg_emotion.supervision import chosen, twin_seed

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.eeg_emotion.study import EEGEmotion
    from consona.training.recipe import Recipe
    from consona.training.trainer import Trainer

MIXED, PLAIN, SNAPSHOTS = "seeds and lengths", "seeds, one length", "snapshots of one seed"
LONGER = "seeds, the longer length"
OUTPUTS, HALF, RANDOM = "an output per clip", "half with an output per clip", "random axes"
NETWORKS = "architectures"
DIVERSE = (HALF, RANDOM, NETWORKS)
"""Recipes whose members differ by more than their seed."""
N_OTHER_FOLDS, N_OTHER_VALIDATION = 4, 3


@dataclass(frozen=True)
class Pools:
    """Gains of all pools; contributions of members of one length; gains on the second corpus or None."""

    gains: xr.Dataset
    contributions: xr.Dataset
    selected: xr.DataArray
    other: xr.Dataset | None


def pool(study: "EEGEmotion", run: "Run", trainer: "Trainer", material: Material, classifiers: Trained) -> Pools:
    """Train the members, average them, and compare pools of equal size."""
    pools = _pools(study, run, trainer, material, classifiers)
    gains: xr.Dataset = run.step("pool-gains", pool_gains, pools, reference=PLAIN, seed=study.seed)
    members = pools[PLAIN]
    axes = material.axes.sel(axis=[RATED])
    how = {"n_orders": study.n_orders, "seed": study.seed}
    residual = run.step("pool-residual", residual_rediscovery, members, axes, **how)["score"].isel(axis=0, drop=True)
    added: xr.Dataset = run.step("pool-contributions", contributions, members, residual, seed=study.seed)
    candidates = pools[MIXED] | pools[PLAIN]
    chosen_ones = run.step("pool-selected", selected_accuracy, candidates, size=len(members))
    return Pools(gains, added, chosen_ones, _on_other(study, run, trainer, material))


def _pools(
    study: "EEGEmotion", run: "Run", trainer: "Trainer", material: Material, classifiers: Trained
) -> dict[str, Trained]:
    size = 2 * study.counts.n_members
    recipe = strong_base(study.counts.effort)
    common = {"tensor": material.tensor, "split": material.split}

    def trained(label: str, given: dict[str, dict[str, Any]]) -> Trained:
        found = run.each("member", trainer.train, {f"{label}-{name}": each for name, each in given.items()}, **common)
        return {name: found[f"{label}-{name}"] for name in given}

    def seeds(what: "Recipe", n: int, first: int = 0) -> dict[str, dict[str, Any]]:
        return {f"seed-{k}": {"recipe": what, "seed": study.seed + k} for k in range(first, first + n)}

    short = trained("strong", seeds(recipe, size))
    longer = trained("long", seeds(shortened(recipe, study.counts.lengths[1]), size))
    outputs = trained("outputs", seeds(replace(recipe, pool="stimulus"), size))
    first = {name: short[name] for name in list(short)[: size // 2]}
    pools = {
        PLAIN: short,
        LONGER: longer,
        MIXED: first | {f"{name}, longer": each for name, each in list(longer.items())[: size // 2]},
        SNAPSHOTS: _snapshots(trained, recipe, study.seed, size),
        OUTPUTS: outputs,
        HALF: first | {f"{name}, clips": each for name, each in list(outputs.items())[: size // 2]},
        RANDOM: trained("random", _random_axes(seeds(recipe, size), material)),
    }
    others = _architectures(classifiers, size)
    return pools | ({NETWORKS: others} if len(others) == size else {})


def _snapshots(trained: Any, recipe: "Recipe", seed: int, size: int) -> Trained:
    """One training, its test rows predicted at ``size`` epochs spread over its second half, each as a member."""
    epochs = np.unique(np.linspace(recipe.epochs / 2, recipe.epochs, size).round().astype(int))
    given = {"recipe": recipe, "seed": seed, "snapshots": tuple(int(each) for each in epochs)}
    whole = trained("snapshots", {"seed-0": given})["seed-0"]
    return {f"epoch {each}": _as_member(whole, int(each)) for each in epochs}


def _as_member(whole: xr.Dataset, epoch: int) -> xr.Dataset:
    at_epoch = whole["probability"].sel(snapshot=[epoch]).assign_coords(snapshot=[0])
    return whole.drop_vars("probability").drop_dims("snapshot", errors="ignore").assign(probability=at_epoch)


def _random_axes(given: dict[str, dict[str, Any]], material: Material) -> dict[str, dict[str, Any]]:
    """Every member regresses on a random axis of its own beside its classes: residuals that differ by design."""
    row = chosen(("EEG-AUX MSE .1",))["EEG-AUX MSE .1"]
    return {
        name: {**each, "strategy": row, "axis": exchanged(material, seed=twin_seed("pool", int(each["seed"])))}
        for name, each in given.items()
    }


def _architectures(classifiers: Trained, size: int) -> Trained:
    """Augmented classifiers with an output per emotion, all architectures in turn."""
    fit = [name for name in classifiers if "-augmented-" in name]
    fit.sort(key=lambda name: (int(name.rsplit("-", 1)[1]), list(classifiers).index(name)))
    return {name: classifiers[name] for name in fit[:size]}


def _on_other(study: "EEGEmotion", run: "Run", trainer: "Trainer", material: Material) -> xr.Dataset | None:
    """The same comparison on the second corpus: seeds at one length, seeds by lengths."""
    tensor = material.other
    if tensor is None:
        return None
    n_stimuli = tensor.sizes["stimulus"]
    split = subject_folds(
        tensor["cohort"].values, N_OTHER_FOLDS, n_stimuli, validation=N_OTHER_VALIDATION, seed=study.seed
    )
    recipe = replace(strong_base(study.counts.effort), jitter=False)
    size = 2 * study.counts.n_members
    several = {f"seed-{k}": {"recipe": recipe, "seed": study.seed + k} for k in range(size)}
    longer = shortened(recipe, study.counts.lengths[1])
    several |= {f"long-{k}": {"recipe": longer, "seed": study.seed + k} for k in range(size // 2)}
    found = run.each("member-other", trainer.train, several, tensor=tensor, split=split)
    short = {name: each for name, each in found.items() if name.startswith("seed")}
    mixed = {name: found[name] for name in [*list(short)[: size // 2], *(n for n in found if n.startswith("long"))]}
    gains: xr.Dataset = run.step(
        "pool-gains-other", pool_gains, {PLAIN: short, MIXED: mixed}, reference=PLAIN, seed=study.seed
    )
    return gains.assign_attrs(
        accuracy=float(subject_accuracy(short).mean()), synthetic=int(tensor.attrs.get("synthetic", 0))
    )

"""Saturation as a measurement: more people, more epochs, more layers, each with and without supervision."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import xarray as xr

from consona.alignment.decoders import axis_strength, subject_accuracy
from consona.alignment.saturation import saturation
from consona.stats.splits import ThreeWay, fewer_subjects
from consona.studies.eeg_emotion.material import SUPERVISING, Material, exchanged
from consona.studies.eeg_emotion.recipes import strong_base
from consona.studies.eeg_emotion.supervision import AXIS, TWIN, chosen, twin_seed

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.eeg_emotion.study import EEGEmotion
    from consona.training.recipe import Recipe
    from consona.training.trainer import Trainer

STRATEGY = "EEG-AUX MSE .1"
PLAIN = "plain"


@dataclass(frozen=True)
class Doses:
    """Gains over doses with the axis, and with its classes exchanged."""

    axis: xr.Dataset
    twin: xr.Dataset


@dataclass(frozen=True)
class Dose:
    """One point: what is varied, and the recipe and the split that come of it."""

    kind: str
    recipe: "Recipe"
    split: ThreeWay


def dose_response(study: "EEGEmotion", run: "Run", trainer: "Trainer", material: Material) -> Doses:
    """Train every dose plain, supervised, and supervised by the twin."""
    doses = all_doses(study, material)
    seeds = [study.seed + number for number in range(study.counts.strategy_seeds)]
    row = chosen((STRATEGY,))[STRATEGY]
    several: dict[str, dict[str, Any]] = {}
    for name, dose in doses.items():
        for seed in seeds:
            given = {"split": dose.split, "recipe": dose.recipe, "seed": seed}
            twin = exchanged(material, seed=twin_seed(name, seed))
            several[f"{name}-{PLAIN}-{seed}"] = given
            several[f"{name}-{AXIS}-{seed}"] = {**given, "strategy": row, "axis": material.several}
            several[f"{name}-{TWIN}-{seed}"] = {**given, "strategy": row, "axis": twin}
    found = run.each("dose", trainer.train, several, tensor=material.tensor)

    def gathered(kind: str) -> dict[str, dict[str, xr.Dataset]]:
        return {name: {str(seed): found[f"{name}-{kind}-{seed}"] for seed in seeds} for name in doses}

    accuracy = {
        kind: stacked({n: subject_accuracy(each) for n, each in gathered(kind).items()}) for kind in (PLAIN, AXIS, TWIN)
    }
    axes = material.axes.sel(axis=[SUPERVISING])
    strength = stacked({n: axis_strength(each, axes).isel(axis=0, drop=True) for n, each in gathered(PLAIN).items()})
    how = {"kinds": [dose.kind for dose in doses.values()], "seed": study.seed}
    return Doses(
        run.step("saturation", saturation, strength, accuracy[PLAIN], accuracy[AXIS], **how),
        run.step("saturation-twin", saturation, strength, accuracy[PLAIN], accuracy[TWIN], **how),
    )


def all_doses(study: "EEGEmotion", material: Material) -> dict[str, Dose]:
    """By name; the strong base with all people and epochs is the dose of two layers."""
    counts, recipe, split = study.counts, strong_base(study.counts.effort), material.split
    most = int(split.train.any(axis=2).sum(axis=1).min())
    doses = {}
    for n in counts.subject_doses:
        if n < most:
            fewer = fewer_subjects(split, material.cohorts, n, seed=study.seed)
            doses[f"{n}-people"] = Dose("people", recipe, fewer)
    for n in counts.epoch_doses:
        doses[f"{n}-epochs"] = Dose("epochs", replace(recipe, epochs=n), split)
    for n in counts.depth_doses:
        doses[f"{n}-layers"] = Dose("layers", replace(recipe, depth=n), split)
    return doses


def stacked(tables: dict[str, xr.DataArray]) -> xr.DataArray:
    """Tables of every dose along the dimension ``dose``."""
    return xr.concat(list(tables.values()), dim="dose").assign_coords(dose=list(tables))

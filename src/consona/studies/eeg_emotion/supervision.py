"""The strategies: every one on a base, with the axis and with its classes exchanged."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from consona.alignment.decoders import subject_accuracy
from consona.alignment.strategy_effects import strategy_effects
from consona.stats.axis_twins import random_axis, standardised
from consona.studies.eeg_emotion.decoding import slug
from consona.studies.eeg_emotion.material import PUBLISHED_CLASSES, Material
from consona.studies.eeg_emotion.names import PAPER
from consona.studies.eeg_emotion.recipes import strong_base, weak_base

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.eeg_emotion.study import EEGEmotion
    from consona.training.recipe import Recipe
    from consona.training.strategies import Strategy
    from consona.training.strategies_transfer import Transfer
    from consona.training.trainer import Trainer

AXIS, TWIN = "axis", "twin"
OTHER_WORDS = {"sad": "sadness", "happy": "joy"}


@dataclass(frozen=True)
class Supervised:
    """Effects of the strategies on the weak base and on the strong one (None where none was asked for)."""

    weak: xr.Dataset
    strong: xr.Dataset | None
    rows: dict[str, "Strategy"]
    left_out: dict[str, str]


def supervise(study: "EEGEmotion", run: "Run", trainer: "Trainer", material: Material) -> Supervised:
    """Train all strategies that the settings name, and hold them against base and twin."""
    rows = chosen(study.strategies)
    left_out = {}
    if material.other is None:
        left_out = {name: "there is no second corpus" for name, row in rows.items() if row.regime == "transfer"}
    rows = {name: row for name, row in rows.items() if name not in left_out}
    weak = _on_base(study, run, trainer, material, ("weak", weak_base(study.counts.effort), rows))
    strong_rows = {name: row for name, row in chosen(study.strong).items() if row.regime != "transfer"}
    strong = None
    if strong_rows:
        strong = _on_base(study, run, trainer, material, ("strong", strong_base(study.counts.effort), strong_rows))
    return Supervised(weak, strong, rows | strong_rows, left_out)


def chosen(names: tuple[str, ...]) -> dict[str, "Strategy"]:
    """Strategies by name; ``paper`` stands for the 25 rows."""
    from consona.training.strategies_table import ALSO
    from consona.training.strategies_table import PAPER as ROWS

    known = {each.name: each for each in (*ROWS, *ALSO)}
    wanted: dict[str, Strategy] = {}
    for name in names:
        wanted |= {each.name: each for each in ROWS} if name == PAPER else {name: known[name]}
    return wanted


def _on_base(
    study: "EEGEmotion",
    run: "Run",
    trainer: "Trainer",
    material: Material,
    base: tuple[str, "Recipe", dict[str, "Strategy"]],
) -> xr.Dataset:
    label, recipe, rows = base
    seeds = [study.seed + number for number in range(study.counts.strategy_seeds)]
    common = {"tensor": material.tensor, "split": material.split, "recipe": recipe}
    plain = run.each(f"{label}-base", trainer.train, {str(seed): {"seed": seed} for seed in seeds}, **common)
    several: dict[str, dict[str, Any]] = {}
    for name, row in rows.items():
        for seed in seeds:
            for kind in (AXIS, TWIN):
                given = {"seed": seed, **_asked(row, recipe, material, twin_seed(seed) if kind == TWIN else None)}
                several[shard_name(name, kind, seed)] = given
    found = run.each(label, trainer.train, several, **common)
    gathered = {kind: {name: _accuracies(found, name, kind, seeds) for name in rows} for kind in (AXIS, TWIN)}
    folds = next(iter(plain.values()))["tested_in"].values[:, 0]
    how = {"folds": folds.tolist(), "n_permutations": 9999, "seed": study.seed}
    effects: xr.Dataset = run.step(
        f"effects-{label}", strategy_effects, subject_accuracy(plain), gathered[AXIS], gathered[TWIN], **how
    )
    return effects.assign_attrs(base=label, base_accuracy=float(subject_accuracy(plain).mean()))


def shard_name(strategy: str, kind: str, seed: int) -> str:
    """A name that is fit for a file."""
    return f"{slug(strategy)}-{kind}-{seed}"


def twin_seed(seed: int) -> int:
    """The seed of the order of the classes in the twin: another for every seed of the training."""
    return seed + 1


def _accuracies(found: dict[str, xr.Dataset], name: str, kind: str, seeds: list[int]) -> xr.DataArray:
    return subject_accuracy({str(seed): found[shard_name(name, kind, seed)] for seed in seeds})


def _asked(row: "Strategy", recipe: "Recipe", material: Material, order: int | None) -> dict[str, Any]:
    """Strategy and axis of a shard; with ``order`` the classes of the axis change places."""
    axis = material.several
    if order is not None:
        axis = random_axis(axis, material.emotions, seed=order)
    if row.regime != "transfer":
        return {"strategy": row, "axis": axis}
    return {"strategy": _transferred(row, recipe, material, axis), "axis": axis}


def _transferred(row: "Strategy", recipe: "Recipe", material: Material, axis: np.ndarray) -> "Transfer":
    from consona.training.strategies_transfer import Transfer

    other = other_tensor(material)
    values = class_means(axis[:, 0], material.emotions)
    targets = np.array([values[name] for name in other_emotions(other)])
    return Transfer(row, other, standardised(targets), recipe)


def other_tensor(material: Material) -> xr.DataArray:
    """The second corpus in the form of the first: its channels by name (those it lacks are 0), windows by number."""
    other = material.other
    assert other is not None  # asked for only where there is one
    names = {str(each).lower(): place for place, each in enumerate(other["channel"].values)}
    channels = material.tensor["channel"].values.astype(str)
    values = np.zeros((*other.shape[:4], len(channels), other.sizes["band"]), np.float32)
    for place, name in enumerate(channels):
        if name.lower() in names:
            values[..., place, :] = other.values[..., names[name.lower()], :]
    kept = np.isin(other_emotions(other), sorted(PUBLISHED_CLASSES))
    coords = {
        "subject": other["subject"].values,
        "stimulus": other["stimulus"].values[kept],
        "shift": other["shift"].values,
        "window": material.tensor["window"].values,
        "channel": channels,
        "band": material.tensor["band"].values,
        "emotion": ("stimulus", other_emotions(other)[kept]),
        "cohort": (
            "subject",
            other["cohort"].values if "cohort" in other.coords else np.ones(other.sizes["subject"], int),
        ),
    }
    return xr.DataArray(values[:, kept], coords, other.dims, attrs=other.attrs)


def other_emotions(other: xr.DataArray) -> np.ndarray:
    """Emotions of the second corpus in the words of the first."""
    return np.array([OTHER_WORDS.get(str(each), str(each)) for each in other["emotion"].values])


def class_means(axis: np.ndarray, emotions: np.ndarray) -> dict[str, float]:
    """Mean value of each class."""
    return {str(name): float(axis[emotions == name].mean()) for name in np.unique(emotions)}

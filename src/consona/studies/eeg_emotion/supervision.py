"""The strategies: every one on a base, with the axis and with its classes exchanged."""

import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from consona.alignment.decoders import subject_accuracy
from consona.alignment.strategy_effects import strategy_effects
from consona.core.errors import InvalidInput
from consona.stats.axis_twins import standardised
from consona.studies.eeg_emotion.decoding import slug
from consona.studies.eeg_emotion.material import Material, exchanged
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
RANKED = "EEG-AUX MSE .5"
ORDERS = 1000
"""Seeds of exchanged orders begin here."""


@dataclass(frozen=True)
class Supervised:
    """Effects of the strategies on the weak base and on the strong one (None where none was asked for).

    ``left_out``: strategies that were not counted, with the reason. ``exchanged``: balanced accuracy of one strategy
    with the axis (first) and with many exchanged orders of its classes, ``(model, subject)``.
    """

    weak: xr.Dataset
    strong: xr.Dataset | None
    rows: dict[str, "Strategy"]
    left_out: dict[str, str]
    exchanged: xr.DataArray


def supervise(study: "EEGEmotion", run: "Run", trainer: "Trainer", material: Material) -> Supervised:
    """Train all strategies that the settings name, and hold them against base and twin."""
    rows, left_out = distinct(chosen(study.strategies), material)
    strong_rows, also = distinct(chosen(study.strong), material)
    for name, reason in (left_out | also).items():
        run.note(f"Strategy '{name}' is not counted: {reason}.")
    if not rows:
        raise InvalidInput("No strategy is left to train on the weak base; name at least one that can be carried out.")
    weak = _on_base(study, run, trainer, material, ("weak", weak_base(study.counts.effort), rows))
    strong = None
    if strong_rows:
        strong = _on_base(study, run, trainer, material, ("strong", strong_base(study.counts.effort), strong_rows))
    return Supervised(weak, strong, rows | strong_rows, left_out | also, _many_orders(study, run, trainer, material))


def distinct(rows: "dict[str, Strategy]", material: Material) -> "tuple[dict[str, Strategy], dict[str, str]]":
    """Strategies that can be carried out and differ from those before them; the others with the reason."""
    kept: dict[str, Strategy] = {}
    left: dict[str, str] = {}
    seen: dict[Strategy, str] = {}
    for name, row in rows.items():
        target = row.target if material.several.shape[1] > 1 else "first"
        same = replace(row, name="", number=None, published=None, target=target)
        if row.regime == "transfer" and material.other is None:
            left[name] = "there is no second corpus"
        elif row.share < 1:
            left[name] = "shares of the data are doses of people here, see saturation"
        elif same in seen:
            left[name] = f"it is the same training as '{seen[same]}'"
        else:
            kept[name], seen[same] = row, name
    return kept, left


def _many_orders(study: "EEGEmotion", run: "Run", trainer: "Trainer", material: Material) -> xr.DataArray:
    """One strategy on the weak base, one seed, with the axis and with many orders of its classes."""
    row = chosen((RANKED,))[RANKED]
    common = {"tensor": material.tensor, "split": material.split, "recipe": weak_base(study.counts.effort)}
    several: dict[str, dict[str, Any]] = {AXIS: {"axis": material.several}}
    for number in range(study.counts.n_exchanged):
        several[f"{TWIN}-{number}"] = {"axis": exchanged(material, seed=ORDERS + study.seed + number)}
    given = {name: {**each, "strategy": row, "seed": study.seed} for name, each in several.items()}
    return subject_accuracy(run.each("ranked", trainer.train, given, **common))


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
                order = twin_seed(name, seed) if kind == TWIN else None
                several[shard_name(name, kind, seed)] = {"seed": seed, **_asked(row, recipe, material, order)}
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


def twin_seed(strategy: str, seed: int) -> int:
    """The seed of the order of the classes in a twin: another for every strategy and every seed of the training."""
    return zlib.crc32(f"{strategy} {seed}".encode())


def _accuracies(found: dict[str, xr.Dataset], name: str, kind: str, seeds: list[int]) -> xr.DataArray:
    return subject_accuracy({str(seed): found[shard_name(name, kind, seed)] for seed in seeds})


def _asked(row: "Strategy", recipe: "Recipe", material: Material, order: int | None) -> dict[str, Any]:
    """Strategy and axis of a shard; with ``order`` the classes of the axis change places."""
    axis = material.several
    if order is not None:
        axis = exchanged(material, seed=order)
    if row.regime != "transfer":
        return {"strategy": row, "axis": axis}
    return {"strategy": _transferred(row, recipe, material, axis), "axis": axis}


def _transferred(row: "Strategy", recipe: "Recipe", material: Material, axis: np.ndarray) -> "Transfer":
    from consona.training.strategies_transfer import Transfer

    other = material.other
    assert other is not None  # else the strategy was left out
    values = class_means(axis[:, 0], material.emotions)
    targets = np.array([values[str(name)] for name in other["emotion"].values])
    return Transfer(row, other, standardised(targets), recipe)


def class_means(axis: np.ndarray, emotions: np.ndarray) -> dict[str, float]:
    """Mean value of each class."""
    return {str(name): float(axis[emotions == name].mean()) for name in np.unique(emotions)}

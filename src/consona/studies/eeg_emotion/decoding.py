"""The classifiers, and how well emotions are told when people, clips or emotions are new."""

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from consona.alignment.decoders import confusion
from consona.alignment.hold_outs import decoding_accuracy, valence_score, window_accuracy
from consona.alignment.refitted import refitted_null
from consona.alignment.windows import by_window, single_windows, single_windows_split
from consona.brain.tensors import window_tensor
from consona.concepts.axis import VALENCE_CODE
from consona.core.score import Score
from consona.stats.splits import (
    ThreeWay,
    emotion_folds,
    familiar_stimulus_folds,
    on_stimuli,
    one_clip_per_emotion,
    require_classes,
    stimulus_folds,
)
from consona.studies.eeg_emotion.material import WINDOW_S, Material
from consona.studies.eeg_emotion.recipes import regime_recipe, strong_base

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.eeg_emotion.study import EEGEmotion
    from consona.training.trainer import Trainer

LDA = "LDA"
OUTPUTS = "output per clip"
NEW_CLIPS = ("new people and new clips", "new clips, the same people")
CAUSAL_CLIPS = "new people and new clips, scaled: causal"
PER_CLIP = ("new people", "new people and new clips")
"""Hold-outs where clips are told apart as well, and their probabilities summed within emotions."""
LEVELS = {name: int(code) for name, code in VALENCE_CODE.items()}
Trained = dict[str, xr.Dataset]


@dataclass(frozen=True)
class Decoded:
    """Classifiers by name, with their architecture; scores by what was held out, and one confusion matrix.

    ``refitted``: how much wider the null of new clips is where labels are exchanged before the fit, by hold-out.
    """

    classifiers: Trained
    architectures: dict[str, str]
    scores: dict[str, Score]
    confusion: xr.Dataset
    refitted: dict[str, xr.Dataset]


def classify(study: "EEGEmotion", run: "Run", trainer: "Trainer", material: Material) -> tuple[Trained, dict[str, str]]:
    """Every architecture in every regime with every seed, on the split by people; a shard is one of them."""
    several: dict[str, dict[str, Any]] = {}
    architectures: dict[str, str] = {}
    for network in study.networks:
        for regime in study.regimes:
            recipe = regime_recipe(network, regime, study.counts.effort)
            for number in range(study.counts.n_seeds):
                name = f"{network}-{regime}-{number}"
                several[name] = {"recipe": recipe, "seed": study.seed + number}
                architectures[name] = network
    found = run.each("classifier", trainer.train, several, tensor=material.tensor, split=material.split)
    return found, architectures


def decode(study: "EEGEmotion", run: "Run", trainer: "Trainer", material: Material) -> Decoded:
    """Classifiers; then the strong base on every other split, scaling and length, with LDA beside it."""
    classifiers, architectures = classify(study, run, trainer, material)
    ways = _ways(study, run, material)
    for name, (tensor, split) in ways.items():
        if "new emotions" not in name:
            require_classes(split, tensor["emotion"].values.astype(str))
    recipe = strong_base(study.counts.effort)
    several: dict[str, dict[str, Any]] = {
        slug(name): {"tensor": tensor, "split": split, "recipe": recipe, "seed": study.seed}
        for name, (tensor, split) in ways.items()
    }
    for name in PER_CLIP:
        given = several[slug(name)]
        several[slug(f"{name}, {OUTPUTS}")] = {**given, "recipe": replace(recipe, pool="stimulus")}
    with_lda = PER_CLIP if study.size == "quick" else tuple(name for name in ways if not name.startswith("one clip"))
    found = run.each("holdout", trainer.train, several) | _lda(run, ways, with_lda)
    split_of = _splits(ways, with_lda)
    trained = {name: found[slug(name)] for name in split_of}
    scores = {name: _scored(study, run, name, each, material, split_of[name]) for name, each in trained.items()}
    shown = run.step("confusion", confusion, trained["new people"])
    how = {"n_permutations": study.n_orders, "seed": study.seed}
    refitted = {name: run.step(f"refitted-{slug(name)}", refitted_null, *ways[name], **how) for name in NEW_CLIPS}
    return Decoded(classifiers, architectures, scores, shown, refitted)


def slug(name: str) -> str:
    """A name that is fit for a file."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-").lower()


def _splits(ways: dict[str, tuple[xr.DataArray, ThreeWay]], with_lda: tuple[str, ...]) -> dict[str, ThreeWay]:
    """The split of every way, also with LDA and with an output per clip."""
    found: dict[str, ThreeWay] = {}
    for name, (_, split) in ways.items():
        others = [f"{name}, {OUTPUTS}", f"{name}, {LDA}, {OUTPUTS}"] if name in PER_CLIP else []
        found |= dict.fromkeys([name, *([f"{name}, {LDA}"] if name in with_lda else []), *others], split)
    return found


def _ways(study: "EEGEmotion", run: "Run", material: Material) -> dict[str, tuple[xr.DataArray, ThreeWay]]:
    """Tensor and split by the name of the hold-out."""
    tensor, emotions, cohorts, seed = material.tensor, material.emotions, material.cohorts, study.seed
    n_validation = int(material.split.validation[0].any(axis=1).sum())
    how: dict[str, Any] = {"validation": n_validation, "seed": seed}
    folds = {"n_subject_folds": min(5, study.counts.n_folds), **how}
    codes = np.array([LEVELS[name] for name in emotions])
    ways = {
        "new people": (tensor, material.split),
        "new people and new clips": (tensor, stimulus_folds(emotions, cohorts, **folds)),
        "new clips, the same people": (tensor, familiar_stimulus_folds(emotions, cohorts, **how)),
        "new people and new emotions": (tensor, emotion_folds(emotions, codes, cohorts, **folds)),
        "single windows": (single_windows(tensor), single_windows_split(material.split, tensor.sizes["window"])),
    }
    for scaling in ("subject", "causal", "none"):
        if scaling != study.scaling:
            given = {"window_s": WINDOW_S, "scaling": scaling, "order": material.order}
            ways[f"scaled: {scaling}"] = (
                run.step(f"tensor-{scaling}", window_tensor, material.data, **given),
                material.split,
            )
    if "scaled: causal" in ways:
        ways[CAUSAL_CLIPS] = (ways["scaled: causal"][0], ways["new people and new clips"][1])
    for draw in range(study.counts.n_draws):
        kept = one_clip_per_emotion(emotions, draw, seed=seed)
        name = f"one clip per emotion, {draw + 1}"
        ways[name] = (tensor, on_stimuli(material.split, kept, "one clip per emotion"))
    return ways


def _lda(run: "Run", ways: dict[str, tuple[xr.DataArray, ThreeWay]], names: tuple[str, ...]) -> Trained:
    """Linear discriminants with a shrunk covariance, on the same tensors and the same splits."""
    from consona.training.adapters import shrinkage_lda, train_estimator

    given: dict[str, dict[str, Any]] = {}
    for name in names:
        tensor, split = ways[name]
        given[slug(f"{name}, {LDA}")] = {"tensor": tensor, "split": split, "estimator": shrinkage_lda()}
        if name in PER_CLIP:
            pooled = {"tensor": tensor, "split": split, "estimator": shrinkage_lda("stimulus")}
            given[slug(f"{name}, {LDA}, {OUTPUTS}")] = pooled
    return run.each("holdout", train_estimator, given)


def _scored(
    study: "EEGEmotion", run: "Run", name: str, trained: xr.Dataset, material: Material, split: ThreeWay
) -> Score:
    probability = trained["probability"].sel(snapshot=0, drop=True).assign_attrs(material.tensor.attrs)
    given = {"cohorts": material.cohorts, "n_permutations": study.n_orders, "seed": study.seed}
    step = f"score-{slug(name)}"
    if name.startswith("single windows"):
        windows = by_window(probability, material.tensor)
        score: Score = run.step(step, window_accuracy, windows, material.emotions, split=material.split, **given)
    elif "new emotions" in name:
        score = run.step(step, valence_score, probability, material.emotions, LEVELS, split=split, **given)
    else:
        score = run.step(step, decoding_accuracy, probability, material.emotions, split=split, **given)
    return score

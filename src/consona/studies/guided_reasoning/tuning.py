"""Tuning by the brain: arms that differ in their target alone, tested on problems of held-out forms."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from consona.alignment.trivial_features import filled_response_times
from consona.concepts.guidance_controls import number_brain
from consona.core.features import Features
from consona.core.stimuli import Stimuli
from consona.datasets.deduction_problems import deduction_problems
from consona.studies.guided_reasoning.answering import ANSWERS, margins_of, right
from consona.studies.guided_reasoning.material import Material, wording_for
from consona.studies.guided_reasoning.names import (
    BRAIN_ARM,
    GAUSSIAN,
    GAUSSIAN_ARM,
    LABEL_ARM,
    LABEL_ONLY,
    MORE_ARM,
    OWN,
    PERMUTED,
    PERMUTED_ARM,
    REASONER,
    REGRESSION_ARM,
    TASKS,
    TIME,
    TIME_ARM,
    slug,
)
from consona.studies.guided_reasoning.reading import Read, premises_alone
from consona.studies.guided_reasoning.steering import N_NEUTRAL, Steered, guide_of
from consona.studies.guided_reasoning.targets import aimed, regression_target

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.lm.model import LanguageModel
    from consona.studies.guided_reasoning.study import GuidedReasoning
    from consona.training.guided_tuning import Tuned
    from consona.training.tuning_recipe import TuningRecipe

RATE = 1e-3
"""Learning rate for the small reasoner, in every arm; the paper's 1e-4 is for models a thousand times as wide."""
N_MORE = 64
TRAINED = "the problems of the scanner"


@dataclass(frozen=True)
class Course:
    """What all arms share: the model, its states of the scanner's problems, the recipe, and what is tested.

    Epochs are chosen on ``validation``; ``neutral`` texts ask nothing; ``counts`` says whose patterns a problem is
    drawn to, bool ``(subject, stimulus)``.
    """

    recipe: "TuningRecipe"
    states: Features
    validation: Stimuli
    tests: Mapping[str, Stimuli]
    neutral: Stimuli
    counts: xr.DataArray


@dataclass(frozen=True)
class Arms:
    """``made`` by name: ``accuracy (seed, test)``, ``surprisal (seed)`` of other texts, in nats.

    ``permuted``: the same over ``draw``, permuted brains with the first seed; ``before``: of the model as it was.
    ``facts``: a row per arm, the same for all arms but their targets; ``audit``: which weights are trained.
    """

    made: dict[str, xr.Dataset]
    permuted: xr.Dataset
    before: xr.Dataset
    facts: pd.DataFrame
    audit: pd.DataFrame


def tune_arms(study: "GuidedReasoning", run: "Run", material: Material, known: Read, steered: Steered) -> Arms:
    """All arms with all seeds, and permuted brains with the first."""
    from consona.training.tuning_audit import audit, require_matched

    size, lm, recipe = study.counts, known.pupil, recipe_of(study, known.bias)
    tests = {name: each for name, each in material.tests.items() if not name.startswith("published")}
    neutral = material.validation.select(material.validation.ids[:N_NEUTRAL])
    told = neutral.with_columns(text=premises_alone(neutral))
    shown = {TRAINED: material.asked, **tests}
    course = Course(recipe, known.states, material.validation, shown, told, counted(material, known))
    common = {"lm": lm, "course": course}
    made = {}
    for name, brain in _brains(material, steered, min(size.n_controls, size.n_permuted)).items():
        several = {
            str(seed): {"train": _problems(study, material, name), "brain": brain[seed % len(brain)], "seed": seed}
            for seed in range(size.n_seeds)
        }
        found = run.each(f"tuned-{slug(name)}", tuned_arm, several, target=name, **common)
        made[name] = _joined(found, "seed")
    seeds = {str(seed): {"shift": steered.released[OWN], "seed": seed} for seed in range(size.n_seeds)}
    found = run.each("tuned-regression", regressed_arm, seeds, train=material.asked, **common)
    made[REGRESSION_ARM] = _joined(found, "seed")
    draws = {
        str(draw): {"train": material.asked, "brain": guide_of(steered.guides, PERMUTED, draw), "seed": 0}
        for draw in range(size.n_permuted)
    }
    permuted = run.each("tuned-permuted-draw", tuned_arm, draws, target=PERMUTED_ARM, **common)
    before = run.step("untuned", tested, lm, course)
    facts = run.step("tuning-facts", facts_of, made)
    return Arms(made, _joined(permuted, "draw"), before, facts, require_matched(audit(lm, recipe)))


def recipe_of(study: "GuidedReasoning", bias: float) -> "TuningRecipe":
    """One recipe for all arms."""
    from consona.training.tuning_recipe import TuningRecipe

    rate = RATE if study.model == REASONER else 1e-4
    return TuningRecipe(
        epochs=study.counts.epochs,
        every=5,
        learning_rate=rate,
        state_weight=study.brain_weight,
        answers=ANSWERS,
        bias=bias,
    )


def counted(material: Material, known: Read) -> xr.DataArray:
    """Whose patterns a problem is drawn to: people who were right where the model is wrong, ``(subject, stimulus)``."""
    correct = material.behaviour["correct"].sel(stimulus=material.asked.ids).fillna(0.0) > 0
    wrong = xr.DataArray(~right(known.margins, material.asked), {"stimulus": material.asked.ids}, ("stimulus",))
    return (correct & wrong).transpose("subject", "stimulus").reset_coords(drop=True)


def _brains(material: Material, steered: Steered, n_draws: int) -> dict[str, list[xr.DataArray | None]]:
    """What states are drawn to, by arm, one or as many as are drawn, taken in turn by seeds; two arms have nothing."""
    kinds, labels = np.asarray(material.asked["kind"]), np.asarray(material.asked["label"], dtype=np.float64)
    times = filled_response_times(material.brain, material.behaviour)["response_time"]
    same = times.copy(data=np.broadcast_to(labels, times.shape))
    guides, draws = steered.guides, range(n_draws)
    return {
        LABEL_ONLY: [None],
        BRAIN_ARM: [guide_of(guides, OWN)],
        PERMUTED_ARM: [guide_of(guides, PERMUTED, draw) for draw in draws],
        GAUSSIAN_ARM: [guide_of(guides, GAUSSIAN, draw) for draw in draws],
        TIME_ARM: [guide_of(guides, TIME)],
        LABEL_ARM: [number_brain(same, steered.similarity, kinds)],
        MORE_ARM: [None],
    }


def _problems(study: "GuidedReasoning", material: Material, name: str) -> Stimuli:
    if name != MORE_ARM:
        return material.asked
    more = [deduction_problems(kind, N_MORE // 2, forms="training", seed=study.seed + 2) for kind in TASKS]
    tables = [wording_for(study, each).table.rename(index=lambda name: f"more {name}") for each in more]
    return Stimuli(pd.concat([material.asked.table, *tables]))


def tuned_arm(
    *, lm: "LanguageModel", course: Course, train: Stimuli, brain: xr.DataArray | None, target: str, seed: int
) -> xr.Dataset:
    """One arm: tuned, then tested."""
    from consona.training.guided_tuning import tune

    aim, recipe = aimed(course.recipe, target, course.states, train, brain, course.counts)
    made = tune(lm, train, course.validation, recipe=recipe, brain=aim, seed=seed)
    return _tested_arm(made, course)


def regressed_arm(*, lm: "LanguageModel", course: Course, train: Stimuli, shift: xr.Dataset, seed: int) -> xr.Dataset:
    """Attention is regressed to the states that guidance as released arrived at: all of its weights, and no labels."""
    from consona.training.guided_tuning import tune

    plain = replace(course.recipe, trained="attention", answer_weight=0.0, state_weight=1.0)
    aim = regression_target(course.states, train, shift)
    return _tested_arm(tune(lm, train, course.validation, recipe=plain, brain=aim, seed=seed), course)


def tested(lm: "LanguageModel", course: Course) -> xr.Dataset:
    """``accuracy (test)``, and ``surprisal`` of texts that ask nothing, in nats."""
    bias = course.recipe.bias
    margins = {name: margins_of(lm, each, bias) for name, each in course.tests.items()}
    shares = [float(right(each, course.tests[name]).mean()) for name, each in margins.items()]
    data = {"accuracy": ("test", shares), "surprisal": float(np.mean(lm.surprisal(course.neutral)))}
    data |= {"margin": ("problem", margins[TRAINED].values)}
    return xr.Dataset(data, {"test": list(course.tests)})


def _tested_arm(made: "Tuned", course: Course) -> xr.Dataset:
    return tested(made.model, course).assign_attrs(facts=json.dumps(made.facts, default=str))


def _joined(found: Mapping[str, xr.Dataset], dim: str) -> xr.Dataset:
    index = pd.Index([int(each) for each in found], name=dim)
    joined = xr.concat(list(found.values()), dim=index, combine_attrs="drop")
    return joined.assign_attrs(facts=json.dumps([json.loads(each.attrs["facts"]) for each in found.values()]))


@dataclass(frozen=True)
class _Stored:
    """What is known of an arm whose model is gone."""

    facts: dict[str, Any]


def facts_of(made: Mapping[str, xr.Dataset]) -> pd.DataFrame:
    """One row per arm (first seed); arms of adapters that differ in more than their target raise.

    Raises
    ------
    InvalidInput
        When two arms of adapters on the same problems were not trained alike.
    """
    from consona.training.tuning_audit import matched_arms

    first = {name: _Stored(json.loads(each.attrs["facts"])[0]) for name, each in made.items()}
    alike = {name: each for name, each in first.items() if name not in (REGRESSION_ARM, MORE_ARM)}
    matched_arms(alike, variable=("recipe",))
    return pd.DataFrame({name: {k: str(v) for k, v in each.facts.items()} for name, each in first.items()}).T

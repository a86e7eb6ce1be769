"""Steering by the brain: as released, with settings chosen on other forms, and carried to new problems."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from consona.alignment.trivial_features import filled_response_times
from consona.concepts.guidance import mean_shift, published_guidance, published_random
from consona.concepts.guidance_controls import brain_similarity, guides, number_brain, permuted_similarity
from consona.concepts.guidance_design import Answered, NestedDesign
from consona.concepts.guidance_dose import best_strength, dose_response
from consona.concepts.guidance_effects import guidance_effects, guidance_flips
from consona.concepts.guidance_nested import nested_guidance
from consona.core.features import Features
from consona.core.stimuli import Stimuli
from consona.studies.guided_reasoning.answering import ANSWERS
from consona.studies.guided_reasoning.material import Material
from consona.studies.guided_reasoning.names import (
    ATTENTION,
    GAUSSIAN,
    LABEL,
    OTHER,
    OWN,
    PERMUTED,
    PRESSED,
    RANDOM,
    TIME,
    WITHIN,
    slug,
)
from consona.studies.guided_reasoning.reading import Read, premises_alone

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.lm.model import LanguageModel
    from consona.studies.guided_reasoning.sizes import Size
    from consona.studies.guided_reasoning.study import GuidedReasoning

STRENGTHS = (0.25, 0.5, 1.0, 2.0, 4.0)
N_NEUTRAL, N_RANDOM = 30, 20
THREE = ("syllogism, 3 premises", "transitive, 3 premises")


@dataclass(frozen=True)
class Steered:
    """As released (``released`` by brain, ``random`` by number of tries), nested, and carried to new problems.

    ``guides``: similarities of all brains; ``nested`` margins, ``flips`` and ``effects`` of them; ``directions`` of the
    own brain, a Gaussian one and permuted ones; ``chosen`` strength per condition, from ``validation``; ``price`` of
    shifts in other texts; ``doses`` by test set, over all generated ones in ``new``, and with each kind's directions
    for the other in ``swapped``; ``neither``: how often no answer is given.
    """

    similarity: xr.DataArray
    guides: xr.DataArray
    released: dict[str, xr.Dataset]
    random: dict[int, xr.Dataset]
    nested: xr.Dataset
    flips: xr.Dataset
    effects: xr.Dataset
    directions: xr.DataArray
    chosen: xr.DataArray
    validation: xr.Dataset
    price: xr.Dataset
    doses: dict[str, xr.Dataset]
    new: xr.Dataset
    swapped: xr.Dataset
    neither: xr.Dataset


def steer(study: "GuidedReasoning", run: "Run", material: Material, known: Read) -> Steered:
    """All of steering on one data set."""
    size, seed, asked = study.counts, study.seed, material.asked
    times = filled_response_times(material.brain, material.behaviour)["response_time"]
    similarity = run.step("similarity", brain_similarity, material.brain, asked)
    drawn = run.step("guides", guides, similarity, asked, times, draws=draws_of(size), seed=seed)
    correct = material.behaviour["correct"]
    brains = run.step("guides-further", further_guides, drawn, similarity, asked, correct, min(19, size.n_permuted))
    given = (known.pupil, known.states, asked, known.bias)
    people = correct.fillna(0.0)
    several = {name: (*given, guide_of(brains, name), people) for name in (OWN, GAUSSIAN)}
    several |= {permuted(j): (*given, guide_of(brains, PERMUTED, j), people) for j in range(size.n_permuted)}
    made = run.each("released", as_released, {slug(name): each for name, each in several.items()})
    released = {name: made[slug(name)] for name in several}
    random = {n: run.step(f"released-random-{n}", random_as_released, *given, people, n) for n in (10, 40)}
    nested = run.step("nested", nested_for, *given, brains, design_of(size, known.pupil.n_layers, seed))
    found = {
        "flips": run.step("flips", guidance_flips, nested),
        "effects": run.step("effects", guidance_effects, nested, n_draws=size.n_draws, seed=seed),
        "neither": run.step("neither", neither, known.pupil, nested, known.states, asked),
    }
    directions = run.step("directions", carried, released, asked)
    new = _carried_over(run, material, known, directions, size)
    return Steered(
        similarity=similarity, guides=brains, released=released, random=random, nested=nested, **found, **new
    )


def _carried_over(
    run: "Run", material: Material, known: Read, directions: xr.DataArray, size: "Size"
) -> dict[str, Any]:
    """Mean directions on other problems: the strength from validation, then every test set, then all together."""
    given, tests = (known.bias, N_RANDOM), material.tests
    generated = together({name: each for name, each in tests.items() if not name.startswith("published")})
    three = together({name: tests[name] for name in THREE})
    few = directions.sel(condition=[OWN, GAUSSIAN, permuted(0)])
    price = run.step("doses-cost", doses, known.pupil, few, material.validation, *given, True)
    validation = run.step("doses-validation", doses, known.pupil, directions, material.validation, *given)
    return {
        "directions": directions,
        "validation": validation,
        "price": price,
        "chosen": best_strength(validation),
        "doses": {
            name: run.step(f"doses-{slug(name.replace(',', ''))}", doses, known.pupil, few, each, *given)
            for name, each in tests.items()
            if size.published or not name.startswith("published")
        },
        "new": run.step("doses-new", doses, known.pupil, directions, generated, *given),
        "swapped": run.step("doses-swapped", doses, known.pupil, swapped(few), three, *given),
    }


def permuted(draw: int) -> str:
    """The name of a permuted brain whose directions are carried over."""
    return f"{PERMUTED} {draw}"


def further_guides(
    brains: xr.DataArray, similarity: xr.DataArray, problems: Stimuli, correct: xr.DataArray, n_within: int
) -> xr.DataArray:
    """Two more conditions: a brain that holds the answer pressed and nothing else, and brains permuted within label."""
    kinds, labels = np.asarray(problems["kind"]), np.asarray(problems["label"], dtype=np.float64)
    was_right = correct.sel(subject=similarity["subject"].values, stimulus=problems.ids).fillna(0.5)
    answer = was_right * labels + (1 - was_right) * (1 - labels)
    cells = np.array([f"{kind} {label:g}" for kind, label in zip(kinds, labels, strict=True)])
    made = [(PRESSED, 0, number_brain(answer.reset_coords(drop=True), similarity, kinds))]
    made += [(WITHIN, j, permuted_similarity(similarity, cells, draw=j, seed=1)) for j in range(n_within)]
    names = [*brains["condition"].values.tolist(), *(name for name, _, _ in made)]
    draws = [*brains["draw"].values.tolist(), *(draw for _, draw, _ in made)]
    values = np.concatenate([brains.values, np.stack([each.transpose(*brains.dims[1:]).values for _, _, each in made])])
    coords: dict[str, Any] = {str(name): brains[name].values for name in brains.dims[1:]}
    coords |= {"guide": np.arange(len(values)), "condition": ("guide", names), "draw": ("guide", draws)}
    return xr.DataArray(values, coords, brains.dims, attrs=brains.attrs)


def draws_of(size: "Size") -> dict[str, int]:
    """How often every condition of guidance is drawn."""
    few = dict.fromkeys((GAUSSIAN, RANDOM), size.n_controls)
    return {OWN: 1, PERMUTED: size.n_permuted, OTHER: 1, TIME: 1, LABEL: 1, **few}


def layers_of(n_layers: int) -> tuple[int, ...]:
    """The middle half, in which the paper steers."""
    from consona.training.tuning_recipe import middle_half

    return middle_half(n_layers)


def design_of(size: "Size", n_layers: int, seed: int) -> NestedDesign:
    """Settings that are tried: the middle half, the quarter before its end, and the last layers."""
    middle = layers_of(n_layers)
    sets = (middle, middle[len(middle) // 2 :], tuple(range(3 * n_layers // 4, n_layers)))
    several = tuple(dict.fromkeys(each for each in sets if each))
    return NestedDesign(several, size.strengths, n_folds=size.n_folds, n_inner=size.n_inner, seed=seed)


def answered_by(lm: "LanguageModel", problems: Stimuli, bias: float) -> Answered:
    """The model as guidance asks it: shifts of last tokens in, margins out; nothing but them is kept."""
    from consona.lm.answer_bias import answer_margins
    from consona.lm.last_token import LastToken

    asked = LastToken.of(lm, problems, ANSWERS, site=ATTENTION)

    def answered(shifts: xr.DataArray) -> xr.DataArray:
        return answer_margins(asked.answers(shifts), bias=bias)

    return answered


def nested_for(
    lm: "LanguageModel",
    states: Features,
    problems: Stimuli,
    bias: float,
    brains: xr.DataArray,
    design: NestedDesign,
) -> xr.Dataset:
    """Guidance that may be believed, asked of the model."""
    return nested_guidance(states, problems, brains, answered_by(lm, problems, bias), design)


def as_released(
    lm: "LanguageModel",
    states: Features,
    problems: Stimuli,
    bias: float,
    similarity: xr.DataArray,
    correct: xr.DataArray,
) -> xr.Dataset:
    """Guidance as published, by any brain, in the middle half of the layers."""
    answered, layers = answered_by(lm, problems, bias), layers_of(lm.n_layers)
    return published_guidance(states, problems, similarity, correct, answered, layers=layers)


def random_as_released(
    lm: "LanguageModel", states: Features, problems: Stimuli, bias: float, correct: xr.DataArray, n_tries: int
) -> xr.Dataset:
    """Random directions as published (10 tries), or with as many tries as the brain has (40)."""
    answered, layers = answered_by(lm, problems, bias), layers_of(lm.n_layers)
    return published_random(states, problems, correct, answered, layers=layers, n_tries=n_tries, seed=0)


def guide_of(brains: xr.DataArray, condition: str, draw: int = 0) -> xr.DataArray:
    """One draw of a condition, ``(subject, stimulus, other)``."""
    return brains.isel(guide=int(np.flatnonzero(brains["condition"].values == condition)[draw]), drop=True)


def carried(released: Mapping[str, xr.Dataset], problems: Stimuli) -> xr.DataArray:
    """Mean shift of the successes per condition and kind; zero where there was none."""
    kinds = np.asarray(problems["kind"])
    means = [mean_shift(each["shift"], each["success"], kinds).fillna(0.0) for each in released.values()]
    return xr.concat(means, dim=pd.Index(list(released), name="condition"), coords="minimal", compat="override")


def doses(
    lm: "LanguageModel", directions: xr.DataArray, problems: Stimuli, bias: float, n_random: int, priced: bool = False
) -> xr.Dataset:
    """Net gain on problems at every strength, and if it is priced, what the shift does to other texts."""
    answered = answered_by(lm, problems, bias)
    neutral = problems.select(problems.ids[:N_NEUTRAL])
    told = neutral.with_columns(text=premises_alone(neutral))

    def cost(shifts: xr.DataArray) -> xr.DataArray:
        return xr.DataArray([surprisal_under(lm, each, told) for each in shifts], dims=("variant",))

    price = cost if priced else None
    made = dose_response(directions, problems, answered, strengths=STRENGTHS, cost=price, n_random=n_random, seed=0)
    return made.assign_attrs(n_random=n_random, n_problems=len(problems))


def swapped(directions: xr.DataArray) -> xr.DataArray:
    """Each kind's directions for the other kind."""
    return directions.assign_coords(kind=directions["kind"].values[::-1])


def surprisal_under(lm: "LanguageModel", shift: xr.DataArray, texts: Stimuli) -> float:
    """Mean surprisal of texts, in nats, with a shift ``(layer, feature)`` at all of their tokens."""
    from consona.core.intervention import Steer

    edits = [
        Steer(tuple(each.values.tolist()), 1.0, 1.0, ATTENTION, int(layer))
        for layer, each in zip(shift["layer"].values, shift, strict=True)
    ]
    return float(np.mean(lm.edited(*edits).surprisal(texts)))


def together(sets: Mapping[str, Stimuli]) -> Stimuli:
    """Problems of several sets in one, each called by its set."""
    tables = [each.table.set_axis([f"{name} {one}" for one in each.ids]) for name, each in sets.items()]
    return Stimuli(pd.concat(tables))


def neither(lm: "LanguageModel", nested: xr.Dataset, states: Features, problems: Stimuli) -> xr.Dataset:
    """How often the most probable token is no answer: of the model alone, and moved at random as far as by brains."""
    from consona.lm.last_token import LastToken, answered_text_share

    asked = LastToken.of(lm, problems, ANSWERS, site=ATTENTION)
    values = states.data.values
    spread = np.sqrt(((values - values.mean(axis=0)) ** 2).sum(axis=2).mean(axis=0))
    rng = np.random.default_rng(0)
    away = rng.standard_normal((20, *values.shape))
    own = nested["chosen"].isel(guide=np.flatnonzero(nested["condition"].values == OWN)).values.ravel()
    away *= float(nested["strength"].values[own].max()) * spread[:, None] / np.linalg.norm(away, axis=3, keepdims=True)
    coords = {"stimulus": problems.ids, "layer": states.layers}
    shifts = xr.DataArray(away.astype(np.float32), coords, ("variant", "stimulus", "layer", "feature"))
    shares = {"alone": asked.answers(), "moved": asked.answers(shifts)}
    return xr.Dataset({name: float(answered_text_share(each).mean()) for name, each in shares.items()})

"""People with planted truth: what the study finds when the brain holds states or answers, and when it does not."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from consona.alignment.trial_encoding import partialled_scores
from consona.alignment.trial_split import TrialSplit
from consona.alignment.trivial_features import filled_response_times
from consona.concepts.guidance_controls import brain_similarity, guides
from consona.concepts.guidance_effects import NO_GUIDANCE, guidance_effects
from consona.core.features import Features
from consona.core.stimuli import Stimuli
from consona.datasets.deduction_problems import deduction_problems
from consona.datasets.reasoning_twins import Plant, reasoning_twin, solved_states, twin_behaviour
from consona.studies.guided_reasoning.answering import ANSWERS
from consona.studies.guided_reasoning.material import Material, wording_for
from consona.studies.guided_reasoning.names import ALL, ATTENTION, LEVEL, OWN, PERMUTED, TASKS
from consona.studies.guided_reasoning.predictivity import MEASURE, nuisance, split_of
from consona.studies.guided_reasoning.reading import Read
from consona.studies.guided_reasoning.steering import design_of, nested_for

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.lm.last_token import LastToken
    from consona.lm.model import LanguageModel
    from consona.studies.guided_reasoning.sizes import Size
    from consona.studies.guided_reasoning.study import GuidedReasoning

PLANTS: tuple[Plant, ...] = ("answer", "states", "confound", "none")
NOISE = 0.5
"""Correlation of a planted single-trial pattern with its signal."""
FAINT = 0.15
"""The same for the power curve: as faint as what people share in ds003076."""
N_PERMUTED = 19
MADE_UP = "made-up region"
N_SUBJECTS, N_ITEMS = (5, 10, 20), (35, 70, 140)


@dataclass(frozen=True)
class People:
    """What made-up people are made from, and asked about: the model's states of problems, its bias, and the size."""

    states: Features
    asked: Stimuli
    bias: float
    size: "Size"
    seed: int


@dataclass(frozen=True)
class Twins:
    """Per plant: ``score`` and ``p`` of predictivity without trivial features; effect, interval and p of guidance.

    ``power (n_subjects, n_items)``: how often planted states are found at .05.
    """

    found: xr.Dataset
    power: xr.Dataset


def twins(study: "GuidedReasoning", run: "Run", material: Material, known: Read) -> Twins:
    """Repeat predictivity and guidance on people whose truth is known, and how many people it takes."""
    size, seed = study.counts, study.seed
    solved = run.step("twin-solved", solved_for, known.pupil, known.states, material.asked, known.bias)
    several: dict[str, dict[str, Any]] = {
        plant: {"plant": plant, "states": solved if plant == "answer" else known.states} for plant in PLANTS
    }
    people = People(known.states, material.asked, known.bias, size, seed)
    found = run.each("twin", twin_found, several, lm=known.pupil, people=people)
    states = run.step("power-states", many_states, known.pupil, many_problems(study))
    grid = {
        f"{n}-{k}": {"n_subjects": n, "n_items": k} for n in N_SUBJECTS for k in N_ITEMS if size.n_twins > 3 or n < 20
    }
    power = run.each("power", power_at, grid, states=states, problems=many_problems(study), n_twins=size.n_twins)
    return Twins(xr.concat(list(found.values()), dim="plant").assign_coords(plant=list(found)), power_table(power))


def with_people(study: "GuidedReasoning", run: "Run", material: Material, known: Read) -> Material:
    """The same material with made-up people, who hold what the settings say of the model that was read."""
    states = known.states
    if study.plant == "answer":
        states = run.step("people-solved", solved_for, known.pupil, states, material.asked, known.bias)
    people = reasoning_twin(states, material.asked, plant=study.plant, noise=NOISE, seed=study.seed)
    run.note_dataset(people)
    return replace(material, brains={MADE_UP: people})


def many_problems(study: "GuidedReasoning") -> Stimuli:
    """Generated problems of both kinds, worded for the model, for the power curve."""
    made = [deduction_problems(kind, max(N_ITEMS), forms="training", seed=study.seed + 3) for kind in TASKS]
    mixed = pd.concat([wording_for(study, each).table for each in made])
    return Stimuli(mixed.assign(run=np.where(np.arange(len(mixed)) % 2, "1", "2")))


def many_states(lm: "LanguageModel", problems: Stimuli) -> Features:
    """States of the generated problems."""
    return lm.capture(problems, site=ATTENTION, pooling="last")


def solved_for(lm: "LanguageModel", states: Features, problems: Stimuli, bias: float) -> Features:
    """States of a solver: the model's, moved along its own direction of the answer where it is wrong."""
    from consona.lm.answer_bias import answer_margins
    from consona.lm.last_token import LastToken

    asked = LastToken.of(lm, problems, ANSWERS, site=ATTENTION)
    margins = answer_margins(asked.answers(), bias=bias).isel(variant=0).values
    return solved_states(states, problems, answer_direction(asked, states), margins)


def answer_direction(asked: "LastToken", states: Features) -> xr.DataArray:
    """By how much the margin rises per unit of every state, ``(layer, feature)``: small steps, mean over problems."""
    from consona.lm.answer_bias import answer_margins

    n, layers, width = states.data.shape
    size = 0.05 * float(np.sqrt((states.data.values**2).mean()))
    steps = size * np.eye(layers * width, dtype=np.float32).reshape(-1, 1, layers, width)
    coords = {"stimulus": states.ids, "layer": states.layers}
    moved = np.broadcast_to(steps, (layers * width, n, layers, width))
    shifts = xr.DataArray(moved, coords, ("variant", "stimulus", "layer", "feature"))
    up, alone = answer_margins(asked.answers(shifts)), answer_margins(asked.answers())
    slope = ((up.values - alone.values) / size).mean(axis=1).reshape(layers, width)
    return xr.DataArray(slope, {"layer": states.layers}, ("layer", "feature"))


def twin_found(*, lm: "LanguageModel", people: People, plant: Plant, states: Features) -> xr.Dataset:
    """Predictivity and guidance of made-up people; ``states`` is what they hold, if they hold something."""
    own, asked, size, seed = people.states, people.asked, people.size, people.seed
    dataset = reasoning_twin(states, asked, plant=plant, noise=NOISE, seed=seed)
    behaviour = twin_behaviour(asked, seed=seed)
    rest = partialled_scores(own, dataset, nuisance(dataset, behaviour), split=split_of(size, kind=ALL, seed=seed))
    times = filled_response_times(dataset, behaviour)["response_time"]
    n = min(N_PERMUTED, size.n_permuted)
    brains = guides(brain_similarity(dataset, asked), asked, times, draws={OWN: 1, PERMUTED: n}, seed=seed)
    nested = nested_for(lm, own, asked, people.bias, brains, design_of(size, lm.n_layers, seed))
    effects = guidance_effects(nested, n_draws=500, seed=seed).sel(version="after", measure="net", drop=True)
    version, alone = (effects.sel(control=each, drop=True) for each in (PERMUTED, NO_GUIDANCE))
    return xr.Dataset(
        {
            "score": rest["total"].sel(measure=MEASURE, drop=True),
            "p": rest["p"].sel(measure=MEASURE, drop=True),
            **{f"gain_{name}": alone[name] for name in ("effect", "low", "high")},
            **{f"guidance_{name}": version[name] for name in ("effect", "low", "high", "p_draws")},
        }
    )


def power_at(*, states: Features, problems: Stimuli, n_subjects: int, n_items: int, n_twins: int) -> float:
    """Share of twins with faint planted states in which they are found at .05, trivial features taken out.

    Single items are held out: of generated problems nearly every one has a form of its own.
    """
    rng, hits = np.random.default_rng(n_subjects * 1000 + n_items), 0
    people = {"n_subjects": n_subjects, "n_targets": 100}
    for seed in range(n_twins):
        asked = problems.select(problems.ids[np.sort(rng.permutation(len(problems))[:n_items])])
        own = states.select(asked.ids)
        dataset = reasoning_twin(own, asked, plant="states", noise=FAINT, seed=seed, **people)
        given = nuisance(dataset, twin_behaviour(asked, n_subjects=n_subjects, seed=seed))
        split = TrialSplit(hold_out="item", n_permutations=39, n_draws=2, seed=seed)
        found = partialled_scores(own, dataset, given, split=split)
        hits += bool(float(found["p"].sel(measure=MEASURE)) <= LEVEL)
    return hits / n_twins


def power_table(found: dict[str, float]) -> xr.Dataset:
    """``power (n_subjects, n_items)``."""
    power = xr.DataArray(
        np.full((len(N_SUBJECTS), len(N_ITEMS)), np.nan),
        {"n_subjects": list(N_SUBJECTS), "n_items": list(N_ITEMS)},
        ("n_subjects", "n_items"),
    )
    for name, value in found.items():
        n, k = map(int, name.split("-"))
        power.loc[n, k] = float(value)
    return power.to_dataset(name="power")

"""Predictivity before and after its faults are taken away: reliability, trivial features, ceilings, models."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from consona.alignment.item_reliability import item_reliability
from consona.alignment.published_predictivity import published_scores, published_trivial_scores
from consona.alignment.trial_ceiling import released_ceiling
from consona.alignment.trial_encoding import beyond_scores, partialled_scores, people_ceiling, trial_scores
from consona.alignment.trial_split import TrialSplit
from consona.alignment.trivial_features import filled_response_times, trivial_features
from consona.core.dataset import Dataset
from consona.core.features import Features
from consona.studies.guided_reasoning.material import Material
from consona.studies.guided_reasoning.names import ALL, TASKS, slug
from consona.studies.guided_reasoning.reading import Read

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.guided_reasoning.sizes import Size
    from consona.studies.guided_reasoning.study import GuidedReasoning

KINDS = (ALL, *TASKS)
MEASURE = "mean r"
NUISANCE = ("response time, label and task", "premises, label and negation", "run", "position in run")


@dataclass(frozen=True)
class Predicted:
    """Scores by kind of problem and name of features.

    ``reliability``, ``trivial`` (as released), ``ceiling`` (as released) by region; ``released``, ``scores``, ``rest``
    (trivial features taken out), ``people`` and ``people_rest`` (other people's brains) of the region of the claims.
    """

    reliability: dict[str, dict[str, xr.Dataset]]
    trivial: dict[str, xr.Dataset]
    ceiling: dict[str, dict[str, xr.Dataset]]
    released: dict[str, dict[str, xr.Dataset]]
    scores: dict[str, dict[str, xr.Dataset]]
    rest: dict[str, dict[str, xr.Dataset]]
    beyond: xr.Dataset
    runs: xr.Dataset
    products: xr.Dataset
    people: dict[str, xr.Dataset]
    people_rest: dict[str, xr.Dataset]


def predict(study: "GuidedReasoning", run: "Run", material: Material, known: Read) -> Predicted:
    """Everything about predictivity, trivial features first."""
    size, brain, model = study.counts, material.brain, study.model
    reliability, trivial, ceiling = {}, {}, {}
    for region, data in material.brains.items():
        name = slug(region)
        reliability[region] = {k: run.step(f"reliability-{name}-{k}", item_reliability, data, kind=k) for k in KINDS}
        trivial[region] = run.step(f"trivial-{name}", published_trivial_scores, data, material.behaviour, kinds=KINDS)
        ceiling[region] = {
            k: run.step(f"ceiling-{name}-{k}", released_ceiling, data, kind=k, n_pools=size.n_pools) for k in KINDS
        }
    given = nuisance(brain, material.behaviour)
    splits = {k: split_of(size, kind=k, seed=study.seed) for k in KINDS}
    kinds = {k: {"dataset": brain, "kind": k} for k in KINDS}
    plain = {k: {"dataset": brain, "split": splits[k]} for k in KINDS}
    taken = {k: {**plain[k], "given": given} for k in KINDS}
    released = {k: _each(run, f"released-{k}", published_scores, known.features, kinds[k]) for k in KINDS}
    scores = {k: _each(run, f"scores-{k}", trial_scores, known.features, plain[k]) for k in KINDS}
    rest = {k: _each(run, f"rest-{k}", partialled_scores, known.features, taken[k]) for k in KINDS}
    further = with_products(given, brain)
    by_run = replace(splits[ALL], hold_out="run")
    return Predicted(
        reliability,
        trivial,
        ceiling,
        released,
        scores,
        rest,
        run.step("beyond", beyond_scores, known.features[model], brain, given, split=splits[ALL]),
        run.step("rest-runs", partialled_scores, known.features[model], brain, given, split=by_run),
        run.step("rest-products", partialled_scores, known.features[model], brain, further, split=splits[ALL]),
        {k: run.step(f"people-{k}", people_ceiling, brain, split=splits[k]) for k in KINDS},
        {k: run.step(f"people-rest-{k}", people_ceiling, brain, given, split=splits[k]) for k in KINDS},
    )


def split_of(size: "Size", *, kind: str, seed: int) -> TrialSplit:
    """Whole forms held out, at the size of the study."""
    return TrialSplit(kind=kind, n_permutations=size.n_permutations, n_draws=size.n_draws, seed=seed)


def nuisance(brain: Dataset, behaviour: xr.Dataset) -> dict[str, np.ndarray]:
    """What is taken out, ``(n_stimuli, n_trivial)`` per subject.

    All trivial features but random numbers, characters and words of the problem, whether the answer was right, and
    response time by task.
    """
    times = filled_response_times(brain, behaviour)
    every = trivial_features(brain, times)
    lengths = np.array([[len(text), len(text.split())] for text in brain.stimuli.texts], dtype=np.float64)
    made = {}
    for subject in brain.subjects:
        parts = [every[name][subject] for name in NUISANCE]
        correct = behaviour["correct"].sel(subject=subject, stimulus=brain.stimuli.ids).fillna(0.0).values
        slope = every["task"][subject][:, :1] * every["response time"][subject]
        made[subject] = np.hstack([*parts, lengths, slope, correct[:, None]])
    return made


def with_products(given: dict[str, np.ndarray], brain: Dataset) -> dict[str, np.ndarray]:
    """The same with the six products of kind, negation, label and premises: what two codes of a trial say together."""
    table = brain.stimuli.table
    codes = [table["kind"] == TASKS[0], table["negated"], table["label"], table["n_integrated"] == 2]
    columns = [np.asarray(each, dtype=np.float64) - 0.5 for each in codes]
    products = np.column_stack([one * two for one, two in combinations(columns, 2)])
    return {subject: np.hstack([each, products]) for subject, each in given.items()}


def _each(
    run: "Run",
    prefix: str,
    function: Callable[..., xr.Dataset],
    features: dict[str, Features],
    common: dict[str, Any],
) -> dict[str, xr.Dataset]:
    """One step per set of features; steps are called by slugs, results by the names."""
    found = run.each(prefix, function, {slug(name): {"features": each, **common} for name, each in features.items()})
    return {name: found[slug(name)] for name in features}

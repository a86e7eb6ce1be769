"""Is the brain predicted better after tuning? Asked of people and of a kind of problem that tuning never saw."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from consona.alignment.trial_encoding import partialled_scores
from consona.alignment.trial_split import TrialSplit
from consona.core.dataset import Dataset
from consona.core.features import Features
from consona.core.stimuli import Stimuli
from consona.studies.guided_reasoning.material import Material
from consona.studies.guided_reasoning.names import ATTENTION, BLOCK, OWN, PERMUTED, TASKS
from consona.studies.guided_reasoning.predictivity import MEASURE, nuisance
from consona.studies.guided_reasoning.reading import Read, both_sites
from consona.studies.guided_reasoning.steering import Steered, guide_of
from consona.studies.guided_reasoning.targets import aimed
from consona.studies.guided_reasoning.tuning import counted, recipe_of

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.lm.model import LanguageModel
    from consona.studies.guided_reasoning.study import GuidedReasoning
    from consona.training.tuning_recipe import TuningRecipe

LABEL, BRAIN = "label", "brain"


@dataclass(frozen=True)
class Retest:
    """What all gains share: problems, what is tuned with, and whose brains are predicted, given what is trivial."""

    recipe: "TuningRecipe"
    states: Features
    asked: Stimuli
    validation: Stimuli
    dataset: Dataset
    given: dict[str, np.ndarray]
    counts: xr.DataArray


def gains(study: "GuidedReasoning", run: "Run", material: Material, known: Read, steered: Steered) -> xr.DataArray:
    """Change of predictivity ``(arm, part)``: label alone, own brain, and permuted brains one by one.

    A part is a kind that is tuned with, and half of the people, whose brains are left out; the other kind, of these
    people, is what is predicted. Trivial features are taken out.
    """
    halves = np.array_split(np.asarray(material.brain.subjects), 2)
    arms = {LABEL: None, BRAIN: guide_of(steered.guides, OWN)}
    arms |= {f"permuted-{draw}": guide_of(steered.guides, PERMUTED, draw) for draw in range(study.counts.n_permuted)}
    several = {
        f"{arm}-{kind}": {"brain": brain, "kind": kind, "left_out": tuple(map(str, half))}
        for arm, brain in arms.items()
        for kind, half in zip(TASKS, halves, strict=True)
    }
    given = nuisance(material.brain, material.behaviour)
    recipe, counts = recipe_of(study, known.bias), counted(material, known)
    retest = Retest(recipe, known.states, material.asked, material.validation, material.brain, given, counts)
    found = run.each("gain", gain_of, several, lm=known.pupil, retest=retest)
    values = np.array([float(each) for each in found.values()]).reshape(len(arms), -1)
    parts = [f"tuned on {kind}, half {number + 1} of the people left out" for number, kind in enumerate(TASKS)]
    return xr.DataArray(values, {"arm": list(arms), "part": parts}, ("arm", "part"))


def gain_of(
    *, lm: "LanguageModel", retest: Retest, brain: xr.DataArray | None, kind: str, left_out: tuple[str, ...]
) -> float:
    """Predictivity after tuning less that before, in people and problems that were not tuned with."""
    from consona.training.guided_tuning import tune

    kinds = np.asarray(retest.asked["kind"])
    train = retest.asked.select(kinds == kind)
    rest = [each for each in retest.dataset.subjects if each not in left_out]
    others = None if brain is None else brain.sel(subject=rest)
    aim, recipe = aimed(retest.recipe, BRAIN, retest.states, train, others, retest.counts)
    tuned = tune(lm, train, retest.validation, recipe=recipe, brain=aim, seed=0)
    kept = tuple(each for each in retest.dataset.recordings if each.subject in left_out)
    people = replace(retest.dataset, recordings=kept)
    (other,) = [each for each in dict.fromkeys(kinds.tolist()) if each != kind]
    split = TrialSplit(kind=other, n_permutations=1, n_draws=1)
    given = {each.subject: retest.given[each.subject] for each in kept}
    before, after = (_score(each, retest.asked, people, given, split) for each in (lm, tuned.model))
    return after - before


def _score(
    lm: "LanguageModel", asked: Stimuli, people: Dataset, given: dict[str, np.ndarray], split: TrialSplit
) -> float:
    parts = [lm.capture(asked, site=site, pooling="last") for site in (ATTENTION, BLOCK)]
    found = partialled_scores(both_sites(*parts), people, given, split=split)
    return float(found["total"].sel(measure=MEASURE))

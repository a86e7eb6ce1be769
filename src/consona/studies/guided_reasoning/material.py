"""What the study reads: people's single-trial responses and behaviour, the problems, and the sets it tests on."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from consona.core.dataset import Dataset
from consona.core.stimuli import Stimuli
from consona.datasets.deduction import contradictory, derive
from consona.datasets.deduction_problems import deduction_problems
from consona.datasets.problem_wordings import NUMBERED, reworded, worded
from consona.datasets.reasoning_events import load_reasoning_events
from consona.datasets.reasoning_fmri import (
    load_reasoning_behaviour,
    load_reasoning_fmri,
    load_reasoning_problems,
    regions_at_hand,
)
from consona.datasets.reasoning_items import load_reasoning_items
from consona.datasets.reasoning_twins import twin_behaviour
from consona.studies.guided_reasoning.lessons import WORDING
from consona.studies.guided_reasoning.names import DR, REASONER, TASKS

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.guided_reasoning.study import GuidedReasoning

PUBLISHED_TESTS = ("test", "test 4 premises", "test 5 premises", "test 6 premises", "propositional", "relational test")
GENERATED = (
    *((kind, n) for kind in ("syllogism", "transitive") for n in (3, 4, 5, 6)),
    ("propositional", 3),
    ("relational", 4),
)


@dataclass(frozen=True)
class Material:
    """What is given before a model is read.

    ``brains`` by region, the first being that of the claims (none yet of made-up people), and ``behaviour`` of the same
    people; ``problems`` in their own words, and ``asked`` in those of the model; ``tests`` by name and ``validation``,
    worded for the model.
    """

    brains: dict[str, Dataset]
    behaviour: xr.Dataset
    problems: Stimuli
    asked: Stimuli
    tests: dict[str, Stimuli]
    validation: Stimuli
    defects: pd.DataFrame
    synthetic: bool

    @property
    def brain(self) -> Dataset:
        """The region of the claims."""
        return next(iter(self.brains.values()))


def load_material(study: "GuidedReasoning", run: "Run") -> Material:
    """Load people and problems, and write their origin into the manifest.

    Raises
    ------
    MissingData
        When the corpus is not on this computer.
    """
    if study.brains == "twin":
        return _made_up(study)
    regions = regions_at_hand()
    brains = {name: load_reasoning_fmri(region=name) for name in (DR, *(each for each in regions if each != DR))}
    for data in brains.values():
        run.note_dataset(data)
    problems = load_reasoning_problems()
    behaviour = load_reasoning_behaviour(subjects=brains[DR].subjects)
    events = load_reasoning_events()
    _evidence(run, problems)
    return Material(
        brains,
        behaviour,
        problems,
        wording_for(study, problems),
        _tests(study),
        wording_for(study, load_reasoning_items("validation")),
        events.defects,
        False,
    )


def _made_up(study: "GuidedReasoning") -> Material:
    """Generated problems and the behaviour of made-up people; their brains are made when the model has been read."""
    n, seed = study.counts.n_made_up, study.seed
    tables = [deduction_problems(kind, n, forms="training", seed=seed + 4).table for kind in TASKS]
    table = pd.concat(tables)
    forms = [" ".join(form.split()[i] for i in (0, 3)) for form in table["form"]]
    problems = Stimuli(table.assign(run=np.where(np.arange(len(table)) % 2, "1", "2"), form=forms))
    held = [deduction_problems(kind, 2 * n, forms="training", seed=seed + 5).table for kind in TASKS]
    validation = Stimuli(pd.concat(held).rename(index=lambda name: f"validation {name}"))
    asked, checked = wording_for(study, problems), wording_for(study, validation)
    behaviour, none = twin_behaviour(problems, seed=seed), pd.DataFrame()
    return Material({}, behaviour, problems, asked, _tests(study), checked, none, True)


def wording_for(study: "GuidedReasoning", problems: Stimuli) -> Stimuli:
    """Problems as the model of the study is asked: the small reasoner in the words that it knows."""
    if study.model == REASONER:
        return worded(reworded(problems, seed=study.seed), WORDING)
    return worded(problems, NUMBERED)


def _tests(study: "GuidedReasoning") -> dict[str, Stimuli]:
    """Generated problems of held-out forms, and the published sets with all of their premises."""
    n = study.counts.n_test
    made = {
        f"{kind}, {k} premises": deduction_problems(kind, n, n_premises=k, seed=study.seed) for kind, k in GENERATED
    }
    names = PUBLISHED_TESTS if study.brains == "ds003076" else ()
    published = {f"published {name}": load_reasoning_items(name) for name in names}
    return {name: wording_for(study, each) for name, each in (made | published).items()}


def _evidence(run: "Run", problems: Stimuli) -> None:
    wrong = [
        name
        for name, premises, conclusion, label in zip(
            problems.ids, problems.table["premises"], problems["conclusion"], problems["label"], strict=True
        )
        if contradictory(premises) or derive(premises, conclusion) != label
    ]
    run.note(f"{len(problems)} problems solved anew: {len(wrong)} labels differ or premises contradict themselves.")

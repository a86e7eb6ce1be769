"""Behaviour of ds003076, and what is wrong with the tables that hold it."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from consona.core.stimuli import Stimuli
from consona.datasets.locate import corpus_folder
from consona.datasets.reasoning_defects import defects_of
from consona.datasets.reasoning_trials import NAME, bids_trials, checked_trials, reasoning_problems


@dataclass(frozen=True, eq=False)
class ReasoningEvents:
    """Answers and what is wrong with the tables they were read from.

    ``answers`` has a row per person and problem: ``subject``, ``task``, ``run`` ("1" or "2"), ``kind``, ``place``
    (in its run, from 0), ``onset`` and ``duration`` (s), ``correct`` (1, 0; NaN: no answer), ``response_time`` (s from
    the conclusion; NaN: no answer), ``premises``, ``conclusion``, ``trial_type`` as written and ``condition`` as the
    name of the stimulus file has it. ``defects`` has ``subject``, ``run``, ``defect``, ``count`` and ``done``.
    """

    answers: pd.DataFrame
    defects: pd.DataFrame

    def problems(self) -> Stimuli:
        """The 72 problems in the order of presentation, ids ``syllogism00`` to ``transitive35``, with ``row``."""
        return reasoning_problems(self.answers)


def load_reasoning_events(folder: Path | str | None = None) -> ReasoningEvents:
    """The 67 tables of events of ds003076 and their defects; control trials are counted, not kept.

    A missed answer is missing, neither right nor wrong. The condition is taken from the name of the stimulus file: the
    column ``trial_type`` has a wrong number of premises in nine of the 18 problems of every run of the transitive task.

    Raises
    ------
    MissingData
        When the folder or its tables are not there.
    InvalidInput
        When a run has not 18 problems, or an accuracy is neither 0 nor 1, naming subject and run.
    """
    raw = bids_trials(corpus_folder(NAME, folder))
    return ReasoningEvents(checked_trials(raw), defects_of(raw))

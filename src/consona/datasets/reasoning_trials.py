"""Trials of ds003076, as written and checked: 72 deduction problems that 17 adults judged in the scanner."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from consona.core.errors import InvalidInput, MissingData
from consona.core.invariants import listed
from consona.core.stimuli import Stimuli
from consona.datasets.problems import condition, plain_sentence, problems
from consona.datasets.textcorpus import read_columns

NAME = "ds003076_events"
CITATION = (
    "Lytle MN, Prado J, Booth JR (2020). Brain correlates of deductive reasoning in adults. OpenNeuro ds003076 v1.0.1, "
    "doi:10.18112/openneuro.ds003076.v1.0.1; Data in Brief 33:106405. Study: Prado J, Mutreja R, Booth JR (2013). "
    "Cerebral Cortex 23:499-507"
)
LICENCE = "CC0"
COMMIT = "aa412641e9240e0b35915a90db933e6d6c6cbeb9"
RUNS = (("Syllogisms", "1"), ("Syllogisms", "2"), ("Transitive", "1"), ("Transitive", "2"))
KINDS = {"Syllogisms": "syllogism", "Transitive": "transitive"}
TABLES = "sub-*/func/sub-*_task-*_run-*_events.tsv"
N_PROBLEMS = 18
LONGEST_S = 6.0
"""Seconds that people had to answer, from the conclusion."""

_PREMISES = ("premise1", "premise2", "premise3")
_COLUMNS = ("onset", "duration", "trial_type", "accuracy", "response_time", *_PREMISES, "conclusion", "stim_file")
_CONTROL, _MISSING = "control", ("n/a", "")


def bids_trials(root: Path) -> pd.DataFrame:
    """Rows of all problems as written in ``sub-*/func/*_events.tsv``, text cells, with subject, task, run and place."""
    paths = sorted(root.glob(TABLES))
    if not paths:
        raise MissingData(f"{root} holds no {TABLES}. Complete it, or run: consona fetch {NAME}")
    parts = []
    for path in paths:
        entities = dict(part.split("-", 1) for part in path.name.split("_") if "-" in part)
        table = read_columns(path, _COLUMNS)
        table = table[table["trial_type"] != _CONTROL].reset_index(drop=True)
        name = f"sub-{entities['sub']}"
        parts.append(
            table.assign(subject=name, task=entities["task"], run=entities["run"].lstrip("0"), place=table.index)
        )
    return pd.concat(parts, ignore_index=True)


def derived_trials(path: Path) -> pd.DataFrame:
    """The same rows from one table with the columns ``subject``, ``task_run`` and ``item`` besides."""
    table = read_columns(path, (*_COLUMNS, "subject", "task_run", "item"))
    named = table["task_run"].str.extract(r"^task-(\w+)_run-0?(\d+)$")
    if named.isna().any(axis=None):
        raise InvalidInput(f"{path.name}: the column task_run holds other names than task-Syllogisms_run-01.")
    return table.assign(task=named[0], run=named[1], place=table["item"].astype(int)).drop(columns=["task_run", "item"])


def checked_trials(raw: pd.DataFrame) -> pd.DataFrame:
    """Rows as numbers, with kind, premises and condition, in the order of runs; errors as above."""
    _require_counts(raw)
    _require_accuracy(raw)
    missed = raw["response_time"].isin(_MISSING)
    seconds = pd.to_numeric(raw["response_time"].where(~missed), errors="coerce").astype(float)
    correct = pd.to_numeric(raw["accuracy"], errors="coerce").astype(float)
    sentences = raw[[*_PREMISES]].map(plain_sentence).to_numpy()
    table = pd.DataFrame(
        {
            "subject": raw["subject"],
            "task": raw["task"],
            "run": raw["run"],
            "kind": raw["task"].map(KINDS),
            "place": raw["place"].astype(int),
            "onset": pd.to_numeric(raw["onset"], errors="coerce"),
            "duration": pd.to_numeric(raw["duration"], errors="coerce"),
            "correct": correct.where(~missed),
            "response_time": seconds.where((seconds > 0) & (seconds <= LONGEST_S)),
            "premises": pd.Series([tuple(each) for each in sentences], raw.index, dtype=object),
            "conclusion": raw["conclusion"].map(plain_sentence),
            "trial_type": raw["trial_type"],
            "condition": condition_of_file(raw["stim_file"]),
        }
    )
    return table.sort_values(["subject", "task", "run", "place"], kind="stable").reset_index(drop=True)


def condition_of_file(names: "pd.Series[str]") -> "pd.Series[str]":
    """``2_true_affirm`` of ``Don_2_true_affirm2.wav``; :class:`InvalidInput` names files without one."""
    found = names.str.extract(r"_(\d_(?:true|false)_(?:affirm|negate))\d?\.wav$")[0]
    if found.isna().any():
        raise InvalidInput(f"These names of stimulus files hold no condition: {listed(names[found.isna()].unique())}.")
    return found


def reasoning_problems(answers: pd.DataFrame) -> Stimuli:
    """The problems of the first person who has all four runs, in the order of runs; the same for everybody.

    Raises :class:`InvalidInput` when nobody has all runs, or someone saw other problems or another order.
    """
    sizes = answers.groupby("subject").size()
    whole = sizes.index[sizes == N_PROBLEMS * len(RUNS)]
    if not len(whole):
        raise InvalidInput(f"No person has all {len(RUNS)} runs of {N_PROBLEMS} problems. Complete the tables.")
    table = answers[answers["subject"] == whole[0]].reset_index(drop=True)
    other = answers[~same_rows(answers, table, ("task", "run", "place", "premises", "conclusion"))]
    if len(other):
        who = listed(sorted({f"{row['subject']} {row['task']} run {row['run']}" for row in other.to_dict("records")}))
        raise InvalidInput(f"Not everybody saw the problems of {whole[0]} in the same order; not so: {who}.")
    said = [condition(each, kind, 3) for each, kind in zip(table["condition"], table["kind"], strict=True)]
    number = table.groupby("kind").cumcount()
    ids = [f"{kind}{i:02d}" for kind, i in zip(table["kind"], number, strict=True)]
    rows = table[["premises", "conclusion", "kind", "run", "place"]].assign(
        n_integrated=[each[0] for each in said], label=[each[1] for each in said], form=[each[2] for each in said]
    )
    return problems(rows.assign(row=np.arange(len(rows))).set_axis(ids))


def same_rows(table: pd.DataFrame, reference: pd.DataFrame, columns: Sequence[str]) -> "pd.Series[bool]":
    """Which rows of ``table`` have these columns as some row of ``reference`` has them."""
    known = set(reference[list(columns)].itertuples(index=False, name=None))
    own = table[list(columns)].itertuples(index=False, name=None)
    return pd.Series([row in known for row in own], table.index)


def _require_counts(raw: pd.DataFrame) -> None:
    for (subject, task, run), count in raw.groupby(["subject", "task", "run"]).size().items():
        if (task, run) not in RUNS or count != N_PROBLEMS:
            raise InvalidInput(
                f"{subject}, {task} run {run}, has {count} problems; expected {N_PROBLEMS} in each of two runs of "
                f"{listed(KINDS)}. Complete its table of events, or leave the subject out."
            )


def _require_accuracy(raw: pd.DataFrame) -> None:
    value = pd.to_numeric(raw["accuracy"], errors="coerce")
    bad = raw[~value.isin((0, 1)) & ~raw["response_time"].isin(_MISSING)]
    if len(bad):
        first = bad.iloc[0]
        raise InvalidInput(
            f"{first['subject']}, {first['task']} run {first['run']}: {len(bad)} accuracies are neither 0 nor 1 "
            f"({listed(bad['accuracy'].unique())}). Mend its table of events."
        )

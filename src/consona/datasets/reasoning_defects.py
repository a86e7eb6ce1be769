"""What is wrong with the tables of events of ds003076, found in the tables themselves, and what is done about it."""

import pandas as pd

from consona.datasets.deduction import contradictory
from consona.datasets.problems import plain_sentence
from consona.datasets.reasoning_trials import LONGEST_S, RUNS, same_rows

_COLUMNS = ("subject", "run", "defect", "count", "done")
_SENTENCES = ("premise1", "premise2", "premise3", "conclusion")


def defects_of(raw: pd.DataFrame) -> pd.DataFrame:
    """One row per defect, person and run: ``subject``, ``run`` ("Transitive 1"), ``defect``, ``count``, ``done``.

    ``raw`` holds the rows of problems as written. What concerns the problems themselves stands under the subject
    ``all``, once. A defect that is not there has no row.
    """
    named = raw.assign(run=raw["task"] + " " + raw["run"])
    prefix = named["stim_file"].str.extract(r"_(\d)_(?:true|false)_")[0]
    seconds = pd.to_numeric(named["response_time"], errors="coerce")
    right = pd.to_numeric(named["accuracy"], errors="coerce") == 1
    blank = pd.concat([named[each] != named[each].map(plain_sentence) for each in _SENTENCES], axis=1).any(axis=1)
    rows = [
        *_counted(named, named["trial_type"].str[0] != prefix, "wrong number of premises", "read from the file name"),
        *_counted(named, seconds.isna(), "no answer", "missing, neither right nor wrong"),
        *_counted(named, seconds.isna() & right, "right without an answer", "missing"),
        *_counted(named, (seconds <= 0) | (seconds > LONGEST_S), "impossible response time", "response time missing"),
        *_counted(named, blank, "stray blanks or full stops", "taken away"),
        *_missing_runs(raw),
        *_of_problems(named),
    ]
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def _counted(named: pd.DataFrame, wrong: "pd.Series[bool]", defect: str, done: str) -> list[tuple[object, ...]]:
    counts = named[wrong].groupby(["subject", "run"], sort=True).size()
    return [(subject, run, defect, int(count), done) for (subject, run), count in counts.items()]


def _missing_runs(raw: pd.DataFrame) -> list[tuple[object, ...]]:
    there = set(raw[["subject", "task", "run"]].itertuples(index=False, name=None))
    gone = [
        (s, task, run) for s in sorted(raw["subject"].unique()) for task, run in RUNS if (s, task, run) not in there
    ]
    return [
        (subject, f"{task} {run}", "no table", 1, "left out where all runs are needed") for subject, task, run in gone
    ]


def _of_problems(named: pd.DataFrame) -> list[tuple[object, ...]]:
    """Problems that contradict themselves, the balance of labels, and people who saw another order."""
    rows: list[tuple[object, ...]] = []
    first = named.drop_duplicates(["run", "place"])
    for run, table in first.groupby("run", sort=True):
        count = sum(contradictory([plain_sentence(s) for s in row]) for row in table[list(_SENTENCES[:3])].to_numpy())
        if count:
            rows.append(("all", run, "premises contradict each other", count, "dropped unless asked for"))
    true = int(first["stim_file"].str.contains("_true_").sum())
    if 2 * true != len(first):
        rows.append(("all", "", f"labels {true} true to {len(first) - true} false", abs(2 * true - len(first)), "kept"))
    other = ~same_rows(named, first, ("run", "place", *_SENTENCES))
    return [*rows, *_counted(named, other, "another problem at this place", "refused where betas are aligned")]

"""The trials of a BIDS task from its tables of events: what was shown, in which run, and what the person answered."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from consona.core.errors import InvalidInput, MissingData
from consona.core.invariants import listed
from consona.core.stimuli import Stimuli
from consona.datasets.own_tables import plain, read_cells

OWN = ("subject", "session", "run", "onset", "null", "item", "text")
"""Columns that :func:`task_trials` makes; no label may be called so."""


@dataclass(frozen=True)
class TrialColumns:
    """Which task is read, and which columns of its events say what.

    Attributes
    ----------
    task
        The task, as in the names of the files.
    text
        Columns that hold the text of an item. Several are joined to sentences, each ended by a full stop; of several,
        some may be empty, not all.
    item
        The column that names the item. Without it an item is its text, and items are numbered as they first come.
    labels
        Further columns that are equal in all presentations of an item (condition, true answer …).
    response_time, correct
        Columns of seconds, and of 1 and 0; empty or ``n/a`` where there was no answer. Where they are not named, they
        are missing.
    null_column, null_names
        Rows of the events that are no items: those with one of these names in this column.
    """

    task: str
    text: tuple[str, ...]
    item: str | None = None
    labels: tuple[str, ...] = ()
    response_time: str | None = None
    correct: str | None = None
    null_column: str = "trial_type"
    null_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the names."""
        if not self.text:
            raise InvalidInput("No column of text is named; expected a tuple of those that hold it, such as ('text',).")
        taken = set(self.labels) & set(OWN)
        if taken:
            raise InvalidInput(
                f"The labels {listed(sorted(taken))} are names with a meaning of their own. Rename them."
            )

    @property
    def needed(self) -> tuple[str, ...]:
        """Every column that the events must have."""
        named = (self.item, self.response_time, self.correct, self.null_column if self.null_names else None)
        return tuple(dict.fromkeys(("onset", *self.text, *self.labels, *(name for name in named if name is not None))))


def task_trials(bids: Path | str, columns: TrialColumns) -> pd.DataFrame:
    """Every trial of every person, null trials among them, in the order of person, session, run and onset.

    Parameters
    ----------
    bids
        A BIDS folder with ``sub-*/[ses-*/]func/*_task-<task>_*events.tsv``.
    columns
        The task, and what the columns say.

    Returns
    -------
    pd.DataFrame
        ``subject``, ``session`` and ``run`` (empty where the name of the file has none), ``onset`` (s), ``null``,
        ``item`` and ``text`` (empty in null trials), the labels and columns of text as they are, ``response_time`` (s)
        and ``correct`` (1, 0, NaN).

    Raises
    ------
    MissingData
        When the folder is not there or holds no events of this task.
    InvalidInput
        When a column is missing, a trial has no text, a label differs between presentations of an item, or an answer
        is neither 1 nor 0, or a time no number; person, run and row are named.
    """
    if not Path(bids).is_dir():
        raise MissingData(f"There is no folder {bids}; expected a BIDS data set with sub-* folders. Check the path.")
    tables = [path.relative_to(bids) for path in sorted(Path(bids).glob("sub-*/**/*_events.tsv"))]
    files = [path for path in tables if entity(path, "task") == columns.task]
    if not files:
        raise MissingData(
            f"{bids} holds no table of events of the task '{columns.task}'; expected "
            f"sub-*/func/*_task-{columns.task}_*events.tsv. Check the folder and the name of the task."
        )
    trials = pd.concat([_of_file(Path(bids), path, columns) for path in files], ignore_index=True)
    trials["item"] = _named(trials, columns)
    _require_equal_labels(trials, columns)
    return trials


def entity(path: Path, name: str) -> str:
    """The value of an entity of a BIDS name, such as ``run``: of the file, else of the nearest folder, else empty.

    ``path`` begins in the data set: folders above it are not the data set's to name.
    """
    for part in reversed(path.parts):
        found = re.search(rf"(?:^|_){name}-([A-Za-z0-9+]+)", part)
        if found:
            return found.group(1)
    return ""


def item_stimuli(table: pd.DataFrame, columns: TrialColumns) -> Stimuli:
    """One row per item of these trials: text, its columns and the labels; ``run`` where an item belongs to one run."""
    shown = table[~table["null"]]
    first = shown.groupby("item", sort=False).first()
    kept = list(dict.fromkeys((*columns.text, *columns.labels)))
    made = pd.DataFrame({"text": first["text"]}, index=first.index)
    for name in kept:
        if name != "text":
            made[name] = plain(first[name]) if name in columns.labels else first[name]
    if (shown.groupby("item")["run"].nunique() == 1).all():
        made["run"] = first["run"]
    return Stimuli(made)


def load_task_behaviour(
    bids: Path | str, columns: TrialColumns, *, subjects: Sequence[str] | None = None
) -> xr.Dataset:
    """Answers and response times of a task, with the ids that :func:`~consona.datasets.own_trials.load_task_betas` has.

    Parameters
    ----------
    bids, columns
        As in :func:`task_trials`.
    subjects
        Whose; all of them if not given.

    Returns
    -------
    xr.Dataset
        ``(subject, stimulus)``: ``correct`` (share of the presentations that were answered and right) and
        ``response_time`` (s, their mean); NaN where there was no answer, no presentation or no column.

    Raises
    ------
    MissingData, InvalidInput
        As :func:`task_trials`, and when a subject has no events.
    """
    trials = task_trials(bids, columns)
    names = list(dict.fromkeys(trials["subject"]))
    unknown = [name for name in subjects or () if name not in names]
    if unknown:
        raise MissingData(
            f"There are no events of {listed(unknown)} in the task '{columns.task}'; there are: {listed(names)}."
        )
    shown = trials[~trials["null"]]
    ids = list(dict.fromkeys(shown["item"]))
    made = {}
    for name in ("correct", "response_time"):
        wide = shown.pivot_table(index="subject", columns="item", values=name, aggfunc="mean", dropna=False)
        wide = wide.reindex(index=list(subjects or names), columns=ids)
        made[name] = (("subject", "stimulus"), wide.to_numpy(dtype=np.float64))
    return xr.Dataset(made, {"subject": list(subjects or names), "stimulus": ids}, {"task": columns.task})


def _of_file(bids: Path, path: Path, columns: TrialColumns) -> pd.DataFrame:
    """The trials of one run."""
    cells = read_cells(bids / path, columns.needed)
    null = cells[columns.null_column].isin(columns.null_names) if columns.null_names else pd.Series(False, cells.index)
    where = f"Subject 'sub-{entity(path, 'sub')}', run '{entity(path, 'run')}' ({path.name})"
    kept = list(dict.fromkeys((*columns.text, *columns.labels)))
    made = cells[kept].copy()
    made["text"] = [_sentence(row, columns.text) for row in cells[list(columns.text)].to_dict("records")]
    made.loc[null, "text"] = ""
    without = np.flatnonzero((made["text"] == "") & ~null) + 1
    if len(without):
        raise InvalidInput(
            f"{where}: rows {listed(without)} have no text in {listed(columns.text)}. Name these rows as null trials "
            "(null_column, null_names), or fill in the text."
        )
    made["onset"] = _numbers(cells["onset"], where, "onset")
    for name, column in (("response_time", columns.response_time), ("correct", columns.correct)):
        made[name] = np.nan if column is None else _numbers(cells[column], where, column)
    _require_answers(made["correct"], where, columns.correct)
    made["item"] = cells[columns.item].where(~null, "") if columns.item else made["text"]
    facts = {"subject": f"sub-{entity(path, 'sub')}", "session": entity(path, "ses"), "run": entity(path, "run")}
    return made.assign(null=null, **facts).sort_values("onset", kind="stable")


def _sentence(row: dict[str, str], names: tuple[str, ...]) -> str:
    if len(names) == 1:
        return row[names[0]]
    parts = [row[name].rstrip(" .") for name in names if row[name]]
    return ". ".join(parts) + "." * bool(parts)


def _numbers(cells: "pd.Series[str]", where: str, column: str) -> pd.Series:
    """Numbers, NaN where a cell is empty."""
    found = pd.to_numeric(cells.where(cells != ""), errors="coerce")
    odd = np.flatnonzero(found.isna() & (cells != "")) + 1
    if len(odd):
        raise InvalidInput(
            f"{where}: the column '{column}' holds no number in rows {listed(odd)} (first "
            f"'{cells.iloc[odd[0] - 1]}'). Give numbers, or n/a."
        )
    return found.astype(float)


def _require_answers(correct: pd.Series, where: str, column: str | None) -> None:
    odd = np.flatnonzero(correct.notna() & ~correct.isin((0, 1))) + 1
    if len(odd):
        raise InvalidInput(
            f"{where}: '{column}' is neither 1 nor 0 in rows {listed(odd)} (first {correct.iloc[odd[0] - 1]:g}). Mend "
            "these answers, or write n/a where there was none."
        )


def _named(trials: pd.DataFrame, columns: TrialColumns) -> pd.Series:
    """Ids of the items: their names, or numbers in the order in which they first come."""
    shown = ~trials["null"]
    empty = trials[shown & (trials["item"] == "")]
    if len(empty):
        found = listed(dict.fromkeys(empty["subject"] + " run " + empty["run"]))
        raise InvalidInput(f"{len(empty)} trials of {found} have no name in the column '{columns.item}'. Fill it in.")
    if columns.item:
        return trials["item"]
    order = {text: f"{columns.task}{i:03d}" for i, text in enumerate(dict.fromkeys(trials.loc[shown, "item"]))}
    return trials["item"].map(order).fillna("")


def _require_equal_labels(trials: pd.DataFrame, columns: TrialColumns) -> None:
    """An item has one text and one label of each sort."""
    shown = trials[~trials["null"]].groupby("item")
    for name in dict.fromkeys(("text", *columns.labels)):
        odd = shown[name].nunique()
        if (odd > 1).any():
            item = str(odd.index[odd > 1][0])
            values = listed(dict.fromkeys(trials.loc[trials["item"] == item, name]))
            raise InvalidInput(
                f"'{name}' differs between presentations of {int((odd > 1).sum())} items, first '{item}': {values}. "
                "Take it out of the labels, or mend the events."
            )

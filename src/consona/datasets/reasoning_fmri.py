"""Deductive reasoning fMRI: single-trial responses of ten adults to 72 problems, by region, with their behaviour."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput, MissingData
from consona.core.invariants import listed
from consona.core.recording import Recording
from consona.core.stimuli import Stimuli
from consona.datasets import reasoning_trials as events
from consona.datasets.deduction import contradictory as contradict
from consona.datasets.faced_ratings import UNREADABLE_MAT
from consona.datasets.locate import checksums, corpus_folder

NAME = "reasoning_fmri"
CITATION = f"Betas: arXiv:2606.11893 (github.com/pkuxmq/Brain-guided_LLM). Recordings: {events.CITATION}"
LICENCE = "MIT for the betas, CC0 for ds003076"
COMMIT = "f4c6f6b1b737a3885e198185456c7f1241fd2149"
PEOPLE = tuple(f"sub-{n}" for n in (1001, 1004, 1008, 1014, 1017, 1019, 1022, 1027, 1030, 1034))
REGIONS = {"deductive reasoning": "deductive_reasoning", "language": "language", "multiple demand": "md"}
DERIVED = "derived_events.csv"
BETAS = "fmri_data/preprocessed_data_glmsinglesep_newdrroi_topksep/top-10%/all_extracted_beta_{}"

_VARIABLE = "all_voxels"
Contradictory = Literal["drop", "keep"]


def load_reasoning_fmri(
    folder: Path | str | None = None,
    *,
    region: str = "deductive reasoning",
    contradictory: Contradictory = "drop",
) -> Dataset:
    """Responses (GLMsingle betas) of ten people to 70 problems, in the tenth of a region's voxels that answers best.

    One repetition per problem; ``target`` are voxels, others in every person, in falling order of t, without places.
    They were chosen, by the authors, on these same data. Stimuli are those of :func:`load_reasoning_problems`. As in
    the release, betas of the two tasks come from fits of their own with one duration each (the person's mean response
    time), so that task and response time are in the betas for reasons of method too.

    Parameters
    ----------
    folder
        Where the release lies; without it, where corpora are looked for.
    region
        ``deductive reasoning`` (313 voxels), ``language`` (1,359) or ``multiple demand`` (3,082).
    contradictory
        ``drop`` leaves out the two problems whose premises contradict each other; ``keep`` keeps all 72.

    Returns
    -------
    Dataset
        ``Recording.attrs`` say ``region``, ``n_voxels`` and what was ``dropped``.

    Raises
    ------
    MissingData
        When folder or events are not there, or the region is not at hand: what it is for is then not testable here.
    InvalidInput
        When there is no such region, or responses and problems do not fit each other; subject and counts are named.
    """
    root = corpus_folder(NAME, folder)
    files = _files(root, region)
    trials, source = _trials(root)
    every = events.reasoning_problems(trials)
    kept, dropped = _kept(every, contradictory)
    rows = kept.table["row"].to_numpy()
    recordings = []
    for subject, path in files.items():
        _require_runs(trials, subject)
        values = _betas(path, subject, len(every))[rows]
        attrs = {"region": region, "n_voxels": values.shape[1], "dropped": dropped, "unit": "GLMsingle beta"}
        recordings.append(Recording.of(values, kept.ids, subject, attrs))
    sums = checksums(root, [*files.values(), *([root / DERIVED] if source == DERIVED else [])])
    return Dataset(kept, tuple(recordings), f"{NAME}-{REGIONS[region]}", COMMIT[:12], LICENCE, CITATION, sums)


def load_reasoning_problems(folder: Path | str | None = None, *, contradictory: Contradictory = "drop") -> Stimuli:
    """The 70 (or 72) problems, ids ``syllogism00`` to ``transitive35``, with the columns of ``problems`` and ``row``.

    ``place`` is that in the run, from 0; 46 of 70 conclusions follow, so that always answering true scores 65.7 %.
    Raises as :func:`load_reasoning_fmri`.
    """
    return _kept(events.reasoning_problems(_trials(corpus_folder(NAME, folder))[0]), contradictory)[0]


def load_reasoning_behaviour(
    folder: Path | str | None = None,
    *,
    subjects: Sequence[str] = PEOPLE,
    contradictory: Contradictory = "drop",
) -> xr.Dataset:
    """Answers ``correct`` (1, 0; NaN: none) and ``response_time`` (s from the conclusion; NaN: none).

    ``(subject, stimulus)`` with the coordinates ``run``, ``kind``, ``label`` and ``place`` (in the run, from 0) along
    ``stimulus``. The published accuracies count a missing answer as wrong: ``correct.fillna(0)``. ``subjects`` are the
    ten with betas if not given; of the other seven, sub-1026 lacks a run.

    Raises
    ------
    MissingData
        When the folder or the events are not there.
    InvalidInput
        When a subject is not in the tables, or lacks a run, naming subject and run.
    """
    trials, _ = _trials(corpus_folder(NAME, folder))
    kept, dropped = _kept(events.reasoning_problems(trials), contradictory)
    for subject in subjects:
        _require_runs(trials, subject)
    key = ["premises", "conclusion"]
    named = trials[trials["subject"].isin(subjects)].merge(kept.table[key].reset_index(), on=key)
    coords = {
        "subject": list(subjects),
        "stimulus": kept.ids,
        **{name: ("stimulus", kept[name]) for name in ("run", "kind", "label", "place")},
    }
    variables = {}
    for name in ("correct", "response_time"):
        wide = named.pivot(index="subject", columns="stimulus", values=name)
        values = wide.reindex(index=list(subjects), columns=kept.ids.tolist()).to_numpy(dtype=float)
        variables[name] = (("subject", "stimulus"), values)
    return xr.Dataset(variables, coords, {"dropped": dropped, "response_time_unit": "s from the conclusion"})


def regions_at_hand(folder: Path | str | None = None) -> tuple[str, ...]:
    """The regions whose betas lie in the folder, in the order of :data:`REGIONS`."""
    root = corpus_folder(NAME, folder)
    return tuple(name for name in REGIONS if _region_files(root, name))


def _region_files(root: Path, region: str) -> dict[str, Path]:
    paths = sorted(root.glob(f"{BETAS.format(REGIONS[region])}/sub-*/sub-*.mat"))
    return {path.stem: path for path in paths}


def _files(root: Path, region: str) -> dict[str, Path]:
    if region not in REGIONS:
        raise InvalidInput(f"There is no region '{region}'; choose one of {listed(REGIONS)}.")
    files = _region_files(root, region)
    if not files:
        raise MissingData(
            f"Not testable here: {root} holds no betas of the region '{region}' ({BETAS.format(REGIONS[region])}); "
            f"those at hand are {listed(regions_at_hand(root)) or 'none'}. Get them with: consona fetch {NAME}"
        )
    return files


def _trials(root: Path) -> tuple[pd.DataFrame, str]:
    """Checked trials from the table beside the betas or, without one, from the tables of ds003076; and which."""
    path = root / DERIVED
    if path.is_file():
        return events.checked_trials(events.derived_trials(path)), DERIVED
    return events.checked_trials(events.bids_trials(corpus_folder(events.NAME))), events.NAME


def _kept(every: Stimuli, contradictory: str) -> tuple[Stimuli, str]:
    """The problems that are kept, and in words which are not."""
    if contradictory not in ("drop", "keep"):
        raise InvalidInput(f"contradictory is 'drop' or 'keep', not '{contradictory}'.")
    wrong = np.array([contradictory == "drop" and contradict(each) for each in every.table["premises"]])
    gone = ", ".join(every.ids[wrong].tolist())
    return every.select(~wrong), f"premises contradict each other: {gone}" if gone else "nothing"


def _require_runs(trials: pd.DataFrame, subject: str) -> None:
    own = trials[trials["subject"] == subject]
    there = set(own[["task", "run"]].itertuples(index=False, name=None))
    missing = [f"{task} run {run}" for task, run in events.RUNS if (task, run) not in there]
    if missing:
        raise InvalidInput(
            f"{subject} has no events of {listed(missing)}; all {len(events.RUNS)} runs are needed. Complete the "
            "tables, or leave the subject out."
        )


def _betas(path: Path, subject: str, n_problems: int) -> npt.NDArray[np.float32]:
    from scipy.io.matlab import MatReadError, loadmat  # a fifth of a second, needed here only

    try:
        values = loadmat(path, variable_names=[_VARIABLE]).get(_VARIABLE)
    except (MatReadError, *UNREADABLE_MAT) as error:
        raise InvalidInput(f"{path.name} is damaged ({error}); expected a MATLAB file. Get it again.") from error
    if values is None or values.ndim != 2 or len(values) != n_problems:
        shape = "none" if values is None else f"shape {values.shape}"
        raise InvalidInput(
            f"{subject}: {path.name} holds '{_VARIABLE}' of {shape}; expected {n_problems} rows, one per problem. "
            "Get the file again."
        )
    return np.asarray(values, dtype=np.float32)

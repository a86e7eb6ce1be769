"""A BIDS task with single-trial betas (GLMsingle, nilearn, matrices) and the text of its items, as one data set."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput, MissingData
from consona.core.invariants import listed
from consona.core.recording import Recording
from consona.datasets.glmsingle_betas import BETAS, GLMSINGLE, TrialBetas, load_trial_betas
from consona.datasets.locate import sha256
from consona.datasets.own_arrays import Rows, own_recording
from consona.datasets.own_images import IMAGES, RESPONSES
from consona.datasets.trial_tables import TrialColumns, entity, item_stimuli, load_task_behaviour, task_trials

__all__ = ["TrialColumns", "load_task_behaviour", "load_task_betas", "whole_recording"]

_DROPPED_NAMED = 20  # voxels that attrs name; their number is always there


def load_task_betas(
    bids: Path | str,
    betas: Path | str,
    columns: TrialColumns,
    *,
    mask: Path | str | None = None,
    subjects: Sequence[str] | None = None,
) -> Dataset:
    """Single-trial betas of a BIDS task, with the text of its items.

    Parameters
    ----------
    bids
        The BIDS folder with the events, see :func:`~consona.datasets.trial_tables.task_trials`.
    betas
        Folder with the betas, below ``<subject>/`` or in files whose names begin with the subject: outputs of
        GLMsingle, 4D images (their names end in ``_betas``, ``_beta``, ``_betaseries`` or ``_statmap``), matrices; see
        :func:`~consona.datasets.glmsingle_betas.load_trial_betas`. A file with ``run-…`` (and ``ses-…``) in its name or
        folder is of that run, one without is of all runs (of its session), one after the other. Of several outputs of
        GLMsingle the best is taken.
    columns
        The task, and what the columns of its events say.
    mask
        Image whose voxels above zero are taken; ``{subject}`` in it stands for the subject.
    subjects
        Whose, ``sub-…``; all that have betas if not given.

    Returns
    -------
    Dataset
        Items that repeat have repetitions. A file holds a beta for every trial of its runs in the order of onset, with
        or without the null trials, which are dropped. Voxels that are not finite, or constant over all trials, are
        dropped as wholes; ``attrs`` of a recording count and name them (``n_dropped_voxels``, ``dropped_voxels``), say
        how the betas were made (``estimator``, and for GLMsingle ``duration``: one for all trials), which runs there
        are and who has events but no betas (``without_betas``).

    Raises
    ------
    MissingData
        When a folder, the events, the betas of a subject asked for, or a mask is not there.
    MissingExtra
        When images are to be read and nibabel is not installed.
    InvalidInput
        When a run has events and no betas or the reverse, or betas of two files; betas and trials differ in number
        (both numbers, subject and run are named); a trial has no finite beta, or no voxel is left; and as
        :func:`~consona.datasets.trial_tables.task_trials`.
    """
    trials, task = task_trials(bids, columns), columns.task
    stimuli = item_stimuli(trials, columns)
    everyone = list(dict.fromkeys(trials["subject"]))
    files = {subject: _files(Path(betas), subject, task) for subject in dict.fromkeys((*everyone, *(subjects or ())))}
    wanted = [subject for subject in files if files[subject]] if subjects is None else list(subjects)
    lacking = [subject for subject in wanted if not files[subject] or subject not in everyone]
    if lacking or not wanted:
        raise MissingData(
            f"There are no betas, or no events, of {listed(lacking or everyone)} in the task '{task}'; looked below "
            f"{betas} for files that end in {', '.join(BETAS)}. Check the folder, or name the subjects that have both."
        )
    without = [subject for subject in everyone if not files[subject]]
    said = {"task": task, **({"without_betas": without} if without else {})}
    recordings = []
    for subject in wanted:
        inside = None if mask is None else Path(str(mask).replace("{subject}", subject))
        person = _Person(subject, trials[trials["subject"] == subject], inside)
        recordings.append(person.recording(files[subject], stimuli.ids, said))
    read = [each.path for subject in wanted for each in files[subject]]
    sums = {path.relative_to(betas).as_posix(): sha256(path) for path in read}
    return Dataset(stimuli, tuple(recordings), f"own-{task}", "as given", "the user's own", f"own data, {task}", sums)


@dataclass(frozen=True)
class _File:
    """A file with betas, and the session and run that it names; empty where it names none."""

    path: Path
    session: str
    run: str

    def covers(self, trials: pd.DataFrame) -> "pd.Series[bool]":
        """Which trials are in it; runs are compared as numbers, 1 is 01."""
        own = pd.Series(True, trials.index)
        for name, said in (("session", self.session), ("run", self.run)):
            own &= (trials[name].str.lstrip("0") == said.lstrip("0")) | (said == "")
        return own


@dataclass(frozen=True)
class _Person:
    """One person's trials, and where their voxels are."""

    subject: str
    trials: pd.DataFrame
    mask: Path | None

    def recording(self, files: list[_File], ids: npt.NDArray[np.str_], said: dict[str, Any]) -> Recording:
        """All runs as one recording, without voxels that are not whole."""
        self._require_every_run(files)
        parts, facts = [], dict(said)
        for file in files:
            found = load_trial_betas(file.path, self.mask)
            facts |= found.facts
            parts.append(self._rows(found, self.trials[file.covers(self.trials)], file.path))
        facts["runs"] = list(dict.fromkeys(self._runs))
        return whole_recording(parts, ids, self.subject, facts)

    @property
    def _runs(self) -> "pd.Series[str]":
        """The name of the run of every trial."""
        session = self.trials["session"]
        return session.where(session == "", "ses-" + session + " ") + "run-" + self.trials["run"]

    def _require_every_run(self, files: list[_File]) -> None:
        """Every run is in one file, and no file is of a run without trials."""
        counts = pd.Series(0, self.trials.index)
        for file in files:
            own = file.covers(self.trials)
            counts += own
            if not own.any():
                raise InvalidInput(
                    f"Subject '{self.subject}': {file.path.name} is of a run without events; there are events of "
                    f"{listed(dict.fromkeys(self._runs))}. Add the events, or take the file away."
                )
        without, twice = (dict.fromkeys(self._runs[each]) for each in (counts == 0, counts > 1))
        names = listed(each.path.name for each in files)
        if without:
            raise InvalidInput(
                f"Subject '{self.subject}' has events of {listed(without)} and no betas of it; there are {names}. "
                "Add the betas, or take the events away."
            )
        if twice:
            raise InvalidInput(
                f"Subject '{self.subject}' has betas of {listed(twice)} in several files: {names}. Keep one of a run."
            )

    def _rows(self, found: TrialBetas, own: pd.DataFrame, path: Path) -> Rows:
        """Betas of the trials that show an item, with their ids."""
        n_null, n_rows = int(own["null"].sum()), len(found.values)
        where = f"Subject '{self.subject}', run {listed(dict.fromkeys(own['run']), 8)} ({path.name})"
        if n_rows not in (len(own), len(own) - n_null):
            null = f" ({len(own)} with null trials)" if n_null else ""
            raise InvalidInput(
                f"{where} has betas of {n_rows} trials, and the events {len(own) - n_null}{null}. Fit one beta per "
                "trial, or mend the events."
            )
        values = found.values if n_rows == len(own) - n_null else found.values[~own["null"].to_numpy()]
        shown = own[~own["null"]]
        if not np.isfinite(values).any(axis=1).all():
            rows = np.flatnonzero(~np.isfinite(values).any(axis=1)) + 1
            raise InvalidInput(f"{where}: trials {listed(rows)} have no finite beta. Fit them again, or drop them.")
        return Rows(values, shown["item"].tolist(), mask=found.mask)


def whole_recording(parts: Sequence[Rows], ids: npt.NDArray[np.str_], subject: str, attrs: dict[str, Any]) -> Recording:
    """A recording without the voxels that are not finite somewhere, or constant over all trials.

    ``attrs`` gain ``n_voxels``, ``n_dropped_voxels`` and ``dropped_voxels``, the first of them by their indices. Parts
    and ids as in :func:`~consona.datasets.own_arrays.own_recording`; :class:`InvalidInput` when no voxel is left.
    """
    broken = _broken(np.concatenate([part.values for part in parts]))
    if broken.all():
        raise InvalidInput(
            f"Subject '{subject}': none of {len(broken)} voxels is finite and varies over the trials. Check the mask "
            "and the fit."
        )
    clean = [replace(part, values=np.where(broken, np.float32(np.nan), part.values)) for part in parts]
    made = own_recording(clean, ids, subject)
    mask = parts[0].mask
    where = [] if mask is None else np.argwhere(np.asarray(mask.dataobj) > 0)[broken].tolist()
    names = [str(tuple(voxel)) for voxel in where] or [str(at) for at in np.flatnonzero(broken)]
    held = {name: value for name, value in made.attrs.items() if name not in ("n_constant", "n_not_finite")}
    counted = {"n_dropped_voxels": int(broken.sum()), **({"dropped_voxels": names[:_DROPPED_NAMED]} if names else {})}
    return Recording(
        made.data.isel(target=~broken), subject, {**held, **attrs, **counted, "n_voxels": int((~broken).sum())}
    )


def _broken(values: npt.NDArray[np.floating]) -> npt.NDArray[np.bool_]:
    """Voxels that are not finite somewhere, or constant."""
    whole = np.isfinite(values).all(axis=0)
    span = np.ptp(np.where(whole, values, 0.0), axis=0)
    return np.asarray(~whole | (span == 0))


def _suffix(path: Path) -> str:
    return path.name.split(".")[0].rsplit("_", 1)[-1]


def _files(folder: Path, subject: str, task: str) -> list[_File]:
    """The files with betas of one subject: of this task, or of no task by name; of GLMsingle's the best."""
    if not folder.is_dir():
        raise MissingData(f"There is no folder {folder}; expected the single-trial betas there. Check the path.")
    beside = [path for path in folder.glob(f"{subject}*") if path.name.split(".")[0].split("_")[0] == subject]
    found = sorted((*(folder / subject).rglob("*"), *beside))
    paths = [
        path.relative_to(folder)
        for path in found
        if path.is_file()
        and path.name.endswith(BETAS)
        and (not path.name.endswith(IMAGES) or _suffix(path) in RESPONSES)
    ]
    of_task = [path for path in paths if entity(path, "task") in (task, "")]
    best = next((name for name in GLMSINGLE if any(path.name.startswith(name + ".") for path in of_task)), "")
    return [
        _File(folder / path, entity(path, "ses"), entity(path, "run"))
        for path in of_task
        if not best or path.name.startswith(best + ".")
    ]

"""From recordings to one array of subject x stimulus x target, and to read-outs that hold something out."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput
from consona.core.invariants import listed, require_same_ids
from consona.stats.readout import (
    Readout,
    in_sample_mean_readout,
    in_sample_readout,
    mean_stimulus_readout,
    stimulus_readout,
    subject_readout,
)
from consona.stats.seeds import rng_for

HoldOut = Literal["in-sample", "subject", "clip", "emotion"]
Rows = Literal["subject x clip", "cohort mean"]
HOLD_OUTS: tuple[HoldOut, ...] = ("in-sample", "subject", "clip", "emotion")
N_SUBJECT_FOLDS = 10
ALPHAS = np.logspace(-1, 7, 13)
CV = {
    "in-sample": "in-sample: nothing held out",
    "subject": "groups of subjects held out, the same clips in training",
    "clip": "one clip held out, for all subjects",
    "emotion": "all clips of one emotion held out, for all subjects",
}


@dataclass(frozen=True)
class Responses:
    """All subjects in one array, ``values (n_subjects, n_stimuli, n_targets)``, with the group of every subject."""

    values: npt.NDArray[np.float64]
    subjects: tuple[str, ...]
    cohorts: npt.NDArray[np.str_]
    emotions: npt.NDArray[np.str_]
    ids: npt.NDArray[np.str_]
    dropped: tuple[int, ...]


def responses(dataset: Dataset) -> Responses:
    """Stack the recordings of a dataset; targets that are missing in any subject are left out and counted.

    Raises
    ------
    InvalidInput
        When a subject lacks stimuli, or has another number of targets.
    """
    if not dataset.recordings:
        raise InvalidInput(f"Dataset '{dataset.name}' has no recordings; a brain score needs at least one subject.")
    ids = dataset.stimuli.ids
    first = dataset.recordings[0]
    for recording in dataset.recordings:
        require_same_ids(ids, recording.ids, (f"Stimuli of '{dataset.name}'", f"recording '{recording.subject}'"))
        if recording.n_targets != first.n_targets:
            raise InvalidInput(
                f"Subject '{recording.subject}' has {recording.n_targets} targets and '{first.subject}' "
                f"{first.n_targets}; rows can only be stacked over the same targets. Leave that subject out."
            )
    values = np.stack([recording.mean() for recording in dataset.recordings])
    missing = ~np.isfinite(values).all(axis=(0, 1))
    if missing.all():
        raise InvalidInput(f"Every target of '{dataset.name}' is missing in some subject ({listed(dataset.subjects)}).")
    cohorts = np.array([str(recording.attrs.get("cohort", "1")) for recording in dataset.recordings])
    dropped = tuple(np.flatnonzero(missing).tolist())
    return Responses(values[:, :, ~missing], tuple(dataset.subjects), cohorts, dataset.stimuli["emotion"], ids, dropped)


def subject_folds(cohorts: npt.NDArray[np.str_], seed: int) -> npt.NDArray[np.int64]:
    """A fold for every subject: each cohort is spread evenly over all folds, so that no split follows the device."""
    n_folds = min(N_SUBJECT_FOLDS, len(cohorts))
    rng = rng_for(seed, "subject folds")
    order = np.concatenate([rng.permutation(np.flatnonzero(cohorts == cohort)) for cohort in np.unique(cohorts)])
    folds = np.empty(len(cohorts), dtype=np.int64)
    folds[order] = np.arange(len(cohorts)) % n_folds
    return folds


def testable(data: Responses, hold_out: HoldOut, rows: Rows) -> bool:
    """Whether there are enough groups: subjects cannot be held out of one mean, nor out of fewer than three."""
    return hold_out != "subject" or (rows == "subject x clip" and len(data.subjects) >= 3)


def held_out(data: Responses, hold_out: HoldOut, *, rows: Rows = "subject x clip", seed: int = 0) -> Readout:
    """The read-out under one hold-out, with the penalty chosen in inner folds of the same kind.

    Raises
    ------
    InvalidInput
        When the hold-out is unknown or there are too few groups.
    """
    if not testable(data, hold_out, rows):
        raise InvalidInput(f"Hold-out 'subject' needs at least 3 subjects as rows; found {len(data.subjects)}, {rows}.")
    with threadpool_limits(limits=1, user_api="blas"):  # hundreds of small decompositions: threads only get in the way
        return _fitted(data, hold_out, rows, seed)


def _fitted(data: Responses, hold_out: HoldOut, rows: Rows, seed: int) -> Readout:
    X, single = data.values, rows == "subject x clip"
    try:
        if hold_out == "in-sample":
            if single and len(X) >= 3:
                return in_sample_readout(X, subject_folds(data.cohorts, seed), ALPHAS)
            return in_sample_mean_readout(X, data.ids, ALPHAS)
        if hold_out == "subject":
            return subject_readout(X, subject_folds(data.cohorts, seed), ALPHAS)
        if hold_out in ("clip", "emotion"):
            leave_out = stimulus_readout if single else mean_stimulus_readout
            return leave_out(X, data.ids if hold_out == "clip" else data.emotions, ALPHAS)
    except ValueError as error:
        raise InvalidInput(f"Hold-out '{hold_out}': {error}") from None
    raise InvalidInput(f"Hold-out '{hold_out}' is unknown; known are {listed(HOLD_OUTS)}.")

"""Features of a problem that need no language model: which task it is, how long the person took, and random numbers."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.invariants import as_names, listed
from consona.stats.seeds import rng_for

__all__ = ["TRIVIAL", "OwnFeatures", "filled_response_times", "random_features", "trivial_features"]

OwnFeatures = Mapping[str, Mapping[str, npt.NDArray[np.float64]]]
"""By name of the feature set, then by subject: ``(n_stimuli, n_features)`` in the order of the subject's recording."""

TRIVIAL = (
    "task",
    "response time",
    "response time, label and task",
    "premises, label and negation",
    "run",
    "position in run",
)
_PREMISES = "n_integrated"


def trivial_features(dataset: Dataset, behaviour: xr.Dataset) -> dict[str, dict[str, npt.NDArray[np.float64]]]:
    """What a model must beat before its score says anything about reasoning, for every subject of a data set.

    ``task`` is one column per kind of problem but the first, a bit where there are two; ``response time`` is the
    subject's own, in seconds, with the mean of the subject and kind where there was no answer
    (:func:`filled_response_times`; give times that are filled otherwise, and nothing is filled here); ``label`` is
    whether the conclusion follows, ``premises`` how many it takes, ``negation`` whether it says not, ``run`` the kind
    and run; these, and the task beside others, are one column per value. ``position in run`` is the column ``place``,
    or the count of problems at hand in their run. Random numbers are made by :func:`random_features`.

    Parameters
    ----------
    dataset
        Its stimuli have the columns ``kind, label, negated, n_integrated, run``.
    behaviour
        ``response_time (subject, stimulus)`` in seconds, NaN without an answer.

    Returns
    -------
    dict
        By name (:data:`TRIVIAL`), then by subject: ``(n_stimuli, n_features)`` in the order of the recording.

    Raises
    ------
    InvalidInput
        When a column, a subject or a stimulus is missing, or a subject never answered a kind.
    """
    seconds = filled_response_times(dataset, behaviour)["response_time"]
    own = [_of_subject(dataset, each.subject, each.ids, seconds) for each in dataset.recordings]
    return {
        name: {each.subject: features[name] for each, features in zip(dataset.recordings, own, strict=True)}
        for name in TRIVIAL
    }


def filled_response_times(dataset: Dataset, behaviour: xr.Dataset) -> xr.Dataset:
    """Response times with gaps filled by the mean of the same subject and kind, and how many were filled.

    Published rows fill them with the 6 s after which no answer was taken; times that are there are kept, so those rows
    are ``trivial_features(dataset, behaviour.fillna({"response_time": 6.0}))``. With twelve of 700 answers missing, the
    score of response times on the released betas is .155, .146, .181 (all, syllogism, transitive) in that way, and
    .185, .146, .195 in this one.

    Returns
    -------
    xr.Dataset
        ``response_time (subject, stimulus)`` in seconds, NaN where the subject has no recording of the stimulus;
        ``n_filled (subject)``.

    Raises
    ------
    InvalidInput
        When a subject or stimulus is missing, or a subject never answered a kind.
    """
    ids, kinds = dataset.stimuli.ids, dataset.stimuli["kind"]
    _require(behaviour, dataset)
    seconds = np.full((len(dataset.recordings), len(ids)), np.nan)
    n_filled = np.zeros(len(seconds), dtype=int)
    for row, recording in enumerate(dataset.recordings):
        times = behaviour["response_time"].sel(subject=recording.subject, stimulus=recording.ids).values
        place = {name: i for i, name in enumerate(ids.tolist())}
        columns = np.array([place[name] for name in recording.ids.tolist()])
        for kind in np.unique(kinds[columns]):
            of_kind = kinds[columns] == kind
            answered = of_kind & np.isfinite(times)
            if not answered.any():
                raise InvalidInput(
                    f"Subject '{recording.subject}' has no response time for any problem of kind '{kind}', so gaps "
                    "cannot be filled. Leave the subject out."
                )
            n_filled[row] += int((of_kind & ~answered).sum())
            times = np.where(of_kind & ~answered, times[answered].mean(), times)
        seconds[row, columns] = times
    return xr.Dataset(
        {"response_time": (("subject", "stimulus"), seconds), "n_filled": ("subject", n_filled)},
        {"subject": as_names(dataset.subjects), "stimulus": ids},
        {"filled": "mean response time of the same subject and kind"},
    )


def random_features(dataset: Dataset, *, n_layers: int = 56, n_features: int = 1536, seed: int = 0) -> Features:
    """Uniform random numbers in the shape of a model's states: how high the best of many layers comes by chance."""
    ids = dataset.stimuli.ids
    values = rng_for(seed, "random features").random((len(ids), n_layers, n_features), dtype=np.float32)
    return Features.of(values, ids, {"model": "uniform random numbers"})


def _of_subject(
    dataset: Dataset, subject: str, ids: npt.NDArray[np.str_], seconds: xr.DataArray
) -> dict[str, npt.NDArray[np.float64]]:
    problems = dataset.stimuli.select(ids)
    task, label, negated, premises = (_indicators(problems[name]) for name in ("kind", "label", "negated", _PREMISES))
    time = seconds.sel(subject=subject, stimulus=ids).values.astype(np.float64)[:, None]
    run = as_names([f"{kind}, {run}" for kind, run in zip(problems["kind"], problems["run"], strict=True)])
    place = problems["place"].astype(np.float64) if "place" in problems else _position(run)
    return {
        "task": task[:, 1:] if task.shape[1] > 1 else task,
        "response time": time,
        "response time, label and task": np.column_stack([time, label, task]),
        "premises, label and negation": np.column_stack([premises, label, negated]),
        "run": _indicators(run),
        "position in run": place[:, None],
    }


def _indicators(labels: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    return (labels[:, None] == np.unique(labels)).astype(np.float64)


def _position(run: npt.NDArray[np.str_]) -> npt.NDArray[np.float64]:
    position = np.zeros(len(run))
    for name in np.unique(run):
        rows = np.flatnonzero(run == name)
        position[rows] = np.arange(len(rows))
    return position


def _require(behaviour: xr.Dataset, dataset: Dataset) -> None:
    for dim, wanted in (("subject", dataset.subjects), ("stimulus", dataset.stimuli.ids.tolist())):
        missing = sorted(set(wanted) - set(as_names(behaviour[dim].values).tolist()))
        if missing:
            raise InvalidInput(
                f"The behaviour lacks the {dim} {listed(missing)} of '{dataset.name}'. Load both from one folder."
            )

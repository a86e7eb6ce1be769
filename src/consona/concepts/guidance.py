"""Guidance by brains as it was published: stopped by the right answer, on items that the model got wrong only."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.concepts.guidance_design import DIMS, Answered, asked_margins
from consona.core.direction import Direction
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.invariants import as_names, listed
from consona.core.stimuli import Stimuli
from consona.stats.brain_guidance import BrainMap, similarity_of
from consona.stats.guidance_ascent import PUBLISHED_ASCENT, Ascent, ascend, unit_rows
from consona.stats.seeds import rng_for

__all__ = ["mean_shift", "published_guidance", "published_random", "shift_directions"]

Matrix = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]


def published_guidance(
    states: Features,
    problems: Stimuli,
    similarity: xr.DataArray,
    correct: xr.DataArray,
    answered: Answered,
    *,
    layers: Sequence[int],
    ascent: Ascent = PUBLISHED_ASCENT,
) -> xr.Dataset:
    """Guidance as published (arXiv 2606.11893, ``make_intervention_sep.py``), with everything that flatters it.

    One map per subject, kind and layer, fitted on **all** items of the kind, those to be moved included, without
    intercept. Only items that the model got **wrong** and the person right are moved, in all layers at once, and the
    ascent is stopped at the first record whose answer is the **true** one: any flip is a gain, none is a loss, and
    every record is one more try. Give the similarities of a control in place of a brain to see how much of the gain
    this procedure makes by itself.

    Answers are signs of margins, so there is no third answer to turn back from, as the published code does.

    Parameters
    ----------
    states, problems
        States of the site that is shifted; problems with ``kind`` and ``label``.
    similarity
        ``(subject, stimulus, other)`` of a brain or a control.
    correct
        ``(subject, stimulus)``: 1 where the person was right; 0 or NaN otherwise.
    answered
        See :data:`consona.concepts.guidance_design.Answered`; called once per subject, with its eligible stimuli.
    layers
        Shifted together; published: attention outputs of the middle half.
    ascent
        Published by default: AdamW, 200 iterations, 40 records, radius 10.

    Returns
    -------
    xr.Dataset
        ``before (stimulus)`` margins; ``eligible``, ``success``, ``record`` (of the success, -1 without) ``(subject,
        stimulus)``; ``accuracy_before`` and ``accuracy (subject)``; ``shift (subject, stimulus, layer, feature)`` at
        the success, zero elsewhere; attr ``n_tries`` per item.

    Raises
    ------
    InvalidInput
        When stimuli, subjects or layers differ, or a margin is not finite.
    """
    task = _Published.of(states, problems, correct, answered, layers)
    held = similarity.sel(stimulus=problems.ids, other=problems.ids)
    paths = []
    for subject, rows in zip(task.subjects, task.eligible, strict=True):
        S = np.asarray(held.sel(subject=subject).values, dtype=np.float64)
        paths.append(_paths(S, task, np.flatnonzero(rows), ascent))
    return task.conducted(paths, ascent.n_records)


def published_random(
    states: Features,
    problems: Stimuli,
    correct: xr.DataArray,
    answered: Answered,
    *,
    layers: Sequence[int],
    n_tries: int = 10,
    seed: int,
) -> xr.Dataset:
    """The published control: Gaussian directions with norms from 1 to 10 spreads, in ``n_tries`` steps.

    Published: **10 tries**, where guidance has 40. Give 40 for equal tries. Items, stopping and what is returned are
    those of :func:`published_guidance`; a direction is drawn anew for every try, item, layer and subject.

    Raises
    ------
    InvalidInput
        As :func:`published_guidance`.
    """
    task = _Published.of(states, problems, correct, answered, layers)
    lengths = np.linspace(1.0, PUBLISHED_ASCENT.radius, n_tries)
    spread = np.empty(task.states.shape[:2])
    for kind in np.unique(task.kinds):
        of_kind = task.states[task.kinds == kind]
        spread[task.kinds == kind] = np.sqrt(((of_kind - of_kind.mean(axis=0)) ** 2).sum(axis=2).mean(axis=0))
    paths = []
    for k, rows in enumerate(task.eligible):
        drawn = rng_for(seed, "published random", k).standard_normal((n_tries, *task.states.shape))
        paths.append((unit_rows(drawn) * lengths[:, None, None, None] * spread[None, :, :, None])[:, rows])
    return task.conducted(paths, n_tries)


def mean_shift(shift: xr.DataArray, success: xr.DataArray, kinds: npt.ArrayLike) -> xr.DataArray:
    """Mean of the shifts that counted as successes, per kind and layer: what is carried to new problems.

    Parameters
    ----------
    shift
        ``(subject, stimulus, layer, feature)``.
    success
        ``(subject, stimulus)``: which to average.
    kinds
        Of every stimulus.

    Returns
    -------
    xr.DataArray
        ``(kind, layer, feature)`` with the coordinate ``n (kind)``; NaN for a kind without a success.
    """
    names = as_names(kinds)
    values = np.asarray(shift.transpose("subject", "stimulus", "layer", "feature").values, dtype=np.float64)
    chosen = np.asarray(success.transpose("subject", "stimulus").values, dtype=bool)
    means, counts = [], []
    for kind in np.unique(names):
        rows = values[chosen & (names == kind)]
        counts.append(len(rows))
        means.append(rows.mean(axis=0) if len(rows) else np.full(values.shape[2:], np.nan))
    coords = {"kind": np.unique(names), "n": ("kind", counts), "layer": shift["layer"].values}
    return xr.DataArray(np.stack(means), coords, ("kind", "layer", "feature"), "mean_shift")


def shift_directions(mean: xr.DataArray, states: Features, *, kind: str, name: str) -> tuple[Direction, ...]:
    """The mean shift of a kind as one direction per layer, whose strength 1 is the mean shift itself.

    Raises
    ------
    InvalidInput
        When the kind has no shift, or it is zero in a layer.
    """
    if kind not in mean["kind"].values.tolist():
        raise InvalidInput(f"There is no mean shift of kind '{kind}', only of {listed(mean['kind'].values)}.")
    made = []
    for layer in mean["layer"].values.tolist():
        values = np.asarray(mean.sel(kind=kind, layer=layer).values, dtype=np.float64)
        length = float(np.linalg.norm(values))
        if not (np.isfinite(length) and length > 0):
            raise InvalidInput(f"The mean shift of '{kind}' has length {length} in layer {layer}; nothing succeeded.")
        origin = states.layer(int(layer)).astype(np.float64).mean(axis=0)
        site, model = (str(states.attrs.get(key, "")) for key in ("site", "model"))
        made.append(Direction(values / length, origin, length, name, "toward the brain", site, int(layer), model))
    return tuple(made)


class _Published(NamedTuple):
    """What both published procedures share: who is moved, and what counts."""

    states: Matrix
    ids: npt.NDArray[np.str_]
    labels: npt.NDArray[np.bool_]
    kinds: npt.NDArray[np.str_]
    layers: tuple[int, ...]
    subjects: npt.NDArray[np.str_]
    before: Matrix
    eligible: npt.NDArray[np.bool_]
    answered: Answered

    @classmethod
    def of(
        cls, states: Features, problems: Stimuli, correct: xr.DataArray, answered: Answered, layers: Sequence[int]
    ) -> "_Published":
        absent = sorted(set(layers) - set(states.layers.tolist()))
        if absent or not len(layers):
            raise InvalidInput(f"Layers {listed(absent)} are to be shifted; states are of {listed(states.layers, 12)}.")
        missing = sorted(set(problems.ids.tolist()) - set(as_names(correct["stimulus"].values).tolist()))
        if missing:
            raise InvalidInput(f"It is not known who was right on {listed(missing)}. Give 'correct' for all problems.")
        ids, chosen = problems.ids, tuple(int(layer) for layer in layers)
        X = np.asarray(states.select(ids).data.sel(layer=list(chosen)).values, dtype=np.float64)
        labels = np.asarray(problems["label"]).astype(bool)
        coords = {"variant": [0], "stimulus": ids, "layer": list(chosen)}
        before = asked_margins(answered, xr.DataArray(np.zeros((1, *X.shape), np.float32), coords, DIMS))[0]
        right = np.asarray(correct.sel(stimulus=ids).transpose("subject", "stimulus").values) == 1
        subjects = as_names(correct["subject"].values)
        return cls(
            X, ids, labels, problems["kind"], chosen, subjects, before, right & ((before > 0) != labels), answered
        )

    def conducted(self, paths: Sequence[Matrix], n_tries: int) -> xr.Dataset:
        """Successes of shifts ``(n_tries, n_eligible, n_layers, n_features)`` of every subject."""
        record = np.full(self.eligible.shape, -1)
        kept = np.zeros((len(self.subjects), *self.states.shape), np.float32)
        for k, path in enumerate(paths):
            rows = np.flatnonzero(self.eligible[k])
            if len(rows) == 0:
                continue
            coords = {"variant": np.arange(len(path)), "stimulus": self.ids[rows], "layer": list(self.layers)}
            margins = asked_margins(self.answered, xr.DataArray(path.astype(np.float32), coords, DIMS))
            right = (margins > 0) == self.labels[rows]
            hit, first = right.any(axis=0), right.argmax(axis=0)
            record[k, rows[hit]] = first[hit]
            kept[k, rows[hit]] = path[first[hit], np.flatnonzero(hit)]
        plain = float(((self.before > 0) == self.labels).mean())
        both = ("subject", "stimulus")
        return xr.Dataset(
            {
                "before": ("stimulus", self.before),
                "eligible": (both, self.eligible),
                "success": (both, record >= 0),
                "record": (both, record),
                "accuracy_before": plain,
                "accuracy": ("subject", plain + (record >= 0).mean(axis=1)),
                "shift": ((*both, "layer", "feature"), kept),
            },
            {"subject": self.subjects, "stimulus": self.ids, "layer": list(self.layers)},
            {"n_tries": n_tries, "stopped_by": "the true label", "hold_out": "in-sample"},
        )


def _paths(S: Matrix, task: _Published, rows: Rows, ascent: Ascent) -> Matrix:
    made = np.zeros((ascent.n_records, len(rows), *task.states.shape[1:]))
    for kind in np.unique(task.kinds[rows]):
        train, moved = np.flatnonzero(task.kinds == kind), task.kinds[rows] == kind
        seen = similarity_of(S, train, rows[moved], objective="published")
        for i in range(len(task.layers)):
            fitted = BrainMap.fit(task.states[train, i], seen)
            path = ascend(fitted, task.states[rows[moved], i], seen.products, seen.norms, ascent)
            made[:, moved, i] = path
    return made

"""What decoders read: every clip of every person as windows x channels x bands, or as its raw samples."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.brain.cells import Labels, channel_cells, require_subjects
from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput
from consona.core.invariants import as_names, listed
from consona.core.recording import Recording
from consona.core.stimuli import Stimuli
from consona.stats.presentation import causal_scale, overall_scale

__all__ = ["DIMS", "epoch_tensor", "window_tensor"]

DIMS = ("subject", "stimulus", "shift", "window", "channel", "band")
Scaling = Literal["subject", "causal", "none"]
SHIFTS_S = (-2, -1, 0, 1, 2)
NOTES = {
    "subject": "z-scored within subject over all clips, without labels: transductive, a clip knows those after it",
    "causal": "z-scored within subject over the clips this subject saw before; the first keeps its time course only, "
    "the second is taken minus the first",
    "none": "not scaled",
}
Array = npt.NDArray[np.float64]


def window_tensor(
    dataset: Dataset,
    *,
    window_s: float = 5,
    shifts_s: tuple[float, ...] = SHIFTS_S,
    scaling: Scaling = "subject",
    order: xr.DataArray | None = None,
    last_s: float | None = None,
) -> xr.DataArray:
    """Band features of short windows, such as ``load_faced_windows(window_s=1)``, averaged to longer ones and scaled.

    Parameters
    ----------
    dataset
        Stimuli are the short windows of the clips: columns ``clip``, ``start_s`` and ``emotion``.
        Targets carry ``channel`` and ``band``; channels are put in the order of the first subject by their names.
    window_s
        Length of a window, in seconds; the windows fill the clip.
    shifts_s
        Further copies of each clip whose windows start so many seconds later; 0 is among them and is what is tested. A
        window that would leave the clip is averaged over what of it lies within.
    scaling
        ``subject``: minus the mean over clips of the clip means, divided by their SD, each cell of each subject by
        itself; transductive, and ``attrs`` say so. ``causal``: the same over the clips seen before, see
        :func:`~consona.stats.presentation.causal_scale`. ``none``.
    order
        For ``causal``: when each clip was presented, ``(subject, stimulus)`` with both as coordinates.
    last_s
        The last so many seconds of each clip, for clips that differ in length; without it, all of it.

    Returns
    -------
    xr.DataArray
        float32 over :data:`DIMS`; coordinates ``cohort``, ``emotion``, ``clip``, ``valence_code`` where it is known,
        and ``window``, the start in seconds. ``attrs``: ``window_s``, ``shift_s``, ``scaling``, ``note``, and
        ``transductive`` and ``synthetic`` as 0 or 1.

    Raises
    ------
    InvalidInput
        When a subject lacks clips, channels or values (all named), clips differ in length, windows or shifts do not
        fit, or the order of presentation is missing.
    """
    require_subjects(dataset)
    clips = _Clips.of(dataset.stimuli, last_s)
    spans = clips.spans(window_s, shifts_s)
    _require_scaling(scaling, order)
    labels, _ = channel_cells(dataset.recordings[0], "band", None)
    blocks = [_windows(each, clips, spans, labels, (scaling, order)) for each in dataset.recordings]
    coords = clips.coords(dataset) | {
        "shift": np.array(shifts_s, dtype=float),
        "window": np.arange(len(spans[0])) * float(window_s),
        "channel": labels[0],
        "band": labels[1],
    }
    attrs = _attrs(dataset, scaling) | {"window_s": float(window_s), "shift_s": [float(s) for s in shifts_s]}
    return xr.DataArray(np.stack(blocks), coords, DIMS, attrs=attrs)


def epoch_tensor(dataset: Dataset, *, scaling: Literal["subject", "none"] = "none") -> xr.DataArray:
    """Raw epochs, one per clip: ``window`` is the sample (its time in seconds), ``band`` has the one entry ``raw``.

    Targets carry ``channel`` and ``time``, recordings ``rate_hz`` in their ``attrs``; channels are put in the order of
    the first subject by their names. ``subject`` scales each channel of a subject to mean 0 and SD 1 over all samples
    of all clips (transductive), ``none`` keeps the unit. ``attrs`` hold ``rate_hz``.

    Raises
    ------
    InvalidInput
        When sampling rates or lengths differ (nothing is resampled here), a rate is not stated, or a subject lacks
        clips, channels or values; subjects and channels are named.
    """
    require_subjects(dataset)
    _require_scaling(scaling, None)
    rate_hz = _common_rate(dataset.recordings)
    labels, _ = channel_cells(dataset.recordings[0], "time", None)
    values = np.empty((len(dataset.recordings), len(dataset.stimuli), 1, len(labels[1]), len(labels[0]), 1), np.float32)
    for row, recording in zip(values, dataset.recordings, strict=True):
        _, cells = channel_cells(recording, "time", labels)
        signal = _in_order(recording, dataset.stimuli.ids)[:, cells]
        if scaling == "subject":
            mean, spread = signal.mean(axis=(0, 2), keepdims=True), signal.std(axis=(0, 2), keepdims=True)
            signal = (signal - mean) / np.where(spread > 0, spread, np.inf)
        row[:, 0, :, :, 0] = signal.transpose(0, 2, 1)
    coords = _Clips.whole(dataset.stimuli).coords(dataset) | {
        "shift": np.zeros(1),
        "window": np.asarray(labels[1], dtype=float),
        "channel": labels[0],
        "band": np.array(["raw"]),
    }
    attrs = _attrs(dataset, scaling) | {"rate_hz": rate_hz, "window_s": 1.0 / rate_hz, "shift_s": [0.0]}
    return xr.DataArray(values, coords, DIMS, attrs=attrs)


@dataclass(frozen=True)
class _Clips:
    """The clips, ``ids (n_stimuli, n_fine)`` of their short windows in time, and how long one of those is."""

    stimuli: Stimuli
    ids: npt.NDArray[np.str_]
    names: npt.NDArray[np.str_]
    fine_s: float

    @classmethod
    def of(cls, stimuli: Stimuli, last_s: float | None) -> "_Clips":
        names, start = as_names(stimuli["clip"]), np.asarray(stimuli["start_s"], dtype=float)
        clips = np.array(list(dict.fromkeys(names.tolist())))
        rows = [np.flatnonzero(names == clip)[np.argsort(start[names == clip])] for clip in clips]
        steps = np.concatenate([np.diff(start[r]) for r in rows])
        fine_s = float(steps.min()) if len(steps) else 0.0
        counts = np.array([len(r) for r in rows])
        n = counts.max() if last_s is None else round(last_s / fine_s) if fine_s > 0 else 0
        if fine_s <= 0 or not np.allclose(steps, fine_s) or n < 1 or counts.min() < n:
            raise InvalidInput(
                f"The {len(clips)} clips hold {counts.min()} to {counts.max()} windows in steps of {fine_s:g} s, and "
                f"{n} of each were asked for; every clip needs as many, one after the other. Take windows of one "
                "length, and where clips differ in length the end of each with last_s=."
            )
        return cls(stimuli, np.stack([stimuli.ids[r[-n:]] for r in rows]), clips, fine_s)

    @classmethod
    def whole(cls, stimuli: Stimuli) -> "_Clips":
        """Every stimulus is a clip."""
        return cls(stimuli, stimuli.ids[:, None], stimuli.ids, 0.0)

    def spans(self, window_s: float, shifts_s: tuple[float, ...]) -> list[list[slice]]:
        """For each shift the short windows that make up each window, cut off at the ends of the clip."""
        n = self.ids.shape[1]
        length, steps = window_s / self.fine_s, np.array(shifts_s) / self.fine_s
        counted = np.round([length, n / length if length > 0 else 0, *steps])
        if length < 1 or not np.allclose(counted, [length, n / length, *steps]) or 0 not in steps:
            raise InvalidInput(
                f"Windows of {window_s:g} s, shifted by {list(shifts_s)} s, were asked for clips of "
                f"{n * self.fine_s:g} s in steps of {self.fine_s:g} s; windows fill the clip, both are multiples of "
                "a step, and no shift (0) is among the shifts. Choose others."
            )
        if np.abs(steps).max() >= length:
            raise InvalidInput(
                f"A shift of {np.abs(shifts_s).max():g} s would push a window of {window_s:g} s out of its clip. Use "
                "smaller shifts."
            )
        size = round(length)
        starts = np.arange(n // size) * size
        return [[slice(max(0, a + k), min(n, a + k + size)) for a in starts] for k in np.round(steps).astype(int)]

    def coords(self, dataset: Dataset) -> dict[str, object]:
        table = self.stimuli.select(self.ids[:, 0])
        known = {name: ("stimulus", table[name]) for name in ("emotion", "valence_code") if name in table}
        cohorts = as_names([each.attrs.get("cohort", 1) for each in dataset.recordings])
        names = {"stimulus": self.names, "clip": ("stimulus", self.names)}
        return {"subject": as_names(dataset.subjects), "cohort": ("subject", cohorts)} | names | known


def _windows(
    recording: Recording,
    clips: _Clips,
    spans: list[list[slice]],
    labels: Labels,
    scaling: tuple[Scaling, xr.DataArray | None],
) -> npt.NDArray[np.float32]:
    """One subject, ``(stimulus, shift, window, channel, band)``."""
    _, cells = channel_cells(recording, "band", labels)
    values = _in_order(recording, clips.ids.ravel())[:, cells].reshape(*clips.ids.shape, *cells.shape)
    means = values.mean(axis=1)
    if scaling[0] == "subject":
        mean, spread = overall_scale(means)
        values = (values - mean[:, None]) / spread[:, None]
    elif scaling[1] is not None and scaling[0] == "causal":
        mean, spread = causal_scale(means, _presented(scaling[1], recording.subject, clips.names))
        values = (values - mean[:, None]) / spread[:, None]
    shifted = [np.stack([values[:, span].mean(axis=1) for span in each], axis=1) for each in spans]
    return np.stack(shifted, axis=1).astype(np.float32)


def _in_order(recording: Recording, ids: npt.NDArray[np.str_]) -> Array:
    missing = sorted(set(ids.tolist()) - set(recording.ids.tolist()))
    if missing:
        raise InvalidInput(
            f"Subject '{recording.subject}' has no responses to {len(missing)} of {len(ids)} stimuli: "
            f"{listed(missing)}. A tensor has every clip of every subject: leave out the subject, or these clips."
        )
    return recording.select(ids).mean()


def _presented(order: xr.DataArray, subject: str, clips: npt.NDArray[np.str_]) -> npt.NDArray[np.int64]:
    if set(order.dims) != {"subject", "stimulus"} or subject not in as_names(order["subject"].values):
        raise InvalidInput(
            f"The order of presentation has the dimensions {order.dims} and no row for subject '{subject}'; a row over "
            "'stimulus' for each 'subject' is needed. Leave the subject out, or complete the order."
        )
    known = as_names(order["stimulus"].values)
    unknown = [clip for clip in clips if clip not in known]
    if unknown:
        raise InvalidInput(f"The order of presentation does not hold the clips {listed(unknown)}. Complete the order.")
    named = order.assign_coords(subject=as_names(order["subject"].values), stimulus=known)
    return np.asarray(named.sel(subject=subject, stimulus=clips).values, dtype=np.int64)


def _require_scaling(scaling: str, order: xr.DataArray | None) -> None:
    if scaling not in NOTES or (scaling == "causal" and order is None):
        found = "needs order=, when each clip was presented" if scaling in NOTES else "is unknown"
        raise InvalidInput(f"Scaling '{scaling}' {found}; known are {listed(NOTES)}. Choose one.")


def _common_rate(recordings: tuple[Recording, ...]) -> float:
    rates = {each.subject: each.attrs.get("rate_hz") for each in recordings}
    unstated = [subject for subject, rate in rates.items() if rate is None]
    first = next(iter(rates.values()))
    others = [f"{subject}: {rate} Hz" for subject, rate in rates.items() if rate != first]
    if unstated or others or first is None:
        raise InvalidInput(
            f"Epochs of one tensor have one sampling rate; the first subject has {first} Hz, not so {listed(others)}; "
            f"without a stated rate: {listed(unstated) or 'none'}. Resample the signals first, before epochs are cut."
        )
    return float(first)


def _attrs(dataset: Dataset, scaling: str) -> dict[str, object]:
    note = NOTES[scaling]
    transductive = int(scaling == "subject")
    return {"scaling": scaling, "transductive": transductive, "synthetic": int(dataset.synthetic), "note": note}

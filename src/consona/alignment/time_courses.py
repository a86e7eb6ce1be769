"""A story in the scanner: features of words on the grid of volumes, cleaned responses, and the gap they ask for."""

from typing import Literal

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.invariants import aligned, as_names, listed
from consona.core.recording import Recording
from consona.core.stimuli import Stimuli
from consona.stats.autocorrelation import autocorrelation_lengths, content_free_features, suggested_gap
from consona.stats.timeseries import (
    detrended,
    fir_delays,
    lanczos_resampled,
    mean_per_volume,
    rows_of_runs,
    summed_per_volume,
    zscored_runs,
)

Resampling = Literal["lanczos", "sum", "mean"]
_RESAMPLED = {"lanczos": lanczos_resampled, "sum": summed_per_volume, "mean": mean_per_volume}
_WIDTHS = (2.0, 4.0, 8.0)  # volumes: from one word's response to several


def volume_features(
    features: Features,
    words: Stimuli,
    volumes: Stimuli,
    *,
    run: str = "run",
    tr_s: float | None = None,
    n_delays: int = 4,
    resampling: Resampling = "lanczos",
) -> Features:
    """Features of words on the grid of the volumes, with delays for the slow response: ready for an encoding score.

    Parameters
    ----------
    features
        One row per word, any number of layers, such as :func:`consona.lm.contextual.contextual_features` gives.
    words
        With the column ``onset`` in seconds; where there is ``offset`` too, Lanczos takes the middle of the word. With
        the column of runs where there are several.
    volumes
        With the column of runs, rows in the order of time, and ``time``: start of the volume in seconds, on the clock
        of the words of its run.
    run
        Name of the column of runs, in words and volumes.
    tr_s
        Seconds from volume to volume: it stands for ``time`` where there is none, and a run then starts at 0 s.
    n_delays
        How many volumes before are offered to the model, 1 to ``n_delays``, see
        :func:`consona.stats.timeseries.fir_delays`; 0: the volume itself, for features that are under a haemodynamic
        response already. Silence is zero, before the first word too.
    resampling
        ``lanczos``: low-passed at the Nyquist frequency of the volumes, see
        :func:`consona.stats.timeseries.lanczos_resampled`; ``sum`` or ``mean`` over the words that begin in a volume.

    Returns
    -------
    Features
        One row per volume; features are the delays, one after the other, of all features. Nothing is centred or scaled
        here: that belongs into the training rows of a fold.

    Raises
    ------
    InvalidInput
        When words and features differ, columns are missing, runs of words and volumes differ, or a volume without words
        would need a mean.
    """
    if resampling not in _RESAMPLED:
        raise InvalidInput(f"There is no resampling '{resampling}'; there are {listed(_RESAMPLED)}.")
    runs, times = series_of(volumes, run=run, tr_s=tr_s)
    data = features.data.isel(stimulus=aligned(words.ids, features.ids, ("Words", "features")))
    n_words, n_layers, n_features = data.shape
    flat = np.asarray(data.values, dtype=np.float32).reshape(n_words, -1)
    moments, of_run = _moments(words, resampling), _runs_of_words(words, runs, run)
    resampled = np.empty((len(volumes), flat.shape[1]), dtype=np.float32)
    delays = range(1, n_delays + 1) if n_delays > 0 else (n_delays,)
    try:
        for rows in rows_of_runs(runs):
            said = np.flatnonzero(of_run == runs[rows[0]])
            resampled[rows] = _RESAMPLED[resampling](flat[said], moments[said], times[rows], tr=tr_s)
        delayed = fir_delays(resampled, runs, list(delays))
    except ValueError as error:
        raise InvalidInput(f"Words cannot be brought to these volumes: {error}") from None
    _require_words(delayed, volumes)
    values = delayed.reshape(len(volumes), len(delays), n_layers, n_features).transpose(0, 2, 1, 3)
    attrs = features.attrs | {"resampling": resampling, "n_delays": n_delays}
    coords = {"stimulus": volumes.ids, "layer": features.layers}
    shaped = values.reshape(len(volumes), n_layers, -1)
    return Features(xr.DataArray(shaped, coords, ("stimulus", "layer", "feature"), attrs=attrs))


def word_rate(words: Stimuli) -> Features:
    """A feature that is 1 for every word: on the grid of the volumes it is the word rate, and nothing else."""
    return Features.of(np.ones((len(words), 1)), words.ids, {"model": "word rate"})


def order_features(volumes: Stimuli, *, run: str = "run") -> Features:
    """Features that know where in its run a volume stands and nothing else: what they predict is autocorrelation.

    Of :func:`consona.stats.autocorrelation.content_free_features`, with widths of 2, 4 and 8 volumes and 7 cosines.

    Raises
    ------
    InvalidInput
        When there is no such column, or the volumes of a run do not stand together.
    """
    runs = as_names(volumes[run])
    place = np.arange(len(runs), dtype=np.float64)
    try:
        values = content_free_features(runs, place, widths=_WIDTHS)
    except ValueError as error:
        raise InvalidInput(f"These volumes: {error}") from None
    return Features.of(values, volumes.ids, {"model": "place in the run"})


def cleaned(recording: Recording, runs: npt.ArrayLike, *, degree: int = 3, n_cosines: int = 7) -> Recording:
    """The time courses of one subject z-scored and without slow drifts, run by run.

    First every target is brought to mean 0 and SD 1 within each run, then polynomials up to ``degree`` and the first
    ``n_cosines`` cosines of the run are taken away (:func:`consona.stats.timeseries.detrended`). A target that is
    constant in a run is missing (NaN) as a whole.

    Parameters
    ----------
    recording
        Rows are volumes in the order of time.
    runs
        Run of every row.
    degree, n_cosines
        How much drift goes; 7 cosines of 362 volumes of 2 s take away periods of 207 s and longer.

    Raises
    ------
    InvalidInput
        When there is not one run per row, rows of a run do not stand together, or a run is shorter than the drifts are
        many.
    """
    labels = _labels(recording, runs)
    values = np.empty(recording.data.shape)
    try:
        for repetition, each in enumerate(np.asarray(recording.data.values, dtype=np.float64)):
            values[repetition] = detrended(zscored_runs(each, labels), labels, degree=degree, n_cosines=n_cosines)
    except ValueError as error:
        raise InvalidInput(f"Recording '{recording.subject}' cannot be cleaned: {error}") from None
    values[:, :, np.isnan(values).any(axis=(0, 1))] = np.nan
    notes = {"zscored": "within runs", "polynomials": degree, "cosines": n_cosines}
    return Recording(recording.data.copy(data=values), recording.subject, recording.attrs | notes)


def zscored_within(recording: Recording, runs: npt.ArrayLike) -> Recording:
    """Every target with mean 0 and standard deviation 1 over the rows and repetitions of each run.

    For responses to conditions that every run shows: the level and gain of a run are not what distinguishes them. A
    target that is constant in a run is missing (NaN) as a whole.

    Raises
    ------
    InvalidInput
        When there is not one run per row.
    """
    labels = _labels(recording, runs)
    values = np.asarray(recording.data.values, dtype=np.float64).copy()
    for label in np.unique(labels):
        rows = labels == label
        part = values[:, rows]
        centred = part - np.nanmean(part, axis=(0, 1))
        spread = np.sqrt(np.nanmean(centred**2, axis=(0, 1)))
        values[:, rows] = np.divide(centred, spread, out=np.full_like(centred, np.nan), where=spread > 0)
    known = np.isfinite(np.asarray(recording.data.values)).any(axis=2, keepdims=True)
    lost = (~np.isfinite(values) & known).any(axis=(0, 1))
    values[:, :, lost] = np.nan
    return Recording(recording.data.copy(data=values), recording.subject, recording.attrs)


def estimated_gap(recording: Recording, runs: npt.ArrayLike) -> int:
    """How many volumes to leave out on both sides of a test block, from the autocorrelation of the responses.

    By the rule of :func:`consona.stats.autocorrelation.suggested_gap`: what 95 % of the targets stay within. Clean the
    recording first (:func:`cleaned`): a drift is an autocorrelation that no gap is long enough for.

    Raises
    ------
    InvalidInput
        When there is not one run per row, or none of the targets varies.
    """
    labels = _labels(recording, runs)
    try:
        return suggested_gap(recording.mean(), labels)
    except ValueError as error:
        raise InvalidInput(f"Recording '{recording.subject}': {error}") from None


def gap_in_words(recording: Recording, runs: npt.ArrayLike) -> str:
    """What :func:`estimated_gap` found, for a warning or a report; errors as there."""
    gap = estimated_gap(recording, runs)
    median = float(np.nanmedian(autocorrelation_lengths(recording.mean(), _labels(recording, runs))))
    return (
        f"The autocorrelation of recording '{recording.subject}' lasts {median:.0f} volumes (median over targets) and "
        f"at most {gap} for 95 % of them: leave out {gap} volumes on both sides of a test block."
    )


def series_of(
    volumes: Stimuli, *, run: str = "run", tr_s: float | None = None
) -> tuple[npt.NDArray[np.str_], npt.NDArray[np.float64]]:
    """Run and time of every volume, rows in the order of time; ``tr_s`` stands for a missing ``time``.

    Raises
    ------
    InvalidInput
        When either is missing, or volumes are not in order.
    """
    missing = [name for name in (run, *(("time",) if tr_s is None else ())) if name not in volumes]
    if missing:
        raise InvalidInput(
            f"These volumes have no {listed(missing)}; a time series needs a run and a time (in seconds) for every "
            f"volume, so that neighbours in time are not held out from each other. They have "
            f"{listed(volumes.table.columns)}. Add the column, or give tr_s for the time."
        )
    runs = as_names(volumes[run])
    try:
        parts = rows_of_runs(runs)
    except ValueError as error:
        raise InvalidInput(f"These volumes: {error}") from None
    if "time" in volumes:
        times = np.asarray(volumes["time"], dtype=np.float64)
    else:
        times = np.concatenate([np.arange(len(rows)) * float(tr_s or 0) for rows in parts])
    unsorted = [str(runs[rows[0]]) for rows in parts if not np.all(np.diff(times[rows]) > 0)]
    if unsorted:
        raise InvalidInput(f"Times do not ascend in the runs {listed(unsorted)}. Sort the volumes by run and time.")
    return runs, times


def _labels(recording: Recording, runs: npt.ArrayLike) -> npt.NDArray[np.str_]:
    labels = as_names(runs)
    if len(labels) != len(recording):
        raise InvalidInput(
            f"Recording '{recording.subject}' holds {len(recording)} volumes and {len(labels)} runs were named; each "
            "volume has one. Select the same volumes for both."
        )
    return labels


def _moments(words: Stimuli, resampling: str) -> npt.NDArray[np.float64]:
    if "onset" not in words:
        raise InvalidInput(f"The words have no column 'onset' (in seconds); they have {listed(words.table.columns)}.")
    onset = np.asarray(words["onset"], dtype=np.float64)
    if resampling == "lanczos" and "offset" in words:
        return np.asarray((onset + np.asarray(words["offset"], dtype=np.float64)) / 2)
    return onset


def _runs_of_words(words: Stimuli, runs: npt.NDArray[np.str_], run: str) -> npt.NDArray[np.str_]:
    there = np.unique(runs)
    if run not in words:
        if len(there) > 1:
            raise InvalidInput(f"There are {len(there)} runs and the words have no column '{run}'. Add it.")
        return np.full(len(words), there[0])
    of_run = as_names(words[run])
    if set(of_run.tolist()) != set(there.tolist()):
        raise InvalidInput(
            f"The words belong to the runs {listed(np.unique(of_run))}, the volumes to {listed(there)}; expected are "
            "the same runs in both. Select the words or volumes of one run, or name the runs alike."
        )
    return of_run


def _require_words(delayed: npt.NDArray[np.float32], volumes: Stimuli) -> None:
    bad = ~np.isfinite(delayed).all(axis=1)
    if bad.any():
        raise InvalidInput(
            f"{int(bad.sum())} volumes have no word to take a mean of ({listed(volumes.ids[bad])}). Take "
            "resampling='lanczos' or 'sum', where silence is zero."
        )

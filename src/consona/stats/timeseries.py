"""Time series: from events to a grid of volumes, delays for a slow response, and drifts taken away run by run."""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array

from consona.stats.shapes import Float, Int, Real, Shaped

__all__ = [
    "counted_per_volume",
    "detrended",
    "drift_basis",
    "fir_delays",
    "lanczos_resampled",
    "mean_per_volume",
    "rows_of_runs",
    "summed_per_volume",
    "zscored_runs",
]


def lanczos_resampled(
    values: Float[np.ndarray, "n_events n_features"],
    onsets: Real[np.ndarray, " n_events"],
    times: Real[np.ndarray, " n_volumes"],
    *,
    tr: float | None = None,
    lobes: int = 3,
) -> Float[np.ndarray, "n_volumes n_features"]:
    r"""Values of events, low-passed at the Nyquist frequency of the volumes and read at their times; one run.

    .. math::
        x(t) = \sum_i v_i\, L\!\left(\frac{t - t_i}{T}\right), \qquad
        L(u) = \mathrm{sinc}(u)\,\mathrm{sinc}(u / a)\ \text{for}\ |u| < a,\ \text{else } 0

    with ``T`` the time between volumes and ``a`` lobes on each side. :math:`\mathrm{sinc}(t / T)` passes frequencies up
    to :math:`1 / (2T)`. Weights are not normalised: two events count twice, as in a sum. This is the convention of the
    Huth lab (window 3, cutoff at the rate of the volumes).

    Parameters
    ----------
    values
        One row per event (word).
    onsets
        When the events are, in the unit of ``times``, in any order.
    times
        When the volumes are, ascending; gaps are allowed.
    tr
        Time between two volumes; the median step of ``times`` without it.
    lobes
        How far the kernel reaches, in volumes.

    Raises
    ------
    ValueError
        When lengths differ, times are not ascending or finite, or ``tr`` or ``lobes`` are not positive.
    """
    step = _step(values, onsets, times, tr)
    if lobes < 1:
        raise ValueError(f"the kernel has {lobes} lobes; it needs at least one on each side. 3 is usual.")
    first = np.searchsorted(times, onsets - lobes * step, side="right")
    last = np.searchsorted(times, onsets + lobes * step, side="left")
    n_near = np.maximum(last - first, 0)
    event = np.repeat(np.arange(len(onsets)), n_near)
    within = np.arange(len(event)) - np.repeat(np.cumsum(n_near) - n_near, n_near)
    volume = first[event] + within
    u = (times[volume] - onsets[event]) / step
    return _gathered(np.sinc(u) * np.sinc(u / lobes), volume, event, values, len(times))


def summed_per_volume(
    values: Float[np.ndarray, "n_events n_features"],
    onsets: Real[np.ndarray, " n_events"],
    times: Real[np.ndarray, " n_volumes"],
    *,
    tr: float | None = None,
) -> Float[np.ndarray, "n_volumes n_features"]:
    r"""The sum over the events that begin while a volume is taken, ``t <= onset < t + tr``; one run.

    Zero for a volume without events. Parameters and errors as in :func:`lanczos_resampled`.
    """
    step = _step(values, onsets, times, tr)
    event, volume = _owners(onsets, times, step)
    return _gathered(np.ones(len(event)), volume, event, values, len(times))


def mean_per_volume(
    values: Float[np.ndarray, "n_events n_features"],
    onsets: Real[np.ndarray, " n_events"],
    times: Real[np.ndarray, " n_volumes"],
    *,
    tr: float | None = None,
) -> Float[np.ndarray, "n_volumes n_features"]:
    """The mean over the events that begin while a volume is taken; NaN for a volume without events; one run.

    Parameters and errors as in :func:`lanczos_resampled`.
    """
    total = summed_per_volume(values, onsets, times, tr=tr)
    count = np.broadcast_to(counted_per_volume(onsets, times, tr=tr)[:, None], total.shape)
    return np.asarray(np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0))


def counted_per_volume(
    onsets: Real[np.ndarray, " n_events"], times: Real[np.ndarray, " n_volumes"], *, tr: float | None = None
) -> Int[np.ndarray, " n_volumes"]:
    """How many events begin while each volume is taken; parameters and errors as in :func:`lanczos_resampled`."""
    step = _step(onsets[:, None], onsets, times, tr)
    return np.bincount(_owners(onsets, times, step)[1], minlength=len(times)).astype(np.int64)


def fir_delays(
    X: Float[np.ndarray, "n_rows n_features"], runs: Shaped[np.ndarray, " n_rows"], delays: Sequence[int]
) -> Float[np.ndarray, "n_rows n_delayed"]:
    """Features as they were some rows before: a finite impulse response that a linear model can weigh as it likes.

    Columns are ``[delay 0 of the list: all features, delay 1: all features, ...]``. The first rows of a run, before
    anything was presented, are zero; nothing is carried from one run into the next.

    Parameters
    ----------
    X
        Features on the grid of the rows.
    runs
        Run of every row; rows of a run stand together, in the order of time.
    delays
        Whole rows, none negative: a negative one would let the response precede its cause.

    Raises
    ------
    ValueError
        When a delay is negative or repeated, there is none, lengths differ, or a run is not contiguous.
    """
    lags = [int(delay) for delay in delays]
    if not lags or min(lags) < 0 or len(set(lags)) < len(lags):
        raise ValueError(
            f"delays are {lags}; expected are different whole numbers of rows from 0 on, such as (1, 2, 3, 4)."
        )
    _require_rows(X, runs)
    delayed = np.zeros((len(X), len(lags), X.shape[1]), dtype=X.dtype)
    for rows in rows_of_runs(runs):
        for place, lag in enumerate(lags):
            delayed[rows[lag:], place] = X[rows[: max(len(rows) - lag, 0)]]
    return delayed.reshape(len(X), -1)


def drift_basis(n_rows: int, *, degree: int = 3, n_cosines: int = 7) -> Float[np.ndarray, "n_rows n_drifts"]:
    r"""Orthonormal drifts of one run: polynomials up to ``degree`` and the first cosines of a run, ``k = 1 ... K``.

    .. math:: \cos\!\left(\pi k \frac{i + 1/2}{n}\right), \qquad \text{period } 2n / k \text{ rows}

    The constant is among the polynomials. A polynomial and a cosine share much, so the basis is orthonormalised.

    Raises
    ------
    ValueError
        When a number is negative, or the drifts leave no row over.
    """
    if degree < 0 or n_cosines < 0 or degree + 1 + n_cosines >= n_rows:
        raise ValueError(
            f"degree {degree} and {n_cosines} cosines are asked of a run of {n_rows} rows; both are at least 0 and "
            "together, with the constant, fewer than the rows. Use fewer drifts or a longer run."
        )
    place = np.linspace(-1.0, 1.0, n_rows)
    polynomials = np.polynomial.legendre.legvander(place, degree)
    phase = (np.arange(n_rows) + 0.5) / n_rows
    cosines = np.cos(np.pi * np.outer(phase, np.arange(1, n_cosines + 1)))
    return np.linalg.qr(np.column_stack([polynomials, cosines]))[0]


def detrended(
    Y: Float[np.ndarray, "n_rows n_targets"],
    runs: Shaped[np.ndarray, " n_rows"],
    *,
    degree: int = 3,
    n_cosines: int = 7,
) -> Float[np.ndarray, "n_rows n_targets"]:
    """What is left of every target when a least-squares fit of :func:`drift_basis` is taken away, run by run.

    Raises
    ------
    ValueError
        As :func:`drift_basis`; also when lengths differ or a run is not contiguous.
    """
    _require_rows(Y, runs)
    left = np.empty_like(Y)
    for rows in rows_of_runs(runs):
        basis = drift_basis(len(rows), degree=degree, n_cosines=n_cosines).astype(Y.dtype)
        left[rows] = Y[rows] - basis @ (basis.T @ Y[rows])
    return left


def zscored_runs(
    Y: Float[np.ndarray, "n_rows n_targets"], runs: Shaped[np.ndarray, " n_rows"]
) -> Float[np.ndarray, "n_rows n_targets"]:
    """Every target with mean 0 and SD 1 in every run; NaN in a run where it is constant, nothing else touched.

    For responses only. Features are scaled within the training rows of each fold, by what fits them.

    Raises
    ------
    ValueError
        When lengths differ or a run is not contiguous.
    """
    _require_rows(Y, runs)
    scaled = np.full_like(Y, np.nan)
    for rows in rows_of_runs(runs):
        part = Y[rows] - Y[rows[:1]]  # a constant target is now exactly zero
        part = part - part.mean(axis=0)
        spread = np.broadcast_to(part.std(axis=0), part.shape)
        scaled[rows] = np.divide(part, spread, out=np.full_like(part, np.nan), where=spread > 0)
    return scaled


def rows_of_runs(runs: Shaped[np.ndarray, " n_rows"]) -> list[Int[np.ndarray, " n_rows_of_run"]]:
    """The rows of every run, runs in the order in which they come.

    Raises
    ------
    ValueError
        When there is no row, or the rows of a run do not stand together.
    """
    if len(runs) == 0:
        raise ValueError("there are no rows; a time series has at least one run. Check what was selected.")
    starts = np.concatenate([[0], np.flatnonzero(runs[1:] != runs[:-1]) + 1])
    if len(np.unique(runs)) < len(starts):
        raise ValueError(
            f"{len(np.unique(runs))} runs stand in {len(starts)} pieces; the rows of a run stand together, in the "
            "order of time. Sort the rows by run and time."
        )
    return np.split(np.arange(len(runs)), starts[1:])


def _gathered(
    weights: np.ndarray, volume: np.ndarray, event: np.ndarray, values: np.ndarray, n_volumes: int
) -> np.ndarray:
    matrix = csr_array((weights.astype(values.dtype), (volume, event)), shape=(n_volumes, len(values)))
    return np.asarray(matrix @ values)


def _owners(onsets: np.ndarray, times: np.ndarray, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Events that begin within a volume, and which volume that is."""
    volume = np.searchsorted(times, onsets, side="right") - 1
    event = np.flatnonzero((volume >= 0) & (onsets < times[np.maximum(volume, 0)] + step))
    return event, volume[event]


def _step(values: np.ndarray, onsets: np.ndarray, times: np.ndarray, tr: float | None) -> float:
    if len(values) != len(onsets) or not (np.isfinite(onsets).all() and np.isfinite(times).all()):
        raise ValueError(
            f"{len(values)} rows of values and {len(onsets)} onsets were given; expected is one finite onset per row, "
            "and finite times."
        )
    if len(times) < 2 or not np.all(np.diff(times) > 0):
        raise ValueError(f"the times of {len(times)} volumes are not ascending; give one run, in the order of time.")
    step = float(np.median(np.diff(times))) if tr is None else tr
    if not step > 0:
        raise ValueError(f"the time between two volumes is {step}; it must be positive, in the unit of the times.")
    return step


def _require_rows(values: np.ndarray, runs: np.ndarray) -> None:
    if len(values) != len(runs):
        raise ValueError(f"{len(values)} rows came with {len(runs)} run labels; each row has one. Align them first.")

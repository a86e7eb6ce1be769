"""How long a time series remembers itself, the purge gap that follows, and features that only know when a row was."""

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtri

from consona.stats.shapes import Float, Int, Real, Shaped
from consona.stats.timeseries import rows_of_runs

__all__ = [
    "autocorrelation",
    "autocorrelation_lengths",
    "content_free_features",
    "effective_size",
    "suggested_gap",
]

_BAND = 1.96  # of white noise: an autocorrelation of n rows has standard deviation 1 / sqrt(n)


def autocorrelation(
    Y: Float[np.ndarray, "n_rows n_targets"], runs: Shaped[np.ndarray, " n_rows"], *, n_lags: int
) -> Float[np.ndarray, "n_lags_and_zero n_targets"]:
    r"""Autocorrelation of every target at lags ``0 ... n_lags``, never across runs.

    .. math::
        \hat\rho(l) = \frac{\sum_g \sum_i (y_i - \bar y_g)(y_{i+l} - \bar y_g)}{\sum_g \sum_i (y_i - \bar y_g)^2}

    with :math:`g` the runs. Divided by all rows at every lag, which shrinks long lags towards zero and keeps the
    sequence positive definite. NaN for a target that is constant in every run or not finite.

    Raises
    ------
    ValueError
        When ``n_lags`` is negative, or lengths differ, or a run is not contiguous.
    """
    if n_lags < 0 or len(Y) != len(runs):
        raise ValueError(
            f"{n_lags} lags of {len(Y)} rows with {len(runs)} run labels were asked for; lags are at least 0 and each "
            "row has one label."
        )
    found = np.zeros((n_lags + 1, Y.shape[1]))
    good = np.isfinite(Y).all(axis=0)
    for rows in rows_of_runs(runs):
        part = np.where(good, Y[rows], 0.0).astype(np.float64)
        part = part - part[:1]
        part = part - part.mean(axis=0)
        for lag in range(min(n_lags, len(rows) - 1) + 1):
            found[lag] += np.einsum("ij,ij->j", part[lag:], part[: len(rows) - lag])
    power = np.broadcast_to(np.where(good, found[0], 0.0), found.shape)
    return np.asarray(np.divide(found, power, out=np.full_like(found, np.nan), where=power > 0))


def autocorrelation_lengths(
    Y: Float[np.ndarray, "n_rows n_targets"], runs: Shaped[np.ndarray, " n_rows"]
) -> Float[np.ndarray, " n_targets"]:
    r"""The first lag at which each target looks like white noise: :math:`\hat\rho(l) < 1.96 / \sqrt n`, in rows.

    1 for white noise itself. Lags go to half of the longest run; a target that never gets there has that length: its
    drifts were not removed. NaN for a target without autocorrelation (constant, not finite).

    Raises
    ------
    ValueError
        As :func:`autocorrelation`.
    """
    longest = max(len(rows) for rows in rows_of_runs(runs))
    n_lags = max(longest // 2, 1)
    lengths = np.full(Y.shape[1], float(n_lags))
    # A few lags are enough for most targets: look further only while some target needs it.
    shown = min(32, n_lags)
    while True:
        below = autocorrelation(Y, runs, n_lags=shown) < _BAND / np.sqrt(len(Y))
        below[0] = False
        if shown == n_lags or bool((below.any(axis=0) | ~np.isfinite(Y).all(axis=0)).all()):
            break
        shown = min(2 * shown, n_lags)
    reached = below.any(axis=0)
    lengths[reached] = below.argmax(axis=0)[reached]
    undefined = np.isnan(autocorrelation(Y, runs, n_lags=0)[0])
    return np.where(undefined, np.nan, lengths)


def suggested_gap(
    Y: Float[np.ndarray, "n_rows n_targets"], runs: Shaped[np.ndarray, " n_rows"], *, share: float = 0.95
) -> int:
    """Rows to leave out on both sides of a test block: the autocorrelation length that most targets stay within.

    Rule: :func:`autocorrelation_lengths`, their quantile ``share`` over the targets, the next that occurs. Noise of a
    training row is then unrelated to the noise of any test row, so features that merely know where a row stands cannot
    carry it over. Drifts longer than half a run are not seen by this rule: remove them first.

    Raises
    ------
    ValueError
        When no target varies, the share is not within 0 to 1, or as :func:`autocorrelation`.
    """
    if not 0 < share <= 1:
        raise ValueError(f"a share of {share} of the targets was asked for; give one above 0 and at most 1.")
    lengths = autocorrelation_lengths(Y, runs)
    known = lengths[np.isfinite(lengths)]
    if len(known) == 0:
        raise ValueError(f"none of {len(lengths)} targets varies and is finite; a gap cannot be estimated from them.")
    return int(np.quantile(known, share, method="higher"))


def effective_size(
    A: Float[np.ndarray, "n_rows n_targets"],
    B: Float[np.ndarray, "n_rows n_targets"],
    runs: Shaped[np.ndarray, " n_rows"],
) -> Float[np.ndarray, " n_targets"]:
    r"""How many independent rows a correlation of two autocorrelated columns is worth (Bartlett).

    .. math:: n_\text{eff} = \frac{n}{1 + 2 \sum_{l=1}^{m} (1 - l/n)\, \hat\rho_a(l)\, \hat\rho_b(l)}

    Lags count up to ``m``, the longer of the two autocorrelation lengths: beyond, estimates are noise. The variance of
    a correlation of unrelated columns is then about ``1 / n_eff``. It describes; a p-value comes from a permutation
    that keeps the autocorrelation. NaN where either column is undefined.

    Raises
    ------
    ValueError
        When shapes differ, or as :func:`autocorrelation`.
    """
    if A.shape != B.shape:
        raise ValueError(f"the two arrays are {A.shape} and {B.shape}; column by column they must have one shape.")
    reach = np.fmax(autocorrelation_lengths(A, runs), autocorrelation_lengths(B, runs))
    n_lags = int(np.nanmax(reach, initial=1.0))
    product = autocorrelation(A, runs, n_lags=n_lags) * autocorrelation(B, runs, n_lags=n_lags)
    lags = np.arange(1, n_lags + 1)[:, None]
    total = np.sum((1 - lags / len(A)) * product[1:] * (lags <= reach), axis=0)
    return np.asarray(len(A) / (1 + 2 * total))


def content_free_features(
    runs: Shaped[np.ndarray, " n_rows"],
    times: Real[np.ndarray, " n_rows"],
    *,
    widths: Sequence[float],
    n_cosines: int = 7,
) -> Float[np.ndarray, "n_rows n_features"]:
    r"""Features that know where in its run a row stands and nothing about what was presented.

    For every width :math:`\sigma` waves :math:`\cos \omega t, \sin \omega t`, separately for every run, whose
    frequencies are evenly spaced quantiles of the spectrum of a smoothed identity matrix: their inner products are
    those of Gaussian bumps around every row,

    .. math:: x_s^\top x_t \propto e^{-(s - t)^2 / 4\sigma^2}, \qquad \omega \sim N(0, 1 / 2\sigma^2),

    to within 0.1 (less in long runs). Bumps themselves would not do: a bump in a test block hardly varies in training,
    and scaling by its training SD blows it up. A wave varies alike everywhere. Then the first cosines of the run,
    shared by all runs: slow drifts, and what recurs with the place in a run. Whatever these features predict is
    autocorrelation or leakage (OASM of Feghhi et al. 2024 is the smoothed identity within runs).

    Parameters
    ----------
    runs, times
        Run of every row and its time within the run, in the order of time.
    widths
        Widths :math:`\sigma`, in the unit of ``times``; several, since the memory of a signal is unknown. Each gives
        two features per width that fits into a run.
    n_cosines
        Number of cosines, see :func:`consona.stats.timeseries.drift_basis`.

    Raises
    ------
    ValueError
        When a width is not positive, there is no feature at all, lengths differ, or a run is not contiguous.
    """
    if len(runs) != len(times) or any(not width > 0 for width in widths) or n_cosines < 0:
        raise ValueError(
            f"{len(times)} times, {len(runs)} run labels, widths {list(widths)} and {n_cosines} cosines were given; "
            "each row has one time, and widths are positive."
        )
    if len(widths) == 0 and n_cosines == 0:
        raise ValueError("neither widths nor cosines were given; such features know nothing. Give some widths.")
    parts = rows_of_runs(runs)
    columns = [_waves(times, rows, float(width)) for width in widths for rows in parts]
    place = np.empty(len(runs))
    for rows in parts:
        place[rows] = (np.arange(len(rows)) + 0.5) / len(rows)
    return np.column_stack([*columns, np.cos(np.pi * np.outer(place, np.arange(1, n_cosines + 1)))])


def _waves(times: np.ndarray, rows: Int[np.ndarray, " n_rows_of_run"], width: float) -> np.ndarray:
    own = times[rows].astype(np.float64) - float(times[rows[0]])
    n_waves = max(int(np.ceil((own[-1] - own[0]) / width)), 1)
    upper = 0.5 + (np.arange(n_waves) + 0.5) / (2 * n_waves)  # the positive half of the spectrum
    phase = np.outer(own, ndtri(upper) / (np.sqrt(2.0) * width))
    waves = np.zeros((len(times), 2 * n_waves))
    waves[rows] = np.column_stack([np.cos(phase), np.sin(phase)])
    return waves

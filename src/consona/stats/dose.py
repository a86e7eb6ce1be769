"""Above which strength of an axis does supervising it stop to help? A threshold and its interval, or why not."""

from typing import NamedTuple

import numpy as np

from consona.stats.bootstrap import bootstrap_interval
from consona.stats.fdr import holm
from consona.stats.seeds import rng_for
from consona.stats.shapes import Float, Real
from consona.stats.subject_test import subject_test

__all__ = ["PLANTS", "Saturation", "planted_gains", "saturation_threshold"]

PLANTS = ("saturating", "constant", "none", "harm", "falling")
"""Curves of :func:`planted_gains`; only the first has a threshold."""

_CANDIDATES = 401
_ALPHA = 0.05
_DRAWS = 128  # fitted at a time: 128 draws x 401 candidates x 10 points are 4 MB


class Saturation(NamedTuple):
    """A threshold in the strength of the axis, or the conditions that failed.

    ``threshold`` with ``low`` and ``high`` where one is supported, NaN otherwise; ``failed`` then says why. Supported
    or not, ``crossing`` and its interval are the fit, infinite where it lies far beyond what was observed. ``gain`` and
    ``p_gain`` (one-sided, Holm) are per point, ``slope`` is gain per unit of strength with one-sided ``p_slope``.
    ``beyond`` is the mean gain of the points above the crossing, with its interval; NaN where there is none.
    """

    threshold: float
    low: float
    high: float
    failed: tuple[str, ...]
    crossing: float
    crossing_low: float
    crossing_high: float
    gain: Float[np.ndarray, " n_points"]
    p_gain: Float[np.ndarray, " n_points"]
    slope: float
    p_slope: float
    beyond: float
    beyond_low: float
    beyond_high: float


def saturation_threshold(
    strength: Real[np.ndarray, " n_points"],
    gains: Real[np.ndarray, "n_points n_subjects"],
    *,
    error: Real[np.ndarray, " n_points"] | None = None,
    margin: float = 0.01,
    n_draws: int = 2000,
    seed: int,
) -> Saturation:
    r"""The strength above which the gain of supervision is gone, if the data support that there is one.

    A line that is broken at zero is fitted to the mean gains by least squares,

    .. math:: g(s) = a\,(t - s)_+ - b\,(s - t)_+, \qquad a, b \ge 0,

    which holds :math:`\max(0, g_0(1 - s/t))`, a line through zero, and harm beyond it. The threshold *t* is claimed
    only where (1) the gain at the weakest axis is positive (sign flips over subjects, Holm over points), (2) the gain
    falls with strength (slope of every subject, sign flips), (3) the 95 % interval of *t* lies inside the observed
    range, and (4) beyond *t* the gain lies below ``margin`` with the whole of its 95 % interval: that it is not
    significant is no reason to call it gone. Otherwise the failed conditions are named.

    The interval draws subjects again, with all their points, and moves every strength by its standard error.

    Parameters
    ----------
    strength
        Of the axis in the unsupervised network, one per dose.
    gains
        Accuracy with supervision minus without, seeds averaged.
    error
        Standard errors of the strengths (over folds and seeds); none means that they are known.
    margin
        The largest gain that may be called none.
    n_draws, seed
        Of the bootstrap, and of the patterns of signs.

    Raises
    ------
    ValueError
        With fewer than four points or two subjects, values that are not finite, or strengths that are all equal.
    """
    strength, gains = np.asarray(strength, dtype=np.float64), np.asarray(gains, dtype=np.float64)
    error = np.zeros(len(strength)) if error is None else np.asarray(error, dtype=np.float64)
    _require_points(strength, gains, error, n_draws)
    mean, weakest = gains.mean(axis=1), int(np.argmin(strength))
    slopes = (strength - strength.mean()) @ gains / np.sum((strength - strength.mean()) ** 2)
    p = subject_test(np.column_stack([gains.T, -slopes]), n_permutations=n_draws, seed=seed).p
    p_gain, p_slope = holm(p[:-1]), float(p[-1])
    crossing, (low, high) = _crossing_interval(strength, gains, error, n_draws, seed)
    beyond, beyond_low, beyond_high = _beyond(gains[strength >= crossing], n_draws, seed)
    conditions = {
        f"the gain at the weakest axis is not positive (p {p_gain[weakest]:.3f})": p_gain[weakest] <= _ALPHA,
        f"the gain does not fall with the strength of the axis (p {p_slope:.3f})": p_slope <= _ALPHA,
        f"the interval of the crossing, {low:.3f} to {high:.3f}, is not inside the observed strengths, "
        f"{strength.min():.3f} to {strength.max():.3f}": strength.min() < low and high < strength.max(),
        _remainder(beyond_high, margin): beyond_high <= margin,
    }
    failed = tuple(text for text, holds in conditions.items() if not holds)
    claimed = not failed
    return Saturation(
        crossing if claimed else float("nan"),
        low if claimed else float("nan"),
        high if claimed else float("nan"),
        failed,
        crossing,
        low,
        high,
        mean,
        p_gain,
        float(slopes.mean()),
        p_slope,
        beyond,
        beyond_low,
        beyond_high,
    )


def planted_gains(
    strength: Real[np.ndarray, " n_points"],
    plant: str,
    *,
    gain: float = 0.04,
    threshold: float = 0.5,
    spread: float = 0.05,
    n_subjects: int = 100,
    seed: int,
) -> Float[np.ndarray, "n_points n_subjects"]:
    r"""Gains as they would be measured if supervision did what ``plant`` says: the twin of a dose experiment.

    "saturating" is :math:`\max(0, g (1 - s / s^*))` with the threshold :math:`s^*`; "constant" is *g*, "none" 0, "harm"
    :math:`-g`; "falling" goes from *g* at the weakest axis to half of it at the strongest. Each subject has an offset
    of its own, half of the variance, so that points are correlated as they are where the same subjects are tested.

    Raises
    ------
    ValueError
        When the plant is unknown.
    """
    strength = np.asarray(strength, dtype=np.float64)
    share = (strength - strength.min()) / max(float(np.ptp(strength)), np.finfo(np.float64).tiny)
    curves = {
        "saturating": np.maximum(0.0, gain * (1.0 - strength / threshold)),
        "constant": np.full(len(strength), gain),
        "none": np.zeros(len(strength)),
        "harm": np.full(len(strength), -gain),
        "falling": gain * (1.0 - 0.5 * share),
    }
    if plant not in curves:
        raise ValueError(f"'{plant}' was to be planted; there are {', '.join(PLANTS)}. Choose one of them.")
    rng = rng_for(seed, "planted gains", plant)
    subjects = rng.standard_normal(n_subjects)
    noise = rng.standard_normal((len(strength), n_subjects))
    planted: np.ndarray = curves[plant][:, None] + spread * np.sqrt(0.5) * (subjects + noise)
    return planted


def _require_points(strength: np.ndarray, gains: np.ndarray, error: np.ndarray, n_draws: int) -> None:
    finite = np.isfinite(strength).all() and np.isfinite(gains).all() and np.isfinite(error).all()
    if len(strength) < 4 or gains.shape[1] < 2 or not finite or np.ptp(strength) == 0 or n_draws < 1:
        raise ValueError(
            f"{len(strength)} points between strengths {strength.min():g} and {strength.max():g}, "
            f"{gains.shape[1]} subjects and {n_draws} draws were given, values {'' if finite else 'not '}all finite; "
            "a threshold needs at least 4 points of differing strength, 2 subjects without gaps, and 1 draw. Add doses."
        )


def _crossing_interval(
    strength: np.ndarray, gains: np.ndarray, error: np.ndarray, n_draws: int, seed: int
) -> tuple[float, tuple[float, float]]:
    width, n_subjects = float(np.ptp(strength)), gains.shape[1]
    candidates = np.linspace(strength.min() - width, strength.max() + 3.0 * width, _CANDIDATES)
    rng = rng_for(seed, "saturation", *gains.shape)
    weight = rng.multinomial(n_subjects, np.full(n_subjects, 1.0 / n_subjects), size=n_draws) / n_subjects
    drawn_gains = weight @ gains.T
    drawn_strengths = strength + error * rng.standard_normal((n_draws, len(strength)))
    starts = range(0, n_draws, _DRAWS)
    drawn = [_crossings(drawn_strengths[i : i + _DRAWS], drawn_gains[i : i + _DRAWS], candidates) for i in starts]
    low, high = np.quantile(np.concatenate(drawn), [0.025, 0.975], method="inverted_cdf")
    return float(_crossings(strength[None], gains.mean(axis=1)[None], candidates)[0]), (float(low), float(high))


def _crossings(strength: np.ndarray, gain: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """Least-squares crossing of every row; infinite where it lies at an end of the candidates."""
    away = candidates[:, None] - strength[:, None, :]
    fitted = np.zeros(away.shape[:2])
    for arm, value in ((np.maximum(away, 0.0), gain), (np.maximum(-away, 0.0), -gain)):
        product, size = np.einsum("dcp,dp->dc", arm, value), np.einsum("dcp,dcp->dc", arm, arm)
        part = np.divide(np.maximum(product, 0.0) ** 2, size, out=np.zeros_like(size), where=size > 0)
        fitted += part
    best = np.argmax(fitted, axis=1)
    crossing = candidates[best]
    crossing = np.where(best == 0, -np.inf, crossing)
    return np.where(best == len(candidates) - 1, np.inf, crossing)


def _remainder(high: float, margin: float) -> str:
    if np.isnan(high):
        return "no dose lies beyond the crossing"
    return f"beyond the crossing the gain may be {high:.3f}, and up to {margin:g} counts as none"


def _beyond(gains: np.ndarray, n_draws: int, seed: int) -> tuple[float, float, float]:
    """Mean gain over points and subjects with its interval over subjects; NaN without a point."""
    if len(gains) == 0:
        return float("nan"), float("nan"), float("nan")
    each = gains.mean(axis=0)
    low, high = bootstrap_interval(each[:, None], n_draws=n_draws, seed=seed)
    return float(each.mean()), float(low[0]), float(high[0])

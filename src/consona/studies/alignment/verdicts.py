"""Intervals and verdicts by rules written before a run: over stimuli, and over subjects too where there are six."""

import numpy as np
import numpy.typing as npt

from consona.alignment.encoding_draws import interval
from consona.core.claim import DID_NOT_HOLD, HELD, NOT_TESTABLE, Interval, Verdict
from consona.stats.seeds import rng_for

FEWEST_SUBJECTS = 6
LEVEL = 0.05
Array = npt.NDArray[np.float64]


def mean_interval(draws: Array, *, seed: int) -> Interval | None:
    """95 % interval of a mean over subjects from draws of the stimuli, ``(n_subjects, n_draws)``; None where undefined.

    The same draw of stimuli serves all subjects, so what they share is not counted as agreement. With six subjects or
    more, subjects are drawn as well.
    """
    several = len(draws) >= FEWEST_SUBJECTS
    low, high = interval(_means(draws, seed=seed))
    how = (
        "bootstrap over stimuli and subjects, widened for training"
        if several
        else "bootstrap over stimuli, widened for training"
    )
    return Interval(low, high, how) if np.isfinite([low, high]).all() else None


def exceeds_control(values: Array, draws: Array, *, of: str, seed: int) -> Verdict:
    """Held when the lower end of the 95 % interval of a difference to a control lies above zero.

    ``values (n_subjects,)`` and ``draws (n_subjects, n_draws)`` are differences; see :func:`mean_interval`.
    """
    over = "stimuli and subjects" if len(values) >= FEWEST_SUBJECTS else "stimuli"
    rule = f"above {of}: lower end of the difference, over {over}, above 0"
    low, high = interval(_means(draws, seed=seed))
    if not np.isfinite(low):
        return Verdict(NOT_TESTABLE, rule, "undefined (NaN)")
    value = float(np.nanmean(values))
    return Verdict(HELD if low > 0 else DID_NOT_HOLD, rule, f"difference {value:.3f} [{low:.3f}, {high:.3f}]")


def _means(draws: Array, *, seed: int) -> Array:
    n_subjects, n_draws = draws.shape
    if n_subjects < FEWEST_SUBJECTS:
        return np.asarray(draws.mean(axis=0))
    drawn = rng_for(seed, "subjects of the interval").integers(0, n_subjects, (n_subjects, n_draws))
    return np.asarray(np.take_along_axis(draws, drawn, axis=0).mean(axis=0))

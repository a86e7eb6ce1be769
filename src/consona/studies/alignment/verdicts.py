"""Intervals and verdicts by rules written before a run: over subjects where there are six, over stimuli otherwise."""

import numpy as np
import numpy.typing as npt

from consona.alignment.encoding_draws import interval
from consona.core.claim import DID_NOT_HOLD, HELD, NOT_TESTABLE, Interval, Verdict
from consona.stats.bootstrap import bootstrap_interval
from consona.stats.permutation import all_sign_flips, p_value, sign_flips

FEWEST_SUBJECTS = 6
LEVEL = 0.05
_MOST_LISTED = 14
_N_FLIPS = 10_000
Array = npt.NDArray[np.float64]


def mean_interval(values: Array, draws: Array, *, seed: int) -> Interval | None:
    """Interval of a mean over subjects; from draws of the stimuli where there are fewer than six subjects.

    ``values (n_subjects,)``; ``draws (n_subjects, n_draws)``, the same draw for all subjects. None where undefined.
    """
    if len(values) >= FEWEST_SUBJECTS:
        below, above = bootstrap_interval(values, seed=seed)
        low, high = float(below), float(above)
        how = "bootstrap over subjects; of other people, the same stimuli"
    else:
        low, high = interval(draws.mean(axis=0))
        how = "bootstrap over stimuli, fits kept; of other stimuli, the same people"
    return Interval(low, high, how) if np.isfinite([low, high]).all() else None


def exceeds_control(values: Array, draws: Array, *, of: str, seed: int) -> Verdict:
    """Held when a difference to a control is above zero by more than chance.

    ``values`` and ``draws`` are differences, as in :func:`mean_interval`. Six subjects or more: one-sided p of random
    signs at most .05. Fewer: the lower end of the 95 % interval over stimuli above zero.
    """
    value = float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")
    if len(values) >= FEWEST_SUBJECTS:
        rule = f"above {of}: p of random signs over subjects at most {LEVEL:g}"
        p = sign_p(values, seed=seed)
        held, shown = p <= LEVEL, f"difference {value:.3f}, p = {p:.2g}"
    else:
        rule = f"above {of}: lower end of the difference, over stimuli, above 0"
        low, high = interval(draws.mean(axis=0))
        held, shown = low > 0, f"difference {value:.3f} [{low:.3f}, {high:.3f}]"
        value = value if np.isfinite(low) else float("nan")
    if not np.isfinite(value):
        return Verdict(NOT_TESTABLE, rule, "undefined (NaN)")
    return Verdict(HELD if held else DID_NOT_HOLD, rule, shown)


def sign_p(values: Array, *, seed: int) -> float:
    """One-sided p that the mean is above zero: every pattern of signs for up to 14 subjects, 10,000 drawn for more."""
    known = values[np.isfinite(values)]
    exact = len(known) <= _MOST_LISTED
    flips = all_sign_flips(len(known)) if exact else sign_flips(len(known), _N_FLIPS, seed=seed)
    null = flips @ known / max(1, len(known))
    return float(p_value(known.mean(), null, exact=exact)) if len(known) else float("nan")

"""Rules that several claims and figures of the study share."""

from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from consona.alignment.trial_ceiling import ceiling_summary
from consona.core.claim import DID_NOT_HOLD, HELD, Claim, Verdict, not_testable

if TYPE_CHECKING:
    from consona.studies.guided_reasoning.parts import Parts

Array = npt.NDArray[np.float64]


class Reached(NamedTuple):
    """The best trivial feature of a kind, as released, and the median ceiling beside it."""

    kind: str
    name: str
    score: float
    ceiling: float
    half_width: float


def reached(parts: "Parts", kind: str) -> Reached:
    """The highest trivial feature of one kind in the region of the claims."""
    region = next(iter(parts.material.brains))
    rows = parts.predicted.trivial[region].sel(kind=kind)
    score = rows["score"].where(np.isfinite(rows["score"]), -1.0)
    name = str(score["feature"].values[int(np.argmax(score.values))])
    ceiling = float(ceiling_summary(parts.predicted.ceiling[region][kind])["median"])
    people = rows["r"].sel(feature=name).values
    half = 1.96 * float(np.std(people, ddof=1)) / np.sqrt(len(people))
    return Reached(kind, name, float(score.max()), ceiling, float(half))


def above_zero(effect: float, low: float, of: str, *, digits: int = 3) -> Verdict:
    """Held where the whole interval lies above zero."""
    rule = f"interval above 0, {of}"
    if not (np.isfinite(effect) and np.isfinite(low)):
        return not_testable("undefined", rule=rule)
    shown = f"{effect:+.{digits}f}, from {low:+.{digits}f}"
    return Verdict(HELD if low > 0 else DID_NOT_HOLD, rule, shown)


def by_seeds(difference: Array, of: str) -> Verdict:
    """Held where paired differences over seeds are above zero by an exact test of signs, one-sided."""
    n, mean = len(difference), float(np.mean(difference))
    flips = np.array(list(product((1.0, -1.0), repeat=n)))
    p = float((np.abs(difference) @ flips.T >= difference.sum() - 1e-12).mean())
    rule = f"p at most 0.05 over first weights, with these brains, {of}"
    if 2.0**-n > 0.05:
        return not_testable(f"{n} seeds give no p below {2.0**-n:.2g}; mean {mean:+.3f}", rule=rule)
    return Verdict(HELD if p <= 0.05 else DID_NOT_HOLD, rule, f"p = {p:.2g} ({mean:+.3f})")


def untested(name: str, controls: tuple[str, ...], reason: str, synthetic: bool) -> Claim:
    """A claim that nothing here can test, with the reason in the place of every verdict."""
    verdicts = {each: not_testable(reason, rule="not looked at") for each in controls}
    return Claim(
        id=name,
        statement="",
        effect=float("nan"),
        unit=reason,
        interval=None,
        p=None,
        null=None,
        n=0,
        n_of="problems",
        ceiling=reason,
        controls=verdicts,
        synthetic=synthetic,
    )

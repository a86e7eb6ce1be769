"""Claim: one sentence that a study stands for, with everything needed to doubt it."""

import math
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from consona.core.errors import InvalidInput

HELD: Literal["held"] = "held"
DID_NOT_HOLD: Literal["did not hold"] = "did not hold"
NOT_TESTABLE: Literal["not testable here"] = "not testable here"
Outcome = Literal["held", "did not hold", "not testable here"]


@dataclass(frozen=True)
class Verdict:
    """Whether a control held, by a rule that was written down before the run."""

    verdict: Outcome
    rule: str
    value: str


@dataclass(frozen=True)
class Interval:
    """An interval around an effect, with its level and how it was made."""

    low: float
    high: float
    method: str
    level: float = 0.95


@dataclass(frozen=True)
class Null:
    """What a p-value is measured against: what was permuted, how often, and whether all orders were listed."""

    name: str
    permuted: str
    n: int
    exact: bool = False


@dataclass(frozen=True)
class Claim:
    """One sentence a study stands for.

    ``n`` counts ``n_of`` (subjects, stimuli, classes). ``ceiling`` is a number, or the reason why there is none.

    Raises
    ------
    InvalidInput
        When there is no control, p lies outside (0, 1], or p and null are not given together.
    """

    id: str
    statement: str
    effect: float
    unit: str
    interval: Interval | None
    p: float | None
    null: Null | None
    n: int
    n_of: str
    ceiling: float | str
    controls: dict[str, Verdict] = field(default_factory=dict)
    synthetic: bool = False

    def __post_init__(self) -> None:
        """Check that nothing a reader needs is missing."""
        if not self.controls:
            raise InvalidInput(f"Claim '{self.id}' has no controls; every claim carries at least one verdict.")
        if (self.p is None) != (self.null is None):
            raise InvalidInput(f"Claim '{self.id}': p and null belong together; one of them is missing.")
        if self.p is not None and not (math.isnan(self.p) or 0 < self.p <= 1):
            raise InvalidInput(f"Claim '{self.id}': p is {self.p}; it lies above 0 and is at most 1.")

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON-able values; NaN becomes None."""
        return {key: _plain(value) for key, value in asdict(self).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return value


def exceeds(value: float, threshold: float, *, of: str) -> Verdict:
    """Held when ``value`` is above ``threshold``; ``of`` names the threshold."""
    rule = f"above {of}"
    if not (math.isfinite(value) and math.isfinite(threshold)):
        return Verdict(NOT_TESTABLE, rule, "undefined (NaN)")
    return Verdict(HELD if value > threshold else DID_NOT_HOLD, rule, f"{value:.3f} against {threshold:.3f}")


def significant(p: float, *, level: float = 0.05, of: str) -> Verdict:
    """Held when ``p`` is at most ``level``."""
    rule = f"p at most {level:g}, {of}"
    if not math.isfinite(p):
        return Verdict(NOT_TESTABLE, rule, "undefined (NaN)")
    return Verdict(HELD if p <= level else DID_NOT_HOLD, rule, f"p = {p:.2g}")


def not_testable(reason: str, *, rule: str) -> Verdict:
    """A control that the data at hand cannot test, with the reason."""
    return Verdict(NOT_TESTABLE, rule, reason)

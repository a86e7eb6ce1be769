"""Numbers and records in words: how an effect, a p value, a ceiling or a check is put in the report."""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from consona.engine.claims import ClaimEntry, FindingEntry

VERDICTS = {"held": "held", "did not hold": "failed", "not testable here": "untested"}
OUTCOMES = {"fired": "fired", "error": "error", "not applicable": "idle", "passed": "passed"}
WRITTEN = r"\d+(?:\.\d+)?(?:e[+-]\d\d)?"  # a number as Python writes it
# A unit that names its chance: "(0.5 is chance)", "(chance 0.5)", "chance 1/9"; what is "above chance" begins at 0.
CHANCE = re.compile(
    r"(?<!above )(?<!over )(?<!minus )\bchance(?: is|:| =)? (0?\.\d+|\d+/\d+)|(0?\.\d+|\d+/\d+) is chance"
)
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: Any) -> str:
    """A number with the digits it deserves and a true minus; an em dash where it is undefined; text as it is."""
    if isinstance(value, str):
        return value
    if value is None or not math.isfinite(value):
        return "—"
    if isinstance(value, int) or (abs(value) >= 1000 and float(value).is_integer()):
        said = f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.0f}"
    elif abs(value) >= 100:
        said = f"{value:.1f}"
    elif abs(value) >= 0.1 or value == 0:
        said = f"{value:.2f}"
    else:
        said = _two_digits(value)
    return said.replace("-", "−")


def _two_digits(value: float) -> str:
    """``0.046``, ``0.0017``; as a power of ten below 0.0001."""
    power = math.floor(math.log10(abs(float(f"{value:.1e}"))))
    return f"{value:.{1 - power}f}" if power >= -4 else _powered(value)


def _powered(value: float) -> str:
    digits, power = f"{value:.1e}".split("e")
    return f"{digits} × 10{str(int(power)).translate(SUPERSCRIPT)}"


def p_value(p: float | None) -> str:
    """``p = 0.41``, ``p = 0.0017``; a p is never zero, so a small one keeps its power of ten."""
    if p is None or not math.isfinite(p):
        return "p undefined"
    return f"p = {number(p)}" if p < 0.995 else "p = 1"


def typeset(said: str) -> str:
    """A sentence of a study with its numbers as this report writes them: p values, powers of ten, true minus signs."""
    said = re.sub(rf"\bp = ({WRITTEN})(?![\w.]\d)", lambda found: p_value(float(found[1])), said)
    said = re.sub(rf"(?<![\w.]){WRITTEN}(?<=e[+-]\d\d)(?!\w)", lambda found: number(float(found[0])), said)
    return re.sub(r"(?<![^\s(\[])-(?=\.?\d)", "−", said)


def null_of(claim: ClaimEntry) -> str:
    """What the p was measured against: name, what was permuted, how often, and whether that is all there is."""
    null = claim.null
    if null is None:
        return "no null: this claim was not tested against chance"
    orders = f"all {null.n:,}" if null.exact else f"{null.n:,} drawn"
    detail = f"{null.permuted}; {orders}" if null.permuted and null.permuted.lower() != null.name.lower() else orders
    return f"against {null.name} ({detail})"


def interval_of(claim: ClaimEntry) -> str:
    """``95 % interval 0.31 to 0.55, bootstrap over subjects``."""
    interval = claim.interval
    if interval is None or interval.low is None or interval.high is None:
        return "no interval"
    return f"{interval.level * 100:g} % interval {number(interval.low)} to {number(interval.high)}, {interval.method}"


def ceiling_of(claim: ClaimEntry) -> str:
    """The ceiling as a number, or the reason why there is none."""
    if isinstance(claim.ceiling, str):
        return f"none: {claim.ceiling}" if claim.ceiling else "none, and no reason was given"
    return "undefined" if claim.ceiling is None else number(claim.ceiling)


def whisker(claim: ClaimEntry, width: float = 200.0) -> dict[str, Any] | None:
    """Places of low, effect, high and of no effect on a strip ``width`` wide; None where nothing can be drawn.

    No effect is the chance that the unit names, otherwise 0, for an area under the curve 0.5.
    """
    interval, nothing = claim.interval, _chance(claim.unit)
    if interval is None or interval.low is None or interval.high is None or claim.effect is None:
        return None
    marks = {"low": interval.low, "effect": claim.effect, "high": interval.high, "none": nothing}
    first, last = min(marks.values()), max(marks.values())
    if first == last:
        return None
    return {"label": f"{nothing:.3g}"} | {
        name: round(8 + (width - 16) * (at - first) / (last - first), 1) for name, at in marks.items()
    }


def _chance(unit: str) -> float:
    """What an effect in this unit is without an effect."""
    named = CHANCE.search(unit)
    if named:
        above, _, below = (named[1] or named[2]).partition("/")
        if not below or float(below):
            return float(above) / float(below or 1)
    return 0.5 if "AUC" in unit or "ROC" in unit else 0.0


def check_rows(checks: Sequence[FindingEntry]) -> list[dict[str, str]]:
    """Code, title, outcome, and what was found, of every check, in the order of the codes."""
    return [
        {
            "code": each.code,
            "title": each.title,
            "severity": each.severity,
            "outcome": each.outcome,
            "mark": OUTCOMES[each.outcome],
            "found": each.message,
        }
        for each in sorted(checks, key=lambda each: each.code)
    ]


def check_summary(checks: Sequence[FindingEntry]) -> str:
    """``8 checks: 1 fired, 6 passed, 1 not applicable.``"""
    counts = {kind: sum(each.outcome == kind for each in checks) for kind in OUTCOMES}
    said = [f"{n} {'in error' if kind == 'error' else kind}" for kind, n in counts.items() if n]
    return f"{len(checks)} checks: {', '.join(said)}." if checks else "No check was carried out."


def flat(record: Any, prefix: str = "") -> list[tuple[str, str]]:
    """A nested record as pairs of a dotted name and a text, in its own order."""
    if isinstance(record, Mapping) and record:
        return [
            pair for key, value in record.items() for pair in flat(value, f"{prefix}.{key}" if prefix else str(key))
        ]
    if isinstance(record, list | tuple) and any(isinstance(each, Mapping | list | tuple) for each in record):
        return [pair for i, value in enumerate(record, start=1) for pair in flat(value, f"{prefix} {i}".strip())]
    return [(prefix, text(record))]


def text(value: Any) -> str:
    """A recorded value as text."""
    if isinstance(value, list | tuple):
        return ", ".join(text(each) for each in value) or "—"
    if value is None or value in ("", {}):
        return "—"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:g}".replace("-", "−") if isinstance(value, float) else str(value).replace("-", "−")
    return str(value)


def duration(seconds: float) -> str:
    """``0.04 s``, ``12 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def day(stamp: str) -> str:
    """``22 November 2026, 16:20 UTC`` from ISO 8601; what is no date stays as it is."""
    try:
        moment = datetime.fromisoformat(stamp)
    except ValueError:
        return stamp
    moment = moment.astimezone(UTC) if moment.tzinfo else moment
    months = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ]
    return f"{moment.day} {months[moment.month - 1]} {moment.year}, {moment:%H:%M} UTC"

"""Numbers and records in words: how an effect, a p value, a ceiling or a check is put in the report."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

VERDICTS = {"held": "held", "did not hold": "failed", "not testable here": "untested"}
OUTCOMES = {"fired": "fired", "error": "error", "not applicable": "idle", "quiet": "passed", "passed": "passed"}
LEAKAGE, CEILING = {"CON001", "CON002", "CON006", "CON011"}, {"CON003"}


def number(value: Any) -> str:
    """A number with the digits it deserves; a true minus; an em dash where it is undefined."""
    if value is None or isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return "—"
    if isinstance(value, int) or float(value).is_integer() and abs(value) >= 100:
        text = f"{int(value):,}" if abs(value) >= 10000 else str(int(value))
    else:
        text = f"{value:.1f}" if abs(value) >= 100 else f"{value:.2f}" if abs(value) >= 0.1 else _small(value)
    return text.replace("-", "−")


def _small(value: float) -> str:
    if value == 0:
        return "0.00"
    return f"{value:.3f}" if abs(value) >= 0.001 else f"{value:.1e}".replace("e-0", "e-")


def p_value(p: Any) -> str:
    """``p = 0.011``; a p is never zero, so a small one keeps its power of ten."""
    if p is None or not math.isfinite(p):
        return "no p"
    if p >= 0.0005:
        return f"p = {p:.3f}" if p < 0.9995 else "p = 1"
    digits, power = f"{p:.1e}".split("e")
    return f"p = {digits} × 10{str(int(power)).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"


def null_of(claim: Mapping[str, Any]) -> str:
    """What the p was measured against: name, what was permuted, how often, and whether that is all there is."""
    null = claim.get("null")
    if not null:
        return "no null: this claim was not tested against chance"
    n = f"{int(null['n']):,}"
    orders = f"all {n} orders" if null.get("exact") else f"{n} random orders"
    name, permuted = str(null.get("name", "")), str(null.get("permuted", ""))
    return f"{name}; {permuted} permuted, {orders}" if permuted and permuted not in name else f"{name}; {orders}"


def interval_of(claim: Mapping[str, Any]) -> str:
    """``95 % interval 0.31 to 0.55, bootstrap over subjects``."""
    interval = claim.get("interval")
    if not interval or interval.get("low") is None or interval.get("high") is None:
        return "no interval"
    level = float(interval.get("level", 0.95)) * 100
    return f"{level:g} % interval {number(interval['low'])} to {number(interval['high'])}, {interval.get('method', '')}"


def ceiling_of(claim: Mapping[str, Any]) -> str:
    """The ceiling as a number, or the reason why there is none."""
    ceiling = claim.get("ceiling")
    if isinstance(ceiling, str):
        return f"none: {ceiling}" if ceiling else "none, and no reason was given"
    return number(ceiling)


def whisker(claim: Mapping[str, Any], width: float = 200.0) -> dict[str, float] | None:
    """Places of low, effect, high and zero on a strip ``width`` wide; None where there is no interval to draw."""
    interval, effect = claim.get("interval"), claim.get("effect")
    ends = (interval.get("low"), interval.get("high")) if interval else (None, None)
    if effect is None or None in ends:
        return None
    marks = {"low": float(ends[0]), "effect": float(effect), "high": float(ends[1]), "zero": 0.0}
    if not all(map(math.isfinite, marks.values())) or max(marks.values()) == min(marks.values()):
        return None
    first, last = min(marks.values()), max(marks.values())
    return {name: round(6 + (width - 12) * (at - first) / (last - first), 1) for name, at in marks.items()}


def check_rows(checks: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Code, title, outcome, and what was found, of every check, in the order of the codes."""
    rows = []
    for check in sorted(checks, key=lambda each: str(each.get("code"))):
        outcome = str(check.get("outcome", "error"))
        rows.append(
            {
                "code": str(check.get("code", "")),
                "title": str(check.get("title", "")),
                "severity": str(check.get("severity", "")),
                "outcome": "passed" if outcome == "quiet" else outcome,
                "mark": OUTCOMES.get(outcome, "error"),
                "found": str(check.get("reason", "") or check.get("message", "")),
            }
        )
    return rows


def check_summary(rows: Sequence[Mapping[str, str]]) -> str:
    """``8 checks: 1 fired, 6 passed, 1 not applicable``."""
    counts = {each: sum(row["outcome"] == each for row in rows) for each in ("fired", "error", "passed", "not applicable")}
    counts = {each: n for each, n in counts.items() if n or each in ("fired", "error")}
    said = ", ".join(f"{n} {'in error' if each == 'error' else each}" for each, n in counts.items())
    return f"{len(rows)} checks: {said}."


def flat(record: Any, prefix: str = "") -> list[tuple[str, str]]:
    """A nested record as pairs of a dotted name and a text, in its own order."""
    if isinstance(record, Mapping):
        return [pair for key, value in record.items() for pair in flat(value, f"{prefix}.{key}" if prefix else str(key))]
    if isinstance(record, list | tuple):
        if all(not isinstance(each, Mapping | list | tuple) for each in record):
            return [(prefix, ", ".join(text(each) for each in record) or "—")]
        return [pair for i, value in enumerate(record) for pair in flat(value, f"{prefix}.{i + 1}")]
    return [(prefix, text(record))]


def text(value: Any) -> str:
    """A single recorded value as text."""
    if value is None or value == "":
        return "—"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def duration(seconds: Any) -> str:
    """``0.4 s``, ``12 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if not isinstance(seconds, int | float) or not math.isfinite(seconds):
        return "—"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"

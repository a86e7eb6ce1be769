"""CON007: many targets were tested and none corrected."""

from collections.abc import Mapping
from typing import Any

from consona.engine.checks.check import Check


def complaint(facts: Mapping[str, Any]) -> str | None:
    """Fires when several p-values stand without a correction."""
    n_tests = int(facts["n_tests"])
    if n_tests < 2 or facts["correction"] not in ("none", "", None):
        return None
    expected = n_tests * float(facts.get("alpha", 0.05))
    return f"{n_tests} tests, none corrected: about {expected:.1f} would be significant with no effect at all."


CHECK = Check(
    "CON007",
    "Many targets were tested and none corrected",
    "serious",
    {
        "n_tests": "how many p-values are read side by side",
        "correction": "how they were corrected (max-statistic, fdr …), or none",
        "alpha": "the level; 0.05 where not given",
    },
    complaint,
)

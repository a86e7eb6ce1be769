"""CON004: the permutations cannot reach significance."""

from collections.abc import Mapping
from typing import Any

from consona.engine.checks.check import Check

_SPLIT = {"none": False, "max-statistic": False, "bonferroni": True, "holm": True, "fdr": True}


def complaint(facts: Mapping[str, Any]) -> str | None:
    """Fires when the smallest possible p exceeds the level that a single test has to reach."""
    smallest = float(facts["smallest_p"]) if "smallest_p" in facts else 1 / (int(facts["n_permutations"]) + 1)
    n_tests, correction = int(facts.get("n_tests", 1)), facts.get("correction", "none")
    if correction not in _SPLIT:
        raise ValueError(f"correction is one of {tuple(_SPLIT)}; found {correction!r}")
    level = float(facts.get("alpha", 0.05)) / (n_tests if _SPLIT[correction] else 1)
    if smallest <= level:
        return None
    return (
        f"The smallest p that the permutations allow is {smallest:.2g}, and a single result needs {level:.2g} "
        f"(tests: {n_tests}, correction: {correction}). No result here can be significant on its own."
    )


CHECK = Check(
    "CON004",
    "The permutations cannot reach significance after correction",
    "serious",
    {
        "smallest_p": "the smallest p there can be (1/N where all N orders were listed), or instead:",
        "n_permutations": "how many orders were drawn",
        "n_tests": "how many tests share the level; 1 where not given",
        "correction": "none, max-statistic, bonferroni, holm or fdr; none where not given",
        "alpha": "the level; 0.05 where not given",
    },
    complaint,
)

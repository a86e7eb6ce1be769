"""CON011: a score is in-sample, or what was held out still shares stimuli with training."""

from collections.abc import Mapping
from typing import Any

from consona.engine.checks.check import Check


def complaint(facts: Mapping[str, Any]) -> str | None:
    """Fires on every score that a new stimulus did not have to earn."""
    if str(facts["cv"]).startswith("in-sample"):
        return "The score is in-sample: it says how well the data can be described, not predicted."
    if facts.get("shares_stimuli", False):
        held_out = facts.get("held_out", "what was held out")
        return f"The score holds out '{held_out}', but test and training share their stimuli: it may know the clip."
    return None


CHECK = Check(
    "CON011",
    "A score is in-sample, or shares stimuli with training",
    "caution",
    {
        "cv": "how the data were held out, in words; begins with in-sample where they were not",
        "held_out": "the name of what was held out",
        "shares_stimuli": "True when the same stimuli are in training and test",
    },
    complaint,
)

"""CON006: the penalty of a regression was not chosen, or lies at the edge of its range."""

from collections.abc import Mapping
from typing import Any

from consona.engine.checks.check import Check

_WAYS = ("inner folds", "gcv", "fixed")
_MOST_AT_EDGE = 0.05


def complaint(facts: Mapping[str, Any]) -> str | None:
    """Fires on a fixed penalty with more features than stimuli, and on more than 5 % of penalties at the edge."""
    way, n_stimuli = facts["penalty_chosen_in"], int(facts["stimuli_in_training"])
    n_features = int(facts["features_per_stimulus"])
    if way not in _WAYS:
        raise ValueError(f"penalty_chosen_in is one of {_WAYS}; found {way!r}")
    found = []
    if way == "fixed" and n_features > n_stimuli:
        found.append(
            f"{n_features} features are fitted to {n_stimuli} stimuli with a penalty that nobody chose: weights "
            "follow the noise."
        )
    n_at_edge, n_penalties = int(facts.get("n_at_edge", 0)), int(facts.get("n_penalties", 0))
    if n_at_edge > _MOST_AT_EDGE * n_penalties:
        found.append(
            f"{n_at_edge} of {n_penalties} penalties lie at the edge of their range ({n_at_edge / n_penalties:.0%}): "
            "a better one may lie beyond it."
        )
    return " ".join(found) or None


CHECK = Check(
    "CON006",
    "A penalty was not chosen, or lies at the edge of its range",
    "caution",
    {
        "features_per_stimulus": "how many features are fitted together",
        "stimuli_in_training": "stimuli in the smallest training set",
        "penalty_chosen_in": "'inner folds', 'gcv' (left-out stimuli within training), or 'fixed'",
        "n_at_edge": "penalties (one per target and fold) that are the first or last tried; 0 where not given",
        "n_penalties": "how many penalties were chosen; 0 where not given",
    },
    complaint,
)

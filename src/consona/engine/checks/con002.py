"""CON002: something was chosen on the data it is reported on."""

from collections.abc import Mapping
from typing import Any

from consona.engine.checks.check import Check

_WAYS = ("before", "training folds", "reported data")


def complaint(facts: Mapping[str, Any]) -> str | None:
    """Fires when one of several candidates was chosen on the reported data."""
    chosen_on = facts["chosen_on"]
    if chosen_on not in _WAYS:
        raise ValueError(f"chosen_on is one of {_WAYS}; found {chosen_on!r}")
    if chosen_on != "reported data" or int(facts["n_candidates"]) < 2:
        return None
    return f"The {facts['what']} is the best of {facts['n_candidates']}, chosen on the data it is reported on."


CHECK = Check(
    "CON002",
    "A layer, region or hyper-parameter was chosen on the data it is reported on",
    "serious",
    {
        "what": "what was chosen: layer, ROI, alpha",
        "n_candidates": "how many there were",
        "chosen_on": "'before' (fixed in the configuration), 'training folds', or 'reported data'",
    },
    complaint,
)

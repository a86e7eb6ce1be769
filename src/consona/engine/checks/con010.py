"""CON010: an intervention has no random control that is matched to it."""

from collections.abc import Mapping
from typing import Any

from consona.engine.checks.check import Check

_FEWEST = 19


def complaint(facts: Mapping[str, Any]) -> str | None:
    """Fires when there are no random controls, too few for a level of .05, or none that are matched on anything."""
    what, n_random = str(facts["intervention"]), int(facts["n_random"])
    matched_on = [str(each) for each in facts["matched_on"]]
    if n_random == 0:
        return f"'{what}' is compared with the intact model alone: any edit of this size may do the same."
    found = []
    if n_random < _FEWEST:
        found.append(f"'{what}' has {n_random} random controls; with fewer than {_FEWEST} no p is below .05.")
    if not matched_on:
        found.append(f"The random controls of '{what}' are matched on nothing, so they may differ by more than chance.")
    return " ".join(found) or None


CHECK = Check(
    "CON010",
    "An intervention has no matched random control",
    "serious",
    {
        "intervention": "what was done, in words",
        "n_random": "how many random interventions of the same kind were carried out beside it",
        "matched_on": "what these have in common with it, such as number, layer, activation, norm; a list",
    },
    complaint,
)

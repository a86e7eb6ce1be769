"""CON005: targets are constant or undefined."""

from collections.abc import Mapping
from typing import Any

from consona.core.invariants import listed
from consona.engine.checks.check import Check


def complaint(facts: Mapping[str, Any]) -> str | None:
    """Fires when any target was left out."""
    n_undefined = int(facts["n_undefined"])
    if n_undefined == 0:
        return None
    names = f": {listed(facts['names'])}" if facts.get("names") else ""
    return f"{n_undefined} of {int(facts['n_targets'])} values are undefined and left out of every summary{names}."


CHECK = Check(
    "CON005",
    "Targets are constant or undefined",
    "caution",
    {
        "n_targets": "how many values there are",
        "n_undefined": "how many of them are undefined (NaN)",
        "names": "their names, where known",
    },
    complaint,
)

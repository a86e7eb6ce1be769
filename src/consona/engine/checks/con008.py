"""CON008: a stimulus was truncated by the tokenizer."""

from collections.abc import Mapping
from typing import Any

from consona.core.invariants import listed
from consona.engine.checks.check import Check


def complaint(facts: Mapping[str, Any]) -> str | None:
    """Fires when any text was cut."""
    n_truncated = int(facts["n_truncated"])
    if n_truncated == 0:
        return None
    names = f" ({listed(facts['names'])})" if facts.get("names") else ""
    return f"{n_truncated} of {int(facts['n_stimuli'])} texts are longer than the model reads and were cut{names}."


CHECK = Check(
    "CON008",
    "A stimulus was truncated by the tokenizer",
    "caution",
    {
        "n_stimuli": "how many texts were read",
        "n_truncated": "how many were cut",
        "names": "their ids, where known",
    },
    complaint,
)

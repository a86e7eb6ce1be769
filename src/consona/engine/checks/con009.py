"""CON009: a steering strength lies outside the range of natural projections."""

import math
from collections.abc import Mapping
from typing import Any

from consona.engine.checks.check import Check


def complaint(facts: Mapping[str, Any]) -> str | None:
    """Fires when a text moved by the strength would lie further out than any text that was only read."""
    strength, lowest, highest = (float(facts[name]) for name in ("strength", "lowest", "highest"))
    if not (math.isfinite(strength) and lowest <= highest):
        raise ValueError(f"lowest <= highest and a finite strength; found {lowest}, {highest} and {strength}")
    if strength == 0 or lowest <= strength <= highest:
        return None
    return (
        f"Steered by {strength:+.3g} SD, while projections of texts lie between {lowest:+.3g} and {highest:+.3g} SD: "
        "the model is driven to states that it never has."
    )


CHECK = Check(
    "CON009",
    "A steering strength lies outside the range of natural projections",
    "caution",
    {
        "strength": "what is added along the direction, in SD of the texts that it was fitted on",
        "lowest": "the lowest projection of a text of the reference corpus, in the same SD, from the origin",
        "highest": "the highest",
    },
    complaint,
)

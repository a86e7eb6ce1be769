"""CON003: a score exceeds its ceiling by more than its interval."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from consona.engine.checks.check import Check


def complaint(facts: Mapping[str, Any]) -> str | None:
    """Fires when the lower end of the interval lies above the ceiling; what is undefined is passed over."""
    score, ceiling = np.broadcast_arrays(np.asarray(facts["score"], float), np.asarray(facts["ceiling"], float))
    excess = score - np.asarray(facts.get("half_width", 0.0), float) - ceiling
    above = np.isfinite(excess) & (excess > 0)
    if not above.any():
        return None
    worst = np.unravel_index(int(np.argmax(np.where(above, excess, -np.inf))), excess.shape)
    return (
        f"{int(above.sum())} of {excess.size} scores exceed their ceiling by more than their interval; "
        f"the furthest is {score[worst]:.3f} where at most {ceiling[worst]:.3f} is possible."
    )


CHECK = Check(
    "CON003",
    "A score exceeds its ceiling by more than its interval",
    "serious",
    {
        "score": "number or array",
        "ceiling": "number, or array that fits the scores",
        "half_width": "half of the interval around a score; 0 where not given",
    },
    complaint,
)

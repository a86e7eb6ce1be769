"""CON012: a feature that knows no language and no reasoning scores as high as anything can."""

from collections.abc import Mapping
from typing import Any

from consona.engine.checks.check import Check


def complaint(facts: Mapping[str, Any]) -> str | None:
    """Fires when a trivial score is above zero and not below the ceiling by more than its error; NaN never fires."""
    score, ceiling, half_width = float(facts["score"]), float(facts["ceiling"]), float(facts["half_width"])
    name = str(facts["trivial"])
    if not (score > 0 and score + half_width >= ceiling):
        return None
    return (
        f"'{name}' alone scores {score:.3f} beside a ceiling of {ceiling:.3f} (half width {half_width:.3f}): a model "
        "that scores as high may have learnt no more than this."
    )


CHECK = Check(
    "CON012",
    "A trivial feature reaches the ceiling",
    "serious",
    {
        "trivial": "the feature, in words, such as task or response time",
        "score": "its score, by the code that scores models",
        "ceiling": "what is expected of a perfect model, in the unit of the score",
        "half_width": "half the width of the interval of the score, 0 where it has none",
    },
    complaint,
)

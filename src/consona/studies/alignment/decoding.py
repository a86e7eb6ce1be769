"""Decoding: which held-out stimulus was shown, told from the responses."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from consona.core.claim import Interval
from consona.core.score import Score

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.alignment.material import Material
    from consona.studies.alignment.study import Alignment


@dataclass(frozen=True)
class Decoded:
    """Identification by subject, its mean and the null of the mean."""

    scores: dict[str, Score]
    effect: float
    null: npt.NDArray[np.float64]
    p: float
    interval: Interval | None
    controls: dict[str, float]


def decoding_part(study: "Alignment", run: "Run", material: "Material") -> Decoded | None:
    """To be filled."""
    return None

"""What the study will take, from the sizes of its files and rates measured on two cores."""

from typing import TYPE_CHECKING

from consona.engine.config import PlannedStep

if TYPE_CHECKING:
    from consona.studies.alignment.study import Alignment


def planned(study: "Alignment") -> list[PlannedStep]:
    """Reading, encoding, geometry, decoding."""
    return []

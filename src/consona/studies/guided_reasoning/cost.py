"""What the study will take, from how much is drawn and rates measured on one core with the small reasoner."""

from typing import TYPE_CHECKING

from consona.engine.config import PlannedStep
from consona.studies.guided_reasoning.names import REASONER

if TYPE_CHECKING:
    from consona.studies.guided_reasoning.study import GuidedReasoning


def planned(study: "GuidedReasoning") -> list[PlannedStep]:
    """Seconds of one worker."""
    return [PlannedStep("everything", 60.0, 2000.0, 100.0, "" if study.model == REASONER else "as if small", 1)]

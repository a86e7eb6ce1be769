"""What the study will take."""

from typing import TYPE_CHECKING

from consona.engine.config import PlannedStep

if TYPE_CHECKING:
    from consona.studies.scene_captions.study import SceneCaptions


def planned(study: "SceneCaptions") -> list[PlannedStep]:
    """Seconds of one worker."""
    return []

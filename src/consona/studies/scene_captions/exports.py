"""Files for other programs."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.scene_captions.parts import Parts
    from consona.studies.scene_captions.study import SceneCaptions


def export(study: "SceneCaptions", run: "Run", parts: "Parts") -> None:
    """``exports/``."""

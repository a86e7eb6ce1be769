"""The pictures of the study: results with a title, a caption and the kind of drawing."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.scene_captions.parts import Parts
    from consona.studies.scene_captions.study import SceneCaptions


def draw(study: "SceneCaptions", run: "Run", parts: "Parts") -> None:
    """Every figure, as steps of the run."""

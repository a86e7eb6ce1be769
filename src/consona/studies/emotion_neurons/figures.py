"""The pictures of the study: results with a title, a caption and the kind of drawing; nothing is computed here."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.emotion_neurons.parts import Parts
    from consona.studies.emotion_neurons.study import EmotionNeurons


def draw(study: "EmotionNeurons", run: "Run", parts: "Parts") -> None:
    """Every figure, as steps of the run."""

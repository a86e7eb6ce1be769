"""Scene captions: from sentences to visual cortex, back to sentences, and to image networks (arXiv 2209.11737)."""

from consona.studies.scene_captions.study import SceneCaptions

__all__ = ["SceneCaptions"]

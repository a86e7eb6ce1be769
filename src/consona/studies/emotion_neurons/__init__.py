"""Emotion-concept neurons: found by human attributes, silenced, and held against people."""

from consona.studies.emotion_neurons.study import EmotionNeurons

__all__ = ["EmotionNeurons"]

"""EEG emotion: decoders of nine emotions, what a language model's valence axis adds to them, and ensembles."""

from consona.studies.eeg_emotion.study import EEGEmotion

__all__ = ["EEGEmotion"]

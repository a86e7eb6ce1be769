"""Language models: load them, read their activations, edit them."""

from consona.lm.loading import language_model_of, load_language_model
from consona.lm.model import LanguageModel

__all__ = ["LanguageModel", "language_model_of", "load_language_model"]

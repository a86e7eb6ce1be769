"""Language models: load them, read their activations, edit them."""

from consona.lm.contextual import contextual_features, contextual_surprisal
from consona.lm.loading import language_model_of, load_language_model
from consona.lm.model import LanguageModel
from consona.lm.random_weights import random_twin

__all__ = [
    "LanguageModel",
    "contextual_features",
    "contextual_surprisal",
    "language_model_of",
    "load_language_model",
    "random_twin",
]

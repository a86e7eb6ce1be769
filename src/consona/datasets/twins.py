"""The synthetic twins of all corpora: equal in shape, made up, with planted effects of stated size."""

from consona.datasets.faced_twins import faced_ratings_twin, faced_twin
from consona.datasets.text_twins import emobank_twin, goemotions_twin, sentiment_twin

__all__ = ["emobank_twin", "faced_ratings_twin", "faced_twin", "goemotions_twin", "sentiment_twin"]

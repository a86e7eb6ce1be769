"""The synthetic twins of all corpora: equal in shape, made up, with planted effects of stated size."""

from consona.datasets.algonauts_twins import write_algonauts_twin
from consona.datasets.alice_twins import alice_twin, alice_twin_words
from consona.datasets.emotion_twins import emotion_comments_twin, emotion_concepts_twin
from consona.datasets.faced_twins import faced_ratings_twin, faced_twin
from consona.datasets.nsd_twins import write_nsd_twin
from consona.datasets.object_twins import haxby_twin, objects81_twin, objects81_twin_features, rsa92_twin
from consona.datasets.reasoning_twins import reasoning_twin, solved_states, twin_behaviour
from consona.datasets.seed_v_twins import seed_v_twin, write_seed_v_twin
from consona.datasets.text_twins import emobank_twin, goemotions_twin, sentiment_twin

__all__ = [
    "alice_twin",
    "alice_twin_words",
    "emobank_twin",
    "emotion_comments_twin",
    "emotion_concepts_twin",
    "faced_ratings_twin",
    "faced_twin",
    "goemotions_twin",
    "haxby_twin",
    "objects81_twin",
    "objects81_twin_features",
    "reasoning_twin",
    "rsa92_twin",
    "seed_v_twin",
    "sentiment_twin",
    "solved_states",
    "twin_behaviour",
    "write_algonauts_twin",
    "write_nsd_twin",
    "write_seed_v_twin",
]

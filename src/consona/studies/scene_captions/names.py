"""Names that the settings, the steps and the claims of the study share."""

from typing import Final, Literal

from consona.stats.fractional_settings import Mode

Brain = Literal["twin", "nsd", "algonauts", "own", "images92", "objects81"]
Plant = Literal["captions", "relations", "categories", "places and colours", "other", "none"]

MODES: tuple[Mode, ...] = ("paper", "released", "corrected")
REGIONS = ("early", "ventral", "lateral", "parietal")
HIGHER = ("ventral", "lateral", "parietal")
MINILM = "minilm"
LEVEL = 0.05

CAPTION: Final = "caption mean"
SINGLE, JOINED, SCRAMBLED = "single caption", "joined", "scrambled"
WORDS, NOUNS, VERBS, ADJECTIVES = "word average", "nouns", "verbs", "adjectives"
NOUNS_JOINED = "nouns in one text"
CATEGORY_WORDS, CATEGORIES = "category words", "categories"
RUNGS = (
    *(CAPTION, SINGLE, JOINED, SCRAMBLED, NOUNS_JOINED, WORDS, NOUNS, VERBS, ADJECTIVES, CATEGORY_WORDS, CATEGORIES),
)
BELOW = (SCRAMBLED, NOUNS_JOINED, WORDS, NOUNS, VERBS, ADJECTIVES, CATEGORY_WORDS, CATEGORIES)
"""What is less than a caption: the rungs that captions are claimed to beat."""

FEEDFORWARD, RECURRENT = "feedforward", "recurrent"
EMBEDDING, CATEGORY = "embedding", "categories"
ARCHITECTURES, OBJECTIVES = (FEEDFORWARD, RECURRENT), (EMBEDDING, CATEGORY)
UNTRAINED, NAMED = "untrained", "named"
"""NAMED: a feed-forward network that learns which kinds, places and colours a caption names, and no sentence."""

PEOPLE_PLACES, FOOD_PEOPLE = "people - places", "food - people"

HOLM = "Holm over the claims"
CAPTION_CONTROLS = (
    "above scrambled captions",
    "above words averaged",
    "above nouns alone",
    "above categories",
    "in ventral, lateral and parietal cortex alike",
    "encoding says the same",
    "on the images of the ceiling",
    "other sets of images",
    "images and captions exchanged",
    "in people whom the encoder was not fitted to",
    "the same in all three modes",
)
SELECTIVITY_CONTROLS = (
    "beyond other sentences drawn at random",
    "with half of the sentences",
    "not with captions of other images",
    "beyond other regions",
    "corrected over targets and contrasts",
)
READOUT_CONTROLS = (
    "above the mean caption",
    "centred correlation above zero",
    "first among the test images more often than by chance",
    "nearer than most training captions",
    "beyond categories",
    "without images that have a twin in training",
    "in every subject",
    "the same in all three modes",
)
NETWORK_CONTROLS = (
    "in both architectures",
    "over first weights",
    "above the untrained network",
    "above networks that learn kinds, places and colours",
    "above the captions themselves",
    "encoding says the same",
    "not where the brain holds categories alone",
    "not where the brain holds places and colours alone",
)
CONTROLS = tuple(dict.fromkeys((*CAPTION_CONTROLS, *SELECTIVITY_CONTROLS, *READOUT_CONTROLS, *NETWORK_CONTROLS, HOLM)))


def slug(name: str) -> str:
    """A name that is fit for a step."""
    return name.replace(" ", "-").replace(".", "-").replace(",", "").replace(":", "-").replace("/", "-")


def network_name(architecture: str, objective: str, seed: int) -> str:
    """What a trained network is called among models."""
    return f"{architecture} {objective} {seed}"

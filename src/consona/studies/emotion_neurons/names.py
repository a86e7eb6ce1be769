"""Names that the settings, the steps and the claims of the study share."""

from typing import Literal

Texts = Literal["goemotions", "twin"]
Concepts = Literal["published", "twin"]
Source = Literal["comments", "prompts"]

EMOTIONS = (
    *("realization", "surprise", "admiration", "gratitude", "optimism", "approval", "pride", "excitement", "joy"),
    *("love", "amusement", "caring", "relief", "curiosity", "desire", "disgust", "disapproval", "anger", "annoyance"),
    *("confusion", "fear", "disappointment", "grief", "sadness", "nervousness", "embarrassment", "remorse"),
)
"""The 27 emotions in the order of the published tables: from neutral and pleasant to unpleasant ones."""

VALENCE = "valence"
PROBE, PROTOTYPE = "linear probe", "prototype"
DECLARED, ZERO, RESAMPLED = "mean", "zero", "resample"
MATCHED, DISJOINT, UNIFORM, SHUFFLED = "layer and activation", "disjoint", "uniform", "shuffled attribute"
ORDINARY = "without outlier units"
LEVEL = 0.05

HOLM = "Holm over the claims"
REPRESENTATION_CONTROLS = (
    "every attribute by itself",
    "above an untrained twin of the model",
    "above a bag of words",
    "the same neurons from comments and from names",
    "people's geometry in the model",
    "geometry above a bag of words",
)
DISTINCTNESS_CONTROLS = (
    "an attribute's sets repeat at all",
    "more neurons in one set alone than for shuffled attributes",
)
NECESSITY_CONTROLS = (
    "some attribute by itself (largest of all)",
    "by the other read-out",
    "by the area under the curve",
    "zero in place of the mean",
    "resampled in place of the mean",
    "grows with the number of neurons",
    "without any selected neuron in the random masks",
    "above neurons of a shuffled attribute",
    "more than other capabilities",
    "hurts the emotions that the attribute marks",
    "without outlier units",
)
LINK_CONTROLS = (
    "given the layers",
    "given how well the neurons are tuned",
    "every attribute left out once",
    "by ranks",
    "not equivalent to none",
    "published tables",
)
CONTROLS = (*REPRESENTATION_CONTROLS, *DISTINCTNESS_CONTROLS, *NECESSITY_CONTROLS, *LINK_CONTROLS, HOLM)


def slug(name: str) -> str:
    """A name that is fit for a step."""
    return name.replace(" ", "-")

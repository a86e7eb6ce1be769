"""Names that the settings, the steps and the claims of the study share."""

from typing import Literal

from consona.concepts import guidance_controls as conditions

Brains = Literal["ds003076", "twin"]
Plant = Literal["answer", "states", "confound", "none"]

REASONER, MINILM = "reasoner", "minilm"
ALL, SYLLOGISM, TRANSITIVE = "all", "syllogism", "transitive"
TASKS = (SYLLOGISM, TRANSITIVE)
DR = "deductive reasoning"
REGIONS = (DR, "language", "multiple demand")
ATTENTION, BLOCK = "attn.out", "resid.post"
LEVEL = 0.05
TRUE, FALSE = " True", " False"

OWN, PERMUTED, GAUSSIAN = conditions.OWN, conditions.PERMUTED, conditions.GAUSSIAN
PRESSED, WITHIN = "answer pressed", "permuted within label"
OTHER, TIME = conditions.OTHERS, conditions.RESPONSE_TIME
LABEL, RANDOM = conditions.LABEL, conditions.RANDOM

LABEL_ONLY, BRAIN_ARM = "label", "brain and label"
PERMUTED_ARM, GAUSSIAN_ARM = "permuted brain and label", "Gaussian brain and label"
TIME_ARM, LABEL_ARM = "response time and label", "label as brain and label"
REGRESSION_ARM, MORE_ARM = "regression to guided states", "label and more problems"

HOLM = "Holm over the claims"
ALIGNMENT_CONTROLS = (
    "for syllogisms alone",
    "for transitive problems alone",
    "above an untrained twin of the model",
    "above the words of the problems",
    "above the trivial features themselves",
    "whole runs held out",
    "beyond products of the codes of trials",
    "no trivial feature reaches the ceiling",
)
GUIDANCE_CONTROLS = (
    "better than the model alone",
    "beyond random directions of equal length",
    "beyond the label of the training items",
    "beyond the brains of all others",
    "beyond response time as brain",
    "beyond a Gaussian brain",
    "beyond the answer that was pressed",
    "beyond brains permuted within the label",
    "in the settings of the own brain",
    "answers stay answers",
)
TRANSFER_CONTROLS = (
    "beyond random directions of equal length",
    "more mended than spoilt",
    "more premises",
    "the other kind of problem",
    "propositional and relational problems",
    "language stays as it was",
)
TUNING_CONTROLS = (
    "the brain moves answers",
    "beyond the label alone on every kind",
    "beyond response time as brain",
    "beyond the label as brain",
    "beyond a Gaussian brain",
    "as many trained numbers, steps and problems",
    "beyond more problems without a brain",
    "language stays as it was",
)
GAIN_CONTROLS = (
    "better than before tuning",
    "beyond the label alone",
    "in both kinds of problems",
)
CONTROLS = tuple(
    dict.fromkeys((*ALIGNMENT_CONTROLS, *GUIDANCE_CONTROLS, *TRANSFER_CONTROLS, *TUNING_CONTROLS, *GAIN_CONTROLS, HOLM))
)


def slug(name: str) -> str:
    """A name that is fit for a step."""
    return name.replace(" ", "-").replace(".", "-")

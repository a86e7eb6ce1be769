"""Names that the settings, the steps and the claims of the study share."""

from collections.abc import Iterable
from typing import Literal

Corpus = Literal["faced", "twin"]
Other = Literal["twin", "seed-v", "none"]
Network = Literal["linear", "mlp", "eegnet", "graph", "transformer", "recurrent"]
Regime = Literal["plain", "augmented", "stimuli"]

NETWORKS: tuple[Network, ...] = ("linear", "mlp", "eegnet", "graph", "transformer", "recurrent")
REGIMES: tuple[Regime, ...] = ("plain", "augmented", "stimuli")
PAPER = "paper"
STRONG = ("EEG-AUX MSE .5", "RSA 1", "EMODSTYLE class 1", "Soft targets .5")
LEVEL = 0.05

DECODING_CONTROLS = (
    "fitted again under every order",
    "new clips, the same people",
    "one clip per emotion",
    "new emotions, valence",
    "scaled by clips seen before",
    "each cohort alone",
    "above shrinkage LDA",
)
REDISCOVERY_CONTROLS = (
    "beyond the cells themselves",
    "with a sign",
    "within classes, best of all components",
    "architecture and regime taken out",
    "removal against equal variance",
    "removal against other orders of the axis",
)
FOLDS = "folds as units"
HARM_CONTROLS = (
    FOLDS,
    "random-target twins",
    "rank among exchanged orders",
    "no strategy helps (Holm)",
    "harm survives Holm",
    "equivalent to its twin",
    "strong base",
)
SATURATION_CONTROLS = (
    FOLDS,
    "gain at the weakest axis",
    "gain falls with strength",
    "random-target twins do not",
    "interval",
)
ENSEMBLE_CONTROLS = (
    FOLDS,
    "same size, one length",
    "same size, one seed",
    "chosen on validation",
    "members that carry the axis add more",
    "residual-diverse recipe",
    "second corpus",
)
HOLM = "Holm over the claims"
CONTROLS = (
    *DECODING_CONTROLS,
    *REDISCOVERY_CONTROLS,
    *HARM_CONTROLS,
    *SATURATION_CONTROLS,
    *ENSEMBLE_CONTROLS,
    HOLM,
)


def unknown_strategies(names: Iterable[str]) -> list[str]:
    """Those that neither the paper's table nor the further list knows."""
    from consona.training.strategies_table import ALSO
    from consona.training.strategies_table import PAPER as ROWS

    known = {PAPER, *(each.name for each in (*ROWS, *ALSO))}
    return [name for name in names if name not in known]

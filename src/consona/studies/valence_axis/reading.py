"""How the study reads texts with a model, and the axis that comes of it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from consona.concepts.axis import AxisRule
from consona.core.direction import Direction
from consona.core.features import Features
from consona.core.stimuli import Stimuli
from consona.studies.valence_axis.material import Material

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.lm.model import LanguageModel
    from consona.studies.valence_axis.study import ValenceAxis

RECIPES = {"A": ("stories", "last", -2), "B": ("stories", "mean", -1), "C": ("names", "last", -2)}


@dataclass(frozen=True)
class Reader:
    """One model and one way of reading it; every set of texts is captured once."""

    run: "Run"
    lm: "LanguageModel"
    pooling: str
    prefix: str = "features"

    def __call__(
        self, name: str, stimuli: Stimuli, *, pooling: str | None = None, template: str | None = None
    ) -> Features:
        """All layers of the residual stream after each block, pooled over tokens."""
        how = pooling or self.pooling
        options = {"layers": "all", "pooling": how, "template": template}
        features: Features = self.run.step(f"{self.prefix}-{name}-{how}", self.lm.capture, stimuli, **options)
        return features


@dataclass(frozen=True)
class Fitted:
    """The axis with everything it was made from, and the texts on which it is tried first."""

    study: "ValenceAxis"
    run: "Run"
    read: Reader
    material: Material
    texts: Features
    emotions: npt.NDArray[np.str_]
    layer: int
    axis: Direction
    primary: str
    labelled: dict[str, tuple[Features, Stimuli]]

    @property
    def rule(self) -> AxisRule:
        """How the axis comes from class means."""
        return self.study.rule

    @property
    def test(self) -> Features:
        """Features of the primary corpus."""
        return self.labelled[self.primary][0]

    @property
    def stimuli(self) -> Stimuli:
        """Texts and labels of the primary corpus."""
        return self.labelled[self.primary][1]


def way_of_reading(study: "ValenceAxis", lm: "LanguageModel") -> tuple[str, int]:
    """Pooling and layer of the settings; the last token of a model that reads both ways means nothing, so its mean."""
    _, pooling, layer = RECIPES[study.recipe]
    if study.pooling != "recipe":
        pooling = study.pooling
    elif not lm.causal:
        pooling = "mean"
    return pooling, layer if study.layer is None else study.layer


def fitted(study: "ValenceAxis", run: "Run", lm: "LanguageModel", material: Material) -> Fitted:
    """Read all texts that the settings name, and fit the axis."""
    pooling, layer = way_of_reading(study, lm)
    read = Reader(run, lm, pooling)
    run.evidence("CON002", where="axis", what="layer", n_candidates=lm.n_layers, chosen_on="before")
    source = material.names if RECIPES[study.recipe][0] == "names" else material.stories[study.seed_set]
    texts, emotions = read("axis-texts", source), source["emotion"]
    axis = run.step("axis", study.rule.fit, texts, emotions, layer=layer)
    labelled = {name: (read(name, stimuli), stimuli) for name, stimuli in material.labelled.items()}
    return Fitted(study, run, read, material, texts, emotions, layer, axis, next(iter(labelled)), labelled)

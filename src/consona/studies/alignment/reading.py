"""The features of the model and of its twin with random weights."""

from typing import TYPE_CHECKING

from consona.core.features import Features
from consona.core.stimuli import Stimuli

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.lm.model import LanguageModel
    from consona.studies.alignment.study import Alignment

MODEL, RANDOM = "model", "random weights"


def model_features(study: "Alignment", run: "Run", texts: Stimuli) -> dict[str, Features]:
    """Texts, or words in their context, read by the model and by its random twin."""
    from consona.lm.loading import load_language_model
    from consona.lm.random_weights import random_twin

    name = study.model or ""
    lm = load_language_model(name, revision=study.revision, dtype=study.dtype, device=run.execution.device)
    run.note_model(lm.describe())
    twin = random_twin(lm, seed=study.seed)
    return {MODEL: _read(study, run, lm, texts, "features"), RANDOM: _read(study, run, twin, texts, "features-random")}


def _read(study: "Alignment", run: "Run", lm: "LanguageModel", texts: Stimuli, step: str) -> Features:
    from consona.lm.contextual import contextual_features

    layers = tuple(study.layers) or "all"
    if study.words:
        how = {"context": study.context, "layers": layers, "pooling": study.pooling}
        found: Features = run.step(step, contextual_features, lm, texts, **how)
    else:
        found = run.step(step, lm.capture, texts, layers=layers, pooling=study.pooling)
    return found

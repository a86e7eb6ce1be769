"""How the study reads problems with models: states at the last token, answers, and what they are held against."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from consona.alignment.simple_features import bag_of_words
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.stimuli import Stimuli
from consona.studies.guided_reasoning.material import Material
from consona.studies.guided_reasoning.names import ATTENTION, BLOCK, MINILM, REASONER, slug

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.lm.model import LanguageModel
    from consona.studies.guided_reasoning.study import GuidedReasoning

TWIN, WORDS = "untrained twin", "words of the problems"
UNITS = "reasoning units"


@dataclass(frozen=True)
class Read:
    """The model, its margins and its states.

    ``features`` by name: the model, its twin, its units, other models and the words, each with all layers that are
    compared; ``answers`` of the model per test set. ``pupil`` is the model that is steered and tuned, with ``states``
    at the output of attention, its ``bias`` in nats and its ``margins``.
    """

    lm: "LanguageModel"
    features: dict[str, Features]
    answers: xr.Dataset
    baselines: xr.Dataset
    pupil: "LanguageModel"
    states: Features
    bias: float
    margins: xr.DataArray


def read(study: "GuidedReasoning", run: "Run", material: Material) -> Read:
    """Load the model, read states and answers.

    Raises
    ------
    InvalidInput
        When the model is not causal, so that it cannot answer.
    """
    from consona.lm.loading import load_language_model
    from consona.studies.guided_reasoning.answering import baselines, bias_of, graded, margins_of

    lm = load_language_model(
        study.model,
        revision=study.revision,
        dtype=study.dtype,
        device=run.execution.device,
        chat_template=study.chat_template,
    )
    if not lm.causal:
        raise InvalidInput(f"{lm!r} reads both ways and answers nothing. Take a causal model; others under 'compared'.")
    run.note_model(lm.describe())
    attention = run.step("states-attention", lm.capture, material.asked, site=ATTENTION, pooling="last")
    own_bias = run.step("bias", bias_of, lm, material.validation)
    answers = run.step("answers", graded, lm, material.tests, own_bias, seed=study.seed)
    simple = run.step("baselines", baselines, study.counts.n_test, seed=study.seed)
    features = _features(study, run, material, lm, attention)
    pupil = pupil_of(study, run, material, lm)
    states = run.step("states-pupil", pupil.capture, material.asked, site=ATTENTION, pooling="last")
    bias = run.step("bias-pupil", bias_of, pupil, material.validation)
    margins = run.step("margins", margins_of, pupil, material.asked, bias)
    return Read(lm, features, answers, simple, pupil, states, bias, margins)


def pupil_of(study: "GuidedReasoning", run: "Run", material: Material, lm: "LanguageModel") -> "LanguageModel":
    """The model that is steered and tuned: the model itself, or a disturbed copy where it makes too few errors."""
    from consona.lm.disturbance import disturbed
    from consona.studies.guided_reasoning.answering import disturbance_for

    size, seed = run.step("disturbance", disturbance_for, lm, material.validation, study.errors)
    if not size:
        return lm
    run.note(
        f"The model is right on nearly all validation problems, so that nothing could be mended. A copy is steered and "
        f"tuned whose weights are disturbed by {size:g} of their spread (seed {seed}), chosen on validation problems."
    )
    return disturbed(lm, float(size), seed=int(seed))


def _features(
    study: "GuidedReasoning", run: "Run", material: Material, lm: "LanguageModel", states: Features
) -> dict[str, Features]:
    """Everything whose predictivity is compared; sites of one model are layers beside each other, attention first."""
    from consona.lm.loading import load_language_model
    from consona.lm.random_weights import random_twin

    block = run.step("states-blocks", lm.capture, material.asked, site=BLOCK, pooling="last")
    found = {study.model: both_sites(states, block)}
    twin = random_twin(lm, seed=study.seed)
    sites = {
        each: run.step(f"states-twin-{slug(each)}", twin.capture, material.asked, site=each, pooling="last")
        for each in (ATTENTION, BLOCK)
    }
    found[TWIN] = both_sites(sites[ATTENTION], sites[BLOCK])
    found[UNITS] = _units(study, run, material, lm, block)
    for name in study.compared:
        other = load_language_model(name, device=run.execution.device)
        run.note_model(other.describe())
        pooling = "last" if other.causal else "mean"
        texts = material.problems
        parts = [
            run.step(f"states-{slug(name)}-{slug(each)}", other.capture, texts, site=each, pooling=pooling)
            for each in (ATTENTION, BLOCK)
        ]
        found["MiniLM" if name == MINILM else name] = both_sites(*parts)
    words = bag_of_words(material.asked if study.model == REASONER else material.problems)
    return {**found, WORDS: words}


def both_sites(attention: Features, block: Features) -> Features:
    """Outputs of attention and states of blocks as layers beside each other: ``2 * n_layers``, attention first."""
    values = np.concatenate([attention.data.values, block.data.values], axis=1)
    return Features.of(values, attention.ids, {**block.attrs, "site": f"{ATTENTION}, then {BLOCK}"})


def _units(study: "GuidedReasoning", run: "Run", material: Material, lm: "LanguageModel", block: Features) -> Features:
    """As many units as a layer has that answer more to questions than to premises alone, found on other problems."""
    from consona.alignment.localised_units import localised_units

    asked = run.step("states-validation", lm.capture, material.validation, site=BLOCK, pooling="last")
    told = material.validation.with_columns(text=premises_alone(material.validation))
    control = run.step("states-premises", lm.capture, told, site=BLOCK, pooling="last")
    return localised_units(asked, control, n=lm.n_features).features(block)


def premises_alone(problems: Stimuli) -> np.ndarray:
    """Texts with nothing to conclude: what is read, and not asked."""
    return np.array([" ".join(f"{each}." for each in p) for p in problems.table["premises"]], dtype=object)

"""Files for other programs: directions, adapters, and a card that says what is claimed of them."""

from typing import TYPE_CHECKING

import numpy as np

from consona.core.claim import Claim
from consona.studies.guided_reasoning.names import BRAIN_ARM, OWN
from consona.studies.guided_reasoning.steering import guide_of
from consona.studies.guided_reasoning.targets import aimed
from consona.studies.guided_reasoning.tuning import counted, recipe_of

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.guided_reasoning.parts import Parts
    from consona.studies.guided_reasoning.study import GuidedReasoning


def export(study: "GuidedReasoning", run: "Run", parts: "Parts", claims: list[Claim]) -> None:
    """``exports/``: ``directions-KIND.safetensors``, ``adapter/`` of the first seed, and ``README.md``."""
    from consona.training.guided_tuning import tune
    from consona.training.tuned_export import save_adapter, save_card, save_directions

    known, steered, folder = parts.read, parts.steered, run.folder / "exports"
    if steered is None:
        return
    files, facts = {}, {"model": known.pupil.source.name, "weights": known.pupil.source.weights}
    own = steered.directions.sel(condition=OWN, drop=True)
    for kind in own["kind"].values:
        vectors = own.sel(kind=kind, drop=True)
        if np.abs(vectors.values).max() > 0:
            name = f"directions-{kind}.safetensors"
            about = {**facts, "made": "mean shift of successes of guidance as released, by the own brain"}
            files[name] = save_directions(folder / name, vectors, family=known.pupil.family.name, facts=about)
    if parts.arms is not None:
        brain, asked = guide_of(steered.guides, OWN), parts.material.asked
        counts, plain = counted(parts.material, known), recipe_of(study, known.bias)
        aim, recipe = aimed(plain, BRAIN_ARM, known.states, asked, brain, counts)
        made = tune(known.pupil, asked, parts.material.validation, recipe=recipe, brain=aim, seed=0)
        files["adapter/adapter_model.safetensors"] = save_adapter(folder / "adapter", made)
        facts |= {key: str(value) for key, value in made.facts.items()}
    lines = [f"{claim.statement} Effect {claim.effect:.3g} {claim.unit}; p = {claim.p}." for claim in claims]
    save_card(folder, "Guided reasoning: directions and adapter", facts=facts, claims=lines, files=files)

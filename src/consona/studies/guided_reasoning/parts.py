"""The order of the work, and what the checks are told."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import xarray as xr

from consona.core.claim import Claim
from consona.studies.guided_reasoning.material import Material, load_material
from consona.studies.guided_reasoning.predictivity import Predicted, predict
from consona.studies.guided_reasoning.reading import Read, read
from consona.studies.guided_reasoning.steering import Steered, steer
from consona.studies.guided_reasoning.tuning import Arms, tune_arms
from consona.studies.guided_reasoning.tuning_gain import gains
from consona.studies.guided_reasoning.twin import Twins, twins, with_people

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.guided_reasoning.study import GuidedReasoning


@dataclass(frozen=True)
class Parts:
    """Everything that the claims and the figures are made from; None where the settings leave it out."""

    material: Material
    read: Read
    predicted: Predicted
    steered: Steered | None
    arms: Arms | None
    gain: xr.DataArray | None
    twins: Twins | None


def all_parts(study: "GuidedReasoning", run: "Run") -> list[Claim]:
    """Predictivity, steering, tuning, twins; then claims, figures and checks."""
    from consona.studies.guided_reasoning.claims import all_claims
    from consona.studies.guided_reasoning.evidence import evidence
    from consona.studies.guided_reasoning.exports import export
    from consona.studies.guided_reasoning.figures import draw

    material = load_material(study, run)
    known = read(study, run, material)
    if study.brains == "twin":
        material = with_people(study, run, material, known)
    predicted = predict(study, run, material, known)
    steered = steer(study, run, material, known) if study.steering or study.tuning else None
    arms = gain = None
    if study.tuning and steered is not None:
        arms = tune_arms(study, run, material, known, steered)
        gain = gains(study, run, material, known, steered)
    made_up = twins(study, run, material, known) if study.twins else None
    parts = Parts(material, known, predicted, steered, arms, gain, made_up)
    claims = all_claims(study, parts)
    draw(run, parts)
    evidence(run, parts, claims)
    export(study, run, parts, claims)
    return claims

"""Geometry: dissimilarities of the model beside those of every subject, and the controls in the same comparison."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from consona.alignment.rdms import brain_rdm, layer_rdms, model_rdm
from consona.alignment.rsa import rsa_score
from consona.alignment.rsa_models import rsa_differences
from consona.core.errors import InvalidInput
from consona.core.rdm import RDM
from consona.core.score import Score
from consona.studies.alignment.reading import MODEL

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.alignment.material import Material
    from consona.studies.alignment.study import Alignment

MOST_STIMULI = 3000
FEWEST_STIMULI = 5


@dataclass(frozen=True)
class Geometry:
    """RSA of one fixed layer and of every control (``score``), their differences, and every layer beside them.

    ``without`` gives for every set of features without dissimilarities the reason.
    """

    score: Score
    differences: xr.Dataset | None
    layers: Score
    models: dict[str, RDM]
    brains: list[RDM]
    without: dict[str, str]


def geometry_part(study: "Alignment", run: "Run", material: "Material") -> Geometry | None:
    """RSA, or a note why there is none."""
    reason = _reason(study, material)
    if reason:
        run.note(f"No RSA: {reason}.")
        return None
    metric, split = study.dissimilarity, next(iter(material.splits.values()))
    material.features[MODEL].layer_number(study.layer)
    brains = [
        run.step(f"rdm-{name}", brain_rdm, each.select(split.ids), metric=metric)
        for name, each in material.recordings.items()
    ]
    models: dict[str, RDM] = {}
    without: dict[str, str] = {}
    for name, features in material.features.items():
        try:
            number = study.layer if len(features.layers) > 1 else -1
            models[name] = model_rdm(features.select(split.ids), layer=number, metric=metric)
        except InvalidInput as error:
            if name == MODEL:
                run.note(f"No RSA: {error}")
                return None
            without[name] = str(error)
    groups = None if study.group is None else dict(zip(split.ids.tolist(), split.labels.tolist(), strict=True))
    how = {"comparison": study.comparison, "groups": groups, "n_permutations": study.n_permutations_rsa}
    score = run.step("rsa", rsa_score, models, brains, seed=study.seed, **how)
    differences = None
    if len(models) > 1:
        differences = run.step(
            "rsa-differences", rsa_differences, models, brains, comparison=study.comparison, groups=groups
        )
    every = layer_rdms(material.features[MODEL].select(split.ids), metric=metric)
    layers = run.step("rsa-layers", rsa_score, every, brains, seed=study.seed, **{**how, "n_permutations": 0})
    run.evidence("CON002", where="rsa", what="layer", n_candidates=len(every), chosen_on="before")
    return Geometry(score, differences, layers, models, brains, without)


def null_of_effect(geometry: Geometry) -> np.ndarray:
    """Null of the mean over subjects for the model, ``(n_permutations,)``."""
    assert geometry.score.null is not None
    return np.asarray(geometry.score.null.sel(attribute=MODEL).mean("subject").values)


def fact(score: Score, name: str, *, of: str = MODEL) -> float:
    """What a score of RSA states for each of its attributes, for one of them; NaN where it is undefined."""
    value = score.attrs[name][score.data["attribute"].values.tolist().index(of)]
    return float("nan") if value is None else float(value)


def _reason(study: "Alignment", material: "Material") -> str:
    ids = [split.ids.tolist() for split in material.splits.values()]
    if study.hold_out != "stimuli":
        return (
            "rows are volumes or repeated conditions, not stimuli"
            if study.hold_out == "time"
            else "rows repeat conditions"
        )
    if any(each != ids[0] for each in ids):
        return "subjects saw different stimuli"
    if not FEWEST_STIMULI <= len(ids[0]) <= MOST_STIMULI:
        return f"there are {len(ids[0])} stimuli; dissimilarities are compared for {FEWEST_STIMULI} to {MOST_STIMULI}"
    return ""

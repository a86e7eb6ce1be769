"""92 photographs: human IT against captions, what is less than captions, and networks trained on rendered scenes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from consona.alignment.rdms import model_rdm
from consona.alignment.rsa import rsa_score
from consona.alignment.rsa_models import rsa_contrasts
from consona.core.claim import Claim
from consona.core.rdm import RDM
from consona.core.score import Score
from consona.core.stimuli import Stimuli
from consona.datasets.nsd_images import reduced_images
from consona.datasets.rsa92 import load_rsa92, load_rsa92_captions, load_rsa92_images, load_rsa92_models
from consona.stats.rdm_comparison import Comparison
from consona.studies.scene_captions.material import SIDE
from consona.studies.scene_captions.names import (
    ARCHITECTURES,
    BELOW,
    CAPTION,
    CATEGORY,
    EMBEDDING,
    FEEDFORWARD,
    NAMED,
    RUNGS,
    UNTRAINED,
    network_name,
)
from consona.studies.scene_captions.networks import Networks, networks
from consona.studies.scene_captions.reading import climbed, load_reader
from consona.studies.scene_captions.rsa import as_compared

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.scene_captions.study import SceneCaptions

PUBLISHED = ("V1", "HMAX", "Silhouette", "animacy")
N_DRAWS = 1000


@dataclass(frozen=True)
class Images92:
    """RSA of all models with human IT of four people; ``contrasts`` with intervals over images."""

    score: Score
    contrasts: xr.Dataset
    rungs: tuple[str, ...]
    networks: Networks | None


def images92(study: "SceneCaptions", run: "Run") -> list[Claim]:
    """Captions, their rungs, published models and networks; then claims."""
    from consona.studies.scene_captions.claims_images92 import draw, small_claims
    from consona.studies.scene_captions.evidence import of_claims

    data = load_rsa92()
    run.note_dataset(data)
    lm = load_reader(study, run)
    told = captioned(data.stimuli)
    rungs = climbed(study, run, lm, told, "images92")
    made = networks(study, run, lm, small_photographs(data.stimuli)) if study.networks else None
    rungs = as_compared(rungs, study.mode)
    models = {name: run.step(f"rdm-{k}", model_rdm, each) for k, (name, each) in enumerate(rungs.items())}
    published = load_rsa92_models()
    models |= {name: published[name] for name in PUBLISHED}
    if made is not None:
        models |= {name: model_rdm(each) for name, each in as_compared(made.seen, study.mode).items()}
    found = compared(study, run, models, data.rdms, made)
    claims = small_claims(study, found)
    draw(run, found)
    of_claims(run, claims)
    return claims


def captioned(stimuli: Stimuli) -> Stimuli:
    """One caption per photograph, and its category from the paper."""
    captions = load_rsa92_captions().select(stimuli.ids)
    names = [(str(each),) for each in stimuli["category"]]
    table = captions.table.assign(categories=names, text=[(str(each),) for each in captions.table["text"]])
    return Stimuli(table)


def small_photographs(stimuli: Stimuli) -> xr.DataArray:
    """The photographs at the size that the networks were trained on."""
    pixels = load_rsa92_images()
    coords = {"stimulus": stimuli.ids, "colour": ["red", "green", "blue"]}
    return reduced_images(xr.DataArray(pixels, coords, ("stimulus", "y", "x", "colour")), SIDE)


def comparison_of(study: "SceneCaptions") -> Comparison:
    """Pearson as published; where good practice decides, rho-a, which gains nothing by predicting ties."""
    return "rho-a" if study.mode == "corrected" else "pearson"


def compared(
    study: "SceneCaptions", run: "Run", models: dict[str, RDM], brains: tuple[RDM, ...], made: Networks | None
) -> Images92:
    """Every model with every person, and the contrasts of the claims."""
    how = comparison_of(study)
    score = run.step(
        "rsa",
        rsa_score,
        models,
        list(brains),
        comparison=how,
        n_permutations=10 * study.counts.n_permutations,
        n_draws=N_DRAWS,
    )
    rungs = tuple(name for name in RUNGS if name in models)
    less = [name for name in (*BELOW, *PUBLISHED) if name in models]
    weights = {name: {CAPTION: 1.0, name: -1.0} for name in less}
    if made is not None:
        weights |= network_weights(study)
    contrasts = run.step("contrasts", rsa_contrasts, models, list(brains), weights, comparison=how, n_draws=N_DRAWS)
    return Images92(score, contrasts, rungs, made)


def network_weights(study: "SceneCaptions") -> dict[str, dict[str, float]]:
    """Means over seeds: captions less categories, less random weights, and less the captions themselves."""
    n = study.counts.n_seeds

    def mean(architecture: str, objective: str, sign: float) -> dict[str, float]:
        return {network_name(architecture, objective, seed): sign / n for seed in range(n)}

    made = {f"networks, {a}": mean(a, EMBEDDING, 1.0) | mean(a, CATEGORY, -1.0) for a in ARCHITECTURES}
    made |= {f"untrained, {a}": mean(a, EMBEDDING, 1.0) | mean(a, UNTRAINED, -1.0) for a in ARCHITECTURES}
    made |= {f"own target, {a}": mean(a, EMBEDDING, 1.0) | {CAPTION: -1.0} for a in ARCHITECTURES}
    made["named"] = mean(FEEDFORWARD, EMBEDDING, 1.0) | mean(FEEDFORWARD, NAMED, -1.0)
    both: dict[str, float] = {}
    for a in ARCHITECTURES:
        both |= {name: value / len(ARCHITECTURES) for name, value in made[f"networks, {a}"].items()}
    return {"networks": both, **made}


def of(found: Images92, name: str) -> tuple[float, float, float, float]:
    """Difference, low, high and two-sided p of a contrast."""
    one = found.contrasts.sel(contrast=name)
    difference, low, high, p = (float(one[key]) for key in ("difference", "low", "high", "p"))
    return difference, low, high, p


def effect(found: Images92, name: str) -> tuple[float, float, float, float]:
    """Mean over people, low, high and p (images exchanged) of one model."""
    facts = found.score.attrs
    at = [str(each) for each in np.asarray(found.score.data["attribute"].values)].index(name)
    value, low, high, p = (float(facts[key][at]) for key in ("effect", "low", "high", "p"))
    return value, low, high, p

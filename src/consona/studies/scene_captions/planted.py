"""Small made-up people for whom it is known what cortex holds: does the comparison of networks find it, and only it?"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from consona.alignment.sampled_rsa import sampled_rsa
from consona.alignment.sampled_sets import sampled_sets
from consona.alignment.vertex_encoding import vertex_encoding
from consona.core.features import Features
from consona.core.recording import Recording
from consona.core.stimuli import Stimuli
from consona.datasets.planted_responses import planted_responses
from consona.datasets.twin_regions import surface_positions, twin_regions
from consona.stats.seeds import rng_for
from consona.studies.scene_captions.names import HIGHER, Plant, slug
from consona.studies.scene_captions.planting import signals_of
from consona.studies.scene_captions.rsa import as_compared

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.scene_captions.networks import Networks
    from consona.studies.scene_captions.study import SceneCaptions

PLANTS: tuple[Plant, ...] = ("captions", "relations", "categories", "places and colours", "other")
N_VERTICES, N_REPETITIONS, N_IMAGES = 642, 3, 600
TRAIN_SHARE = 0.8


@dataclass(frozen=True)
class PlantedPeople:
    """Scores ``(plant, subject, region, model)`` of trained networks, their targets and their random twins.

    ``r``: RSA; ``encoding``: mean held-out r of the targets of a region.
    """

    r: xr.DataArray
    encoding: xr.DataArray


def planted_people(study: "SceneCaptions", run: "Run", made: "Networks") -> PlantedPeople:
    """Eight people per plant see scenes that no network was trained on."""
    n = min(N_IMAGES, len(made.fresh))
    ids = made.fresh.ids[:n]
    models = as_compared(
        {k: each.select(ids) for k, each in (made.fresh_seen | made.fresh_targets).items()}, study.mode
    )
    given: dict[str, dict[str, object]] = {
        slug(plant): {"plant": plant, "stimuli": made.fresh.select(ids), "images": made.views.sel(stimulus=ids)}
        for plant in PLANTS
    }
    common = {"models": models, "n_set": study.counts.n_set, "seed": study.seed}
    found = run.each("planted", planted_scores, given, n_subjects=study.counts.n_subjects, **common)
    both = xr.concat(list(found.values()), xr.IndexVariable("plant", list(PLANTS)))
    return PlantedPeople(both["r"], both["encoding"])


def planted_scores(
    plant: str,
    stimuli: Stimuli,
    images: xr.DataArray,
    models: dict[str, Features],
    *,
    n_subjects: int,
    n_set: int,
    seed: int,
) -> xr.Dataset:
    """RSA and encoding of every model, of people who hold the plant in ventral, lateral and parietal cortex."""
    signals = signals_of(plant, stimuli, images, models["embedding"], seed=seed)
    where, side = surface_positions(N_VERTICES)
    regions = twin_regions(where, side)
    kept = np.isin(regions, HIGHER)
    sets = sampled_sets(stimuli.ids, n=n_set, seed=seed)
    n_train = round(TRAIN_SHARE * len(stimuli))
    division = {"train": stimuli.ids[:n_train].tolist(), "test": stimuli.ids[n_train:].tolist()}
    found = []
    for number in range(n_subjects):
        name = f"{plant} {number + 1}"
        made = planted_responses(signals, regions, where, subject=name, seed=seed)
        signal = made(np.arange(len(stimuli)), np.flatnonzero(kept))
        noise = rng_for(seed, "noise", name).standard_normal(signal.shape, dtype=np.float32)
        values = signal + noise / np.float32(np.sqrt(N_REPETITIONS))
        recording = Recording.of(values, stimuli.ids, name, targets={"roi": regions[kept]})
        r = sampled_rsa(recording, models, sets)["mean"].reset_coords(drop=True)
        coded = [vertex_encoding(recording, each, **division)["r"].groupby("roi").mean() for each in models.values()]
        encoding = xr.concat(coded, xr.IndexVariable("model", list(models))).rename(roi="region")
        found.append(xr.Dataset({"r": r, "encoding": encoding}))
    return xr.concat(found, xr.IndexVariable("subject", np.arange(n_subjects)))

"""What trained networks have of the brain besides geometry: encoding from their last layer, and layers over time."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from consona.core.features import Features
from consona.studies.scene_captions.encoding import by_region
from consona.studies.scene_captions.material import Material
from consona.studies.scene_captions.names import (
    ARCHITECTURES,
    FEEDFORWARD,
    NAMED,
    OBJECTIVES,
    UNTRAINED,
    network_name,
    slug,
)
from consona.studies.scene_captions.networks import Networks
from consona.studies.scene_captions.rsa import as_compared, region_rsa, sets_of

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.scene_captions.study import SceneCaptions


@dataclass(frozen=True)
class Seen:
    """``encoding``: mean r ``(subject, region, model)``; ``layers``: RSA ``(subject, region, model)`` by network."""

    encoding: xr.DataArray
    layers: dict[str, xr.DataArray]


def network_brains(study: "SceneCaptions", run: "Run", material: Material, made: Networks) -> Seen:
    """Encoding of every trained network and its random twin; layers and times of the first seed."""
    names = [
        network_name(a, o, s)
        for a in ARCHITECTURES
        for o in (*OBJECTIVES, UNTRAINED)
        for s in range(study.counts.n_seeds)
    ]
    names += [network_name(FEEDFORWARD, NAMED, s) for s in range(study.counts.n_seeds)]
    encoded = [by_region(study, run, material, made.seen[name], slug(name), study.mode) for name in names]
    layers = {name: _layers(study, run, material, each, slug(name)) for name, each in made.layers.items()}
    return Seen(xr.concat(encoded, xr.IndexVariable("model", names)), layers)


def _layers(study: "SceneCaptions", run: "Run", material: Material, features: Features, name: str) -> xr.DataArray:
    """RSA of every layer at every time."""
    (features,) = as_compared({name: features}, study.mode).values()
    sets = {who: sets_of(material, who, study, study.seed) for who in material.files}
    given = {
        who: {"file": file, "models": {name: features.select(np.unique(sets[who].values))}, "sets": sets[who]}
        for who, file in material.regional.items()
    }
    found = run.each(f"layers-{name}-rsa", region_rsa, given, n_permutations=0, seed=study.seed)
    each = [one["mean"].reset_coords(drop=True) for one in found.values()]
    r = xr.concat(each, xr.IndexVariable("subject", list(found)))
    places = {key: ("model", features.data[key].values) for key in ("network_layer", "time")}
    return r.assign_coords(places)

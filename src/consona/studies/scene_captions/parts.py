"""The order of the work."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import xarray as xr

from consona.core.claim import Claim
from consona.studies.scene_captions.encoding import Encoded, encode
from consona.studies.scene_captions.material import Material, load_material
from consona.studies.scene_captions.network_brains import Seen, network_brains
from consona.studies.scene_captions.networks import Networks, networks
from consona.studies.scene_captions.planted import PlantedPeople, planted_people
from consona.studies.scene_captions.reading import Texts, load_reader, read
from consona.studies.scene_captions.readout import ReadOut, read_out
from consona.studies.scene_captions.rsa import Geometry, geometry
from consona.studies.scene_captions.searchlight import search
from consona.studies.scene_captions.selectivity import Selective, select

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.scene_captions.study import SceneCaptions


@dataclass(frozen=True)
class Parts:
    """Everything that the claims and the figures are made from; None where the settings or the data leave it out."""

    material: Material
    texts: Texts
    networks: Networks | None
    geometry: Geometry
    encoded: Encoded
    selective: Selective | None
    read_out: ReadOut
    seen: Seen | None
    planted: PlantedPeople | None
    light: dict[str, xr.Dataset] | None


def all_parts(study: "SceneCaptions", run: "Run") -> list[Claim]:
    """Texts, brains, read-out, networks; then claims, figures and checks."""
    if study.brain == "images92":
        from consona.studies.scene_captions.images92 import images92

        return images92(study, run)
    if study.brain == "objects81":
        from consona.studies.scene_captions.objects81 import objects81

        return objects81(study, run)
    return _whole(study, run)


def _whole(study: "SceneCaptions", run: "Run") -> list[Claim]:
    from consona.studies.scene_captions.claims import all_claims
    from consona.studies.scene_captions.evidence import evidence
    from consona.studies.scene_captions.figures import draw

    lm = load_reader(study, run)
    material = load_material(study, run, lm)
    texts = read(study, run, lm, material.stimuli, material.known)
    made = networks(study, run, lm, material.images) if study.networks and material.images is not None else None
    models = texts.rungs | texts.others | (made.seen if made is not None else {})
    found = geometry(study, run, material, models, "all")
    parts = Parts(
        material,
        texts,
        made,
        found,
        encode(study, run, material, texts),
        select(study, run, material, texts),
        read_out(study, run, material, texts),
        network_brains(study, run, material, made) if made is not None else None,
        planted_people(study, run, made) if made is not None else None,
        search(study, run, material, texts) if study.counts.searchlight else None,
    )
    claims = all_claims(study, parts)
    draw(study, run, parts)
    evidence(study, run, parts, claims)
    return claims

"""The searchlight: where on the surface captions, and more than categories, arrange scenes as the brain does."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.alignment.sampled_searchlight import averaged_maps, group_map, sampled_searchlight
from consona.brain.meshes import fsaverage5_mesh
from consona.brain.searchlight import surface_neighbourhoods
from consona.core.features import Features
from consona.datasets.response_files import ResponseFile
from consona.stats.searchlight import Neighbourhoods
from consona.studies.scene_captions.material import Material
from consona.studies.scene_captions.names import CAPTION, CATEGORIES, NOUNS
from consona.studies.scene_captions.rsa import as_compared, sets_of

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.scene_captions.reading import Texts
    from consona.studies.scene_captions.study import SceneCaptions

N_FSAVERAGE5 = 10242
SURFACES = (10242, 2562, 642, 162)
SETS_AT_ONCE = 4
SEARCHED = (CAPTION, NOUNS, CATEGORIES)


def search(study: "SceneCaptions", run: "Run", material: Material, texts: "Texts") -> dict[str, xr.Dataset] | None:
    """Maps of the group by name; None where the responses are not on a surface with the vertices of fsaverage5."""
    files = material.files
    if len(files) < 2 or not all(_on_surface(each) for each in files.values()):
        return None
    rungs = as_compared({name: texts.rungs[name] for name in SEARCHED if name in texts.rungs}, study.mode)
    given = {}
    for who, file in files.items():
        sets = sets_of(material, who, study, study.seed)
        ids = np.unique(sets.values)
        given[who] = {"file": file, "models": {key: each.select(ids) for key, each in rungs.items()}, "sets": sets}
    found = run.each("searchlight", subject_searchlight, given, radius_mm=study.radius_mm)
    maps = xr.concat([each["r"] for each in found.values()], xr.IndexVariable("subject", list(found)))
    made = {name: maps.sel(model=name, drop=True) for name in rungs}
    if CATEGORIES in rungs:
        made[f"{CAPTION} - {CATEGORIES}"] = made[CAPTION] - made[CATEGORIES]
    return {name: run.step(f"searchlight-group-{k}", group_map, each) for k, (name, each) in enumerate(made.items())}


def subject_searchlight(
    file: ResponseFile, models: dict[str, Features], sets: xr.DataArray, *, radius_mm: float
) -> xr.Dataset:
    """RSA around every vertex of fsaverage5, a few sets of images at a time."""
    targets = surface_targets(file)
    around = patches(radius_mm)
    parts = []
    for start in range(0, sets.sizes["set"], SETS_AT_ONCE):
        some = sets.isel(set=slice(start, start + SETS_AT_ONCE))
        recording = file.recording(np.unique(some.values).tolist(), targets)
        parts.append(sampled_searchlight(recording, models, some, neighbourhoods=around))
    return averaged_maps(parts)


def surface_targets(file: ResponseFile) -> npt.NDArray[np.intp] | None:
    """Places of the vertices of fsaverage5 (or of a coarser surface), left then right; None where there is no surface.

    The first 10,242 vertices of a hemisphere of fsaverage are those of fsaverage5, and so on for coarser ones.
    """
    labels = file.labels()
    if "vertex" not in labels or "hemisphere" not in labels:
        return None
    vertex, side = np.asarray(labels["vertex"]), np.asarray(labels["hemisphere"]).astype(str)
    left = np.char.startswith(side, "l")
    both = [np.flatnonzero(here & (vertex < N_FSAVERAGE5)) for here in (left, ~left)]
    whole = all(np.array_equal(vertex[each], np.arange(len(each))) and len(each) in SURFACES for each in both)
    return np.concatenate(both) if whole else None


def patches(radius_mm: float) -> Neighbourhoods:
    """Vertices within a radius along the folded surface, hemisphere by hemisphere."""
    both = []
    for side in ("left", "right"):
        positions, triangles = fsaverage5_mesh("pial", side)
        both.append(surface_neighbourhoods(positions, triangles, radius_mm=radius_mm))
    left, right = both
    indptr = np.concatenate([left.indptr, left.indptr[-1] + right.indptr[1:]])
    return Neighbourhoods(indptr, np.concatenate([left.indices, right.indices + len(left.indptr) - 1]))


def _on_surface(file: ResponseFile) -> bool:
    targets = surface_targets(file)
    return targets is not None and len(targets) == 2 * N_FSAVERAGE5

"""Geometry: sets of images shared by all models, ceilings, tests of pairs, and the searchlight."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.alignment.rsa_ceilings import beside_ceiling, leave_one_out_rdm_ceiling, matched_rsa
from consona.alignment.sampled_rsa import compare_models, sampled_rsa
from consona.alignment.sampled_sets import sampled_sets
from consona.core.features import Features
from consona.core.recording import Recording
from consona.datasets.response_files import ResponseFile
from consona.studies.scene_captions.material import Material
from consona.studies.scene_captions.names import MODES, Mode

if TYPE_CHECKING:
    from consona.engine.run import Run
    from consona.studies.scene_captions.study import SceneCaptions

OTHER_SETS = 1
"""Added to the seed for the second draw of sets."""


@dataclass(frozen=True)
class Geometry:
    """RSA of every model with every subject.

    ``r (subject, region, model)`` is the mean over sets, ``null (subject, permutation, region, model)`` with stimuli
    exchanged within sets, ``again`` the same ``r`` from other sets; ``spread`` over sets. ``ceiling`` of the shared
    images and ``matched`` scores on them (None with fewer than two people), ``pairs`` by mode (None likewise).
    """

    r: xr.DataArray
    null: xr.DataArray
    again: xr.DataArray
    spread: xr.DataArray
    n_sets: dict[str, int]
    beside: xr.Dataset | None
    matched: xr.Dataset | None
    pairs: dict[str, xr.Dataset] | None


def geometry(
    study: "SceneCaptions", run: "Run", material: Material, models: Mapping[str, Features], name: str
) -> Geometry:
    """All models on the same sets; brains' dissimilarities are made once per set."""
    models = as_compared(models, study.mode)
    sets = {who: sets_of(material, who, study, study.seed) for who in material.files}
    more = {who: sets_of(material, who, study, study.seed + OTHER_SETS) for who in material.files}
    n = study.counts.n_permutations
    first = run.each(f"{name}-rsa", region_rsa, _given(material, models, sets), n_permutations=n, seed=study.seed)
    other = run.each(f"{name}-rsa-again", region_rsa, _given(material, models, more), n_permutations=0, seed=study.seed)
    r, again = _stacked(first, "mean"), _stacked(other, "mean")
    spread = _stacked(first, "sd")
    null = _stacked(first, "null")
    beside = matched = None
    pairs: dict[str, xr.Dataset] | None = None
    if len(material.files) > 1 and material.shared:
        shared = shared_recordings(material)
        ceiling = run.step(f"{name}-ceiling", leave_one_out_rdm_ceiling, shared, material.shared)
        beside = beside_ceiling(r, ceiling["ceiling"], images="own images; ceiling on the shared ones")
        sets_shared = sampled_sets(material.shared, n=min(study.counts.n_set, len(material.shared)), seed=study.seed)
        chosen = {key: each.select(material.shared) for key, each in models.items()}
        matched = run.step(f"{name}-matched", matched_rsa, shared, chosen, sets_shared)
    if len(material.files) > 1 and r.sizes["model"] > 1:
        pairs = {mode: run.step(f"{name}-pairs-{mode}", compare_models, r, mode=mode) for mode in MODES}
    return Geometry(
        r, null, again, spread, {who: each.sizes["set"] for who, each in sets.items()}, beside, matched, pairs
    )


def as_compared(models: Mapping[str, Features], mode: Mode) -> dict[str, Features]:
    """Features as they enter dissimilarities: without their mean over images, unless as published.

    Responses are z-scored, so their patterns have no common part. Embeddings have one, the larger the less of a
    sentence is left (of single words .98 of the length, of captions .54): with it, a correlation distance says how
    large that part is, and words lose to sentences even in a brain that holds words.
    """
    if mode != "corrected":
        return dict(models)
    return {name: Features(each.data - each.data.mean("stimulus")) for name, each in models.items()}


def region_rsa(
    file: ResponseFile, models: dict[str, Features], sets: xr.DataArray, *, n_permutations: int, seed: int
) -> xr.Dataset:
    """RSA of one subject in all regions that the labels name, without the single sets."""
    recording = in_regions(file, np.asarray(sets.values).ravel().tolist())
    found = sampled_rsa(recording, models, sets, n_permutations=n_permutations, seed=seed)
    return found.drop_dims("set")


def in_regions(file: ResponseFile, stimuli: list[str]) -> Recording:
    """Responses of the targets that lie in some region."""
    return file.recording(stimuli, region_targets(file))


def region_targets(file: ResponseFile) -> npt.NDArray[np.intp]:
    """Targets that lie in some region; all of them where no regions are known."""
    return np.flatnonzero(file.labels().get("roi", np.full(file.n_targets, "all")) != "")


def shared_recordings(material: Material) -> dict[str, Recording]:
    """Responses in regions to the images that everybody saw."""
    return {who: in_regions(each, material.shared) for who, each in material.regional.items()}


def sets_of(material: Material, subject: str, study: "SceneCaptions", seed: int) -> xr.DataArray:
    """Disjoint sets of all images of one subject, the same for every model."""
    ids = np.asarray(material.files[subject].ids)
    return sampled_sets(ids, n=min(study.counts.n_set, len(ids)), seed=seed)


def _given(
    material: Material, models: Mapping[str, Features], sets: Mapping[str, xr.DataArray]
) -> dict[str, dict[str, object]]:
    """Arguments by subject: every model cut to the images of the sets."""
    return {
        who: {
            "file": file,
            "models": {key: each.select(np.unique(sets[who].values)) for key, each in models.items()},
            "sets": sets[who],
        }
        for who, file in material.regional.items()
    }


def _stacked(found: Mapping[str, xr.Dataset], variable: str) -> xr.DataArray:
    """One variable of all subjects, ``(subject, …)``, without coordinates that only say where it came from."""
    each = [one[variable].reset_coords(drop=True) for one in found.values()]
    return xr.concat(each, xr.IndexVariable("subject", list(found)), coords="minimal", compat="override", join="outer")

"""RSA in a searchlight: where in the brain the arrangement of the stimuli is that of a model."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.alignment.held_out import target_coords
from consona.brain.searchlight import volume_neighbourhoods
from consona.core.errors import InvalidInput
from consona.core.invariants import listed
from consona.core.rdm import RDM
from consona.core.recording import Recording
from consona.core.score import Score
from consona.stats.permutation import random_orders
from consona.stats.searchlight import LEAST_TARGETS, Comparison, Neighbourhoods, searchlight_rsa, searchlight_test

__all__ = ["searchlight_score", "without_missing"]


def searchlight_score(
    models: Mapping[str, RDM],
    recording: Recording,
    *,
    radius_mm: float = 10.0,
    neighbourhoods: Neighbourhoods | None = None,
    comparison: Comparison = "pearson",
    n_permutations: int = 1000,
    seed: int = 0,
) -> Score:
    """Correlation of model dissimilarities with those of the response patterns around each voxel.

    Dissimilarities of the brain are correlation distances of the mean over repetitions. The null exchanges the labels
    of the stimuli in all models at once (rows and columns together); only its largest score over all centres is kept,
    per model and permutation. Nothing is fitted.

    Missing voxels are left out of every neighbourhood, and a map has no value there. Where fewer than five voxels are
    left, or a pattern does not vary, the score is NaN and counted. A model that is constant or not finite is NaN
    everywhere and named.

    Parameters
    ----------
    models
        Dissimilarities of at least the stimuli of the recording, by name.
    recording
        Responses of one subject, with the voxels' ``i, j, k`` along ``target`` and ``affine`` in ``attrs``; any
        recording where ``neighbourhoods`` are given.
    radius_mm
        Radius of the spheres, which end where the mask ends.
    neighbourhoods
        Instead of spheres: one neighbourhood per target, say of
        :func:`~consona.brain.searchlight.surface_neighbourhoods`.
    comparison
        ``pearson``, or ``spearman`` for ranks.
    n_permutations
        Size of the null; 0 for none.
    seed
        Randomness of the null.

    Returns
    -------
    Score
        Over ``(target, attribute)``, the models along ``attribute``. Beside the values stand their one-sided ``p`` and
        ``p_max``, corrected for all centres by the largest score. ``attrs`` hold these ``maxima`` per model and count
        what is undefined, by reason.

    Raises
    ------
    InvalidInput
        When a model lacks stimuli of the recording, or there are no voxels to draw spheres around.
    """
    if not models:
        raise InvalidInput(
            "A searchlight compares the brain with at least one model RDM; found none. Give one by name."
        )
    vectors = np.stack([_pairs(name, model, recording) for name, model in models.items()])
    around = _spheres(recording, radius_mm) if neighbourhoods is None else neighbourhoods
    if len(around.indptr) != recording.n_targets + 1:
        raise InvalidInput(
            f"There are {len(around.indptr) - 1} neighbourhoods and {recording.n_targets} targets; each target is the "
            "centre of one. Make them from the targets of this recording."
        )
    patterns = recording.mean()
    missing = np.asarray(~np.isfinite(patterns).all(axis=0))
    kept = without_missing(around, ~missing)
    coords = {"attribute": list(models), **target_coords(recording)}
    facts: dict[str, object] = {"comparison": comparison, "held_out": "nothing is fitted"}
    if n_permutations:
        orders = random_orders(len(patterns), n_permutations, seed=seed)
        test = searchlight_test(patterns, kept, vectors, orders, comparison=comparison)
        scores = test.scores
        coords |= {name: (("target", "attribute"), getattr(test, name)) for name in ("p", "p_max")}
        facts |= _of_null(test.maxima, list(models), scores)
    else:
        scores = searchlight_rsa(patterns, kept, vectors, comparison=comparison)
    data = xr.DataArray(scores, coords, ("target", "attribute"))
    cv = "nothing is fitted, so nothing is held out"
    facts["models_undefined"] = [name for name, each in zip(models, vectors, strict=True) if not np.ptp(each) > 0]
    return Score(data, f"{comparison} r of RDMs", cv, attrs={**facts, **_undefined(scores, kept, missing)})


def _pairs(name: str, model: RDM, recording: Recording) -> npt.NDArray[np.float64]:
    place = {stimulus: i for i, stimulus in enumerate(model.ids.tolist())}
    lacking = [stimulus for stimulus in recording.ids.tolist() if stimulus not in place]
    if lacking:
        raise InvalidInput(
            f"Model '{name}' has {len(place)} stimuli and recording '{recording.subject}' {len(recording)}; the model "
            f"lacks {listed(lacking)}. Leave these out with .select, or make the model from all stimuli."
        )
    rows = [place[stimulus] for stimulus in recording.ids.tolist()]
    return np.asarray(model.matrix()[np.ix_(rows, rows)][np.triu_indices(len(rows), 1)])


def _spheres(recording: Recording, radius_mm: float) -> Neighbourhoods:
    lacking = [name for name in ("i", "j", "k") if name not in recording.data.coords]
    if lacking or "affine" not in recording.attrs:
        raise InvalidInput(
            f"Recording '{recording.subject}' has no {listed(lacking or ['affine'])}, so there are no spheres of "
            f"{radius_mm:g} mm. Make it with recording_from_images, or give neighbourhoods."
        )
    voxels = np.stack([np.asarray(recording.data[name].values, dtype=np.int64) for name in "ijk"], axis=1)
    affine = np.asarray(recording.attrs["affine"], dtype=np.float64).reshape(4, 4)
    return volume_neighbourhoods(voxels, affine, radius_mm=radius_mm)


def without_missing(neighbourhoods: Neighbourhoods, known: npt.NDArray[np.bool_]) -> Neighbourhoods:
    """The neighbourhoods without targets that are not known; nothing is left around a centre that is itself missing."""
    centre = np.repeat(np.arange(len(known)), np.diff(neighbourhoods.indptr))
    kept = known[neighbourhoods.indices] & known[centre]
    return Neighbourhoods(np.concatenate([[0], np.cumsum(kept)])[neighbourhoods.indptr], neighbourhoods.indices[kept])


def _undefined(
    scores: npt.NDArray[np.float32], kept: Neighbourhoods, missing: npt.NDArray[np.bool_]
) -> dict[str, object]:
    n_each = np.diff(kept.indptr)
    few = ~missing & (n_each < LEAST_TARGETS)
    nowhere = np.isnan(scores).all(axis=1)
    used = n_each[~nowhere]
    return {
        "n_missing": int(missing.sum()),
        "n_too_few_targets": int(few.sum()),
        "n_degenerate": int((nowhere & ~missing & ~few).sum()),
        "targets_around": {"least": int(used.min()), "median": float(np.median(used)), "most": int(used.max())}
        if len(used)
        else {},
    }


def _of_null(maxima: npt.NDArray[np.float32], names: list[str], scores: npt.NDArray[np.float32]) -> dict[str, object]:
    return {
        "null": "labels of the stimuli exchanged; the largest score over all centres is kept",
        "maxima": {name: [round(float(each), 6) for each in column] for name, column in zip(names, maxima.T)},
        "correction": "max-statistic",
        "n_tests": int(np.isfinite(scores).any(axis=1).sum()),
        "smallest_p": 1.0 / (len(maxima) + 1),
    }

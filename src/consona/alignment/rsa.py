"""RSA: whether a model arranges the stimuli as a brain does, beside what chance and noise would give."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.alignment.rdms import brain_rdm, layer_rdms, model_rdm, noise_precision
from consona.core.errors import InvalidInput
from consona.core.invariants import aligned, as_names, listed, require_unique
from consona.core.rdm import RDM
from consona.core.score import Score
from consona.stats.pair_weights import WEIGHTED
from consona.stats.permutation import fwer_p_values, p_value
from consona.stats.rdm_bootstrap import bootstrap_rdms, rdm_intervals
from consona.stats.rdm_ceiling import rdm_ceiling
from consona.stats.rdm_comparison import Comparison, compare_rdms, n_shared_pairs
from consona.stats.rdm_permutation import permuted_comparisons
from consona.stats.surrogates import group_orders

__all__ = ["brain_rdm", "layer_rdms", "model_rdm", "noise_precision", "rsa_score"]

FEWEST_SUBJECTS = 6
Array = npt.NDArray[np.float64]
CV = "nothing is fitted: RDMs are compared as they are"
CEILING = "each subject with the mean of the others (lower) and with the mean of all (upper), Nili et al. 2014"


def rsa_score(
    models: Mapping[str, RDM],
    brains: Sequence[RDM],
    *,
    comparison: Comparison = "rho-a",
    groups: Mapping[str, str] | None = None,
    n_permutations: int = 1000,
    n_draws: int = 1000,
    seed: int = 0,
) -> Score:
    """Compare models with the RDMs of subjects, beside the null of relabelled stimuli and the ceiling.

    Parameters
    ----------
    models
        RDMs by name.
    brains
        One RDM per subject, of the same stimuli, in any order: stimuli are aligned by id.
    comparison
        See :func:`~consona.stats.rdm_comparison.compare_rdms`. The default gives no advantage to models that predict
        ties, such as categories.
    groups
        Group of each stimulus by id: under the null whole groups of the same size take each other's places, and the
        interval draws whole groups. None: each stimulus by itself.
    n_permutations
        Size of the null; 0 for none. All orders are listed where there are no more.
    n_draws
        Bootstrap draws for the interval; over subjects and stimuli, or over stimuli alone with fewer than six subjects.
    seed
        For the null and the bootstrap.

    Returns
    -------
    Score
        Over ``(subject, attribute)``, models along ``attribute``. ``ceiling`` is the lower bound of each subject;
        ``attrs`` hold the upper one, and per model the mean over subjects (``effect``), its interval (``low``,
        ``high``), one-sided ``p``, and ``p_corrected`` for the largest of all models.

    Raises
    ------
    InvalidInput
        When stimuli differ, a name occurs twice, or there is nothing to compare.
    """
    A, B, ids, subjects = vectors(models, brains)
    r = compare_rdms(A, B, comparison=comparison)
    null, exact = null_of(A, B, comparison, group_of_stimuli(groups, ids), n_permutations, seed)
    attrs = {
        **facts(A, B, r, null, exact),
        **_interval(A, B, comparison, n_draws, seed, group_of_stimuli(groups, ids)),
        "permuted": "stimuli" if groups is None else "groups of stimuli",
        "brain_metric": sorted({brain.metric for brain in brains}),
        "model_metric": [model.metric for model in models.values()],
    }
    ceiling = None
    if len(B) > 1:
        bounds = rdm_ceiling(B, comparison=comparison)
        ceiling = xr.DataArray(bounds.lower, {"subject": subjects}, ("subject",))
        attrs |= {"ceiling": CEILING, "ceiling_lower": bounds.lower.tolist(), "ceiling_upper": bounds.upper.tolist()}
    return score_of(r, null, (list(models), subjects), comparison, attrs, ceiling)


def vectors(
    models: Mapping[str, RDM], brains: Sequence[RDM]
) -> tuple[Array, Array, npt.NDArray[np.str_], npt.NDArray[np.str_]]:
    """Models and brains as rows over the same pairs, the ids in the order of the first brain, and the subjects.

    Raises
    ------
    InvalidInput
        When one side is empty, subjects share a name, or stimuli differ.
    """
    if not models or not brains:
        raise InvalidInput(
            f"{len(models)} models and {len(brains)} RDMs of subjects were given; a comparison needs one of each."
        )
    subjects = as_names([brain.subject or f"subject {k + 1}" for k, brain in enumerate(brains)])
    require_unique(subjects, "subjects", "RSA")
    ids, names = brains[0].ids, [*(f"The RDM of '{name}'" for name in models)]
    A = np.stack([_in_order(model, ids, name) for model, name in zip(models.values(), names, strict=True)])
    B = np.stack([_in_order(brain, ids, f"The RDM of '{who}'") for brain, who in zip(brains, subjects, strict=True)])
    return A, B, ids, subjects


def _in_order(rdm: RDM, ids: npt.NDArray[np.str_], name: str) -> Array:
    place = aligned(ids, rdm.ids, ("The first subject's RDM", name))
    if (place == np.arange(len(place))).all():
        return np.asarray(rdm.data.values, dtype=np.float64)
    i, j = np.triu_indices(len(ids), 1)
    ordered: Array = rdm.matrix()[np.ix_(place, place)][i, j]
    return ordered


def group_of_stimuli(groups: Mapping[str, str] | None, ids: npt.NDArray[np.str_]) -> npt.NDArray[np.str_]:
    """The group of each stimulus, itself where there are none.

    Raises
    ------
    InvalidInput
        When a stimulus has no group.
    """
    if groups is None:
        return ids
    without = [name for name in ids.tolist() if name not in groups]
    if without:
        raise InvalidInput(f"{len(without)} of {len(ids)} stimuli have no group: {listed(without)}. Name one for each.")
    return as_names([groups[name] for name in ids.tolist()])


def null_of(
    A: Array, B: Array, comparison: Comparison, labels: npt.NDArray[np.str_], n_permutations: int, seed: int
) -> tuple[Array | None, bool]:
    """Comparisons after relabelling, ``(n_permutations, n_subjects, n_models)``, and whether all orders are listed.

    Raises
    ------
    InvalidInput
        When no two groups can take each other's places.
    """
    if not n_permutations:
        return None, False
    try:
        orders, exact = group_orders(labels, n_permutations, seed=seed)
    except ValueError as error:
        raise InvalidInput(f"The null of the RSA: {error}") from error
    return permuted_comparisons(A, B, orders, comparison=comparison).transpose(0, 2, 1), exact


def facts(A: Array, B: Array, r: Array, null: Array | None, exact: bool) -> dict[str, Any]:
    """Mean over subjects per model, its p against the null, and what the numbers are about."""
    effect = _mean(r.T)
    p = corrected = np.full(len(effect), np.nan)
    if null is not None:
        means = _mean(null)
        p = p_value(effect, means, exact=exact)
        defined = np.isfinite(means).any(axis=0)
        if defined.any():
            corrected = fwer_p_values(effect, np.nanmax(means[:, defined], axis=1))
    shared = n_shared_pairs(A, B)
    return {
        "effect": effect.tolist(),
        "p": p.tolist(),
        "p_corrected": corrected.tolist(),
        "exact": exact,
        "n_subjects": len(B),
        "n_pairs": A.shape[1],
        "n_missing_pairs": int(A.shape[1] - shared.min()),
        "n_undefined": int(np.isnan(r).sum()),
    }


def score_of(
    r: Array,
    null: Array | None,
    names: tuple[list[str], npt.NDArray[np.str_]],
    metric: str,
    attrs: dict[str, Any],
    ceiling: xr.DataArray | None = None,
) -> Score:
    """As a score over subjects and models (``attribute``)."""
    coords = {"subject": names[1], "attribute": as_names(names[0])}
    data = xr.DataArray(r.T, coords, ("subject", "attribute"))
    kept = None if null is None else xr.DataArray(null, coords, ("permutation", "subject", "attribute"))
    return Score(data, metric, CV, null=kept, ceiling=ceiling, attrs=attrs)


def _interval(
    A: Array, B: Array, comparison: Comparison, n_draws: int, seed: int, groups: npt.NDArray[np.str_]
) -> dict[str, Any]:
    if comparison not in WEIGHTED or not n_draws:
        missing = [float("nan")] * len(A)
        return {
            "low": missing,
            "high": missing,
            "interval": f"none: drawn again by pair weights are {listed(WEIGHTED)}",
        }
    draws = bootstrap_rdms(A, B, comparison=comparison, groups=groups, n_draws=n_draws, seed=seed)
    several = len(B) >= FEWEST_SUBJECTS
    found = rdm_intervals(draws, over="both" if several else "stimuli")
    over = "subjects and stimuli" if several else "stimuli"
    return {
        "low": found.low.tolist(),
        "high": found.high.tolist(),
        "interval": f"95 %, t with the variance of {n_draws} draws of {over}",
    }


def _mean(r: Array) -> Array:
    """Over the defined subjects, the second last axis."""
    known = np.isfinite(r)
    count = known.sum(axis=-2)
    total = np.where(known, r, 0.0).sum(axis=-2)
    return np.asarray(np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0))

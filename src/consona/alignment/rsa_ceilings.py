"""Ceilings of RSA, each with a name of its own: how well other people's brains predict the geometry of one."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.alignment.rdms import Metric
from consona.alignment.sampled_sets import rows_of_sets
from consona.alignment.set_rdms import model_set_rdms, region_columns, region_set_rdms
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.invariants import as_names, listed
from consona.core.recording import Recording
from consona.stats.mask_losses import defined_mean
from consona.stats.rdm_ceiling import rdm_ceiling
from consona.stats.rdm_comparison import compare_rdms
from consona.stats.sampled_rdms import compared_sets

__all__ = ["beside_ceiling", "leave_one_out_rdm_ceiling", "matched_rsa"]

Array = npt.NDArray[np.float64]


def leave_one_out_rdm_ceiling(recordings: Mapping[str, Recording], shared: npt.ArrayLike) -> xr.Dataset:
    r"""Each subject's RDM of the shared stimuli against the mean RDM of the other subjects, region by region.

    .. math:: c_s = \mathrm{corr}\Big(d_s, \tfrac{1}{S-1} \sum_{t \ne s} d_t\Big)

    over all pairs of the shared stimuli: 132,355 for the 515 that all eight people of NSD saw three times. Beside it
    stand ``lower`` and ``upper`` of Nili et al. (2014), in which every RDM has mean 0 and SD 1 before the mean, and the
    upper bound has the subject itself in it; see :func:`~consona.stats.rdm_ceiling.rdm_ceiling`.

    Parameters
    ----------
    recordings
        One per subject, by name, with the stimuli in any order and the coordinate ``roi`` of the targets.
    shared
        Ids of the stimuli that all of them hold.

    Returns
    -------
    xr.Dataset
        ``ceiling``, ``lower`` and ``upper (subject, region)``. A region that a subject lacks is NaN there.

    Raises
    ------
    InvalidInput
        With fewer than two subjects, or when one lacks shared stimuli.
    """
    names = as_names(shared)
    rdms, regions = _shared_rdms(recordings, xr.DataArray(names[None], dims=("set", "place")))
    bounds = {name: np.full(rdms.shape[:2], np.nan) for name in ("ceiling", "lower", "upper")}
    for k in range(len(regions)):
        there = np.flatnonzero(np.isfinite(rdms[:, k, 0]).any(axis=1))
        if len(there) > 1:
            found = rdm_ceiling(rdms[there, k, 0], comparison="pearson")
            bounds["lower"][there, k], bounds["upper"][there, k] = found
    bounds["ceiling"] = _others(rdms)[:, :, 0]
    facts = {"ceiling_of": "own RDM with the mean RDM of the others, same stimuli", "n_stimuli": len(names)}
    variables = {name: (("subject", "region"), each) for name, each in bounds.items()}
    return xr.Dataset(variables, {"subject": as_names(list(recordings)), "region": regions}, facts)


def matched_rsa(
    recordings: Mapping[str, Recording],
    models: Mapping[str, Features],
    sets: xr.DataArray,
    *,
    metric: Metric = "correlation",
) -> xr.Dataset:
    """Models and ceiling on the same stimuli, in RDMs of the same size, for the same subjects.

    A mean over sets of 100 stimuli of one's own, divided by a ceiling over all 515 shared ones, compares two numbers of
    which neither bounds the other. Here both are of one kind: of sets drawn from the shared stimuli, or of one set that
    holds them all (``sampled_sets(shared, n=len(shared), seed=0)``).

    Parameters
    ----------
    recordings
        One per subject, by name, with the coordinate ``roi`` of the targets.
    models
        Features of the stimuli of the sets, by name.
    sets
        Of stimuli that all subjects hold, the same for all of them.
    metric
        Of the models.

    Returns
    -------
    xr.Dataset
        ``r (subject, region, model)`` and ``ceiling (subject, region)``, means over the sets; ``ratio (subject, region,
        model)`` as :func:`beside_ceiling` makes it; ``r_set (subject, region, model, set)`` and ``ceiling_set``.

    Raises
    ------
    InvalidInput
        With fewer than two subjects, or when one of them or a model lacks stimuli of the sets.
    """
    rdms, regions = _shared_rdms(recordings, sets)
    found = model_set_rdms(models, sets, metric=metric)
    each = np.stack([compared_sets(own, found.rdms) for own in rdms])
    ceilings = _others(rdms)
    coords = {"subject": as_names(list(recordings)), "region": regions, **found.coords()}
    over = ("subject", "region", "model")
    r = xr.DataArray(defined_mean(each, axis=3), coords, over)
    ceiling = xr.DataArray(defined_mean(ceilings, axis=2), {k: coords[k] for k in over[:2]}, over[:2])
    data = beside_ceiling(r, ceiling, images="the same stimuli in the same sets")
    return data.assign(r_set=((*over, "set"), each), ceiling_set=((*over[:2], "set"), ceilings)).assign_attrs(
        n_sets=sets.sizes["set"], n_places=sets.sizes["place"], model_metric=metric
    )


def beside_ceiling(r: xr.DataArray, ceiling: xr.DataArray, *, images: str = "") -> xr.Dataset:
    """A correlation, its ceiling, and their ratio, which is never clipped.

    A ratio above 1 says that the ceiling is none: made from other stimuli, from RDMs of another size, or from people
    who agree less than a model that averages what they share. Such ratios are counted, and kept.

    Parameters
    ----------
    r
        Over ``(subject, region, model)``, or any dimensions that include those of the ceiling.
    ceiling
        Over ``(subject, region)``.
    images
        What both were made from, in words.

    Returns
    -------
    xr.Dataset
        ``r``, ``ceiling``, ``ratio``; ``attrs`` count ratios above 1 and ceilings at or below zero, whose ratio is NaN.

    Raises
    ------
    InvalidInput
        When the ceiling has subjects or regions that ``r`` has not.
    """
    lacking = [dim for dim in ceiling.dims if dim not in r.dims or not ceiling[dim].isin(r[dim]).all()]
    if lacking:
        raise InvalidInput(
            f"The ceiling is over {dict(ceiling.sizes)} and the correlations over {dict(r.sizes)}; they differ in "
            f"{listed(lacking)}. Take both from the same subjects and regions."
        )
    ratio = (r / ceiling.where(ceiling > 0)).transpose(*r.dims)
    facts = {
        "images": images,
        "n_above_one": int((ratio > 1).sum()),
        "n_without_ceiling": int((~(ceiling > 0)).sum()),
    }
    return xr.Dataset({"r": r.rename(None), "ceiling": ceiling.rename(None), "ratio": ratio.rename(None)}, attrs=facts)


def _shared_rdms(
    recordings: Mapping[str, Recording], sets: xr.DataArray
) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.str_]]:
    """RDMs ``(n_subjects, n_regions, n_sets, n_pairs)``, NaN where a subject lacks a region, and the regions."""
    if len(recordings) < 2:
        raise InvalidInput(f"{len(recordings)} subject was given; a ceiling of others needs two at least.")
    columns = {subject: region_columns(each) for subject, each in recordings.items()}
    regions = list(dict.fromkeys(name for each in columns.values() for name in each))
    n = sets.sizes["place"]
    shape = (len(recordings), len(regions), sets.sizes["set"], n * (n - 1) // 2)
    rdms = np.full(shape, np.nan, dtype=np.float32)
    for k, (subject, recording) in enumerate(recordings.items()):
        rows = rows_of_sets(sets, recording.ids, f"Recording '{subject}'")
        found = region_set_rdms(recording, rows, columns[subject])
        rdms[k, [regions.index(name) for name in columns[subject]]] = found
    return rdms, as_names(regions)


def _others(rdms: npt.NDArray[np.floating]) -> Array:
    """Own RDM with the plain mean of the others', ``(n_subjects, n_regions, n_sets)``."""
    found = np.full(rdms.shape[:3], np.nan)
    for region, k in np.ndindex(rdms.shape[1:3]):
        each = rdms[:, region, k].astype(np.float64)
        there = np.flatnonzero(np.isfinite(each).any(axis=1))
        total = each[there].sum(axis=0)
        for s in there if len(there) > 1 else []:
            others = (total - each[s]) / (len(there) - 1)
            found[s, region, k] = compare_rdms(each[s][None], others[None], comparison="pearson")[0, 0]
    return found

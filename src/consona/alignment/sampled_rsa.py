"""RSA on shared sets of stimuli: every model meets the same small matrices of the same brain, and models are paired."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy import stats

from consona.alignment.rdms import Metric
from consona.alignment.sampled_sets import rows_of_sets
from consona.alignment.set_rdms import missing_of, model_set_rdms, region_columns, region_labels, region_set_rdms
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.invariants import as_names
from consona.core.recording import Recording
from consona.stats.fdr import benjamini_hochberg
from consona.stats.fractional_settings import Mode
from consona.stats.mask_losses import defined_mean
from consona.stats.paired_models import compact_letters, subject_effect
from consona.stats.permutation import p_value
from consona.stats.rdm import square
from consona.stats.sampled_rdms import compared_sets, permuted_sets

__all__ = ["compare_models", "sampled_rsa"]

Floats = npt.NDArray[np.floating]
_TESTS = {"paper": "p_paired_t", "released": "p_unpaired_t", "corrected": "p_signs"}


def sampled_rsa(
    recording: Recording,
    models: Mapping[str, Features],
    sets: xr.DataArray,
    *,
    metric: Metric = "correlation",
    n_permutations: int = 0,
    seed: int = 0,
) -> xr.Dataset:
    """Correlation of model and brain dissimilarities within each set of stimuli, region by region.

    The RDM of a region and a set is made once for all models, from the correlation distances of patterns over all
    targets of the region; the correlation is Pearson's over the pairs of the set. Targets that are missing are left
    out of their region and counted; there is no threshold of reliability. Nothing is fitted.

    Parameters
    ----------
    recording
        Responses of one subject. The coordinate ``roi`` of its targets names their regions, empty for none; without it
        all targets are one region.
    models
        Features of at least the stimuli of the sets, by name. A model with several layers gives one row per layer,
        named ``model layer``; the coordinate ``name`` along its layers, where it has one, says how they are called.
    sets
        As :func:`~consona.alignment.sampled_sets.sampled_sets` draws them, the same for all that is to be compared.
    metric
        Of the models; brains have correlation distances. A stimulus without a distance (a pattern that does not vary,
        such as no category at all) is left out of its model's comparisons, and its pairs are counted.
    n_permutations
        Size of the null, which exchanges stimuli within sets, the same for all models and regions; 0 for none.
    seed
        Randomness of the null.

    Returns
    -------
    xr.Dataset
        ``r (region, model, set)``; ``mean`` and ``sd`` over the sets; ``n_targets`` and ``n_missing (region)``;
        ``n_missing_pairs (model)``; the coordinates ``of_model`` and ``layer`` along ``model``. With a null: ``null
        (permutation, region, model)`` of the mean over sets and its one-sided ``p (region, model)``.

    Raises
    ------
    InvalidInput
        When models or recording lack stimuli of the sets, or there is no region or no model.
    """
    rows = rows_of_sets(sets, recording.ids, f"Recording '{recording.subject}'")
    columns = region_columns(recording)
    gone, labels = missing_of(recording), region_labels(recording)
    brains = region_set_rdms(recording, rows, columns)
    found = model_set_rdms(models, sets, metric=metric)
    r = compared_sets(brains, found.rdms)
    coords = {"region": as_names(list(columns)), **found.coords()}
    over = ("region", "model")
    variables: dict[str, object] = {
        "r": ((*over, "set"), r),
        "mean": (over, defined_mean(r, axis=2)),
        "sd": (over, _spread(r)),
        "n_targets": ("region", [len(each) for each in columns.values()]),
        "n_missing": ("region", [int((gone & (labels == name)).sum()) for name in columns]),
        "n_missing_pairs": ("model", np.isnan(found.rdms).sum(axis=(1, 2))),
    }
    if n_permutations:
        null = permuted_sets(brains, found.rdms, n_places=sets.sizes["place"], n_permutations=n_permutations, seed=seed)
        variables |= {"null": (("permutation", *over), null)}
        variables |= {"p": (over, p_value(defined_mean(r, axis=2), null))}
    return xr.Dataset(variables, coords, {**_facts(sets, metric), "subject": recording.subject})


def compare_models(r: xr.DataArray, *, mode: Mode = "corrected", level: float = 0.05) -> xr.Dataset:
    """Every model with every other, region by region, on the same subjects.

    The unit is the subject. Three tests of each difference stand side by side: exact sign flips and the t of the paired
    differences, and the t of two unpaired samples, which takes the subjects of the two models for different people and
    so misses what they share. ``mode`` says which of them is ``p``: the unpaired one as ``released``, the paired t for
    ``paper`` (which tests the difference), the signs when ``corrected``. ``q`` is Benjamini and Hochberg's (1995) over
    the pairs of a region, which is the family.

    Parameters
    ----------
    r
        Over ``(subject, region, model)``, such as the ``mean`` of :func:`sampled_rsa` of several subjects.
    mode
        Which test decides.
    level
        Of ``q`` for the letters.

    Returns
    -------
    xr.Dataset
        Over ``(region, pair)``: ``difference`` (first less second), ``low`` and ``high`` (95 %, paired t), ``t``,
        ``dz``, ``p_signs``, ``p_paired_t``, ``p_unpaired_t``, ``p``, ``q``; ``per_subject (subject, region, pair)``;
        ``letters (region, model)``: models that share a letter were not found to be different (Piepho 2004). ``first``
        and ``second`` name the models of a pair.

    Raises
    ------
    InvalidInput
        When there are fewer than two models or subjects, or the array has other dimensions.
    """
    if (
        mode not in _TESTS
        or set(r.dims) != {"subject", "region", "model"}
        or min(r.sizes["subject"], r.sizes["model"]) < 2
    ):
        raise InvalidInput(
            f"Models are compared over ('subject', 'region', 'model') with two subjects and two models at least, in "
            f"mode {' or '.join(_TESTS)}; found {dict(r.sizes)} and '{mode}'."
        )
    v = np.asarray(r.transpose("subject", "region", "model").values, dtype=np.float64)
    i, j = np.triu_indices(v.shape[2], 1)
    table = _pair_tests(v[:, :, i], v[:, :, j])
    table["p"] = table[_TESTS[mode]]
    table["q"] = np.stack([benjamini_hochberg(row) for row in table["p"]])
    letters = [
        compact_letters(mean, square(np.where(q <= level, 1.0, 0.0)) > 0)
        for mean, q in zip(defined_mean(v, axis=0), table["q"], strict=True)
    ]
    names = as_names(r["model"].values)
    coords: dict[str, object] = {name: r[name].values for name in ("subject", "region") if name in r.coords}
    coords |= {"model": names, "first": ("pair", names[i]), "second": ("pair", names[j])}
    variables: dict[str, object] = {name: (("region", "pair"), values) for name, values in table.items()}
    variables["per_subject"] = (("subject", "region", "pair"), v[:, :, i] - v[:, :, j])
    variables["letters"] = (("region", "model"), np.array(letters, dtype=np.str_))
    facts = {"mode": mode, "test": _TESTS[mode], "family": "pairs of models within a region", "n_subjects": len(v)}
    return xr.Dataset(variables, coords, facts)


def _pair_tests(a: Floats, b: Floats) -> dict[str, Floats]:
    """Everything about the differences of two arrays ``(n_subjects, n_regions, n_pairs)``, over the last two axes."""
    effect = subject_effect((a - b).reshape(len(a), -1))
    found = {
        "difference": effect.mean,
        "low": effect.low,
        "high": effect.high,
        "t": effect.t,
        "dz": effect.dz,
        "p_signs": effect.p_signs,
        "p_paired_t": effect.p_t,
        "p_unpaired_t": _unpaired(a, b),
    }
    return {name: values.reshape(a.shape[1:]) for name, values in found.items()}


def _unpaired(a: Floats, b: Floats) -> Floats:
    """Two-sided p of Student's t for two samples of equal size, ``(n_subjects, ...)``, as if subjects were others."""
    n = len(a)
    error = np.sqrt((a.var(axis=0, ddof=1) + b.var(axis=0, ddof=1)) / n)
    t = np.divide(a.mean(axis=0) - b.mean(axis=0), error, out=np.full(error.shape, np.nan), where=error > 0)
    return np.asarray(2.0 * stats.t.sf(np.abs(t), 2 * n - 2))


def _spread(r: Floats) -> Floats:
    """SD over the sets (divisor n - 1) of what is defined."""
    n = np.isfinite(r).sum(axis=2)
    rest = r - defined_mean(r, axis=2)[:, :, None]
    growth = np.divide(n, n - 1.0, out=np.full(n.shape, np.nan), where=n > 1)
    return np.asarray(np.sqrt(defined_mean(rest**2, axis=2) * growth))


def _facts(sets: xr.DataArray, metric: str) -> dict[str, object]:
    return {
        "comparison": "pearson",
        "brain_metric": "correlation",
        "model_metric": metric,
        "n_sets": sets.sizes["set"],
        "n_places": sets.sizes["place"],
        "n_left_out": sets.attrs.get("n_left_out", -1),
        "sets_seed": sets.attrs.get("seed", -1),
        "cv": "nothing is fitted, so nothing is held out",
        "null": "stimuli exchanged within sets; the mean over sets",
    }

"""A searchlight over shared sets of stimuli: maps for many models from one pass over the brain, and maps of a group."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.alignment.held_out import target_coords
from consona.alignment.rdms import Metric
from consona.alignment.sampled_sets import rows_of_sets
from consona.alignment.searchlight import without_missing
from consona.alignment.set_rdms import missing_of, model_set_rdms, patterns_of
from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.recording import Recording
from consona.stats.fdr import benjamini_hochberg
from consona.stats.paired_models import subject_effect
from consona.stats.permutation import fwer_p_values, p_value
from consona.stats.rdm import pair_positions, square
from consona.stats.sampled_rdms import set_orders
from consona.stats.searchlight import Neighbourhoods, searchlight_rsa

__all__ = ["averaged_maps", "group_map", "sampled_searchlight"]

CELLS = 2**25  # scores under the null that are held at once: 128 MB
Array = npt.NDArray[np.floating]


class _Maps(NamedTuple):
    """Sums over the sets of r and of its square, and how many sets have one, each ``(n_centres, n_models)``."""

    total: Array
    squares: Array
    n_sets: npt.NDArray[np.integer]
    null: Array


def sampled_searchlight(
    recording: Recording,
    models: Mapping[str, Features],
    sets: xr.DataArray,
    *,
    neighbourhoods: Neighbourhoods,
    metric: Metric = "correlation",
    n_permutations: int = 0,
    seed: int = 0,
) -> xr.Dataset:
    """Mean over the sets of the correlation of model and brain dissimilarities around every target.

    The brain's RDM of a neighbourhood and a set is made once for all models
    (:func:`~consona.stats.searchlight.searchlight_rsa`), in float32. Missing targets are left out of every
    neighbourhood and have no score.

    Parameters
    ----------
    recording
        Responses of one subject to the stimuli of the sets at least. The brain of all stimuli need not fit in memory:
        give the stimuli of some sets at a time, and join the results with :func:`averaged_maps`.
    models
        Features by name; layers become models of their own, as in :func:`~consona.alignment.sampled_rsa.sampled_rsa`.
    sets
        The same for all that is to be compared.
    neighbourhoods
        One per target; an empty one gives NaN. Spheres of
        :func:`~consona.brain.searchlight.volume_neighbourhoods`, or patches of a surface.
    metric
        Of the models. A stimulus without a distance is left out of its model's RDM; the brain's is then made again.
    n_permutations
        Size of the null, which exchanges stimuli within sets; 0 for none.
    seed
        Randomness of the null.

    Returns
    -------
    xr.Dataset
        ``r``, ``sd`` over the sets and ``n_sets``, over ``(target, model)``. With a null: ``p`` of each target and
        ``p_max``, corrected for all targets by the largest mean of each permutation, ``maxima (permutation, model)``.

    Raises
    ------
    InvalidInput
        When models or recording lack stimuli of the sets, or there is not one neighbourhood per target.
    """
    if len(neighbourhoods.indptr) != recording.n_targets + 1:
        raise InvalidInput(
            f"There are {len(neighbourhoods.indptr) - 1} neighbourhoods and {recording.n_targets} targets; each target "
            "is the centre of one. Leave those empty that are not wanted."
        )
    rows = rows_of_sets(sets, recording.ids, f"Recording '{recording.subject}'")
    found = model_set_rdms(models, sets, metric=metric)
    patterns, n_models = patterns_of(recording), len(found.names)
    kept = without_missing(neighbourhoods, ~missing_of(recording))
    size = max(1, CELLS // (n_permutations * n_models)) if n_permutations else recording.n_targets
    r, sd, p = (np.full((recording.n_targets, n_models), np.nan, dtype=np.float32) for _ in range(3))
    n_sets = np.zeros(r.shape, dtype=np.int32)
    maxima = np.full((n_permutations, n_models), np.nan, dtype=np.float32)
    for start in range(0, recording.n_targets, size):
        part = slice(start, min(start + size, recording.n_targets))
        maps = _summed(patterns, rows, _part(kept, part), found.rdms, (n_permutations, seed))
        r[part], sd[part], n_sets[part] = _mean_and_sd(maps)
        if n_permutations:
            null = maps.null / np.where(maps.n_sets > 0, maps.n_sets, np.nan).astype(np.float32)
            p[part] = p_value(r[part], null)
            maxima = np.fmax(maxima, np.fmax.reduce(null, axis=1, initial=np.nan))
    over = ("target", "model")
    variables: dict[str, object] = {"r": (over, r), "sd": (over, sd), "n_sets": (over, n_sets)}
    if n_permutations:
        columns = [_corrected(each, largest) for each, largest in zip(r.T, maxima.T, strict=True)]
        variables |= {"p": (over, p), "p_max": (over, np.stack(columns, axis=1))}
        variables["maxima"] = (("permutation", "model"), maxima)
    facts = {"subject": recording.subject, "comparison": "pearson", "brain_metric": "correlation"}
    facts |= {"model_metric": metric, "null": "stimuli exchanged within sets; the mean over sets"}
    return xr.Dataset(variables, {**target_coords(recording), **found.coords()}, facts)


def averaged_maps(parts: Sequence[xr.Dataset]) -> xr.Dataset:
    """The mean over all sets from results of :func:`sampled_searchlight` on some sets each.

    The null is not joined: ask for it in a pass over all sets.

    Returns
    -------
    xr.Dataset
        ``r``, ``sd`` and ``n_sets (target, model)``, as of one pass up to rounding.

    Raises
    ------
    InvalidInput
        When there is none, or subjects, targets or models differ.
    """
    if not parts or any(
        part["r"].shape != parts[0]["r"].shape
        or part.attrs["subject"] != parts[0].attrs["subject"]
        or (part["model"].values != parts[0]["model"].values).any()
        for part in parts
    ):
        raise InvalidInput(f"{len(parts)} maps were given; join maps of one subject with the same targets and models.")
    n = [part["n_sets"].values for part in parts]
    mean = [np.where(k > 0, part["r"].values, 0.0) for k, part in zip(n, parts, strict=True)]
    sd = [np.where(k > 1, part["sd"].values, 0.0) for k, part in zip(n, parts, strict=True)]
    total = np.sum([k * m for k, m in zip(n, mean, strict=True)], axis=0)
    squares = np.sum([(k - 1) * s**2 * (k > 0) + k * m**2 for k, m, s in zip(n, mean, sd, strict=True)], axis=0)
    joined = _mean_and_sd(_Maps(total, squares, np.sum(n, axis=0), np.empty(0)))
    variables = dict(zip(("r", "sd", "n_sets"), ((("target", "model"), each) for each in joined), strict=True))
    return parts[0][[]].assign_coords(parts[0]["r"].coords).assign(variables)


def group_map(maps: xr.DataArray) -> xr.Dataset:
    """Where a map, or a difference of two, is other than zero in the population of subjects.

    Both two-sided tests of :func:`~consona.stats.paired_models.subject_effect` for every target, with Benjamini and
    Hochberg's (1995) q over all targets of the map, which is the family. The exact p of 8 subjects is 2/256 at least,
    so ``q`` stays above .05 unless more than a seventh of all targets reach it; ``q_t`` has no such floor and rests on
    normal differences. Give ``maps.sel(model=a) - maps.sel(model=b)`` for a contrast.

    Parameters
    ----------
    maps
        Over ``(subject, target)``; NaN where a subject has no value.

    Returns
    -------
    xr.Dataset
        Over ``target``: ``mean``, ``low``, ``high``, ``t``, ``dz``, ``p`` (exact signs), ``q``, ``p_t``, ``q_t``, and
        ``n_subjects`` that have a value. A target that a subject lacks has no ``t``.

    Raises
    ------
    InvalidInput
        When there are other dimensions, or fewer than two subjects.
    """
    if set(maps.dims) != {"subject", "target"} or maps.sizes["subject"] < 2:
        raise InvalidInput(
            f"A map of a group is made over ('subject', 'target') with two subjects at least; found {dict(maps.sizes)}."
        )
    values = maps.transpose("subject", "target")
    effect = subject_effect(np.asarray(values.values))
    found = {name: getattr(effect, name) for name in ("mean", "low", "high", "t", "dz", "p_t")}
    found |= {"p": effect.p_signs, "q": benjamini_hochberg(effect.p_signs), "q_t": benjamini_hochberg(effect.p_t)}
    found["n_subjects"] = np.isfinite(values.values).sum(axis=0)
    coords = {name: each for name, each in values.coords.items() if each.dims == ("target",)}
    facts = {"family": "all targets of the map", "n_tests": int(np.isfinite(effect.p_signs).sum())}
    return xr.Dataset({name: ("target", each) for name, each in found.items()}, coords, facts)


def _summed(
    patterns: Array, rows: npt.NDArray[np.intp], around: Neighbourhoods, rdms: Array, null: tuple[int, int]
) -> _Maps:
    """Sums over the sets; ``rdms (n_models, n_sets, n_pairs)``; ``null`` says how many permutations and their seed."""
    shape = (len(around.indptr) - 1, len(rdms))
    maps = _Maps(
        np.zeros(shape), np.zeros(shape), np.zeros(shape, dtype=np.int32), np.zeros((null[0], *shape), dtype=np.float32)
    )
    for k, each in enumerate(rows):
        defined = _defined(rdms[:, k])
        for some in np.unique(defined, axis=0):
            alike = np.flatnonzero((defined == some).all(axis=1))
            if some.sum() < 3:
                continue
            pairs = np.logical_and.outer(some, some)[np.triu_indices(len(some), 1)]
            r, permuted = _scores(
                patterns[each[some]], around, rdms[alike, k][:, pairs], _orders(int(some.sum()), null)
            )
            known = np.isfinite(r)
            maps.total[:, alike] += np.where(known, r, 0.0)
            maps.squares[:, alike] += np.where(known, r, 0.0) ** 2
            maps.n_sets[:, alike] += known
            maps.null[:, :, alike] += np.where(known, permuted, np.float32(0.0))
    return maps


def _orders(n: int, null: tuple[int, int]) -> npt.NDArray[np.integer]:
    """Orders of a model's stimuli in a set: the inverse of those of the brains in RSA by regions."""
    return np.argsort(set_orders(n, null[0], seed=null[1]), axis=1) if null[0] else np.empty((0, n), dtype=np.intp)


def _scores(
    patterns: Array, around: Neighbourhoods, models: Array, orders: npt.NDArray[np.integer]
) -> tuple[Array, Array]:
    """Scores ``(n_centres, n_models)``, and ``(n_permutations, n_centres, n_models)`` after each order, in one pass."""
    permuted = models[:, pair_positions(orders)].reshape(-1, models.shape[1])
    found = searchlight_rsa(patterns, around, np.concatenate([models, permuted]))
    null = found[:, len(models) :].reshape(len(found), len(models), len(orders))
    return found[:, : len(models)], null.transpose(2, 0, 1)


def _defined(rdms: Array) -> npt.NDArray[np.bool_]:
    """Which stimuli have a distance to any other, ``(n_models, n_places)``."""
    found = []
    for each in rdms:
        finite = square(np.isfinite(each).astype(float)) > 0
        found.append(finite.any(axis=1))
    return np.stack(found)


def _part(around: Neighbourhoods, part: slice) -> Neighbourhoods:
    indptr = around.indptr[part.start : part.stop + 1]
    return Neighbourhoods(indptr - indptr[0], around.indices[indptr[0] : indptr[-1]])


def _mean_and_sd(maps: _Maps) -> tuple[Array, Array, npt.NDArray[np.integer]]:
    n = maps.n_sets
    mean = np.divide(maps.total, n, out=np.full(n.shape, np.nan), where=n > 0)
    rest = np.maximum(maps.squares - n * np.nan_to_num(mean) ** 2, 0.0)
    sd = np.sqrt(np.divide(rest, n - 1, out=np.full(n.shape, np.nan), where=n > 1))
    return mean.astype(np.float32), sd.astype(np.float32), n


def _corrected(scores: Array, maxima: Array) -> Array:
    known = np.isfinite(scores)
    p = np.full(len(scores), np.nan)
    if known.any():
        p[known] = fwer_p_values(scores[known], maxima)
    return p

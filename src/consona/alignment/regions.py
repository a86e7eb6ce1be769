"""From scores of single targets to what is reported: tests per target, means per region, subjects side by side."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.core.errors import InvalidInput
from consona.core.invariants import as_names
from consona.core.score import Score
from consona.stats.fdr import benjamini_hochberg
from consona.stats.permutation import fwer_p_values, p_value

EVERYWHERE = "all targets"


def target_tests(score: Score) -> xr.Dataset:
    """Every target beside its null: ``p``, ``p_max`` (corrected by the maximum over all layers and targets), ``q``.

    ``p_max`` compares with the largest value that each permutation reaches anywhere, Westfall and Young (1993); ``q``
    is Benjamini and Hochberg's (1995) over the targets of a layer. NaN where the score is undefined.

    Raises
    ------
    InvalidInput
        When the score has no null.
    """
    null = _null(score).transpose("permutation", ..., "target").values
    observed = score.data.transpose(..., "target")
    p = np.asarray(p_value(observed.values, null))
    rows = observed.values.reshape(-1, observed.shape[-1])
    corrected = _by_maximum(observed.values.ravel(), null.reshape(len(null), -1)).reshape(p.shape)
    q = np.stack([benjamini_hochberg(row) for row in p.reshape(rows.shape)]).reshape(p.shape)
    tests = {"p": p, "p_max": corrected, "q": q}
    return xr.Dataset({name: (observed.dims, values) for name, values in tests.items()}, observed.coords)


def region_means(score: Score, region: str | None = None) -> Score:
    """Mean over the targets of every region; the null likewise, permutation by permutation.

    ``region`` is a coordinate of the targets, such as ``roi``; all targets together where it is not given. Undefined
    targets are left out and counted in ``attrs['n_undefined']``. The ceiling is the root of the mean reliability of the
    same targets: a mean of roots would leave out the targets whose reliability came out negative.
    """
    labels = _labels(score, region)
    names = list(dict.fromkeys(labels.tolist()))
    defined = np.isfinite(score.data)

    def mean(values: xr.DataArray) -> xr.DataArray:
        kept = values.where(defined)
        parts = [kept.isel(target=np.flatnonzero(labels == name)).mean("target", skipna=True) for name in names]
        dims = [dim for dim in values.dims if dim != "target"]
        joined = xr.concat([_bare(part, dims) for part in parts], dim="target", coords="minimal", compat="override")
        return joined.assign_coords(target=as_names(names)).transpose(*values.dims)

    ceiling = None if score.ceiling is None or "target" not in score.ceiling.dims else _mean_ceiling(score, mean)
    attrs = {**score.attrs, "n_undefined": int((~defined).sum()), "averaged": region or EVERYWHERE}
    return Score(
        mean(score.data), score.metric, score.cv, None if score.null is None else mean(score.null), ceiling, attrs
    )


def side_by_side(scores: Mapping[str, Score]) -> Score:
    """Scores of several subjects over the same layers and regions as one score with the dimension ``subject``.

    Raises
    ------
    InvalidInput
        When there is none, or layers or regions differ.
    """
    if not scores:
        raise InvalidInput("There are no scores to put side by side.")
    parts = list(scores.values())
    first = _places(parts[0])
    if not all(_places(part).equals(first) for part in parts):
        raise InvalidInput("Subjects differ in layers or regions; average every subject over the same regions first.")
    subjects = as_names(list(scores))

    def joined(arrays: list[xr.DataArray]) -> xr.DataArray:
        whole = xr.concat(arrays, dim="subject", coords="minimal", compat="override", join="exact")
        dims = [dim for dim in whole.dims if dim not in ("permutation", "subject")]
        front = ["permutation"] if "permutation" in whole.dims else []
        return whole.assign_coords(subject=subjects).transpose(*front, "subject", *dims)

    nulls = [part.null for part in parts if part.null is not None]
    shortest = min((null.sizes["permutation"] for null in nulls), default=0)  # all orders of one, fewer than asked for
    nulls = [null.isel(permutation=slice(shortest)) for null in nulls]
    ceilings = [part.ceiling for part in parts if part.ceiling is not None]
    counts = [key for key in parts[0].attrs if key.startswith("n_")]
    attrs = {**parts[0].attrs, **{key: sum(part.attrs[key] for part in parts) for key in counts}}
    null, ceiling = (joined(each) if len(each) == len(parts) else None for each in (nulls, ceilings))
    return Score(joined([part.data for part in parts]), parts[0].metric, parts[0].cv, null, ceiling, attrs)


def subject_mean(score: Score, *, same_stimuli: bool = True) -> Score:
    """Mean over the subjects; the null of a mean is the mean of the nulls, permutation by permutation.

    Where subjects saw the same stimuli, permutation ``b`` is one order of the stimuli for all of them, and the mean
    keeps what subjects share. Where they did not (``same_stimuli=False``), nothing is known of what they share: nulls
    are put in rank order within each subject before the mean, which gives the widest null there can be.
    """
    if "subject" not in score.data.dims:
        return score
    null = score.null
    if null is not None:
        null = (null if same_stimuli else _ranked_together(null)).mean("subject")
    ceiling = score.ceiling
    if ceiling is not None and "subject" in ceiling.dims:
        ceiling = ceiling.mean("subject")
    return Score(score.data.mean("subject"), score.metric, score.cv, null, ceiling, score.attrs)


def _ranked_together(null: xr.DataArray) -> xr.DataArray:
    others = [dim for dim in null.dims if dim not in ("permutation", "subject")]
    rank = null.mean(others).transpose("subject", "permutation").values.argsort(axis=1)
    parts = [null.isel(subject=[place], permutation=order) for place, order in enumerate(rank)]
    return xr.concat(parts, dim="subject", coords="minimal", compat="override").transpose(*null.dims)


def _mean_ceiling(score: Score, mean: Callable[[xr.DataArray], xr.DataArray]) -> xr.DataArray:
    assert score.ceiling is not None
    if "reliability" not in score.ceiling.coords:
        return mean(score.ceiling.broadcast_like(score.data))
    reliability = mean(score.ceiling["reliability"].reset_coords(drop=True).broadcast_like(score.data))
    return xr.where(reliability > 0, reliability, np.nan) ** 0.5


def _by_maximum(row: npt.NDArray[np.float64], null: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    defined = np.isfinite(row)
    corrected = np.full(row.shape, np.nan)
    if defined.any():
        largest = np.max(np.where(np.isfinite(null[:, defined]), null[:, defined], -np.inf), axis=1)
        corrected[defined] = fwer_p_values(row[defined], largest)
    return corrected


def _labels(score: Score, region: str | None) -> npt.NDArray[np.str_]:
    if region is None:
        return np.full(score.data.sizes["target"], EVERYWHERE)
    if region not in score.data.coords:
        raise InvalidInput(f"The targets have no coordinate '{region}'; they have {list(score.data.coords)}.")
    return as_names(score.data[region].values)


def _null(score: Score) -> xr.DataArray:
    if score.null is None:
        raise InvalidInput("This score has no null; make it with n_permutations above 0.")
    return score.null


def _places(score: Score) -> xr.Dataset:
    return score.data.coords.to_dataset().drop_vars("subject", errors="ignore")


def _bare(part: xr.DataArray, dims: list[object]) -> xr.DataArray:
    return part.reset_coords([name for name in part.coords if name not in dims], drop=True)

"""How well people predict each other's single trials: the published ceiling, its curve, and where it is no number."""

from collections.abc import Sequence
from itertools import combinations
from math import comb

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.alignment.published_predictivity import ALL_KINDS, PUBLISHED_ALPHAS, of_kind, published_folds
from consona.core.dataset import Dataset
from consona.core.errors import InvalidInput
from consona.core.invariants import as_names
from consona.stats.exponential_growth import exponential_growth
from consona.stats.kernel_ridge import KernelRidge, fold_kernel, fold_targets, joined_kernels, kernel_of
from consona.stats.seeds import rng_for

__all__ = ["ceiling_summary", "pool_curves", "published_ratio", "released_ceiling"]

_FORMULA = "v0 of v0 (1 - exp(-x / tau)), x = 2, 3, ... people, v0 in [0, 1]"
_NEAR_ZERO = 0.05
_NEAR_ONE = 0.99


def released_ceiling(dataset: Dataset, *, kind: str = ALL_KINDS, n_pools: int = 252, seed: int = 1) -> xr.Dataset:
    r"""The ceiling as published: how well a person's voxels are predicted from ever more other people, extrapolated.

    .. math:: r(x) \approx v_0 (1 - e^{-x / \tau}), \qquad x = 2 \ldots n \text{ people, the predicted one counted}

    Nothing is divided by it here. ``v0`` is stuck at 1 where the curve has not bent, and at 0 where others predict
    nothing; such voxels are flagged, not estimated, and make a mean of ceilings too high. Show the plain correlation of
    the largest pool beside it (:func:`ceiling_summary`).

    Parameters
    ----------
    dataset
        At least four subjects with the same stimuli in one order.
    kind
        One kind of problem, or ``"all"``.
    n_pools
        All pools of a size are taken where there are at most so many (252 for ten people), otherwise so many at random.
    seed
        Of the published folds.

    Returns
    -------
    xr.Dataset
        ``v0, tau, at_bound, at_zero (subject, target)``, ``curve (subject, n_others, target)``; NaN where a subject has
        fewer targets. ``at_bound`` is 1 where ``v0`` is above .99, ``at_zero`` where it was held at 0.

    Raises
    ------
    InvalidInput
        As :func:`pool_curves`.
    """
    curve = pool_curves(dataset, kind=kind, n_pools=n_pools, seed=seed)
    dims = ("subject", "target")
    flat = curve.transpose("n_others", *dims).values
    fit = exponential_growth(curve["n_others"].values + 1, flat.reshape(len(flat), -1))
    named = zip(("v0", "tau", "at_bound", "at_zero"), fit, strict=True)
    found = {name: (dims, np.asarray(values, dtype=np.float64).reshape(flat.shape[1:])) for name, values in named}
    return xr.Dataset({**found, "curve": curve}, curve.coords, {"kind": kind, "formula": _FORMULA, "seed": seed})


def ceiling_summary(ceiling: xr.Dataset) -> xr.Dataset:
    """The distribution of a :func:`released_ceiling` over subjects and targets, in numbers to print.

    Returns
    -------
    xr.Dataset
        ``mean`` and ``median`` of ``v0``; ``median_inside`` of those above .05 and below .99; ``at_bound`` and
        ``near_zero``, the shares above and below these; ``plain``, the mean correlation with the largest pool;
        ``v0 (quantile)``.
    """
    v0 = ceiling["v0"].values.ravel()
    v0 = v0[np.isfinite(v0)]
    inside = v0[(v0 > _NEAR_ZERO) & (v0 < _NEAR_ONE)]
    levels = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
    numbers = {
        "mean": v0.mean(),
        "median": np.median(v0),
        "median_inside": np.median(inside) if len(inside) else np.nan,
        "at_bound": float((v0 >= _NEAR_ONE).mean()),
        "near_zero": float((v0 < _NEAR_ZERO).mean()),
        "plain": float(ceiling["curve"].isel(n_others=-1).mean()),
        "v0": ("quantile", np.quantile(v0, levels)),
    }
    return xr.Dataset(numbers, {"quantile": levels}, ceiling.attrs)


def published_ratio(target_scores: xr.DataArray, ceiling: xr.Dataset) -> xr.DataArray:
    """Score over ceiling as published, the median over targets, without those whose ceiling is no estimate.

    It is an optimistic number, since noise of the ceiling is in the denominator; report the plain score and the plain
    ceiling. Targets with a ceiling below .05 or above .99 are left out, which the release divides by as well.

    Parameters
    ----------
    target_scores
        ``(subject, layer, target)`` of :func:`consona.alignment.published_predictivity.published_target_scores`, or of
        ``own_target_scores``.
    ceiling
        Of the same data set and kind.

    Returns
    -------
    xr.DataArray
        ``(subject, layer)``; ``attrs["share_left_out"]`` of all targets.
    """
    v0 = ceiling["v0"]
    sound = (v0 > _NEAR_ZERO) & (v0 < _NEAR_ONE)
    ratio = (target_scores / v0.where(sound)).median("target", skipna=True)
    return ratio.assign_attrs(share_left_out=float(1 - sound.sum() / v0.notnull().sum()))


def pool_curves(dataset: Dataset, *, kind: str = ALL_KINDS, n_pools: int = 252, seed: int = 1) -> xr.DataArray:
    """Score of every target predicted from pools of 1, 2, ... others, by the published code, averaged over pools.

    The voxels of a pool are put side by side as features; in the form of kernels that is a sum, and one decomposition
    serves everyone outside the pool.

    Returns
    -------
    xr.DataArray
        ``(subject, n_others, target)``.

    Raises
    ------
    InvalidInput
        With fewer than four subjects, or as
        :func:`consona.alignment.published_predictivity.of_kind` and ``published_folds``.
    """
    chosen = of_kind(dataset, kind)
    n = len(chosen.recordings)
    if n < 4:
        raise InvalidInput(f"'{dataset.name}' has {n} subjects; a curve over pools of others takes at least four.")
    Y = [each.mean() for each in chosen.recordings]
    sources = [kernel_of(each[:, np.isfinite(each).all(axis=0)]) for each in Y]  # as features, without gaps
    pools = [pool for size in range(1, n) for pool in _pools(n, size, n_pools, seed)]
    total = [np.zeros((n - 1, each.shape[1])) for each in Y]
    count = np.zeros((n, n - 1), dtype=np.int64)
    for train, test in published_folds(chosen.stimuli["kind"], seed=seed):
        kernels = [fold_kernel(each, train, test) for each in sources]
        targets = [fold_targets(each, train, test) for each in Y]
        for pool in pools:
            ridge = KernelRidge(joined_kernels([kernels[i] for i in pool]))
            outside = [i for i in range(n) if i not in pool]
            for i, r in zip(outside, ridge.correlations([targets[i] for i in outside], PUBLISHED_ALPHAS), strict=True):
                total[i][len(pool) - 1] += r
                count[i, len(pool) - 1] += 1
    return _side_by_side(total, count, chosen.subjects)


def _side_by_side(
    total: Sequence[npt.NDArray[np.float64]], count: npt.NDArray[np.int64], subjects: list[str]
) -> xr.DataArray:
    curves = np.full((*count.shape, max(each.shape[1] for each in total)), np.nan)
    for i, each in enumerate(total):
        drawn = np.where(count[i] > 0, count[i], np.nan)  # with few pools drawn, a size may have missed someone
        curves[i, :, : each.shape[1]] = each / drawn[:, None]
    coords = {"subject": as_names(subjects), "n_others": np.arange(1, count.shape[1] + 1)}
    return xr.DataArray(curves, coords, ("subject", "n_others", "target"), "curve")


def _pools(n_subjects: int, size: int, n_pools: int, seed: int) -> list[tuple[int, ...]]:
    """All pools of a size, or as many as asked for at random where there are more."""
    if comb(n_subjects, size) <= n_pools:
        return list(combinations(range(n_subjects), size))
    rng = rng_for(seed, "pools of people", size)
    return [tuple(rng.choice(n_subjects, size, replace=False).tolist()) for _ in range(n_pools)]

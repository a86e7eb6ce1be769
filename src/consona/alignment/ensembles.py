"""What pools of decoders gain, over their members and over other pools of the same size."""

from collections.abc import Mapping

import numpy as np
import xarray as xr

from consona.alignment.decoders import emotion_codes, probabilities
from consona.core.errors import InvalidInput
from consona.core.invariants import as_names, listed
from consona.stats.balanced_accuracy import balanced_accuracy, most_probable
from consona.stats.bootstrap import bootstrap_interval
from consona.stats.softmax_pools import (
    contribution_test,
    left_out_contributions,
    pool_gain,
    selected_pool,
    softmax_pool,
)

__all__ = ["contributions", "pool_gains", "selected_accuracy"]

Trained = Mapping[str, xr.Dataset]


def pool_gains(pools: Mapping[str, Trained], *, reference: str, seed: int) -> xr.Dataset:
    """Uniform pools by name, each against the mean of its own members and against the reference pool.

    Returns
    -------
    xr.Dataset
        Over ``pool``: ``accuracy, low, high``, ``single`` (mean of its members), ``n_members``, and ``gain, gain_low,
        gain_high, p`` over its members and ``beyond, beyond_low, beyond_high, p_beyond, p_equal`` over the reference
        (two-sided, sign flips of subjects); ``subject_accuracy, subject_single (pool, subject)``;
        ``member_accuracy (pool, member)``.

    Raises
    ------
    InvalidInput
        When the reference is no pool.
    """
    if reference not in pools:
        raise InvalidInput(f"The reference pool '{reference}' is not among {listed(list(pools), 12)}.")
    found = {}
    for name, members in pools.items():
        found[name] = softmax_pool(probabilities(members), emotion_codes(next(iter(members.values()))))
    accuracy = np.stack([each.accuracy for each in found.values()])
    singles = np.stack([each.singles.mean(axis=0) for each in found.values()])
    low, high = bootstrap_interval(accuracy.T, seed=seed)
    own = _gains(accuracy, singles, seed=seed)
    beyond = _gains(accuracy, np.broadcast_to(found[reference].accuracy, accuracy.shape), seed=seed)
    most = max(len(members) for members in pools.values())
    alone = np.full((len(pools), most), np.nan)
    for row, each in zip(alone, found.values(), strict=True):
        row[: len(each.singles)] = np.nanmean(each.singles, axis=1)
    by_pool = {
        "accuracy": np.nanmean(accuracy, axis=1),
        "low": low,
        "high": high,
        "single": np.nanmean(singles, axis=1),
        "n_members": np.array([len(members) for members in pools.values()]),
        "gain": own["effect"],
        "gain_low": own["low"],
        "gain_high": own["high"],
        "p": own["p"],
        "beyond": beyond["effect"],
        "beyond_low": beyond["low"],
        "beyond_high": beyond["high"],
        "p_beyond": beyond["p"],
        "p_equal": beyond["p_equal"],
    }
    first = next(iter(next(iter(pools.values())).values()))
    return xr.Dataset(
        {
            **{key: ("pool", np.asarray(values)) for key, values in by_pool.items()},
            "subject_accuracy": (("pool", "subject"), accuracy),
            "subject_single": (("pool", "subject"), singles),
            "member_accuracy": (("pool", "member"), alone),
        },
        {"pool": list(pools), "subject": as_names(first["subject"].values)},
        {"reference": reference},
    )


def _gains(accuracy: np.ndarray, reference: np.ndarray, *, seed: int) -> dict[str, np.ndarray]:
    """Paired effects of pools, row by row, ``(n_pools, n_subjects)`` each."""
    rows = [pool_gain(a, b, seed=seed) for a, b in zip(accuracy, reference, strict=True)]
    keys = ("effect", "low", "high", "p", "p_equal")
    return {key: np.concatenate([getattr(row, key) for row in rows]) for key in keys}


def contributions(members: Trained, strength: xr.DataArray, *, seed: int) -> xr.Dataset:
    """What each member adds to the pool, and whether members that carry an axis more strongly add more.

    ``strength (model)``. Returns ``contribution, strength`` over ``model``; attrs ``r, low, high, p, n``.
    """
    codes = emotion_codes(next(iter(members.values())))
    added = left_out_contributions(probabilities(members), codes)
    data = {"contribution": ("model", np.nanmean(added, axis=1)), "strength": ("model", strength.values)}
    attrs: dict[str, float | int] = {"r": float("nan"), "low": float("nan"), "high": float("nan"), "p": float("nan")}
    if len(members) >= 4 and np.isfinite(strength.values).all():
        found = contribution_test(added, strength.values, seed=seed)
        attrs = {"r": found.r, "low": found.low, "high": found.high, "p": found.p}
    return xr.Dataset(data, {"model": list(members)}, {**attrs, "n": len(members)})


def selected_accuracy(members: Trained, *, size: int) -> xr.DataArray:
    """Accuracy ``(subject)`` with the members that did best on the validation subjects of the fold."""
    first = next(iter(members.values()))
    validation = np.stack([_at_chosen(each) for each in members.values()])
    pooled = selected_pool(probabilities(members), first["tested_in"].values, validation, size=size)
    accuracy = balanced_accuracy(most_probable(pooled), emotion_codes(first))
    return xr.DataArray(accuracy, {"subject": as_names(first["subject"].values)}, ("subject",))


def _at_chosen(each: xr.Dataset) -> np.ndarray:
    return np.nanmax(each["validation"].values, axis=1)

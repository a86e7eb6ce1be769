"""Random sets of neurons that are like the selected ones in everything but what the selected ones were chosen for."""

from typing import Literal

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.core.errors import InvalidInput
from consona.stats.seeds import rng_for

__all__ = ["FAMILIES", "MaskFamily", "mask_balance", "neuron_strata", "outlier_neurons", "random_masks"]

MaskFamily = Literal["uniform", "layer", "layer and activation", "disjoint"]
FAMILIES: tuple[MaskFamily, ...] = ("uniform", "layer", "layer and activation", "disjoint")
N_LEVELS = 10
FENCE = 3.0

Flags = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int64]


def outlier_neurons(moments: xr.Dataset) -> xr.DataArray:
    r"""Neurons that vary far more over tokens than the rest of their layer: bool ``(layer, neuron)``.

    .. math:: \log s > Q_3 + 3\,(Q_3 - Q_1)

    with the SD over tokens :math:`s` and the quartiles of :math:`\log s` over the neurons of the layer that vary at
    all: Tukey's (1977) outer fence, upper side. Of normal :math:`\log s`, two in a million lie beyond it. A mask that
    takes one such neuron away can cost more than a thousand others, so matched masks hold as many as the selected one.

    Parameters
    ----------
    moments
        ``sd`` and ``size`` ``(layer, neuron)``, over tokens, as a sweep's ``moments`` gives them.

    Raises
    ------
    InvalidInput
        When ``sd`` is missing, has other dimensions, or holds NaN or negative values.
    """
    sd = _moment(moments, "sd")
    return sd.copy(data=np.stack([_beyond_fence(row) for row in sd.values])).rename("outlier")


def neuron_strata(moments: xr.Dataset, *, family: MaskFamily) -> xr.DataArray:
    """Which neurons may take each other's place in a random mask: int ``(layer, neuron)``, one code per stratum.

    ``uniform``: all of them. ``layer``: those of a layer. ``layer and activation`` and ``disjoint``: those of a layer
    and of a tenth of its neurons by ``size`` (mean absolute activation over tokens); :func:`outlier_neurons` of a layer
    are a stratum of their own.

    Raises
    ------
    InvalidInput
        When the family is unknown, or as :func:`outlier_neurons`.
    """
    if family not in FAMILIES:
        raise InvalidInput(f"'{family}' is no family of random masks; choose one of {', '.join(FAMILIES)}.")
    size = _moment(moments, "size")
    n_layers = len(size)
    codes = np.zeros(size.shape, dtype=np.int64)
    if family != "uniform":
        codes += np.arange(n_layers)[:, None] * (N_LEVELS + 1)
    if family in ("layer and activation", "disjoint"):
        outlier = outlier_neurons(moments).values
        for layer in range(n_layers):
            usual = np.flatnonzero(~outlier[layer])
            ranked = usual[np.argsort(size.values[layer, usual], kind="stable")]
            codes[layer, ranked] += np.arange(len(ranked)) * N_LEVELS // max(1, len(ranked))
            codes[layer, outlier[layer]] += N_LEVELS
    return size.copy(data=codes).rename("stratum")


def random_masks(masks: xr.DataArray, moments: xr.Dataset, *, family: MaskFamily, n: int, seed: int) -> xr.DataArray:
    r"""Each draw exchanges neurons within strata, once for all attributes: bool ``(attribute, mask, layer, neuron)``.

    .. math:: R_{aj} = \pi_j(S_a), \qquad \pi_j \text{ uniform among permutations that keep every stratum}

    A random mask holds as many neurons of every stratum (:func:`neuron_strata`) as the selected one, and **draw j of
    two attributes shares as many neurons, stratum by stratum, as their selected masks do**. So, where the choice of
    neurons has nothing to do with what they do, the selected masks together are one more draw, and statistics over
    several attributes have an exact null. Masks drawn for each attribute by itself overlap less than selected ones,
    and their null is then too narrow.

    ``disjoint``: as ``layer and activation``, after which neurons of the attribute's own selected mask are replaced by
    others of their stratum as long as there are any; :func:`mask_balance` says how many could not be. This keeps
    overlaps between attributes only nearly; use it to describe. First draws do not depend on how many follow.

    Parameters
    ----------
    masks
        Selected neurons, bool ``(attribute, layer, neuron)``.
    moments
        As for :func:`outlier_neurons`, of the same layers and neurons.
    family
        What the masks are matched on, see :func:`neuron_strata`.
    n
        How many draws.
    seed
        Randomness of the draws.

    Raises
    ------
    InvalidInput
        When the masks are not bool or of another shape than the moments, the family is unknown, or ``n`` is below 1.
    """
    selected = _selected(masks, moments)
    if n < 1:
        raise InvalidInput(f"{n} random masks were asked for; at least 1 is needed. 99 allow a p of .01.")
    _, strata = np.unique(neuron_strata(moments, family=family).values.ravel(), return_inverse=True)
    drawn = np.empty((len(selected), n, selected.shape[1]), dtype=np.bool_)
    for j in range(n):
        rng = rng_for(seed, "random masks", family, j)
        drawn[:, j] = selected[:, _permutation(strata, rng)]
        if family == "disjoint":
            order = np.lexsort((rng.random(len(strata)), strata))
            for image, mask in zip(drawn[:, j], selected, strict=True):
                _move_out(image, mask, strata, order)
    names = [f"random {j:0{len(str(n - 1))}d}" for j in range(n)]
    return xr.DataArray(
        drawn.reshape(len(selected), n, *masks.shape[1:]),
        {**_plain_coords(masks), "mask": names},
        ("attribute", "mask", "layer", "neuron"),
        attrs={"family": family, "seed": seed},
    )


def mask_balance(masks: xr.DataArray, random: xr.DataArray, moments: xr.Dataset) -> xr.Dataset:
    """How alike selected and random masks are: mean moment of their neurons, and how many outliers they hold.

    Returns
    -------
    xr.Dataset
        ``selected (moment, attribute)`` and ``random (moment, attribute, mask)``: the mean over the neurons of a mask
        of every variable of ``moments``, and for the moment ``outliers`` the number of :func:`outlier_neurons`.
        ``shared (attribute, mask)``: how many neurons a random mask has in common with the selected one.

    Raises
    ------
    InvalidInput
        As :func:`random_masks`.
    """
    selected = _selected(masks, moments)
    drawn = random.values.reshape(*random.shape[:2], -1)
    names = [str(name) for name in moments.data_vars]
    table = np.stack([_moment(moments, name).values.ravel() for name in names], axis=1).astype(np.float64)
    outlier = outlier_neurons(moments).values.ravel()

    def of(sets: Flags) -> npt.NDArray[np.float64]:
        counts = np.maximum(sets.sum(axis=-1, keepdims=True), 1)
        means = np.stack([each.astype(np.float64) @ table for each in sets]) / counts
        return np.moveaxis(np.concatenate([means, (sets & outlier).sum(axis=-1)[..., None]], axis=-1), -1, 0)

    coords = {"moment": [*names, "outliers"], "attribute": masks["attribute"].values, "mask": random["mask"].values}
    variables = {
        "selected": (("moment", "attribute"), of(selected)),
        "random": (("moment", "attribute", "mask"), of(drawn)),
        "shared": (("attribute", "mask"), (drawn & selected[:, None]).sum(axis=2)),
    }
    return xr.Dataset(variables, coords)


def _permutation(strata: Codes, rng: np.random.Generator) -> Codes:
    """Neurons exchanged within strata: whose place each takes."""
    place = np.empty(len(strata), dtype=np.int64)
    place[np.argsort(strata, kind="stable")] = np.lexsort((rng.random(len(strata)), strata))
    return place


def _move_out(image: Flags, mask: Flags, strata: Codes, order: Codes) -> None:
    """Replace neurons of ``image`` that are in ``mask`` by others of their stratum, as long as there are any."""
    inside, free = image & mask, ~(image | mask)
    n_strata = int(strata.max()) + 1
    n_moved = np.minimum(*(np.bincount(strata[each], minlength=n_strata) for each in (inside, free)))
    image[_first(inside, n_moved, strata, order)] = False
    image[_first(free, n_moved, strata, order)] = True


def _first(candidates: Flags, n_each: Codes, strata: Codes, order: Codes) -> Codes:
    """The first ``n_each`` candidates of every stratum, in an order that is sorted by stratum."""
    sorted_ones = order[candidates[order]]
    stratum = strata[sorted_ones]
    counts = np.bincount(stratum, minlength=len(n_each))
    rank = np.arange(len(stratum)) - (np.cumsum(counts) - counts)[stratum]
    return sorted_ones[rank < n_each[stratum]]


def _beyond_fence(sd: npt.NDArray[np.float64]) -> Flags:
    alive = sd > 0
    if not alive.any():
        return np.zeros(len(sd), dtype=np.bool_)
    log = np.log(sd[alive])
    low, high = np.quantile(log, (0.25, 0.75))
    beyond = np.zeros(len(sd), dtype=np.bool_)
    beyond[alive] = log > high + FENCE * (high - low)
    return beyond


def _moment(moments: xr.Dataset, name: str) -> xr.DataArray:
    if name not in moments or moments[name].dims != ("layer", "neuron"):
        found = moments[name].dims if name in moments else sorted(str(each) for each in moments)
        raise InvalidInput(f"Moments need '{name}' (layer, neuron); found {found}. Take them with a sweep's moments.")
    values = moments[name]
    if np.isnan(values.values).any() or (name in ("sd", "size") and (values.values < 0).any()):
        raise InvalidInput(f"'{name}' of the neurons holds NaN or negative values; measure it on other texts.")
    return values.astype(np.float64)


def _selected(masks: xr.DataArray, moments: xr.Dataset) -> Flags:
    expected = _moment(moments, "size").shape
    if masks.dims != ("attribute", "layer", "neuron") or masks.dtype != np.bool_ or masks.shape[1:] != expected:
        raise InvalidInput(
            f"Masks are {masks.dtype} {dict(masks.sizes)}; they must be bool (attribute, layer, neuron) with "
            f"{expected[0]} layers of {expected[1]} neurons, as the moments. Select neurons of the same model."
        )
    flat: Flags = masks.values.reshape(masks.shape[0], -1)
    return flat


def _plain_coords(masks: xr.DataArray) -> dict[str, npt.NDArray[np.generic]]:
    return {name: masks[name].values for name in ("attribute", "layer", "neuron")}

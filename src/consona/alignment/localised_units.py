"""Units of a model that answer to one sort of prompts more than to another, as a set of features."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from scipy.stats import t as student

from consona.core.errors import InvalidInput
from consona.core.features import Features
from consona.core.invariants import listed
from consona.stats.fdr import benjamini_hochberg

__all__ = ["LocalisedUnits", "localised_units"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LocalisedUnits:
    """Units in the order of their contrast; make it with :func:`localised_units`.

    ``table`` has a row per unit: ``layer``, ``feature``, ``t`` (Welch's), ``p`` and ``q``, the false discovery rate
    over all units of all layers that were compared, ``n_compared`` of them.
    """

    table: pd.DataFrame
    n_compared: int

    def features(self, states: Features) -> Features:
        """These units of other states of the same model, as one layer: ``(stimulus, 1, n_units)``.

        Raises
        ------
        InvalidInput
            When the states lack a layer, or have fewer features.
        """
        layers = states.layers.tolist()
        missing = sorted(set(self.table["layer"].tolist()) - set(layers))
        if missing or self.table["feature"].max() >= states.data.sizes["feature"]:
            raise InvalidInput(
                f"The states hold layers {listed(layers, 12)} of {states.data.sizes['feature']} features; the units "
                f"lie in layers {listed(np.unique(self.table['layer']), 12)}, up to feature "
                f"{self.table['feature'].max()}. Capture the same site of the same model."
            )
        places = [layers.index(layer) for layer in self.table["layer"]]
        values = states.data.values[:, places, self.table["feature"].to_numpy()]
        facts = {"localised": f"{len(self.table)} units", "largest_q": float(self.table["q"].max())}
        return Features.of(values, states.ids, {**states.attrs, **facts})

    def to_xarray(self) -> xr.Dataset:
        """The table with the dimension ``place``, from the largest contrast on."""
        columns = {str(name): ("place", self.table[name].to_numpy()) for name in self.table}
        return xr.Dataset(columns, attrs={"n_compared": self.n_compared})


def localised_units(
    positive: Features, negative: Features, *, n: int, compared: Literal["size", "value"] = "size"
) -> LocalisedUnits:
    r"""The ``n`` units, of all layers together, that tell two sorts of prompts apart best, by Welch's t.

    .. math:: t = \frac{\bar a - \bar b}{\sqrt{s_a^2 / n_a + s_b^2 / n_b}}

    Welch (1947); localisation of units as in AlKhamissi et al. (2025). Prompts must not be the stimuli that are scored
    afterwards. Units that are constant in both sorts are never chosen.

    Parameters
    ----------
    positive, negative
        States of the prompts of interest (reasoning, sentences) and of the control prompts (reading, nonwords).
    n
        How many; as many as one layer has is common.
    compared
        ``size``: absolute activations, and the units where those of ``positive`` are larger (as published). ``value``:
        activations as they are, and the units with the largest t of either sign.

    Raises
    ------
    InvalidInput
        When layers or features differ, a sort has fewer than two prompts, or fewer than ``n`` units vary.
    """
    _require(positive, negative)
    a, b = (np.asarray(each.data.values, dtype=np.float64) for each in (positive, negative))
    t, p = _welch(*(np.abs(each) if compared == "size" else each for each in (a, b)))
    known = np.isfinite(t)
    if not 1 <= n <= known.sum():
        raise InvalidInput(f"{n} units were asked for and {int(known.sum())} vary; choose from 1 to as many as vary.")
    q = benjamini_hochberg(p)
    rank = np.where(known, t if compared == "size" else np.abs(t), -np.inf)
    layer, feature = np.unravel_index(np.argsort(-rank, axis=None, kind="stable")[:n], t.shape)
    place = (layer, feature)
    table = pd.DataFrame(
        {"layer": positive.layers[layer], "feature": feature, "t": t[place], "p": p[place], "q": q[place]}
    )
    return LocalisedUnits(table, int(known.sum()))


def _welch(a: Array, b: Array) -> tuple[Array, Array]:
    """t and two-sided p per unit; NaN where both sorts are constant."""
    square = [each.var(axis=0, ddof=1) / len(each) for each in (a, b)]
    total = square[0] + square[1]
    varies = total > 0
    some = np.where(varies, total, 1.0)
    t = np.where(varies, (a.mean(axis=0) - b.mean(axis=0)) / np.sqrt(some), np.nan)
    below = square[0] ** 2 / (len(a) - 1) + square[1] ** 2 / (len(b) - 1)
    df = np.where(varies, some**2 / np.where(varies, below, 1.0), 1.0)
    return t, np.asarray(2 * student.sf(np.abs(t), df))


def _require(positive: Features, negative: Features) -> None:
    if min(len(positive), len(negative)) < 2:
        raise InvalidInput(f"{len(positive)} and {len(negative)} prompts were given; Welch's t needs two of each sort.")
    same = np.array_equal(positive.layers, negative.layers)
    if not same or positive.data.sizes["feature"] != negative.data.sizes["feature"]:
        raise InvalidInput(
            f"The prompts have states of {listed(positive.layers, 12)} x {positive.data.sizes['feature']} and of "
            f"{listed(negative.layers, 12)} x {negative.data.sizes['feature']}; capture both from one model and site."
        )

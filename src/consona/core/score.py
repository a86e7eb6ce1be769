"""Score: agreement between model and brain, held out wherever anything was fitted."""

import json
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import pandas as pd
import xarray as xr

from consona.core.errors import InvalidInput
from consona.core.invariants import listed

DIMS = ("subject", "layer", "target", "attribute")


@dataclass(frozen=True, eq=False)
class Score:
    """Agreement, with its cross-validation, its null and its ceiling beside it, never divided in.

    Parameters
    ----------
    data
        Values over some of ``subject, layer, target, attribute``; NaN is undefined; higher is better.
    metric
        What is measured, for example ``pearson r``.
    cv
        How the data were held out, in words; ``in-sample`` when they were not.
    null
        The same dimensions with ``permutation`` in front, or none.
    ceiling
        The best value that noise allows, over dimensions of ``data``, or none.
    attrs
        Further facts, JSON-able.

    Raises
    ------
    InvalidInput
        When dimensions are unknown, metric or cv are not stated, or null and ceiling do not fit.
    """

    data: xr.DataArray
    metric: str
    cv: str
    null: xr.DataArray | None = None
    ceiling: xr.DataArray | None = None
    attrs: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check dimensions and that metric and cross-validation are stated."""
        unknown = [dim for dim in self.data.dims if dim not in DIMS]
        if unknown:
            raise InvalidInput(f"A Score has dimensions among {DIMS}; found {listed(unknown)}. Rename them.")
        if not self.metric or not self.cv:
            raise InvalidInput("A Score states its metric and its cross-validation; one is empty. Fill in both.")
        if np.isinf(self.data.values).any():
            raise InvalidInput(f"Score '{self.metric}' holds infinite values; undefined is NaN. Mend the metric.")
        if self.null is not None and tuple(self.null.dims) != ("permutation", *self.data.dims):
            raise InvalidInput(
                f"The null of a Score has dimensions {('permutation', *self.data.dims)}; found {self.null.dims}."
            )
        if self.ceiling is not None and not set(self.ceiling.dims) <= set(self.data.dims):
            raise InvalidInput(f"The ceiling has dimensions {self.ceiling.dims}, the score only {self.data.dims}.")
        object.__setattr__(self, "attrs", dict(self.attrs))

    @property
    def n_undefined(self) -> int:
        """How many values are NaN."""
        return int(np.isnan(self.data.values).sum())

    def grid(self, rows: str, columns: str) -> xr.DataArray:
        """The targets unfolded along two of their coordinates, for example ``channel`` and ``band``."""
        missing = [name for name in (rows, columns) if name not in self.data.coords]
        if missing:
            raise InvalidInput(
                f"The targets carry no coordinate {listed(missing)}; they carry {listed(self.data.coords)}."
            )
        folded = self.data.set_index(target=[rows, columns]).unstack("target")
        order = {name: pd.unique(self.data[name].values) for name in (rows, columns)}
        return folded.reindex(order)

    def to_xarray(self) -> xr.Dataset:
        """As a dataset with the variables ``score``, ``null`` and ``ceiling``."""
        data = xr.Dataset({"score": self.data})
        for name, array in (("null", self.null), ("ceiling", self.ceiling)):
            if array is not None:
                data[name] = array
        data.attrs = {
            "noun": "Score",
            "metric": self.metric,
            "cv": self.cv,
            "facts": json.dumps(self.attrs, sort_keys=True),
        }
        return data

    @classmethod
    def from_xarray(cls, data: xr.Dataset) -> Self:
        """The inverse of :meth:`to_xarray`."""
        optional = {name: data.get(name) for name in ("null", "ceiling")}
        facts = json.loads(str(data.attrs["facts"]))
        return cls(data["score"], str(data.attrs["metric"]), str(data.attrs["cv"]), attrs=facts, **optional)

    def to_frame(self) -> pd.DataFrame:
        """Tidy: one row per value, with the ceiling where there is one."""
        frame = (
            self.data.rename("score").to_dataframe() if self.data.dims else pd.DataFrame({"score": [float(self.data)]})
        )
        if self.ceiling is not None:
            frame["ceiling"] = self.ceiling.broadcast_like(self.data).values.ravel()
        return frame.reset_index(drop=not self.data.dims)

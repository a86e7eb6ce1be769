"""Direction: a concept as a unit vector in activation space, with an origin and a unit of length."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from consona.core.errors import InvalidInput
from consona.core.features import Features

_UNIT = 1e-5


@dataclass(frozen=True, eq=False)
class Direction:
    """A concept in activation space.

    Parameters
    ----------
    values
        Unit vector, ``(n_features,)``.
    origin
        The point that projects to zero, ``(n_features,)``.
    spread
        Standard deviation of the projections of the texts it was fitted on, in units of the activation.
    name, positive
        The concept, and the pole that is positive by rule.
    site, layer, model
        Where it lives.

    Raises
    ------
    InvalidInput
        When the vector is not of unit length, shapes differ, or the spread is not positive.
    """

    values: npt.NDArray[np.float64]
    origin: npt.NDArray[np.float64]
    spread: float
    name: str
    positive: str
    site: str
    layer: int
    model: str = ""

    def __post_init__(self) -> None:
        """Check length, shapes and spread; keep private, read-only copies."""
        values, origin = (np.array(each, dtype=np.float64) for each in (self.values, self.origin))
        if values.ndim != 1 or values.shape != origin.shape:
            raise InvalidInput(
                f"Direction '{self.name}': values {values.shape} and origin {origin.shape} must be equal 1-D."
            )
        length = float(np.linalg.norm(values))
        if not abs(length - 1) < _UNIT:
            raise InvalidInput(f"Direction '{self.name}' has length {length:.6g}; it must be 1. Divide it by its norm.")
        if not (np.isfinite(self.spread) and self.spread > 0):
            raise InvalidInput(f"Direction '{self.name}' has spread {self.spread}; a positive number is needed.")
        if not self.positive:
            raise InvalidInput(f"Direction '{self.name}' names no positive pole; without one its sign means nothing.")
        for name, array in (("values", values), ("origin", origin)):
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    def __repr__(self) -> str:
        """One line, without the numbers of the vector."""
        where = f"{self.site or 'features'}, layer {self.layer}, {self.values.size} features"
        return f"Direction('{self.name}', positive='{self.positive}', {where}, spread {self.spread:.3g})"

    def project(self, features: Features) -> npt.NDArray[np.float64]:
        """Projections in SD, ``(n_stimuli,)``: ``((x - origin) . v) / spread`` at the layer of this direction."""
        x = features.layer(self.layer).astype(np.float64)
        if x.shape[1] != self.values.size:
            raise InvalidInput(
                f"Direction '{self.name}' has {self.values.size} features and these activations {x.shape[1]}: "
                "another model?"
            )
        return np.asarray((x - self.origin) @ self.values / self.spread)

    def flipped(self, positive: str) -> Self:
        """The opposite direction, whose positive pole is ``positive``."""
        return replace(self, values=-self.values, positive=positive)

    def _facts(self) -> dict[str, Any]:
        names = ("spread", "name", "positive", "site", "layer", "model")
        return {name: getattr(self, name) for name in names}

    def to_xarray(self) -> xr.Dataset:
        """As a dataset with the variables ``values`` and ``origin``."""
        variables = {"values": ("feature", self.values), "origin": ("feature", self.origin)}
        return xr.Dataset(variables, attrs={"noun": "Direction", **self._facts()})

    @classmethod
    def from_xarray(cls, data: xr.Dataset) -> Self:
        """The inverse of :meth:`to_xarray`."""
        a = data.attrs
        text = {name: str(a[name]) for name in ("name", "positive", "site", "model")}
        return cls(data["values"].values, data["origin"].values, float(a["spread"]), layer=int(a["layer"]), **text)

    def to_frame(self) -> pd.DataFrame:
        """One row per feature."""
        return pd.DataFrame({"values": self.values, "origin": self.origin})

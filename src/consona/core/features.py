"""Features: activations of one model at one site, or any table of features."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from consona.core.errors import InvalidInput
from consona.core.invariants import as_names, listed, require_dims, require_finite, require_unique


@dataclass(frozen=True, eq=False)
class Features:
    """Activations of one model at one site: ``(stimulus, layer, feature)``, finite, float32.

    ``data.attrs`` of captured features name model, revision, site, pooling and tokenizer. Layers count from 0.

    Raises
    ------
    InvalidInput
        When dimensions differ, ids repeat, or values are NaN or infinite (stimuli and layers are named).
    """

    data: xr.DataArray

    def __post_init__(self) -> None:
        """Check dimensions, ids and values; bring the array to float32."""
        require_dims(self.data, ("stimulus", "layer", "feature"), "Features")
        if "stimulus" not in self.data.coords:
            raise InvalidInput("Features need the coordinate 'stimulus' with ids; without ids nothing can be aligned.")
        data = self.data.astype(np.float32).assign_coords(stimulus=as_names(self.data["stimulus"].values))
        if "layer" not in data.coords:
            data = data.assign_coords(layer=np.arange(data.sizes["layer"]))
        require_unique(as_names(data["stimulus"].values), "stimulus ids", "Features")
        require_finite(data, "Features", "stimulus")
        object.__setattr__(self, "data", data)

    @classmethod
    def of(cls, values: npt.ArrayLike, ids: npt.ArrayLike, attrs: dict[str, Any] | None = None) -> Self:
        """Features from an array ``(n_stimuli, n_features)`` or ``(n_stimuli, n_layers, n_features)``."""
        array = np.asarray(values, dtype=np.float32)
        array = array[:, None, :] if array.ndim == 2 else array
        coords = {"stimulus": as_names(ids), "layer": np.arange(array.shape[1])}
        return cls(xr.DataArray(array, coords, ("stimulus", "layer", "feature"), attrs=attrs or {}))

    @property
    def ids(self) -> npt.NDArray[np.str_]:
        """Stimulus ids, shape ``(n_stimuli,)``."""
        return as_names(self.data["stimulus"].values)

    @property
    def layers(self) -> npt.NDArray[np.int64]:
        """Layer numbers, counted from 0."""
        return np.asarray(self.data["layer"].values, dtype=np.int64)

    @property
    def attrs(self) -> dict[str, Any]:
        """What is known about the origin."""
        return dict(self.data.attrs)

    def __len__(self) -> int:
        return self.data.sizes["stimulus"]

    def layer_number(self, layer: int) -> int:
        """The layer counted from 0, where negative numbers count from the last one held.

        Raises
        ------
        InvalidInput
            When there is no such layer.
        """
        layers = self.layers.tolist()
        if layer < 0 and -layer <= len(layers):
            return int(layers[layer])
        if layer in layers:
            return layer
        raise InvalidInput(f"Layer {layer} is not among the layers held: {listed(layers, 12)}.")

    def layer(self, layer: int) -> npt.NDArray[np.float32]:
        """One layer as an array ``(n_stimuli, n_features)``; negative numbers count from the end."""
        return np.asarray(self.data.sel(layer=self.layer_number(layer)).values)

    def select(self, which: npt.ArrayLike) -> Self:
        """The features of a boolean mask or a list of stimulus ids, in that order."""
        chosen = np.asarray(which)
        if chosen.dtype == bool:
            return type(self)(self.data[chosen])
        missing = sorted(set(as_names(chosen).tolist()) - set(self.ids.tolist()))
        if missing:
            raise InvalidInput(f"Features hold {len(self)} stimuli; not among them: {listed(missing)}.")
        return type(self)(self.data.sel(stimulus=as_names(chosen)))

    def to_xarray(self) -> xr.Dataset:
        """As a dataset with the variable ``features``."""
        return xr.Dataset({"features": self.data}, attrs={"noun": "Features"})

    @classmethod
    def from_xarray(cls, data: xr.Dataset) -> Self:
        """The inverse of :meth:`to_xarray`."""
        return cls(data["features"])

    def to_frame(self) -> pd.DataFrame:
        """Tidy: one row per stimulus and layer, one column per feature."""
        wide = self.data.values.reshape(-1, self.data.sizes["feature"])
        rows = pd.MultiIndex.from_product([self.ids, self.layers], names=["stimulus", "layer"])
        return pd.DataFrame(wide, rows, [f"feature{i}" for i in range(wide.shape[1])])

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> Self:
        """The inverse of :meth:`to_frame`."""
        ids = frame.index.get_level_values("stimulus").unique()
        layers = frame.index.get_level_values("layer").unique().astype(int)
        values = frame.to_numpy(np.float32).reshape(len(ids), len(layers), -1)
        coords = {"stimulus": as_names(ids), "layer": layers.to_numpy()}
        return cls(xr.DataArray(values, coords, ("stimulus", "layer", "feature")))

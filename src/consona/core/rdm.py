"""RDM: dissimilarities between stimuli, as a condensed upper triangle."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from consona.core.errors import InvalidInput
from consona.core.invariants import as_names, require_dims, require_unique


@dataclass(frozen=True, eq=False)
class RDM:
    """Dissimilarities of all pairs of stimuli: ``(pair,)``, the upper triangle row by row.

    Coordinates ``first`` and ``second`` name the stimuli of a pair; ``metric`` names the dissimilarity; ``subject`` is
    whose it is, empty for the RDM of a model. NaN is an undefined dissimilarity.

    Raises
    ------
    InvalidInput
        When the pairs are not the complete upper triangle of their stimuli, or no metric is named.
    """

    data: xr.DataArray
    metric: str
    subject: str = ""

    def __post_init__(self) -> None:
        """Check that the pairs are the complete upper triangle."""
        require_dims(self.data, ("pair",), "RDM")
        if not self.metric:
            raise InvalidInput("An RDM names its metric; found an empty name. Give, say, metric='correlation'.")
        data = self.data.assign_coords(
            first=("pair", as_names(self.data["first"].values)), second=("pair", as_names(self.data["second"].values))
        )
        object.__setattr__(self, "data", data)
        ids = self.ids
        require_unique(ids, "stimulus ids", "RDM")
        upper = np.triu_indices(len(ids), 1)
        whole = len(upper[0]) == data.sizes["pair"]
        if not whole or (ids[upper[0]] != data["first"].values).any() or (ids[upper[1]] != data["second"].values).any():
            raise InvalidInput(
                f"An RDM of {len(ids)} stimuli holds its {len(upper[0])} pairs row by row; found {data.sizes['pair']} "
                "pairs, or another order. Make it with RDM.of_matrix."
            )

    @classmethod
    def of_matrix(cls, matrix: npt.ArrayLike, ids: npt.ArrayLike, *, metric: str, subject: str = "") -> Self:
        """From a symmetric matrix ``(n_stimuli, n_stimuli)``."""
        square, names = np.asarray(matrix, dtype=float), as_names(ids)
        if square.shape != (len(names), len(names)) or not np.allclose(square, square.T, equal_nan=True):
            raise InvalidInput(f"A symmetric {len(names)} x {len(names)} matrix is needed; found shape {square.shape}.")
        i, j = np.triu_indices(len(names), 1)
        coords = {"first": ("pair", names[i]), "second": ("pair", names[j])}
        return cls(xr.DataArray(square[i, j], coords, ("pair",)), metric, subject)

    @property
    def ids(self) -> npt.NDArray[np.str_]:
        """Stimulus ids in the order of the rows, shape ``(n_stimuli,)``."""
        first, second = self.data["first"].values, self.data["second"].values
        return as_names([first[0], *second[first == first[0]]])

    def matrix(self) -> npt.NDArray[np.float64]:
        """The symmetric matrix ``(n_stimuli, n_stimuli)`` with a zero diagonal."""
        n = len(self.ids)
        square = np.zeros((n, n))
        square[np.triu_indices(n, 1)] = self.data.values
        return square + square.T

    def to_xarray(self) -> xr.Dataset:
        """As a dataset with the variable ``dissimilarity``."""
        attrs = {"noun": "RDM", "metric": self.metric, "subject": self.subject}
        return xr.Dataset({"dissimilarity": self.data}, attrs=attrs)

    @classmethod
    def from_xarray(cls, data: xr.Dataset) -> Self:
        """The inverse of :meth:`to_xarray`."""
        return cls(data["dissimilarity"], str(data.attrs["metric"]), str(data.attrs.get("subject", "")))

    def to_frame(self) -> pd.DataFrame:
        """Tidy: one row per pair."""
        columns = {name: self.data[name].values for name in ("first", "second")}
        return pd.DataFrame({**columns, "dissimilarity": self.data.values})

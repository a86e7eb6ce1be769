"""Recording: responses of one subject."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from consona.core.errors import InvalidInput
from consona.core.invariants import as_names, listed, require_dims, require_unique

_DIMS = ("repetition", "stimulus", "target")


@dataclass(frozen=True, eq=False)
class Recording:
    """Responses of **one** subject: ``(repetition, stimulus, target)``.

    Missing values (NaN) only as whole repetitions of a stimulus or as whole targets, never as single cells; every
    stimulus is there at least once. ``voxel``, ``roi`` or ``channel``, ``band``, ``time`` lie along ``target``.

    Raises
    ------
    InvalidInput
        When an invariant is broken; the message names subject, stimuli and targets.
    """

    data: xr.DataArray
    subject: str
    attrs: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check dimensions, ids and the pattern of missing values."""
        require_dims(self.data, _DIMS, "Recording")
        if "stimulus" not in self.data.coords:
            raise InvalidInput(f"Recording '{self.subject}' needs the coordinate 'stimulus' with ids.")
        data = self.data.assign_coords(stimulus=as_names(self.data["stimulus"].values))
        require_unique(as_names(data["stimulus"].values), "stimulus ids", f"Recording '{self.subject}'")
        _require_whole(data, self.subject)
        object.__setattr__(self, "data", data)
        object.__setattr__(self, "attrs", dict(self.attrs))

    @classmethod
    def of(
        cls,
        values: npt.ArrayLike,
        ids: npt.ArrayLike,
        subject: str,
        attrs: dict[str, Any] | None = None,
        *,
        targets: Mapping[str, npt.ArrayLike] | None = None,
    ) -> Self:
        """A recording from ``(n_stimuli, n_targets)`` or ``(n_repetitions, n_stimuli, n_targets)``.

        ``targets`` are labels of the targets by name, such as ``{"roi": [...]}``.
        """
        array, names = np.asarray(values), as_names(ids)
        array = array[None] if array.ndim == 2 else array
        labels = {name: np.asarray(each) for name, each in (targets or {}).items()}
        wrong = [name for name, each in labels.items() if array.ndim != 3 or each.shape != array.shape[2:]]
        if array.ndim != 3 or array.shape[1] != len(names) or wrong:
            raise InvalidInput(
                f"Recording '{subject}': an array of shape {np.shape(values)} with {len(names)} ids"
                f"{f' and labels {wrong} of another length' if wrong else ''}; expected (n_stimuli, n_targets) or "
                "(n_repetitions, n_stimuli, n_targets), one id per stimulus and one label per target."
            )
        coords = {"stimulus": names, **{name: ("target", each) for name, each in labels.items()}}
        return cls(xr.DataArray(array, coords, _DIMS), subject, attrs or {})

    @property
    def ids(self) -> npt.NDArray[np.str_]:
        """Stimulus ids, shape ``(n_stimuli,)``."""
        return as_names(self.data["stimulus"].values)

    @property
    def n_targets(self) -> int:
        """Number of targets."""
        return self.data.sizes["target"]

    def __len__(self) -> int:
        return self.data.sizes["stimulus"]

    def mean(self) -> npt.NDArray[np.float64]:
        """Mean over the repetitions that exist, ``(n_stimuli, n_targets)``; a missing target stays NaN."""
        values = np.asarray(self.data.values, dtype=np.float64)
        count = np.isfinite(values).sum(axis=0)
        total = np.where(np.isfinite(values), values, 0.0).sum(axis=0)
        return np.asarray(np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0))

    def select(self, which: npt.ArrayLike) -> Self:
        """The stimuli of a boolean mask or a list of ids, in that order."""
        chosen = np.asarray(which)
        if chosen.dtype == bool:
            return type(self)(self.data[:, chosen], self.subject, self.attrs)
        missing = sorted(set(as_names(chosen).tolist()) - set(self.ids.tolist()))
        if missing:
            raise InvalidInput(
                f"Recording '{self.subject}' holds {len(self)} stimuli; not among them: {listed(missing)}."
            )
        return type(self)(self.data.sel(stimulus=as_names(chosen)), self.subject, self.attrs)

    def to_xarray(self) -> xr.Dataset:
        """As a dataset with the variable ``responses``; attributes are prefixed with ``recording_``."""
        attrs = {f"recording_{k}": v for k, v in self.attrs.items()}
        return xr.Dataset({"responses": self.data}, attrs={"noun": "Recording", "subject": self.subject, **attrs})

    @classmethod
    def from_xarray(cls, data: xr.Dataset) -> Self:
        """The inverse of :meth:`to_xarray`."""
        attrs = {k.removeprefix("recording_"): v for k, v in data.attrs.items() if k.startswith("recording_")}
        plain = {k: v.item() if isinstance(v, np.generic) else v for k, v in attrs.items()}
        return cls(_text_coords(data["responses"]), str(data.attrs["subject"]), plain)

    def to_frame(self) -> pd.DataFrame:
        """Tidy: one row per repetition and stimulus, one column per target."""
        index = pd.MultiIndex.from_product([range(self.data.sizes["repetition"]), self.ids], names=_DIMS[:2])
        return pd.DataFrame(
            self.data.values.reshape(-1, self.n_targets), index, [f"target{i}" for i in range(self.n_targets)]
        )


def _text_coords(data: xr.DataArray) -> xr.DataArray:
    text = {
        str(n): (c.dims, as_names(c.values)) for n, c in data.coords.items() if c.dtype.kind in "OUST" and c.ndim == 1
    }
    return data.assign_coords(text)


def _require_whole(data: xr.DataArray, subject: str) -> None:
    values = np.asarray(data.values)
    if np.isinf(values).any():
        raise InvalidInput(f"Recording '{subject}' holds infinite values. Mend them or mark the target missing (NaN).")
    missing = np.isnan(values)
    gone = missing.all(axis=(0, 1))
    kept = missing[:, :, ~gone]
    cells = kept.any(axis=2) & ~kept.all(axis=2) if kept.shape[2] else np.zeros(missing.shape[:2], bool)
    if cells.any():
        targets = np.flatnonzero(~gone)[kept[cells].any(axis=0)]
        raise InvalidInput(
            f"Recording '{subject}' misses single cells: NaN in {int(cells.sum())} rows, targets {listed(targets)}. "
            "Missing is allowed for whole repetitions or whole targets only: set that target to NaN or drop it."
        )
    never = as_names(data["stimulus"].values)[kept.all(axis=(0, 2))] if kept.shape[2] else []
    if len(never):
        raise InvalidInput(
            f"Recording '{subject}': every stimulus must be there at least once; missing: {listed(never)}."
        )

"""Stimuli: what was presented, with its text and the groups it belongs to."""

import json
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from consona.core.errors import InvalidInput
from consona.core.invariants import as_names, listed, require_unique


@dataclass(frozen=True, eq=False)
class Stimuli:
    """What was presented: one row per stimulus.

    Parameters
    ----------
    table
        Indexed by unique stimulus ids. The optional column ``text`` holds a string, or a tuple of strings where a
        stimulus has several (captions). All other columns are groups and labels (clip, story, emotion …).

    Raises
    ------
    InvalidInput
        When there are no rows, ids repeat, or a text is neither a string nor a tuple of strings.
    """

    table: pd.DataFrame

    def __post_init__(self) -> None:
        """Check the ids and the texts; keep a private copy."""
        table = self.table.copy()
        if len(table) == 0:
            raise InvalidInput("Stimuli need at least one row; the table is empty. Check the file or the filter.")
        table.index = pd.Index(as_names(table.index.to_numpy()).tolist(), name="stimulus", dtype=object)
        require_unique(as_names(table.index.to_numpy()), "stimulus ids", "Stimuli")
        if "text" in table:
            table["text"] = pd.Series(
                [_text(value, name) for name, value in table["text"].items()], table.index, dtype=object
            )
        object.__setattr__(self, "table", table)

    @classmethod
    def of(cls, texts: list[str], *, prefix: str = "stimulus") -> Self:
        """Stimuli from texts alone, with ids ``stimulus0000``, ``stimulus0001`` …"""
        return cls(pd.DataFrame({"text": texts}, index=[f"{prefix}{i:04d}" for i in range(len(texts))]))

    @property
    def ids(self) -> npt.NDArray[np.str_]:
        """Stimulus ids, shape ``(n_stimuli,)``."""
        return as_names(self.table.index.to_numpy())

    @property
    def texts(self) -> list[str]:
        """One text per stimulus.

        Raises
        ------
        InvalidInput
            When there is no text, a text is empty, or a stimulus has several.
        """
        if "text" not in self.table:
            raise InvalidInput(f"These stimuli have no column 'text'; they have {listed(self.table.columns)}. Add one.")
        several = [name for name, text in self.table["text"].items() if not isinstance(text, str)]
        if several:
            raise InvalidInput(
                f"One text per stimulus is needed; {listed(several)} have several. Give each its own row."
            )
        empty = [name for name, text in self.table["text"].items() if not text.strip()]
        if empty:
            raise InvalidInput(f"A text must not be empty; {listed(empty)} are. Drop them or fill them in.")
        return [str(text) for text in self.table["text"]]

    def __len__(self) -> int:
        return len(self.table)

    def __contains__(self, column: str) -> bool:
        return column in self.table.columns

    def __getitem__(self, column: str) -> npt.NDArray[Any]:
        if column not in self.table:
            raise InvalidInput(f"These stimuli have no column '{column}'; they have {listed(self.table.columns)}.")
        values = self.table[column]
        return (
            as_names(values)
            if pd.api.types.is_object_dtype(values) or pd.api.types.is_string_dtype(values)
            else values.to_numpy()
        )

    def select(self, which: npt.ArrayLike) -> Self:
        """The stimuli of a boolean mask or a list of ids, in that order."""
        chosen = np.asarray(which)
        if chosen.dtype == bool:
            return type(self)(self.table[chosen])
        missing = [name for name in as_names(chosen) if name not in self.table.index]
        if missing:
            raise InvalidInput(f"Stimuli to select are not there: {listed(missing)}.")
        return type(self)(self.table.loc[as_names(chosen).tolist()])

    def with_columns(self, **columns: npt.ArrayLike) -> Self:
        """The same stimuli with further (or replaced) columns."""
        return type(self)(self.table.assign(**{name: np.asarray(values) for name, values in columns.items()}))

    def to_xarray(self) -> xr.Dataset:
        """As a dataset with the dimension ``stimulus``; several texts become JSON."""
        table = self.table.copy()
        many = [c for c in table if table[c].map(lambda v: isinstance(v, tuple)).any()]
        for column in many:
            table[column] = table[column].map(lambda v: json.dumps(v, ensure_ascii=False))
        columns = {str(c): ("stimulus", self._plain(table[c])) for c in table}
        return xr.Dataset(columns, {"stimulus": self.ids}, {"noun": "Stimuli", "json_columns": json.dumps(many)})

    @staticmethod
    def _plain(values: "pd.Series[Any]") -> npt.NDArray[Any]:
        text = pd.api.types.is_object_dtype(values) or pd.api.types.is_string_dtype(values)
        return as_names(values) if text else values.to_numpy()

    @classmethod
    def from_xarray(cls, data: xr.Dataset) -> Self:
        """The inverse of :meth:`to_xarray`."""
        table = pd.DataFrame({str(c): data[c].values for c in data.data_vars}, index=as_names(data["stimulus"].values))
        for column in table:
            if data[column].dtype.kind in "OUST":
                table[column] = as_names(data[column].values).astype(object)
        for column in json.loads(data.attrs.get("json_columns", "[]")):
            table[column] = [tuple(value) if isinstance(value := json.loads(v), list) else value for v in table[column]]
        return cls(table)

    def to_frame(self) -> pd.DataFrame:
        """A copy of the table, ids as index."""
        return self.table.copy()


def _text(value: object, name: object) -> str | tuple[str, ...]:
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value):
        return tuple(value)
    raise InvalidInput(
        f"The text of stimulus '{name}' is {value!r} ({type(value).__name__}); a string or a tuple of strings is "
        "needed. When a table was read with pandas, pass keep_default_na=False."
    )

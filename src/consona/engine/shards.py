"""Long steps in parts: stimuli are cut into blocks, and the parts joined by label, complete or not at all."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from consona.core.errors import InvalidInput, StoreError
from consona.core.invariants import as_names, listed
from consona.core.stimuli import Stimuli
from consona.engine import forms

_DIM = "stimulus"


def blocks_of(function: Callable[..., Any], args: tuple[Any, ...], size: int) -> list[Stimuli]:
    """The stimuli of a step in blocks of ``size``; empty where the step is not split.

    A step is split when its function is marked ``separable("stimulus")``, its first positional argument is a Stimuli,
    and there is more than one block.
    """
    if _DIM not in getattr(function, "separable_dims", ()) or not args or not isinstance(args[0], Stimuli):
        return []
    stimuli = args[0]
    if len(stimuli) <= size:
        return []
    places = np.arange(len(stimuli))
    return [stimuli.select(places // size == block) for block in range(-(-len(stimuli) // size))]


def joined(parts: Sequence[Any], stimuli: Stimuli) -> Any:
    """The parts of a step as one result, in the order of the stimuli, whatever the order of the parts.

    Nouns, datasets and labelled arrays with the dimension ``stimulus`` are joined along it; mappings key by key.
    Attributes whose name begins with ``n_`` are counts over stimuli and are added up; all others must agree.

    Raises
    ------
    StoreError
        When a stimulus is missing or there twice, or the parts disagree.
    InvalidInput
        When the result carries no stimulus labels.
    """
    first = parts[0]
    if isinstance(first, dict):
        return {key: joined([part[key] for part in parts], stimuli) for key in first}
    if type(first) in forms.NOUNS.values():
        return forms.noun_of(_joined_datasets([part.to_xarray() for part in parts], stimuli))
    if isinstance(first, xr.Dataset):
        return _joined_datasets(parts, stimuli)
    if isinstance(first, xr.DataArray):
        return _joined_datasets([part.to_dataset(name="values") for part in parts], stimuli)["values"].rename(
            first.name
        )
    raise InvalidInput(
        f"A step that is split along '{_DIM}' returned {type(first).__name__}, which carries no labels to join by. "
        "Return Features, a dataset or a labelled array, or take the mark separable away."
    )


def _joined_datasets(parts: Sequence[xr.Dataset], stimuli: Stimuli) -> xr.Dataset:
    try:
        whole = xr.concat(
            [_bare(part) for part in parts],
            dim=_DIM,
            data_vars="minimal",
            coords="minimal",
            compat="equals",
            join="exact",
            combine_attrs="drop",
        )
    except ValueError as error:
        raise StoreError(
            f"The parts of a step do not fit together: {error}. Remove them: consona store --prune."
        ) from error
    _require_complete(as_names(whole[_DIM].values).tolist(), stimuli)
    whole = whole.assign_coords({_DIM: as_names(whole[_DIM].values)}).sel({_DIM: stimuli.ids})
    whole.attrs = _joined_attrs([part.attrs for part in parts])
    for name in whole.variables:
        whole[name].attrs = _joined_attrs([part[name].attrs for part in parts])
    return whole


def _bare(part: xr.Dataset) -> xr.Dataset:
    if _DIM not in part.coords:
        raise InvalidInput(
            f"A step that is split along '{_DIM}' returned a result without that coordinate. Add the ids."
        )
    return part


def _require_complete(found: Sequence[str], stimuli: Stimuli) -> None:
    missing = sorted(set(stimuli.ids.tolist()) - set(found))
    if missing or len(found) != len(stimuli):
        raise StoreError(
            f"A step of {len(stimuli)} stimuli gave {len(found)} in its parts; missing: {listed(missing) or 'none'}. "
            "Its function must return every stimulus of a block once. Nothing was joined."
        )


def _joined_attrs(several: Sequence[Mapping[Any, Any]]) -> dict[str, Any]:
    return {str(name): _joined_attr(str(name), [attrs.get(name) for attrs in several]) for name in several[0]}


def _joined_attr(name: str, values: Sequence[Any]) -> Any:
    if name.startswith("n_"):
        return sum(values)
    if any(value != values[0] for value in values):
        raise StoreError(
            f"The parts of a step disagree on '{name}': {listed(dict.fromkeys(map(repr, values)))}. "
            "An attribute that differs between blocks is a count; its name begins with n_."
        )
    return values[0]

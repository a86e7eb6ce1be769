"""Long steps in parts: blocks of stimuli or of targets, joined by label, complete or not at all."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from consona.core.errors import InvalidInput, StoreError
from consona.core.invariants import as_names, listed
from consona.core.recording import Recording
from consona.core.stimuli import Stimuli
from consona.engine import forms

# What a count counts. One that does not count what is split is the same in every part, and is not added up.
_SIZES = {
    "stimulus": "n_stimuli",
    "target": "n_targets",
    "feature": "n_features",
    "layer": "n_layers",
    "subject": "n_subjects",
    "repetition": "n_repetitions",
    "permutation": "n_permutations",
    "fold": "n_folds",
}


@dataclass(frozen=True)
class BlockSizes:
    """Stimuli and targets per shard: constants of the execution, never derived from the workers."""

    stimuli: int
    targets: int


@dataclass(frozen=True)
class Split:
    """How a call is cut: along which dimension, which argument, and its blocks in order."""

    dim: str
    argument: str
    whole: Stimuli | Recording
    blocks: tuple[Stimuli | Recording, ...]

    @property
    def labels(self) -> list[Any] | None:
        """What is at each place of the dimension; None for targets without a label."""
        if isinstance(self.whole, Stimuli):
            return [str(each) for each in self.whole.ids]
        named = "target" in self.whole.data.coords
        return list(self.whole.data["target"].values.tolist()) if named else None


def split_of(marks: Sequence[str], given: Mapping[str, Any], sizes: BlockSizes) -> Split | None:
    """How a call is cut; None where it is carried out in one piece.

    A function marked ``separable("stimulus")`` is cut along its first argument where that is a Stimuli, one marked
    ``separable("target")`` along its first Recording; both only where there is more than one block.

    Parameters
    ----------
    marks
        The dimensions that the function is separable along.
    given
        Its arguments by name, in order.
    sizes
        Stimuli and targets per block.
    """
    first = next(iter(given.items()), ("", None))
    if "stimulus" in marks and isinstance(first[1], Stimuli):
        return _cut("stimulus", first[0], first[1], sizes.stimuli)
    recordings = [(name, value) for name, value in given.items() if isinstance(value, Recording)]
    if "target" in marks and recordings:
        return _cut("target", *recordings[0], sizes.targets)
    return None


def _cut(dim: str, argument: str, whole: Stimuli | Recording, size: int) -> Split | None:
    n = _size(whole)
    if n <= size:
        return None
    return Split(dim, argument, whole, tuple(_block(whole, start, start + size) for start in range(0, n, size)))


def _block(whole: Stimuli | Recording, start: int, end: int) -> Stimuli | Recording:
    if isinstance(whole, Recording):  # a view: the values are copied when the block is carried out
        return Recording(whole.data.isel(target=slice(start, end)), whole.subject, whole.attrs)
    places = np.arange(len(whole))
    return whole.select((places >= start) & (places < end))


def joined(parts: Sequence[Any], split: Split) -> Any:
    """The parts of a step as one result, in the order of stimuli or targets, whatever the order within the parts.

    Nouns, datasets and labelled arrays with the dimension are joined along it; mappings key by key. Attributes (those
    of a Score included) whose name begins with ``n_`` are counts over what was split and are added up, but for the
    sizes of other dimensions (``n_features``, ``n_permutations`` …); these and all other attributes must agree.

    Raises
    ------
    StoreError
        When a stimulus or target is missing or there twice, or the parts disagree.
    InvalidInput
        When the result does not have the dimension.
    """
    first = parts[0]
    if isinstance(first, dict):
        return {key: joined([part[key] for part in parts], split) for key in first}
    if type(first) in forms.NOUNS.values():
        return forms.noun_of(_joined_datasets([part.to_xarray() for part in parts], split))
    if isinstance(first, xr.Dataset):
        return _joined_datasets(parts, split)
    if isinstance(first, xr.DataArray):
        several = [part.to_dataset(name="values") for part in parts]
        return _joined_datasets(several, split)["values"].rename(first.name)
    raise InvalidInput(
        f"A step that is split along '{split.dim}' returned {type(first).__name__}, which carries no labels to join "
        "by. Return a noun, a dataset or a labelled array, or take the mark separable away."
    )


def _joined_datasets(parts: Sequence[xr.Dataset], split: Split) -> xr.Dataset:
    _require_dimension(parts, split)
    try:
        whole = xr.concat(
            parts,
            dim=split.dim,
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
    whole = _in_order(whole, split)
    whole.attrs = _joined_attrs([part.attrs for part in parts], split.dim)
    for name in whole.variables:
        whole[name].attrs = _joined_attrs([part[name].attrs for part in parts], split.dim)
    return whole


def _require_dimension(parts: Sequence[xr.Dataset], split: Split) -> None:
    for part, block in zip(parts, split.blocks, strict=True):
        if split.dim not in part.dims or (split.dim == "stimulus" and split.dim not in part.coords):
            raise InvalidInput(
                f"A step that is split along '{split.dim}' returned a result without it. Return a value for every "
                f"{split.dim}, with its label; what is one value for all of them is made from the joined result."
            )
        if not _by_label(part, split) and part.sizes[split.dim] != _size(block):
            raise StoreError(
                f"A block of {_size(block)} targets gave {part.sizes[split.dim]}. Its function must return every "
                "target of a block once, undefined ones as NaN. Nothing was joined."
            )


def _by_label(part: xr.Dataset, split: Split) -> bool:
    return split.labels is not None and split.dim in part.coords


def _in_order(whole: xr.Dataset, split: Split) -> xr.Dataset:
    """Complete and in the order of the labels; targets without labels stand in the order of their blocks."""
    labels = split.labels
    if labels is None or not _by_label(whole, split):
        return whole
    if split.dim == "stimulus":
        whole = whole.assign_coords({split.dim: as_names(whole[split.dim].values)})
    found = whole[split.dim].values.tolist()
    missing = sorted(set(labels) - set(found))
    if missing or len(found) != len(labels):
        what = f"{len(labels)} {'stimuli' if split.dim == 'stimulus' else 'targets'}"
        raise StoreError(
            f"A step of {what} gave {len(found)} in its parts; missing: {listed(missing) or 'none'}. "
            f"Its function must return every {split.dim} of a block once. Nothing was joined."
        )
    return whole if found == labels else whole.sel({split.dim: labels})


def _size(block: Stimuli | Recording) -> int:
    return len(block) if isinstance(block, Stimuli) else block.n_targets


def _joined_attrs(several: Sequence[Mapping[Any, Any]], dim: str) -> dict[str, Any]:
    names = dict.fromkeys(str(name) for attrs in several for name in attrs)
    return {name: _joined_attr(name, [attrs.get(name) for attrs in several], dim) for name in names}


def _joined_attr(name: str, values: Sequence[Any], dim: str) -> Any:
    if name == "facts" and all(isinstance(value, str) for value in values):  # of a Score: JSON in one attribute
        return json.dumps(_joined_attrs([json.loads(value) for value in values], dim), sort_keys=True)
    fixed = {size for each, size in _SIZES.items() if each != dim}
    if name.startswith("n_") and name not in fixed and None not in values:
        return sum(values)
    if any(forms.to_json(value) != forms.to_json(values[0]) for value in values):
        raise StoreError(
            f"The parts of a step disagree on '{name}': {listed(dict.fromkeys(map(repr, values)))}. An attribute that "
            f"differs between blocks is a count, whose name begins with n_; a value per {dim} is a coordinate."
        )
    return values[0]

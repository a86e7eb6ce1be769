"""Targets in blocks: read piece by piece from wherever they lie, undefined ones set aside, all blocks of one shape."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from array_api_compat import array_namespace, device, is_array_api_obj, is_numpy_array

from consona.stats.shapes import Array, Bool, Float, Int

__all__ = ["BLOCK", "TargetBlock", "gathered", "target_blocks", "to_numpy"]

BLOCK = 512
"""Targets that are worked on together: their predictions stay in the cache of a core."""
_TILE = 64  # a multiple of the columns that a matrix product works on at once, in any library
_BYTES_AT_ONCE = 2**28


@dataclass(frozen=True)
class TargetBlock:
    """Consecutive targets, shifted by their own ``shift`` and cut in parts of equal width.

    Every part has the same shape, filled up with zeros, and a target that is constant or not finite is all zeros: so
    what a matrix product makes of one target does not depend, down to the last bit, on the targets beside it.

    Parameters
    ----------
    parts
        Arrays ``(n_rows, width)``.
    shift
        ``(n_targets,)``, in the order of the parts.
    usable
        ``(n_targets,)``: finite, and not constant.
    """

    parts: tuple[Float[Array, "n_rows width"], ...]
    shift: Float[Array, " n_targets"]
    usable: Bool[np.ndarray, " n_targets"]

    def columns(self, targets: Int[np.ndarray, " n_chosen"]) -> "TargetBlock":
        """Some of the targets, in parts of the same width."""
        xp = array_namespace(self.shift)
        shift = xp.take(self.shift, xp.asarray(targets, device=device(self.shift)), axis=0)
        return TargetBlock(gathered(self.parts, targets), shift, self.usable[targets])


def gathered(
    parts: tuple[Float[Array, "rows width"], ...], targets: Int[np.ndarray, " n_chosen"]
) -> tuple[Float[Array, "rows width"], ...]:
    """Some columns of parts of equal width, in new parts of that width, filled up with zeros."""
    xp, width = array_namespace(parts[0]), parts[0].shape[1]
    new = []
    for first in range(0, len(targets), width):
        chosen = targets[first : first + width]
        part = xp.zeros_like(parts[0])
        for number in np.unique(chosen // width).tolist():
            place = np.flatnonzero(chosen // width == number)
            columns = xp.asarray(chosen[place] - number * width, device=device(part))
            part[:, int(place[0]) : int(place[-1]) + 1] = xp.take(parts[number], columns, axis=1)
        new.append(part)
    return tuple(new)


def target_blocks(
    Y: Array, like: Float[Array, "n_rows n_features"], n_numbers: int
) -> Iterator[tuple[slice, TargetBlock]]:
    """Blocks of targets that are small in memory, as arrays of the kind, precision and device of ``like``.

    Parameters
    ----------
    Y
        ``(n_rows, n_targets)``: an array, a ``numpy.memmap``, an ``xarray.DataArray`` that lies on disk, or anything
        else with a shape whose columns can be sliced. Never read as a whole.
    like
        The features.
    n_numbers
        How many numbers are kept for each target of a block; from it follows how many targets make a block.

    Raises
    ------
    ValueError
        When the numbers of rows differ.
    """
    if len(Y.shape) != 2 or Y.shape[0] != like.shape[0]:
        raise ValueError(
            f"targets are {tuple(Y.shape)} and features hold {like.shape[0]} rows; targets are (n_rows, n_targets) "
            "with the same rows. Align them first, and give a single target as one column."
        )
    n_targets = int(Y.shape[1])
    width = min(BLOCK, -(-n_targets // _TILE) * _TILE)
    bytes_of_one = n_numbers * array_namespace(like).finfo(like.dtype).bits // 8
    step = width * max(1, _BYTES_AT_ONCE // bytes_of_one // width)
    for first in range(0, n_targets, step):
        place = slice(first, min(first + step, n_targets))
        yield place, _block(_converted(Y[:, place], like), width)


def to_numpy(A: Array) -> np.ndarray:
    """The same values as a NumPy array, from whatever device."""
    return A if is_numpy_array(A) else np.asarray(A.cpu() if hasattr(A, "cpu") else A)


def _converted(values: Array, like: Array) -> Array:
    xp = array_namespace(like)
    if is_numpy_array(like) or not is_array_api_obj(values) or array_namespace(values) is not xp:
        values = np.asarray(to_numpy(values) if is_array_api_obj(values) else values)
    return xp.asarray(values, dtype=like.dtype, device=device(like))


def _block(values: Array, width: int) -> TargetBlock:
    xp = array_namespace(values)
    n_rows, n_targets = values.shape
    low, high = xp.min(values, axis=0), xp.max(values, axis=0)  # a missing or infinite value shows in one of them
    usable = xp.isfinite(low) & xp.isfinite(high) & (high > low)
    values = values if bool(xp.all(usable)) else xp.where(usable, values, xp.zeros_like(values[:1, :]))
    shift = xp.mean(values, axis=0)
    parts = []
    for first in range(0, n_targets, width):
        own = slice(first, min(first + width, n_targets))
        part = xp.zeros((n_rows, width), dtype=values.dtype, device=device(values))
        part[:, : own.stop - first] = values[:, own] - shift[own]
        parts.append(part)
    return TargetBlock(tuple(parts), shift, to_numpy(usable))

"""Interventions on single neurons of one layer: hold them at fixed values, or give them those of other tokens."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import array_api_compat
import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.core.errors import InvalidInput
from consona.core.intervention_base import (
    Array,
    Described,
    Numbers,
    Positions,
    like,
    numbers,
    require_finite_values,
    require_rows,
)

MaskShape = tuple[int, int] | tuple[()]


class SetNeurons(Described):
    """What :class:`AblateNeurons` and :class:`Resample` share: some neurons of a layer are given other values."""

    neurons: tuple[int, ...]
    layer: int
    site: str
    mask_shape: MaskShape

    @property
    def is_identity(self) -> bool:
        """True when nothing would change."""
        return not self.neurons

    def fills(self, position: Numbers | None = None, text: Numbers | None = None) -> npt.NDArray[np.floating[Any]]:
        """The values that are written: ``(n_neurons,)`` for all rows, or ``(n_rows, n_neurons)``."""
        raise NotImplementedError

    def require_fit(self, n_features: int, n_layers: int | None = None) -> None:
        """Every neuron exists, and the mask that they were taken from has the shape of the model."""
        if self.neurons and max(self.neurons) >= n_features:
            raise InvalidInput(
                f"Neuron {max(self.neurons)} does not exist: layer {self.layer} has {n_features}, counted from 0."
            )
        if not self.mask_shape:
            return
        expected = self.mask_shape[0] if n_layers is None else n_layers, n_features
        if self.mask_shape != expected:
            raise InvalidInput(
                f"The mask has {self.mask_shape[0]} layers of {self.mask_shape[1]} neurons and the model {expected[0]} "
                f"of {expected[1]}: another model or site?"
            )

    def apply(self, activations: Array, position: Numbers | None = None, text: Numbers | None = None) -> Array:
        """``(…, neuron)`` to ``(…, neuron)``; the input is not changed."""
        *leading, width = activations.shape  # type: ignore[attr-defined]  # any array
        self.require_fit(width)
        if self.is_identity:
            return activations
        fills = self.fills(position, text)
        if fills.ndim == 2:
            require_rows(int(np.prod(leading)), type(self).__name__, position)
        xp, device = array_api_compat.array_namespace(activations), array_api_compat.device(activations)
        fixed, silent = np.zeros((*fills.shape[:-1], width)), np.zeros(width, bool)
        fixed[..., list(self.neurons)], silent[list(self.neurons)] = fills, True
        made = like(fixed if fills.ndim == 1 else fixed.reshape(*leading, width), activations)
        return xp.where(xp.asarray(silent, device=device), made, activations)  # type: ignore[no-any-return]  # any array

    def _settle(self) -> None:
        """Indices, positions and the shape of the mask as tuples; distinct indices from 0."""
        neurons = tuple(int(n) for n in self.neurons)
        if len(set(neurons)) != len(neurons) or any(n < 0 for n in neurons):
            raise InvalidInput(
                f"{type(self).__name__} takes distinct indices from 0; found {len(neurons)} neurons, "
                f"{len(set(neurons))} distinct, the lowest {min(neurons)}."
            )
        object.__setattr__(self, "neurons", neurons)
        object.__setattr__(self, "mask_shape", tuple(int(n) for n in self.mask_shape))
        self._settle_place()


@dataclass(frozen=True)
class AblateNeurons(SetNeurons):
    """Set neurons of one layer to fixed values (zero, or their means). No neurons returns the very same array.

    Parameters
    ----------
    neurons, layer
        Which neurons of which block, counted from 0.
    values
        One number per neuron; zeros where none are given.
    positions, site
        Where in a text and in the block.
    mask_shape
        ``(n_layers, n_neurons)`` of the mask that the neurons were taken from: only a model of this shape is edited.

    Raises
    ------
    InvalidInput
        When indices are negative or occur twice, or values are not finite or of another number.
    """

    neurons: tuple[int, ...]
    layer: int
    values: tuple[float, ...] = ()
    positions: Positions = "all"
    site: str = "mlp.act"
    mask_shape: MaskShape = ()

    def __post_init__(self) -> None:
        """Check indices and values; iterables become tuples."""
        self._settle()
        values = numbers(self.values, f"AblateNeurons of layer {self.layer}") or (0.0,) * len(self.neurons)
        if len(values) != len(self.neurons):
            raise InvalidInput(
                f"AblateNeurons takes one value for each neuron; found {len(self.neurons)} neurons and {len(values)} "
                "values."
            )
        object.__setattr__(self, "values", values)

    @classmethod
    def of_mask(
        cls,
        mask: xr.DataArray,
        fills: xr.DataArray | None = None,
        *,
        positions: Positions = "all",
        site: str = "mlp.act",
    ) -> tuple["AblateNeurons", ...]:
        """One intervention per layer of a mask ``(layer, neuron)``; layers without neurons are left out.

        ``fills`` are the values of all neurons, ``(layer, neuron)``; only those of the mask are looked at.

        Raises
        ------
        InvalidInput
            When the mask is not boolean, shapes differ, or a value of the mask is NaN.
        """
        given = None if fills is None else _like_mask(fills, mask, ("layer", "neuron"))
        return tuple(
            cls(chosen, layer, () if given is None else tuple(given[row, list(chosen)]), positions, site, shape)
            for row, layer, chosen, shape in _layers_of(mask)
        )

    def fills(self, position: Numbers | None = None, text: Numbers | None = None) -> npt.NDArray[np.floating[Any]]:
        """The values that are written, ``(n_neurons,)``, the same in all rows."""
        return np.array(self.values)


@dataclass(frozen=True, eq=False)
class Resample(SetNeurons):
    """Give neurons of one layer, at every token, values that they have together at some token of a reference corpus.

    Parameters
    ----------
    neurons, layer
        Which neurons of which block, counted from 0.
    bank
        Their values at ``n_bank`` tokens, ``(n_bank, n_neurons)``; kept as float32, read-only.
    seed
        Together with a text's tokens and the position it says which row of the bank a token takes, whatever shares its
        pass. The layer does not count: with one seed, all layers of a token take their values from the same row.
    positions, site, mask_shape
        As for :class:`AblateNeurons`.

    Raises
    ------
    InvalidInput
        When indices are negative or occur twice, or the bank is not finite, empty, or of another width.
    """

    neurons: tuple[int, ...]
    layer: int
    bank: npt.NDArray[np.float32]
    seed: int
    positions: Positions = "all"
    site: str = "mlp.act"
    mask_shape: MaskShape = ()

    def __post_init__(self) -> None:
        """Check indices and bank; keep a read-only copy of it."""
        self._settle()
        bank = np.array(self.bank, dtype=np.float32, order="C")
        if bank.ndim != 2 or not len(bank) or bank.shape[1] != len(self.neurons):
            raise InvalidInput(
                f"Resample takes a bank (n_bank, {len(self.neurons)}), one column per neuron and at least one row; "
                f"found {bank.shape}."
            )
        require_finite_values(bank, f"The bank of Resample at layer {self.layer}")
        bank.setflags(write=False)
        object.__setattr__(self, "seed", int(self.seed))
        object.__setattr__(self, "bank", bank)

    @classmethod
    def of_mask(
        cls,
        mask: xr.DataArray,
        bank: xr.DataArray,
        seed: int,
        *,
        positions: Positions = "all",
        site: str = "mlp.act",
    ) -> tuple["Resample", ...]:
        """One intervention per layer of a mask ``(layer, neuron)``, from a bank ``(bank, layer, neuron)``.

        Raises
        ------
        InvalidInput
            When the mask is not boolean, shapes differ, or a value of the mask is NaN.
        """
        given = _like_mask(bank, mask, ("bank", "layer", "neuron"))
        return tuple(
            cls(chosen, layer, given[:, row, list(chosen)].astype(np.float32), seed, positions, site, shape)
            for row, layer, chosen, shape in _layers_of(mask)
        )

    def donors(self, position: Numbers, text: Numbers) -> Numbers:
        """Which row of the bank every token takes, ``(n_rows,)``: uniform, by the mixing function of SplitMix64.

        The function is that of Steele, Lea and Flood (2014), Fast splittable pseudorandom number generators.
        """
        golden = np.uint64(0x9E3779B97F4A7C15)
        seeds = np.full(len(text), self.seed % 2**64, dtype=np.uint64)
        state = _mixed(_mixed(seeds + golden) + text.astype(np.int64).view(np.uint64))
        drawn = _mixed(state + golden * (position.astype(np.uint64) + np.uint64(1)))
        return (drawn % np.uint64(len(self.bank))).astype(np.int64)

    def fills(self, position: Numbers | None = None, text: Numbers | None = None) -> npt.NDArray[np.floating[Any]]:
        """The values that are written, ``(n_rows, n_neurons)``."""
        require_rows(0 if position is None else len(position), "Resample", position, text)
        assert position is not None
        assert text is not None
        return self.bank[self.donors(position, text)]


def _mixed(x: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _layers_of(mask: xr.DataArray) -> Iterator[tuple[int, int, tuple[int, ...], MaskShape]]:
    """Of every layer with neurons: row of the mask, number of the layer, its neurons, shape of the mask."""
    if set(mask.dims) != {"layer", "neuron"} or mask.dtype != np.bool_:
        raise InvalidInput(f"A mask is boolean (layer, neuron); found {mask.dtype} {mask.dims} of {mask.shape}.")
    values = mask.transpose("layer", "neuron").values
    layers = mask["layer"].values if "layer" in mask.coords else np.arange(len(values))
    for row in np.flatnonzero(values.any(axis=1)).tolist():
        yield row, int(layers[row]), tuple(np.flatnonzero(values[row]).tolist()), (values.shape[0], values.shape[1])


def _like_mask(values: xr.DataArray, mask: xr.DataArray, dims: tuple[str, ...]) -> npt.NDArray[np.float64]:
    """Values whose layers and neurons are those of the mask, with these dimensions."""
    sizes = {name: size for name, size in values.sizes.items() if name != "bank"}
    if set(values.dims) != set(dims) or sizes != dict(mask.sizes):
        raise InvalidInput(f"Values {dims} go with a mask of {dict(mask.sizes)}; found {dict(values.sizes)}.")
    return np.asarray(values.transpose(*dims).values, dtype=np.float64)

"""Masks of neurons as changes of a model: checked once, held as tensors once, carried out very many times."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
import xarray as xr

from consona.core.errors import InvalidInput
from consona.core.intervention import Resample
from consona.core.invariants import listed
from consona.lm.branching import Change, Variant
from consona.lm.hooks import Rows, Touch
from consona.lm.model import LanguageModel
from consona.lm.sites import layer_numbers
from consona.lm.states import Reading, require_one_width

NEURONS = "mlp.act"
SEED = 0
"""From this :class:`consona.core.intervention.Resample` decides which row of a bank a token takes."""


@dataclass(frozen=True, eq=False)
class Silencing:
    """Masks ``(mask, layer, neuron)`` and the values that stand in for the activations of their neurons.

    ``fills`` are ``(bank, layer, neuron)`` float32; of a bank of one, every token takes the same values.
    """

    masks: torch.Tensor
    fills: torch.Tensor

    @classmethod
    def of(cls, lm: LanguageModel, masks: xr.DataArray, fills: xr.DataArray) -> "Silencing":
        """Masks and fills for a model.

        Raises
        ------
        InvalidInput
            When they have not the shape of the model, masks are not bool, or a fill that is needed is not finite.
        """
        reading = Reading(NEURONS, layer_numbers("all", lm.n_layers), "mean")
        shape = {"layer": lm.n_layers, "neuron": require_one_width(lm.machine, reading)}
        _require_shape(masks, "mask", shape, "Masks")
        banked = fills if "bank" in fills.dims else fills.expand_dims("bank")
        _require_shape(banked, "bank", shape, "Fills")
        if masks.dtype != bool:
            raise InvalidInput(f"Masks are bool, True where a neuron is silenced; found {masks.dtype}.")
        held = masks.transpose("mask", "layer", "neuron").to_numpy()
        values = banked.transpose("bank", "layer", "neuron").to_numpy().astype(np.float32)
        wrong = np.argwhere(held.any(axis=0) & ~np.isfinite(values).all(axis=0))
        if len(wrong):
            where = listed([f"neuron {neuron} of layer {layer}" for layer, neuron in wrong.tolist()])
            raise InvalidInput(f"A silenced neuron needs a finite value; these have none: {where}. Look at the fills.")
        device = lm.machine.device
        return cls(torch.tensor(held, device=device), torch.tensor(values, device=device))

    def variants(self) -> list[Variant]:
        """One variant per mask; layers in which a mask has no neuron are left alone."""
        return [list(self._changes(mask)) for mask in self.masks]

    def _changes(self, mask: torch.Tensor) -> Iterator[Change]:
        for layer in torch.nonzero(mask.any(dim=1)).flatten().tolist():
            columns = torch.nonzero(mask[layer]).flatten()
            yield Change(NEURONS, layer, partial(self._touch, columns, self.fills[:, layer].index_select(1, columns)))

    def _touch(self, columns: torch.Tensor, bank: torch.Tensor, rows: Rows) -> Touch:
        if len(bank) == 1:
            return partial(_held, columns, bank)
        donors = Resample((0,), 0, bank[:, :1].cpu().numpy(), SEED).donors(rows.position.numpy(), rows.text.numpy())
        return partial(_held, columns, bank[torch.from_numpy(donors).to(bank.device)])


def _require_shape(given: xr.DataArray, first: str, shape: dict[str, int], what: str) -> None:
    found = {str(dim): size for dim, size in given.sizes.items() if dim != first}
    if found != shape or first not in given.sizes:
        raise InvalidInput(
            f"{what} are ({first}, layer, neuron) with {shape['layer']} layers of {shape['neuron']} neurons for this "
            f"model; found {dict(given.sizes)}. Were they made for another model?"
        )


def _held(columns: torch.Tensor, values: torch.Tensor, activation: torch.Tensor) -> torch.Tensor:
    """Written in place: what the projection down takes in is read by nothing else, and a copy would triple the time."""
    given = values.to(activation.device, activation.dtype).expand(len(activation), -1)
    return activation.index_copy_(1, columns.to(activation.device), given)

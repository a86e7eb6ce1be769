"""Running a model over texts and keeping one vector per text and layer."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from transformers import PreTrainedModel

from consona.core.errors import InvalidInput, ModelError
from consona.core.intervention import Intervention
from consona.lm.hooks import Tap, attached, edit_taps, rows_of
from consona.lm.packing import Batch, Layout, packed_attention, planned
from consona.lm.pooling import Pool, pool_of
from consona.lm.sites import Family, module_at, site_width
from consona.lm.tokens import Tokens

# The C library of Linux gives large blocks back to the system and fetches them anew, page by page, in every layer: a
# tenth of the time. Once it has seen a block of nearly 32 MiB freed, it keeps all that are smaller.
_LARGEST_KEPT = 2**25 - 2**16


@dataclass(frozen=True)
class Reading:
    """What is read: a site, layers counted from 0, and how tokens become one vector per text."""

    site: str
    layers: tuple[int, ...]
    pooling: str


@dataclass(frozen=True, eq=False)
class Machine:
    """A text model and what is needed to run it: its row in the site table, its edits, how texts share a pass."""

    network: PreTrainedModel
    family: Family
    layout: Layout
    pad: int = 0
    edits: tuple[Intervention, ...] = ()

    @property
    def device(self) -> torch.device:
        """Where the token ids go."""
        return self.network.device

    def inputs(self, batch: Batch) -> dict[str, torch.Tensor]:
        """The arguments of one forward pass."""
        made = {"input_ids": batch.ids.to(self.device), "attention_mask": batch.mask.to(self.device)}
        if self.family.first_position != "none":
            made["position_ids"] = (batch.positions + self.first_position).to(self.device)
        if self.family.token_types:
            made["token_type_ids"] = torch.zeros_like(made["input_ids"])
        return made

    @property
    def first_position(self) -> int:
        """The number of the first position: RoBERTa and MPNet count on from the padding token."""
        return int(self.network.config.pad_token_id) + 1 if self.family.first_position == "after padding" else 0

    def run(self, batch: Batch, taps: Sequence[Tap] = ()) -> torch.Tensor:
        """One forward pass with the edits carried out first; the output is the last hidden state, after the norm."""
        options = {"use_cache": False} if self.family.causal else {}
        edits = edit_taps(self.network, self.family, self.edits, rows_of(batch)) if self.edits else []
        with torch.no_grad(), attached([*edits, *taps]):
            output = self.network(**self.inputs(batch), **options)
        state: torch.Tensor = output.last_hidden_state
        return state


def require_one_width(machine: Machine, reading: Reading) -> int:
    """The number of features at the site, equal for all layers read.

    Raises
    ------
    InvalidInput
        When layers differ (Gemma 4 and Llama 4 have MLPs of two widths).
    """
    widths = [site_width(machine.network, machine.family, reading.site, layer) for layer in reading.layers]
    if len(set(widths)) > 1:
        listing = "; ".join(
            f"{width} in layers {', '.join(str(i) for i, w in zip(reading.layers, widths) if w == width)}"
            for width in sorted(set(widths))
        )
        raise InvalidInput(f"'{reading.site}' has different widths ({listing}). Capture layers of one width at a time.")
    return widths[0]


def pooled_states(machine: Machine, tokens: Tokens, reading: Reading) -> torch.Tensor:
    """Activations pooled per text, ``(n_texts, n_layers, n_features)``, float32 on the CPU.

    Memory grows with what is returned, not with the tokens: a layer is pooled in the moment it is computed.
    """
    shape = len(tokens.ids), len(reading.layers), require_one_width(machine, reading)
    states = torch.empty(shape, dtype=torch.float32)

    def visit(batch: Batch) -> None:
        _read(machine, batch, reading, Kept(pool_of(batch, reading.pooling, tokens.spans), batch.members, states))

    each_batch(machine, tokens.ids, visit)
    return states


def states_at(
    machine: Machine, ids: Sequence[Sequence[int]], places: npt.NDArray[np.int64], reading: Reading
) -> torch.Tensor:
    """Activations of single tokens, several per text allowed, ``(n_places, n_layers, n_features)``.

    ``places`` are ``(n_places, 2)``: number of the text, position of the token in it. ``reading.pooling`` is not used.
    """
    shape = len(places), len(reading.layers), require_one_width(machine, reading)
    states = torch.empty(shape, dtype=torch.float32)

    def visit(batch: Batch) -> None:
        members, rows = rows_of_places(batch, places)
        _read(machine, batch, reading, Kept(partial(_picked, rows), members, states))

    each_batch(machine, ids, visit)
    return states


def rows_of_places(batch: Batch, places: npt.NDArray[np.int64]) -> tuple[torch.Tensor, torch.Tensor]:
    """Which places lie in the texts of a batch, and the rows of their tokens once it is flattened."""
    owner = torch.from_numpy(places[:, 0])
    slot = torch.full((max(int(owner.max()), int(batch.members.max())) + 1,), -1)
    slot[batch.members] = torch.arange(len(batch.members))
    members = torch.nonzero(slot[owner] >= 0).flatten()
    return members, batch.starts[slot[owner[members]]] + torch.from_numpy(places[:, 1])[members]


def keep_blocks() -> None:
    """Make the C library keep blocks of memory up to 32 MiB that are freed; for loops of many passes."""
    torch.empty(_LARGEST_KEPT, dtype=torch.uint8)  # freed at once


def each_batch(machine: Machine, ids: Sequence[Sequence[int]], visit: Callable[[Batch], None]) -> None:
    """Plan the passes for these texts and hand them out one by one, with the attention that each needs."""
    keep_blocks()
    with ExitStack() as stack:
        if machine.layout.packed:
            stack.enter_context(packed_attention(machine.network))
        for batch in planned(ids, machine.layout, machine.pad):
            if not batch.packed:
                stack.close()  # packs come first; the texts that run alone need the network's own attention
            visit(batch)


@dataclass(frozen=True, eq=False)
class Kept:
    """What one pass leaves behind: ``pool`` makes vectors of rows, which become the ``members`` of ``states``."""

    pool: Pool
    members: torch.Tensor
    states: torch.Tensor


def _read(machine: Machine, batch: Batch, reading: Reading, kept: Kept) -> None:
    """Run one batch and write what is kept of it into the states."""
    reached: set[int] = set()
    taps = []
    for column, layer in enumerate(reading.layers):
        module, side = module_at(machine.network, machine.family, reading.site, layer)
        taps.append(Tap(module, side, partial(_keep, kept, column, reached, layer)))
    machine.run(batch, taps)
    missed = sorted(set(reading.layers) - reached)
    if missed:
        raise ModelError(
            f"The site '{reading.site}' was not reached at layers {missed} of this {machine.family.name} model: it "
            "takes another path there. Choose other layers or another site."
        )


def _keep(kept: Kept, column: int, reached: set[int], layer: int, rows: torch.Tensor) -> None:
    kept.states[kept.members, column] = kept.pool(rows).to("cpu")
    reached.add(layer)


def _picked(rows: torch.Tensor, activation: torch.Tensor) -> torch.Tensor:
    return activation.index_select(0, rows.to(activation.device)).float()

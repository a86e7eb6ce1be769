"""Reading and editing activations while a model runs: where edits are hooked in, and every hook is removed again."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.utils.hooks import RemovableHandle
from transformers import PreTrainedModel

from consona.core.intervention import Intervention, Positions, SetNeurons
from consona.lm.packing import Batch
from consona.lm.sites import Family, Side, module_at

Touch = Callable[[torch.Tensor], torch.Tensor | None]
Change = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Tap:
    """One place in a network and what to do there.

    ``touch`` takes the activation with its tokens in one row each, ``(n_rows, n_features)``, and returns a changed one,
    or None to leave it alone. Rows are in reading order, batches one after the other.
    """

    module: nn.Module
    side: Side
    touch: Touch


@contextmanager
def attached(taps: Iterable[Tap]) -> Iterator[None]:
    """Set hooks for the duration of a ``with``; whatever happens inside, none is left."""
    handles: list[RemovableHandle] = []
    try:
        for tap in taps:
            handles.append(_attach(tap))
        yield
    finally:
        for handle in handles:
            handle.remove()


def _attach(tap: Tap) -> RemovableHandle:
    if tap.side == "in":

        def before(module: nn.Module, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
            if args:
                return (_touched(tap.touch, args[0]), *args[1:]), named
            return args, {**named, "hidden_states": _touched(tap.touch, named["hidden_states"])}

        return tap.module.register_forward_pre_hook(before, with_kwargs=True)

    def after(module: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
        if isinstance(output, tuple):
            return (_touched(tap.touch, output[0]), *output[1:])
        return _touched(tap.touch, output)

    return tap.module.register_forward_hook(after)


def _touched(touch: Touch, activation: torch.Tensor) -> torch.Tensor:
    changed = touch(activation.reshape(-1, activation.shape[-1]))
    return activation if changed is None else changed.reshape(activation.shape)


class Rows(NamedTuple):
    """What the rows of one pass are; each ``(n_rows,)``, int64, on the CPU.

    ``position`` counts from the start of a row's own text, also under a key-value cache. Rows at positions below
    ``prompt_length`` belong to the prompt, the others were generated. ``text`` names the text: a hash of the token ids
    of its prompt, so the same in every pass, batch and process.
    """

    position: torch.Tensor
    prompt_length: torch.Tensor
    text: torch.Tensor


def text_key(ids: Sequence[int] | npt.NDArray[np.int64]) -> int:
    """A number for a text, from its token ids: 64 bits of BLAKE2b, signed."""
    data = np.asarray(ids, dtype="<i8").tobytes()
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little", signed=True)


def rows_of(batch: Batch, prompt_lengths: Sequence[int] | None = None) -> Rows:
    """The rows of a batch in the order of its flattened tokens; padding counts to the text that it fills up.

    ``prompt_lengths`` has one number per text of the batch, in the order of ``batch.members``; by default the whole
    text is prompt.
    """
    lengths = batch.lengths if prompt_lengths is None else torch.as_tensor(prompt_lengths)
    flat = batch.ids.flatten().numpy()
    spans = zip(batch.starts.tolist(), lengths.tolist(), strict=True)
    keys = torch.tensor([text_key(flat[start : start + length]) for start, length in spans])
    n_rows = batch.lengths if batch.packed else torch.full_like(batch.lengths, batch.ids.shape[1])
    return Rows(batch.positions.flatten(), lengths.repeat_interleave(n_rows), keys.repeat_interleave(n_rows))


def rows_at(prompt: Sequence[int], positions: torch.Tensor) -> Rows:
    """The rows of one text at these positions ``(n_rows,)``: one row per step under a key-value cache."""
    return Rows(positions, torch.full_like(positions, len(prompt)), torch.full_like(positions, text_key(prompt)))


def edit_taps(network: PreTrainedModel, family: Family, edits: Sequence[Intervention], rows: Rows) -> list[Tap]:
    """Taps that carry out interventions, in their order; none for an edit that changes nothing."""
    taps = []
    for edit in edits:
        if edit.is_identity:  # exactly the intact model: not even a hook
            continue
        module, side = module_at(network, family, edit.site, edit.layer)
        taps.append(Tap(module, side, carried_out(edit, rows)))
    return taps


def carried_out(edit: Intervention, rows: Rows) -> Touch:
    """An intervention as a function of the activations ``(n_rows, n_features)`` of exactly these rows.

    It gives the changed tensor, or None where it reaches none of the rows. What it is given stays as it was, but for
    neurons without gradients: what an MLP's projection down takes in is read by nothing else, and is written in place.
    """
    chosen = _chosen(edit.positions, rows)
    if chosen is not None and not bool(chosen.any()):
        return _left_alone
    whole = chosen is None or bool(chosen.all())
    changed = _neurons_set(edit, rows, whole) if isinstance(edit, SetNeurons) else _applied(edit, rows)
    if chosen is None or whole:
        return changed
    reached = chosen[:, None]
    return lambda activation: torch.where(reached.to(activation.device), changed(activation), activation)


def _left_alone(activation: torch.Tensor) -> None:
    """No row of this pass is reached."""


def _applied(edit: Intervention, rows: Rows) -> Change:
    position, text = rows.position.numpy(), rows.text.numpy()
    return lambda activation: edit.apply(activation, position, text)


def _neurons_set(edit: SetNeurons, rows: Rows, whole: bool) -> Change:
    """Columns written: a third of the time of choosing for every number. ``whole``: all rows are reached."""
    columns = torch.tensor(edit.neurons)
    fills = torch.from_numpy(edit.fills(rows.position.numpy(), rows.text.numpy()))

    def changed(activation: torch.Tensor) -> torch.Tensor:
        edit.require_fit(activation.shape[1])
        where, values = columns.to(activation.device), fills.to(activation.device, activation.dtype)
        in_place = whole and edit.site == "mlp.act" and not activation.requires_grad
        write = activation.index_copy_ if in_place else activation.index_copy
        return write(1, where, values.expand(len(activation), -1))

    return changed


def _chosen(where: Positions, rows: Rows) -> torch.Tensor | None:
    """Which rows an edit reaches, ``(n_rows,)``; None for all."""
    position, end = rows.position, rows.prompt_length
    if where == "all":
        return None
    if where == "prompt":
        return position < end
    if where == "generated":
        return position >= end
    if where == "last":
        return position == end - 1
    start, stop = where
    return (position >= start) & (position < stop)


@contextmanager
def hooks_restored(network: nn.Module) -> Iterator[None]:
    """Remove, at the end, every hook that a library set inside the ``with``.

    transformers 5 leaves recorder hooks on a model the first time hidden states are asked for; a model that was only
    looked at should be as it was.
    """
    marker = "_output_capturing_hooks_installed"
    kept = {module: set(module._forward_hooks) for module in network.modules()}
    marked = {module for module in kept if marker in vars(module)}
    try:
        yield
    finally:
        for module, hooks in kept.items():
            for key in set(module._forward_hooks) - hooks:
                del module._forward_hooks[key]
            if marker in vars(module) and module not in marked:
                delattr(module, marker)

"""Reading and editing activations while a model runs: the only place where hooks are set, and all are removed."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle
from transformers import PreTrainedModel

from consona.core.intervention import Intervention
from consona.lm.sites import Family, Side, module_at

Touch = Callable[[torch.Tensor], torch.Tensor | None]


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


def edit_taps(
    network: PreTrainedModel, family: Family, edits: Sequence[Intervention], positions: torch.Tensor, n_prompt: int
) -> list[Tap]:
    """Taps that carry out interventions, in their order.

    ``positions`` is the absolute position of every row in its own text, ``(n_rows,)``: it restarts with every packed
    text and goes on under a key-value cache, so an edit of position 8 never means the eighth row of the moment. Rows
    at positions below ``n_prompt`` belong to the prompt, the others were generated.
    """
    taps = []
    for edit in edits:
        if edit.is_identity:  # exactly the intact model: not even a hook
            continue
        module, side = module_at(network, family, edit.site, edit.layer)
        taps.append(Tap(module, side, _carried_out(edit, _chosen(edit, positions, n_prompt))))
    return taps


def _chosen(edit: Intervention, positions: torch.Tensor, n_prompt: int) -> torch.Tensor | None:
    where = edit.positions
    if where == "all":
        return None
    if where == "prompt":
        return positions < n_prompt
    if where == "generated":
        return positions >= n_prompt
    start, stop = where
    return (positions >= start) & (positions < stop)


def _carried_out(edit: Intervention, chosen: torch.Tensor | None) -> Touch:
    def touch(rows: torch.Tensor) -> torch.Tensor | None:
        if chosen is None:
            return edit.apply(rows)
        if not bool(chosen.any()):
            return None
        return torch.where(chosen.to(rows.device)[:, None], edit.apply(rows), rows)

    return touch


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

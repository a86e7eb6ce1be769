"""What a causal model says next, and how surprised it is by what was said."""

from collections.abc import Collection, Sequence

import torch
import torch.nn.functional as F
from torch import nn
from transformers import DynamicCache

from consona.core.errors import ModelError
from consona.lm.hooks import attached, edit_taps, rows_at
from consona.lm.packing import padded
from consona.lm.states import Machine


def require_head(head: nn.Module | None, family: str) -> nn.Module:
    """The layer that turns states into logits.

    Raises
    ------
    ModelError
        When the model has none: an encoder, or a checkpoint saved without it.
    """
    if head is None:
        raise ModelError(f"This {family} model has no output layer: it can only be read. Take a causal one.")
    return head


def logits_of(machine: Machine, head: nn.Module, states: torch.Tensor) -> torch.Tensor:
    """Logits ``(…, n_words)`` of last hidden states, float32; Gemma squeezes them to ``cap * tanh(logits / cap)``."""
    logits: torch.Tensor = head(states).float()
    cap = getattr(machine.network.config, "final_logit_softcapping", None)
    return logits if cap is None else cap * torch.tanh(logits / cap)


def continued(machine: Machine, head: nn.Module, prompt: Sequence[int], n_new: int, stop: Collection[int]) -> list[int]:
    """The most probable tokens after a prompt, at most ``n_new``, up to a token of ``stop``.

    Keys and values are cached, so from the second step on the model sees one row; edits go by its absolute position.
    """
    network, device = machine.network, machine.device
    cache = DynamicCache(config=network.config)
    said: list[int] = []
    row = list(prompt)
    while len(said) < n_new:
        total = len(prompt) + len(said)
        positions = torch.arange(total - len(row), total)
        edits = edit_taps(network, machine.family, machine.edits, rows_at(prompt, positions))
        inputs = {"input_ids": torch.tensor([row]), "attention_mask": torch.ones(1, total, dtype=torch.long)}
        if machine.family.first_position != "none":
            inputs["position_ids"] = positions[None]
        with torch.no_grad(), attached(edits):
            moved = {name: each.to(device) for name, each in inputs.items()}
            output = network(**moved, past_key_values=cache, use_cache=True)
            token = int(logits_of(machine, head, output.last_hidden_state[0, -1]).argmax())
        if token in stop:
            break
        said.append(token)
        row = [token]
    return said


def mean_surprisal(machine: Machine, head: nn.Module, ids: Sequence[int]) -> float:
    """Mean negative log likelihood of the tokens after the first, in nats; NaN when there is only one."""
    if len(ids) < 2:
        return float("nan")
    with torch.no_grad():
        states = machine.run(padded([ids], [0], machine.pad))
        logits = logits_of(machine, head, states[0, :-1])
    return float(F.cross_entropy(logits, torch.tensor(list(ids[1:]), device=logits.device)))

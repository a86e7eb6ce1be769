"""Does reading a model change its numbers? A test at load, against the model's own states, text by text."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch

from consona.core.errors import ModelError
from consona.lm.hooks import Tap, hooks_restored
from consona.lm.packing import Batch, pack, packed_attention, padded
from consona.lm.sites import blocks_of, module_at
from consona.lm.states import Machine

# Largest relative distance of one token's state from the reference. Rounding reaches 2e-6 in MiniLM and grows with
# depth; looking across a boundary between texts changes states by 1e-3 and more.
TOLERANCE = {"float32": 5e-5, "bfloat16": 5e-2, "float16": 1e-2}
_LENGTHS = (2, 3, 3, 5, 8, 8, 13)


@dataclass(frozen=True)
class Parity:
    """Largest relative distance from the reference in any layer and token, or why there is none.

    ``sites`` compares what the hooks read with the model's own ``hidden_states``, ``packed`` and ``padded`` compare
    texts that share a pass with the same texts alone. ``layout`` is what follows: ``packed``, ``padded`` or ``alone``.
    """

    sites: float
    packed: float | str
    padded: float | str
    tolerance: float
    layout: str

    def describe(self) -> dict[str, float | str]:
        """For the manifest."""
        return asdict(self)


def parity_of(machine: Machine, dtype: str) -> Parity:
    """Test a model on seven short rows of random tokens and decide how texts may share a pass.

    Raises
    ------
    ModelError
        When what is read is not what the model computes: the row of the site table is wrong, and nothing may be read.
    """
    ids = _probes(machine)
    tolerance = TOLERANCE[dtype]
    alone = [_layers(machine, padded(ids, [i], machine.pad)) for i in range(len(ids))]
    sites = max(_against_own(machine, padded(ids, [i], machine.pad), alone[i]) for i in range(len(ids)))
    if not sites <= tolerance:
        raise ModelError(
            f"What is read from this {machine.family.name} model differs from its own hidden states by {sites:.2g} "
            f"(allowed: {tolerance:.0e}). Its row in consona/lm/sites.py does not fit; nothing was captured."
        )
    with_others = padded(ids, range(len(ids)), machine.pad)
    side_by_side = _distance(_split(_layers(machine, with_others), with_others), alone)
    end_to_end = _packed_distance(machine, ids, alone)
    if isinstance(end_to_end, float) and end_to_end <= tolerance:
        layout = "packed"
    else:
        layout = "padded" if side_by_side <= tolerance else "alone"
    return Parity(sites, end_to_end, side_by_side, tolerance, layout)


def _probes(machine: Machine) -> list[list[int]]:
    """Random token ids, so that the test does not depend on a language or a tokenizer."""
    config = machine.network.config
    n_words = min(int(getattr(config, "vocab_size_per_layer_input", None) or config.vocab_size), int(config.vocab_size))
    rng = np.random.default_rng(0)
    known = np.setdiff1d(np.arange(n_words), [machine.pad, getattr(config, "pad_token_id", None) or 0])
    return [rng.choice(known, size).tolist() for size in _LENGTHS if size <= machine.layout.longest]


def _layers(machine: Machine, batch: Batch) -> torch.Tensor:
    """Every block's output for every row, ``(n_layers, n_rows, n_features)``."""
    kept: list[torch.Tensor] = []
    taps = []
    for layer in range(len(blocks_of(machine.network, machine.family))):
        module, side = module_at(machine.network, machine.family, "resid.post", layer)
        # a copy: Llama 4 and Gemma 4 go on writing into their tensors
        taps.append(Tap(module, side, lambda rows: kept.append(rows.float().cpu().clone())))
    machine.run(batch, taps)
    return torch.stack(kept)


def _split(states: torch.Tensor, batch: Batch) -> list[torch.Tensor]:
    """The rows of each text, in the order of the texts."""
    texts = [states[:, start : start + length] for start, length in zip(batch.starts.tolist(), batch.lengths.tolist())]
    order = torch.argsort(batch.members).tolist()
    return [texts[i] for i in order]


def _against_own(machine: Machine, batch: Batch, read: torch.Tensor) -> float:
    """Distance of what was read from ``hidden_states``, whose last entry has gone through the final norm.

    The model finds positions and token types by itself here, so that ours are tested too.
    """
    ids = batch.ids.to(machine.device)
    with hooks_restored(machine.network), torch.no_grad():
        own = machine.network(ids, attention_mask=torch.ones_like(ids), output_hidden_states=True).hidden_states
    states = list(read)
    norm = machine.family.final_norm
    if norm is not None:
        module = machine.network.get_submodule(norm)
        weight = next(module.parameters())
        with torch.no_grad():
            states[-1] = module(states[-1].to(weight.device, machine.network.dtype)).float().cpu()
    if len(own) != len(states) + 1:
        raise ModelError(f"The model reports {len(own) - 1} layers and its site table {len(states)}; the row is wrong.")
    return max(_relative(state, theirs[0].float().cpu()) for state, theirs in zip(states, own[1:]))


def _packed_distance(machine: Machine, ids: Sequence[Sequence[int]], alone: Sequence[torch.Tensor]) -> float | str:
    batch = pack(ids, range(len(ids)))
    packing = replace(machine, layout=replace(machine.layout, packed=True))
    try:
        with packed_attention(machine.network):
            states = _layers(packing, batch)
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        return f"this model does not run packed ({type(error).__name__})"
    return _distance(_split(states, batch), alone)


def _distance(found: Sequence[torch.Tensor], expected: Sequence[torch.Tensor]) -> float:
    return max(_relative(a, b) for a, b in zip(found, expected, strict=True))


def _relative(found: torch.Tensor, expected: torch.Tensor) -> float:
    """Largest relative distance of a token's state; infinite where a value is missing."""
    if found.shape != expected.shape:
        return float("inf")
    distance = torch.linalg.vector_norm(found - expected, dim=-1) / torch.linalg.vector_norm(expected, dim=-1)
    return float(torch.nan_to_num(distance, nan=torch.inf).max())

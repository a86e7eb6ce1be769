"""How fast are many sets of neurons silenced over the same texts, and in how much memory, beside forward hooks?

``python benchmarks/ablation.py``. GPT-2's size with random weights; 32 random texts of 5 to 60 tokens; read is the mean
over tokens of the last block's output. Beside consona the usual way: texts sorted by length, padded in batches of 8 or
32, and for every set a pass in which the transformers model has forward hooks on its activation functions. A set is 100
neurons of one layer held at fixed values, 14 sets spread over the 12 layers; or a tenth of the neurons of every layer,
where there is no beginning to share. ``one intact pass per set`` is consona reading the same without any edit.

Times are of the reading alone, after one small round to warm up; memory is that of the process while it reads, model
and libraries included. Differences are to hooks with one text at a time, of the first texts and every other set.
"""

import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from rates import Facts, Row, Side, show, sized, timed

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "TRANSFORMERS_VERBOSITY": "error"}
N_TEXTS, N_WARM, N_SETS, N_NEURONS, N_EVERYWHERE = sized((32, 8, 14, 100, 3), (12, 4, 5, 10, 2))
BATCHES = (8, 32)
Ids = list[list[int]]


def network() -> "PreTrainedModel":
    """GPT-2's size, random weights."""
    import torch
    from transformers import GPT2Config, GPT2Model

    torch.manual_seed(0)
    return GPT2Model(sized(GPT2Config(), GPT2Config(n_layer=4, n_head=2, n_embd=16))).eval()


def token_ids(vocab_size: int) -> Ids:
    """Random texts."""
    rng = np.random.default_rng(0)
    return [rng.integers(0, vocab_size, length).tolist() for length in rng.integers(5, 61, N_TEXTS)]


def neuron_sets(model: "PreTrainedModel", everywhere: bool) -> tuple["torch.Tensor", "torch.Tensor"]:
    """Masks ``(n_sets, n_layers, n_neurons)``, and the values that neurons are held at ``(n_layers, n_neurons)``."""
    import torch

    rng, n_layers, width = np.random.default_rng(1), model.config.n_layer, 4 * model.config.n_embd
    masks = np.zeros((N_EVERYWHERE if everywhere else N_SETS, n_layers, width), dtype=bool)
    single = np.linspace(0, n_layers - 1, N_SETS).round().astype(int)
    for number, mask in enumerate(masks):
        for layer in range(n_layers) if everywhere else [single[number]]:
            mask[layer, rng.choice(width, width // 10 if everywhere else N_NEURONS, replace=False)] = True
    return torch.from_numpy(masks), torch.from_numpy(rng.normal(size=(n_layers, width)).astype(np.float32))


def swept(model: "PreTrainedModel", ids: Ids, masks: "torch.Tensor", fills: "torch.Tensor") -> np.ndarray:
    """What ``Sweep`` does after tokenising: states ``(n_sets, n_texts, n_features)``."""
    import torch

    from consona.lm.branching import Corpus, read_variants
    from consona.lm.loading import layout_of
    from consona.lm.silencing import Silencing
    from consona.lm.sites import FAMILIES
    from consona.lm.states import Machine, Reading
    from consona.lm.tokens import Tokens

    machine = Machine(model, FAMILIES["gpt2"], layout_of(model, packed=True))
    reading = Reading("resid.post", (model.config.n_layer - 1,), "mean")
    states = torch.empty(len(masks), len(ids), model.config.n_embd)

    def deposit(number: int, batch: Any, pooled: "torch.Tensor") -> None:
        states[number, batch.members] = pooled

    corpus = Corpus(Tokens(ids, np.zeros(len(ids), bool)), reading, 16384)
    read_variants(machine, corpus, Silencing(masks, fills[None]).variants(), deposit)
    return states.numpy()


def one_by_one(model: "PreTrainedModel", ids: Ids, masks: "torch.Tensor", fills: "torch.Tensor") -> np.ndarray:
    """The same, sharing nothing between sets."""
    return np.concatenate([swept(model, ids, mask[None], fills) for mask in masks])


def hooked(size: int, model: "PreTrainedModel", ids: Ids, masks: "torch.Tensor", fills: "torch.Tensor") -> np.ndarray:
    """The usual way: for every set, hooks, and all texts in sorted, padded batches."""
    import torch

    states, last = torch.empty(len(masks), len(ids), model.config.n_embd), []
    listening = model.h[-1].register_forward_hook(lambda _, __, output: last.append(first_of(output)))
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    for number, mask in enumerate(masks):
        columns = {layer: torch.nonzero(mask[layer]).flatten() for layer in range(len(mask)) if mask[layer].any()}
        hooks = [(model.h[layer].mlp.act, partial(silenced, c, fills[layer, c])) for layer, c in columns.items()]
        handles = [module.register_forward_hook(hook) for module, hook in hooks]
        for begin in range(0, len(order), size):
            group = order[begin : begin + size]
            width = len(ids[group[-1]])
            rows = torch.tensor([ids[i] + [0] * (width - len(ids[i])) for i in group])
            there = (torch.arange(width)[None] < torch.tensor([len(ids[i]) for i in group])[:, None]).long()
            with torch.inference_mode():
                model(input_ids=rows, attention_mask=there, use_cache=False)
                states[number, group] = (last.pop() * there[..., None]).sum(1) / there.sum(1, keepdim=True)
        for handle in handles:
            handle.remove()
    listening.remove()
    return states.numpy()


def first_of(output: object) -> "torch.Tensor":
    """A block's states, alone or the first of several."""
    return output[0] if isinstance(output, tuple) else output  # type: ignore[return-value]  # of a block


def silenced(neurons: "torch.Tensor", values: "torch.Tensor", _: object, __: object, output: "torch.Tensor") -> object:
    """The hook: a copy, neurons held at their values."""
    output = output.clone()
    output[..., neurons] = values
    return output


def measured(read: Callable[..., np.ndarray], everywhere: bool, intact: bool = False) -> Facts:
    """One way, timed; and how far it is from hooks with one text at a time."""
    model = network()
    ids, (masks, fills) = token_ids(model.config.vocab_size), neuron_sets(model, everywhere)
    masks = masks & (not intact)
    read(model, ids[:N_WARM], masks, fills)
    found = timed(lambda: read(model, ids, masks, fills), repeats=1, warm=False)
    few = ids[:N_WARM], masks[::2], fills
    alone = hooked(1, model, *few)
    apart = np.abs(read(model, *few) - alone).max() / np.abs(alone).max()
    return found | {"relative difference to hooks": float(apart)}


LM, INTACT = ("torch", "transformers"), "one intact pass per set"
SIDES = {f"{INTACT} @ all": Side(partial(measured, one_by_one, True, True), LM)}
for kind in ("single", "all"):
    SIDES[f"consona @ {kind}"] = Side(partial(measured, swept, kind == "all"), LM)
    for size in BATCHES:
        SIDES[f"hooks, batches of {size} @ {kind}"] = Side(partial(measured, partial(hooked, size), kind == "all"), LM)
AGREEMENT = {"relative difference to hooks": ("<=", 1e-5)}
ROWS = (
    Row(
        "GPT-2 124M, 14 sets of 100 neurons, each in one layer",
        "consona @ single",
        tuple(f"hooks, batches of {size} @ single" for size in BATCHES),
        reach={"hooks, batches of 32": 1.7},
        agreement=AGREEMENT,
    ),
    Row(
        "GPT-2 124M, 3 sets of a tenth of all neurons",
        "consona @ all",
        (*(f"hooks, batches of {size} @ all" for size in BATCHES), f"{INTACT} @ all"),
        agreement=AGREEMENT,
    ),
)

if __name__ == "__main__":
    show(__file__)

"""How fast are the answers under many shifts of the last prompt token, beside hooks in passes over whole prompts?

``python benchmarks/last_token.py``. A Llama of 12 blocks, 768 features and random weights; random prompts of 60 tokens
and 40 shifts of each, in the middle half of the blocks. Beside consona the usual way: the same prompt once per shift,
40 in a batch, with forward hooks on the projections of attention that add the shifts at the last position. Both give
the log probabilities of two tokens. consona's time includes running the prompts for their keys and values.
"""

import os
from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np

from rates import Facts, Row, Side, show, sized, timed

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "TRANSFORMERS_VERBOSITY": "error"}
N_PROMPTS, N_TOKENS, N_SHIFTS, N_LAYERS, WIDTH = sized((4, 60, 40, 12, 768), (2, 6, 3, 4, 16))
LAYERS, ANSWERS = range(N_LAYERS // 4, 3 * N_LAYERS // 4), (5, 9)


@cache
def network() -> "PreTrainedModel":
    """A Llama with random weights."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    shape = {"hidden_size": WIDTH, "intermediate_size": 3 * WIDTH, "num_hidden_layers": N_LAYERS}
    config = LlamaConfig(**shape, num_attention_heads=4, vocab_size=4000, pad_token_id=0)  # type: ignore[arg-type]  # of a dict
    return LlamaForCausalLM(config).eval()


def prompts() -> list[list[int]]:
    """Random prompts of one length."""
    return np.random.default_rng(0).integers(10, 4000, (N_PROMPTS, N_TOKENS)).tolist()


def shifts() -> "torch.Tensor":
    """One per prompt, shift and layer, ``(n_prompts, n_shifts, n_layers, width)``."""
    import torch

    drawn = np.random.default_rng(1).standard_normal((N_PROMPTS, N_SHIFTS, len(LAYERS), WIDTH))
    return torch.from_numpy(drawn.astype(np.float32))


def passed_again(model: "PreTrainedModel") -> np.ndarray:
    """What ``LastToken`` does after tokenising: ``(n_prompts, n_shifts, n_answers)``."""
    import torch

    from consona.lm.hooks import Tap
    from consona.lm.loading import layout_of
    from consona.lm.prompt_cache import cached_prompts
    from consona.lm.sites import FAMILIES, module_at
    from consona.lm.states import Machine

    inner, added = model.get_decoder(), shifts()
    machine = Machine(inner, FAMILIES["llama"], layout_of(inner, packed=False))
    made = np.empty((N_PROMPTS, N_SHIFTS, len(ANSWERS)))
    for kept in cached_prompts(machine, prompts()):
        for row, member in enumerate(kept.members):
            taps = [
                Tap(*module_at(inner, machine.family, "attn.out", layer), partial(torch.add, added[member, :, i]))
                for i, layer in enumerate(LAYERS)
            ]
            states = kept.last(machine, torch.full((N_SHIFTS,), row), taps)
            with torch.no_grad():
                logits = model.get_output_embeddings()(states).double()
            made[member] = torch.log_softmax(logits, dim=-1)[:, list(ANSWERS)].numpy()
    return made


def added_last(shift: "torch.Tensor", _: object, __: object, output: "torch.Tensor") -> "torch.Tensor":
    """The hook: a copy, shifted at the last position."""
    changed = output.clone()
    changed[:, -1] += shift
    return changed


def hooked(model: "PreTrainedModel") -> np.ndarray:
    """The usual way: the whole prompt once per shift."""
    import torch

    made, added = [], shifts()
    for prompt, own in zip(prompts(), added):
        blocks = model.get_decoder().layers
        handles = [
            blocks[n].self_attn.o_proj.register_forward_hook(partial(added_last, own[:, i]))
            for i, n in enumerate(LAYERS)
        ]
        with torch.inference_mode():
            logits = model(torch.tensor([prompt] * N_SHIFTS), use_cache=False, logits_to_keep=1).logits[:, -1].double()
        made.append(torch.log_softmax(logits, dim=-1)[:, list(ANSWERS)].numpy())
        for handle in handles:
            handle.remove()
    return np.array(made)


def measured(read: "Callable[[PreTrainedModel], np.ndarray]") -> Facts:
    """One way, timed; and how far it is from hooks."""
    model = network()
    found = timed(lambda: read(model), repeats=1, warm=False)
    return found | {"largest difference to hooks": float(np.abs(read(model) - hooked(model)).max())}


LM = ("torch", "transformers")
SIDES = {
    "consona": Side(partial(measured, passed_again), LM),
    "hooks over whole prompts": Side(partial(measured, hooked), LM),
}
ROWS = (
    Row(
        "12 blocks of 768 features, 4 prompts of 60 tokens, 40 shifts of each last token",
        "consona",
        ("hooks over whole prompts",),
        reach={"hooks": 10},
        agreement={"largest difference to hooks": ("<=", 1e-4)},
    ),
)

if __name__ == "__main__":
    show(__file__)

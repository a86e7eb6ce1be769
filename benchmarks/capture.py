"""How fast are hidden states of all layers read, and in how much memory, beside the usual ways?

``python benchmarks/capture.py [--quick] [--repeats 5] [--only TASK]``, with ``CONSONA_DATA`` naming the corpora. One
thread; every measurement is a process of its own; implementations take turns; medians. Times are CPU seconds of the
reading alone, after one small pass to warm up. Memory is the peak of the whole process, model and libraries included.
"""

import argparse
import csv
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedModel

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
QUIET = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "TRANSFORMERS_VERBOSITY": "error"}
GPT2_PEERS = ("sorted batches of 8", "sorted batches of 16", "sorted batches of 32")
TASKS = {
    "MiniLM, 872 SST-2 sentences": ("consona, every layer", "sentence-transformers encode"),
    "GPT-2 124M, 872 SST-2 lengths": ("consona, packed", *GPT2_PEERS),
    "GPT-2 124M, 128 lengths of 5 to 60": ("consona, packed", *GPT2_PEERS),
}


def sentences(n: int) -> list[str]:
    """The development sentences of SST-2."""
    path = Path(os.environ["CONSONA_DATA"]) / "sst2" / "data" / "SST2" / "dev.tsv"
    with path.open(encoding="utf-8", newline="") as file:
        return [row[0] for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)][:n]


def minilm(implementation: str, n: int) -> Callable[[bool], float]:
    """Every layer's mean with consona; the last layer's with sentence-transformers. Tokenising is part of both."""
    from consona.core.stimuli import Stimuli
    from consona.lm import load_language_model
    from consona.lm.sources import resolved

    texts = sentences(n)
    if implementation.startswith("consona"):
        lm = load_language_model("minilm")
        return lambda warm: float(lm.capture(Stimuli.of(texts[:8] if warm else texts), pooling="mean").data[0, 0, 0])
    from sentence_transformers import SentenceTransformer

    peer = SentenceTransformer(str(resolved("minilm", None).folder), device="cpu")
    return lambda warm: float(peer.encode(texts[:8] if warm else texts, show_progress_bar=False)[0, 0])


def lengths(task: str, n: int) -> list[int]:
    """Numbers of tokens: those of SST-2 sentences, or drawn evenly from 5 to 60."""
    import numpy as np

    if "SST-2" not in task:
        return [int(length) for length in np.random.default_rng(0).integers(5, 61, min(n, 128))]
    from transformers import AutoTokenizer

    from consona.lm.sources import resolved

    tokenizer = AutoTokenizer.from_pretrained(resolved("minilm", None).folder)
    return [len(ids) for ids in tokenizer(sentences(n), add_special_tokens=False).input_ids]


def gpt2(implementation: str, task: str, n: int) -> Callable[[bool], float]:
    """The last token's state in all layers, of random tokens, from GPT-2 with random weights."""
    import numpy as np
    import torch
    from transformers import GPT2Config, GPT2Model

    torch.manual_seed(0)
    network = GPT2Model(GPT2Config()).eval()
    rng = np.random.default_rng(1)
    ids = [rng.integers(0, 50257, length).tolist() for length in lengths(task, n)]
    if implementation.startswith("consona"):
        return packed(network, ids)
    size = int(implementation.split()[-1])
    return lambda warm: in_batches(network, ids[:8] if warm else ids, size)


def packed(network: "PreTrainedModel", ids: list[list[int]]) -> Callable[[bool], float]:
    """What ``capture`` does after tokenising."""
    import numpy as np

    from consona.lm.loading import layout_of
    from consona.lm.sites import FAMILIES
    from consona.lm.states import Machine, Reading, pooled_states
    from consona.lm.tokens import Tokens

    machine = Machine(network, FAMILIES["gpt2"], layout_of(network, packed=True))

    def read(warm: bool) -> float:
        some = ids[:8] if warm else ids
        tokens = Tokens(some, np.zeros(len(some), bool))
        return float(pooled_states(machine, tokens, Reading("resid.post", tuple(range(12)), "last"))[0, 0, 0])

    return read


def in_batches(network: "PreTrainedModel", ids: list[list[int]], size: int) -> float:
    """The usual way: sorted by length, padded, hidden states of all layers, last token kept."""
    import torch

    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    kept = torch.empty(len(ids), 12, 768)
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
    return float(kept[0, 0, 0])


def measure(task: str, implementation: str, n: int) -> dict[str, float]:
    """One measurement, in this process."""
    import torch

    torch.set_num_threads(1)
    read = minilm(implementation, n) if task.startswith("MiniLM") else gpt2(implementation, task, n)
    read(True)
    begun, wall = time.process_time(), time.perf_counter()
    read(False)
    seconds, waited = time.process_time() - begun, time.perf_counter() - wall
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)
    return {"cpu": seconds, "wall": waited, "peak_mb": peak}


def in_turns(task: str, repeats: int, n: int) -> dict[str, list[dict[str, float]]]:
    """All measurements of a task, one process each, implementations taking turns."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in TASKS[task]}
    for turn in range(repeats):
        names = TASKS[task] if turn % 2 == 0 else TASKS[task][::-1]
        for name in names:
            asked = [sys.executable, __file__, "--measure", task, name, "--n", str(n)]
            done = subprocess.run(
                asked, env=os.environ | ONE_THREAD | QUIET, check=True, capture_output=True, text=True
            )
            found[name].append(json.loads(done.stdout.splitlines()[-1]))
    return found


def show(task: str, found: dict[str, list[dict[str, float]]]) -> None:
    """A table with ratios to the first implementation."""
    ours = {key: statistics.median(each[key] for each in found[TASKS[task][0]]) for key in ("cpu", "wall", "peak_mb")}
    print(f"\n{task} (medians of {len(found[TASKS[task][0]])}, one thread)")
    print(f"{'':32}{'CPU s':>8}{'range':>16}{'/ ours':>8}{'peak MB':>9}{'/ ours':>8}")
    for name, runs in found.items():
        times = sorted(run["cpu"] for run in runs)
        cpu, peak = statistics.median(times), statistics.median(run["peak_mb"] for run in runs)
        span = f"{times[0]:.2f} to {times[-1]:.2f}"
        print(
            f"{name:32}{cpu:8.2f}{span:>16}{cpu / ours['cpu']:8.2f}{peak:9.0f}{peak / ours['peak_mb']:8.2f}", flush=True
        )


def main() -> None:
    """Measure everything, or be one measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one repeat of 100 texts: does it run?")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", default="", help="tasks whose name contains this")
    parser.add_argument("--measure", nargs=2, metavar=("TASK", "IMPLEMENTATION"), help=argparse.SUPPRESS)
    parser.add_argument("--n", type=int, default=872, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        print(json.dumps(measure(*asked.measure, asked.n)))
        return
    if "CONSONA_DATA" not in os.environ:
        sys.exit("CONSONA_DATA must name the folder with the corpora (sst2 is needed).")
    repeats, n = (1, 100) if asked.quick else (asked.repeats, 872)
    for task in TASKS:
        if asked.only.lower() in task.lower():
            show(task, in_turns(task, repeats, n))


if __name__ == "__main__":
    main()

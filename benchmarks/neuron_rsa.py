"""Tau-a of 36,864 neurons with 14 attributes over 351 pairs, and of 1,000 orders of the 27 emotions, two threads.

``python benchmarks/neuron_rsa.py``. Ours: ``neuron_tau`` with exact int8 products of signs, whole. Beside it the same
with products in float32, of 1,024 neurons, on two threads as well (times 36 is the whole); rsatoolbox's tau-a of 20
neurons, without any permutation (times 1,843 is all neurons once); and products in bfloat16, which are refused: their
error of tau is shown. ``seconds`` are CPU seconds of all threads, so that 60 s of the clock are 120; ``wall s`` is the
clock. Memory is the peak of the process, libraries and distances included. The limit counts two operations per neuron,
attribute, order and pair of pairs, at the rate of float32 on one thread: int8 is below 1.
"""

import time
from collections.abc import Callable
from functools import partial
from unittest import mock

import numpy as np

from rates import Facts, Row, Side, show, sized, timed

N_EMOTIONS, N_NEURONS, N_ATTRIBUTES, N_PERMUTATIONS = sized((27, 36_864, 14, 1000), (8, 60, 3, 25))
N_FLOAT, N_TOOLBOX = sized((1024, 20), (30, 5))
N_THREADS = 2


def data(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distances of neurons (with ties, nine decimals) and attributes, and orders."""
    from consona.stats.permutation import random_orders

    rng = np.random.default_rng(80)
    i, j = np.triu_indices(N_EMOTIONS, 1)
    neurons, attributes = rng.standard_normal((n, N_EMOTIONS)), rng.random((N_ATTRIBUTES, N_EMOTIONS))
    distances = (np.round(np.abs(each[:, i] - each[:, j]), 9) for each in (neurons, attributes))
    return *distances, random_orders(N_EMOTIONS, N_PERMUTATIONS, seed=0)


def clocked(function: Callable[[], object], **how: float | str) -> Facts:
    """CPU seconds and those of the clock, of one call."""
    begun: list[float] = []

    def call() -> None:
        begun.append(time.perf_counter())
        function()
        begun.append(time.perf_counter())

    return timed(call, repeats=1, warm=False, **how) | {"wall s": begun[-1] - begun[-2]}


def with_product(n: int, hardware: bool) -> Facts:
    """The whole of consona: tau, p, shares and their nulls."""
    import torch

    from consona.lm import sign_product
    from consona.stats.neuron_tau import neuron_tau
    from consona.stats.rdm_comparison import compare_rdms

    torch.set_num_threads(N_THREADS)
    neurons, attributes, orders = data(n)
    n_pairs = neurons.shape[1]
    flops = float(n) * N_ATTRIBUTES * (N_PERMUTATIONS + 1) * n_pairs * (n_pairs - 1)
    sign_product.int8_product(*np.ones((2, 300, 300), dtype=np.int8))  # the libraries are loaded
    kept: list = []
    int8 = hardware and sign_product.has_int8_instructions()
    with mock.patch.object(sign_product, "has_int8_instructions", return_value=int8):
        product = sign_product.int8_product
        found = clocked(lambda: kept.append(neuron_tau(neurons, attributes, orders, product=product)), flops=flops)
    few = slice(0, 50)
    apart = kept[-1].tau[few] - compare_rdms(neurons[few], attributes, comparison="kendall tau-a")
    return found | {"int8": float(int8), "difference of tau": float(np.abs(apart).max())}


def toolbox() -> Facts:
    """tau-a of rsatoolbox, no permutation."""
    import rsatoolbox

    neurons, attributes, _ = data(N_TOOLBOX)
    one, other = (rsatoolbox.rdm.RDMs(each) for each in (neurons, attributes))
    return clocked(lambda: rsatoolbox.rdm.compare(one, other, method="tau-a"))


def bfloat16() -> Facts:
    """The error of products in bfloat16: neurons that agree with the attributes, as the best ones do."""
    import torch

    from consona.stats.neuron_tau import tau_a, tau_a_signs

    _, attributes, _ = data(1)
    noisy = np.round(attributes + 0.1 * np.random.default_rng(81).random(attributes.shape), 9)
    a, b = (torch.from_numpy(tau_a_signs(each)).bfloat16() for each in (noisy, attributes))
    wrong: list = []
    found = clocked(lambda: wrong.append((a @ b.T).float().numpy() / a.shape[1]))
    return found | {"error of tau": float(np.abs(wrong[-1] - tau_a(noisy, attributes)).max())}


SIDES = {
    "consona": Side(partial(with_product, N_NEURONS, True), ("torch",), "int8", f"{N_THREADS} threads"),
    "float32 part": Side(partial(with_product, N_FLOAT, False), ("torch",), "float32", f"{N_FLOAT} neurons"),
    "rsatoolbox part": Side(toolbox, ("rsatoolbox",), "float64", f"{N_TOOLBOX} neurons, no permutation"),
    "bfloat16": Side(bfloat16, ("torch",), "bfloat16", "refused"),
}
ROWS = (
    Row(
        "neuron RSA, 36,864 neurons, 14 attributes, 351 pairs, 1,000 permutations, two threads",
        "consona",
        reach={"seconds": 120},
        agreement={"difference of tau": ("<=", 1e-12)},
    ),
    Row("the same in float32, 1,024 neurons", "float32 part", agreement={"difference of tau": ("<=", 1e-12)}),
    Row("tau-a of 20 neurons with 14 attributes, rsatoolbox", "rsatoolbox part"),
    Row("tau-a in bfloat16, refused", "bfloat16", agreement={"error of tau": (">=", sized(1e-4, 0))}),
)

if __name__ == "__main__":
    show(__file__)

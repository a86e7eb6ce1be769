"""Training decoders: all folds as one stack, one after the other, and the plain loop that one would write.

``python benchmarks/decoders.py``. A shard is one recipe and one seed over ten folds of 80 training people,
28 clips and 960 cells; an epoch of it is timed (validation included), as all epochs are alike. The stack and the folds
in turn are the same code: ``ONE_BY_ONE`` in ``consona.training.loop`` names the networks for which that is faster. The
plain loop is ``torch.nn.Sequential`` with AdamW, one fold after the other, with the same augmentations.
"""

import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from rates import Facts, Row, Side, show, sized, timed

if TYPE_CHECKING:
    import xarray as xr

N_SUBJECTS, N_FOLDS, SHAPE = sized((100, 10, (6, 32, 5)), (18, 3, (2, 4, 2)))
N_STIMULI, N_EPOCHS = 28, sized(2, 1)
NETWORKS = ("linear", "mlp", "eegnet", "graph", "transformer", "recurrent")


def material() -> tuple:
    """Noise of the size of FACED, and its folds."""
    import xarray as xr

    from consona.stats.splits import subject_folds

    rng = np.random.default_rng(50)
    x = rng.standard_normal((N_SUBJECTS, N_STIMULI, 1, *SHAPE), dtype=np.float32)
    dims = ("subject", "stimulus", "shift", "window", "channel", "band")
    coords = {
        "subject": [f"s{k}" for k in range(N_SUBJECTS)], "stimulus": [f"c{k}" for k in range(N_STIMULI)],
        "shift": [0.0], "emotion": ("stimulus", [f"e{k * 9 // 28}" for k in range(N_STIMULI)]),
        "channel": [f"c{k}" for k in range(SHAPE[1])], "band": [f"b{k}" for k in range(SHAPE[2])],
    }  # fmt: skip
    n_validation = sized(10, 3)
    split = subject_folds(np.arange(N_SUBJECTS) % 2, N_FOLDS, N_STIMULI, validation=n_validation, seed=0)
    return xr.DataArray(x, coords, dims), split


def ours(network: str, *, in_turn: bool) -> Facts:
    """An epoch of all folds, and how far the other order of work is."""
    import torch

    from consona.training import loop
    from consona.training.recipe import default_recipe

    torch.set_num_threads(1)
    tensor, split = material()
    recipe = replace(default_recipe(network), epochs=N_EPOCHS)

    def train(alone: bool) -> "xr.Dataset":
        loop.ONE_BY_ONE = frozenset({network}) if alone else frozenset()
        return loop.train_decoders(tensor, split, recipe, seed=0)

    train(in_turn)  # torch imports much on the first call
    found = timed(partial(train, in_turn), repeats=sized(3, 1))
    found["seconds"] /= N_EPOCHS
    apart = float(np.abs(train(in_turn).weight - train(not in_turn).weight).max())
    return found | {
        "largest difference of weights": apart,
        "shard, s": found["seconds"] * default_recipe(network).epochs,
    }


def plain_loop() -> Facts:
    """What one would write for the perceptron."""
    import torch
    from torch import nn

    from consona.training.recipe import default_recipe

    torch.set_num_threads(1)
    recipe, (tensor, split) = default_recipe("mlp"), material()
    x = torch.as_tensor(tensor.values).reshape(N_SUBJECTS * N_STIMULI, -1)
    target = torch.arange(N_STIMULI).repeat(N_SUBJECTS) * 9 // 28

    def train_fold(rows: torch.Tensor) -> None:
        n = x.shape[1]
        net = nn.Sequential(nn.Linear(n, 128), nn.GELU(), nn.Linear(128, 128), nn.GELU(), nn.Linear(128, 9))
        optimiser = torch.optim.AdamW(net.parameters(), lr=recipe.learning_rate)
        for batch in rows[torch.randperm(len(rows))].split(recipe.batch):
            given = x[batch] + recipe.noise * torch.randn(len(batch), n)
            pair = torch.randint(len(rows), (2, len(batch)))
            given = given + recipe.borrowed * (x[rows[pair[0]]] - x[rows[pair[1]]]) * 0.5**0.5
            given = given * (1 + recipe.gain * torch.randn(len(batch), 1)) * (torch.rand(len(batch), n) > recipe.drop)
            loss = nn.functional.cross_entropy(net(given), target[batch], label_smoothing=recipe.smoothing)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()

    def epoch() -> None:
        for train in split.train:
            train_fold(torch.as_tensor(np.flatnonzero(train)))

    epoch()
    begun = time.process_time()
    epoch()
    return {"seconds": time.process_time() - begun}


SIDES = {
    f"{name} @ {network}": Side(partial(ours, network, in_turn=in_turn), ("torch",))
    for network in NETWORKS
    for name, in_turn in (("consona, stacked", False), ("consona, in turn", True))
} | {"plain loop @ mlp": Side(plain_loop, ("torch",), settings="AdamW, not fused")}
ROWS = tuple(
    Row(
        f"an epoch of ten folds, {network}",
        f"consona, stacked @ {network}",
        (f"consona, in turn @ {network}",) + (("plain loop @ mlp",) if network == "mlp" else ()),
        agreement={"largest difference of weights": ("<=", 1e-3)},
    )
    for network in NETWORKS
)

if __name__ == "__main__":
    show(__file__)

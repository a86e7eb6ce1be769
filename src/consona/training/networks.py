"""Networks that read emotions from a tensor of windows, channels and bands; each shows its penultimate features."""

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from consona.training.recipe import Recipe

__all__ = ["DecoderNetwork", "LinearNetwork", "PerceptronNetwork", "build"]


class DecoderNetwork(nn.Module):
    """What every decoder here is: features, and one linear layer on top of them.

    A network has no dropout and no statistics of a batch: all randomness is in the batches, so that several networks
    of one recipe are trained at once as one.
    """

    head: nn.Linear

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """Penultimate features ``(batch, feature)`` of ``x (batch, window, channel, band)``."""
        raise NotImplementedError

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits ``(batch, output)`` of ``x (batch, window, channel, band)``."""
        return self.head(self.features(x))


class LinearNetwork(DecoderNetwork):
    """Multinomial regression: the features are the cells themselves."""

    def __init__(self, recipe: Recipe, shape: tuple[int, int, int], n_outputs: int) -> None:
        super().__init__()
        self.head = nn.Linear(math.prod(shape), n_outputs)
        nn.init.zeros_(self.head.weight)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """The cells in one row."""
        return x.flatten(1)


class PerceptronNetwork(DecoderNetwork):
    """``depth`` hidden layers of ``width`` features with GELU."""

    def __init__(self, recipe: Recipe, shape: tuple[int, int, int], n_outputs: int) -> None:
        super().__init__()
        sizes = [math.prod(shape)] + [recipe.width] * recipe.depth
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.head = nn.Linear(recipe.width, n_outputs)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """The last hidden layer."""
        x = x.flatten(1)
        for layer in self.hidden:
            x = nn.functional.gelu(layer(x))
        return x


_BUILDERS: dict[str, Callable[[Recipe, tuple[int, int, int], int], DecoderNetwork]] = {
    "linear": LinearNetwork,
    "mlp": PerceptronNetwork,
}


def build(
    recipe: Recipe, shape: tuple[int, int, int], n_outputs: int, *, positions: np.ndarray | None = None
) -> DecoderNetwork:
    """A network with fresh weights from torch's own generator, on the CPU.

    Parameters
    ----------
    recipe
        Which network, its width and depth.
    shape
        Windows, channels and bands of a row.
    n_outputs
        Emotions, or stimuli where the recipe pools over them.
    positions
        ``(n_channels, 3)`` places of the electrodes on the unit sphere; ``graph`` starts from their distances.
    """
    return _BUILDERS[recipe.network](recipe, shape, n_outputs)

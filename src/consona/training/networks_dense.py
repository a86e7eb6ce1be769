"""Networks that know nothing of windows, channels and bands: multinomial regression and a perceptron."""

import math
from itertools import pairwise

import torch
from torch import nn

from consona.training.decoder_network import DecoderNetwork, Shape
from consona.training.recipe import Recipe

__all__ = ["LinearNetwork", "PerceptronNetwork"]


class LinearNetwork(DecoderNetwork):
    """Multinomial regression: the features are the cells themselves."""

    def __init__(self, recipe: Recipe, shape: Shape) -> None:
        super().__init__()
        self.head = nn.Linear(math.prod(shape[:3]), shape.n_outputs)
        nn.init.zeros_(self.head.weight)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """The cells in one row."""
        return x.flatten(1)


class PerceptronNetwork(DecoderNetwork):
    """``depth`` hidden layers of ``width`` features with GELU."""

    def __init__(self, recipe: Recipe, shape: Shape) -> None:
        super().__init__()
        sizes = [math.prod(shape[:3])] + [recipe.width] * recipe.depth
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.head = nn.Linear(recipe.width, shape.n_outputs)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """The last hidden layer."""
        x = x.flatten(1)
        for layer in self.hidden:
            x = nn.functional.gelu(layer(x))
        return x

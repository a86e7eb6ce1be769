"""A network over the graph of electrodes, whose edges are learnt from where the electrodes are."""

import torch
from torch import nn

from consona.training.decoder_network import DecoderNetwork, Shape
from consona.training.recipe import Recipe

__all__ = ["GraphNetwork", "start_of_edges"]

_REACH = 0.5  # of the unit sphere: neighbours of the 10-10 system are .3 apart
_NODE = 24  # features of an electrode


def start_of_edges(shape: Shape) -> torch.Tensor:
    """Edges before training, ``(n_channels, n_channels)``: exp(-d²/2s²), s = .5 radii; without positions all equal."""
    if shape.positions is None:
        return torch.full((shape.n_channels, shape.n_channels), 1.0 / shape.n_channels)
    places = torch.as_tensor(shape.positions, dtype=torch.float32)
    return torch.exp(-(torch.cdist(places, places) ** 2) / (2 * _REACH**2))


class GraphNetwork(DecoderNetwork):
    """Graph convolutions over electrodes with learnt edges, after DGCNN (Song et al. 2020) and RGNN (Zhong 2022).

    The windows and bands of an electrode are its features. ``depth`` times: every electrode takes itself and the
    weighted mean of the others (edges as learnt, symmetric, negative ones cut off, normalised by row), each through a
    linear layer; GELU. All electrodes together then go through a linear layer to ``width`` features; GELU.
    """

    def __init__(self, recipe: Recipe, shape: Shape) -> None:
        super().__init__()
        self.edges = nn.Parameter(start_of_edges(shape))
        sizes = [shape.n_windows * shape.n_bands] + [_NODE] * recipe.depth
        self.own = nn.ModuleList(nn.Linear(size, _NODE) for size in sizes[:-1])
        self.others = nn.ModuleList(nn.Linear(size, _NODE, bias=False) for size in sizes[:-1])
        self.gather = nn.Linear(shape.n_channels * _NODE, recipe.width)
        self.head = nn.Linear(recipe.width, shape.n_outputs)

    def adjacency(self) -> torch.Tensor:
        """Edges as they are used: symmetric, not negative, rows of sum 1."""
        edges = nn.functional.relu(self.edges + self.edges.T)
        return edges / (edges.sum(1, keepdim=True) + 1e-6)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """What all electrodes together give."""
        nodes = x.transpose(1, 2).flatten(2)
        adjacency = self.adjacency()
        for own, others in zip(self.own, self.others, strict=True):
            nodes = nn.functional.gelu(own(nodes) + adjacency @ others(nodes))
        return nn.functional.gelu(self.gather(nodes.flatten(1)))

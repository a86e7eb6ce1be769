"""A transformer whose tokens are the electrodes: each asks the others what they saw."""

import torch
from torch import nn

from consona.training.decoder_network import DecoderNetwork, Shape
from consona.training.recipe import Recipe

__all__ = ["ChannelTransformer"]

_TOKEN = 32  # features of a token
_HEADS = 4


class ChannelTransformer(DecoderNetwork):
    """Channels as tokens: windows and bands of an electrode are embedded, a learnt place is added.

    ``depth`` blocks of attention among electrodes and a layer of twice as many features, each with a normalisation
    before it (Vaswani et al. 2017; Xiong et al. 2020). All tokens together go through a linear layer to ``width``
    features; GELU.
    """

    def __init__(self, recipe: Recipe, shape: Shape) -> None:
        super().__init__()
        self.embed = nn.Linear(shape.n_windows * shape.n_bands, _TOKEN)
        self.place = nn.Parameter(torch.randn(shape.n_channels, _TOKEN) * 0.1)
        self.blocks = nn.ModuleList(_Block() for _ in range(recipe.depth))
        self.norm = nn.LayerNorm(_TOKEN)
        self.gather = nn.Linear(shape.n_channels * _TOKEN, recipe.width)
        self.head = nn.Linear(recipe.width, shape.n_outputs)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """What all tokens together give."""
        tokens = self.embed(x.transpose(1, 2).flatten(2)) + self.place
        for block in self.blocks:
            tokens = block(tokens)
        return nn.functional.gelu(self.gather(self.norm(tokens).flatten(1)))


class _Block(nn.Module):
    """Attention and a small perceptron, each added to what came in."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.between = nn.LayerNorm(_TOKEN), nn.LayerNorm(_TOKEN)
        self.asked = nn.Linear(_TOKEN, 3 * _TOKEN)
        self.answer = nn.Linear(_TOKEN, _TOKEN)
        self.wide, self.narrow = nn.Linear(_TOKEN, 2 * _TOKEN), nn.Linear(2 * _TOKEN, _TOKEN)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        tokens = tokens + self.answer(self._attended(self.before(tokens)))
        inner = nn.functional.gelu(self.wide(self.between(tokens)))
        return tokens + self.narrow(inner)

    def _attended(self, tokens: torch.Tensor) -> torch.Tensor:
        """Written out: what PyTorch fuses for one model has no rule for several at once."""
        parts = self.asked(tokens).unflatten(-1, (3, _HEADS, -1)).permute(2, 0, 3, 1, 4)
        query, key, value = parts[0], parts[1], parts[2]
        weight = torch.softmax(query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5, dim=-1)
        return (weight @ value).transpose(1, 2).flatten(2)

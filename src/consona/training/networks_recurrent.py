"""A recurrent network over windows: what is kept of the clip so far changes with every window."""

import torch
from torch import nn

from consona.training.decoder_network import DecoderNetwork, Shape
from consona.training.recipe import Recipe

__all__ = ["RecurrentNetwork"]

_MOST_STEPS = 30


class RecurrentNetwork(DecoderNetwork):
    """A gated recurrent cell (Cho et al. 2014) over windows, ``depth`` of them one above the other.

    ``width`` is the size of the state. The features are the last state and the mean of all states. Where there are
    more than 30 windows (samples), successive ones are taken together to at most 30 steps; those that fill no step are
    left out. The cell is written out, because PyTorch's own one does not train several models at once.
    """

    def __init__(self, recipe: Recipe, shape: Shape) -> None:
        super().__init__()
        self.together = -(-shape.n_windows // _MOST_STEPS)
        n_inputs = self.together * shape.n_channels * shape.n_bands
        sizes = [n_inputs] + [recipe.width] * (recipe.depth - 1)
        self.cells = nn.ModuleList(_Cell(size, recipe.width) for size in sizes)
        self.head = nn.Linear(2 * recipe.width, shape.n_outputs)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """The last state, and the mean of all."""
        n_steps = x.shape[1] // self.together
        states = x[:, : n_steps * self.together].reshape(len(x), n_steps, -1)
        for cell in self.cells:
            states = cell(states)
        return torch.cat([states[:, -1], states.mean(1)], dim=1)


class _Cell(nn.Module):
    """Reset, update and candidate; ``(batch, step, feature)`` to the states of all steps."""

    def __init__(self, n_inputs: int, width: int) -> None:
        super().__init__()
        self.width = width
        self.given = nn.Linear(n_inputs, 3 * width)
        self.kept = nn.Linear(width, 3 * width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        given = self.given(x)  # of all steps at once
        state = given.new_zeros((len(x), self.width))
        states = []
        for step in given.unbind(1):
            state = self._next(step, self.kept(state), state)
            states.append(state)
        return torch.stack(states, dim=1)

    @staticmethod
    def _next(given: torch.Tensor, kept: torch.Tensor, state: torch.Tensor) -> torch.Tensor:
        """One step of the cell."""
        reset_given, update_given, new_given = given.chunk(3, dim=-1)
        reset_kept, update_kept, new_kept = kept.chunk(3, dim=-1)
        update = torch.sigmoid(update_given + update_kept)
        candidate = torch.tanh(new_given + torch.sigmoid(reset_given + reset_kept) * new_kept)
        return update * state + (1 - update) * candidate

"""What every network for decoding is: features, and one linear layer on top of them."""

from typing import NamedTuple

import numpy as np
import torch
from torch import nn

__all__ = ["DecoderNetwork", "Shape"]


class Shape(NamedTuple):
    """What a network reads and gives.

    ``n_windows``, ``n_channels``, ``n_bands`` of a row, ``n_outputs``, and, where they are known, ``positions
    (n_channels, 3)`` of the electrodes on the unit sphere.
    """

    n_windows: int
    n_channels: int
    n_bands: int
    n_outputs: int
    positions: np.ndarray | None = None


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

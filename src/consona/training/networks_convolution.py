"""A compact convolutional network after EEGNet: filters over time, filters over the scalp, then over time again."""

import torch
from torch import nn

from consona.training.decoder_network import DecoderNetwork, Shape
from consona.training.recipe import Recipe

__all__ = ["ConvolutionNetwork"]

_FEW_WINDOWS = 32  # up to here windows are few and long, as of band features; above they are samples
_SPATIAL = 2  # spatial filters of each temporal one


class ConvolutionNetwork(DecoderNetwork):
    """EEGNet (Lawhern et al. 2018) for band features and for samples, without statistics of batches.

    ``width`` pairs of a temporal and a spatial filter, two spatial ones for each temporal one; ELU; then ``depth``
    separable convolutions (each filter over time by itself, then a mixture of filters). Between the first two steps
    EEGNet has nothing but a normalisation, so their order is free: the spatial filter comes first, which takes a
    fraction of the operations. What it normalises over the batch is normalised here within a row. Of samples, time is
    averaged fourfold, then eightfold, as there; of a few windows it is kept whole.
    """

    def __init__(self, recipe: Recipe, shape: Shape) -> None:
        super().__init__()
        few = shape.n_windows <= _FEW_WINDOWS
        n_temporal = max(1, recipe.width // _SPATIAL)
        self.n_filters = n_temporal * _SPATIAL
        kernel, self.pools = (min(3, shape.n_windows), (1, 1)) if few else (65, (4, 8))
        self.spatial = nn.Linear(shape.n_channels, self.n_filters, bias=False)
        self.temporal = nn.Parameter(torch.randn(n_temporal, shape.n_bands, kernel) / (kernel * shape.n_bands) ** 0.5)
        self.separable = nn.ModuleList(_Separable(self.n_filters, 3 if few else 17) for _ in range(recipe.depth))
        n_times = shape.n_windows // self.pools[0] // self.pools[1]
        self.first, self.second = nn.LayerNorm(self.n_filters), nn.LayerNorm(self.n_filters)
        self.head = nn.Linear(self.n_filters * n_times, shape.n_outputs)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """Filters at all remaining times, in one row."""
        x = self.spatial(x.transpose(2, 3))  # batch, window, band, filter
        x = _over_time(x, self.temporal.repeat_interleave(_SPATIAL, dim=0))
        x = _averaged(nn.functional.elu(self.first(x)), self.pools[0])
        for layer in self.separable:
            x = x + layer(x)
        return _averaged(nn.functional.elu(self.second(x)), self.pools[1]).flatten(1)


class _Separable(nn.Module):
    """Each filter over time by itself, then a mixture of filters; ``(batch, time, filter)`` to the same."""

    def __init__(self, n_filters: int, kernel: int) -> None:
        super().__init__()
        self.own = nn.Parameter(torch.randn(n_filters, 1, kernel) / kernel**0.5)
        self.mix = nn.Linear(n_filters, n_filters)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mixed: torch.Tensor = self.mix(_over_time(x[:, :, None], self.own))
        return nn.functional.elu(mixed)


def _over_time(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Convolve each filter over time, its bands summed, keeping the length.

    ``x (batch, time, band, filter)``, ``weight (filter, band, kernel)``; gives ``(batch, time, filter)``.
    """
    kernel = weight.shape[-1]
    left = (kernel - 1) // 2
    if kernel <= 3:  # as few products, which are faster than a convolution with a group for each filter
        padded = nn.functional.pad(x, (0, 0, 0, 0, left, kernel - 1 - left))
        parts = [padded[:, k : k + x.shape[1]] * weight[:, :, k].T for k in range(kernel)]
        return torch.stack(parts).sum(0).sum(-2)
    n_bands, n_filters = x.shape[2], x.shape[3]
    planes = x.permute(0, 3, 2, 1).reshape(len(x), n_filters * n_bands, x.shape[1])
    padded = nn.functional.pad(planes, (left, kernel - 1 - left))
    return nn.functional.conv1d(padded, weight, groups=n_filters).transpose(1, 2)


def _averaged(x: torch.Tensor, size: int) -> torch.Tensor:
    """Means over ``size`` successive times; times that fill no mean are left out."""
    if size == 1:
        return x
    n_times = x.shape[1] // size
    return x[:, : n_times * size].reshape(len(x), n_times, size, x.shape[2]).mean(2)
